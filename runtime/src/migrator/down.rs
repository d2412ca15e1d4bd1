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
    /// Rolls back the migrations that were applied last; one by default. Await the result.
    ///
    /// ```no_run
    /// # async fn example(migrator: mongrate::Migrator) -> Result<(), mongrate::Error> {
    /// migrator.down().await?; // the last migration
    /// migrator.down().steps(2).await?; // the last two migrations
    /// migrator.down().to(20250122003).await?; // all that are newer than this version
    /// migrator.down().batch().await?; // all that the last `up` applied
    /// migrator.down().all().await?;
    /// # Ok(())
    /// # }
    /// ```
    pub fn down(&self) -> Down<'_> {
        Down { migrator: self, target: DownTarget::Steps(1), lint: false }
    }

    /// Rolls the last applied migration back and applies it again, under one lock. Await the
    /// result.
    pub fn redo(&self) -> Redo<'_> {
        Redo { migrator: self, lint: false }
    }
}

/// Rolls back applied migrations. Made by [`Migrator::down`]; await it.
///
/// # Errors
///
/// - [`Error::Irreversible`], [`Error::NotLinked`], [`Error::UnknownVersion`]: nothing was run.
/// - Otherwise as [`Up`](crate::Up).
#[derive(Debug)]
#[must_use = "nothing runs until it is awaited"]
pub struct Down<'a> {
    migrator: &'a Migrator,
    target: DownTarget,
    lint: bool,
}

impl<'a> Down<'a> {
    /// Rolls back this many migrations, the last applied first. Default: 1.
    pub fn steps(mut self, steps: usize) -> Self {
        self.target = DownTarget::Steps(steps);
        self
    }

    /// Rolls back all that are newer than `version`, which stays applied. 0: all.
    pub fn to(mut self, version: impl Into<Version>) -> Self {
        self.target = DownTarget::To(version.into());
        self
    }

    /// Rolls back all that the last `up` applied.
    pub fn batch(mut self) -> Self {
        self.target = DownTarget::Batch;
        self
    }

    /// Rolls back all applied migrations.
    pub fn all(mut self) -> Self {
        self.target = DownTarget::All;
        self
    }

    /// Executes the migrations in one transaction that is always aborted, and reports what each of
    /// them did. No lock, no trace.
    pub fn dry_run(self) -> DryRun<'a> {
        DryRun::new(self.migrator, Goal::Down(self.target), self.lint)
    }

    /// Executes the migrations, of all kinds, in a scratch database with a sample of the data.
    pub fn shadow(self) -> Shadow<'a> {
        Shadow::new(self.migrator, Goal::Down(self.target), false, self.lint)
    }

    /// Adds lints to the plan and the dry run. For that, Mongrate reads the data that the
    /// migrations would meet. A run itself does not lint. Default: `false`.
    pub fn lint(mut self, yes: bool) -> Self {
        self.lint = yes;
        self
    }

    /// Returns what the run would do. No write, no lock.
    ///
    /// # Errors
    ///
    /// The errors with which the run would be refused before it runs anything.
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

/// Rolls the last applied migration back and applies it again. Made by [`Migrator::redo`]; await
/// it.
///
/// # Errors
///
/// As [`Down`] and [`Up`](crate::Up).
#[derive(Debug)]
#[must_use = "nothing runs until it is awaited"]
pub struct Redo<'a> {
    migrator: &'a Migrator,
    lint: bool,
}

impl<'a> Redo<'a> {
    /// Executes the migrations in one transaction that is always aborted, and reports what each of
    /// them did. No lock, no trace.
    pub fn dry_run(self) -> DryRun<'a> {
        DryRun::new(self.migrator, Goal::Redo, self.lint)
    }

    /// Executes the migrations, of all kinds, in a scratch database with a sample of the data.
    pub fn shadow(self) -> Shadow<'a> {
        Shadow::new(self.migrator, Goal::Redo, false, self.lint)
    }

    /// Adds lints to the plan and the dry run. For that, Mongrate reads the data that the
    /// migrations would meet. A run itself does not lint. Default: `false`.
    pub fn lint(mut self, yes: bool) -> Self {
        self.lint = yes;
        self
    }

    /// Returns what the run would do. No write, no lock.
    ///
    /// # Errors
    ///
    /// The errors with which the run would be refused before it runs anything.
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
