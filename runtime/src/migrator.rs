//! The public builder and its verbs.

use std::{
    future::{Future, IntoFuture},
    pin::Pin,
    time::Duration,
};

use mongodb::Database;
use tokio_util::sync::CancellationToken;

use crate::{
    DryRun, Error, Import, LintLimits, LintName, Migration, Observer, Shadow, Tool, Version,
    change,
    config::{self, DatabaseAhead, OutOfOrder, Retries, Settings, Wait},
    on_start::OnStart,
    plan::{DownTarget, Goal, UpTarget},
    progress::Progress,
    purge::PurgeTarget,
    registry::{List, Registry},
    report::{
        CheckReport, HistoryReport, LockReport, PlanReport, PurgeReport, RecordReport,
        RepairReport, RunReport, StatusReport, UnlockReport,
    },
    runner::{How, Runner},
};

type Boxed<'a, T> = Pin<Box<dyn Future<Output = Result<T, Error>> + Send + 'a>>;

/// Migrates one database.
///
/// Cheap to clone; clones share the cancellation token.
///
/// ```no_run
/// # async fn example(db: mongrate::mongodb::Database) -> Result<(), mongrate::Error> {
/// let report = mongrate::Migrator::new(&db).up().await?;
/// println!("{} applied", report.done().count());
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug)]
pub struct Migrator {
    database: Database,
    list: Option<List>,
    settings: Settings,
    cancel: CancellationToken,
    observer: Option<Observer>,
    progress: Progress,
}

impl Migrator {
    /// Over the migrations that are linked into this binary.
    ///
    /// Only the database's name and its client count. Defaults of the client or the database (read
    /// preference, read and write concern) are not used, neither for the history nor in bodies:
    /// those get handles that read from the primary and write to the majority. Give the client room
    /// for a few connections (`maxPoolSize`), as heartbeats go out while a body is at work.
    ///
    /// Nothing is checked and nothing sent until a verb is awaited.
    pub fn new(database: &Database) -> Self {
        Self {
            database: database.clone(),
            list: None,
            settings: Settings::default(),
            cancel: CancellationToken::new(),
            observer: None,
            progress: Progress::default(),
        }
    }

    /// Over an explicit list, in any order. For tests, mostly.
    pub fn with(database: &Database, list: impl IntoIterator<Item = Migration>) -> Self {
        Self { list: Some(List::Shared(list.into_iter().collect())), ..Self::new(database) }
    }

    /// Over an explicit list that is part of the program, in any order. Unlike [`with`](Self::with)
    /// it copies nothing, which tells for thousands.
    ///
    /// ```no_run
    /// use mongrate::{Migration, Migrator};
    ///
    /// static ALL: [Migration; 1] =
    ///     [Migration::transactional(1, "nothing", |_| Box::pin(async { Ok(()) }))];
    ///
    /// # async fn example(db: mongrate::mongodb::Database) -> Result<(), mongrate::Error> {
    /// Migrator::with_static(&db, &ALL).up().await?;
    /// # Ok(())
    /// # }
    /// ```
    pub fn with_static(database: &Database, list: &'static [Migration]) -> Self {
        Self { list: Some(List::Static(list)), ..Self::new(database) }
    }

    /// Only the migrations of this group. Default: those that name none.
    #[must_use]
    pub fn group(mut self, group: impl Into<String>) -> Self {
        self.settings.group = group.into();
        self
    }

    /// The control collection. Default: `migrations`, for a named group `migrations.<group>`.
    #[must_use]
    pub fn collection(mut self, name: impl Into<String>) -> Self {
        self.settings.collection = Some(name.into());
        self
    }

    /// How long the lock is leased for at a time, 1 s to 1 h; default 30 s. It is renewed
    /// every third of it. After a `kill -9`, another process takes over within this time, or
    /// at once: see [`local_takeover`](Self::local_takeover).
    #[must_use]
    pub fn lease(mut self, lease: Duration) -> Self {
        self.settings.lease = lease;
        self
    }

