//! `down` and `redo`.

use std::{future::IntoFuture, sync::Arc};

use super::{
    Boxed, Migrator,
    dry_run::{DryRun, Shadow},
};
use crate::{
    model::{
        config,
        error::Error,
        plan_file::PlanFile,
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
    /// migrator.down().to_release("shop 1.3.9").await?; // what later releases applied
    /// migrator.down().to_tag("before the sale").await?; // what was applied since
    /// migrator.down().only(20250122002).why("wrong plans").await?; // one in the middle
    /// # Ok(())
    /// # }
    /// ```
    pub fn down(&self) -> Down<'_> {
        Down {
            migrator: self,
            target: DownTarget::Steps(1),
            independent: Vec::new(),
            why: None,
            lint: false,
            approved: None,
        }
    }

    /// Rolls the last applied migration back and applies it again, under one lock. Await the
    /// result.
    pub fn redo(&self) -> Redo<'_> {
        Redo { down: self.down() }
    }
}

/// Rolls back applied migrations. Made by [`Migrator::down`]; await it.
///
/// # Errors
///
/// - [`Error::Irreversible`], [`Error::NotLinked`], [`Error::UnknownVersion`],
///   [`Error::UnknownRelease`], [`Error::AmbiguousRelease`], [`Error::UnknownTag`],
///   [`Error::TagUnreachable`], [`Error::NotIndependent`]: nothing was run.
/// - Otherwise as [`Up`](crate::Up).
#[derive(Debug)]
#[must_use = "nothing runs until it is awaited"]
pub struct Down<'a> {
    migrator: &'a Migrator,
    target: DownTarget,
    independent: Vec<Version>,
    why: Option<String>,
    lint: bool,
    approved: Option<Arc<PlanFile>>,
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

    /// Rolls back all that was applied after the last migration of this release, which is the name
    /// that its processes had as [`Migrator::app`], e.g. `shop 1.3.9`. The order of application counts,
    /// not the texts of the names.
    ///
    /// Refused if the release has applied nothing that is still applied, and if releases in between
    /// make it unclear which time is meant.
    pub fn to_release(mut self, release: impl Into<String>) -> Self {
        self.target = DownTarget::ToRelease(release.into());
        self
    }

    /// Rolls back all that was applied after the state that this [tag](Migrator::tag) names.
    pub fn to_tag(mut self, name: impl Into<String>) -> Self {
        self.target = DownTarget::ToTag(name.into());
        self
    }

    /// Rolls back this one migration, wherever it is, if none that was applied later touches the same
    /// collection, field or index. Declared migrations know what they touch; others have to be named
    /// with [`independent_of`](Self::independent_of).
    ///
    /// The migration is pending then, and older than what stays applied: runs and starts of builds that
    /// have it are refused with [`Error::OutOfOrder`], until a build without it is deployed, or it is
    /// applied again (`up` with [`OutOfOrder::Allow`](crate::OutOfOrder::Allow)).
    pub fn only(mut self, version: impl Into<Version>) -> Self {
        self.target = DownTarget::Only { version: version.into(), independent: Vec::new() };
        self
    }

    /// For [`only`](Self::only): says that these later migrations do not depend on it. Only for
    /// those of which Mongrate cannot know it: what is known to touch the same stays refused. May be
    /// called several times.
    pub fn independent_of<V: Into<Version>>(mut self, later: impl IntoIterator<Item = V>) -> Self {
        self.independent.extend(later.into_iter().map(Into::into));
        self
    }

    /// Why, for those who read the history: up to 500 bytes.
    pub fn why(mut self, why: impl Into<String>) -> Self {
        let why = why.into();
        self.why = (!why.trim().is_empty()).then_some(why);
        self
    }

    /// Executes the migrations in one transaction that is always aborted, and reports what each of
    /// them did. No lock, no trace.
    pub fn dry_run(self) -> DryRun<'a> {
        let (migrator, lint) = (self.migrator, self.lint);
        DryRun::new(migrator, Goal::Down(self.target()), lint)
    }

    /// Executes the migrations, of all kinds, in a scratch database with a sample of the data.
    pub fn shadow(self) -> Shadow<'a> {
        let (migrator, lint) = (self.migrator, self.lint);
        Shadow::new(migrator, Goal::Down(self.target()), false, lint)
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
        let (runner, lint) = (self.migrator.runner()?, self.lint);
        Box::pin(runner.plan(&Goal::Down(self.target()), lint)).await
    }

    /// The target, with what was said of it.
    fn target(self) -> DownTarget {
        match self.target {
            DownTarget::Only { version, .. } => {
                DownTarget::Only { version, independent: self.independent }
            }
            target => target,
        }
    }

    /// Runs the goal that is made of the target.
    async fn run(self, goal: fn(DownTarget) -> Goal) -> Result<RunReport, Error> {
        config::check_why(self.why.as_deref())?;
        let mut runner = self.migrator.runner()?;
        runner.approved = self.approved.clone();
        let options = RunOptions { why: self.why.clone(), ..RunOptions::default() };
        runner.run(&goal(self.target()), options).await
    }

    /// Runs exactly this plan of a rollback, or refuses with [`Error::PlanDiffers`], as
    /// [`Up::approved`](crate::Up::approved) does. The target is the plan's.
    pub fn approved(mut self, plan: &PlanFile) -> Self {
        self.approved = Some(Arc::new(plan.clone()));
        self
    }

    /// Makes the plan of this rollback, to be approved: [`approved`](Self::approved) runs it. Reads only.
    ///
    /// # Errors
    ///
    /// As for [`plan`](Self::plan).
    pub async fn plan_file(self) -> Result<PlanFile, Error> {
        let runner = self.migrator.runner()?;
        Box::pin(async move { runner.plan_file(&Goal::Down(self.target())).await }).await
    }
}

