//! What goes over the wire, counted: never timed.

use std::{sync::OnceLock, time::Duration};

use mongrate::{
    Error, Migration, Migrator, StartPolicy, StartReport, Version,
    bson::{Document, doc},
    mongodb::Client,
    webhook::Webhook,
};
use mongrate_tests::{
    TestDb,
    effects::{EFFECTS, TWENTY},
};
use tokio_util::sync::CancellationToken;

const THINGS: &str = "things";

fn trivial(version: i64) -> Migration {
    Migration::transactional(version, name(version), |tx| {
        Box::pin(async move {
            tx.collection::<Document>(THINGS).insert_one(doc! {}).await?;
            Ok(())
        })
    })
}

/// `Migration` has static names; these live as long as the test.
fn name(version: i64) -> &'static str {
    Box::leak(format!("trivial_{version}").into_boxed_str())
}

fn many(count: i64) -> Vec<Migration> {
    let empty = |version| {
        Migration::transactional(version, name(version), |_| Box::pin(async { Ok(()) }))
            .reversible_by(|_| Box::pin(async { Ok(()) }))
    };
    (1..=count).map(empty).collect()
}

/// A database with the collections that the effects go to. Where a transaction makes one, a busy server may
/// abort the next transaction there once: its snapshot may be older than the collection.
async fn database(name: &str) -> TestDb {
    let fresh = TestDb::new(name).await;
    for collection in [THINGS, EFFECTS] {
        fresh.db.create_collection(collection).await.unwrap();
    }
    fresh
}

#[tokio::test]
async fn nothing_pending_is_one_command_whatever_the_history() {
    for applied in [10, 5_000] {
        let fresh = database(&format!("nothing_pending_{applied}")).await;
        let migrator = fresh.migrator(many(applied));
        migrator.baseline(Version::from(applied)).await.unwrap();
        fresh.wire.take();
        assert!(migrator.up().await.unwrap().is_empty());
        let sent = fresh.wire.take_full();
        assert_eq!(sent.len(), 1, "{sent:?}");
        let (name, command) = &sent[0];
        assert_eq!(name, "find");
        assert!(command.get_bool("singleBatch").unwrap(), "{command}");
        let control = fresh.db.collection::<Document>("migrations");
        let fence = control.find_one(doc! { "_id": "fence" }).await.unwrap().unwrap();
        let text = fence.to_string();
        assert!(text.len() < 600, "of constant size: {text}");
        fresh.pass().await;
    }
}

/// From a thousand migrations on, a start looks at the database while it checks its list.
#[tokio::test]
async fn a_start_with_a_long_list_looks_once() {
    let fresh = database("long_list").await;
    let mut list = many(1_500);
    fresh.migrator(list.clone()).baseline(Version::from(1_500)).await.unwrap();
    for policy in [StartPolicy::Migrate, StartPolicy::Check, StartPolicy::Warn] {
        fresh.wire.take();
        fresh.migrator(list.clone()).on_start().policy(policy).await.unwrap();
        assert_eq!(fresh.wire.take(), ["find"], "{policy:?}");
    }
    list.push(trivial(1_501));
    let started = fresh.migrator(list).on_start().policy(StartPolicy::Migrate).await.unwrap();
    assert!(matches!(&started, StartReport::Migrate(report) if report.done().count() == 1));
    let sent = fresh.wire.take();
    let expected = ["find", "findAndModify", "update", "find", "update", "insert"];
    assert_eq!(sent[..6], expected, "{sent:?}");
    assert_eq!(sent[6..], ["commitTransaction", "update"], "{sent:?}");
    fresh.pass().await;
}

