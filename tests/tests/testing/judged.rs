//! The questions to migrations: good ones pass, and each kind of bad one is found.

use mongrate::{
    Migration,
    bson::{Document, doc},
    testing::{self, Database, TestError},
};
use mongrate_tests::effect;

fn versions(named: &[mongrate::Named]) -> Vec<i64> {
    named.iter().map(|named| named.version.get()).collect()
}

#[mongrate::test]
async fn all_rollbacks_work_in_an_empty_database(db: Database) -> Result<(), TestError> {
    let tried = testing::round_trip(&db).await?;
    assert_eq!(versions(&tried.reversed), [1, 2, 3, 4]);
    assert_eq!(versions(&tried.irreversible), [5]);
    Ok(())
}

#[mongrate::test(at = 1, fixtures("guests"))]
async fn all_rollbacks_work_on_documents(db: Database) -> Result<(), TestError> {
    let tried = testing::round_trip(&db).await?;
    assert_eq!(versions(&tried.reversed), [2, 3, 4]);
    // The test's own database is migrated by then.
    assert!(db.migrate().await.unwrap().is_empty());
    Ok(())
}

#[mongrate::test(at = 2, fixtures("guests"))]
async fn no_crash_does_harm(db: Database) -> Result<(), TestError> {
    let tried = testing::apply_twice(&db).await?;
    assert_eq!(tried.migrations.len(), 3);
    for migration in &tried.migrations {
        // Peek, lock, fence, history, guard, commit, release.
        assert!(
            migration.commands >= 7 && migration.crashes == migration.commands,
            "{migration:?}"
        );
    }
    // The online one: two more transactions, a backfill.
    assert!(tried.migrations[0].commands > 16, "{tried:?}");
    Ok(())
}

/// An app may call its control collection as it likes.
#[mongrate::test(at = 0, fixtures("guests"))]
async fn control_documents_are_not_compared_whatever_their_collection_is_called(
    db: Database,
) -> Result<(), TestError> {
    let db = db.with_collection("changes");
    let tried = testing::round_trip(&db).await?;
    assert_eq!(versions(&tried.reversed), [1, 2, 3, 4]);
    let names = db.list_collection_names().await?;
    assert!(names.iter().any(|name| name == "changes"), "{names:?}");
    assert!(names.iter().any(|name| name.starts_with("changes.kept.4.")), "{names:?}");
    assert!(!names.iter().any(|name| name == "migrations"), "{names:?}");

    let place = tempfile::tempdir()?;
    let file = place.path().join("schema.snap");
    // The first call only writes the file.
    let _ = db.assert_schema_in(&file).await;
    let schema = std::fs::read_to_string(file)?;
    assert!(schema.contains("collection rooms\n") && !schema.contains("changes"), "{schema}");
    Ok(())
}

/// Each copy is filled with control documents that name its own collections by their UUIDs.
#[mongrate::test(at = 0, fixtures("guests"))]
async fn copies_have_control_documents_whatever_their_collection_is_called(
    db: Database,
) -> Result<(), TestError> {
    let db = db.with_collection("changes");
    db.migrate_to(4).await?;
    let tried = testing::apply_twice(&db).await?;
    assert_eq!(tried.migrations.len(), 1, "{tried:?}");
    Ok(())
}

/// Forgets one of the two fields that it adds.
const FORGETFUL: Migration = Migration::transactional(1, "forgetful", |tx| {
    Box::pin(async move {
        let set = doc! { "$set": { "one": 1, "two": 2 } };
        tx.collection::<Document>("guests").update_many(doc! {}, set).await?;
        Ok(())
    })
})
.reversible_by(|tx| {
    Box::pin(async move {
        let unset = doc! { "$unset": { "one": "" } };
        tx.collection::<Document>("guests").update_many(doc! {}, unset).await?;
        Ok(())
    })
});

#[mongrate::test(at = 0, fixtures("guests"))]
async fn a_rollback_that_forgets_a_field_is_found(db: Database) {
    let error = testing::round_trip(&db.with_migrations([FORGETFUL])).await.unwrap_err();
    let text = error.to_string();
    assert!(matches!(error, TestError::Differs { .. }), "{text}");
    assert!(text.starts_with("after 1 `forgetful` was rolled back, "), "{text}");
    assert!(text.contains("\n- guests: { _id: 1, "), "{text}");
    assert!(text.contains("two: 2 }"), "{text}");
}

