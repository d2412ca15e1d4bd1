//! `up` and `plan`.

use std::future::IntoFuture;

use super::{
    Boxed, Migrator,
    dry_run::{DryRun, Shadow},
};
use crate::{
    model::{
        error::Error,
        report::{plan::PlanReport, run::RunReport},
        version::Version,
    },
    run::{
        execute::RunOptions,
        plan::{Goal, UpTarget},
    },
};

impl Migrator {
    /// What `up` would do. No write, no lock. The same as `up().plan()`.
    ///
    /// # Errors
    ///
    /// As [`Up::plan`].
    pub async fn plan(&self) -> Result<PlanReport, Error> {
        self.up().plan().await
    }

    /// Applies what is pending, oldest version first. Await the result.
    ///
    /// ```no_run
    /// # async fn example(migrator: mongrate::Migrator) -> Result<(), mongrate::Error> {
    /// migrator.up().await?; // everything
    /// migrator.up().to(20250122003).await?; // up to and with this one
    /// migrator.up().steps(2).await?; // the next two
    /// # Ok(())
    /// # }
    /// ```
    pub fn up(&self) -> Up<'_> {
        Up {
            migrator: self,
            target: UpTarget::default(),
            options: RunOptions::default(),
            lint: false,
        }
    }
}

/// Applies what is pending. Made by [`Migrator::up`]; await it.
///
/// # Errors
///
/// - [`Error::Registry`], [`Error::Settings`]: no connection was made.
/// - [`Error::Standalone`], [`Error::Drift`], [`Error::Renamed`], [`Error::OutOfOrder`],
///   [`Error::Ahead`], [`Error::UnknownVersion`], [`Error::Corrupt`]: nothing was run.
/// - [`Error::InsideMigration`]: it was called in the body of a migration that is being run.
/// - [`Error::LockHeld`]: somebody else is migrating; nothing was run by this call.
/// - [`Error::Failed`]: what the report lists as applied is; the failed one left no trace
///   but its record (an online one keeps its finished steps).
/// - [`Error::Cancelled`], [`Error::LockLost`]: likewise.
/// - [`Error::Unauthorized`], [`Error::Server`]: what was committed before stays.
///
/// # Cancel safety
///
/// Dropping the future cancels the run, as [`Migrator::cancel_on`] does: the transaction in
/// flight is aborted and the lock released in the background. To see it end, cancel the
/// token instead and await the result.
#[derive(Debug)]
#[must_use = "nothing runs until it is awaited"]
pub struct Up<'a> {
    migrator: &'a Migrator,
    target: UpTarget,
    options: RunOptions,
    lint: bool,
}

impl<'a> Up<'a> {
    /// Only up to and with this version. Default: all.
    pub fn to(mut self, version: impl Into<Version>) -> Self {
        self.target.to = Some(version.into());
        self
    }

    /// Only so many. Default: all.
    pub fn steps(mut self, steps: usize) -> Self {
        self.target.steps = Some(steps);
        self
    }

    /// After a failure, go on with the next. Default: stop. The call still ends with
    /// [`Error::Failed`].
    pub fn continue_on_error(mut self, yes: bool) -> Self {
        self.options.continue_on_error = yes;
        self
    }

    /// All of them in one transaction: all are applied, or none. Default: each in its own.
    ///
    /// It costs one transaction less per migration, and has one transaction's limits for all
    /// (60 s by default). Online and declared migrations cannot be part of it: with one of
    /// them pending the call is refused, [`Error::Apart`], before anything is run.
    pub fn atomic(mut self, yes: bool) -> Self {
        self.options.atomic = yes;
        self
    }

    /// Tries it for real in one transaction that is always aborted, and says what each
    /// migration did. No lock, no trace.
    pub fn dry_run(self) -> DryRun<'a> {
        DryRun::new(self.migrator, Goal::Up(self.target), self.lint)
    }

    /// Tries it, all kinds of migrations, in a scratch database with a sample of the data.
    pub fn shadow(self) -> Shadow<'a> {
        Shadow::new(self.migrator, Goal::Up(self.target), self.options.continue_on_error, self.lint)
    }

    /// With what would better be done otherwise, in the plan and in the dry run: it reads what
    /// the migrations would meet. Awaiting `self` does not look. Default: no.
    pub fn lint(mut self, yes: bool) -> Self {
        self.lint = yes;
        self
    }

    /// What it would do. No write, no lock.
    ///
    /// # Errors
    ///
    /// Those that awaiting it has before anything is run.
    pub async fn plan(self) -> Result<PlanReport, Error> {
        self.migrator.runner()?.plan(Goal::Up(self.target), self.lint).await
    }
}

impl<'a> IntoFuture for Up<'a> {
    type Output = Result<RunReport, Error>;
    type IntoFuture = Boxed<'a, RunReport>;

    fn into_future(self) -> Self::IntoFuture {
        Box::pin(async move {
            if self.options.atomic && self.options.continue_on_error {
                return Err(Error::Settings {
                    setting: "atomic",
                    problem: "all or nothing leaves nothing to go on with after a failure: choose \
                              `atomic` or `continue_on_error`"
                        .to_owned(),
                });
            }
            self.migrator.runner()?.run(Goal::Up(self.target), self.options).await
        })
    }
}
