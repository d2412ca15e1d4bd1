//! Squashes: new databases run them, old ones record them, and those half-way are told what to do.

use mongrate::{
    Change, DatabaseAhead, Error, Kind, Migration, Migrator, Policies, Resolution, State, Version,
    bson::{Document, doc},
};
use mongrate_seal::{Applied, Replaces};
use mongrate_tests::{
    TestDb, effect,
    effects::{present, versions},
};

fn old() -> [Migration; 3] {
    [effect!(1), effect!(2), effect!(5)]
}

fn body(change: &mut Change) {
    change.create_collection("squashed");
}

/// A squash of [`old`], with this number.
fn squash(version: i64) -> Migration {
    squash_of(version, &old())
}

fn squash_of(version: i64, old: &[Migration]) -> Migration {
    let checksums: Vec<(i64, String)> =
        old.iter().map(|one| (one.version().get(), one.checksum().into_owned())).collect();
    let applied = Applied::of(checksums.iter().map(|(version, text)| (*version, &**text)));
    let to = checksums.iter().map(|(version, _)| *version).max().unwrap();
    let text: &'static str = Replaces { to, applied }.to_string().leak();
    Migration::declared(version, "squash_of_all", body).replacing(text)
}

/// The build with the squash alone.
fn after(fresh: &TestDb) -> Migrator {
    fresh.migrator([squash(6), effect!(9)])
}

/// The build that has both.
fn both(fresh: &TestDb) -> Migrator {
    let [one, two, five] = old();
    fresh.migrator([one, two, five, squash(6), effect!(9)])
}

fn before(fresh: &TestDb) -> Migrator {
    fresh.migrator(old())
}

async fn has_run(fresh: &TestDb) -> bool {
    fresh.db.list_collection_names().await.unwrap().contains(&"squashed".to_owned())
}

async fn is_one_command(fresh: &TestDb, migrator: &Migrator) {
    fresh.wire.take();
    assert!(migrator.up().await.unwrap().is_empty());
    assert_eq!(fresh.wire.take(), ["find"]);
    let repaired = migrator.repair().preview().await.unwrap();
    assert!(!repaired.digest_rebuilt && repaired.checksums.is_empty(), "{repaired:#?}");
    assert!(migrator.check().await.unwrap().pending.is_empty());
}

async fn states(migrator: &Migrator) -> Vec<(i64, State)> {
    let status = migrator.status().await.unwrap();
    let counted = [status.applied, status.pending, status.failed, status.replaced];
    assert_eq!(counted.iter().sum::<usize>(), status.migrations.len(), "{status:#?}");
    status.migrations.iter().map(|one| (one.version.get(), one.state)).collect()
}

#[tokio::test]
async fn a_new_database_runs_the_squash_and_nothing_that_it_stands_for() {
    use State::{Applied, Replaced};
    for (name, build) in [("squash_new", after as fn(&_) -> _), ("squash_new_both", both)] {
        let fresh = TestDb::new(name).await;
        let migrator = build(&fresh);
        let report = migrator.up().await.unwrap();
        assert_eq!((report.versions(), report.stands), (versions([6, 9]), None));
        assert!(has_run(&fresh).await);
        assert_eq!(present(&fresh.db).await, [9]);
        is_one_command(&fresh, &migrator).await;
        let found = states(&migrator).await;
        assert_eq!(found[found.len() - 2..], [(6, Applied), (9, Applied)]);
        assert!(found[..found.len() - 2].iter().all(|(_, state)| *state == Replaced), "{found:?}");
        fresh.pass().await;
    }
}

#[tokio::test]
async fn an_old_database_records_it_and_does_not_run_it() {
    for (name, build) in [("squash_old", after as fn(&_) -> _), ("squash_old_both", both)] {
        let fresh = TestDb::new(name).await;
        before(&fresh).up().await.unwrap();
        let migrator = build(&fresh);
        let plan = migrator.plan().await.unwrap();
        assert_eq!(plan.stands.as_ref().unwrap().name, "squash_of_all", "{plan:#?}");
        let dry = migrator.up().dry_run().await.unwrap();
        assert_eq!(dry.stands, plan.stands);
        // What it stands for is no stranger, and it says what comes.
        let status = migrator.status().await.unwrap();
        for one in &status.migrations {
            let expected = (one.version.get() == 6).then_some(3);
            assert_eq!(one.stands_for, expected, "{one:#?}");
            let expected = (!one.linked).then_some(Version::from(6));
            assert_eq!(one.replaced_by, expected, "{one:#?}");
        }
        let report = migrator.up().await.unwrap();
        assert_eq!(report.versions(), versions([9]));
        assert_eq!(report.stands.unwrap().version, Version::from(6));
        assert!(!has_run(&fresh).await);
        assert_eq!(present(&fresh.db).await, [1, 2, 5, 9]);
        is_one_command(&fresh, &migrator).await;
        let history = migrator.history().await.unwrap();
        let named = |event: &str| history.events.iter().filter(|one| one.event == event).count();
        assert_eq!((named("stands"), named("replaced"), named("applied")), (1, 3, 4));
        fresh.pass().await;
    }
}

