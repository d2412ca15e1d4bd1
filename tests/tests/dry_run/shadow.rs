//! The dry run in a scratch database.

use std::{collections::BTreeMap, sync::Mutex, time::Duration};

use futures_util::TryStreamExt as _;
use mongrate::{
    CancellationToken, DryRunKind, DryRunOutcome, Error, Migration, Migrator,
    bson::{Document, doc},
    mongodb::{Client, Database, options::ClientOptions},
};
use mongrate_tests::{TestDb, effect, effects::leave, whole};
use tokio::sync::Notify;

/// The scratch databases of this test's database that are there.
async fn scratches(db: &Database) -> Vec<String> {
    let mut found = Vec::new();
    for name in db.client().list_database_names().await.unwrap() {
        if !name.starts_with("mongrate_shadow_") {
            continue;
        }
        let marker = db.client().database(&name).collection::<Document>("mongrate.shadow");
        if marker.find_one(doc! { "of": db.name() }).await.unwrap().is_some() {
            found.push(name);
        }
    }
    found
}

type Schema = BTreeMap<String, (Document, Vec<Document>)>;

/// Every collection's options and indexes, without what differs between two databases.
async fn schema(db: &Database) -> Schema {
    let cursor = db.run_cursor_command(doc! { "listCollections": 1 }).await.unwrap();
    let all: Vec<Document> = cursor.try_collect().await.unwrap();
    let mut schema = BTreeMap::new();
    for mut one in all {
        let name = one.get_str("name").unwrap().to_owned();
        if name.starts_with("system.") || name == "mongrate.shadow" {
            continue;
        }
        if let Ok(info) = one.get_document_mut("info") {
            info.remove("uuid");
        }
        let mut indexes = Vec::new();
        if one.get_str("type").unwrap() != "view" {
            let cursor = db.run_cursor_command(doc! { "listIndexes": &name }).await.unwrap();
            indexes = cursor.try_collect().await.unwrap();
            indexes.sort_by_key(Document::to_string);
        }
        schema.insert(name, (one, indexes));
    }
    schema
}

/// One of each kind of collection, and documents that fail the validator.
async fn filled(fresh: &TestDb) {
    let run = async |command| fresh.db.run_command(command).await.unwrap();
    let users = (0..50_i32).map(|n| doc! { "_id": n, "age": n - 3, "email": n.to_string() });
    fresh.db.collection::<Document>("users").insert_many(users).await.unwrap();
    run(doc! { "createIndexes": "users", "indexes": [
        { "key": { "email": 1 }, "name": "email_1", "unique": true, "collation": { "locale": "en" } },
        { "key": { "age": 1 }, "name": "adults", "partialFilterExpression": { "age": { "$gte": 18 } } },
        { "key": { "seen": 1 }, "name": "ttl", "expireAfterSeconds": 3_600, "hidden": true },
        { "key": { "bio": "text" }, "name": "words" },
        { "key": { "extra.$**": 1 }, "name": "wild" },
    ] })
    .await;
    run(doc! { "collMod": "users", "validator": { "age": { "$gte": 0 } }, "validationLevel": "moderate" })
        .await;
    run(doc! { "create": "log", "capped": true, "size": 65_536, "max": 100 }).await;
    run(doc! { "create": "cities", "collation": { "locale": "fr", "strength": 1 } }).await;
    // What is listed without a collation there does not inherit it; a text index could not.
    run(doc! { "createIndexes": "cities", "indexes": [
        { "key": { "name": "text" }, "name": "words", "collation": { "locale": "simple" } },
        { "key": { "name": 1 }, "name": "simple", "collation": { "locale": "simple" } },
        { "key": { "name": 1 }, "name": "inherits" },
    ] })
    .await;
    run(doc! { "create": "adults", "viewOn": "users", "pipeline": [{ "$match": { "age": { "$gte": 18 } } }] })
        .await;
    // Time series came with 5.0.
    if fresh.version().await >= (5, 0) {
        run(doc! { "create": "weather", "expireAfterSeconds": 86_400_i64,
        "timeseries": { "timeField": "at", "metaField": "where", "granularity": "hours" } })
        .await;
    }
    let measured = doc! { "at": mongrate::bson::DateTime::now(), "where": "Ulm", "t": 3 };
    fresh.db.collection::<Document>("weather").insert_one(measured).await.unwrap();
    fresh.migrator([effect!(1), effect!(2)]).up().await.unwrap();
    fresh.wire.take();
}

