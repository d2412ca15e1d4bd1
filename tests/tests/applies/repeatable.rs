//! Repeatable migrations: they run after the versions, and again whenever their body changes.

use mongrate::{
    DatabaseAhead, Error, Migration, Migrator, Resolution, State, StepOutcome, Version, Wait,
    bson::{Document, doc},
};
use mongrate_tests::{TestDb, effect};

/// Writes its checksum down, and counts its runs.
macro_rules! writes {
    ($text:literal) => {
        Migration::repeatable("prices", |tx| {
            Box::pin(async move {
                let update = doc! { "$set": { "text": $text }, "$inc": { "runs": 1 } };
                let mut prices = tx.collection::<Document>("prices");
                prices.update_one(doc! { "_id": "prices" }, update).upsert(true).await?;
                Ok(())
            })
        })
        .with_checksum($text)
    };
}

async fn prices(fresh: &TestDb) -> (String, i32) {
    let prices = fresh.db.collection::<Document>("prices");
    let found = prices.find_one(doc! {}).await.unwrap().unwrap_or_default();
    let text = found.get_str("text").unwrap_or_default().to_owned();
    (text, found.get_i32("runs").unwrap_or_default())
}

async fn is_one_command(fresh: &TestDb, migrator: &Migrator) {
    fresh.wire.take();
    assert!(migrator.up().await.unwrap().is_empty());
    assert_eq!(fresh.wire.take(), ["find"]);
}

#[tokio::test]
async fn it_runs_after_all_versions_and_when_it_has_changed() {
    let fresh = TestDb::new("repeatable_changes").await;
    let first = fresh.migrator([writes!("one"), effect!(1), effect!(2)]);
    let report = first.up().await.unwrap();
    let names: Vec<&str> = report.steps.iter().map(|step| step.name.as_str()).collect();
    assert_eq!(names.last(), Some(&"prices"), "{names:?}");
    assert_eq!(prices(&fresh).await, ("one".to_owned(), 1));
    is_one_command(&fresh, &first).await;

    let second = fresh.migrator([writes!("two"), effect!(1), effect!(2)]);
    let status = second.status().await.unwrap();
    let last = status.migrations.last().unwrap();
    assert_eq!((last.state, last.repeatable, last.drifted), (State::Pending, true, false));
    assert_eq!(last.version.to_string(), "repeatable");
    fresh.wire.take();
    assert_eq!(second.up().await.unwrap().done().count(), 1);
    // The peek does not tell whether the database is ahead, or behind: one more read.
    let sent = fresh.wire.take();
    assert_eq!(sent.len(), 5 + 2 + 1 + 1, "{sent:?}");
    assert_eq!(prices(&fresh).await, ("two".to_owned(), 2));
    is_one_command(&fresh, &second).await;

    // A rollback of versions leaves it, and the next run does not repeat it.
    second.down().all().await.unwrap();
    assert_eq!(second.up().await.unwrap().done().count(), 2);
    assert_eq!(prices(&fresh).await, ("two".to_owned(), 2));
    is_one_command(&fresh, &second).await;
    assert_eq!(second.check().await.unwrap().pending.len(), 0);
    assert!(second.repair().await.unwrap().checksums.is_empty());
    fresh.pass().await;
}

#[tokio::test]
async fn a_failure_leaves_what_ran_before() {
    let fresh = TestDb::new("repeatable_fails").await;
    let versions = || [effect!(1)];
    fresh.migrator(versions().into_iter().chain([writes!("one")])).up().await.unwrap();
    let failing =
        Migration::repeatable("prices", |_| Box::pin(async { Err("the body says no".into()) }))
            .with_checksum("broken");
    let broken = fresh.migrator([effect!(1), failing]);
    for _ in 0..2 {
        broken.up().await.unwrap_err();
        let status = broken.status().await.unwrap();
        let last = status.migrations.last().unwrap();
        assert!(last.failure.as_ref().unwrap().message.contains("the body says no"));
        assert_eq!(last.state, State::Pending);
    }
    assert_eq!(prices(&fresh).await, ("one".to_owned(), 1));
    // For the build that has it as it ran, nothing is to be done.
    let before = fresh.migrator([effect!(1), writes!("one")]);
    is_one_command(&fresh, &before).await;
    let fixed = fresh.migrator([effect!(1), writes!("two")]);
    fixed.up().await.unwrap();
    assert_eq!(prices(&fresh).await, ("two".to_owned(), 2));
    is_one_command(&fresh, &fixed).await;
    fresh.pass().await;
}

