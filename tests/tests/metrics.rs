//! The numbers for the `metrics` facade, as a recorder gets them.

use std::{
    collections::BTreeMap,
    sync::{Arc, LazyLock, Mutex},
    time::{Duration, Instant},
};

use chrono::{TimeDelta, Utc};
use metrics::{
    Counter, CounterFn, Gauge, GaugeFn, Histogram, HistogramFn, Key, KeyName, Metadata, Recorder,
    SharedString, Unit,
};
use mongrate::{
    Event, EventKind, Migration, Migrator, StartPolicy,
    bson::{Document, doc},
    webhook::Webhook,
};
use mongrate_seal::{Applied, Replaces};
use mongrate_tests::{TestDb, effect, effects::versions, on_servers, receiver::Receiver};

/// Sums of counters, last values of gauges, lengths of histograms, and the sums of their values as
/// `<name>_sum`; by name and labels.
#[derive(Clone, Default)]
struct Seen(Arc<Mutex<BTreeMap<String, f64>>>);

static SEEN: LazyLock<Seen> = LazyLock::new(Seen::default);

struct One {
    seen: Seen,
    key: String,
}

impl One {
    fn change(&self, change: impl FnOnce(&mut f64)) {
        change(self.seen.0.lock().unwrap().entry(self.key.clone()).or_default());
    }
}

impl CounterFn for One {
    fn increment(&self, value: u64) {
        self.change(|sum| *sum += value as f64);
    }
    fn absolute(&self, value: u64) {
        self.change(|sum| *sum = value as f64);
    }
}

impl GaugeFn for One {
    fn increment(&self, value: f64) {
        self.change(|last| *last += value);
    }
    fn decrement(&self, value: f64) {
        self.change(|last| *last -= value);
    }
    fn set(&self, value: f64) {
        self.change(|last| *last = value);
    }
}

impl HistogramFn for One {
    fn record(&self, value: f64) {
        self.change(|count| *count += 1.0);
        let (name, labels) = self.key.split_once(' ').unwrap();
        let sum = Self { seen: self.seen.clone(), key: format!("{name}_sum {labels}") };
        sum.change(|sum| *sum += value);
    }
}

impl Seen {
    fn one(&self, key: &Key) -> Arc<One> {
        let labels = key.labels().map(|label| format!("{}={}", label.key(), label.value()));
        let labels: Vec<String> = labels.collect();
        Arc::new(One { seen: self.clone(), key: format!("{} {}", key.name(), labels.join(" ")) })
    }

    /// The values of a metric with these in its labels.
    fn of(&self, name: &str, labels: &[&str]) -> Vec<f64> {
        let seen = self.0.lock().unwrap();
        let fits = |key: &String| {
            key.starts_with(&format!("{name} ")) && labels.iter().all(|label| key.contains(label))
        };
        seen.iter().filter(|(key, _)| fits(key)).map(|(_, value)| *value).collect()
    }
}

impl Recorder for Seen {
    fn describe_counter(&self, _: KeyName, _: Option<Unit>, _: SharedString) {}
    fn describe_gauge(&self, _: KeyName, _: Option<Unit>, _: SharedString) {}
    fn describe_histogram(&self, _: KeyName, _: Option<Unit>, _: SharedString) {}
    fn register_counter(&self, key: &Key, _: &Metadata<'_>) -> Counter {
        Counter::from_arc(self.one(key))
    }
    fn register_gauge(&self, key: &Key, _: &Metadata<'_>) -> Gauge {
        Gauge::from_arc(self.one(key))
    }
    fn register_histogram(&self, key: &Key, _: &Metadata<'_>) -> Histogram {
        Histogram::from_arc(self.one(key))
    }
}