    /// Whether a lock is taken over at once when its holder was a process of this machine and
    /// has ended; default `true`. Otherwise, and for processes of other machines or containers,
    /// its lease has to run out first.
    ///
    /// Linux only: the kernel is asked, by boot, PID namespace, process id and start. Turn it
    /// off where virtual machines are cloned while they run and share a database: their
    /// processes cannot be told apart, and one would take the lock from another that is alive.
    /// Even then nothing happens twice; the fence sees to that.
    #[must_use]
    pub fn local_takeover(mut self, at_once: bool) -> Self {
        self.settings.local_takeover = at_once;
        self
    }

    /// How long to wait while another process migrates. Default: [`Wait::Forever`].
    #[must_use]
    pub fn wait(mut self, wait: Wait) -> Self {
        self.settings.wait = wait;
        self
    }

    /// What to do with pending migrations that are older than the newest applied one.
    /// Default: [`OutOfOrder::Refuse`].
    #[must_use]
    pub fn out_of_order(mut self, policy: OutOfOrder) -> Self {
        self.settings.out_of_order = policy;
        self
    }

    /// What to do when the database holds migrations that this build does not.
    /// Default: [`DatabaseAhead::Warn`].
    #[must_use]
    pub fn database_ahead(mut self, policy: DatabaseAhead) -> Self {
        self.settings.ahead = policy;
        self
    }

    /// How often a transaction is tried.
    #[must_use]
    pub fn retries(mut self, retries: Retries) -> Self {
        self.settings.retries = retries;
        self
    }

    /// What the app calls itself in the history and the lock, e.g. `clinic 1.2.0`.
    #[must_use]
    pub fn app(mut self, app: impl Into<String>) -> Self {
        self.settings.app = app.into();
        self
    }

    /// Cancels the verbs of this migrator when the token is cancelled: the transaction in
    /// flight is aborted, the outcome recorded, the lock released, and the verb returns
    /// [`Error::Cancelled`].
    #[must_use]
    pub fn cancel_on(mut self, token: CancellationToken) -> Self {
        self.cancel = token;
        self
    }

    /// Sees the commands of a dry run's migrations. Install it into the options that the client
    /// of this migrator's database is made of: [`Observer::install`].
    #[must_use]
    pub fn observer(mut self, observer: &Observer) -> Self {
        self.observer = Some(observer.clone());
        self
    }

    /// From where on a lint finds something large.
    #[must_use]
    pub fn lint_limits(mut self, limits: LintLimits) -> Self {
        self.settings.lints = limits;
        self
    }

    /// In lints, duplicate keys with their values.
    #[cfg(feature = "cli")]
    pub(crate) fn lint_values(mut self) -> Self {
        self.settings.lints.show_values = true;
        self
    }

    /// Says nothing about this lint, whichever migration it is of. (For one migration: `allow =
    /// "…"` in its attribute.)
    #[must_use]
    pub fn allow(mut self, lint: LintName) -> Self {
        self.settings.allowed.push(lint);
        self
    }

    /// The database.
    pub fn database(&self) -> &Database {
        &self.database
    }

    /// The migrations that the verbs work on, oldest version first.
    ///
    /// # Errors
    ///
    /// [`Error::Registry`] and [`Error::Settings`]; no connection is made.
    pub fn migrations(&self) -> Result<Vec<Migration>, Error> {
        Ok(self.registry()?.iter().copied().collect())
    }

