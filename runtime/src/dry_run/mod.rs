//! Tries migrations and leaves nothing of it: in one transaction that is always aborted, or in
//! a scratch database that is dropped.

mod rehearse;
mod report;
mod shadow;

use std::{
    future::{Future, IntoFuture},
    pin::Pin,
    time::Duration,
};

use rehearse::{Rehearsal, Tried};
pub use report::{
    CommandReport, DryRunKind, DryRunOutcome, DryRunReport, DryRunStep, ShadowReport,
};
use tokio::time::Instant;

use crate::{
    Error, Migrator, Observer,
    engine::on_own_thread,
    inside::Inside,
    lint::{self, Lint},
    plan::{Goal, Plan},
    report::PlanStep,
    runner::Runner,
};

/// How long a dry run's transaction may stay open, unless it is told otherwise: half of what
/// the server allows by default.
const TIMEOUT: Duration = Duration::from_secs(30);
const TIMEOUT_MAX: Duration = Duration::from_secs(3_600);

/// How many documents of each collection a scratch database gets, unless it is told otherwise.
const SAMPLE: u32 = 1_000;
const SAMPLE_MAX: u32 = 1_000_000;

type Boxed<'a, T> = Pin<Box<dyn Future<Output = Result<T, Error>> + Send + 'a>>;

/// Tries what `up`, `down` or `redo` would do: for real, in one transaction that is always
/// aborted. Made by [`Up::dry_run`](crate::Up::dry_run) and its like; await it.
///
/// The transactional migrations run in their order, so that later ones see what earlier ones
/// did. Online and declared ones cannot be undone by an abort: they are not run, and the report
/// says so; [`Shadow`] runs all kinds. No lock is taken, and nothing is written to the lock,
/// the fence or the history.
///
/// What a body does besides its `tx` (files, other services, a client of its own) is done.
///
/// While it runs, the documents that it writes are locked as in any transaction: an app that
/// writes to the same documents waits or gets a write conflict. [`timeout`](Self::timeout)
/// bounds that. A conflict with the app has the whole dry run tried again, as often as
/// [`Retries`](crate::Retries) say, within the same time.
///
/// # Errors
///
/// What becomes of the migrations is in the report, failures too. Errors are what [`Up`] and
/// [`Down`] refuse before they run anything, [`Error::Settings`], [`Error::Cancelled`], and a
/// server that cannot be reached. The database is unchanged in every case.
///
/// # Cancel safety
///
/// Dropping the future, or cancelling the migrator's token, ends the transaction; dropped, in
/// the background. Should not even that get through, the server ends it after 60 s.
///
/// ```no_run
/// # async fn example(migrator: mongrate::Migrator) -> Result<(), mongrate::Error> {
/// let report = migrator.up().dry_run().await?;
/// for step in report.steps.iter().filter(|step| step.failure.is_some()) {
///     println!("{} would fail: {:?}", step.planned.version, step.failure);
/// }
/// # Ok(())
/// # }
/// ```
///
/// [`Up`]: crate::Up
/// [`Down`]: crate::Down
#[derive(Debug)]
#[must_use = "nothing runs until it is awaited"]
pub struct DryRun<'a> {
    migrator: &'a Migrator,
    goal: Goal,
    timeout: Duration,
    lint: bool,
}

impl<'a> DryRun<'a> {
    pub(crate) fn new(migrator: &'a Migrator, goal: Goal, lint: bool) -> Self {
        Self { migrator, goal, timeout: TIMEOUT, lint }
    }

    /// How long its transaction, and so its locks, may last: up to 1 h, default 30 s. The
    /// server ends a transaction after 60 s, unless its `transactionLifetimeLimitSeconds` says
    /// otherwise.
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.timeout = timeout;
        self
    }
}

impl<'a> IntoFuture for DryRun<'a> {
    type Output = Result<DryRunReport, Error>;
    type IntoFuture = Boxed<'a, DryRunReport>;

    fn into_future(self) -> Self::IntoFuture {
        Box::pin(async move {
            if self.timeout.is_zero() || self.timeout > TIMEOUT_MAX {
                let problem = format!("{:?} is not between 1 ms and 1 h", self.timeout);
                return Err(Error::Settings { setting: "timeout", problem });
            }
            let runner = self.migrator.runner()?;
            let observer = self.migrator.observer_given().cloned();
            runner.rehearse(self.goal, self.timeout, observer, self.lint).await
        })
    }
}