#[tokio::test]
async fn a_recorder_gets_what_the_guide_lists() {
    let seen = &*SEEN;
    metrics::set_global_recorder(seen.clone()).ok().unwrap();
    let fresh = TestDb::new("metrics").await;
    let database = format!("database={}", fresh.db.name());
    let guests = (0..2_500).map(|n| doc! { "_id": n });
    fresh.db.collection::<Document>("guests").insert_many(guests).await.unwrap();
    let backfill = Migration::online_steps(3, "backfill", |on| {
        Box::pin(async move {
            on.backfill("plans", "guests")
                .update(vec![doc! { "$set": { "plan": "free" } }])
                .await
                .map(drop)
        })
    });
    // What ended before it is counted while the run is still under way.
    let fails = Migration::transactional(4, "fails", |_| {
        Box::pin(async {
            let duration = "mongrate_migration_duration_seconds";
            let known = SEEN.of(duration, &["outcome=applied", "direction=up"]).len();
            Err(format!("{known} were known").into())
        })
    });
    let migrator = fresh.migrator([effect!(1), effect!(2), backfill, fails]);

    // An app that only warns says so, and so does one that refuses to start.
    let pending = || seen.of("mongrate_migrations_pending", &[&database, "group=default"]);
    assert_eq!(pending(), [0.0; 0]);
    let start = async |migrator: &Migrator, policy| migrator.on_start().policy(policy).await;
    start(&migrator, StartPolicy::Warn).await.unwrap();
    assert_eq!(pending(), [4.0]);
    start(&fresh.migrator([effect!(1)]), StartPolicy::Check).await.unwrap_err();
    assert_eq!(pending(), [1.0]);
    migrator.status().await.unwrap();
    assert_eq!(pending(), [4.0]);
    let differences = || seen.of("mongrate_schema_differences", &[&database, "group=default"]);
    let models = "mongrate-models v1\nusers options collection\nusers index email_1 \
                  {\"key\":{\"email\":1}}\nusers User root object@User\nend\n";
    let drifted = migrator.clone().models(models);
    assert_eq!(drifted.drift().await.unwrap().differences.len(), 2);
    assert_eq!(differences(), [2.0], "an index that is missing, and a collection that is extra");
    drifted.drift().ignore("guests").await.unwrap();
    assert_eq!(differences(), [1.0]);
    // One webhook that arrives at nobody, and a listener that is no hurdle.
    let hook = Webhook::new("http://127.0.0.1:1/").unwrap().give_up_after(Duration::ZERO);
    let hook = hook.events("run.ended").unwrap();
    let told = migrator.clone().listen(hook.listener()).listener_wait(Duration::from_secs(60));
    let error = told.up().await.unwrap_err();
    assert!(format!("{error:?}").contains("3 were known"), "{error:?}");
    let failed = [&*database, "group=default", "outcome=failed"];
    assert_eq!(seen.of("mongrate_webhook_events_total", &failed), [1.0]);
    assert_eq!(seen.of("mongrate_events_missed_total", &[&database]), [0.0; 0]);
    assert_eq!(seen.of("mongrate_migrations_applied", &[&database, "group=default"]), [3.0]);
    assert_eq!(seen.of("mongrate_migrations_pending", &[&database]), [1.0]);
    let duration = "mongrate_migration_duration_seconds";
    assert_eq!(seen.of(duration, &[&database, "outcome=applied"]), [1.0, 1.0, 1.0]);
    assert_eq!(seen.of(duration, &["version=4", "name=fails", "outcome=failed"]), [1.0]);
    assert_eq!(seen.of("mongrate_lock_wait_seconds", &[&database]), [1.0]);
    assert_eq!(seen.of("mongrate_transaction_retries_total", &[&database]), [0.0]);
    let plans = [&*database, "group=default", "version=3", "backfill=plans"];
    assert_eq!(seen.of("mongrate_backfill_documents_total", &plans), [2_500.0]);
    assert!(seen.of("mongrate_backfill_batches_total", &plans)[0] >= 1.0);

    assert_eq!(seen.of("mongrate_backfill_walked_documents", &plans), [2_500.0]);
    assert_eq!(seen.of("mongrate_backfill_expected_documents", &plans), [2_500.0]);
    // It ended at the last one of four, and nothing holds it back any more.
    assert_eq!(seen.of("mongrate_run_migration", &[&database, "group=default"]), [4.0]);
    assert_eq!(seen.of("mongrate_run_migrations", &[&database]), [4.0]);
    assert_eq!(seen.of("mongrate_run_held", &[&database]), [0.0; 5]);

    // Rolled back: what is counted follows.
    let two = fresh.migrator([effect!(1), effect!(2)]);
    let known = two.database_ahead(mongrate::DatabaseAhead::Allow);
    fresh.db.collection::<Document>("migrations").delete_many(doc! { "_id": 3_i64 }).await.unwrap();
    known.repair().await.unwrap();
    known.down().await.unwrap();
    assert_eq!(seen.of("mongrate_migrations_applied", &[&database]), [1.0]);
    assert_eq!(pending(), [1.0]);
    start(&fresh.migrator([effect!(1)]), StartPolicy::Warn).await.unwrap();
    assert_eq!(pending(), [0.0], "nothing is pending, which an idle start knows by the digest");

    // The first operations of two migrations are two series, though they have one name.
    let declared = |version, name| {
        Migration::declared(version, name, |change| {
            change.add_field("guests", "stars", 3);
            change.remove_field("guests", "stars");
        })
    };
    fresh.migrator([effect!(1), declared(7, "seven"), declared(8, "eight")]).up().await.unwrap();
    for version in ["version=7", "version=8"] {
        let first = [&*database, version, "backfill=operation 1"];
        assert_eq!(seen.of("mongrate_backfill_documents_total", &first), [2_500.0], "{version}");
    }
    the_audit_log(seen, &fresh, &database).await;
    fresh.pass().await;
    the_ways_of_a_run(seen).await;
    what_is_sent_and_what_is_missed(seen).await;
    what_holds_a_run_back(seen).await;
    on_servers(1, async |uri| retries(seen, uri).await).await;
}

