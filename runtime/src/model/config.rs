//! The settings, with their defaults and bounds. Pure: every bound is checked here, once.

use std::{collections::BTreeMap, time::Duration};

use mongodb::{Database, options::Acknowledgment};

use super::{
    audit_key::AuditKey,
    error::Error,
    ignore::IgnoreList,
    kind::DEFAULT_GROUP,
    labels::Labels,
    lint::{LintLimits, LintName},
    policies::Policies,
    state::{Door, Who},
};

/// How long `up`, `down` and the other writing verbs wait while another process migrates.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Wait {
    /// Not at all: the verb returns [`Error::LockHeld`] at once.
    No,
    /// At most this long; then the verb returns [`Error::LockHeld`].
    AtMost(Duration),
    /// As long as it takes. The default: waiting ends as soon as nothing is pending.
    Forever,
}

/// What a run does that would begin while an operator has paused the history
/// ([`Migrator::pause`](crate::Migrator::pause)). If nothing is pending, a pause changes nothing.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum WhenPaused {
    /// Waits until the history is resumed, for as long as [`Migrator::wait`](crate::Migrator::wait)
    /// says; then it fails. The default.
    #[default]
    Wait,
    /// An app's start ([`on_start`](crate::on_start())) goes on without: the app starts with pending
    /// migrations, and the log has a warning. Other verbs fail.
    Start,
    /// Fails at once, with [`Error::Paused`].
    Fail,
}

/// What to do when a pending migration is older than the newest applied one.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum OutOfOrder {
    /// Refuse with [`Error::OutOfOrder`], unless the migration is marked `out_of_order`. The
    /// default.
    #[default]
    Refuse,
    /// Apply it, after pending migrations that are older still.
    Allow,
}

/// What to do when the database holds applied migrations that this build does not have.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum DatabaseAhead {
    /// Continue, with a warning in the log and in the report. The default: an app that is
    /// rolled back must be able to start.
    #[default]
    Warn,
    /// Refuse with [`Error::Ahead`].
    Refuse,
    /// Continue, without a warning in the log.
    Allow,
}

/// How often a transaction is tried when the server says that a retry may help.
///
/// ```
/// use std::time::Duration;
///
/// let patient = mongrate::Retries::default().attempts_max(50).pause_max(Duration::from_secs(5));
/// assert_eq!(patient.attempts_max, 50);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Retries {
    /// The most attempts at one transaction, 1 to 1,000. Default 12.
    pub attempts_max: u32,
    /// The longest pause between two attempts, up to 60 s. It starts at 5 ms and doubles,
    /// with jitter. Default 1 s.
    pub pause_max: Duration,
}

impl Retries {
    /// The defaults.
    pub const fn new() -> Self {
        Self { attempts_max: 12, pause_max: Duration::from_secs(1) }
    }

    /// The most attempts at one transaction, 1 to 1,000.
    #[must_use]
    pub const fn attempts_max(mut self, attempts: u32) -> Self {
        self.attempts_max = attempts;
        self
    }

    /// The longest pause between two attempts, up to 60 s.
    #[must_use]
    pub const fn pause_max(mut self, pause: Duration) -> Self {
        self.pause_max = pause;
        self
    }
}

impl Default for Retries {
    fn default() -> Self {
        Self::new()
    }
}

/// The settings of a [`Migrator`](crate::Migrator), whose methods describe them.
#[derive(Clone, Debug)]
pub(crate) struct Settings {
    pub group: String,
    /// The control collection; `None`: its name follows from the group.
    pub collection: Option<String>,
    /// The control collections of other groups, where their names do not follow from the group.
    pub others: BTreeMap<String, String>,
    pub lease: Duration,
    pub local_takeover: bool,
    pub wait: Wait,
    pub when_paused: WhenPaused,
    /// The labels that are selected.
    pub labels: Labels,
    /// How long a run's end waits for the listeners.
    pub listener_wait: Duration,
    /// Backfills do not wait for their hours, and know no rate: for runs that are tried.
    pub unthrottled: bool,
    pub out_of_order: OutOfOrder,
    pub ahead: DatabaseAhead,
    pub retries: Retries,
    pub app: String,
    /// Who calls.
    pub door: Door,
    pub policies: Policies,
    pub lints: LintLimits,
    /// The lints that are acknowledged for every migration.
    pub allowed: Vec<LintName>,
    /// What `drift` leaves out.
    pub ignored_drift: IgnoreList,
    /// The text of a `models.snap`, instead of those that are linked.
    pub models: Option<String>,
    /// Boxed: settings are part of many futures.
    pub audit: Box<AuditSettings>,
}