static SEEN: Mutex<Option<Schema>> = Mutex::new(None);

const ONLINE: Migration = Migration::online_steps(4, "online", |on| {
    Box::pin(async move {
        let seen = schema(on.database()).await;
        *SEEN.lock().unwrap() = Some(seen);
        on.create_index("users", doc! { "age": -1 }).await?;
        on.coll_mod("users", doc! { "validationLevel": "strict" }).await?;
        on.transaction("a step", async |tx| leave(tx, 4).await).await
    })
});

#[tokio::test]
async fn it_runs_all_kinds_in_a_copy_and_drops_it() {
    let (fresh, observer) = TestDb::observed("shadow_runs").await;
    filled(&fresh).await;
    let before = whole::of(&fresh.db).await;
    let declared = Migration::declared(5, "declared", |change| {
        change.rename_field("effects", "saw", "seen");
        change.create_collection("pets");
    });
    let list = [effect!(1), effect!(2), effect!(3), ONLINE, declared];
    let migrator = fresh.migrator(list).observer(&observer);
    let report = migrator.up().shadow().await.unwrap();
    assert!(report.is_ok() && report.observed, "{report:?}");
    assert_eq!(report.dry_run, DryRunKind::Shadow);
    let ran: Vec<i64> = report.ran().map(|step| step.planned.version.get()).collect();
    assert_eq!(ran, [3, 4, 5]);
    let shadow = report.shadow.unwrap();
    assert_eq!((shadow.collections, shadow.documents), (6, 50 + 1 + 2), "without the history");

    let sent = |at: usize| -> Vec<(&str, &str)> {
        report.steps[at]
            .commands
            .iter()
            .map(|command| {
                let collection = command.namespace.split_once('.').map_or("", |(_, name)| name);
                (command.command.as_str(), collection)
            })
            .collect()
    };
    assert_eq!(sent(0), [("distinct", "effects"), ("insert", "effects")]);
    assert_eq!(report.steps[0].commands[0].returned, Some(2), "the effects were copied");
    let online = sent(1);
    for wanted in [("createIndexes", "users"), ("collMod", "users"), ("insert", "effects")] {
        assert!(online.contains(&wanted), "{wanted:?}: {online:?}");
    }
    assert!(!online.iter().any(|(_, collection)| *collection == "migrations"), "{online:?}");

    assert!(sent(2).contains(&("create", "pets")), "{:?}", sent(2));

    let mut copied = SEEN.lock().unwrap().take().unwrap();
    let mut real = schema(&fresh.db).await;
    assert!(copied.remove("migrations").is_some(), "with a history of its own");
    real.remove("migrations");
    assert_eq!(copied, real);

    assert_eq!(whole::of(&fresh.db).await, before);
    assert!(!fresh.db.client().list_database_names().await.unwrap().contains(&shadow.database));
    fresh.pass().await;
}

#[tokio::test]
async fn the_sample_is_as_large_as_it_is_told() {
    let fresh = TestDb::new("shadow_sample").await;
    let many = (0..2_500_i32).map(|n| doc! { "_id": n });
    fresh.db.collection::<Document>("many").insert_many(many).await.unwrap();
    let copied = async |sample| {
        let migrator = fresh.migrator([effect!(1)]);
        migrator.up().shadow().sample(sample).await.unwrap().shadow.unwrap().documents
    };
    assert_eq!(copied(10).await, 10);
    assert_eq!(copied(0).await, 0);
    assert_eq!(copied(5_000).await, 2_500);
    let refused = fresh.migrator([effect!(1)]).up().shadow().sample(1_000_001).await;
    assert!(matches!(refused, Err(Error::Settings { setting: "sample", .. })), "{refused:?}");
    fresh.pass().await;
}