#[tokio::test]
async fn with_nothing_else_pending_it_is_recorded_once() {
    let fresh = TestDb::new("squash_alone").await;
    before(&fresh).up().await.unwrap();
    let migrator = || fresh.migrator([squash(6)]);
    let run = || async { migrator().up().await.unwrap().stands.is_some() };
    let (one, two, three) = tokio::join!(run(), run(), run());
    assert_eq!([one, two, three].iter().filter(|recorded| **recorded).count(), 1);
    assert!(!has_run(&fresh).await);
    is_one_command(&fresh, &migrator()).await;
    fresh.pass().await;
}

/// To record it is an `up`, also where nothing is run.
#[tokio::test]
async fn who_may_not_use_up_does_not_record_it() {
    let fresh = TestDb::new("squash_policy").await;
    before(&fresh).up().await.unwrap();
    let limited = |policies: Policies| fresh.migrator([squash(6)]).policies(policies);
    let error = limited(Policies::new().only("up", ["cli"])).up().await.unwrap_err();
    assert!(matches!(error, Error::Policy(_)), "{error}");
    assert_eq!(states(&before(&fresh)).await.len(), 3);
    let loose = Policies::new().only("up", ["library"]).no_runs("mon-sun").plan_required();
    assert!(limited(loose).up().await.unwrap().stands.is_some());
    fresh.pass().await;
}

#[tokio::test]
async fn a_build_without_it_goes_on_and_repeats_nothing() {
    let fresh = TestDb::new("squash_rolling").await;
    before(&fresh).up().await.unwrap();
    after(&fresh).up().await.unwrap();
    let older = before(&fresh).database_ahead(DatabaseAhead::Allow);
    fresh.wire.take();
    assert!(older.up().await.unwrap().is_empty());
    assert_eq!(fresh.wire.take(), ["find", "find"], "no lock is taken for nothing");
    assert_eq!(present(&fresh.db).await, [1, 2, 5, 9]);
    assert_eq!(
        states(&older).await.iter().filter(|(_, state)| *state == State::Replaced).count(),
        3
    );
    // It cannot roll back what the squash stands for.
    let error = older.down().all().await.unwrap_err();
    assert!(matches!(error, Error::NotLinked { .. }), "{error}");
    // And the squash itself has no rollback of data that it did not make.
    let error = after(&fresh).down().all().await;
    assert!(matches!(error, Err(Error::Irreversible { .. })), "{error:?}");
    fresh.pass().await;
}

#[tokio::test]
async fn a_database_half_way_is_finished_by_a_build_that_still_can() {
    let fresh = TestDb::new("squash_half_both").await;
    before(&fresh).up().to(Version::from(1)).await.unwrap();
    let migrator = both(&fresh);
    // Only a part of the rest: nothing stands yet.
    let report = migrator.up().steps(1).await.unwrap();
    assert_eq!((report.versions(), report.stands), (versions([2]), None));
    let report = migrator.up().await.unwrap();
    assert_eq!(report.versions(), versions([5, 9]));
    assert!(report.stands.is_some());
    // The lock was given back after that, and not before.
    assert_ne!(fresh.wire.take().last().map(String::as_str), Some("commitTransaction"));
    assert_eq!(present(&fresh.db).await, [1, 2, 5, 9]);
    assert!(!has_run(&fresh).await);
    is_one_command(&fresh, &migrator).await;
    fresh.pass().await;
}

#[tokio::test]
async fn a_database_half_way_is_refused_by_a_build_that_cannot() {
    let fresh = TestDb::new("squash_half_after").await;
    before(&fresh).up().to(Version::from(2)).await.unwrap();
    let migrator = after(&fresh);
    for error in [migrator.up().await.unwrap_err(), migrator.plan().await.unwrap_err()] {
        assert_eq!((error.code(), error.kind()), ("squashed", Kind::NeedsOperator));
        let text = error.to_string();
        assert!(
            text.contains("stands for 3 migrations up to 5, and this database has applied 2"),
            "{text}"
        );
        assert!(text.contains("`resolve 6 --as applied`"), "{text}");
    }
    assert_eq!(present(&fresh.db).await, [1, 2], "nothing was run");
    assert!(!migrator.status().await.unwrap().lock.held);
    // An operator's word.
    migrator.resolve(Version::from(6), Resolution::Applied).await.unwrap();
    assert_eq!(migrator.up().await.unwrap().versions(), versions([9]));
    is_one_command(&fresh, &migrator).await;
    fresh.pass().await;
}

