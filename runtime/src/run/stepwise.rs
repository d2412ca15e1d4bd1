//! Runs one migration after the other: what the end of each means for the next ones, and what the
//! report says of it. For `up --atomic`, see `atomic`.

use tokio::time::Instant;
use tracing::Instrument as _;

use super::{body, plan::Step};
use crate::{
    model::{
        clock,
        error::Error,
        report::{
            failure::Failure,
            run::{RunReport, StepOutcome, StepReport},
        },
        result::BoxError,
        state::Direction,
        version::Version,
    },
    mongo::server_error::ServerError,
    protocol::{
        engine::{Committed, Engine},
        history::History,
        record_change::RecordChange,
        session::Durability,
        stop::StopReason,
    },
    telemetry::{IN_THE_REPORT, metrics, observer::Watching, progress::RunEvent, visible::Line},
};

/// How a plan's execution ended.
pub(crate) enum End {
    Done,
    Failed(BoxError),
    Cancelled,
    Lost,
}

impl From<StopReason> for End {
    /// The end of a run that was stopped before its first step.
    fn from(stop: StopReason) -> Self {
        match stop {
            StopReason::Lost | StopReason::TakenBack => Self::Lost,
            StopReason::Cancelled => Self::Cancelled,
            StopReason::Body(error) => Self::Failed(error),
            StopReason::Server(error) | StopReason::Unknown(error) => Self::Failed(Box::new(error)),
        }
    }
}

/// How many elections may take commits back before the run gives up.
const ELECTIONS_MAX: u32 = 10;

/// How the steps are run.
#[derive(Clone, Copy)]
pub(crate) struct How<'a> {
    pub continue_on_error: bool,
    pub watching: Option<&'a Watching>,
    /// Something is recorded after the steps, under the same lock.
    pub keeps_lock: bool,
}

pub(crate) async fn execute(
    engine: &mut Engine,
    steps: &[Step],
    history: &History,
    how: How<'_>,
    report: &mut RunReport,
) -> End {
    let How { continue_on_error, watching, keeps_lock } = how;
    let mut step_loop = StepLoop {
        history,
        continue_on_error,
        watching,
        first: report.steps.len(),
        count: steps.len(),
        failed: None,
        end: None,
        reverted: Vec::new(),
        stuck: Vec::new(),
        elections: 0,
    };
    loop {
        // Each step that was reached has its entry in the report.
        while let Some(step) = steps.get(report.steps.len() - step_loop.first) {
            step_loop.take(engine, step, report).await;
            let undone = engine.take_undone();
            step_loop.undo(undone, engine, report);
        }
        let finishes = step_loop.end.is_none() && !keeps_lock;
        if engine.provisional() == 0 || (finishes && engine.finish().await) {
            break;
        }
        step_loop.confirm(engine, report).await;
    }
    if !report.done().any(|step| step.direction == Direction::Up) {
        report.batch = None;
    }
    match (step_loop.end, step_loop.failed) {
        (Some(End::Lost), _) => End::Lost,
        (Some(End::Cancelled), _) => End::Cancelled,
        (_, Some(error)) => End::Failed(error),
        _ => End::Done,
    }
}

/// The loop over the steps of a plan, and what it remembers of the steps before.
struct StepLoop<'a> {
    history: &'a History,
    continue_on_error: bool,
    watching: Option<&'a Watching>,
    /// Where the report of these steps begins.
    first: usize,
    /// How many steps there are.
    count: usize,
    failed: Option<BoxError>,
    /// Set once the run must stop; later steps are reported as not run.
    end: Option<End>,
    /// Migrations that this run rolled back: their records in the history no longer hold.
    reverted: Vec<Version>,
    /// Migrations whose rollback failed: their later steps are not run.
    stuck: Vec<Version>,
    /// How many elections took commits back.
    elections: u32,
}

