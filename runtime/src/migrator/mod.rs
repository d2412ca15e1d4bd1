//! The public builder, [`Migrator`], and one file per verb: the method, its options, and the future
//! that it returns. Decides nothing about migrations.
//!
//! Imports: mongo, model, telemetry, protocol, kinds, registry, run, verbs.

pub(crate) mod audit;
pub(crate) mod check;
pub(crate) mod detail;
pub(crate) mod down;
pub(crate) mod drift;
pub(crate) mod dry_run;
pub(crate) mod history;
pub(crate) mod import;
pub(crate) mod listen;
mod meanwhile;
#[cfg(any(feature = "cli", feature = "http"))]
pub(crate) mod mode;
pub(crate) mod on_start;
pub(crate) mod purge;
pub(crate) mod repair;
pub(crate) mod runs;
pub(crate) mod steer;
pub(crate) mod tag;
pub(crate) mod up;
pub(crate) mod wait;

use std::{future::Future, pin::Pin, time::Duration};

use mongodb::Database;
use tokio_util::sync::CancellationToken;

use crate::{
    kinds::change::declared,
    model::{
        config::{self, DatabaseAhead, OutOfOrder, Retries, Settings, Wait, WhenPaused},
        error::Error,
        lint::{LintLimits, LintName},
        policies::Policies,
        report::{
            doctor::DoctorReport,
            schema_at::SchemaAtReport,
            status::{LockReport, StatusReport},
        },
        version::Version,
    },
    registry::{
        list::{List, Registry},
        migration::Migration,
    },
    run::Runner,
    telemetry::{listen::queue::Listeners, observer::Observer, progress::Progress},
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
    listeners: Listeners,
}

impl Migrator {
    /// Makes a migrator over the migrations that are linked into this binary.
    ///
    /// Only the name and the client of `database` are used. Its defaults and those of the client
    /// (read preference, read and write concern) are not used, neither for the history nor in
    /// bodies: bodies get handles that read from the primary and write to the majority. Give the
    /// client room for a few connections (`maxPoolSize`), as heartbeats are sent while a body runs.
    ///
    /// Nothing is checked or sent until a verb is awaited.
    pub fn new(database: &Database) -> Self {
        Self {
            database: database.clone(),
            list: None,
            settings: Settings::default(),
            cancel: CancellationToken::new(),
            observer: None,
            progress: Progress::default(),
            listeners: Listeners::default(),
        }
    }

    /// Makes a migrator over an explicit list, in any order. Mostly for tests.
    pub fn with(database: &Database, list: impl IntoIterator<Item = Migration>) -> Self {
        Self { list: Some(List::Shared(list.into_iter().collect())), ..Self::new(database) }
    }

    /// Makes a migrator over an explicit, static list, in any order. Unlike [`with`](Self::with) it
    /// copies nothing, which counts for thousands of migrations.
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

    /// Works on the migrations of this group only. Default: the migrations that name no group.
    #[must_use]
    pub fn group(mut self, group: impl Into<String>) -> Self {
        self.settings.group = group.into();
        self
    }

    /// Sets the control collection. Default: `migrations`; for a named group, `migrations.<group>`.
    #[must_use]
    pub fn collection(mut self, name: impl Into<String>) -> Self {
        self.settings.collection = Some(name.into());
        self
    }

    /// How long a lease of the lock lasts, 1 s to 1 h; default 30 s. The lease is renewed every
    /// third of that time. After a `kill -9`, another process takes over within this time, or at
    /// once: see [`local_takeover`](Self::local_takeover).
    #[must_use]
    pub fn lease(mut self, lease: Duration) -> Self {
        self.settings.lease = lease;
        self
    }

