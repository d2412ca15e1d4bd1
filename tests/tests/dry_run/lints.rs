//! What is said before a run: as far as it can be seen from outside. (What each lint says is
//! tested where it is judged.)

use mongrate::{
    Error, LintLimits, LintName, Migration,
    bson::{Document, doc},
};
use mongrate_tests::{Fresh, effect};

const LIMITS: LintLimits = LintLimits {
    transaction_documents_max: 10,
    transaction_ms_max: 60_000,
    index_documents_max: 10,
    show_values: false,
};

async fn fill(tx: &mut mongrate::Transaction<'_>, below: i32) -> mongrate::Result {
    tx.collection::<Document>("users")
        .update_many(doc! { "n": { "$lt": below } }, doc! { "$set": { "plan": "free" } })
        .await?;
    Ok(())
}

const ALL: Migration =
    Migration::transactional(1, "fill_all", |tx| Box::pin(async move { fill(tx, 100).await }))
        .writing_many(&["users"]);

const FEW: Migration =
    Migration::transactional(2, "fill_few", |tx| Box::pin(async move { fill(tx, 3).await }))
        .writing_many(&["users"]);

async fn filled(fresh: &Fresh) {
    let users = (0..20_i32).map(|n| doc! { "_id": n, "n": n });
    fresh.db.collection::<Document>("users").insert_many(users).await.unwrap();
    fresh.wire.take();
}

#[tokio::test]
async fn a_plan_guesses_by_the_size_and_a_dry_run_knows() {
    let (fresh, observer) = Fresh::observed("guesses").await;
    filled(&fresh).await;
    let migrator = fresh.migrator([ALL, FEW]).lint_limits(LIMITS).observer(&observer);
    assert!(migrator.up().plan().await.unwrap().lints.is_empty(), "not asked for");
    assert_eq!(fresh.wire.take(), ["find", "find"]);

    let plan = migrator.up().lint(true).plan().await.unwrap();
    assert_eq!(fresh.wire.take(), ["find", "find", "count"], "each collection once");
    let said: Vec<_> =
        plan.lints.iter().map(|lint| (lint.name, lint.version.get(), lint.estimated)).collect();
    let large = LintName::LargeTransaction;
    assert_eq!(said, [(large, 1, true), (large, 2, true)]);
    assert!(plan.lints[0].message.contains("`users`"), "{}", plan.lints[0]);
    assert!(plan.lints[0].good.contains("on.backfill("), "{}", plan.lints[0].good);
    let json = serde_json::to_value(&plan).unwrap();
    let first = json.pointer("/lints/0").unwrap();
    for key in ["name", "version", "migration", "message", "bad", "good", "details"] {
        assert!(first.get(key).is_some(), "{key}: {first}");
    }
    assert_eq!(first.get("name").unwrap(), "large_transaction");

    let report = migrator.up().lint(true).dry_run().await.unwrap();
    let said: Vec<_> =
        report.lints.iter().map(|lint| (lint.version.get(), lint.estimated)).collect();
    assert_eq!(said, [(1, false)], "the second writes three");
    assert!(report.lints[0].message.contains("20 documents"), "{}", report.lints[0]);
    fresh.pass().await;
}

#[tokio::test]
async fn a_lint_can_be_acknowledged() {
    let fresh = Fresh::new("acknowledged").await;
    filled(&fresh).await;
    let quiet = ALL.allowing(&["large_transaction"]);
    let migrator = fresh.migrator([quiet, FEW]).lint_limits(LIMITS);
    let lints = migrator.up().lint(true).plan().await.unwrap().lints;
    assert_eq!(lints.iter().map(|lint| lint.version.get()).collect::<Vec<_>>(), [2]);
    let migrator = migrator.allow(LintName::LargeTransaction);
    assert!(migrator.up().lint(true).plan().await.unwrap().lints.is_empty());
    fresh.pass().await;
}

#[tokio::test]
async fn a_strict_check_refuses_them() {
    let fresh = Fresh::new("strict").await;
    filled(&fresh).await;
    let migrator = fresh.migrator([effect!(3), ALL]).lint_limits(LIMITS);
    assert!(matches!(migrator.check().await, Err(Error::Pending { .. })));
    let error = migrator.check().strict(true).allow_pending(true).await.unwrap_err();
    assert!(matches!(&error, Error::Lints(lints) if lints.len() == 1), "{error}");
    assert_eq!(error.kind().exit_code(), 65);
    assert!(error.to_string().contains("large_transaction"), "{error}");
    let allowed = migrator.allow(LintName::LargeTransaction);
    let error = allowed.check().strict(true).await.unwrap_err();
    assert!(matches!(error, Error::Pending { .. }), "{error}");
    let report = allowed.check().strict(true).allow_pending(true).await.unwrap();
    assert_eq!(report.pending.len(), 2);
    fresh.pass().await;
}

#[tokio::test]
async fn an_up_of_the_library_does_not_look() {
    let fresh = Fresh::new("does_not_look").await;
    filled(&fresh).await;
    let migrator = fresh.migrator([ALL]).lint_limits(LIMITS);
    migrator.up().lint(true).await.unwrap();
    assert_eq!(fresh.wire.take().len(), 5 + 2 + 1);
    fresh.pass().await;
}
