//! What newer servers brought: unique indexes in two phases, images of documents for change streams,
//! encrypted fields; and options that Mongrate does not know.

use mongrate::{
    Change, ChangeFn, LintName, State,
    bson::{Binary, Bson, Document, doc, spec::BinarySubtype},
};
use mongrate_tests::{
    TestDb,
    between::{Between, Proxy},
    host,
    snapshot::snapshot,
};

use super::{Case, insert, migration, refused, there_and_back};

/// The first two numbers of the server's version.
async fn version(fresh: &TestDb) -> (i32, i32) {
    let info = fresh.db.run_command(doc! { "buildInfo": 1 }).await.unwrap();
    let numbers = info.get_array("versionArray").unwrap().iter().filter_map(Bson::as_i32);
    let numbers: Vec<i32> = numbers.collect();
    (numbers[0], numbers[1])
}

async fn indexed(name: &str, options: Document) -> TestDb {
    let fresh = TestDb::new(name).await;
    let mut index = doc! { "key": { "email": 1 }, "name": "email_1" };
    index.extend(options);
    let command = doc! { "createIndexes": "users", "indexes": [index] };
    fresh.db.run_command(command).await.unwrap();
    fresh
}

fn unique(change: &mut Change) {
    change.make_index_unique("users", "email_1");
}

#[tokio::test]
async fn an_index_is_made_unique_and_another_one_again() {
    let options = doc! { "sparse": true, "collation": { "locale": "de", "strength": 2 } };
    let fresh = indexed("unique_there", options).await;
    insert(&fresh.db, "users", [doc! { "_id": 1, "email": "a" }, doc! { "_id": 2, "email": "b" }])
        .await;
    if version(&fresh).await < (6, 0) {
        refused(&fresh, unique, &["needs MongoDB 6.0", "nothing was changed"]).await;
        return fresh.pass().await;
    }
    there_and_back(&fresh, unique).await;
    let users = fresh.db.collection::<Document>("users");
    assert!(users.insert_one(doc! { "email": "A" }).await.is_err(), "it is unique, as it compares");
    refused(&fresh, unique, &["is unique already"]).await;
    refused(&fresh, |change| change.make_index_unique("users", "none"), &["there is no index"])
        .await;
    fresh.pass().await;
}

#[tokio::test]
async fn duplicates_are_named_and_new_ones_kept_out_until_they_are_gone() {
    let fresh = indexed("unique_violated", doc! {}).await;
    if version(&fresh).await < (6, 0) {
        return fresh.pass().await;
    }
    let users = fresh.db.collection::<Document>("users");
    let same = |id: i32| doc! { "_id": id, "email": "a" };
    insert(&fresh.db, "users", [same(1), same(2), doc! { "_id": 3, "email": "b" }]).await;
    let before = snapshot(&fresh.db).await;
    let migrator = fresh.migrator([migration(unique)]);
    // The plan knows it already.
    let lints = migrator.up().lint(true).plan().await.unwrap().lints;
    let names: Vec<LintName> = lints.iter().map(|lint| lint.name).collect();
    assert_eq!(names, [LintName::UniqueIndexOverDuplicates], "{lints:#?}");
    assert!(lints[0].bad.contains("make_index_unique"), "{}", lints[0].bad);
    let error = migrator.up().await.unwrap_err().to_string();
    for words in ["`_id`s are 1, 2", "takes no new duplicates", "run `up` again"] {
        assert!(error.contains(words), "{words}: {error}");
    }
    assert!(users.insert_one(doc! { "email": "b" }).await.is_err(), "no new duplicate gets in");
    assert_eq!(migrator.status().await.unwrap().migrations[0].state, State::Failed);
    // Taken back: all is as before.
    migrator.down().await.unwrap_or_else(|error| panic!("{error}"));
    assert_eq!(snapshot(&fresh.db).await, before);
    // Once more, and the duplicate is removed.
    migrator.up().await.unwrap_err();
    users.delete_one(doc! { "_id": 2 }).await.unwrap();
    migrator.up().await.unwrap_or_else(|error| panic!("{error}"));
    assert!(users.insert_one(doc! { "email": "a" }).await.is_err());
    migrator.down().await.unwrap();
    users.insert_one(doc! { "email": "a" }).await.unwrap();
    fresh.pass().await;
}