    /// Every migration's state, and the lock. Two round trips, no write.
    ///
    /// # Errors
    ///
    /// [`Error::Registry`], [`Error::Settings`], [`Error::Standalone`], [`Error::Unauthorized`],
    /// [`Error::Server`], [`Error::Corrupt`]. Nothing is written in any case.
    pub async fn status(&self) -> Result<StatusReport, Error> {
        self.runner()?.status().await
    }

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
        Up { migrator: self, target: UpTarget::default(), how: How::default(), lint: false }
    }

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

    /// The last events (at most 20 of each migration), oldest first. No write.
    ///
    /// # Errors
    ///
    /// As [`status`](Self::status).
    pub async fn history(&self) -> Result<HistoryReport, Error> {
        self.runner()?.history().await
    }

    /// That this build fits the database: nothing pending, nothing edited, nothing late. Await
    /// the result. No write, no lock.
    pub fn check(&self) -> Check<'_> {
        Check { migrator: self, strict: false, allow_pending: false }
    }

    /// Records every migration up to and with `version` as applied, without running any:
    /// for a database that has their effects already.
    ///
    /// # Errors
    ///
    /// [`Error::UnknownVersion`]: nothing was written. [`Error::LockHeld`], and those of
    /// [`status`](Self::status). All are recorded in one transaction, or none.
    pub async fn baseline(&self, version: impl Into<Version>) -> Result<RecordReport, Error> {
        Box::pin(self.runner()?.baseline(version.into())).await
    }

    /// Records what another migration tool has applied to this database, without running any.
    /// Await it to write, or `preview()` it first.
    pub fn import(&self, from: Tool) -> Import<'_> {
        Import::new(self, from)
    }

    /// An operator's answer to a migration that was interrupted or failed half-way: it *is*
    /// applied, or it is *not*; or to one that is recorded as applied, though its effects were
    /// undone by hand. Runs nothing.
    ///
    /// # Errors
    ///
    /// [`Error::UnknownVersion`], [`Error::WrongState`] (it is in that state already, or it is
    /// applied and the answer is [`Resolution::Pending`]): nothing was written. [`Error::LockHeld`], and those of [`status`](Self::status).
    pub async fn resolve(
        &self,
        version: impl Into<Version>,
        answer: Resolution,
    ) -> Result<RecordReport, Error> {
        Box::pin(self.runner()?.resolve(version.into(), answer)).await
    }

    /// Records the checksums of this build for applied migrations, and rebuilds the digest
    /// of the history. Await it to write, or `preview()` it first.
    ///
    /// A record of another *name* is another migration's, and refused: [`Repair::renamed`].
    pub fn repair(&self) -> Repair<'_> {
        Repair { migrator: self, renamed: Vec::new() }
    }

    /// Removes what declared migrations keep for their rollback, and what rollbacks had to take
    /// away: dropped collections, values of removed fields, lossy conversions. Await it to
    /// remove all of it, or `preview()` it first.
    ///
    /// ```no_run
    /// # async fn example(migrator: mongrate::Migrator) -> Result<(), mongrate::Error> {
    /// let month = std::time::Duration::from_secs(30 * 24 * 3_600);
    /// migrator.purge().older_than(month).await?;
    /// # Ok(())
    /// # }
    /// ```
    pub fn purge(&self) -> Purge<'_> {
        Purge { migrator: self, target: PurgeTarget::default() }
    }

    /// Who holds the lock, by the server's clock. One round trip, no write.
    ///
    /// # Errors
    ///
    /// As [`status`](Self::status).
    pub async fn lock_status(&self) -> Result<LockReport, Error> {
        self.runner()?.lock_status().await
    }

    /// Takes the lock from a holder that is known to be dead, and leaves an event. `fence`
    /// is the number that [`lock_status`](Self::lock_status) showed.
    ///
    /// Safe even if the holder lives: it stops at its next heartbeat (a third of the lease) with
    /// [`Error::LockLost`], which names who took the lock, and does not take it again; and as soon
    /// as another process has the lock, the database refuses its next commit.
    ///
    /// # Errors
    ///
    /// [`Error::FenceMismatch`]: the lock has moved on since, or is free; it was left alone.
    pub async fn force_unlock(&self, fence: i64) -> Result<UnlockReport, Error> {
        self.runner()?.force_unlock(fence).await
    }

    /// What an app calls when it starts; see [`on_start`](crate::on_start()).
    pub fn on_start(&self) -> OnStart<'_> {
        OnStart::new(self)
    }

    fn registry(&self) -> Result<Registry, Error> {
        self.settings.check()?;
        config::check_database(&self.database)?;
        let registry = match &self.list {
            None => Registry::linked(&self.settings.group),
            Some(list) => Registry::given(list.clone(), &self.settings.group),
        }?;
        let control = self.settings.collection_name();
        let problems: Vec<String> = registry
            .iter()
            .flat_map(|one| {
                let problems = change::trespasses(one, &control).into_iter();
                problems.map(move |problem| {
                    format!("{} `{}` ({}): {problem}", one.version(), one.name(), one.source())
                })
            })
            .collect();
        if problems.is_empty() { Ok(registry) } else { Err(Error::Registry { problems }) }
    }

    /// Told how far a run is, while it is under way.
    #[cfg(feature = "http")]
    pub(crate) fn progress(mut self, progress: Progress) -> Self {
        self.progress = progress;
        self
    }

    /// What cancels its verbs.
    #[cfg(feature = "http")]
    pub(crate) fn cancel_token(&self) -> &CancellationToken {
        &self.cancel
    }

    /// On behalf of somebody: what the app calls itself, with who asked for it.
    #[cfg(feature = "http")]
    pub(crate) fn on_behalf(mut self, of: &str) -> Self {
        self.settings.add_to_app(of);
        self
    }

    /// What this process is called in the lock and the history.
    #[cfg(feature = "http")]
    pub(crate) fn who(&self) -> crate::Who {
        self.settings.who()
    }

    pub(crate) fn observer_given(&self) -> Option<&Observer> {
        self.observer.as_ref()
    }

    pub(crate) fn runner(&self) -> Result<Runner, Error> {
        let registry = self.registry()?;
        let (settings, cancel) = (self.settings.clone(), self.cancel.clone());
        let mut runner = Runner::new(&self.database, registry, settings, cancel);
        runner.progress = self.progress.clone();
        Ok(runner)
    }
}

