//! Each kind of difference is found, and is gone after the commands that fix it.

use mongrate::{
    SchemaDifferenceKind as Kind,
    bson::{Document, doc},
};

use super::{drift, migrated, shell, told};

#[tokio::test]
async fn what_the_migrations_lead_to_is_no_drift_in_any_notation() {
    let (fresh, migrator) = migrated("drift_none").await;
    fresh.db.collection::<Document>("notes").insert_one(doc! { "text": "hello" }).await.unwrap();
    let report = drift(&migrator).await;
    assert_eq!(told(&report), [""; 0]);
    assert!(report.is_clean() && report.refused().is_none());
    assert_eq!((report.compared, report.ignored), (4, 0));
    assert!(report.pending.is_empty() && report.ahead.is_empty());
    fresh.pass().await;
}

/// Breaks the schema with these commands, and expects these differences; then fixes them.
async fn broken_and_fixed(test: &str, commands: Vec<Document>, expected: &[&str]) {
    let (fresh, migrator) = migrated(test).await;
    for command in commands {
        fresh.db.run_command(command).await.unwrap();
    }
    let report = drift(&migrator).await;
    assert_eq!(told(&report), expected, "{report:#?}");
    assert!(!report.is_clean());
    assert_eq!(report.refused().map(|kind| kind.exit_code()), Some(65));
    for difference in &report.differences {
        assert!(!difference.shell.is_empty(), "{difference:?}");
        for command in &difference.shell {
            shell::run(&fresh.db, command).await;
        }
    }
    assert_eq!(told(&drift(&migrator).await), [""; 0], "{report:#?}");
    fresh.pass().await;
}

#[tokio::test]
async fn indexes_are_missing_changed_and_extra() {
    broken_and_fixed(
        "drift_indexes",
        vec![
            doc! { "dropIndexes": "users", "index": ["email_1", "seen_at_1", "by_city"] },
            doc! { "createIndexes": "users", "indexes": [
                { "key": { "seen_at": 1 }, "name": "seen_at_1", "expireAfterSeconds": 60, "hidden": true },
                { "key": { "address.city": 1, "email": -1 }, "name": "by_city", "sparse": true },
                { "key": { "plan": 1, "age": -1 }, "name": "hotfix", "unique": true },
            ] },
            doc! { "createIndexes": "audit", "indexes": [{ "key": { "who": 1 }, "name": "who_1" }] },
        ],
        &[
            "index_extra audit/who_1",
            "index_changed users/by_city: partialFilterExpression, sparse",
            "index_missing users/email_1",
            "index_changed users/seen_at_1: expireAfterSeconds, hidden",
            "index_extra users/hotfix",
        ],
    )
    .await;
}

#[tokio::test]
async fn an_index_with_another_name_is_not_missing_and_extra() {
    broken_and_fixed(
        "drift_renamed",
        vec![
            doc! { "dropIndexes": "users", "index": "email_1" },
            doc! { "createIndexes": "users", "indexes": [
                { "key": { "email": 1 }, "name": "mail", "unique": true },
            ] },
        ],
        &["index_changed users/email_1: name"],
    )
    .await;
}

#[tokio::test]
async fn a_validator_is_missing() {
    let command = doc! { "collMod": "users", "validator": {}, "validationLevel": "strict" };
    broken_and_fixed("drift_no_validator", vec![command], &["validator_missing users"]).await;
}

#[tokio::test]
async fn a_validator_is_extra() {
    let commands =
        vec![doc! { "create": "notes", "validator": { "$jsonSchema": { "required": ["text"] } } }];
    broken_and_fixed("drift_extra_validator", commands, &["validator_extra notes"]).await;
}

#[tokio::test]
async fn a_validator_is_changed_and_the_paths_are_named() {
    let mut validator = super::validator();
    let schema = validator.get_document_mut("$jsonSchema").unwrap();
    schema.insert("required", vec!["email", "_id"]);
    let properties = schema.get_document_mut("properties").unwrap();
    properties.insert("age", doc! { "bsonType": "int" });
    let command = doc! {
        "collMod": "users", "validator": validator, "validationLevel": "strict",
        "validationAction": "warn",
    };
    let expected = "validator_changed users: properties.age.bsonType, required, validationLevel, \
                    validationAction";
    broken_and_fixed("drift_validator", vec![command], &[expected]).await;
}

#[tokio::test]
async fn collections_are_missing_and_extra() {
    let (fresh, migrator) = migrated("drift_collections").await;
    for command in [
        doc! { "drop": "users" },
        doc! { "drop": "readings" },
        doc! { "create": "imported", "capped": true, "size": 4_096 },
        doc! { "createIndexes": "imported", "indexes": [{ "key": { "a": 1 }, "name": "a_1" }] },
    ] {
        fresh.db.run_command(command).await.unwrap();
    }
    let report = drift(&migrator).await;
    assert_eq!(
        told(&report),
        ["collection_extra imported", "collection_missing readings", "collection_missing users",],
    );
    let found = report.differences[0].found.as_ref().unwrap();
    assert_eq!(
        found,
        "{\"type\":\"collection\",\"options\":{\"capped\":true,\"size\":4096},\"indexes\":[{\"key\":\
         {\"a\":1},\"name\":\"a_1\"}]}"
    );
    for command in report.differences.iter().flat_map(|difference| &difference.shell) {
        shell::run(&fresh.db, command).await;
    }
    assert_eq!(told(&drift(&migrator).await), [""; 0]);
    fresh.pass().await;
}

#[tokio::test]
async fn a_collection_of_another_kind_is_for_a_person() {
    let (fresh, migrator) = migrated("drift_kinds").await;
    for command in [
        doc! { "drop": "young" },
        doc! { "create": "young" },
        doc! { "drop": "readings" },
        doc! { "create": "readings", "timeseries": { "timeField": "at" } },
    ] {
        fresh.db.run_command(command).await.unwrap();
    }
    let report = drift(&migrator).await;
    let expected = ["collection_changed readings: timeseries", "collection_changed young"];
    assert_eq!(told(&report), expected);
    for difference in &report.differences {
        assert_eq!(difference.kind, Kind::CollectionChanged);
        assert!(difference.shell.is_empty() && difference.change.is_empty(), "{difference:?}");
        assert!(difference.found.is_some() && difference.expected.is_some());
    }
    fresh.pass().await;
}