    /// Whether a lock is taken over at once if its holder was a process of this machine and has
    /// ended; default `true`. Otherwise, and for processes of other machines or containers, the
    /// lease has to run out first.
    ///
    /// Linux only: Mongrate asks the kernel, by boot, PID namespace, process id and start time.
    /// Turn this off if virtual machines are cloned while they run, and share a database: their
    /// processes cannot be told apart, and a process could take the lock from another that is
    /// alive. Even then nothing is done twice, because of the fence.
    #[must_use]
    pub fn local_takeover(mut self, at_once: bool) -> Self {
        self.settings.local_takeover = at_once;
        self
    }

    /// How long a verb waits while another process migrates. Default: [`Wait::Forever`].
    #[must_use]
    pub fn wait(mut self, wait: Wait) -> Self {
        self.settings.wait = wait;
        self
    }

    /// What a run does that would begin while the history is paused. Default: [`WhenPaused::Wait`].
    #[must_use]
    pub fn when_paused(mut self, policy: WhenPaused) -> Self {
        self.settings.when_paused = policy;
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

    /// How often a transaction is tried, and with which pauses. Default: [`Retries::new`].
    #[must_use]
    pub fn retries(mut self, retries: Retries) -> Self {
        self.settings.retries = retries;
        self
    }

    /// The name of the app in the history and the lock, e.g. `clinic 1.2.0`; at most 128 bytes.
    /// Default: none.
    #[must_use]
    pub fn app(mut self, app: impl Into<String>) -> Self {
        self.settings.app = app.into();
        self
    }

    /// Cancels the verbs of this migrator when the token is cancelled: the transaction in flight is
    /// aborted, the outcome is recorded, the lock is released, and the verb returns
    /// [`Error::Cancelled`].
    #[must_use]
    pub fn cancel_on(mut self, token: CancellationToken) -> Self {
        self.cancel = token;
        self
    }

    /// Sets the observer that sees the commands of a dry run's migrations. Install it into the
    /// options of the client of this migrator's database: [`Observer::install`].
    #[must_use]
    pub fn observer(mut self, observer: &Observer) -> Self {
        self.observer = Some(observer.clone());
        self
    }

    /// Selects labels: migrations with `labels = [...]` apply only where one of theirs is selected.
    /// Adds to those that are selected already. Default: none, so that only migrations without labels
    /// apply.
    ///
    /// What does not apply is recorded as skipped in its turn, by the first run that applies a newer
    /// one. If it applies later, because other labels are selected or its own have changed, `up` runs
    /// it, even below newer ones. What is applied stays applied. A process that selects less than
    /// what is applied reads the history at each start.
    ///
    /// A text that is no label is refused by the verbs: [`Error::Settings`].
    ///
    /// ```
    /// # fn example(migrator: mongrate::Migrator) -> mongrate::Migrator {
    /// migrator.labels(["demo", "eu"])
    /// # }
    /// ```
    #[must_use]
    pub fn labels<L: Into<String>>(mut self, labels: impl IntoIterator<Item = L>) -> Self {
        labels.into_iter().for_each(|label| self.settings.labels.add(label));
        self
    }

    /// Tells where another group keeps its history, for migrations that come `after` one of it.
    /// Default: where [`Migrator::group`] puts it, e.g. `migrations.billing`.
    #[must_use]
    pub fn collection_of(
        mut self,
        group: impl Into<String>,
        collection: impl Into<String>,
    ) -> Self {
        self.settings.others.insert(group.into(), collection.into());
        self
    }

    /// Sets policies for the runs: which lints are errors, hours in which nothing runs, who may use which
    /// verb, what needs an approved plan. They hold beside those of the `mongrate.toml` files of the
    /// linked packages; default: none.
    ///
    /// What a policy refuses is [`Error::Policy`]. The policies guard against mistakes: they bind runs of
    /// this library, not a user who writes to the database by other means. Dry runs, shadow runs and the
    /// databases of `mongrate::test` know no policies.
    #[must_use]
    pub fn policies(mut self, policies: Policies) -> Self {
        self.settings.policies = policies;
        self
    }

    /// Sets the limits above which a lint warns.
    #[must_use]
    pub fn lint_limits(mut self, limits: LintLimits) -> Self {
        self.settings.lints = limits;
        self
    }

    /// Lets backfills run at any hour and at any rate, for tests.
    #[cfg(feature = "testing")]
    pub(crate) fn unthrottled(mut self) -> Self {
        self.settings.unthrottled = true;
        self
    }

    /// Shows duplicate keys with their values in lints.
    #[cfg(feature = "cli")]
    pub(crate) fn lint_values(mut self) -> Self {
        self.settings.lints.show_values = true;
        self
    }

    /// Acknowledges this lint for all migrations: it is not reported. (For one migration: `allow =
    /// "…"` in its attribute.)
    #[must_use]
    pub fn allow(mut self, lint: LintName) -> Self {
        self.settings.allowed.push(lint);
        self
    }

    /// Sets the text of a `models.snap` that [`drift`](Self::drift) compares with. Default: those of
    /// the packages that are linked into this binary. Mostly for tests, as an explicit list of
    /// migrations is.
    #[must_use]
    pub fn models(mut self, snapshot: impl Into<String>) -> Self {
        self.settings.models = Some(snapshot.into());
        self
    }

    /// Adds a pattern to the ignore list of [`drift`](Self::drift): `collection` hides a collection
    /// with its indexes, `collection/index` an index; `*` is any text, and `?` any character. For
    /// what other programs keep in the database.
    #[must_use]
    pub fn ignore_drift(mut self, pattern: impl Into<String>) -> Self {
        self.settings.ignored_drift.add(pattern);
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

    /// Returns the schema of the database as stable text: collections, views and time series with
    /// their options, validators and indexes, in the order of their names, without Mongrate's own
    /// collections. No document, no write.
    ///
    /// Round trips: 1, one for each collection, and one more for each without options and indexes
    /// (left out if it is empty).
    ///
    /// # Errors
    ///
    /// [`Error::Registry`], [`Error::Settings`], [`Error::Unauthorized`], [`Error::Server`].
    pub async fn schema(&self) -> Result<String, Error> {
        self.runner()?.schema().await
    }

    /// Returns the schema that the migrations up to a version lead to: they run in an empty scratch
    /// database, which is dropped. `data` names collections whose documents are returned, too, as code.
    /// In this database, nothing is written.
    ///
    /// Needs the rights of a [shadow run](crate::Up::shadow). Dropping the future drops the scratch database.
    ///
    /// # Errors
    ///
    /// [`Error::UnknownVersion`], [`Error::Failed`] if a migration does not run in an empty database, and
    /// those of a shadow run. The scratch database is dropped in any case.
    pub async fn schema_at<N: Into<String>>(
        &self,
        version: impl Into<Version>,
        data: impl IntoIterator<Item = N>,
    ) -> Result<SchemaAtReport, Error> {
        let data = data.into_iter().map(Into::into).collect();
        let version = version.into();
        // Boxed: a whole run is inside.
        Box::pin(async move { self.runner()?.schema_at(version, data).await }).await
    }

    /// Returns what the server is, what this user may do, and what that means for the migrations of
    /// this build: each finding with its consequence and the way out. Changes no document, takes no lock.
    ///
    /// ```no_run
    /// # async fn example(migrator: mongrate::Migrator) -> Result<(), mongrate::Error> {
    /// let report = migrator.doctor().await?;
    /// if let Some(kind) = report.refused() {
    ///     println!("a run would end with exit code {}", kind.exit_code());
    /// }
    /// for finding in &report.findings {
    ///     println!("{} {}: {}", finding.verdict, finding.check, finding.found);
    /// }
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// Round trips: about 20, and two for each declared operation that is pending and changes documents. The wait for a majority is measured with transactions that read one document: their
    /// commits wait 10 s at most, and leave an entry each in the oplog.
    ///
    /// # Errors
    ///
    /// [`Error::Registry`], [`Error::Settings`]; [`Error::Server`] and [`Error::Unauthorized`] only if
    /// the server cannot be reached or refuses the sign-in. What else is wrong is a finding. Nothing is
    /// written in any case.
    pub async fn doctor(&self) -> Result<DoctorReport, Error> {
        // Boxed: it asks for much, one after the other.
        Box::pin(async move { self.runner()?.doctor().await }).await
    }

    /// Returns the state of every migration, and the lock. Two round trips, no write.
    ///
    /// # Errors
    ///
    /// [`Error::Registry`], [`Error::Settings`], [`Error::Standalone`], [`Error::Unauthorized`],
    /// [`Error::Server`], [`Error::Corrupt`]. Nothing is written in any case.
    pub async fn status(&self) -> Result<StatusReport, Error> {
        // Boxed: the runner has all settings.
        Box::pin(async move { self.runner()?.status().await }).await
    }

    /// Returns which process holds the lock, by the server's clock. One round trip, no write.
    ///
    /// # Errors
    ///
    /// As [`status`](Self::status).
    pub async fn lock_status(&self) -> Result<LockReport, Error> {
        self.runner()?.lock_status().await
    }

    fn check_settings(&self) -> Result<(), Error> {
        self.settings.check()?;
        config::check_database(&self.database)
    }

    fn registry(&self) -> Result<Registry, Error> {
        self.check_settings()?;
        let registry = match &self.list {
            None => Registry::linked(&self.settings.group),
            Some(list) => Registry::given(list.clone(), &self.settings.group),
        }?;
        let registry = registry.selecting(self.settings.labels.clone());
        let control = self.settings.collection_name();
        let problems: Vec<String> = registry
            .seen()
            .filter_map(|seen| Some((seen, seen.declaration()?)))
            .flat_map(|(seen, declare)| {
                let migration = seen.migration();
                declared::trespasses(declare, &control).into_iter().map(move |problem| {
                    format!(
                        "{} `{}` ({}): {problem}",
                        migration.version(),
                        migration.name(),
                        migration.source()
                    )
                })
            })
            .collect();
        if problems.is_empty() { Ok(registry) } else { Err(Error::Registry { problems }) }
    }

    /// Sets the listener for the events of a run.
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

    /// The token that cancels the verbs of this migrator.
    #[cfg(feature = "http")]
    pub(crate) fn cancel_token(&self) -> &CancellationToken {
        &self.cancel
    }

    /// Adds the user on whose behalf the verbs run to the app's name.
    #[cfg(feature = "http")]
    pub(crate) fn on_behalf(mut self, user: &str) -> Self {
        self.settings.add_to_app(&format!("HTTP token {user}"));
        self.settings.door = crate::model::state::Door::Http(user.to_owned());
        self
    }

    /// What changes whenever a process changes something. One round trip of constant size.
    #[cfg(feature = "http")]
    pub(crate) async fn pulse(&self) -> Result<crate::verbs::status::Pulse, Error> {
        Box::pin(async move { self.runner()?.pulse().await }).await
    }

    /// This process, as the lock and the history name it.
    #[cfg(feature = "http")]
    pub(crate) fn who(&self) -> crate::model::state::Who {
        self.settings.who()
    }

    /// What is called from the command line.
    #[cfg(feature = "cli")]
    pub(crate) fn called_by_cli(mut self) -> Self {
        self.settings.door = crate::model::state::Door::Cli;
        self
    }

    pub(crate) fn observer_given(&self) -> Option<&Observer> {
        self.observer.as_ref()
    }

    pub(crate) fn runner(&self) -> Result<Runner, Error> {
        Ok(self.runner_of(self.registry()?))
    }

    fn runner_of(&self, registry: Registry) -> Runner {
        let (settings, cancel) = (self.settings.clone(), self.cancel.clone());
        let mut runner = Runner::new(&self.database, registry, settings, cancel);
        runner.progress = self.progress.clone();
        runner.warn_unknown_labels();
        runner.listened_to(&self.listeners)
    }
}
