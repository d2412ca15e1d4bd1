//! `up --atomic`: everything pending in one guarded transaction, all or nothing.

use std::{error::Error as StdError, fmt};

use super::{
    body,
    plan::Step,
    stepwise::{End, fail, record_outcome, step_report},
};
use crate::{
    model::{
        error::Error,
        report::{
            failure::Failure,
            run::{RunReport, StepOutcome},
        },
        result::BoxError,
    },
    mongo::driver,
    protocol::{
        engine::Engine,
        history::History,
        record_change::RecordChange,
        stop::{EndedByServer, StopReason},
    },
    registry::migration::{Body, Migration, TransactionFn},
    telemetry::{IN_THE_REPORT, metrics, progress::RunEvent, visible::Line},
};

/// Runs steps that are all transactional and all go up: the plan was checked
/// ([`refuse_apart`](super::plan::refuse_apart)).
pub(crate) async fn execute(
    engine: &mut Engine,
    steps: &[Step],
    history: &History,
    report: &mut RunReport,
) -> End {
    let before = report.steps.len();
    let end = all_or_none(engine, steps, history, report).await;
    for (at, step) in report.steps.iter().skip(before).enumerate() {
        engine.progress.ended(at, step);
        metrics::stepped(&report.group, &report.database, step);
    }
    end
}

async fn all_or_none(
    engine: &mut Engine,
    steps: &[Step],
    history: &History,
    report: &mut RunReport,
) -> End {
    let all: Vec<(Migration, TransactionFn)> = steps
        .iter()
        .filter_map(|step| match step.migration.body {
            Body::Transaction { up, .. } => Some((step.migration, up)),
            Body::Online { .. } | Body::Change { .. } => None,
        })
        .collect();
    tracing::info!(target: "mongrate", count = all.len(), "applying together");
    for at in 0..all.len() {
        engine.progress.emit(|| RunEvent::StepBegan { at });
    }
    engine.steering().step(0, all.len());
    engine.hold().await;
    let (ended, progress) = body::run_together(engine, &all, history).await;
    let stop = match ended {
        Ok(committed) => {
            tracing::info!(
                target: "mongrate", count = all.len(), attempts = committed.attempts,
                "applied together"
            );
            report.batch = Some(engine.batch);
            for (at, step) in steps.iter().enumerate() {
                let ms = progress.ms.get(at).copied().unwrap_or(0);
                engine.note_timing(step.migration.version(), committed, ms);
                let applied = StepOutcome::Applied;
                report.steps.push(step_report(step, applied, ms, committed.attempts, None));
            }
            return End::Done;
        }
        Err(stop) => stop,
    };
    let took = |at: usize| progress.ms.get(at).copied().unwrap_or(0);
    let attempts = engine.attempts;
    if let StopReason::Unknown(error) = stop {
        let failure = Failure::of(&error);
        tracing::error!(target: "mongrate", failure = %Line(&failure), "whether they were committed is unknown; `status` tells");
        for (at, step) in steps.iter().enumerate() {
            let failure = (at == progress.at).then(|| failure.clone());
            report.steps.push(step_report(step, StepOutcome::Unknown, took(at), attempts, failure));
        }
        return End::Failed(Box::new(error));
    }
    for (at, step) in steps.iter().enumerate().take(progress.at) {
        report.steps.push(step_report(step, StepOutcome::Aborted, took(at), attempts, None));
    }
    let end = match steps.get(progress.at) {
        Some(step) => stopped(engine, step, stop, took(progress.at), all.len(), report).await,
        None => End::Done,
    };
    for step in steps.iter().skip(progress.at + 1) {
        report.steps.push(step_report(step, StepOutcome::NotRun, 0, 0, None));
    }
    end
}

/// Records and reports what stopped the run, at the migration that was running.
async fn stopped(
    engine: &mut Engine,
    step: &Step,
    stop: StopReason,
    ms: u64,
    count: usize,
    report: &mut RunReport,
) -> End {
    match stop {
        StopReason::Lost => {
            report.steps.push(step_report(step, StepOutcome::Interrupted, ms, 1, None));
            End::Lost
        }
        StopReason::Cancelled => {
            let version = step.migration.version();
            tracing::warn!(name: IN_THE_REPORT, target: "mongrate", %version, "cancelled");
            record_outcome(engine, step, &RecordChange::Cancelled { direction: step.direction })
                .await;
            report.steps.push(step_report(step, StepOutcome::Interrupted, ms, 1, None));
            End::Cancelled
        }
        StopReason::Body(error) => {
            let error = explained(error, count);
            fail(engine, step, error.as_ref(), ms, report).await;
            End::Failed(error)
        }
        // None of their commits is provisional.
        StopReason::TakenBack => End::Lost,
        StopReason::Server(error) | StopReason::Unknown(error) => {
            let is_limit = is_limit(&error);
            let error: BoxError = Box::new(error);
            let error = if is_limit { explained(error, count) } else { error };
            fail(engine, step, error.as_ref(), ms, report).await;
            End::Failed(error)
        }
    }
}

/// The migrations together exceeded a limit of the server.
#[derive(Debug)]
struct TooLarge {
    count: usize,
    source: BoxError,
}

impl fmt::Display for TooLarge {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "the {} migrations together pass what the server allows one transaction (60 s by \
             default, and what fits its cache): apply them without `--atomic`, or fewer at a time \
             with `--to` or `--steps`, or make the large ones online; nothing was applied",
            self.count
        )
    }
}

impl StdError for TooLarge {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        Some(self.source.as_ref())
    }
}

fn explained(error: BoxError, count: usize) -> BoxError {
    match is_limit(error.as_ref()) {
        true => Box::new(TooLarge { count, source: error }),
        false => error,
    }
}

/// A limit of the server's; or the server had ended it, again and again.
fn is_limit(error: &(dyn StdError + 'static)) -> bool {
    let code = driver::find(error).and_then(driver::code);
    let code = code.or_else(|| match error.downcast_ref::<Error>() {
        Some(Error::Server { source, .. }) => source.code(),
        _ => None,
    });
    code.is_some_and(driver::is_limit) || error.is::<EndedByServer>()
}