/// What is applied was checked before that. Whoever changes a name after it meets the check at whatever does
/// more than start.
#[tokio::test]
async fn a_start_does_not_check_a_long_list_that_is_applied() {
    let fresh = database("long_list_applied").await;
    let mut list = many(1_499);
    let first = list[0].name();
    let last = |name| {
        Migration::transactional(1_500, name, |_| Box::pin(async { Ok(()) })).with_checksum("same")
    };
    list.push(last("last"));
    fresh.migrator(list.clone()).baseline(Version::from(1_500)).await.unwrap();
    list[1_499] = last(first);
    let twice = fresh.migrator(list.clone());
    for policy in [StartPolicy::Migrate, StartPolicy::Check, StartPolicy::Warn] {
        let mut started = twice.on_start().policy(policy).await;
        // A start that waits long for the server checks the list meanwhile: on a busy machine, not every start
        // is spared the check.
        for _ in 0..100 {
            if started.is_ok() {
                break;
            }
            started = twice.on_start().policy(policy).await;
        }
        started.unwrap();
    }
    let refused = twice.status().await.unwrap_err();
    assert!(matches!(refused, Error::Registry { .. }), "{refused:?}");
    list.push(trivial(1_501));
    let more = fresh.migrator(list);
    let refused = more.on_start().policy(StartPolicy::Migrate).await.unwrap_err();
    assert!(matches!(refused, Error::Registry { .. }), "{refused:?}");
    // A group that has no migrations has what an empty history has, and is refused nevertheless.
    let one = many(1).remove(0).in_group("nobody");
    let other = fresh.migrator([one]).group("nobody");
    other.up().await.unwrap();
    other.down().all().await.unwrap();
    let nobody = fresh.migrator(many(1_500)).group("nobody").on_start().await.unwrap_err();
    assert_eq!(nobody.code(), "settings", "{nobody}");
    fresh.pass().await;
}

/// A list that is not sound is refused, whether or not there is a server.
#[tokio::test]
async fn a_long_list_that_is_not_sound_waits_for_no_server() {
    let nobody = Client::with_uri_str("mongodb://127.0.0.1:1/").await.unwrap().database("nobody");
    let mut list = many(1_500);
    list.push(trivial(7));
    let start = |list: Vec<Migration>, cancel: CancellationToken| {
        let migrator = Migrator::with(&nobody, list).cancel_on(cancel);
        async move { migrator.on_start().policy(StartPolicy::Migrate).await }
    };
    // Longer than it takes, and shorter than the driver waits for a server.
    let soon = Duration::from_secs(20);
    let refused = tokio::time::timeout(soon, start(list, CancellationToken::new())).await;
    let refused = refused.expect("it does not wait").unwrap_err();
    assert!(matches!(refused, Error::Registry { .. }), "{refused:?}");

    let cancel = CancellationToken::new();
    let cancelling = async {
        tokio::time::sleep(Duration::from_millis(200)).await;
        cancel.cancel();
    };
    let both = async { tokio::join!(start(many(1_500), cancel.clone()), cancelling).0 };
    let cancelled = tokio::time::timeout(soon, both).await.expect("it does not wait").unwrap_err();
    assert!(matches!(cancelled, Error::Cancelled { .. }), "{cancelled:?}");
}

#[tokio::test]
async fn m_pending_are_five_plus_two_m_plus_their_own() {
    for m in [1, 2, 20] {
        let fresh = database(&format!("m_pending_{m}")).await;
        let list: Vec<Migration> = (1..=m).map(trivial).collect();
        let migrator = Migrator::with(&fresh.db, list);
        fresh.wire.take();
        assert_eq!(migrator.up().await.unwrap().done().count() as i64, m);
        let sent = fresh.wire.take();
        let (m, own) = (usize::try_from(m).unwrap(), usize::try_from(m).unwrap());
        assert_eq!(sent.len(), 5 + 2 * m + own, "{sent:?}");
        let mut expected = vec!["find", "findAndModify", "update", "find"];
        for _ in 0..m {
            expected.extend(["update", "insert", "commitTransaction"]);
        }
        expected.push("update");
        assert_eq!(sent, expected);
        fresh.pass().await;
    }
}

/// Whoever listens, and however badly, sends nothing and changes nothing.
#[tokio::test]
async fn listeners_cost_no_command() {
    let fresh = database("listeners_cost").await;
    let silent = fresh.migrator(TWENTY);
    let hook = Webhook::new("http://127.0.0.1:1/").unwrap().give_up_after(Duration::ZERO);
    let heard = silent.clone().listen(|_| panic!("a listener's own business"));
    let heard = heard.listen(hook.listener()).listener_wait(Duration::ZERO);
    let mut sent = Vec::new();
    for migrator in [&silent, &heard] {
        fresh.wire.take();
        migrator.up().await.unwrap();
        migrator.up().await.unwrap();
        migrator.down().all().await.unwrap();
        sent.push(fresh.wire.take());
    }
    // Forth, where each body sends two; nothing pending; and back, where each sends one.
    assert_eq!(sent[0].len(), (5 + 2 * 20 + 40) + 1 + (5 + 2 * 20 + 20), "{sent:?}");
    assert_eq!(sent[0], sent[1]);
    fresh.pass().await;
}