/// An index that was unique before the migration was recorded as applied.
#[tokio::test]
async fn a_baselined_index_is_built_again_not_unique() {
    let fresh = indexed("unique_baselined", doc! { "unique": true, "sparse": true }).await;
    if version(&fresh).await < (6, 0) {
        return fresh.pass().await;
    }
    let migrator = fresh.migrator([migration(unique)]);
    migrator.baseline(1).await.unwrap();
    migrator.down().await.unwrap_or_else(|error| panic!("{error}"));
    let listed = fresh.db.run_command(doc! { "listIndexes": "users" }).await.unwrap().to_string();
    assert!(listed.contains("email_1") && listed.contains("\"sparse\": true"), "{listed}");
    assert!(!listed.contains("\"unique\""), "{listed}");
    fresh.pass().await;
}

#[tokio::test]
async fn views_are_created_changed_and_dropped_and_come_back() {
    let fresh = TestDb::new("views_there").await;
    insert(&fresh.db, "people", [doc! { "_id": 1, "age": 20 }]).await;
    let adults = |age: i32| vec![doc! { "$match": { "age": { "$gte": age } } }];
    let create = doc! { "create": "adults", "viewOn": "users", "pipeline": adults(18) };
    fresh.db.run_command(create).await.unwrap();
    there_and_back(&fresh, |change| {
        let adults = |age: i32| vec![doc! { "$match": { "age": { "$gte": age } } }];
        change.change_view("adults", "people", adults(21));
        change.create_collection("elders").view_on("people", adults(65));
    })
    .await;
    let fresh_again = TestDb::new("views_dropped").await;
    let create = doc! { "create": "adults", "viewOn": "users", "pipeline": adults(18) };
    fresh_again.db.run_command(create).await.unwrap();
    there_and_back(&fresh_again, |change| {
        change.drop_collection("adults");
    })
    .await;
    refused(&fresh_again, |change| change.change_view("none", "a", vec![]), &["there is no coll"])
        .await;
    fresh_again.pass().await;
    fresh.pass().await;
}

#[tokio::test]
async fn images_for_change_streams_are_set_and_set_back() {
    let fresh = TestDb::new("images_there").await;
    if version(&fresh).await < (6, 0) {
        return fresh.pass().await;
    }
    fresh.db.run_command(doc! { "create": "users" }).await.unwrap();
    let migrator = fresh.migrator([migration(|change| {
        change.change_stream_images("users", true);
        change.create_collection("orders").change_stream_images(true);
    })]);
    let enabled = async |name: &str| {
        let listed =
            fresh.db.run_command(doc! { "listCollections": 1, "filter": { "name": name } });
        let listed = listed.await.unwrap().to_string();
        listed.contains("\"changeStreamPreAndPostImages\": { \"enabled\": true }")
    };
    migrator.up().await.unwrap_or_else(|error| panic!("{error}"));
    assert!(enabled("users").await && enabled("orders").await);
    migrator.down().await.unwrap_or_else(|error| panic!("{error}"));
    assert!(!enabled("users").await && !enabled("orders").await);
    fresh.pass().await;
}