impl StepLoop<'_> {
    /// Runs a step, or reports why not. Adds one entry to the report; none if an election took back
    /// the commits before it.
    async fn take(&mut self, engine: &mut Engine, step: &Step, report: &mut RunReport) {
        let version = step.migration.version();
        let at = report.steps.len() - self.first;
        if self.end.is_none() && !self.stuck.contains(&version) {
            engine.steering().step(at, self.count);
            engine.hold().await;
        }
        if self.end.is_none() && engine.cancel.is_cancelled() {
            self.end = Some(End::Cancelled);
        }
        if self.end.is_some() || self.stuck.contains(&version) || self.is_too_early(step, report) {
            report.steps.push(step_report(step, StepOutcome::NotRun, 0, 0, None));
            return;
        }
        let record = self.history.get(version).filter(|_| !self.reverted.contains(&version));
        let begun = Instant::now();
        let doing = match step.direction {
            Direction::Up => "applying",
            Direction::Down => "rolling back",
        };
        let name = step.migration.name();
        tracing::info!(target: "mongrate", %version, name, resumes = step.resumes, "{doing}");
        let span = tracing::info_span!(
            target: "mongrate", "migration", %version, name, direction = step.direction.as_str()
        );
        engine.progress.emit(|| RunEvent::StepBegan { at });
        metrics::placed(&report.group, &report.database, at + 1, self.count);
        engine.reached.clear();
        if let Some(watching) = self.watching {
            watching.begin();
        }
        let durability = self.durability();
        let ran = body::run(engine, step, record, durability).instrument(span).await;
        if let Some(watching) = self.watching {
            watching.end();
        }
        let ms = clock::ms_since(begun);
        match ran {
            Ok(committed) => self.done(engine, step, committed, ms, report),
            Err(stop) => {
                if !self.stopped(engine, step, stop, ms, report).await {
                    return;
                }
            }
        }
        if let Some(step) = report.steps.last() {
            engine.progress.ended(at, step);
            metrics::stepped(&report.group, &report.database, step);
        }
    }

    /// What is repeatable relies on all versions: it waits until each of them is applied.
    fn is_too_early(&self, step: &Step, report: &RunReport) -> bool {
        let is_missing = |one: &StepReport| !one.version.is_repeatable() && !one.is_done();
        step.migration.is_repeatable() && report.steps.iter().skip(self.first).any(is_missing)
    }

    /// The primary's acknowledgement is enough: a later commit waits for the majority, or the
    /// release does. Not where commands are recorded: no step may run twice.
    fn durability(&self) -> Durability {
        match self.watching {
            None => Durability::Primary,
            Some(_) => Durability::Majority,
        }
    }

    fn done(
        &mut self,
        engine: &mut Engine,
        step: &Step,
        committed: Committed,
        ms: u64,
        report: &mut RunReport,
    ) {
        let (version, name) = (step.migration.version(), step.migration.name());
        let (done, outcome) = match step.direction {
            Direction::Up => ("applied", StepOutcome::Applied),
            Direction::Down => ("rolled back", StepOutcome::Reverted),
        };
        tracing::info!(
            target: "mongrate", %version, name, duration_ms = ms,
            attempts = committed.attempts, "{done}"
        );
        match step.direction {
            Direction::Up => {
                engine.note_timing(version, committed, ms);
                report.batch = Some(engine.batch);
            }
            Direction::Down => self.reverted.push(version),
        }
        report.steps.push(step_report(step, outcome, ms, committed.attempts, None));
    }

    /// `false`: the step is run again, after the steps before it that were taken back.
    async fn stopped(
        &mut self,
        engine: &mut Engine,
        step: &Step,
        stop: StopReason,
        ms: u64,
        report: &mut RunReport,
    ) -> bool {
        let (version, name) = (step.migration.version(), step.migration.name());
        match stop {
            StopReason::TakenBack if self.elections < ELECTIONS_MAX => {
                self.elections += 1;
                return false;
            }
            StopReason::TakenBack => {
                let why = "elections take back what only the former primary had, again and again";
                let error = Error::server("commit", ServerError::in_reply(why, None));
                fail(engine, step, &error, ms, report).await;
                self.failed.get_or_insert(Box::new(error));
                self.end = Some(End::Done);
            }
            StopReason::Lost => {
                report.steps.push(step_report(step, StepOutcome::Interrupted, ms, 1, None));
                self.end = Some(End::Lost);
            }
            StopReason::Cancelled => {
                tracing::warn!(name: IN_THE_REPORT, target: "mongrate", %version, name, "cancelled");
                record_outcome(
                    engine,
                    step,
                    &RecordChange::Cancelled { direction: step.direction },
                )
                .await;
                let mut report_of = step_report(step, StepOutcome::Interrupted, ms, 1, None);
                report_of.progress = std::mem::take(&mut engine.reached);
                report.steps.push(report_of);
                self.end = Some(End::Cancelled);
            }
            StopReason::Unknown(error) => {
                let failure = Failure::of(&error);
                tracing::error!(
                    target: "mongrate", %version, name, failure = %Line(&failure),
                    "whether it was committed is unknown; `status` tells"
                );
                let outcome = StepOutcome::Unknown;
                report.steps.push(step_report(step, outcome, ms, engine.attempts, Some(failure)));
                self.failed.get_or_insert(Box::new(error));
                self.end = Some(End::Done);
            }
            StopReason::Body(error) => {
                fail(engine, step, error.as_ref(), ms, report).await;
                self.failed.get_or_insert(error);
                if step.direction == Direction::Down {
                    self.stuck.push(version);
                }
                if !self.continue_on_error {
                    self.end = Some(End::Done);
                }
            }
            StopReason::Server(error) => {
                fail(engine, step, &error, ms, report).await;
                self.failed.get_or_insert(Box::new(error));
                self.end = Some(End::Done);
            }
        }
        true
    }

    /// Waits until a majority has every commit, before the run ends.
    async fn confirm(&mut self, engine: &mut Engine, report: &mut RunReport) {
        let count = engine.provisional();
        match engine.confirm().await {
            // All is there, whoever has the lock now.
            Ok(0) if self.end.is_none() => {}
            Ok(undone) if engine.is_lost() => {
                // What the new owner of the lock made of these steps is not known here.
                self.mark(undone, StepOutcome::Unknown, engine, report);
                self.end = Some(End::Lost);
            }
            Ok(undone) => {
                self.elections += u32::from(undone > 0);
                if self.elections > ELECTIONS_MAX {
                    self.end.get_or_insert(End::Lost);
                }
                self.undo(undone, engine, report);
            }
            Err(stop) => {
                tracing::error!(
                    target: "mongrate", count, why = %Line(stop.text()),
                    "whether a majority has the last migrations is unknown; `status` tells"
                );
                self.mark(count, StepOutcome::Unknown, engine, report);
                engine.give_up_on_provisional();
                if let StopReason::Server(error) | StopReason::Unknown(error) = stop {
                    self.failed.get_or_insert(Box::new(error));
                }
                self.end.get_or_insert(End::Done);
            }
        }
    }

    /// Takes the newest `count` successful steps out of the report, so that they are run again. If
    /// the run must stop, marks them as not run.
    fn undo(&mut self, count: usize, engine: &Engine, report: &mut RunReport) {
        let Some(at) = self.newest_done(count, report) else { return };
        if self.end.is_some() {
            self.mark(count, StepOutcome::NotRun, engine, report);
            return;
        }
        engine.progress.emit(|| RunEvent::Undone { from: at - self.first });
        for gone in report.steps.drain(at..).filter(|gone| gone.direction == Direction::Down) {
            self.reverted.retain(|version| *version != gone.version);
            self.stuck.retain(|version| *version != gone.version);
        }
        let has_failed = |step: &StepReport| step.outcome == StepOutcome::Failed;
        if !report.steps.iter().skip(self.first).any(has_failed) {
            self.failed = None;
        }
    }

    /// Gives the newest `count` successful steps another outcome.
    fn mark(&self, count: usize, outcome: StepOutcome, engine: &Engine, report: &mut RunReport) {
        let Some(from) = self.newest_done(count, report) else { return };
        let marked = report.steps.iter_mut().enumerate().skip(from);
        for (at, step) in marked.filter(|(_, step)| step.is_done()) {
            step.outcome = outcome;
            engine.progress.ended(at - self.first, step);
        }
    }

    /// Where the newest `count` successful steps begin in the report.
    fn newest_done(&self, count: usize, report: &RunReport) -> Option<usize> {
        let steps = report.steps.iter().enumerate().skip(self.first).rev();
        let mut done = steps.filter(|(_, step)| step.is_done()).map(|(at, _)| at);
        done.nth(count.checked_sub(1)?)
    }
}