/// What a run is told of the audit log.
#[derive(Clone, Debug, Default)]
pub(crate) struct AuditSettings {
    /// The log begins with the first event of this run, unless it is there.
    pub wanted: bool,
    /// The person that the entries name.
    pub user: Option<String>,
    /// Signs the entries.
    pub key: Option<AuditKey>,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            group: DEFAULT_GROUP.to_owned(),
            collection: None,
            others: BTreeMap::new(),
            lease: Duration::from_secs(30),
            local_takeover: true,
            wait: Wait::Forever,
            when_paused: WhenPaused::default(),
            labels: Labels::default(),
            listener_wait: Duration::from_secs(5),
            unthrottled: false,
            out_of_order: OutOfOrder::default(),
            ahead: DatabaseAhead::default(),
            retries: Retries::default(),
            app: String::new(),
            door: Door::default(),
            policies: Policies::default(),
            lints: LintLimits::default(),
            allowed: Vec::new(),
            ignored_drift: IgnoreList::default(),
            models: None,
            audit: Box::default(),
        }
    }
}

/// The longest reason of an operator, in bytes.
const WHY_BYTES_MAX: usize = 500;

/// Refuses a reason that is too long to be kept.
pub(crate) fn check_why(why: Option<&str>) -> Result<(), Error> {
    if why.is_some_and(|why| why.len() > WHY_BYTES_MAX) {
        let problem = format!("it has more than {WHY_BYTES_MAX} bytes");
        return Err(Error::Settings { setting: "why", problem });
    }
    Ok(())
}

/// Refuses names that no database may have, by the rules of the server; and control characters and
/// blanks, some of which the server takes: a newline at the end of an environment variable would
/// make a database of that name.
pub(crate) fn check_database_name(name: &str) -> Result<(), Error> {
    const BYTES_MAX: usize = 63;
    let is_wrong =
        |c: char| matches!(c, '/' | '\\' | '.' | '"' | '$') || c.is_control() || c.is_whitespace();
    if name.is_empty() || name.len() > BYTES_MAX || name.contains(is_wrong) {
        return Err(Error::Settings {
            setting: "database",
            problem: format!(
                "`{}` is not a database name: 1 to {BYTES_MAX} bytes, no blanks, no control \
                 characters such as a newline, none of `/ \\ . \" $`",
                name.escape_debug()
            ),
        });
    }
    Ok(())
}

/// Refuses a database handle through which nothing can be migrated.
pub(crate) fn check_database(database: &Database) -> Result<(), Error> {
    check_database_name(database.name())?;
    let unacknowledged =
        database.write_concern().is_some_and(|concern| concern.w == Some(Acknowledgment::Nodes(0)));
    if unacknowledged {
        return Err(Error::Settings {
            setting: "w=0",
            problem:
                "the client's write concern asks for no acknowledgement, so Mongrate could not know \
                      what was written; take `w=0` out of the connection string, or out of the \
                      options of the client or the database"
                    .to_owned(),
        });
    }
    Ok(())
}

/// The control collection of a group, unless another one is set.
fn collection_of(group: &str) -> String {
    match group {
        DEFAULT_GROUP => "migrations".to_owned(),
        named => format!("migrations.{named}"),
    }
}

impl Settings {
    pub(crate) const LEASE_MIN: Duration = Duration::from_secs(1);
    pub(crate) const LEASE_MAX: Duration = Duration::from_secs(3_600);
    pub(crate) const LISTENER_WAIT_MAX: Duration = Duration::from_secs(600);
    const APP_BYTES_MAX: usize = 128;
    const COLLECTION_BYTES_MAX: usize = 120;

