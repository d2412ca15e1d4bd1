//! `up` and `plan`.

use std::{future::IntoFuture, sync::Arc};

use super::{
    Boxed, Migrator,
    dry_run::{DryRun, Shadow},
};
use crate::{
    model::{
        error::Error,
        plan_file::PlanFile,
        report::{plan::PlanReport, run::RunReport},
        time_of_day::NotBefore,
        tuning::Tuning,
        version::Version,
    },
    run::{
        execute::RunOptions,
        plan::{Goal, UpTarget},
    },
};

impl Migrator {
    /// Returns what `up` would do. No write, no lock. The same as `up().plan()`.
    ///
    /// # Errors
    ///
    /// As [`Up::plan`].
    pub async fn plan(&self) -> Result<PlanReport, Error> {
        self.up().plan().await
    }

    /// Applies pending migrations, oldest version first. Await the result.
    ///
    /// ```no_run
    /// # async fn example(migrator: mongrate::Migrator) -> Result<(), mongrate::Error> {
    /// migrator.up().await?; // everything
    /// migrator.up().to(20250122003).await?; // up to and including this version
    /// migrator.up().steps(2).await?; // the next two migrations
    /// # Ok(())
    /// # }
    /// ```
    pub fn up(&self) -> Up<'_> {
        Up {
            migrator: self,
            target: UpTarget::default(),
            options: RunOptions::default(),
            lint: false,
            approved: None,
        }
    }
}

/// Applies pending migrations. Made by [`Migrator::up`]; await it.
///
/// # Errors
///
/// - [`Error::Registry`], [`Error::Settings`]: no connection was made.
/// - [`Error::Standalone`], [`Error::Drift`], [`Error::Renamed`], [`Error::OutOfOrder`],
///   [`Error::Ahead`], [`Error::UnknownVersion`], [`Error::Corrupt`]: nothing was run.
/// - [`Error::InsideMigration`]: this was called in the body of a migration; the call ran nothing.
/// - [`Error::LockHeld`]: another process is migrating; the call ran nothing.
/// - [`Error::Paused`]: an operator has paused the history; the call ran nothing.
/// - [`Error::Policy`]: a policy refuses the run; the call ran nothing.
/// - [`Error::PlanDiffers`]: the approved plan is not what would run; the call ran nothing.
/// - [`Error::Failed`]: what the report lists as applied is applied; the failed migration left only
///   its record (an online or declared one also its finished steps).
/// - [`Error::Cancelled`], [`Error::LockLost`]: likewise.
/// - [`Error::Unauthorized`], [`Error::Server`]: what was committed before stays.
///
/// # Cancel safety
///
/// Dropping the future cancels the run, as [`Migrator::cancel_on`] does: in the background, the
/// transaction in flight is aborted and the lock released. To wait for that, cancel the token
/// instead and await the result.
#[derive(Debug)]
#[must_use = "nothing runs until it is awaited"]
pub struct Up<'a> {
    migrator: &'a Migrator,
    target: UpTarget,
    options: RunOptions,
    lint: bool,
    approved: Option<Arc<PlanFile>>,
}

impl<'a> Up<'a> {
    /// Applies only versions up to and including this. Default: all.
    pub fn to(mut self, version: impl Into<Version>) -> Self {
        self.target.to = Some(version.into());
        self
    }

    /// Applies at most this many migrations. Default: all.
    pub fn steps(mut self, steps: usize) -> Self {
        self.target.steps = Some(steps);
        self
    }

    /// Continues with the next migration after a failure. The call still returns [`Error::Failed`].
    /// Default: `false`.
    pub fn continue_on_error(mut self, yes: bool) -> Self {
        self.options.continue_on_error = yes;
        self
    }

    /// Applies all migrations in one transaction: all are applied, or none. Default: each migration
    /// has its own transaction.
    ///
    /// This saves one transaction per migration, and the limits of one transaction (60 s by
    /// default) hold for all migrations together. Online and declared migrations cannot be part of
    /// it: if one is pending, the call is refused with [`Error::Apart`] before anything is run.
    pub fn atomic(mut self, yes: bool) -> Self {
        self.options.atomic = yes;
        self
    }

    /// Sets how the backfills of this run work, before what the migrations say. Default: as they say.
    pub fn tuning(mut self, tuning: Tuning) -> Self {
        self.options.tuning = tuning;
        self
    }

    /// Does not begin before this, by the server's clock; waits without the lock. Default: at once. If
    /// nothing is pending, the call returns at once.
    ///
    /// ```no_run
    /// # async fn example(migrator: mongrate::Migrator) -> Result<(), mongrate::Error> {
    /// migrator.up().not_before("22:00".parse::<mongrate::NotBefore>()?).await?;
    /// # Ok(())
    /// # }
    /// ```
    pub fn not_before(mut self, moment: impl Into<NotBefore>) -> Self {
        self.options.not_before = Some(moment.into());
        self
    }

    /// Executes the migrations in one transaction that is always aborted, and reports what each of
    /// them did. No lock, no trace.
    pub fn dry_run(self) -> DryRun<'a> {
        DryRun::new(self.migrator, Goal::Up(self.target), self.lint)
    }

    /// Executes the migrations, of all kinds, in a scratch database with a sample of the data.
    pub fn shadow(self) -> Shadow<'a> {
        Shadow::new(self.migrator, Goal::Up(self.target), self.options.continue_on_error, self.lint)
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
        let goal = Goal::Up(self.target);
        Box::pin(self.migrator.runner()?.plan(&goal, self.lint)).await
    }

    /// Runs exactly this plan, or refuses with [`Error::PlanDiffers`]: the steps, their checksums and the
    /// history have to be as the plan has them, and a backfill may have grown by a tenth and 1,000
    /// documents. What is pending and not in the plan's target stays pending. [`to`](Self::to) and
    /// [`steps`](Self::steps) are the plan's.
    ///
    /// A run of the plan that stopped half-way is resumed with the same plan: the records say which plan
    /// last wrote them. The history names the plan with each of its events.
    ///
    /// ```no_run
    /// # async fn example(db: mongrate::mongodb::Database) -> Result<(), Box<dyn std::error::Error>> {
    /// let migrator = mongrate::Migrator::new(&db);
    /// std::fs::write("plan.json", migrator.up().plan_file().await?.to_json())?;
    /// // … somebody approves the file …
    /// let plan = mongrate::PlanFile::parse(&std::fs::read_to_string("plan.json")?)?;
    /// migrator.up().approved(&plan).await?;
    /// # Ok(())
    /// # }
    /// ```
    pub fn approved(mut self, plan: &PlanFile) -> Self {
        self.approved = Some(Arc::new(plan.clone()));
        self
    }

    /// Makes the plan of this run, to be approved: [`approved`](Self::approved) runs it. Reads only.
    ///
    /// # Errors
    ///
    /// As for [`plan`](Self::plan).
    pub async fn plan_file(self) -> Result<PlanFile, Error> {
        let runner = self.migrator.runner()?;
        Box::pin(async move { runner.plan_file(&Goal::Up(self.target)).await }).await
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
                    problem: "after a failure, an atomic run has nothing to continue with: choose \
                              `atomic` or `continue_on_error`"
                        .to_owned(),
                });
            }
            let mut runner = self.migrator.runner()?;
            runner.approved = self.approved;
            runner.run(&Goal::Up(self.target), self.options).await
        })
    }
}
