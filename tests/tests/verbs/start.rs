//! What an app does when it starts, with a database that is ahead of it, too.

use mongrate::{
    DatabaseAhead, Error, LintName, Migration, Policies, StartPolicy, StartReport,
    bson::{Document, doc},
};
use mongrate_tests::{
    TestDb, effect,
    effects::{present, versions},
};

use super::FIVE;

#[tokio::test]
async fn a_database_that_is_ahead_is_a_warning_or_an_error() {
    let fresh = TestDb::new("a_database_ahead").await;
    fresh.migrator(FIVE).up().await.unwrap();
    let older = fresh.migrator([effect!(1), effect!(2), effect!(3)]);
    fresh.wire.take();
    let report = older.up().await.unwrap();
    assert!(report.is_empty());
    assert_eq!(report.ahead.len(), 2);
    assert!(fresh.wire.take().iter().all(|name| name == "find"), "no lock for nothing");
    let strict = older.clone().database_ahead(DatabaseAhead::Refuse);
    assert!(matches!(strict.up().await, Err(Error::Ahead { .. })));
    assert!(matches!(strict.check().await, Err(Error::Ahead { .. })));
    let error = older.down().await.unwrap_err();
    assert!(matches!(error, Error::NotLinked { .. }), "{error}");
    assert_eq!(present(&fresh.db).await, [1, 2, 3, 4, 5]);
    fresh.pass().await;
}

#[tokio::test]
async fn the_policy_at_start_decides() {
    let fresh = TestDb::new("the_policy_at_start").await;
    let migrator = fresh.migrator(FIVE);
    let warned = migrator.on_start().policy(StartPolicy::Warn).await.unwrap();
    assert_eq!(warned, StartReport::Warn { pending: 5 });
    let error = migrator.on_start().policy(StartPolicy::Check).await.unwrap_err();
    assert!(matches!(&error, Error::Pending { versions } if versions.len() == 5), "{error}");
    assert_eq!(error.kind().exit_code(), 3);
    let done = migrator.on_start().policy(StartPolicy::Migrate).await.unwrap();
    assert!(matches!(done, StartReport::Migrate(report) if report.done().count() == 5));
    for policy in [StartPolicy::Migrate, StartPolicy::Check, StartPolicy::Warn] {
        fresh.wire.take();
        migrator.on_start().policy(policy).await.unwrap();
        assert_eq!(fresh.wire.take(), ["find"], "{policy:?} costs one round trip");
    }
    fresh.pass().await;
}

#[tokio::test]
async fn two_groups_share_a_database() {
    let fresh = TestDb::new("two_groups").await;
    let list = [effect!(1), effect!(2).in_group("billing")];
    let shop = fresh.migrator(list);
    let billing = fresh.migrator(list).group("billing");
    assert_eq!(shop.up().await.unwrap().versions(), versions([1]));
    assert_eq!(billing.up().await.unwrap().versions(), versions([2]));
    assert!(shop.up().await.unwrap().is_empty());
    assert!(billing.up().await.unwrap().is_empty());
    let error = fresh.migrator(list).group("nobody").up().await.unwrap_err();
    assert_eq!(error.kind().exit_code(), 64);
    fresh.pass().await;
}

#[tokio::test]
async fn a_warning_policy_never_keeps_an_app_from_starting() {
    let fresh = TestDb::new("a_warning_policy").await;
    let list = |sum| [effect!(1).with_checksum(sum), effect!(3)];
    fresh.migrator(list("v1:sha256:aa")).up().await.unwrap();
    let drifted = fresh.migrator(list("v1:sha256:bb"));
    let late = fresh.migrator([list("v1:sha256:aa")[0], effect!(2), list("")[1]]);
    let ahead = fresh.migrator([list("v1:sha256:aa")[0]]).database_ahead(DatabaseAhead::Refuse);
    let renamed = fresh.migrator([effect!(1).with_checksum("v1:sha256:aa"), other(3)]);
    for (migrator, pending) in [(drifted, 0), (late, 1), (ahead, 0), (renamed, 0)] {
        let started = migrator.on_start().policy(StartPolicy::Warn).await.unwrap();
        assert_eq!(started, StartReport::Warn { pending });
        migrator.on_start().policy(StartPolicy::Check).await.unwrap_err();
    }
    // What stands for others than those that are applied.
    let squashed = fresh
        .migrator([other(9)
            .replacing("5:3:000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f")]);
    let started = squashed.on_start().policy(StartPolicy::Warn).await.unwrap();
    assert!(matches!(started, StartReport::Warn { .. }), "{started:?}");
    // Such a start applies nothing, so that policies about what is applied are nothing to it.
    let unique = Migration::declared(4, "unique", |change| {
        change.create_index("log", doc! { "same": 1 }).unique(true);
    });
    let many = [doc! { "_id": 1, "same": 1 }, doc! { "_id": 2, "same": 1 }];
    fresh.db.collection::<Document>("log").insert_many(many).await.unwrap();
    let denied = fresh
        .migrator([list("v1:sha256:aa")[0], list("")[1], unique])
        .policies(Policies::new().deny(LintName::UniqueIndexOverDuplicates));
    assert_eq!(denied.check().await.unwrap_err().code(), "policy");
    let started = denied.on_start().policy(StartPolicy::Warn).await.unwrap();
    assert_eq!(started, StartReport::Warn { pending: 1 });
    let error = denied.on_start().policy(StartPolicy::Check).await.unwrap_err();
    assert_eq!(error.code(), "pending");
    fresh.pass().await;
}

/// Another migration of this version.
fn other(version: i64) -> Migration {
    Migration::transactional(version, "another", |_| Box::pin(async { Ok(()) }))
}

#[tokio::test]
async fn a_target_that_does_not_exist_is_refused_even_with_nothing_pending() {
    let fresh = TestDb::new("a_target_that_does_not").await;
    let migrator = fresh.migrator(FIVE);
    migrator.up().await.unwrap();
    assert!(matches!(migrator.up().to(99).await, Err(Error::UnknownVersion { .. })));
    fresh.pass().await;
}