    /// Refuses a setting that is out of its bounds.
    pub(crate) fn check(&self) -> Result<(), Error> {
        let refuse = |setting, problem: String| Err(Error::Settings { setting, problem });
        if self.lease < Self::LEASE_MIN || self.lease > Self::LEASE_MAX {
            return refuse("lease", format!("{:?} is not between 1 s and 1 h", self.lease));
        }
        if self.group.is_empty() {
            return refuse("group", "is empty; leave it out for the default group".to_owned());
        }
        let name = self.collection_name();
        if name.is_empty()
            || name.len() > Self::COLLECTION_BYTES_MAX
            || name.contains('$')
            || name.contains(char::is_control)
            || name.trim() != name
            || name.starts_with("system.")
            || name.starts_with('.')
            || name.ends_with('.')
        {
            return refuse(
                "collection",
                format!(
                    "`{}` is not a collection name: 1 to {} bytes, no `$`, no control characters, \
                     not starting with `system.`, no dot or blank at either end",
                    name.escape_debug(),
                    Self::COLLECTION_BYTES_MAX
                ),
            );
        }
        if !(1..=1_000).contains(&self.retries.attempts_max) {
            return refuse("retries", "attempts_max is not between 1 and 1,000".to_owned());
        }
        if self.retries.pause_max > Duration::from_secs(60) {
            return refuse("retries", "pause_max is over 60 s".to_owned());
        }
        if let Some(problem) = self.labels.problem() {
            return refuse("labels", problem);
        }
        if self.listener_wait > Self::LISTENER_WAIT_MAX {
            return refuse("listener_wait", format!("{:?} is over 10 min", self.listener_wait));
        }
        if self.app.len() > Self::APP_BYTES_MAX {
            return refuse("app", format!("is over {} bytes", Self::APP_BYTES_MAX));
        }
        if self.audit.user.as_ref().is_some_and(|user| user.len() > Self::APP_BYTES_MAX) {
            return refuse("user", format!("is over {} bytes", Self::APP_BYTES_MAX));
        }
        Ok(self.policies.check()?)
    }

    /// The control collection: `migrations`, or `migrations.<group>` for a named group, so
    /// that two groups can share a database.
    pub(crate) fn collection_name(&self) -> String {
        self.collection.clone().unwrap_or_else(|| collection_of(&self.group))
    }

    /// The control collection of another group.
    pub(crate) fn collection_of(&self, group: &str) -> String {
        self.others.get(group).cloned().unwrap_or_else(|| collection_of(group))
    }

    /// Adds `text` to the app's name. If both are too long together, the app's name is cut.
    #[cfg(feature = "http")]
    pub(crate) fn add_to_app(&mut self, text: &str) {
        let separator = if self.app.is_empty() { "" } else { ", " };
        let room = Self::APP_BYTES_MAX.saturating_sub(separator.len() + text.len());
        let end = (0..=room.min(self.app.len())).rev().find(|at| self.app.is_char_boundary(*at));
        self.app.truncate(end.unwrap_or(0));
        self.app = format!("{}{separator}{text}", self.app);
    }

