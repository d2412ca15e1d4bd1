//! A rewrite changes documents without an array on the way by a shorter form, unless the collection
//! has a collation. Both forms do the same to the same documents, and remember the same.

use futures_util::TryStreamExt as _;
use mongrate::{
    Change, FieldType, Migration,
    bson::{Bson, Document, doc},
    mongodb::Database,
};

use super::{fresh, insert, says};

/// The two collections; under this collation no two values of the test are alike.
const PLAIN: &str = "plain";
const COLLATED: &str = "collated";

async fn collated(db: &Database) {
    let collation = doc! { "locale": "en", "strength": 3 };
    db.run_command(doc! { "create": COLLATED, "collation": collation }).await.unwrap();
}

/// Values of all kinds that matter to a path, and documents around them, down to so many levels.
pub(super) fn values(depth: usize) -> Vec<Bson> {
    let mut values = vec![
        Bson::Null,
        Bson::Int32(1),
        Bson::Int64(1),
        Bson::Double(1.0),
        Bson::Double(-0.0),
        Bson::String("007".to_owned()),
        Bson::String("7".to_owned()),
        Bson::String("no".to_owned()),
        Bson::Array(vec![]),
        Bson::Array(vec![doc! { "b": 1 }.into(), doc! { "b": "5" }.into(), Bson::Int32(2)]),
        Bson::Array(vec![Bson::Array(vec![doc! { "b": 1 }.into()])]),
        doc! {}.into(),
        doc! { "z": 1 }.into(),
    ];
    if depth > 0 {
        for (number, inner) in values_within(depth).into_iter().enumerate() {
            let mut document = doc! { "b": inner };
            if number % 2 == 0 {
                document.insert("z", 1);
            }
            values.push(document.into());
        }
    }
    values
}

fn values_within(depth: usize) -> Vec<Bson> {
    let mut inner = values(depth - 1);
    inner.extend(inner.clone());
    inner
}

/// A document for each value of `a`, and the field `y` in between.
fn documents() -> Vec<Document> {
    let mut all = vec![doc! { "y": 0 }, doc! { "n": 1, "y": 0 }, doc! { "a": { "n": 1 } }];
    all.extend(values(2).into_iter().map(|value| doc! { "y": 0, "a": value, "after": true }));
    let numbered = all.into_iter().zip(0_i32..);
    numbered
        .map(|(fields, number)| {
            let mut document = doc! { "_id": number };
            document.extend(fields);
            document
        })
        .collect()
}

pub(super) async fn contents(db: &Database, name: &str) -> Vec<Document> {
    let found = db.collection::<Document>(name).find(doc! {}).sort(doc! { "_id": 1 }).await;
    found.unwrap().try_collect().await.unwrap()
}

/// The collections hold the same, and what is kept of them is the same.
async fn alike(db: &Database, when: &str) {
    for suffix in ["", ".back"] {
        let [plain, collated] = [0, 1].map(|number| format!("migrations.kept.1.{number}{suffix}"));
        let (plain, collated) = (contents(db, &plain).await, contents(db, &collated).await);
        same(&plain, &collated, &format!("{when}, kept{suffix}"));
    }
    same(&contents(db, PLAIN).await, &contents(db, COLLATED).await, when);
}

/// As text: numbers of other types are not the same. In the order of names, as fields may move.
pub(super) fn same(plain: &[Document], collated: &[Document], when: &str) {
    let texts = |these: &[Document]| -> Vec<String> {
        these.iter().map(|document| text(&document.clone().into())).collect()
    };
    let (plain, collated) = (texts(plain), texts(collated));
    let differ: Vec<_> = plain.iter().zip(&collated).filter(|(one, other)| one != other).collect();
    assert!(differ.is_empty(), "{when}: {differ:#?}");
    assert_eq!(plain.len(), collated.len(), "{when}: {plain:#?} {collated:#?}");
}

fn text(value: &Bson) -> String {
    match value {
        Bson::Document(document) => {
            let mut fields: Vec<String> =
                document.iter().map(|(key, value)| format!("{key}: {}", text(value))).collect();
            fields.sort();
            format!("{{{}}}", fields.join(", "))
        }
        Bson::Array(items) => {
            format!("[{}]", items.iter().map(text).collect::<Vec<_>>().join(", "))
        }
        other => format!("{other:?}"),
    }
}

/// Up, writes of users, down: the same in both collections at each step. Without the documents for
/// which the operation is refused.
async fn both_forms(name: &str, declare: fn(&mut Change)) {
    let fresh = fresh(name).await;
    collated(&fresh.db).await;
    let mut documents = documents();
    let migrator = loop {
        for collection in [PLAIN, COLLATED] {
            fresh.db.collection::<Document>(collection).delete_many(doc! {}).await.unwrap();
            insert(&fresh.db, collection, documents.clone()).await;
        }
        let migrator = fresh.migrator([Migration::declared(1, "one", declare)]);
        let Err(error) = migrator.up().await else { break migrator };
        says(&error, &["_id", "nothing was changed"]);
        let text = error.to_string();
        let refused = text.split_once("_id ").unwrap().1.split_once(')').unwrap().0;
        let refused: Vec<i32> = refused.split(", ").filter_map(|id| id.parse().ok()).collect();
        assert!(!refused.is_empty(), "{text}");
        documents.retain(|document| !refused.contains(&document.get_i32("_id").unwrap()));
        migrator.resolve(1, mongrate::Resolution::Pending).await.unwrap();
    };
    assert!(documents.len() > 20, "{} documents are left", documents.len());
    alike(&fresh.db, &format!("{name}: up")).await;
    // Some documents are written to, and some are new.
    for collection in [PLAIN, COLLATED] {
        let users = fresh.db.collection::<Document>(collection);
        let some = doc! { "_id": { "$mod": [5, 0] } };
        users.update_many(some, vec![doc! { "$set": { "w": 1, "n": "9" } }]).await.unwrap();
        let others = doc! { "_id": { "$mod": [5, 1] }, "a.b": { "$type": ["int", "string"] } };
        users.update_many(others, vec![doc! { "$set": { "a.b": "2" } }]).await.unwrap();
        insert(&fresh.db, collection, [doc! { "_id": 1_000, "a": { "b": 1 } }]).await;
    }
    for round in 0..8 {
        let Err(error) = migrator.down().await else { break };
        assert!(round < 7, "{error}");
        let text = error.to_string();
        let refused = text.split_once("_id ").unwrap().1.split_once(')').unwrap().0;
        let refused: Vec<i32> = refused.split(", ").filter_map(|id| id.parse().ok()).collect();
        for collection in [PLAIN, COLLATED] {
            let these = doc! { "_id": { "$in": refused.clone() } };
            fresh.db.collection::<Document>(collection).delete_many(these).await.unwrap();
        }
    }
    alike(&fresh.db, &format!("{name}: down")).await;
    fresh.pass().await;
}

