//! What drift leaves out, what it says of the history, what it costs, and what it refuses.

use mongrate::{
    Error, Migration, Migrator,
    bson::{Document, doc},
};
use mongrate_tests::TestDb;

use super::{MODELS, SCHEMA, drift, migrated, told};

#[tokio::test]
async fn the_ignore_list_hides_collections_and_indexes() {
    let (fresh, migrator) = migrated("drift_ignored").await;
    for name in ["tmp.a", "tmp.b", "imported"] {
        fresh.db.create_collection(name).await.unwrap();
    }
    let index = doc! { "key": { "plan": 1 }, "name": "plan_1_old" };
    let command = doc! { "createIndexes": "users", "indexes": [index] };
    fresh.db.run_command(command).await.unwrap();
    let all = drift(&migrator).await;
    assert_eq!(all.differences.len(), 4, "{:?}", told(&all));
    let report = migrator
        .clone()
        .ignore_drift("tmp.*")
        .models(MODELS)
        .drift()
        .ignore("users/*_old")
        .await
        .unwrap();
    assert_eq!(told(&report), ["collection_extra imported"]);
    assert_eq!(report.ignored, 1, "ignored collections are not even looked at");
    let error = migrator.clone().models(MODELS).drift().ignore("a/b/c").await.unwrap_err();
    assert!(matches!(error, Error::Settings { setting: "ignore", .. }), "{error}");
    fresh.pass().await;
}

#[tokio::test]
async fn mongrates_own_collections_never_count() {
    fn drop_audit(change: &mut mongrate::Change) {
        change.drop_collection("audit");
    }
    let fresh = TestDb::new("drift_own").await;
    let second = Migration::declared(2, "drop_audit", drop_audit);
    let migrator = fresh.migrator([SCHEMA, second]).collection("history");
    migrator.up().await.unwrap();
    let billing = Migration::declared(1, "other", super::schema).in_group("billing");
    let other = Migrator::with(&fresh.db, [billing]).group("billing");
    other.baseline(1).await.unwrap();
    let names = fresh.db.list_collection_names().await.unwrap();
    let own = ["history", "history.kept.2.0", "migrations.billing"];
    assert!(own.iter().all(|own| names.iter().any(|name| name == own)), "{names:?}");
    assert_eq!(told(&drift(&migrator).await), [""; 0]);
    fresh.pass().await;
}

#[tokio::test]
async fn a_database_that_is_behind_or_ahead_is_said_to_be() {
    fn more(change: &mut mongrate::Change) {
        change.create_index("users", doc! { "plan": 1 });
    }
    let second = Migration::declared(2, "more", more);
    let models = MODELS
        .replace("users index seen", "users index plan_1 {\"key\":{\"plan\":1}}\nusers index seen");
    let (fresh, older) = migrated("drift_pending").await;
    let newer = fresh.migrator([SCHEMA, second]);
    let report = newer.clone().models(models.clone()).drift().await.unwrap();
    assert_eq!(told(&report), ["index_missing users/plan_1"]);
    assert_eq!(report.pending.len(), 1);
    assert_eq!(report.refused().map(|kind| kind.exit_code()), Some(3), "`up` is what helps");
    newer.up().await.unwrap();
    assert!(newer.clone().models(models).drift().await.unwrap().is_clean());
    let report = drift(&older).await;
    assert_eq!(told(&report), ["index_extra users/plan_1"]);
    assert_eq!(report.ahead.len(), 1, "{:?}", report.ahead);
    fresh.pass().await;
}

#[tokio::test]
async fn round_trips_do_not_depend_on_documents() {
    let (fresh, migrator) = migrated("drift_trips").await;
    let mut counted = Vec::new();
    for documents in [0, 2_000] {
        if documents > 0 {
            let many = (0..documents).map(|n| doc! { "text": "x", "n": n });
            fresh.db.collection::<Document>("notes").insert_many(many).await.unwrap();
        } else {
            fresh.db.create_collection("notes").await.unwrap();
        }
        fresh.wire.take();
        drift(&migrator).await;
        let mut sent = fresh.wire.take();
        // Collections are asked for their indexes side by side.
        sent.sort();
        counted.push(sent);
    }
    // `audit`, `notes`, `readings` and `users`; a view has no indexes.
    let lists = ["listIndexes"; 4];
    let expected: Vec<&str> =
        ["find", "find", "listCollections"].into_iter().chain(lists).collect();
    assert_eq!(counted, [expected.clone(), expected]);
    fresh.wire.take();
    migrator.clone().models(MODELS).drift().sample(100).await.unwrap();
    let sent = fresh.wire.take();
    let sampled = sent.iter().filter(|name| *name == "aggregate").count();
    assert_eq!(sampled, 4, "one for each collection with models: {sent:?}");
    fresh.pass().await;
}

#[tokio::test]
async fn without_what_to_compare_with_nothing_is_compared() {
    let (fresh, migrator) = migrated("drift_refused").await;
    fresh.wire.take();
    for (text, part) in [
        (MODELS.strip_suffix("end\n").unwrap(), "the file is cut off"),
        ("mongrate-models v9\nend\n", "newer"),
        ("<<<<<<< ours\n", "models.snap:1"),
    ] {
        let error = migrator.clone().models(text).drift().await.unwrap_err();
        assert!(matches!(error, Error::Registry { .. }), "{error}");
        assert!(error.to_string().contains(part), "{error}");
    }
    for sample in [0, 1_000_001] {
        let error = migrator.clone().models(MODELS).drift().sample(sample).await.unwrap_err();
        assert!(matches!(error, Error::Settings { setting: "sample", .. }), "{error}");
    }
    assert_eq!(fresh.wire.take(), [""; 0], "nothing is sent for that");
    fresh.pass().await;
}

#[tokio::test]
async fn the_json_is_stable() {
    let (fresh, migrator) = migrated("drift_json").await;
    let command = doc! { "dropIndexes": "users", "index": "email_1" };
    fresh.db.run_command(command).await.unwrap();
    let report = drift(&migrator).await;
    let text = serde_json::to_string(&report).unwrap();
    let expected = format!(
        "{{\"group\":\"default\",\"database\":\"{}\",\"compared\":4,\"differences\":[{{\
         \"collection\":\"users\",\"index\":\"email_1\",\"kind\":\"index_missing\",\"expected\":\
         \"{{\\\"key\\\":{{\\\"email\\\":1}},\\\"name\\\":\\\"email_1\\\",\\\"unique\\\":true}}\",\
         \"shell\":[\"db.getCollection(\\\"users\\\").createIndex({{\\\"email\\\":1}}, \
         {{\\\"unique\\\":true,\\\"name\\\":\\\"email_1\\\"}})\"],\"change\":[\
         \"change.drop_index(\\\"users\\\", doc! {{ \\\"email\\\": 1 }}).unique(true)\
         .name(\\\"email_1\\\").if_exists();\"],\"attribute\":\"remove the index `email_1`\"}}],\
         \"ignored\":0}}",
        fresh.db.name()
    );
    assert_eq!(text, expected);
    let read: mongrate::SchemaDriftReport = serde_json::from_str(&text).unwrap();
    assert_eq!(read, report);
    fresh.pass().await;
}