#[tokio::test]
async fn a_rollback_is_tried_in_a_copy_too() {
    let fresh = TestDb::new("shadow_down").await;
    let migrator = fresh.migrator([effect!(1), effect!(2)]);
    migrator.up().await.unwrap();
    let before = whole::of(&fresh.db).await;
    let report = migrator.down().all().shadow().await.unwrap();
    assert_eq!(report.ran().map(|step| step.planned.version.get()).collect::<Vec<_>>(), [2, 1]);
    let report = migrator.redo().shadow().await.unwrap();
    assert!(report.is_ok() && report.steps.len() == 2, "{report:?}");
    assert_eq!(whole::of(&fresh.db).await, before);
    fresh.pass().await;
}

/// Everything that a record remembers of what was there: UUIDs, names, values.
#[tokio::test]
async fn a_rollback_of_declared_changes_is_tried_in_a_copy_too() {
    let fresh = TestDb::new("shadow_down_declared").await;
    let run = async |command| fresh.db.run_command(command).await.unwrap();
    for name in ["renamed", "dropped", "people"] {
        let some = (0..20_i32).map(|n| doc! { "_id": n, "name": n.to_string(), "age": n });
        fresh.db.collection::<Document>(name).insert_many(some).await.unwrap();
    }
    run(doc! { "createIndexes": "people", "indexes": [{ "key": { "age": 1 }, "name": "age" }] })
        .await;
    let first = Migration::declared(1, "first", |change| {
        change.rename_collection("renamed", "moved");
        change.drop_collection("dropped");
        change.create_collection("made");
    });
    let second = Migration::declared(2, "second", |change| {
        change.remove_field("people", "name");
        change.change_type("people", "age", mongrate::FieldType::Int, mongrate::FieldType::String);
    });
    let migrator = fresh.migrator([first, second]);
    migrator.up().await.unwrap();
    let before = whole::of(&fresh.db).await;
    for sample in [0, 5, 100] {
        let report = migrator.down().all().shadow().sample(sample).await.unwrap();
        assert!(report.is_ok() && report.steps.len() == 2, "{sample}: {report:?}");
        let report = migrator.redo().shadow().sample(sample).await.unwrap();
        assert!(report.is_ok(), "{sample}: {report:?}");
        assert_eq!(whole::of(&fresh.db).await, before);
    }
    migrator.down().all().await.unwrap();
    assert!(migrator.up().shadow().await.unwrap().is_ok());
    fresh.pass().await;
}

