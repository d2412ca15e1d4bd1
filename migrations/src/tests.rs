//! The clinic's migrations, tested with mongrate's kit.

use mongrate::{
    bson::{Document, doc},
    testing::{self, Database, Kill, TestError},
};

// The linked migrations are the sealed ones, all but one have a rollback, and together they lead to
// what the models want.
mongrate::verify!(reversible, except = [validate_patients], models);

/// Compares the schema with `schema.snap` beside `Cargo.toml`, so that a change of the schema shows in
/// the pull request.
#[mongrate::test]
async fn the_schema_is_the_one_in_schema_snap(db: Database) -> Result<(), TestError> {
    db.assert_schema().await
}

/// The digest of the clinic's history never changes, or no start would recognise the databases that
/// earlier builds brought up to date. A run computes the digest from the records; a start sums the
/// hashes that the attribute computed.
#[mongrate::test]
async fn the_digest_is_the_one_that_earlier_builds_stored(db: Database) -> Result<(), TestError> {
    const DIGEST: &str = "38130307ba00894a00a5ef703ff62c1cfa1ae6aee0a3cb8bfcd36470362b8229";
    let control = db.collection::<Document>("migrations");
    let fence = control.find_one(doc! { "_id": "fence" }).await?.ok_or("there is no fence")?;
    assert_eq!(fence.get_document("applied")?, &doc! { "count": 9_i64, "digest": DIGEST });
    // Without records, only the digest says that nothing is pending.
    let records = doc! { "_id": { "$type": "long" } };
    assert_eq!(control.delete_many(records.clone()).await?.deleted_count, 9);
    assert!(db.migrator().up().await?.is_empty());
    assert_eq!(control.count_documents(records).await?, 0);
    Ok(())
}

#[mongrate::test]
async fn every_rollback_gives_back_what_was_there(db: Database) -> Result<(), TestError> {
    let tried = testing::round_trip(&db).await?;
    let names: Vec<&str> =
        tried.irreversible.iter().map(|migration| migration.name.as_str()).collect();
    assert_eq!(names, ["validate_patients"]);
    Ok(())
}

#[mongrate::test(at = 20250122005, fixtures("patients"))]
async fn names_are_split_at_the_first_space(db: Database) -> Result<(), TestError> {
    db.migrate_to(20250122006).await?;
    let patients = db.collection::<Document>("patients");
    let anna = patients.find_one(doc! { "_id": "anna" }).await?.ok_or("anna is gone")?;
    assert_eq!(anna.get_str("given")?, "Anna");
    assert_eq!(anna.get_str("family")?, "Berg");
    assert_eq!(anna.get_str("name")?, "Anna Berg", "the running app still reads it");
    db.migrate_to(20250122008).await?;
    let anna = patients.find_one(doc! { "_id": "anna" }).await?.ok_or("anna is gone")?;
    assert!(!anna.contains_key("name"));
    Ok(())
}

#[mongrate::test(at = 20250122003)]
async fn a_crash_does_not_make_patients_twice(db: Database) -> Result<(), TestError> {
    let third = Kill::after(3).of("commitTransaction");
    let ended = testing::kill(&db, third, async |migrator| migrator.up().steps(1).await).await?;
    assert!(ended.is_none(), "the process died");
    db.migrate_to(20250122004).await?;
    let patients = db.collection::<Document>("patients");
    assert_eq!(patients.count_documents(doc! {}).await?, 2_000);
    Ok(())
}

/// Tests the first three migrations only: the others insert thousands of documents, and each crash
/// copies the database.
#[mongrate::test(at = 0)]
async fn a_crash_at_any_command_does_no_harm(db: Database) -> Result<(), TestError> {
    let migrations = db.migrator().migrations().unwrap().into_iter().take(3);
    let tried = testing::apply_twice(&db.with_migrations(migrations)).await?;
    assert!(
        tried.migrations.iter().all(|migration| migration.crashes == migration.commands),
        "{tried:?}"
    );
    Ok(())
}