#[tokio::test]
async fn others_than_those_that_were_squashed_are_not_taken_for_them() {
    let fresh = TestDb::new("squash_others").await;
    // As many, and one of them edited.
    let edited = effect!(5).with_checksum("edited");
    fresh.migrator([effect!(1), effect!(2), edited]).up().await.unwrap();
    assert_eq!(after(&fresh).up().await.unwrap_err().code(), "squashed");
    // One more than was squashed.
    let more = TestDb::new("squash_more").await;
    more.migrator([effect!(1), effect!(2), effect!(4), effect!(5)]).up().await.unwrap();
    assert_eq!(after(&more).up().await.unwrap_err().code(), "squashed");
    assert_eq!(both(&more).up().await.unwrap_err().code(), "squashed");
    assert_eq!(present(&more.db).await, [1, 2, 4, 5]);
    more.pass().await;
    fresh.pass().await;
}

#[tokio::test]
async fn it_may_take_the_number_of_the_last_one() {
    let fresh = TestDb::new("squash_reuses").await;
    before(&fresh).up().await.unwrap();
    let reusing = || fresh.migrator([squash(5), effect!(6)]);
    // The record of that number is the old one's: neither another app's, nor drift.
    let shown = async |migrator: &Migrator| {
        let status = migrator.status().await.unwrap();
        let five = status.migrations.into_iter().find(|one| one.version.get() == 5).unwrap();
        (five.state, five.recorded_as, five.drifted)
    };
    assert_eq!(shown(&reusing()).await, (State::Pending, None, false));
    let error = reusing().resolve(5, Resolution::Pending).await.unwrap_err();
    assert!(error.to_string().contains("the last migration that the squash stands for"), "{error}");
    let report = reusing().up().await.unwrap();
    assert_eq!((report.versions(), report.stands.is_some()), (versions([6]), true));
    assert!(!has_run(&fresh).await);
    is_one_command(&fresh, &reusing()).await;
    // The past keeps its names.
    let history = reusing().history().await.unwrap();
    let of_five = history.events.iter().filter(|one| one.version == Some(Version::from(5)));
    let of_five: Vec<(&str, &str)> =
        of_five.map(|one| (one.event.as_str(), one.name.as_str())).collect();
    assert_eq!(
        of_five,
        [("applied", "effect_5"), ("replaced", "effect_5"), ("stands", "squash_of_all")]
    );
    // A build that has the old one of that number knows whose record it is.
    let older = before(&fresh).database_ahead(DatabaseAhead::Allow);
    assert!(older.up().await.unwrap().is_empty());
    assert_eq!(shown(&older).await, (State::Replaced, None, false));
    for answer in [Resolution::Applied, Resolution::Pending, Resolution::Undone] {
        let error = older.resolve(5, answer).await.unwrap_err();
        assert!(error.to_string().contains("a squash has taken its number"), "{error}");
        let error = older.resolve(2, answer).await.unwrap_err();
        assert!(error.to_string().contains("a squash stands for it"), "{error}");
    }
    let error = older.down().all().await.unwrap_err();
    assert!(matches!(error, Error::NotLinked { .. }), "{error}");
    let new = TestDb::new("squash_reuses_new").await;
    let build = new.migrator([squash(5), effect!(6)]);
    assert_eq!(build.up().await.unwrap().versions(), versions([5, 6]));
    let history = build.history().await.unwrap();
    assert!(history.events.iter().all(|one| one.event != "replaced"), "{history:#?}");
    is_one_command(&new, &build).await;
    new.pass().await;
    fresh.pass().await;
}

#[tokio::test]
async fn a_squash_is_squashed_again() {
    let fresh = TestDb::new("squash_twice").await;
    before(&fresh).up().await.unwrap();
    after(&fresh).up().await.unwrap();
    let second = || {
        let of = squash_of(10, &[squash(6), effect!(9)]);
        fresh.migrator([of, effect!(12)])
    };
    let report = second().up().await.unwrap();
    assert_eq!((report.versions(), report.stands.is_some()), (versions([12]), true));
    is_one_command(&fresh, &second()).await;
    // One that missed the first squash has to pass through the build that has it.
    let behind = TestDb::new("squash_twice_behind").await;
    before(&behind).up().await.unwrap();
    let of = || squash_of(10, &[squash(6), effect!(9)]);
    let direct = || behind.migrator([of(), effect!(12)]);
    assert_eq!(direct().up().await.unwrap_err().code(), "squashed");
    after(&behind).up().await.unwrap();
    assert!(direct().up().await.unwrap().stands.is_some());
    assert_eq!(present(&behind.db).await, [1, 2, 5, 9, 12]);
    behind.pass().await;
    fresh.pass().await;
}

#[tokio::test]
async fn a_record_that_a_hand_took_away_is_missed() {
    let fresh = TestDb::new("squash_hand").await;
    before(&fresh).up().await.unwrap();
    let control = fresh.db.collection::<Document>("migrations");
    control.delete_one(doc! { "_id": 2_i64 }).await.unwrap();
    assert_eq!(after(&fresh).up().await.unwrap_err().code(), "squashed");
    fresh.pass().await;
}
