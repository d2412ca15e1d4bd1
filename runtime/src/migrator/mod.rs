//! The public builder, [`Migrator`], and a file for each of its verbs: the method, its options, and
//! the future that it returns. Decides nothing about migrations.
//!
//! Imports: mongo, model, telemetry, protocol, kinds, registry, run, verbs.

pub(crate) mod check;
pub(crate) mod down;
pub(crate) mod dry_run;
pub(crate) mod import;
#[cfg(any(feature = "cli", feature = "http"))]
pub(crate) mod mode;
pub(crate) mod on_start;
pub(crate) mod purge;
pub(crate) mod repair;
pub(crate) mod up;

use std::{future::Future, pin::Pin, time::Duration};

use mongodb::Database;
use tokio_util::sync::CancellationToken;

use crate::{
    kinds::change::declared,
    model::{
        config::{self, DatabaseAhead, OutOfOrder, Retries, Settings, Wait},
        error::Error,
        lint::{LintLimits, LintName},
        report::{
            history::HistoryReport,
            status::{LockReport, StatusReport},
        },
    },
    registry::{
        list::{List, Registry},
        migration::Migration,
    },
    run::Runner,
    telemetry::{observer::Observer, progress::Progress},
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

    /// The last events (at most 20 of each migration), oldest first. No write.
    ///
    /// # Errors
    ///
    /// As [`status`](Self::status).
    pub async fn history(&self) -> Result<HistoryReport, Error> {
        self.runner()?.history().await
    }

    /// Who holds the lock, by the server's clock. One round trip, no write.
    ///
    /// # Errors
    ///
    /// As [`status`](Self::status).
    pub async fn lock_status(&self) -> Result<LockReport, Error> {
        self.runner()?.lock_status().await
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
                let problems = one
                    .declaration()
                    .map(|declare| declared::trespasses(declare, &control))
                    .into_iter()
                    .flatten();
                problems.map(move |problem| {
                    format!("{} `{}` ({}): {problem}", one.version(), one.name(), one.source())
                })
            })
            .collect();
        if problems.is_empty() { Ok(registry) } else { Err(Error::Registry { problems }) }
    }

    /// Told how far a run is, while it is under way.
    #[cfg(any(feature = "cli", feature = "http"))]
    pub(crate) fn progress(mut self, progress: Progress) -> Self {
        self.progress = progress;
        self
    }

    /// The name of the control collection.
    #[cfg(feature = "testing")]
    pub(crate) fn control_collection(&self) -> String {
        self.settings.collection_name()
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
    pub(crate) fn who(&self) -> crate::model::state::Who {
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