/// Leaves its index.
const UNTIDY: Migration = Migration::online_steps(1, "untidy", |on| {
    Box::pin(async move { on.create_index("guests", doc! { "fullname": 1 }).await })
})
.reversible_online_by(|_| Box::pin(async { Ok(()) }));

#[mongrate::test(at = 0, fixtures("guests"))]
async fn a_rollback_that_leaves_an_index_is_found(db: Database) {
    let error = testing::round_trip(&db.with_migrations([UNTIDY])).await.unwrap_err().to_string();
    assert!(error.contains("+   index fullname_1 { \"fullname\": 1 }"), "{error}");
}

/// Its rollback takes back what it needs to be applied once more.
const ONCE: Migration = Migration::transactional(1, "once", |tx| {
    Box::pin(async move {
        let mut guests = tx.collection::<Document>("guests");
        if guests.count_documents(doc! { "once": true }).await? > 0 {
            return Err("it was applied before".into());
        }
        Ok(())
    })
})
.reversible_by(|tx| {
    Box::pin(async move {
        tx.collection::<Document>("guests").insert_one(doc! { "once": true }).await?;
        Ok(())
    })
});

#[mongrate::test(at = 0)]
async fn a_rollback_that_adds_a_document_is_found(db: Database) {
    let error = testing::round_trip(&db.with_migrations([ONCE])).await.unwrap_err().to_string();
    // Told apart although its id is generated.
    assert!(error.contains("+ guests: { _id: ObjectId(made now), once: true }"), "{error}");
}

#[mongrate::test(at = 0)]
async fn a_rollback_that_fails_is_named(db: Database) {
    let fails = effect!(1).reversible_by(|_| Box::pin(async { Err("no way back".into()) }));
    let error = testing::round_trip(&db.with_migrations([fails])).await.unwrap_err();
    assert!(matches!(error, TestError::Migration { .. }), "{error}");
    assert!(error.to_string().starts_with("cannot roll back 1 `effect_1`: "), "{error}");
    assert!(error.to_string().contains("no way back"), "{error}");
}

/// Inserts outside of any step.
const TWICE: Migration = Migration::online_steps(2, "twice", |on| {
    Box::pin(async move {
        let guests = on.database().collection::<Document>("guests");
        guests.insert_one(doc! { "name": "Anna" }).await?;
        on.create_index("guests", doc! { "name": 1 }).await
    })
});

#[mongrate::test(at = 0)]
async fn what_is_done_twice_after_a_crash_is_found(db: Database) {
    let db = db.with_migrations([effect!(1), TWICE]);
    let error = testing::apply_twice(&db).await.unwrap_err();
    let text = error.to_string();
    assert!(matches!(error, TestError::Differs { .. }), "{text}");
    assert!(text.contains("after 2 `twice` died before its command "), "{text}");
    assert!(text.contains("+ guests: { _id: ObjectId(made now), name: \"Anna\" }"), "{text}");
    // The copy is there to be looked at.
    let (_, name) = text.split_once("in the database `").unwrap();
    let (name, _) = name.split_once('`').unwrap();
    let copy = db.client().database(name);
    assert_eq!(copy.collection::<Document>("guests").count_documents(doc! {}).await.unwrap(), 2);
    copy.drop().await.unwrap();
}

#[mongrate::test(at = 0)]
async fn what_fails_after_a_crash_is_found(db: Database) {
    let fussy = Migration::online_steps(1, "fussy", |on| {
        Box::pin(async move {
            // Fails where the first attempt has been.
            on.database().create_collection("rooms").await?;
            on.create_index("rooms", doc! { "number": 1 }).await
        })
    });
    let error = testing::apply_twice(&db.with_migrations([fussy])).await.unwrap_err().to_string();
    assert!(error.starts_with("cannot apply, after a crash before its command "), "{error}");
    assert!(error.contains("NamespaceExists"), "{error}");
}
