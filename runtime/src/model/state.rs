//! The state of a migration, its direction, and the process that works on it.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::release::{release_of, token_of};

/// Through which door a call comes.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) enum Door {
    /// Code that calls the library.
    #[default]
    Library,
    #[cfg(feature = "cli")]
    Cli,
    /// The holder of the token of this name.
    #[cfg(feature = "http")]
    Http(String),
}

/// An operator's answer to an interrupted migration.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Resolution {
    /// All its effects are in the database.
    Applied,
    /// None of its effects is in the database: `up` will apply it from the start. Not for a
    /// migration that is recorded as applied: [`down`](crate::Migrator::down) rolls that back.
    Pending,
    /// It is recorded as applied, but its effects are gone: they were undone by hand, or a backup
    /// was restored. `up` will apply it again from the start.
    Undone,
}

/// The state of one migration in one database.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
#[cfg_attr(feature = "http", derive(utoipa::ToSchema))]
#[non_exhaustive]
pub enum State {
    /// Never applied, or rolled back: `up` will apply it.
    Pending,
    /// In the database.
    Applied,
    /// An online or declared migration that a process is running now.
    Running,
    /// An online or declared migration that was begun, and that no process is running now: `up`
    /// resumes it.
    Interrupted,
    /// The last attempt failed: `up` tries it again.
    Failed,
    /// Its labels are not selected: `up` leaves it out
    /// ([`Migrator::labels`](crate::Migrator::labels)).
    Skipped,
    /// It was applied, and a squash stands for it now: a build that does not have the squash leaves
    /// it as it is.
    Replaced,
}

impl State {
    /// The state as it is printed, e.g. `pending`.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::Applied => "applied",
            Self::Running => "running",
            Self::Interrupted => "interrupted",
            Self::Failed => "failed",
            Self::Skipped => "skipped",
            Self::Replaced => "replaced",
        }
    }
}

impl fmt::Display for State {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

/// Whether migrations are applied or rolled back.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
#[cfg_attr(feature = "http", derive(utoipa::ToSchema))]
pub enum Direction {
    /// Applying.
    Up,
    /// Rolling back.
    Down,
}

impl Direction {
    /// `up` or `down`.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Up => "up",
            Self::Down => "down",
        }
    }
}

impl fmt::Display for Direction {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

/// A process, as the lock and the history name it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Who {
    /// The name of its host.
    pub host: String,
    /// Its process id.
    pub pid: u32,
    /// The name that the app gives itself, e.g. `clinic 1.2.0`; empty if it gives none.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub app: String,
}

impl Who {
    /// The release of the app: [`app`](Self::app), without the token that an HTTP interface adds.
    pub fn release(&self) -> &str {
        release_of(&self.app)
    }

    /// The name of the token for which an HTTP interface works; `None` if it works for none.
    pub fn token(&self) -> Option<&str> {
        token_of(&self.app)
    }
}

impl fmt::Display for Who {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} pid {}", self.host, self.pid)?;
        if !self.app.is_empty() {
            write!(f, " ({})", self.app)?;
        }
        Ok(())
    }
}