/// A run of one transaction, one that finds nothing to do, and a rollback.
async fn the_ways_of_a_run(seen: &Seen) {
    let fresh = TestDb::new("metrics_ways").await;
    let database = format!("database={}", fresh.db.name());
    let migrator = fresh.migrator([effect!(1), effect!(2)]);
    let counted = || {
        let of = |name: &str| seen.of(&format!("mongrate_migrations_{name}"), &[&database]);
        (of("applied"), of("pending"))
    };
    let duration = "mongrate_migration_duration_seconds";
    let report = migrator.up().atomic(true).await.unwrap();
    assert_eq!(seen.of(duration, &[&database, "direction=up", "outcome=applied"]), [1.0, 1.0]);
    // In seconds, as the reports have it in milliseconds.
    let sums = seen.of(&format!("{duration}_sum"), &[&database]);
    let steps = report.steps.iter().map(|step| step.duration_ms as f64 / 1_000.0);
    assert_eq!(sums, steps.collect::<Vec<_>>());
    assert_eq!(counted(), (vec![2.0], vec![0.0]));
    let down = fresh.migrator([effect!(1), effect!(2)]).down().await.unwrap();
    assert_eq!(down.done().count(), 1);
    assert_eq!(seen.of(duration, &[&database, "direction=down", "outcome=reverted"]), [1.0]);
    assert_eq!(seen.of(duration, &[&database, "direction=down"]).len(), 1);
    migrator.up().await.unwrap();

    // A run and a start that find nothing to do say it, too, whatever was said before.
    for policy in [None, Some(StartPolicy::Migrate), Some(StartPolicy::Warn)] {
        seen.0.lock().unwrap().retain(|key, _| !key.starts_with("mongrate_migrations_"));
        match policy {
            Some(policy) => drop(migrator.on_start().policy(policy).await.unwrap()),
            None => assert!(migrator.up().await.unwrap().is_empty()),
        }
        assert_eq!(counted(), (vec![2.0], vec![0.0]), "{policy:?}");
    }

    // The rollback of a half-done migration: it was not among the applied ones.
    let twice = fresh.db.collection::<Document>("twice");
    twice.insert_many([doc! { "a": 1 }, doc! { "a": 1 }]).await.unwrap();
    let halts = Migration::declared(3, "halts", |change| {
        change.create_collection("half");
        change.create_index("twice", doc! { "a": 1 }).unique(true);
    });
    let more = fresh.migrator([effect!(1), effect!(2), halts]);
    more.up().await.unwrap_err();
    assert_eq!(counted(), (vec![2.0], vec![1.0]));
    assert_eq!(more.down().await.unwrap().versions(), versions([3]));
    assert_eq!(counted(), (vec![2.0], vec![1.0]));
    // What is repeatable is applied again, and counted once.
    let view = |sum| {
        let view = Migration::repeatable("view", |_| Box::pin(async { Ok(()) }));
        fresh.migrator([effect!(1), effect!(2), view.with_checksum(sum)])
    };
    for sum in ["a", "b"] {
        assert_eq!(view(sum).up().await.unwrap().done().count(), 1);
        assert_eq!(counted(), (vec![3.0], vec![0.0]));
    }
    let records = fresh.db.collection::<Document>("migrations");
    records.delete_many(doc! { "name": { "$in": ["halts", "view"] } }).await.unwrap();
    fresh.migrator([effect!(1), effect!(2)]).repair().await.unwrap();

    // A squash takes the place of the two.
    let sums = [effect!(1), effect!(2)].map(|one| one.checksum().into_owned());
    let applied = Applied::of((1..).zip(sums.iter().map(|sum| &**sum)));
    let text: &'static str = Replaces { to: 2, applied }.to_string().leak();
    let squash = Migration::declared(3, "all", |change| {
        change.create_collection("all");
    });
    let short = fresh.migrator([squash.replacing(text), effect!(4)]);
    short.up().await.unwrap();
    assert_eq!(counted(), (vec![2.0], vec![0.0]), "the squash, and what comes after it");
    short.status().await.unwrap();
    assert_eq!(counted(), (vec![2.0], vec![0.0]), "as a look says");
    fresh.pass().await;
}