#[tokio::test]
async fn an_online_one_begins_anew_when_it_has_changed_half_way() {
    let fresh = TestDb::new("repeatable_online").await;
    let online = |fails: bool, checksum: &'static str| {
        let body: mongrate::OnlineFn = match fails {
            true => |on| {
                Box::pin(async move {
                    count(on, "first").await?;
                    Err("half-way".into())
                })
            },
            false => |on| {
                Box::pin(async move {
                    count(on, "first").await?;
                    count(on, "second").await
                })
            },
        };
        Migration::repeatable_online("view", body).with_checksum(checksum)
    };
    let runs = async || {
        let steps = fresh.db.collection::<Document>("steps");
        let run = async |id| {
            let found = steps.find_one(doc! { "_id": id }).await.unwrap().unwrap_or_default();
            found.get_i32("runs").unwrap_or_default()
        };
        (run("first").await, run("second").await)
    };
    let with = |one: Migration| fresh.migrator([effect!(1), one]);
    with(online(true, "a")).up().await.unwrap_err();
    assert_eq!(runs().await, (1, 0));
    // With the body that it stopped in, it resumes.
    with(online(false, "a")).up().await.unwrap();
    assert_eq!(runs().await, (1, 1));
    with(online(true, "b")).up().await.unwrap_err();
    assert_eq!(runs().await, (2, 1));
    // With another one, its steps are others.
    let last = with(online(false, "c"));
    last.up().await.unwrap();
    assert_eq!(runs().await, (3, 2));
    is_one_command(&fresh, &last).await;
    assert!(!last.repair().await.unwrap().digest_rebuilt, "the digest fits the records");
    fresh.pass().await;
}

async fn count(on: &mut mongrate::Online<'_>, id: &'static str) -> mongrate::Result {
    on.transaction(id, async |tx| {
        let mut steps = tx.collection::<Document>("steps");
        let update = doc! { "$inc": { "runs": 1 } };
        steps.update_one(doc! { "_id": id }, update).upsert(true).await?;
        Ok(())
    })
    .await?;
    Ok(())
}

#[tokio::test]
async fn an_older_build_does_not_put_its_own_back() {
    let fresh = TestDb::new("repeatable_older").await;
    let newer = fresh.migrator([effect!(1), effect!(2), writes!("two")]);
    newer.up().await.unwrap();
    let older = fresh.migrator([effect!(1), writes!("one")]).database_ahead(DatabaseAhead::Allow);
    assert!(older.up().await.unwrap().is_empty());
    assert_eq!(prices(&fresh).await, ("two".to_owned(), 1));
    // A build that has none of that name leaves it alone, and is not behind.
    let without = fresh.migrator([effect!(1), effect!(2)]);
    assert!(without.up().await.unwrap().is_empty());
    assert_eq!(without.check().await.unwrap().ahead.len(), 0);
    let status = without.status().await.unwrap();
    let last = status.migrations.last().unwrap();
    assert_eq!((last.linked, last.repeatable, last.state), (false, true, State::Applied));
    fresh.pass().await;
}

