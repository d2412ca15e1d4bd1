//! A batch whose documents are all only changed is not searched for others: the update matches as many
//! documents as there are. Where it does not, the batch begins again, and looks.

use std::sync::atomic::{AtomicBool, Ordering};

use mongrate::{
    Change, FieldType, Migrator, Tuning,
    bson::{Bson, Document, doc},
    mongodb::{Client, Database},
};
use mongrate_tests::{
    TestDb,
    between::{Between, Proxy},
    host, is_mongos,
    snapshot::snapshot,
};

use super::{
    Case, count, find,
    forms::{contents, same, values},
    fresh, index, insert, kept, migration, says, there_and_back,
};

/// The first batch has a thousand documents, the second one the rest.
const COUNT: i32 = 1_500;

fn things() -> Vec<Document> {
    (0..COUNT)
        .map(|id| doc! { "_id": id, "a": { "z": id }, "n": id.to_string(), "y": id })
        .collect()
}

fn rename(change: &mut Change) {
    change.rename_field("things", "y", "last");
}

fn convert(change: &mut Change) {
    change.change_type("things", "n", FieldType::String, FieldType::Int);
}

const ORDINARY: [Case; 5] = [
    (|change| change.add_field("things", "new", 1), "add_field"),
    (|change| change.add_field("things", "a.new", 1), "add_field within"),
    (rename, "rename_field"),
    (convert, "change_type"),
    (|change| change.move_field("things", "y", "a.y"), "move_field"),
];

/// Behind a router, batches expect nothing of their documents.
async fn expects_nothing() -> bool {
    let fresh = fresh("ordinary_router").await;
    let expects_nothing = is_mongos(&fresh.db).await;
    fresh.pass().await;
    expects_nothing
}

/// What the batches sent about the documents.
fn sent(fresh: &TestDb) -> Vec<String> {
    let mut sent = fresh.wire.take_full();
    sent.retain(|(name, command)| {
        let is_in_transaction = command.contains_key("txnNumber");
        let is_about_things = command.get_str(name).is_ok_and(|name| name == "things");
        is_in_transaction && (is_about_things || name == "abortTransaction")
    });
    sent.into_iter().map(|(name, _)| name).collect()
}

#[tokio::test]
async fn a_batch_of_ordinary_documents_is_counted_and_changed() {
    if expects_nothing().await {
        return;
    }
    for (number, (declare, name)) in ORDINARY.into_iter().enumerate() {
        let fresh = fresh(&format!("ordinary_{number}")).await;
        insert(&fresh.db, "things", things()).await;
        let migrator = fresh.migrator([migration(declare)]);
        fresh.wire.take();
        migrator.up().await.unwrap();
        assert_eq!(sent(&fresh), ["aggregate", "update", "aggregate", "update"], "{name}: up");
        migrator.down().await.unwrap();
        assert_eq!(sent(&fresh), ["aggregate", "update", "aggregate", "update"], "{name}: down");
        assert_eq!(kept(&fresh.db).await, Vec::<String>::new());
        there_and_back(&fresh, declare).await;
        fresh.pass().await;
    }
}

/// Where an array is on the way, the first batch finds out which update matches all documents.
#[tokio::test]
async fn a_batch_of_ordinary_documents_with_arrays_is_counted_and_changed() {
    if expects_nothing().await {
        return;
    }
    let cases: [Case; 4] = [
        (|change| change.add_field("things", "lines.new", 1), "add_field"),
        (|change| change.rename_field("things", "lines.sku", "lines.code"), "rename_field"),
        (
            |change| change.rename_field("things", "lines.at.x", "lines.at.y"),
            "rename_field, deeper",
        ),
        (
            |change| {
                change.change_type("things", "lines.n", FieldType::String, FieldType::Int);
            },
            "change_type",
        ),
    ];
    for (number, (declare, name)) in cases.into_iter().enumerate() {
        let fresh = fresh(&format!("ordinary_arrays_{number}")).await;
        let line = |n: i32| doc! { "sku": n, "n": n.to_string(), "at": [{ "x": n }, { "z": 0 }] };
        let lines = (0..COUNT).map(|id| doc! { "_id": id, "lines": [line(id), line(7), 5] });
        insert(&fresh.db, "things", lines).await;
        let migrator = fresh.migrator([migration(declare)]);
        // The other updates are those of documents without an array: two, where a field is taken away.
        let wanted = |others: usize| {
            let first = std::iter::repeat_n("update", others);
            let first = std::iter::once("aggregate").chain(first);
            first.chain(["update", "aggregate", "update"]).collect::<Vec<_>>()
        };
        fresh.wire.take();
        migrator.up().await.unwrap();
        assert_eq!(sent(&fresh), wanted(1), "{name}: up");
        migrator.down().await.unwrap();
        let others = if name == "add_field" { 2 } else { 1 };
        assert_eq!(sent(&fresh), wanted(others), "{name}: down");
        assert_eq!(kept(&fresh.db).await, Vec::<String>::new());
        there_and_back(&fresh, declare).await;
        fresh.pass().await;
    }
}