/// The commands that were sent for documents and values, in order.
fn commands(fresh: &mongrate_tests::TestDb) -> Vec<(String, Document)> {
    let of_documents = |(name, command): &(String, Document)| {
        let target = command.get_str(name).unwrap_or_default();
        let is_kept = target.starts_with("migrations.kept.");
        let is_write = ["update", "insert", "delete"].contains(&name.as_str());
        is_write && (is_kept || target == PLAIN)
    };
    fresh.wire.take_full().into_iter().filter(of_documents).collect()
}

/// What comes back by computing costs one update; what was remembered is put back by hundreds.
#[tokio::test]
async fn remembering_costs_what_it_has_to() {
    let fresh = fresh("forms_commands").await;
    let documents = (0..250).map(|id| doc! { "_id": id, "z": 1, "a": id.to_string() });
    insert(&fresh.db, PLAIN, documents).await;
    fresh.wire.take();
    let renames = fresh.migrator([Migration::declared(1, "one", |change| {
        change.rename_field(PLAIN, "a", "n");
    })]);
    for _ in 0..2 {
        if renames.status().await.unwrap().migrations[0].state == mongrate::State::Applied {
            renames.down().await.unwrap();
        } else {
            renames.up().await.unwrap();
        }
        let sent = commands(&fresh);
        let names: Vec<&str> = sent.iter().map(|(name, _)| name.as_str()).collect();
        assert_eq!(names, ["update"], "nothing is remembered: {sent:#?}");
    }
    let removes = fresh.migrator([Migration::declared(2, "two", |change| {
        change.remove_field(PLAIN, "a");
    })]);
    removes.up().await.unwrap();
    let sent = commands(&fresh);
    let names: Vec<&str> = sent.iter().map(|(name, _)| name.as_str()).collect();
    assert_eq!(names, ["insert", "update"]);
    assert_eq!(sent[0].1.get_array("documents").unwrap().len(), 250, "in one command");
    removes.down().await.unwrap();
    let sent = commands(&fresh);
    let names: Vec<&str> = sent.iter().map(|(name, _)| name.as_str()).collect();
    assert_eq!(names, ["update"]);
    assert_eq!(sent[0].1.get_array("updates").unwrap().len(), 3, "a hundred in each statement");
    fresh.pass().await;
}

macro_rules! forms {
    ($($name:ident: |$change:ident, $collection:ident| $operation:expr;)*) => { $(
        #[tokio::test]
        async fn $name() {
            both_forms(concat!("forms_", stringify!($name)), |$change| {
                for $collection in [PLAIN, COLLATED] {
                    $operation;
                }
            })
            .await;
        }
    )* };
}

forms! {
    add_at_the_top: |change, c| change.add_field(c, "a", 1);
    add_within: |change, c| change.add_field(c, "a.b", 1);
    add_deeper: |change, c| change.add_field(c, "a.b.c", doc! { "d": [1, "x"] });
    add_what_a_plain_set_does_not_store: |change, c| {
        change.add_field(c, "a.t", mongrate::bson::Timestamp { time: 0, increment: 0 })
    };
    remove_at_the_top: |change, c| change.remove_field(c, "a");
    remove_within: |change, c| change.remove_field(c, "a.b");
    remove_deeper: |change, c| change.remove_field(c, "a.b.b");
    rename_at_the_top: |change, c| change.rename_field(c, "a", "n");
    rename_within: |change, c| change.rename_field(c, "a.b", "a.n");
    rename_deeper: |change, c| change.rename_field(c, "a.b.b", "a.b.z");
    convert_at_the_top: |change, c| {
        change.change_type(c, "a", FieldType::String, FieldType::Int).leave_others()
    };
    convert_within: |change, c| {
        change.change_type(c, "a.b", FieldType::String, FieldType::Int).leave_others()
    };
    convert_and_replace: |change, c| {
        change.change_type(c, "a.b", FieldType::Int, FieldType::Double).replace_others("other")
    };
    convert_or_refuse: |change, c| {
        change.change_type(c, "a.b", FieldType::Int, FieldType::String)
    };
    move_out: |change, c| change.move_field(c, "a.b", "n");
    move_in: |change, c| change.move_field(c, "y", "a.n");
    move_within: |change, c| change.move_field(c, "a.b.b", "a.m.k");
    move_deeper: |change, c| change.move_field(c, "y", "m.n.o");
}