/// Records and reports a failure.
pub(crate) async fn fail(
    engine: &mut Engine,
    step: &Step,
    error: &(dyn std::error::Error + 'static),
    ms: u64,
    report: &mut RunReport,
) {
    let attempts = engine.attempts;
    let failure = Failure::of(error);
    let (version, name) = (step.migration.version(), step.migration.name());
    tracing::error!(name: IN_THE_REPORT, target: "mongrate", %version, name, failure = %Line(&failure), "failed");
    record_outcome(
        engine,
        step,
        &RecordChange::Failed { direction: step.direction, failure: &failure },
    )
    .await;
    report.steps.push(step_report(step, StepOutcome::Failed, ms, attempts, Some(failure)));
}

/// Records an outcome outside the aborted transaction. A failure to record is only logged.
pub(crate) async fn record_outcome(engine: &mut Engine, step: &Step, change: &RecordChange<'_>) {
    let mut recorded = engine.record(step.migration.identity(), engine.applied(), change).await;
    if let Err(StopReason::TakenBack) = recorded {
        // The engine knows now what was taken back, so that this attempt matches.
        recorded = engine.record(step.migration.identity(), engine.applied(), change).await;
    }
    if let Err(stop) = recorded {
        tracing::warn!(
            target: "mongrate", version = %step.migration.version(), why = %Line(stop.text()),
            "could not record the outcome"
        );
    }
}

pub(crate) fn step_report(
    step: &Step,
    outcome: StepOutcome,
    duration_ms: u64,
    attempts: u32,
    failure: Option<Failure>,
) -> StepReport {
    StepReport {
        version: step.migration.version(),
        name: step.migration.name().to_owned(),
        kind: step.migration.kind(),
        direction: step.direction,
        outcome,
        duration_ms,
        attempts,
        failure,
        progress: Vec::new(),
    }
}
