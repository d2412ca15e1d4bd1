//! Parses and bounds every setting once.

use std::time::Duration;

use mongodb::{Database, options::Acknowledgment};

use super::{
    error::Error,
    kind::DEFAULT_GROUP,
    lint::{LintLimits, LintName},
    state::Who,
};

/// How long `up`, `down` and the other writing verbs wait while somebody else migrates.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Wait {
    /// Not at all: [`Error::LockHeld`] at once.
    No,
    /// At most so long.
    AtMost(Duration),
    /// As long as it takes. The default, since waiting ends as soon as nothing is pending.
    Forever,
}

/// What to do when a pending migration is older than the newest applied one.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum OutOfOrder {
    /// Refuse with [`Error::OutOfOrder`], unless it is marked `out_of_order`. The default.
    #[default]
    Refuse,
    /// Apply it, after what is older than it and pending too.
    Allow,
}

/// What to do when the database holds applied migrations that this build does not have.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum DatabaseAhead {
    /// Go on, with a warning in the log and in the report. The default: an app that is
    /// rolled back must be able to start.
    #[default]
    Warn,
    /// Refuse with [`Error::Ahead`].
    Refuse,
    /// Go on without a word in the log.
    Allow,
}

/// How often a transaction is tried when the server says that trying again may help.
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

#[derive(Clone, Debug)]
pub(crate) struct Settings {
    pub group: String,
    pub collection: Option<String>,
    pub lease: Duration,
    pub local_takeover: bool,
    pub wait: Wait,
    pub out_of_order: OutOfOrder,
    pub ahead: DatabaseAhead,
    pub retries: Retries,
    pub app: String,
    pub lints: LintLimits,
    pub allowed: Vec<LintName>,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            group: DEFAULT_GROUP.to_owned(),
            collection: None,
            lease: Duration::from_secs(30),
            local_takeover: true,
            wait: Wait::Forever,
            out_of_order: OutOfOrder::default(),
            ahead: DatabaseAhead::default(),
            retries: Retries::default(),
            app: String::new(),
            lints: LintLimits::default(),
            allowed: Vec::new(),
        }
    }
}

/// What a database's name may be, by the rules of the server. Of control characters and blanks the
/// server takes some: a newline at the end of a variable makes a database of that name.
pub(crate) fn check_database_name(name: &str) -> Result<(), Error> {
    const BYTES_MAX: usize = 63;
    let is_wrong =
        |c: char| matches!(c, '/' | '\\' | '.' | '"' | '$') || c.is_control() || c.is_whitespace();
    if name.is_empty() || name.len() > BYTES_MAX || name.contains(is_wrong) {
        return Err(Error::Settings {
            setting: "database",
            problem: format!(
                "`{}` is not a name of a database: 1 to {BYTES_MAX} bytes, no blanks, no control \
                 characters such as a newline, none of `/ \\ . \" $`",
                name.escape_debug()
            ),
        });
    }
    Ok(())
}

/// Refuses a database that nothing can be migrated through.
pub(crate) fn check_database(database: &Database) -> Result<(), Error> {
    check_database_name(database.name())?;
    let unacknowledged =
        database.write_concern().is_some_and(|concern| concern.w == Some(Acknowledgment::Nodes(0)));
    if unacknowledged {
        return Err(Error::Settings {
            setting: "w=0",
            problem:
                "the client's write concern asks for no acknowledgement, so that nobody would \
                      know what was written; take `w=0` out of the connection string, or out of \
                      the options of the client or the database"
                    .to_owned(),
        });
    }
    Ok(())
}

impl Settings {
    pub(crate) const LEASE_MIN: Duration = Duration::from_secs(1);
    pub(crate) const LEASE_MAX: Duration = Duration::from_secs(3_600);
    const APP_BYTES_MAX: usize = 128;
    const COLLECTION_BYTES_MAX: usize = 120;

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
        if self.app.len() > Self::APP_BYTES_MAX {
            return refuse("app", format!("is over {} bytes", Self::APP_BYTES_MAX));
        }
        Ok(())
    }

    /// The control collection: `migrations`, or `migrations.<group>` for a named group, so
    /// that two groups can share a database.
    pub(crate) fn collection_name(&self) -> String {
        match &self.collection {
            Some(name) => name.clone(),
            None if self.group == DEFAULT_GROUP => "migrations".to_owned(),
            None => format!("migrations.{}", self.group),
        }
    }

    /// Adds to what the app calls itself; within the bound, at the app's expense.
    #[cfg(feature = "http")]
    pub(crate) fn add_to_app(&mut self, text: &str) {
        let separator = if self.app.is_empty() { "" } else { ", " };
        let room = Self::APP_BYTES_MAX.saturating_sub(separator.len() + text.len());
        let end = (0..=room.min(self.app.len())).rev().find(|at| self.app.is_char_boundary(*at));
        self.app.truncate(end.unwrap_or(0));
        self.app = format!("{}{separator}{text}", self.app);
    }

    pub(crate) fn who(&self) -> Who {
        Who {
            host: gethostname::gethostname().to_string_lossy().into_owned(),
            pid: std::process::id(),
            app: self.app.clone(),
        }
    }
}
