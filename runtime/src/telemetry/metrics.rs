//! Numbers for the `metrics` facade (feature `metrics`). Without the feature these functions do
//! nothing.
//!
//! Every name begins with `mongrate_`; every metric has the labels `group` and `database`. Steps of
//! different migrations may have the same name (`operation 1`), so metrics of backfills also have
//! the migration's version.

use crate::model::{
    error::Error,
    report::{
        run::{RunReport, StepReport},
        steering::Hold,
    },
};

/// Sets how many migrations are applied and pending, as far as this process knows. Every verb that
/// reads the history calls this, also a verb that only warns.
#[cfg_attr(not(feature = "metrics"), expect(unused_variables, reason = "used by the feature"))]
pub(crate) fn counted(group: &str, database: &str, applied: usize, pending: usize) {
    #[cfg(feature = "metrics")]
    {
        #[expect(clippy::cast_precision_loss, reason = "far below 2^53")]
        let (applied, pending) = (applied as f64, pending as f64);
        let labels = [("group", group.to_owned()), ("database", database.to_owned())];
        ::metrics::gauge!("mongrate_migrations_applied", &labels).set(applied);
        ::metrics::gauge!("mongrate_migrations_pending", &labels).set(pending);
    }
}

/// Sets in how many places the live schema differs from the expected one. Every `drift` calls this.
#[cfg_attr(not(feature = "metrics"), expect(unused_variables, reason = "used by the feature"))]
pub(crate) fn drifted(group: &str, database: &str, differences: usize) {
    #[cfg(feature = "metrics")]
    {
        #[expect(clippy::cast_precision_loss, reason = "far below 2^53")]
        let differences = differences as f64;
        let labels = [("group", group.to_owned()), ("database", database.to_owned())];
        ::metrics::gauge!("mongrate_schema_differences", &labels).set(differences);
    }
}

/// Counts entries of the audit log that were committed.
#[cfg_attr(not(feature = "metrics"), expect(unused_variables, reason = "used by the feature"))]
pub(crate) fn audited(group: &str, database: &str, entries: i64) {
    #[cfg(feature = "metrics")]
    {
        let labels = [("group", group.to_owned()), ("database", database.to_owned())];
        ::metrics::counter!("mongrate_audit_entries_total", &labels)
            .increment(u64::try_from(entries).unwrap_or(0));
    }
}

/// Sets in how many places the audit log is broken, and how many gaps it has. Every verification calls
/// this.
#[cfg_attr(not(feature = "metrics"), expect(unused_variables, reason = "used by the feature"))]
pub(crate) fn verified(group: &str, database: &str, breaks: usize, gaps: usize) {
    #[cfg(feature = "metrics")]
    {
        #[expect(clippy::cast_precision_loss, reason = "far below 2^53")]
        let (breaks, gaps) = (breaks as f64, gaps as f64);
        let labels = [("group", group.to_owned()), ("database", database.to_owned())];
        ::metrics::gauge!("mongrate_audit_breaks", &labels).set(breaks);
        ::metrics::gauge!("mongrate_audit_gaps", &labels).set(gaps);
    }
}

/// Records how long a run waited for the lock.
#[cfg_attr(not(feature = "metrics"), expect(unused_variables, reason = "used by the feature"))]
pub(crate) fn waited(group: &str, database: &str, ended: &Result<RunReport, Error>) {
    #[cfg(feature = "metrics")]
    {
        let report = match ended {
            Ok(report) => Some(report),
            Err(error) => error.report(),
        };
        let Some(report) = report else { return };
        let labels = [("group", group.to_owned()), ("database", database.to_owned())];
        ::metrics::histogram!("mongrate_lock_wait_seconds", &labels)
            .record(seconds(report.waited_ms));
    }
}

/// Records that a migration of a run ended, successfully or not.
#[cfg_attr(not(feature = "metrics"), expect(unused_variables, reason = "used by the feature"))]
pub(crate) fn stepped(group: &str, database: &str, step: &StepReport) {
    #[cfg(feature = "metrics")]
    {
        use crate::model::report::run::StepOutcome;
        let outcome = match step.outcome {
            StepOutcome::NotRun => return,
            StepOutcome::Applied => "applied",
            StepOutcome::Reverted => "reverted",
            StepOutcome::Failed => "failed",
            StepOutcome::Interrupted => "interrupted",
            StepOutcome::Unknown => "unknown",
            StepOutcome::Aborted => "aborted",
        };
        let labels = [("group", group.to_owned()), ("database", database.to_owned())];
        ::metrics::histogram!(
            "mongrate_migration_duration_seconds",
            "group" => group.to_owned(),
            "database" => database.to_owned(),
            "version" => step.version.to_string(),
            "name" => step.name.clone(),
            "direction" => step.direction.as_str(),
            "outcome" => outcome,
        )
        .record(seconds(step.duration_ms));
        ::metrics::counter!("mongrate_transaction_retries_total", &labels)
            .increment(u64::from(step.attempts.saturating_sub(1)));
    }
}