/// A webhook that arrives, and a listener that is too slow.
async fn what_is_sent_and_what_is_missed(seen: &Seen) {
    let fresh = TestDb::new("metrics_missed").await;
    let database = format!("database={}", fresh.db.name());
    let receiver = Receiver::start([]);
    let hook = Webhook::new(&receiver.url("/")).unwrap().events("run.ended").unwrap();
    let name = |version: i64| -> &'static str { Box::leak(format!("m{version}").into_boxed_str()) };
    let empty = |version: i64| {
        Migration::transactional(version, name(version), |_| Box::pin(async { Ok(()) }))
    };
    // Two events each, and so more than the thousand that wait for a listener.
    let (opens, opened) = std::sync::mpsc::channel::<()>();
    let (counts, counted) = std::sync::mpsc::channel();
    let migrator = fresh.migrator((1..=600).map(empty)).listener_wait(Duration::ZERO);
    let migrator = migrator.listen(hook.listener()).listen(move |event: &Event| {
        let _ = opened.recv();
        if let EventKind::Missed { count } = event.kind {
            counts.send(count).unwrap();
        }
    });
    migrator.up().await.unwrap();
    drop(opens);
    assert_eq!(migrator.flush_listeners(Duration::from_secs(60)).await, 0);
    assert_eq!(receiver.names(), ["run.ended"]);
    let sent = |outcome: &str| seen.of("mongrate_webhook_events_total", &[&database, outcome]);
    assert_eq!((sent("outcome=delivered"), sent("outcome=failed")), (vec![1.0], vec![]));
    let missed: u64 = counted.try_iter().sum();
    assert!(missed > 0);
    assert_eq!(seen.of("mongrate_events_missed_total", &[&database]), [missed as f64]);
    fresh.pass().await;
}