/// An operator's answer to an interrupted migration.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Resolution {
    /// Its effects are all there.
    Applied,
    /// None of its effects is there (any more): `up` will apply it from the start. Not for one
    /// that is recorded as applied: [`down`](Migrator::down) rolls that one back.
    Pending,
    /// It is recorded as applied, but its effects are gone: somebody undid them by hand, or
    /// restored a backup. `up` will apply it again from the start.
    Undone,
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
    how: How,
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
        self.how.continue_on_error = yes;
        self
    }

    /// All of them in one transaction: all are applied, or none. Default: each in its own.
    ///
    /// It costs one transaction less per migration, and has one transaction's limits for all
    /// (60 s by default). Online and declared migrations cannot be part of it: with one of
    /// them pending the call is refused, [`Error::Apart`], before anything is run.
    pub fn atomic(mut self, yes: bool) -> Self {
        self.how.atomic = yes;
        self
    }

    /// Tries it for real in one transaction that is always aborted, and says what each
    /// migration did. No lock, no trace.
    pub fn dry_run(self) -> DryRun<'a> {
        DryRun::new(self.migrator, Goal::Up(self.target), self.lint)
    }

    /// Tries it, all kinds of migrations, in a scratch database with a sample of the data.
    pub fn shadow(self) -> Shadow<'a> {
        Shadow::new(self.migrator, Goal::Up(self.target), self.how.continue_on_error, self.lint)
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
            if self.how.atomic && self.how.continue_on_error {
                return Err(Error::Settings {
                    setting: "atomic",
                    problem: "all or nothing leaves nothing to go on with after a failure: choose \
                              `atomic` or `continue_on_error`"
                        .to_owned(),
                });
            }
            self.migrator.runner()?.run(Goal::Up(self.target), self.how).await
        })
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
            self.migrator.runner()?.run(Goal::Down(self.target), How::default()).await
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
        Box::pin(async move { self.migrator.runner()?.run(Goal::Redo, How::default()).await })
    }
}

/// Checks that this build fits the database. Made by [`Migrator::check`]; await it.
///
/// # Errors
///
/// [`Error::Renamed`], [`Error::Drift`], [`Error::OutOfOrder`], [`Error::Ahead`] (when the policy refuses),
/// [`Error::Lints`] (when it is strict), [`Error::Pending`], in this order, and those of
/// [`Migrator::status`]. Nothing is written in any case.
#[derive(Debug)]
#[must_use = "nothing is checked until it is awaited"]
pub struct Check<'a> {
    migrator: &'a Migrator,
    strict: bool,
    allow_pending: bool,
}