#[tokio::test]
async fn a_rollback_costs_the_same() {
    let fresh = database("a_rollback_costs").await;
    let migrator = fresh.migrator(TWENTY);
    migrator.up().await.unwrap();
    fresh.wire.take();
    migrator.down().all().await.unwrap();
    let sent = fresh.wire.take();
    assert_eq!(sent.len(), 5 + 2 * 20 + 20, "{sent:?}");
    fresh.pass().await;
}

/// A target costs what any rollback costs; a tag is one guarded transaction. Nobody else pays for tags.
#[tokio::test]
async fn releases_and_tags_cost_what_they_say() {
    let fresh = database("tags_cost").await;
    let migrator = fresh.migrator(TWENTY).app("shop 1");
    migrator.up().to(10).await.unwrap();
    fresh.wire.take();
    migrator.tag("v1").await.unwrap();
    let sent = fresh.wire.take();
    let tag = [
        "find",
        "findAndModify",
        "update",
        "find",
        "update",
        "update",
        "commitTransaction",
        "update",
    ];
    assert_eq!(sent, tag);
    migrator.tags().await.unwrap();
    assert_eq!(fresh.wire.take(), ["find", "find"]);
    let later = fresh.migrator(TWENTY).app("shop 2");
    later.up().await.unwrap();
    // The bodies look at what is there, and insert.
    assert_eq!(fresh.wire.take().len(), 5 + 2 * 10 + 2 * 10);
    assert!(later.up().await.unwrap().is_empty());
    assert_eq!(fresh.wire.take(), ["find"]);
    later.down().to_release("shop 1").await.unwrap();
    assert_eq!(fresh.wire.take().len(), 5 + 2 * 10 + 10);
    later.up().to(11).await.unwrap();
    fresh.wire.take();
    later.down().to_tag("v1").await.unwrap();
    assert_eq!(fresh.wire.take().len(), 5 + 2 + 1);
    later.down().only(5).independent_of(6..=10).await.unwrap();
    assert_eq!(fresh.wire.take().len(), 5 + 2 + 1);
    fresh.pass().await;
}

/// The primary is enough for the commits of a run, as its release waits for the majority; at least
/// every fifty-first commit waits itself.
#[tokio::test]
async fn a_run_waits_for_the_majority_once() {
    let fresh = database("a_run_waits").await;
    let migrator = fresh.migrator(many(120));
    let waited = |sent: Vec<(String, Document)>| -> Vec<usize> {
        let commits = sent.iter().filter(|(name, _)| name == "commitTransaction");
        let concerns = commits.map(|(_, command)| command.get_document("writeConcern").unwrap());
        let by_majority = |concern: &Document| concern.get_str("w").is_ok_and(|w| w == "majority");
        let all: Vec<bool> = concerns.map(by_majority).collect();
        (1..).zip(all).filter(|(_, waits)| *waits).map(|(at, _)| at).collect()
    };
    fresh.wire.take();
    migrator.up().steps(20).await.unwrap();
    let sent = fresh.wire.take_full();
    stands_for(sent.last().unwrap(), 20);
    assert!(waited(sent).is_empty());
    migrator.down().all().await.unwrap();
    let sent = fresh.wire.take_full();
    stands_for(sent.last().unwrap(), 40);
    assert!(waited(sent).is_empty());
    migrator.up().await.unwrap();
    let sent = fresh.wire.take_full();
    stands_for(sent.last().unwrap(), 160);
    let mut waited = waited(sent);
    assert!(waited.len() >= 2 && waited.iter().all(|at| *at < 120), "{waited:?}");
    waited.push(120);
    let gaps = std::iter::once(&0).chain(&waited).zip(&waited).map(|(one, next)| next - one);
    assert!(gaps.max() <= Some(51), "{waited:?}");
    fresh.pass().await;
}

/// The command that gives the lock back waits for a majority, and does so only where the fence counts
/// all of these commits.
#[track_caller]
fn stands_for((name, release): &(String, Document), commits: i64) {
    assert_eq!(name, "update");
    assert_eq!(release.get_document("writeConcern").unwrap().get_str("w").unwrap(), "majority");
    assert!(release.get_bool("ordered").unwrap(), "{release}");
    let statements = release.get_array("updates").unwrap();
    let (first, last) = (statements.first().unwrap(), statements.last().unwrap());
    let (first, last) = (first.as_document().unwrap(), last.as_document().unwrap());
    let fence = first.get_document("q").unwrap();
    assert_eq!(fence.get_str("_id").unwrap(), "fence", "{release}");
    assert_eq!(fence.get_i64("guards").unwrap(), commits, "{release}");
    assert!(first.get_bool("upsert").unwrap(), "or what does not match is no error: {release}");
    assert_eq!(last.get_document("q").unwrap().get_str("_id").unwrap(), "lock", "{release}");
}