#[tokio::test]
async fn targets_are_of_versions() {
    let fresh = TestDb::new("repeatable_targets").await;
    let migrator = fresh.migrator([effect!(1), effect!(2), writes!("one")]);
    assert_eq!(migrator.up().to(Version::from(1)).await.unwrap().done().count(), 1);
    assert_eq!(migrator.up().steps(9).await.unwrap().done().count(), 1);
    assert_eq!(prices(&fresh).await.1, 0);
    assert_eq!(migrator.up().await.unwrap().done().count(), 1);
    assert_eq!(prices(&fresh).await.1, 1);
    let repeatable = migrator.migrations().unwrap().last().unwrap().version();
    migrator.baseline(Version::from(2)).await.unwrap();
    for error in [
        migrator.up().to(repeatable).await.unwrap_err(),
        migrator.down().to(repeatable).await.unwrap_err(),
        migrator.baseline(repeatable).await.unwrap_err(),
    ] {
        assert!(matches!(error, Error::UnknownVersion { .. }), "{error}");
    }
    fresh.pass().await;
}

#[tokio::test]
async fn all_in_one_transaction_and_in_many_processes() {
    let fresh = TestDb::new("repeatable_atomic").await;
    let migrator = |text: Migration| fresh.migrator([effect!(1), effect!(2), text]);
    migrator(writes!("one")).up().atomic(true).await.unwrap();
    let second = migrator(writes!("two"));
    second.up().atomic(true).await.unwrap();
    assert_eq!(prices(&fresh).await, ("two".to_owned(), 2));
    is_one_command(&fresh, &second).await;
    let run = || async { migrator(writes!("three")).wait(Wait::Forever).up().await.unwrap() };
    let (one, two, three) = tokio::join!(run(), run(), run());
    assert_eq!([one, two, three].iter().map(|report| report.done().count()).sum::<usize>(), 1);
    assert_eq!(prices(&fresh).await, ("three".to_owned(), 3));
    fresh.pass().await;
}

#[tokio::test]
async fn it_waits_for_versions_that_fail() {
    let fresh = TestDb::new("repeatable_waits").await;
    let failing =
        Migration::transactional(1, "failing", |_| Box::pin(async { Err("not yet".into()) }));
    let migrator = fresh.migrator([writes!("one"), failing, effect!(2)]);
    let error = migrator.up().continue_on_error(true).await;
    let Err(Error::Failed { report, .. }) = error else { panic!("it fails") };
    let outcomes: Vec<_> =
        report.steps.iter().map(|step| (step.name.as_str(), step.outcome)).collect();
    assert_eq!(
        outcomes,
        [
            ("failing", StepOutcome::Failed),
            ("effect_2", StepOutcome::Applied),
            ("prices", StepOutcome::NotRun)
        ]
    );
    assert_eq!(prices(&fresh).await.1, 0);
    fresh.pass().await;
}

#[tokio::test]
async fn one_that_is_gone_from_the_code_is_forgotten_by_an_operators_word() {
    let fresh = TestDb::new("repeatable_gone").await;
    fresh.migrator([writes!("one"), effect!(1)]).up().await.unwrap();
    let without = fresh.migrator([effect!(1)]);
    fresh.wire.take();
    assert!(without.up().await.unwrap().is_empty());
    assert_eq!(fresh.wire.take(), ["find", "find"], "the history is read at each start");
    let number = mongrate_seal::repeatable_number("prices");
    let unknown = without.resolve(mongrate_seal::repeatable_number("price"), Resolution::Undone);
    assert!(matches!(unknown.await, Err(Error::UnknownVersion { .. })));
    let report = without.resolve(number, Resolution::Undone).await.unwrap();
    assert_eq!((report.state, report.migrations[0].name.as_str()), (State::Pending, "prices"));
    is_one_command(&fresh, &without).await;
    // Back in the code, it runs again.
    assert_eq!(fresh.migrator([writes!("one"), effect!(1)]).up().await.unwrap().done().count(), 1);
    assert_eq!(prices(&fresh).await, ("one".to_owned(), 2));
    fresh.pass().await;
}