impl Check<'_> {
    /// Refuses pending migrations that have lints, with [`Error::Lints`]. Default: no.
    pub fn strict(mut self, yes: bool) -> Self {
        self.strict = yes;
        self
    }

    /// That something is pending is no error: for a check before a deployment. Default: it is.
    pub fn allow_pending(mut self, yes: bool) -> Self {
        self.allow_pending = yes;
        self
    }
}

impl<'a> IntoFuture for Check<'a> {
    type Output = Result<CheckReport, Error>;
    type IntoFuture = Boxed<'a, CheckReport>;

    fn into_future(self) -> Self::IntoFuture {
        Box::pin(
            async move { self.migrator.runner()?.check(self.strict, self.allow_pending).await },
        )
    }
}

/// Removes what is kept for rollbacks. Made by [`Migrator::purge`]; await it to remove.
///
/// The rollback of an applied migration whose kept collections are gone is refused, unless it
/// can do without. What an interrupted migration keeps is left alone.
///
/// # Errors
///
/// [`Error::LockHeld`]: nothing was removed. [`Error::Server`]: some may be gone. And those of
/// [`Migrator::status`].
#[derive(Debug)]
#[must_use = "nothing is removed until it is awaited"]
pub struct Purge<'a> {
    migrator: &'a Migrator,
    target: PurgeTarget,
}

impl Purge<'_> {
    /// Only what this migration keeps. Default: all.
    pub fn version(mut self, version: impl Into<Version>) -> Self {
        self.target.version = Some(version.into());
        self
    }

    /// Only of migrations that were last applied or rolled back at least so long ago, by the
    /// server's clock. Default: all.
    pub fn older_than(mut self, age: Duration) -> Self {
        self.target.older_than = Some(age);
        self
    }

    /// What it would remove. No write, no lock.
    ///
    /// # Errors
    ///
    /// As [`Migrator::status`].
    pub async fn preview(self) -> Result<PurgeReport, Error> {
        Box::pin(self.migrator.runner()?.purge(self.target, false)).await
    }
}

impl<'a> IntoFuture for Purge<'a> {
    type Output = Result<PurgeReport, Error>;
    type IntoFuture = Boxed<'a, PurgeReport>;

    fn into_future(self) -> Self::IntoFuture {
        Box::pin(async move { self.migrator.runner()?.purge(self.target, true).await })
    }
}

/// Records checksums anew. Made by [`Migrator::repair`]; await it to write.
///
/// # Errors
///
/// [`Error::Renamed`]: records have other names than this build's migrations. [`Error::LockHeld`],
/// and those of [`Migrator::status`]. Written in one transaction.
#[derive(Debug)]
#[must_use = "nothing runs until it is awaited"]
pub struct Repair<'a> {
    migrator: &'a Migrator,
    renamed: Vec<Version>,
}

impl<'a> Repair<'a> {
    /// This migration was renamed after it was applied: its new name is recorded, and its checksum.
    /// Without this, a record of another name is taken for another app's, and refused. May be
    /// called several times.
    pub fn renamed(mut self, version: impl Into<Version>) -> Self {
        self.renamed.push(version.into());
        self
    }

    /// What it would write. No write, no lock.
    ///
    /// # Errors
    ///
    /// As [`Migrator::status`].
    pub async fn preview(self) -> Result<RepairReport, Error> {
        Box::pin(self.migrator.runner()?.repair(&self.renamed, false)).await
    }
}

impl<'a> IntoFuture for Repair<'a> {
    type Output = Result<RepairReport, Error>;
    type IntoFuture = Boxed<'a, RepairReport>;

    fn into_future(self) -> Self::IntoFuture {
        Box::pin(async move { self.migrator.runner()?.repair(&self.renamed, true).await })
    }
}
