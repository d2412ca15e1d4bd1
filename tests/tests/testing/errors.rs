//! `?` in a test, for errors of every kind; and what a migration written as the guides show does.

use std::error::Error as StdError;

use mongrate::{
    Migration,
    bson::{Document, doc},
    testing::{self, Database, TestError},
};

/// Each of these is another error type.
async fn everything(db: &Database, wrong: &str) -> Result<(), TestError> {
    let is = |step: &str| wrong == step;
    db.migrate_to(if is("mongrate") { 77 } else { 5 }).await?;
    let inn = db.collection::<Document>("house");
    if is("mongodb") {
        inn.insert_one(doc! { "_id": "inn" }).await?;
    }
    let one = inn.find_one(doc! {}).await?.unwrap_or_default();
    one.get_i32(if is("bson") { "rooms" } else { "beds" })?;
    std::fs::read_to_string(if is("io") { "nowhere.txt" } else { "Cargo.toml" })?;
    if is("number") { "x" } else { "1" }.parse::<u8>()?;
    let anyhow = |fails: bool| -> anyhow::Result<()> {
        anyhow::ensure!(!fails, "the roof leaks");
        Ok(())
    };
    anyhow(is("anyhow"))?;
    let boxed = |fails: bool| -> Result<(), Box<dyn StdError + Send + Sync>> {
        if fails { Err("the door is open".into()) } else { Ok(()) }
    };
    boxed(is("boxed"))?;
    let found = (!is("text")).then_some(one).ok_or("no inn")?;
    serde_json::from_str::<Document>(if is("json") { "{" } else { "{}" })?;
    testing::snapshot(db).await?;
    assert!(found.get("beds").is_some() && !is("panic"));
    Ok(())
}

#[mongrate::test]
async fn a_test_may_use_the_question_mark_for_every_error(db: Database) -> Result<(), TestError> {
    everything(&db, "").await?;
    for (wrong, says) in [
        ("mongrate", "77"),
        ("mongodb", "E11000"),
        ("bson", "rooms"),
        ("io", "No such file"),
        ("number", "invalid digit"),
        ("anyhow", "the roof leaks"),
        ("boxed", "the door is open"),
        ("text", "no inn"),
        ("json", "EOF"),
    ] {
        let error = everything(&db, wrong).await.expect_err(wrong);
        assert!(format!("{error:?}").contains(says), "{wrong}: {error}");
        assert!(error.source().is_some() && matches!(error, TestError::Other(_)), "{wrong}");
    }
    Ok(())
}

/// What the kit says is an error for other tests, too.
#[mongrate::test]
async fn in_a_test_with_another_error_it_is_one_of_the_standard_library(
    db: Database,
) -> anyhow::Result<()> {
    let snapshot = testing::snapshot(&db).await.map_err(TestError::into_error)?;
    anyhow::ensure!(snapshot.contains("collection house"), "{snapshot}");
    Ok(())
}

/// As the guide to the kinds shows it: the loop reads and writes in one transaction.
#[mongrate::test(at = 5)]
async fn a_cursor_is_advanced_within_the_transaction(db: Database) -> Result<(), TestError> {
    const TRIM: Migration = Migration::transactional(6, "trim_names", |tx| {
        Box::pin(async move {
            tx.collection::<Document>("names").insert_one(doc! { "_id": 3, "name": " c " }).await?;
            let mut all = tx.collection::<Document>("names").find(doc! {}).batch_size(1).await?;
            while let Some(one) = all.next(tx.session()).await {
                let one = one?;
                let trimmed = doc! { "$set": { "name": one.get_str("name")?.trim() } };
                let this = doc! { "_id": one.get("_id") };
                tx.collection::<Document>("names").update_one(this, trimmed).await?;
            }
            let group = [doc! { "$group": { "_id": "$name", "count": { "$sum": 1 } } }];
            let mut groups = tx.collection::<Document>("names").aggregate(group).await?;
            while let Some(group) = groups.next(tx.session()).await {
                tx.collection::<Document>("counts").insert_one(group?).await?;
            }
            Ok(())
        })
    });
    let names = db.collection::<Document>("names");
    names.insert_many([doc! { "_id": 1, "name": " a" }, doc! { "_id": 2, "name": "a " }]).await?;
    let migrations = db.migrator().migrations()?.into_iter().chain([TRIM]);
    db.with_migrations(migrations).migrate_to(6).await?;
    assert_eq!(names.count_documents(doc! { "name": "a" }).await?, 2);
    let counts = db.collection::<Document>("counts");
    // The document that the transaction itself had written was found, too.
    let counted = counts.find_one(doc! { "_id": "c" }).await?.ok_or("not counted")?;
    assert_eq!(counted.get_i32("count")?, 1);
    assert_eq!(
        counts.find_one(doc! { "_id": "a" }).await?.ok_or("not counted")?.get_i32("count")?,
        2
    );
    Ok(())
}