/// A run begins nothing before a majority has its lock and its fence: one wait for both.
#[tokio::test]
async fn a_run_waits_for_the_majority_once_before_it_begins() {
    let fresh = database("a_run_waits_before").await;
    fresh.wire.take();
    fresh.migrator(many(1)).up().await.unwrap();
    let sent = fresh.wire.take_full();
    let [_peek, (_, lock), (_, raise), (read, history), ..] = sent.as_slice() else { panic!() };
    let concern = |command: &Document| command.get_document("writeConcern").unwrap().clone();
    assert_eq!(concern(lock), doc! { "w": 1 }, "{lock}");
    assert_eq!(concern(raise).get_str("w").unwrap(), "majority", "{raise}");
    let concern = history.get_document("readConcern").unwrap();
    assert_eq!((read.as_str(), concern.get_str("level").unwrap()), ("find", "majority"));
    assert!(concern.get_timestamp("afterClusterTime").is_ok(), "{history}");
    assert_eq!(history.get_i64("maxTimeMS").unwrap(), 20_000, "not for ever: {history}");
    fresh.pass().await;
}

/// A run that is cancelled between two migrations asks whether a majority has the first.
#[tokio::test]
async fn a_run_that_ends_early_knows_what_is_there_for_good() {
    let fresh = database("a_run_that_ends_early").await;
    let cancel = CancellationToken::new();
    CANCEL.set(cancel.clone()).unwrap();
    let second = Migration::transactional(2, "cancels", |_| {
        Box::pin(async {
            CANCEL.get().unwrap().cancel();
            Ok(())
        })
    });
    let list = [trivial(1), second, trivial(3)];
    let error = fresh.migrator(list).cancel_on(cancel).up().await.unwrap_err();
    let Error::Cancelled { report } = error else { panic!("{error}") };
    assert_eq!(report.versions(), [Version::from(1), Version::from(2)]);
    let sent = fresh.wire.take_full();
    let [.., (commit, _), (confirm, read), (release, _)] = sent.as_slice() else { panic!() };
    assert_eq!(
        [commit.as_str(), confirm.as_str(), release.as_str()],
        ["commitTransaction", "find", "update"]
    );
    let concern = read.get_document("readConcern").unwrap();
    assert_eq!(concern.get_str("level").unwrap(), "majority");
    assert!(concern.get_timestamp("afterClusterTime").is_ok(), "{read}");
    fresh.pass().await;
}

static CANCEL: OnceLock<CancellationToken> = OnceLock::new();

#[tokio::test]
async fn status_is_two_commands() {
    let fresh = database("status_is_two").await;
    let migrator = fresh.migrator(many(3_000));
    migrator.baseline(3_000).await.unwrap();
    fresh.wire.take();
    migrator.status().await.unwrap();
    assert_eq!(fresh.wire.take(), ["find", "find"]);
    fresh.pass().await;
}

/// Durations are written some at a time: each is its own, also of those before the last, and of
/// those whose records share all else because one transaction made them.
#[tokio::test]
async fn each_of_many_has_its_own_duration() {
    const SLOW_MS: u64 = 40;
    const SLOW: [i64; 4] = [7, 50, 77, 120];
    let slow = |version| {
        Migration::transactional(version, name(version), |_| {
            Box::pin(async {
                tokio::time::sleep(std::time::Duration::from_millis(SLOW_MS)).await;
                Ok(())
            })
        })
    };
    for atomic in [false, true] {
        let fresh = database("durations").await;
        let mut list = many(120);
        for version in SLOW {
            list[usize::try_from(version).unwrap() - 1] = slow(version);
        }
        fresh.migrator(list).up().atomic(atomic).await.unwrap();
        let status = fresh.migrator(many(120)).status().await.unwrap();
        let (slow, fast): (Vec<_>, Vec<_>) =
            status.migrations.iter().partition(|migration| SLOW.contains(&migration.version.get()));
        for migration in slow {
            let ms =
                migration.duration_ms.unwrap_or_else(|| panic!("{} has none", migration.version));
            assert!(ms >= SLOW_MS, "{}: {ms} ms, atomic: {atomic}", migration.version);
        }
        assert!(fast.iter().all(|migration| migration.duration_ms.is_some()), "atomic: {atomic}");
        let own = fast.iter().any(|migration| migration.duration_ms < Some(SLOW_MS));
        assert!(own, "all have the duration of the slow ones, atomic: {atomic}");
        fresh.pass().await;
    }
}