impl<'a> IntoFuture for Down<'a> {
    type Output = Result<RunReport, Error>;
    type IntoFuture = Boxed<'a, RunReport>;

    fn into_future(self) -> Self::IntoFuture {
        Box::pin(self.run(Goal::Down))
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
    down: Down<'a>,
}

impl<'a> Redo<'a> {
    /// Does it with this migration instead of the one that was applied last, on the conditions of
    /// [`Down::only`]. It is applied again under the same lock, and is the newest in the order of
    /// application then.
    pub fn only(mut self, version: impl Into<Version>) -> Self {
        self.down = self.down.only(version);
        self
    }

    /// For [`only`](Self::only): see [`Down::independent_of`].
    pub fn independent_of<V: Into<Version>>(mut self, later: impl IntoIterator<Item = V>) -> Self {
        self.down = self.down.independent_of(later);
        self
    }

    /// Why, for those who read the history: up to 500 bytes.
    pub fn why(mut self, why: impl Into<String>) -> Self {
        self.down = self.down.why(why);
        self
    }

    /// Executes the migrations in one transaction that is always aborted, and reports what each of
    /// them did. No lock, no trace.
    pub fn dry_run(self) -> DryRun<'a> {
        let (migrator, lint) = (self.down.migrator, self.down.lint);
        DryRun::new(migrator, Goal::Redo(self.down.target()), lint)
    }

    /// Executes the migrations, of all kinds, in a scratch database with a sample of the data.
    pub fn shadow(self) -> Shadow<'a> {
        let (migrator, lint) = (self.down.migrator, self.down.lint);
        Shadow::new(migrator, Goal::Redo(self.down.target()), false, lint)
    }

    /// Adds lints to the plan and the dry run. For that, Mongrate reads the data that the
    /// migrations would meet. A run itself does not lint. Default: `false`.
    pub fn lint(mut self, yes: bool) -> Self {
        self.down.lint = yes;
        self
    }

    /// Returns what the run would do. No write, no lock.
    ///
    /// # Errors
    ///
    /// The errors with which the run would be refused before it runs anything.
    pub async fn plan(self) -> Result<PlanReport, Error> {
        let (runner, lint) = (self.down.migrator.runner()?, self.down.lint);
        Box::pin(runner.plan(&Goal::Redo(self.down.target()), lint)).await
    }
}

impl<'a> IntoFuture for Redo<'a> {
    type Output = Result<RunReport, Error>;
    type IntoFuture = Boxed<'a, RunReport>;

    fn into_future(self) -> Self::IntoFuture {
        Box::pin(self.down.run(Goal::Redo))
    }
}
