//! Take-overs at the worst moment: runners that are stopped at an exact command, before it is
//! sent or when its reply is there.

use std::{
    sync::{Arc, Condvar, Mutex},
    time::Duration,
};

use mongrate::{
    Error, Migration, Migrator, Retries,
    bson::{Document, doc},
    embedded::Embedded,
    mongodb::{
        Client, Database,
        event::{EventHandler, command::CommandEvent},
        options::ClientOptions,
    },
};
use mongrate_tests::{
    TestDb, effect,
    effects::{self, assert_exactly_once, versions},
};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::{TcpListener, TcpStream},
    sync::Notify,
};

/// A door that a runner waits at, and a bell that says that it does.
#[derive(Debug, Default)]
struct Stop {
    state: Mutex<(bool, bool)>,
    changed: Condvar,
}

impl Stop {
    /// Of the runner: rings, and waits until the door is open.
    fn wait(&self) {
        let mut state = self.state.lock().unwrap();
        state.0 = true;
        self.changed.notify_all();
        drop(self.changed.wait_while(state, |(_, open)| !*open).unwrap());
    }

    /// Of the test: waits until the runner is there.
    async fn reached(self: &Arc<Self>) {
        let stop = Arc::clone(self);
        let reached = move || {
            let state = stop.state.lock().unwrap();
            let long = Duration::from_secs(30);
            stop.changed.wait_timeout_while(state, long, |(there, _)| !*there).unwrap().0.0
        };
        assert!(tokio::task::spawn_blocking(reached).await.unwrap(), "nobody came");
    }

    fn open(&self) {
        self.state.lock().unwrap().1 = true;
        self.changed.notify_all();
    }
}

/// A client that stops at the first guard: before it is sent, and when it was answered.
async fn stopping(fresh: &TestDb, before: Option<Arc<Stop>>, after: Option<Arc<Stop>>) -> Database {
    let guard = Mutex::new(None);
    let handler = EventHandler::callback(move |event| match event {
        CommandEvent::Started(event) if is_guard(&event.command) => {
            let mut first = guard.lock().unwrap();
            if first.is_none() {
                *first = Some(event.request_id);
                drop(first);
                before.iter().for_each(|stop| stop.wait());
            }
        }
        CommandEvent::Succeeded(event) if Some(event.request_id) == *guard.lock().unwrap() => {
            after.iter().for_each(|stop| stop.wait());
        }
        CommandEvent::Failed(event) if Some(event.request_id) == *guard.lock().unwrap() => {
            after.iter().for_each(|stop| stop.wait());
        }
        _ => {}
    });
    let mut options = ClientOptions::parse(&fresh.uri).await.unwrap();
    options.command_event_handler = Some(handler);
    Client::with_options(options).unwrap().database(fresh.db.name())
}

fn is_guard(command: &Document) -> bool {
    command.contains_key("update") && command.get_bool("startTransaction").unwrap_or(false)
}

/// A guard that comes too late finds a higher fence. If it went on to the record, its transaction
/// would hold that until the server ends it, and with it every process that came after.
#[tokio::test(flavor = "multi_thread")]
async fn a_guard_that_comes_too_late_holds_nothing() {
    let fresh = TestDb::new("a_guard_too_late").await;
    let [late, stuck, newer] = [(); 3].map(|()| Arc::new(Stop::default()));

    let db = stopping(&fresh, Some(Arc::clone(&late)), Some(Arc::clone(&stuck))).await;
    let old = Migrator::with(&db, [effect!(1)]).lease(Duration::from_secs(600));
    let old = old.wait(mongrate::Wait::No);
    let old = tokio::spawn(async move { old.up().await });
    late.reached().await;

    fresh.migrator([effect!(1)]).force_unlock(1).await.unwrap();
    let db = stopping(&fresh, Some(Arc::clone(&newer)), None).await;
    let retries = Retries::new().attempts_max(4).pause_max(Duration::from_millis(100));
    let new = Migrator::with(&db, [effect!(1)]).retries(retries);
    let new = tokio::spawn(async move { new.up().await });
    newer.reached().await;

    // The fence is raised, and the newer owner's guard not yet sent. Now the old one's gets
    // through, and its owner freezes before it can abort.
    late.open();
    stuck.reached().await;
    newer.open();
    let applied = new.await.unwrap();
    stuck.open();
    assert_eq!(applied.unwrap().versions(), versions([1]));
    let lost = old.await.unwrap().unwrap_err();
    assert!(matches!(lost, Error::LockLost { .. }), "{lost}");
    assert_exactly_once(&fresh.db, 1..=1).await;
    fresh.pass().await;
}