/// Tries what `up`, `down` or `redo` would do in a scratch database. Made by
/// [`Up::shadow`](crate::Up::shadow) and its like; await it.
///
/// A database with a new name is made on the same server, with every collection (options,
/// validator, indexes), view and time series of the real one, a sample of the documents, and
/// the history. Everything pending runs in it, of every kind, by the ordinary runner. Then it
/// is dropped, whatever happened. What a killed process left behind is dropped by a later
/// shadow run of the same database, once it is 15 minutes old.
///
/// The real database is only read. Counts and times in the report are those of the sample.
///
/// # Errors
///
/// As [`DryRun`]; [`Error::ShadowForbidden`] when the user may not make or drop such a
/// database, and [`Error::ShadowImpossible`] on a sharded cluster: nothing was made then.
///
/// # Cancel safety
///
/// Dropping the future, or cancelling the migrator's token, ends the run and drops the scratch
/// database; dropped, in the background.
///
/// ```no_run
/// # async fn example(migrator: mongrate::Migrator) -> Result<(), mongrate::Error> {
/// let report = migrator.up().shadow().sample(10_000).await?;
/// assert!(report.is_ok(), "{report:?}");
/// # Ok(())
/// # }
/// ```
#[derive(Debug)]
#[must_use = "nothing runs until it is awaited"]
pub struct Shadow<'a> {
    migrator: &'a Migrator,
    goal: Goal,
    sample: u32,
    continue_on_error: bool,
    lint: bool,
}

impl<'a> Shadow<'a> {
    pub(crate) fn new(
        migrator: &'a Migrator,
        goal: Goal,
        continue_on_error: bool,
        lint: bool,
    ) -> Self {
        Self { migrator, goal, sample: SAMPLE, continue_on_error, lint }
    }

    /// How many documents of each collection are copied, chosen at random: up to 1,000,000,
    /// default 1,000. 0: none.
    pub fn sample(mut self, documents: u32) -> Self {
        self.sample = documents;
        self
    }
}

impl<'a> IntoFuture for Shadow<'a> {
    type Output = Result<DryRunReport, Error>;
    type IntoFuture = Boxed<'a, DryRunReport>;

    fn into_future(self) -> Self::IntoFuture {
        Box::pin(async move {
            if self.sample > SAMPLE_MAX {
                let problem = format!("{} is over {SAMPLE_MAX}", self.sample);
                return Err(Error::Settings { setting: "sample", problem });
            }
            let runner = self.migrator.runner()?;
            let observer = self.migrator.observer_given().cloned();
            let wanted = shadow::Wanted {
                goal: self.goal,
                sample: self.sample,
                continue_on_error: self.continue_on_error,
            };
            runner.shadow(wanted, observer, self.lint).await
        })
    }
}

impl Runner {
    async fn rehearse(
        &self,
        goal: Goal,
        timeout: Duration,
        observer: Option<Observer>,
        lint: bool,
    ) -> Result<DryRunReport, Error> {
        let begun = Instant::now();
        let plan = self.planned_unless_cancelled(goal).await?;
        let mut lints = if lint { self.lints(&plan.steps).await? } else { Vec::new() };
        self.progress.began(None, &plan.steps);
        // Dropping this future ends the transaction, as cancelling does.
        let stop = self.cancel.child_token();
        let on_drop = stop.clone().drop_guard();
        let rehearsal =
            Rehearsal { control: self.control.clone(), observer, cancel: stop, timeout };
        let steps = plan.steps.clone();
        let inside = Inside::dry_run(self.control.database.name(), &self.control.collection);
        let rehearsed = on_own_thread(move || async move {
            let _entered = inside.enter();
            rehearsal.run(&steps).await
        })
        .await?;
        drop(on_drop);
        if rehearsed.cancelled {
            return Err(Error::Cancelled { report: Box::new(self.empty_report()) });
        }
        for (step, tried) in plan.steps.iter().zip(&rehearsed.tried) {
            let found = lint::large_transaction(
                &step.migration,
                &tried.commands,
                tried.duration_ms,
                self.settings.lints,
            );
            // What was counted is better than what was guessed.
            if tried.outcome == DryRunOutcome::Ran && rehearsed.observed {
                let version = step.migration.version();
                lints.retain(|lint: &Lint| !lint.is_guess() || lint.version != version);
            }
            lints.extend(found);
        }
        lints.sort_by_key(|lint| lint.version);
        Ok(DryRunReport {
            group: self.settings.group.clone(),
            database: self.database_name(),
            dry_run: DryRunKind::Transaction,
            steps: self
                .shown(&plan.steps)
                .await
                .into_iter()
                .zip(rehearsed.tried)
                .map(|(step, tried)| tried.step(step))
                .collect(),
            attempts: rehearsed.attempts,
            duration_ms: milliseconds(begun),
            observed: rehearsed.observed,
            lints,
            shadow: None,
            ahead: plan.ahead,
        })
    }

    /// The plan; a server that is out of reach can be interrupted.
    async fn planned_unless_cancelled(&self, goal: Goal) -> Result<Plan, Error> {
        tokio::select! {
            plan = self.planned(goal) => plan,
            () = self.cancel.cancelled() => {
                Err(Error::Cancelled { report: Box::new(self.empty_report()) })
            }
        }
    }
}

impl Tried {
    fn step(self, planned: PlanStep) -> DryRunStep {
        DryRunStep {
            planned,
            outcome: self.outcome,
            duration_ms: self.duration_ms,
            failure: self.failure,
            commands: self.commands,
        }
    }
}

fn milliseconds(since: Instant) -> u64 {
    u64::try_from(since.elapsed().as_millis()).unwrap_or(u64::MAX)
}