/// A backfill that its rate holds back, and a run that is paused between two migrations.
async fn what_holds_a_run_back(seen: &Seen) {
    let fresh = TestDb::new("metrics_held").await;
    let database = format!("database={}", fresh.db.name());
    let held = || -> Vec<&str> {
        let reasons = ["paused", "hours", "lag", "load", "rate"];
        let of = |reason: &str| {
            let reason = format!("reason={reason}");
            seen.of("mongrate_run_held", &[&database, "group=default", &reason])
        };
        reasons.into_iter().filter(|reason| of(reason) == [1.0]).collect()
    };
    let becomes = async |reason: &str| {
        let begun = Instant::now();
        while held() != [reason] {
            assert!(begun.elapsed() < Duration::from_secs(60), "{:?}, and not {reason}", held());
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    };
    let guests = (0..2_000).map(|n| doc! { "_id": n });
    fresh.db.collection::<Document>("guests").insert_many(guests).await.unwrap();
    let slow = Migration::online_steps(1, "slow", |on| {
        Box::pin(async move {
            let backfill = on.backfill("slowly", "guests").batch_size(500).per_second(1);
            backfill.update(vec![doc! { "$set": { "plan": "free" } }]).await.map(drop)
        })
    });
    // Its second batch is more than half a second after the first, and so its progress is reported.
    let calm = Migration::online_steps(1, "calm", |on| {
        Box::pin(async move {
            let backfill = on.backfill("calmly", "guests").batch_size(1_000);
            let backfill = backfill.pause(Duration::from_millis(600));
            backfill.update(vec![doc! { "$set": { "stars": 1 } }]).await.map(drop)
        })
    });
    fresh.migrator([calm]).collection("migrations.calm").up().await.unwrap();
    let calmly = [&*database, "version=1", "backfill=calmly"];
    assert_eq!(seen.of("mongrate_backfill_remaining_seconds", &calmly), [0.0]);

    // The rate would hold it for minutes.
    let migrator = fresh.migrator([slow]);
    tokio::select! {
        ended = migrator.up() => panic!("{ended:?}"),
        () = becomes("rate") => {}
    }
    while migrator.lock_status().await.unwrap().held {
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    assert!(held().is_empty(), "its body was dropped, and nothing is held back: {:?}", held());

    // It ends once its lease was renewed twice after the pause: then its run knows of the pause.
    let waits = Migration::online_steps(11, "waits", |on| {
        Box::pin(async move {
            let control = on.database().collection::<Document>("migrations.apart");
            let expires = async || -> mongrate::Result<Document> {
                let lock = control.find_one(doc! { "_id": "lock" }).await?;
                Ok(lock.unwrap_or_default())
            };
            while !expires().await?.contains_key("paused") {
                tokio::time::sleep(Duration::from_millis(10)).await;
            }
            for _ in 0..2 {
                let before = expires().await?.get_datetime("expiresAt").ok().copied();
                while expires().await?.get_datetime("expiresAt").ok().copied() == before {
                    tokio::time::sleep(Duration::from_millis(10)).await;
                }
            }
            Ok(())
        })
    });
    let migrator = fresh.migrator([waits, effect!(12)]).collection("migrations.apart");
    let migrator = migrator.lease(Duration::from_secs(3));
    let operator = async {
        while !migrator.lock_status().await.unwrap().held {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        migrator.pause().await.unwrap();
        becomes("paused").await;
        migrator.resume().await.unwrap();
    };
    let (ended, ()) = tokio::join!(migrator.up(), operator);
    assert_eq!(ended.unwrap().done().count(), 2);
    assert!(held().is_empty(), "{:?}", held());
    fresh.pass().await;
}

/// A transaction that the server asks to be tried again, twice.
async fn retries(seen: &Seen, uri: &str) {
    let fresh = TestDb::on(uri, "metrics_retries").await;
    let database = format!("database={}", fresh.db.name());
    let data = doc! {
        "failCommands": ["insert"], "errorCode": 112,
        "errorLabels": ["TransientTransactionError"],
    };
    let point = fresh.fail(doc! { "times": 2 }, data).await;
    let report = fresh.migrator([effect!(1), effect!(2)]).up().await;
    point.off().await;
    assert_eq!(report.unwrap().steps[0].attempts, 3);
    assert_eq!(seen.of("mongrate_transaction_retries_total", &[&database]), [2.0]);
    fresh.pass().await;
}

/// What was written into the audit log, and what a verification finds in it.
async fn the_audit_log(seen: &Seen, fresh: &TestDb, database: &str) {
    let labels = [database, "group=default"];
    let of = |name: &str| seen.of(&format!("mongrate_audit_{name}"), &labels);
    let migrator = fresh.migrator([effect!(1)]).group("default");
    let migrator = migrator.database_ahead(mongrate::DatabaseAhead::Allow);
    assert_eq!(of("entries_total"), [0.0; 0], "there is no log");
    migrator.enable_audit().await.unwrap();
    migrator.tag("now").await.unwrap();
    assert_eq!(of("entries_total"), [2.0]);
    assert!(migrator.verify_audit().await.unwrap().is_whole());
    assert_eq!((of("breaks"), of("gaps")), (vec![0.0], vec![0.0]));
    // A prune that was killed half-way left an entry.
    let log = fresh.db.collection::<Document>("migrations.audit_log");
    let second = log.find_one(doc! { "_id": 2_i64 }).await.unwrap().unwrap();
    migrator.prune_audit(Utc::now() + TimeDelta::days(1)).await.unwrap();
    log.insert_one(second).await.unwrap();
    assert!(migrator.verify_audit().await.unwrap().is_whole());
    assert_eq!((of("breaks"), of("gaps")), (vec![0.0], vec![1.0]));
    // Somebody removes an entry.
    migrator.remove_tag("now").await.unwrap();
    log.delete_one(doc! { "_id": 3_i64 }).await.unwrap();
    let found = migrator.verify_audit().await.unwrap();
    assert_eq!(of("entries_total"), [4.0]);
    assert!(!found.breaks.is_empty(), "{found:#?}");
    assert_eq!(of("breaks"), [found.breaks.len() as f64]);
}