/// The fence is gone, so no process is known to hold anything: a guard that created it anew would
/// commit under a number that no process raised.
#[tokio::test(flavor = "multi_thread")]
async fn a_guard_does_not_create_the_fence() {
    let fresh = TestDb::new("a_guard_without_a_fence").await;
    let guarding = Arc::new(Stop::default());
    let db = stopping(&fresh, Some(Arc::clone(&guarding)), None).await;
    let migrator = Migrator::with(&db, [effect!(1)]).wait(mongrate::Wait::No);
    let running = tokio::spawn(async move { migrator.up().await });
    guarding.reached().await;
    fresh.db.collection::<Document>("migrations").drop().await.unwrap();
    guarding.open();
    let lost = running.await.unwrap().unwrap_err();
    assert!(matches!(lost, Error::LockLost { .. }), "{lost}");
    assert_eq!(effects::present(&fresh.db).await, [0_i64; 0]);
    let again = fresh.migrator([effect!(1)]);
    assert_eq!(again.up().await.unwrap().versions(), versions([1]));
    assert_exactly_once(&fresh.db, 1..=1).await;
    fresh.pass().await;
}

/// An election undid an acquisition of the lock, but not the fence number that was raised for it. The next
/// process gets the same number, and may not use it. Nobody holds the lock then.
#[tokio::test]
async fn a_fence_that_is_ahead_of_the_lock_is_no_holder() {
    let fresh = TestDb::new("a_fence_ahead").await;
    let control = fresh.db.collection::<Document>("migrations");
    let ahead = async |fence: i64| {
        let lsid = doc! { "id": mongrate::bson::Uuid::new() };
        let set = doc! { "$set": { "fence": fence, "lsid": lsid } };
        control.update_one(doc! { "_id": "fence" }, set).await.unwrap();
    };
    fresh.migrator([effect!(1)]).up().await.unwrap();
    ahead(4).await;
    let impatient = fresh.migrator([effect!(1), effect!(2)]).wait(mongrate::Wait::No);
    assert_eq!(impatient.up().await.unwrap().versions(), versions([2]));
    assert_eq!(impatient.lock_status().await.unwrap().fence, 5);
    // The same for what goes back, and for what only records.
    ahead(7).await;
    assert_eq!(impatient.down().await.unwrap().versions(), versions([2]));
    ahead(10).await;
    impatient.tag("here").await.unwrap();
    assert_eq!(impatient.up().await.unwrap().versions(), versions([2]));

    // Further than a call that does not wait tries.
    ahead(30).await;
    let three = [effect!(1), effect!(2), effect!(3)];
    let error = fresh.migrator(three).wait(mongrate::Wait::No).up().await.unwrap_err();
    let text = error.to_string();
    assert!(matches!(error, Error::LockHeld { .. }), "{text}");
    assert!(text.contains("run it again") && !text.contains("force-unlock"), "{text}");
    assert_eq!(fresh.migrator(three).up().await.unwrap().versions(), versions([3]));
    assert_eq!(impatient.lock_status().await.unwrap().fence, 31);
    assert_exactly_once(&fresh.db, 1..=3).await;
    fresh.pass().await;
}

/// Makes both secondaries of a set of three stop or resume copying.
async fn copying(set: &Embedded, on: bool) {
    for host in set.hosts() {
        let uri = format!("mongodb://{host}/?directConnection=true");
        let admin = Client::with_uri_str(uri).await.unwrap().database("admin");
        let hello = admin.run_command(doc! { "hello": 1 }).await.unwrap();
        if !hello.get_bool("isWritablePrimary").unwrap() {
            let mode = if on { "off" } else { "alwaysOn" };
            let stop = doc! { "configureFailPoint": "rsSyncApplyStop", "mode": mode };
            admin.run_command(stop).await.unwrap();
        }
    }
}

