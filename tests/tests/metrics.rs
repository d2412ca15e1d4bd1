//! The numbers for the `metrics` facade, as a recorder gets them.

use std::{
    collections::BTreeMap,
    sync::{Arc, LazyLock, Mutex},
    time::Duration,
};

use metrics::{
    Counter, CounterFn, Gauge, GaugeFn, Histogram, HistogramFn, Key, KeyName, Metadata, Recorder,
    SharedString, Unit,
};
use mongrate::{
    Migration, Migrator, StartPolicy,
    bson::{Document, doc},
    webhook::Webhook,
};
use mongrate_tests::{TestDb, effect};

/// Sums of counters, last values of gauges, lengths of histograms; by name and labels.
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
    fn record(&self, _: f64) {
        self.change(|count| *count += 1.0);
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
    // Somebody removes an entry.
    migrator.remove_tag("now").await.unwrap();
    let log = fresh.db.collection::<Document>("migrations.audit_log");
    log.delete_one(doc! { "_id": 2_i64 }).await.unwrap();
    let found = migrator.verify_audit().await.unwrap();
    assert_eq!(of("entries_total"), [3.0]);
    assert!(!found.breaks.is_empty(), "{found:#?}");
    assert_eq!(of("breaks"), [found.breaks.len() as f64]);
}
