//! Listeners that panic, hang or are slow: the run does not know.

use std::{
    sync::{
        Arc, Condvar, Mutex,
        atomic::{AtomicU64, Ordering::SeqCst},
        mpsc,
    },
    time::Duration,
};

use mongrate::{Event, EventKind, Migration};
use mongrate_tests::{TestDb, effects::TWENTY};

use super::Heard;

#[tokio::test]
async fn one_that_panics_gets_the_next_event_and_the_run_is_whole() {
    let fresh = TestDb::new("listen_panics").await;
    let (heard, calls) = (Heard::default(), Arc::new(AtomicU64::new(0)));
    let counted = Arc::clone(&calls);
    let migrator = fresh.migrator(TWENTY[..3].to_vec()).listen(move |_| {
        counted.fetch_add(1, SeqCst);
        panic!("a listener's own business");
    });
    let report = migrator.listen(heard.listener()).up().await.unwrap();
    assert_eq!(report.done().count(), 3);
    assert_eq!(calls.load(SeqCst), 8);
    assert_eq!(heard.take().len(), 8, "the other one has not noticed");
    fresh.pass().await;
}

#[tokio::test]
async fn one_that_hangs_for_ever_costs_a_bounded_wait() {
    let fresh = TestDb::new("listen_hangs").await;
    let heard = Heard::default();
    // Nobody ever sends; it ends with the test.
    let (keep, never) = mpsc::channel::<()>();
    let migrator = fresh.migrator(TWENTY[..3].to_vec()).listen(move |_| {
        let _ = never.recv();
    });
    let migrator = migrator.listen(heard.listener()).listener_wait(Duration::from_millis(50));
    assert_eq!(migrator.up().await.unwrap().done().count(), 3);
    assert_eq!(heard.take().len(), 8, "the other one has all");
    assert_eq!(migrator.flush_listeners(Duration::ZERO).await, 8);
    // And again: the events queue up behind the first.
    assert_eq!(migrator.down().all().await.unwrap().done().count(), 3);
    assert_eq!(migrator.flush_listeners(Duration::ZERO).await, 16);
    drop(keep);
    assert_eq!(migrator.flush_listeners(Duration::from_secs(30)).await, 0);
    fresh.pass().await;
}

/// A door that stays open once it is.
#[derive(Default)]
struct Door(Mutex<bool>, Condvar);

impl Door {
    fn pass(&self) {
        let open = self.0.lock().unwrap();
        drop(self.1.wait_while(open, |open| !*open).unwrap());
    }

    fn open(&self) {
        *self.0.lock().unwrap() = true;
        self.1.notify_all();
    }
}

#[tokio::test]
async fn one_that_is_slow_with_two_thousand_events_is_told_how_many_it_missed() {
    let fresh = TestDb::new("listen_slow").await;
    let name = |version: i64| -> &'static str { Box::leak(format!("m{version}").into_boxed_str()) };
    let empty = |version: i64| {
        Migration::transactional(version, name(version), |_| Box::pin(async { Ok(()) }))
    };
    let (heard, door) = (Heard::default(), Arc::new(Door::default()));
    let (mut listener, waits) = (heard.listener(), Arc::clone(&door));
    let migrator = fresh.migrator((1..=1_000).map(empty)).listen(move |event: &Event| {
        waits.pass();
        listener(event);
    });
    let migrator = migrator.listener_wait(Duration::ZERO);
    assert_eq!(migrator.up().await.unwrap().done().count(), 1_000);
    assert!(migrator.flush_listeners(Duration::ZERO).await > 1_000);
    door.open();
    assert_eq!(migrator.flush_listeners(Duration::from_secs(60)).await, 0);

    let events = heard.take();
    let (mut missed, mut next) = (0, 1);
    for event in &events {
        assert_eq!(event.number, next, "in order, and each gap is counted");
        next += match event.kind {
            EventKind::Missed { count } => {
                missed += count;
                count
            }
            _ => 1,
        };
    }
    assert_eq!(next, 2_003, "2,000 of migrations, and two of the run");
    assert!(missed > 900, "{missed}");
    assert_eq!(events.first().map(Event::name), Some("run.began"));
    assert_eq!(events.last().map(Event::name), Some("run.ended"), "what matters most is kept");
    assert!(events.len() < 1_100, "bounded: {}", events.len());
    fresh.pass().await;
}

/// From within a listener, the library can be called: it is no part of the run.
#[tokio::test(flavor = "multi_thread")]
async fn one_that_asks_for_the_status_gets_it() {
    let fresh = TestDb::new("listen_asks").await;
    let other = fresh.again().await.migrator(TWENTY[..1].to_vec());
    let (send, seen) = mpsc::channel();
    let runtime = tokio::runtime::Handle::current();
    let migrator = fresh.migrator(TWENTY[..1].to_vec()).listen(move |event| {
        if event.name() == "run.ended" {
            let status = runtime.block_on(other.status()).unwrap();
            send.send(status.applied).unwrap();
        }
    });
    migrator.up().await.unwrap();
    assert_eq!(seen.recv().unwrap(), 1);
    fresh.pass().await;
}

/// The thread of a listener ends with its migrator, and delivers the rest before.
#[tokio::test]
async fn what_is_on_its_way_when_the_migrator_goes_is_delivered() {
    let fresh = TestDb::new("listen_goes").await;
    let (send, received) = mpsc::channel();
    let migrator = fresh.migrator(TWENTY[..3].to_vec()).listener_wait(Duration::ZERO);
    let migrator = migrator.listen(move |event| {
        std::thread::sleep(Duration::from_millis(20));
        send.send(event.name()).unwrap();
    });
    migrator.up().await.unwrap();
    drop(migrator);
    // The channel closes as the listener is dropped, with its thread.
    let all: Vec<&str> = received.iter().collect();
    assert_eq!(all.len(), 8);
    assert_eq!(all.last(), Some(&"run.ended"));
    fresh.pass().await;
}