    /// This process, as the lock and the history name it.
    pub(crate) fn who(&self) -> Who {
        Who {
            host: gethostname::gethostname().to_string_lossy().into_owned(),
            pid: std::process::id(),
            app: self.app.clone(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A change of the default settings.
    type Change = fn(&mut Settings);

    fn refusal(change: Change) -> Option<String> {
        let mut settings = Settings::default();
        change(&mut settings);
        settings.check().err().map(|error| error.to_string())
    }

    #[test]
    fn settings_within_their_bounds_are_accepted() {
        const ACCEPTED: [(&str, Change); 12] = [
            ("the defaults", |_| {}),
            ("the shortest lease", |settings| settings.lease = Settings::LEASE_MIN),
            ("the longest lease", |settings| settings.lease = Settings::LEASE_MAX),
            ("a named group", |settings| settings.group = "audit".to_owned()),
            ("a collection", |settings| settings.collection = Some("a.b-c d".to_owned())),
            ("the longest collection", |settings| settings.collection = Some("c".repeat(120))),
            ("the longest group", |settings| settings.group = "g".repeat(109)),
            ("one attempt", |settings| settings.retries.attempts_max = 1),
            ("the most attempts", |settings| settings.retries.attempts_max = 1_000),
            ("no pause", |settings| settings.retries.pause_max = Duration::ZERO),
            ("the longest pause", |settings| settings.retries.pause_max = Duration::from_secs(60)),
            ("the longest app", |settings| settings.app = "a".repeat(128)),
        ];
        for (name, change) in ACCEPTED {
            assert_eq!(refusal(change), None, "{name}");
        }
    }

    #[test]
    fn a_setting_out_of_its_bounds_is_refused_and_named() {
        const REFUSED: [(&str, Change); 19] = [
            ("lease: 0ns is not", |settings| settings.lease = Duration::ZERO),
            ("lease: 999ms is not", |settings| settings.lease = Duration::from_millis(999)),
            ("lease: 3600.001s is not", |settings| {
                settings.lease = Duration::from_millis(3_600_001);
            }),
            ("group: is empty", |settings| settings.group.clear()),
            ("collection: `` is not", |settings| settings.collection = Some(String::new())),
            ("collection: `ccc", |settings| settings.collection = Some("c".repeat(121))),
            // `migrations.` and the group are the name of the collection.
            ("collection: `migrations.ggg", |settings| settings.group = "g".repeat(110)),
            ("collection: `a$b` is not", |settings| settings.collection = Some("a$b".to_owned())),
            ("collection: `a\\n` is not", |settings| settings.collection = Some("a\n".to_owned())),
            ("collection: `a\\0b` is not", |settings| {
                settings.collection = Some("a\0b".to_owned())
            }),
            ("collection: ` a` is not", |settings| settings.collection = Some(" a".to_owned())),
            ("collection: `a ` is not", |settings| settings.collection = Some("a ".to_owned())),
            ("collection: `system.a`", |settings| {
                settings.collection = Some("system.a".to_owned())
            }),
            ("collection: `.a` is not", |settings| settings.collection = Some(".a".to_owned())),
            ("collection: `a.` is not", |settings| settings.collection = Some("a.".to_owned())),
            ("retries: attempts_max", |settings| settings.retries.attempts_max = 0),
            ("retries: attempts_max", |settings| settings.retries.attempts_max = 1_001),
            ("retries: pause_max", |settings| {
                settings.retries.pause_max = Duration::from_millis(60_001);
            }),
            ("app: is over 128 bytes", |settings| settings.app = "a".repeat(129)),
        ];
        for (text, change) in REFUSED {
            let refusal = refusal(change).expect(text);
            assert!(refusal.starts_with(text), "{text}: {refusal}");
        }
    }

    #[test]
    fn a_database_name_keeps_the_rules_of_the_server() {
        for name in ["shop", "shop-2_test", "Zürich", &"d".repeat(63)] {
            assert!(check_database_name(name).is_ok(), "{name}");
        }
        let too_long = "d".repeat(64);
        let broken =
            ["", "a b", "a\n", "a\0", "a/b", "a\\b", "a.b", "a\"b", "a$b", "\u{a0}", &too_long];
        for name in broken {
            let error = check_database_name(name).expect_err(name).to_string();
            assert!(error.starts_with("database: `"), "{error}");
            assert!(!error.contains(char::is_control), "{error:?}");
        }
    }

    #[test]
    fn a_group_has_a_collection_of_its_own() {
        let name = |group: &str, collection: Option<&str>| {
            let (group, collection) = (group.to_owned(), collection.map(str::to_owned));
            Settings { group, collection, ..Settings::default() }.collection_name()
        };
        assert_eq!(name(DEFAULT_GROUP, None), "migrations");
        assert_eq!(name("audit", None), "migrations.audit");
        assert_eq!(name("audit", Some("history")), "history");
    }

    #[cfg(feature = "http")]
    #[test]
    fn the_name_of_the_app_gives_way_to_what_is_added() {
        for (app, added, expected) in [
            ("", "for anna", "for anna".to_owned()),
            ("clinic 1.2.0", "for anna", "clinic 1.2.0, for anna".to_owned()),
            // No character is cut in two: `é` has two bytes.
            (&*"é".repeat(64), "for anna", format!("{}, for anna", "é".repeat(59))),
        ] {
            let mut settings = Settings { app: app.to_owned(), ..Settings::default() };
            settings.add_to_app(added);
            assert_eq!(settings.app, expected);
            assert!(settings.check().is_ok(), "{}", settings.app);
        }
    }
}