/// `dropDups` is an option that servers still take and do not heed.
#[tokio::test]
async fn an_option_that_is_not_known_is_passed_on_with_a_lint() {
    let fresh = TestDb::new("options_passed_on").await;
    fresh.db.run_command(doc! { "create": "users" }).await.unwrap();
    let taken = fresh.migrator([migration(|change| {
        change.create_index("users", doc! { "a": 1 }).option("dropDups", true);
    })]);
    let lints = taken.up().lint(true).plan().await.unwrap().lints;
    assert_eq!(lints.len(), 1, "{lints:#?}");
    assert_eq!(lints[0].name, LintName::UnknownOption);
    assert!(lints[0].message.contains("option `dropDups`"), "{}", lints[0].message);
    taken.up().await.unwrap_or_else(|error| panic!("{error}"));
    taken.down().await.unwrap();
    // What the server does not take either, it refuses; the lint says what may be meant.
    let table: [Case; 4] = [
        (
            |change| {
                change.create_index("users", doc! { "a": 1 }).option("uniqe", true);
            },
            "is `unique` meant?",
        ),
        (
            |change| {
                change.create_index("users", doc! { "a": "hased" });
            },
            "kind of index `hased` (is `hashed` meant?)",
        ),
        (
            |change| {
                change.create_collection("new").option("validatr", doc! {});
            },
            "is `validator` meant?",
        ),
        (
            |change| {
                change.coll_mod("users").set("validationLevl", "off");
            },
            "is `validationLevel` meant?",
        ),
    ];
    for (declare, meant) in table {
        let migrator = fresh.migrator([migration(declare)]);
        let lints = migrator.up().lint(true).plan().await.unwrap().lints;
        assert!(lints.iter().any(|lint| lint.message.contains(meant)), "{meant}: {lints:#?}");
        refused(&fresh, declare, &[]).await;
    }
    fresh.pass().await;
}

/// A server that says it is as new as 7.0: what the driver's specification has clients create beside a
/// collection with encrypted fields, this server takes, too.
struct Seven;

impl Between for Seven {
    fn reply(&self, _: Option<&Document>, reply: &Document) -> Option<Document> {
        let mut reply = reply.clone();
        reply.contains_key("maxWireVersion").then(|| {
            reply.insert("maxWireVersion", 21);
            reply
        })
    }
}

fn encrypted(change: &mut Change) {
    let key = Binary { subtype: BinarySubtype::Uuid, bytes: vec![7; 16] };
    let field = doc! {
        "path": "ssn", "bsonType": "string", "keyId": key, "queries": { "queryType": "equality" },
    };
    change.create_collection("patients").encrypted_fields(doc! { "fields": [field] });
}

#[tokio::test]
async fn a_collection_with_encrypted_fields_has_what_belongs_to_it() {
    let direct = TestDb::new("encrypted_direct").await;
    let here = version(&direct).await;
    if here < (7, 0) {
        refused(&direct, encrypted, &["needs MongoDB 7.0", "nothing was changed"]).await;
    }
    let uri = direct.uri.clone();
    direct.pass().await;
    if here < (6, 0) {
        return;
    }
    let proxy = Proxy::start(host(&uri), Seven).await;
    let uri = format!("mongodb://{}/?directConnection=true", proxy.address);
    let fresh = TestDb::on(&uri, "encrypted").await;
    let migrator = fresh.migrator([migration(encrypted)]);
    migrator.up().await.unwrap_or_else(|error| panic!("{error}"));
    let mut names = fresh.db.list_collection_names().await.unwrap();
    names.sort();
    let all = ["enxcol_.patients.ecoc", "enxcol_.patients.esc", "migrations", "patients"];
    assert_eq!(names, all);
    let patients = fresh.db.collection::<Document>("patients");
    let indexes = patients.list_index_names().await.unwrap();
    assert!(indexes.contains(&"__safeContent___1".to_owned()), "{indexes:?}");
    for (declare, words) in [
        ((|change| change.rename_collection("patients", "x")) as ChangeFn, "has encrypted fields"),
        (
            |change| {
                change.drop_collection("patients");
            },
            "has encrypted fields",
        ),
    ] {
        refused(&fresh, declare, &[words]).await;
    }
    migrator.down().await.unwrap_or_else(|error| panic!("{error}"));
    assert_eq!(fresh.db.list_collection_names().await.unwrap(), ["migrations"]);
    fresh.pass().await;
}
