//! `down` and `redo`.

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
        plan::{DownTarget, Goal},
    },
};

impl Migrator {
    /// Rolls back what was applied last. Await the result.
    ///
    /// ```no_run
    /// # async fn example(migrator: mongrate::Migrator) -> Result<(), mongrate::Error> {
    /// migrator.down().await?; // the last one
    /// migrator.down().steps(2).await?; // the last two
    /// migrator.down().to(20250122003).await?; // all that are newer than this one
    /// migrator.down().batch().await?; // what the last `up` applied
    /// migrator.down().all().await?;
    /// # Ok(())
    /// # }
    /// ```
    pub fn down(&self) -> Down<'_> {
        Down { migrator: self, target: DownTarget::Steps(1), lint: false }
    }

    /// Rolls the last applied migration back and applies it again, under one lock.
    pub fn redo(&self) -> Redo<'_> {
        Redo { migrator: self, lint: false }
    }
}

/// Rolls back. Made by [`Migrator::down`]; await it.
///
/// # Errors
///
/// - [`Error::Irreversible`], [`Error::NotLinked`], [`Error::UnknownVersion`]: nothing was run.
/// - Otherwise as [`Up`].
#[derive(Debug)]
#[must_use = "nothing runs until it is awaited"]
pub struct Down<'a> {
    migrator: &'a Migrator,
    target: DownTarget,
    lint: bool,
}

impl<'a> Down<'a> {
    /// The last so many, in reverse order of application. Default: 1.
    pub fn steps(mut self, steps: usize) -> Self {
        self.target = DownTarget::Steps(steps);
        self
    }

    /// All that are newer than `version`, which itself stays applied. 0: all.
    pub fn to(mut self, version: impl Into<Version>) -> Self {
        self.target = DownTarget::To(version.into());
        self
    }

    /// All that the last `up` applied.
    pub fn batch(mut self) -> Self {
        self.target = DownTarget::Batch;
        self
    }

    /// All.
    pub fn all(mut self) -> Self {
        self.target = DownTarget::All;
        self
    }

    /// Tries it for real in one transaction that is always aborted, and says what each
    /// migration did. No lock, no trace.
    pub fn dry_run(self) -> DryRun<'a> {
        DryRun::new(self.migrator, Goal::Down(self.target), self.lint)
    }

    /// Tries it, all kinds of migrations, in a scratch database with a sample of the data.
    pub fn shadow(self) -> Shadow<'a> {
        Shadow::new(self.migrator, Goal::Down(self.target), false, self.lint)
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
        self.migrator.runner()?.plan(Goal::Down(self.target), self.lint).await
    }
}

impl<'a> IntoFuture for Down<'a> {
    type Output = Result<RunReport, Error>;
    type IntoFuture = Boxed<'a, RunReport>;

    fn into_future(self) -> Self::IntoFuture {
        Box::pin(async move {
            self.migrator.runner()?.run(Goal::Down(self.target), RunOptions::default()).await
        })
    }
}

/// Rolls the last one back and applies it again. Made by [`Migrator::redo`]; await it.
///
/// # Errors
///
/// As [`Down`] and [`Up`].
#[derive(Debug)]
#[must_use = "nothing runs until it is awaited"]
pub struct Redo<'a> {
    migrator: &'a Migrator,
    lint: bool,
}

impl<'a> Redo<'a> {
    /// Tries it for real in one transaction that is always aborted, and says what each
    /// migration did. No lock, no trace.
    pub fn dry_run(self) -> DryRun<'a> {
        DryRun::new(self.migrator, Goal::Redo, self.lint)
    }

    /// Tries it, all kinds of migrations, in a scratch database with a sample of the data.
    pub fn shadow(self) -> Shadow<'a> {
        Shadow::new(self.migrator, Goal::Redo, false, self.lint)
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
        self.migrator.runner()?.plan(Goal::Redo, self.lint).await
    }
}

impl<'a> IntoFuture for Redo<'a> {
    type Output = Result<RunReport, Error>;
    type IntoFuture = Boxed<'a, RunReport>;

    fn into_future(self) -> Self::IntoFuture {
        Box::pin(
            async move { self.migrator.runner()?.run(Goal::Redo, RunOptions::default()).await },
        )
    }
}