/// Where the field is not the last one, the first batch begins again with the update that keeps its place.
#[tokio::test]
async fn a_rename_in_its_place_begins_again_once() {
    if expects_nothing().await {
        return;
    }
    let fresh = fresh("ordinary_in_place").await;
    insert(&fresh.db, "things", things()).await;
    let before = snapshot(&fresh.db).await;
    let migrator = fresh.migrator([migration(|change| {
        change.rename_field("things", "n", "place");
    })]);
    let wanted =
        ["aggregate", "update", "abortTransaction", "aggregate", "update", "aggregate", "update"];
    fresh.wire.take();
    migrator.up().await.unwrap();
    assert_eq!(sent(&fresh), wanted);
    let found = find(&fresh.db, "things", 3).await;
    assert_eq!(found.keys().collect::<Vec<_>>(), ["_id", "a", "place", "y"]);
    migrator.down().await.unwrap();
    assert_eq!(sent(&fresh), wanted);
    assert_eq!(snapshot(&fresh.db).await, before);
    fresh.pass().await;
}

#[tokio::test]
async fn a_document_that_is_remembered_has_its_batch_begin_again_once() {
    if expects_nothing().await {
        return;
    }
    let fresh = fresh("ordinary_but_one").await;
    insert(&fresh.db, "things", things()).await;
    let things = fresh.db.collection::<Document>("things");
    let long = doc! { "$set": { "n": "0012" } };
    things.update_one(doc! { "_id": 1_250 }, long).await.unwrap();
    let before = snapshot(&fresh.db).await;
    let migrator = fresh.migrator([migration(convert)]);
    fresh.wire.take();
    let up = || migrator.up().tuning(Tuning::new().batch_documents(100));
    up().await.unwrap();
    let sent = sent(&fresh);
    // Twelve batches are counted and changed, the thirteenth as well, in vain; from then on, each is searched.
    let (counted, searched) = sent.split_at(26);
    assert!(counted.chunks(2).all(|batch| batch == ["aggregate", "update"]), "{sent:?}");
    assert_eq!(searched[..2], ["abortTransaction", "find"], "{sent:?}");
    assert_eq!(searched[searched.len() - 4..], ["find", "update", "find", "update"], "{sent:?}");
    assert!(!searched[1..].contains(&"abortTransaction".to_owned()), "{sent:?}");
    assert_eq!(kept(&fresh.db).await.len(), 1);
    migrator.down().await.unwrap();
    assert_eq!(snapshot(&fresh.db).await, before);
    fresh.pass().await;
}

/// Inserts a document before the first update of the documents.
struct Inserts {
    uri: String,
    database: String,
    document: Document,
    is_done: AtomicBool,
}

impl Inserts {
    fn new(fresh: &TestDb, document: Document) -> Self {
        let (uri, database) = (fresh.uri.clone(), fresh.db.name().to_owned());
        Self { uri, database, document, is_done: AtomicBool::new(false) }
    }

    fn insert_once(&self, document: Document) {
        if self.is_done.swap(true, Ordering::SeqCst) {
            return;
        }
        std::thread::scope(|scope| {
            scope.spawn(|| {
                let runtime = tokio::runtime::Runtime::new().unwrap();
                runtime.block_on(async {
                    let client = Client::with_uri_str(&self.uri).await.unwrap();
                    insert(&client.database(&self.database), "things", [document]).await;
                });
            });
        });
    }
}

impl Between for Inserts {
    fn command(&self, command: &Document) -> Option<Document> {
        if command.get_str("update").is_ok_and(|name| name == "things") {
            self.insert_once(self.document.clone());
        }
        None
    }
}