/// Stands between a client and a node, and cuts the connection whenever `word` goes by. The node
/// gets the command so much later, and no process gets its answer.
async fn cutting(fresh: &TestDb, word: &'static [u8], later: Duration) -> (TestDb, Database) {
    let hello = fresh.db.run_command(doc! { "hello": 1 }).await.unwrap();
    let node = hello.get_str("primary").unwrap().to_owned();
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        while let Ok((client, _)) = listener.accept().await {
            let Ok(server) = TcpStream::connect(&node).await else { break };
            let ((mut from, mut back), (mut answers, mut to)) =
                (client.into_split(), server.into_split());
            let answering =
                tokio::spawn(async move { tokio::io::copy(&mut answers, &mut back).await });
            tokio::spawn(async move {
                let mut bytes = vec![0; 1 << 16];
                while let Ok(count @ 1..) = from.read(&mut bytes).await {
                    if bytes[..count].windows(word.len()).any(|it| it == word) {
                        answering.abort();
                        drop(from);
                        tokio::time::sleep(later).await;
                        to.write_all(&bytes[..count]).await.unwrap();
                        // It is to be executed before this end is seen.
                        tokio::time::sleep(Duration::from_millis(500)).await;
                        break;
                    }
                    to.write_all(&bytes[..count]).await.unwrap();
                }
            });
        }
    });
    let uri = format!("mongodb://{address}/?directConnection=true");
    let cut = TestDb::on(&uri, "cut").await;
    let db = cut.db.client().database(fresh.db.name());
    (cut, db)
}

/// The guards are not answered; they arrive when their runner has failed and released the lock.
/// What they begin is in everybody's way, so the fence must still name its session.
#[tokio::test(flavor = "multi_thread")]
async fn a_guard_that_comes_after_the_release_is_ended_by_the_next() {
    let fresh = TestDb::new("a_guard_after_the_release").await;
    let later = Duration::from_secs(2);
    let (_cut, db) = cutting(&fresh, b"startTransaction", later).await;
    let retries = Retries::new().attempts_max(1);
    let failed = Migrator::with(&db, [effect!(1)]).retries(retries).up().await.unwrap_err();
    assert!(matches!(failed, Error::Failed { .. }), "{failed}");
    assert!(!fresh.migrator([effect!(1)]).lock_status().await.unwrap().held);

    tokio::time::sleep(later + Duration::from_secs(1)).await;
    let next = fresh.migrator([effect!(1)]).up().await.unwrap();
    assert_eq!(next.versions(), versions([1]));
    assert_exactly_once(&fresh.db, 1..=1).await;
    fresh.pass().await;
}

/// The commit got through, but a majority does not have it yet, and it was not answered: a majority
/// read that is not told to wait finds the state of before.
#[tokio::test(flavor = "multi_thread")]
async fn a_commit_that_got_through_is_not_said_to_have_failed() {
    static INSIDE: Notify = Notify::const_new();
    static GATE: Notify = Notify::const_new();
    let halting = Migration::transactional(2, "effect_2", |tx| {
        Box::pin(async move {
            effects::leave(tx, 2).await?;
            INSIDE.notify_one();
            GATE.notified().await;
            Ok(())
        })
    });
    let set = Embedded::builder().nodes(3).test_commands().start().await.unwrap();
    let fresh = TestDb::on(set.uri(), "a_commit_got_through").await;
    fresh.migrator([effect!(1)]).up().await.unwrap();
    let (cut, db) = cutting(&fresh, b"commitTransaction", Duration::ZERO).await;

    let retries = Retries::new().attempts_max(1);
    let migrator = Migrator::with(&db, [effect!(1), halting]).retries(retries);
    let running = tokio::spawn(async move { migrator.up().await });
    INSIDE.notified().await;
    copying(&set, false).await;
    cut.wire.take();
    GATE.notify_one();
    while !cut.wire.take().iter().any(|command| command == "killSessions") {
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    // Long enough for a process that does not wait.
    tokio::time::sleep(Duration::from_secs(1)).await;
    copying(&set, true).await;
    let report = running.await.unwrap();
    assert_eq!(report.unwrap().versions(), versions([2]));
    assert_exactly_once(&fresh.db, 1..=2).await;
    fresh.pass().await;
    set.stop().await;
}
