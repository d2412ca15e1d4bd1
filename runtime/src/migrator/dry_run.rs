//! Dry runs and shadow runs.

use std::{future::IntoFuture, time::Duration};

use super::Migrator;
use crate::{
    model::{error::Error, report::dry_run::DryRunReport},
    run::{
        dry_run::{Boxed, shadow},
        plan::Goal,
    },
};

/// The default of [`DryRun::timeout`]: half of what the server allows a transaction by default.
const TIMEOUT: Duration = Duration::from_secs(30);

const TIMEOUT_MAX: Duration = Duration::from_secs(3_600);

/// The default of [`Shadow::sample`].
const SAMPLE: u32 = 1_000;

const SAMPLE_MAX: u32 = 1_000_000;

/// Executes what `up`, `down` or `redo` would do, in one transaction that is always aborted. Made
/// by [`Up::dry_run`](crate::Up::dry_run), and by `dry_run` of `Down` and `Redo`; await it.
///
/// The transactional migrations run in their order, so that each sees what earlier migrations did.
/// An abort cannot undo online and declared migrations: they are not run, and the report says so;
/// [`Shadow`] runs all kinds. No lock is taken, and nothing is written to the lock, the fence or
/// the history.
///
/// What a body does without its `tx` (files, other services, a client of its own) is not undone.
///
/// While it runs, the documents that it writes are locked as in any transaction: an app that
/// writes to the same documents waits or gets a write conflict. [`timeout`](Self::timeout)
/// bounds that. After a conflict with the app the whole dry run is retried, as often as
/// [`Retries`](crate::Retries) allows, within the same timeout.
///
/// # Errors
///
/// The report says how each migration ended, also if it failed. The errors are those with which
/// [`Up`] and [`Down`] are refused before they run anything, [`Error::Settings`],
/// [`Error::Cancelled`], and a server that cannot be reached. The database is unchanged in every
/// case.
///
/// # Cancel safety
///
/// Dropping the future, or cancelling the migrator's token, aborts the transaction; after a drop,
/// in the background. If the abort does not reach the server, the server ends the transaction after
/// 60 s.
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

    /// How long the transaction, and so its locks, may last: up to 1 h; default 30 s. The server
    /// ends a transaction after 60 s, unless its `transactionLifetimeLimitSeconds` says otherwise.
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
            runner.rehearse(&self.goal, self.timeout, observer, self.lint).await
        })
    }
}

/// Executes what `up`, `down` or `redo` would do, in a scratch database. Made by
/// [`Up::shadow`](crate::Up::shadow), and by `shadow` of `Down` and `Redo`; await it.
///
/// Mongrate makes a database with a new name on the same server, with every collection (options,
/// validator, indexes), view and time series of the real database, a sample of the documents, and
/// the history. The migrations, of every kind, run in it as in a real run. Then the scratch
/// database is dropped, whatever happened. If the process is killed, a later shadow run of the same
/// database drops its scratch database, once that is 15 minutes old.
///
/// The real database is only read. Counts and times in the report are those of the sample.
///
/// # Errors
///
/// As [`DryRun`]; [`Error::ShadowForbidden`] if the user may not make or drop a scratch database,
/// and [`Error::ShadowImpossible`] on a sharded cluster: then none was made.
///
/// # Cancel safety
///
/// Dropping the future, or cancelling the migrator's token, ends the run and drops the scratch
/// database; after a drop, in the background.
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