#[cfg(feature = "metrics")]
#[expect(clippy::cast_precision_loss, reason = "far below 2^53")]
fn seconds(ms: u64) -> f64 {
    ms as f64 / 1_000.0
}

/// Counts an event that a listener was too slow for.
#[cfg_attr(not(feature = "metrics"), expect(unused_variables, reason = "used by the feature"))]
pub(crate) fn missed(group: &str, database: &str) {
    #[cfg(feature = "metrics")]
    {
        let labels = [("group", group.to_owned()), ("database", database.to_owned())];
        ::metrics::counter!("mongrate_events_missed_total", &labels).increment(1);
    }
}

/// Counts an event that a webhook has sent, or could not send.
#[cfg(feature = "webhook")]
#[cfg_attr(not(feature = "metrics"), expect(unused_variables, reason = "used by the feature"))]
pub(crate) fn sent(group: &str, database: &str, outcome: &'static str) {
    #[cfg(feature = "metrics")]
    ::metrics::counter!(
        "mongrate_webhook_events_total",
        "group" => group.to_owned(),
        "database" => database.to_owned(),
        "outcome" => outcome,
    )
    .increment(1);
}

/// Sets at which migration of how many this process's run is.
#[cfg_attr(not(feature = "metrics"), expect(unused_variables, reason = "used by the feature"))]
pub(crate) fn placed(group: &str, database: &str, at: usize, of: usize) {
    #[cfg(feature = "metrics")]
    {
        #[expect(clippy::cast_precision_loss, reason = "far below 2^53")]
        let (at, of) = (at as f64, of as f64);
        let labels = [("group", group.to_owned()), ("database", database.to_owned())];
        ::metrics::gauge!("mongrate_run_migration", &labels).set(at);
        ::metrics::gauge!("mongrate_run_migrations", &labels).set(of);
    }
}

/// Sets what holds this process's run back, by its reason.
#[cfg_attr(not(feature = "metrics"), expect(unused_variables, reason = "used by the feature"))]
pub(crate) fn held(group: &str, database: &str, hold: Option<&Hold>) {
    #[cfg(feature = "metrics")]
    for reason in crate::model::report::steering::HoldReason::ALL {
        let is_it = hold.is_some_and(|hold| hold.reason == reason);
        ::metrics::gauge!(
            "mongrate_run_held",
            "group" => group.to_owned(),
            "database" => database.to_owned(),
            "reason" => reason.as_str(),
        )
        .set(if is_it { 1.0 } else { 0.0 });
    }
}

/// Sets how many documents a backfill has walked over, by all runs, and how many there are.
#[cfg_attr(not(feature = "metrics"), expect(unused_variables, reason = "used by the feature"))]
pub(crate) fn progressed(
    (group, database): (&str, &str),
    version: crate::model::version::Version,
    backfill: &crate::telemetry::progress::BackfillProgress,
) {
    #[cfg(feature = "metrics")]
    {
        let labels = [
            ("group", group.to_owned()),
            ("database", database.to_owned()),
            ("version", version.to_string()),
            ("backfill", backfill.name.clone()),
        ];
        #[expect(clippy::cast_precision_loss, reason = "a gauge is not that precise")]
        let number = |number: u64| number as f64;
        ::metrics::gauge!("mongrate_backfill_walked_documents", &labels)
            .set(number(backfill.documents));
        if let Some(total) = backfill.total {
            ::metrics::gauge!("mongrate_backfill_expected_documents", &labels).set(number(total));
        }
        if let Some(remaining) = backfill.remaining_ms {
            ::metrics::gauge!("mongrate_backfill_remaining_seconds", &labels)
                .set(seconds(remaining));
        }
    }
}

/// Counts a committed batch of a backfill. Its throughput is the rate of the counter.
#[cfg_attr(not(feature = "metrics"), expect(unused_variables, reason = "used by the feature"))]
pub(crate) fn backfilled(
    database: &str,
    group: &str,
    version: crate::model::version::Version,
    backfill: &str,
    documents: i64,
) {
    #[cfg(feature = "metrics")]
    {
        let labels = [
            ("group", group.to_owned()),
            ("database", database.to_owned()),
            ("version", version.to_string()),
            ("backfill", backfill.to_owned()),
        ];
        ::metrics::counter!("mongrate_backfill_documents_total", &labels)
            .increment(u64::try_from(documents).unwrap_or(0));
        ::metrics::counter!("mongrate_backfill_batches_total", &labels).increment(1);
    }
}