async fn through(fresh: &TestDb, between: impl Between) -> (Proxy, Database) {
    let proxy = Proxy::start(host(&fresh.uri), between).await;
    let uri = format!("mongodb://{}/?directConnection=true", proxy.address);
    let db = Client::with_uri_str(uri).await.unwrap().database(fresh.db.name());
    (proxy, db)
}

/// A user inserts this document, which comes into the second batch, during the first one.
async fn meanwhile(fresh: &TestDb, document: Document) -> (Proxy, Database) {
    insert(&fresh.db, "things", things()).await;
    through(fresh, Inserts::new(fresh, document)).await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_document_written_meanwhile_is_remembered() {
    let fresh = fresh("ordinary_meanwhile").await;
    let users = doc! { "_id": 1_200.5, "a": {}, "n": "0012", "y": 1 };
    let (_proxy, db) = meanwhile(&fresh, users).await;
    let migrator = Migrator::with(&db, [migration(convert)]);
    migrator.up().await.unwrap();
    let things = fresh.db.collection::<Document>("things");
    let found = things.find_one(doc! { "_id": 1_200.5 }).await.unwrap().unwrap();
    assert_eq!(found.get("n"), Some(&Bson::Int32(12)));
    migrator.down().await.unwrap();
    let found = things.find_one(doc! { "_id": 1_200.5 }).await.unwrap().unwrap();
    assert_eq!(found.get("n"), Some(&Bson::String("0012".to_owned())), "{found}");
    fresh.pass().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_document_written_meanwhile_is_refused() {
    let fresh = fresh("ordinary_refused").await;
    let users = doc! { "_id": 1_200.5, "y": 1, "last": 2 };
    let (_proxy, db) = meanwhile(&fresh, users).await;
    let migrator = Migrator::with(&db, [migration(rename)]);
    let error = migrator.up().await.unwrap_err();
    says(&error, &["written since it began", "_id 1200.5", "this batch left no trace"]);
    let renamed = fresh.db.collection::<Document>("things");
    let renamed = renamed.count_documents(doc! { "last": { "$exists": true } }).await.unwrap();
    assert_eq!(renamed, 1_001, "the first batch, and the user's document");
    renamed_by_user_is_fixed(&fresh, &migrator).await;
    fresh.pass().await;
}

async fn renamed_by_user_is_fixed(fresh: &TestDb, migrator: &Migrator) {
    let things = fresh.db.collection::<Document>("things");
    things.delete_one(doc! { "_id": 1_200.5 }).await.unwrap();
    migrator.up().await.unwrap();
    assert_eq!(things.count_documents(doc! { "y": { "$exists": true } }).await.unwrap(), 0);
}

/// Two documents with the same value, of which only one is ordinary: changed in the order of their `_id`s, they do
/// not meet.
#[tokio::test]
async fn an_ordinary_document_does_not_meet_one_that_is_changed_with_it() {
    let fresh = fresh("ordinary_unique").await;
    insert(&fresh.db, "things", [doc! { "_id": 0, "n": 5.0 }, doc! { "_id": 1, "n": "5" }]).await;
    index(&fresh.db, "things", doc! { "key": { "n": 1 }, "name": "n", "unique": true }).await;
    let migrator = fresh.migrator([migration(|change| {
        let change = change.change_type("things", "n", FieldType::String, FieldType::Int);
        change.replace_others("other");
    })]);
    migrator.up().await.unwrap_or_else(|error| panic!("{error}"));
    assert_eq!(find(&fresh.db, "things", 1).await, doc! { "_id": 1, "n": 5 });
    assert_eq!(find(&fresh.db, "things", 0).await, doc! { "_id": 0, "n": "other" });
    fresh.pass().await;
}

/// Inserts a document into the range of the first look ahead that finds nothing.
struct InsertsAhead(Inserts);

/// Where the range of a filter begins.
fn begin(filter: &Document) -> Option<i32> {
    filter.iter().find_map(|(key, value)| match value {
        Bson::Int32(begin) if key == "$gte" => Some(*begin),
        Bson::Document(inner) => begin(inner),
        Bson::Array(clauses) => clauses.iter().filter_map(Bson::as_document).find_map(begin),
        _ => None,
    })
}

impl Between for InsertsAhead {
    fn reply(&self, command: Option<&Document>, reply: &Document) -> Option<Document> {
        let command = command?;
        let begin = begin(command.get_document("filter").ok()?)?;
        let found = reply.get_document("cursor").ok()?.get_array("firstBatch").ok()?;
        let is_look = command.get_str("find").is_ok_and(|name| name == "things")
            && !command.contains_key("txnNumber");
        if is_look && found.is_empty() {
            self.0.insert_once(doc! { "_id": f64::from(begin) + 0.5, "y": 1 });
        }
        None
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_partition_that_was_empty_is_looked_at_again() {
    let fresh = fresh("ordinary_ahead").await;
    // Only the first of four partitions has documents to change.
    for begin in (0..24_000).step_by(1_000) {
        let document = |id| match id < 3_000 {
            true => doc! { "_id": id, "y": 1 },
            false => doc! { "_id": id },
        };
        insert(&fresh.db, "things", (begin..begin + 1_000).map(document)).await;
    }
    let (_proxy, db) = through(&fresh, InsertsAhead(Inserts::new(&fresh, doc! {}))).await;
    Migrator::with(&db, [migration(rename)]).up().await.unwrap();
    let y = doc! { "y": { "$exists": true } };
    assert_eq!(count(&fresh.db, "things", y).await, 0);
    let renamed = doc! { "last": { "$exists": true } };
    assert_eq!(
        count(&fresh.db, "things", renamed).await,
        3_001,
        "with the one that came meanwhile"
    );
    fresh.pass().await;
}

/// A collection for each document, and the same again with a collation, whose documents are all changed by
/// the general form.
fn collections(documents: &[Document]) -> Vec<String> {
    let of = |form| (0..documents.len()).map(move |number| format!("{form}{number}_"));
    of("plain").chain(of("collated")).collect()
}

fn documents() -> Vec<Document> {
    let mut all = vec![doc! { "y": 0 }, doc! { "n": 1, "y": 0 }, doc! { "y": 0, "a": "1", "n": 2 }];
    all.extend(values(1).into_iter().map(|value| doc! { "y": 0, "a": value, "after": true }));
    all
}

/// Documents with an array on the way to `a.b`, ordinary and others.
fn arrays() -> Vec<Document> {
    let one = |value: Bson| vec![Bson::from(doc! { "b": value, "z": 1 })];
    let deep = |value: Bson| doc! { "b": [{ "c": value.clone() }, { "c": value, "d": 1 }] };
    let all: Vec<Vec<Bson>> = vec![
        vec![],
        vec![doc! {}.into(), doc! { "b": 1 }.into()],
        vec![doc! { "b": 1 }.into(), doc! { "b": 1 }.into()],
        vec![doc! { "z": 1, "b": 1 }.into(), doc! { "b": 1_i64 }.into()],
        vec![doc! { "z": 1, "b": 1 }.into(), doc! { "z": 1 }.into(), 5.into(), Bson::Null],
        vec![doc! { "b": 1 }.into(), vec![Bson::from(doc! { "b": 1 })].into()],
        vec![doc! { "b": 1, "n": 2 }.into()],
        vec![doc! { "b": 1 }.into(), doc! { "n": 2 }.into()],
        vec![doc! { "n": 2 }.into(), doc! { "z": 2 }.into()],
        vec![doc! { "b": "5", "z": 1 }.into(), doc! { "b": "-17" }.into()],
        one("007".into()),
        one("no".into()),
        one(5.5.into()),
        one(Bson::Null),
        one(vec![Bson::from("5")].into()),
        vec![doc! { "b": {} }.into(), doc! { "b": { "c": 1 } }.into()],
        vec![doc! { "b": { "c": 1, "d": 1 } }.into(), doc! { "z": 1 }.into()],
        vec![deep(1.into()).into(), deep(1.into()).into()],
        vec![deep("5".into()).into(), doc! { "b": [] }.into()],
    ];
    let mut documents: Vec<Document> =
        all.into_iter().map(|value| doc! { "y": 0, "a": value, "after": true }).collect();
    documents.push(doc! { "y": 0, "a": deep(1.into()) });
    documents.push(doc! { "y": 0, "a": deep("5".into()), "after": true });
    documents.push(doc! { "a": { "b": [{ "d": 1 }, {}, { "c": "005" }] } });
    documents
}

/// Empties the collections that the error names, so that the run can go on.
async fn without_refused(fresh: &TestDb, count: usize, error: &mongrate::Error) {
    let text = error.to_string();
    let refused = (0..count).find(|number| {
        ["plain", "collated"].iter().any(|form| text.contains(&format!("`{form}{number}_`")))
    });
    let number = refused.unwrap_or_else(|| panic!("{text}"));
    for form in ["plain", "collated"] {
        let one = fresh.db.collection::<Document>(&format!("{form}{number}_"));
        assert_eq!(one.delete_many(doc! {}).await.unwrap().deleted_count, 1, "{text}");
    }
}

async fn alike(db: &Database, documents: usize, when: &str) -> usize {
    let mut count = 0;
    for number in 0..documents {
        let [plain, collated] = [
            contents(db, &format!("plain{number}_")).await,
            contents(db, &format!("collated{number}_")).await,
        ];
        same(&plain, &collated, &format!("{when}, document {number}"));
        count += plain.len();
    }
    count
}

/// Each document alone, so that it is judged by itself whether it is ordinary: the same as by the general
/// form, up and down.
async fn each_alone(name: &str, documents: Vec<Document>, declare: fn(&mut Change)) {
    let fresh = fresh(name).await;
    let collation = doc! { "locale": "en", "strength": 3 };
    let numbered = (0_i32..).zip(&documents).cycle().take(2 * documents.len());
    for (collection, (number, fields)) in collections(&documents).into_iter().zip(numbered) {
        if collection.starts_with("collated") {
            let create = doc! { "create": &collection, "collation": collation.clone() };
            fresh.db.run_command(create).await.unwrap();
        }
        let mut document = doc! { "_id": number };
        document.extend(fields.clone());
        insert(&fresh.db, &collection, [document]).await;
    }
    let migrator = fresh.migrator([migration(declare)]);
    while let Err(error) = migrator.up().await {
        without_refused(&fresh, documents.len(), &error).await;
    }
    let count = alike(&fresh.db, documents.len(), &format!("{name}: up")).await;
    assert!(count > 7, "{count} documents are left");
    while let Err(error) = migrator.down().await {
        without_refused(&fresh, documents.len(), &error).await;
    }
    alike(&fresh.db, documents.len(), &format!("{name}: down")).await;
    fresh.pass().await;
}

macro_rules! each_alone {
    ($($name:ident($documents:ident): |$change:ident, $collection:ident| $operation:expr;)*) => { $(
        #[tokio::test]
        async fn $name() {
            each_alone(concat!("alone_", stringify!($name)), $documents(), |$change| {
                for $collection in collections(&$documents()) {
                    $operation;
                }
            })
            .await;
        }
    )* };
}

each_alone! {
    alone_add(documents): |change, c| change.add_field(&c, "a", 1);
    alone_add_within(documents): |change, c| change.add_field(&c, "a.b", 1);
    alone_rename(documents): |change, c| change.rename_field(&c, "a", "n");
    alone_convert(documents): |change, c| {
        change.change_type(&c, "a", FieldType::String, FieldType::Int).leave_others()
    };
    alone_convert_and_replace(documents): |change, c| {
        change.change_type(&c, "a.b", FieldType::Int, FieldType::Double).replace_others("other")
    };
    alone_move_in(documents): |change, c| change.move_field(&c, "y", "a.n");
    alone_add_in_arrays(arrays): |change, c| change.add_field(&c, "a.b", 1);
    alone_add_deeper_in_arrays(arrays): |change, c| change.add_field(&c, "a.b.c", 1);
    alone_rename_in_arrays(arrays): |change, c| change.rename_field(&c, "a.b", "a.n");
    alone_rename_deeper_in_arrays(arrays): |change, c| change.rename_field(&c, "a.b.c", "a.b.d");
    alone_convert_in_arrays(arrays): |change, c| {
        change.change_type(&c, "a.b", FieldType::String, FieldType::Int).leave_others()
    };
    alone_convert_deeper_in_arrays(arrays): |change, c| {
        change.change_type(&c, "a.b.c", FieldType::String, FieldType::Int).leave_others()
    };
    alone_convert_or_refuse_in_arrays(arrays): |change, c| {
        change.change_type(&c, "a.b", FieldType::String, FieldType::Int)
    };
}