#[tokio::test]
async fn it_is_dropped_after_a_failure_a_panic_a_cancellation_and_a_drop() {
    static INSIDE: Notify = Notify::const_new();
    let fails = Migration::transactional(2, "fails", |tx| {
        Box::pin(async move {
            leave(tx, 99).await?;
            Err("the body says no".into())
        })
    });
    let panics = Migration::online_steps(2, "panics", |on| {
        Box::pin(async move {
            on.create_collection("half", doc! {}).await?;
            assert_eq!(1, 2, "the body panics");
            Ok(())
        })
    });
    let hangs = Migration::online_steps(2, "hangs", |on| {
        Box::pin(async move {
            on.create_collection("half", doc! {}).await?;
            INSIDE.notify_one();
            std::future::pending::<()>().await;
            Ok(())
        })
    });
    let fresh = TestDb::new("shadow_dropped").await;
    fresh.migrator([effect!(1)]).up().await.unwrap();
    let before = whole::of(&fresh.db).await;
    for (bad, said) in [(fails, "the body says no"), (panics, "the body panics")] {
        let report = fresh.migrator([effect!(1), bad, effect!(3)]).up().shadow().await.unwrap();
        let outcomes: Vec<_> = report.steps.iter().map(|step| step.outcome).collect();
        assert_eq!(outcomes, [DryRunOutcome::Failed, DryRunOutcome::NotRun]);
        let message = report.steps[0].failure.clone().unwrap().message;
        assert!(message.contains(said), "{message}");
        assert_eq!(scratches(&fresh.db).await, [""; 0]);
    }
    for dropped in [false, true] {
        let token = CancellationToken::new();
        let migrator = fresh.migrator([effect!(1), hangs]).cancel_on(token.clone());
        let trying = tokio::spawn(async move { migrator.up().shadow().await });
        INSIDE.notified().await;
        assert_eq!(scratches(&fresh.db).await.len(), 1, "it is at work");
        if dropped {
            trying.abort();
        } else {
            token.cancel();
            let error = trying.await.unwrap().unwrap_err();
            assert!(matches!(error, Error::Cancelled { .. }), "{error}");
            assert_eq!(scratches(&fresh.db).await, [""; 0], "it waited");
        }
        while !scratches(&fresh.db).await.is_empty() {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }
    assert_eq!(whole::of(&fresh.db).await, before);
    fresh.pass().await;
}

#[tokio::test]
async fn what_a_killed_run_left_is_dropped_and_nothing_else() {
    let fresh = TestDb::new("shadow_swept").await;
    let client = fresh.db.client();
    let id = "this database is a scratch copy made by mongrate, and may be dropped";
    let unique =
        std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap().as_nanos()
            as u64;
    let old = doc! { "$subtract": ["$$NOW", 16 * 60 * 1_000] };
    let named = |n: u64| format!("mongrate_shadow_{:016x}", unique.wrapping_add(n));
    let make = async |n: u64, marker: Option<Document>| {
        let db = client.database(&named(n));
        db.collection::<Document>("users").insert_one(doc! {}).await.unwrap();
        if let Some(set) = marker {
            let update = doc! { "q": { "_id": id }, "u": [{ "$set": set }], "upsert": true };
            db.run_command(doc! { "update": "mongrate.shadow", "updates": [update] })
                .await
                .unwrap();
        }
    };
    let of = fresh.db.name();
    make(0, Some(doc! { "of": of, "aliveAt": old.clone() })).await;
    make(1, Some(doc! { "of": of, "aliveAt": "$$NOW" })).await;
    make(2, Some(doc! { "of": "another", "aliveAt": old.clone() })).await;
    make(3, None).await;
    make(4, Some(doc! { "of": of })).await;
    let report = fresh.migrator([effect!(1)]).up().shadow().await.unwrap();
    let there = client.list_database_names().await.unwrap();
    let left: Vec<bool> = (0..5).map(|n| there.contains(&named(n))).collect();
    for n in 0..5 {
        client.database(&named(n)).drop().await.unwrap();
    }
    assert_eq!(report.shadow.unwrap().swept, [named(0)]);
    // A marker without a time is none that was written by us.
    assert_eq!(left, [false, true, true, true, true]);
    fresh.pass().await;
}

#[tokio::test]
async fn a_user_who_may_not_is_told_the_role() {
    let fresh = TestDb::new("shadow_rights").await;
    let name = fresh.db.name().to_owned();
    let create = doc! {
        "createUser": "poor", "pwd": "poor",
        "roles": [{ "role": "readWrite", "db": &name }, { "role": "dbAdmin", "db": &name }],
    };
    fresh.db.run_command(create).await.unwrap();
    if !fresh.uri.contains('@') {
        let uri = fresh.uri.replacen("://", "://poor:poor@", 1);
        let uri = format!("{uri}{}authSource={name}", if uri.contains('?') { "&" } else { "/?" });
        let client = Client::with_options(ClientOptions::parse(uri).await.unwrap()).unwrap();
        let migrator = Migrator::with(&client.database(&name), [effect!(1)]);
        let error = migrator.up().shadow().await.unwrap_err();
        assert!(matches!(error, Error::ShadowForbidden { .. }), "{error}");
        assert_eq!(error.kind().exit_code(), 77);
        for part in ["readWriteAnyDatabase", "dbAdminAnyDatabase", "dropDatabase"] {
            assert!(error.to_string().contains(part), "{error}");
        }
        assert_eq!(scratches(&fresh.db).await, [""; 0]);
    }
    fresh.db.run_command(doc! { "dropUser": "poor" }).await.unwrap();
    fresh.pass().await;
}

#[tokio::test]
async fn nothing_pending_makes_nothing() {
    let fresh = TestDb::new("shadow_nothing").await;
    fresh.migrator([effect!(1)]).up().await.unwrap();
    fresh.wire.take();
    let report = fresh.migrator([effect!(1)]).up().shadow().await.unwrap();
    assert!(report.steps.is_empty() && report.shadow.is_none());
    assert_eq!(fresh.wire.take(), ["find", "find"]);
    fresh.pass().await;
}
