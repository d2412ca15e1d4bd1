//! The state of a migration, its direction, and the process that works on it.

use std::fmt;

use serde::{Deserialize, Serialize};

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

/// The state of one migration in one database.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
#[cfg_attr(feature = "http", derive(utoipa::ToSchema))]
#[non_exhaustive]
pub enum State {
    /// Never applied, or rolled back: `up` will apply it.
    Pending,
    /// Applied.
    Applied,
    /// An online or declared migration that a process is running now.
    Running,
    /// An online or declared migration that was begun, and that no process is running: `up`
    /// resumes it.
    Interrupted,
    /// The last attempt failed: `up` tries it again.
    Failed,
}

impl State {
    /// As it is printed.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::Applied => "applied",
            Self::Running => "running",
            Self::Interrupted => "interrupted",
            Self::Failed => "failed",
        }
    }
}

impl fmt::Display for State {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

/// Which way a run goes.
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

/// Who did something: one process.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Who {
    /// Its host's name.
    pub host: String,
    /// Its process id.
    pub pid: u32,
    /// What the app calls itself, e.g. `clinic 1.2.0`. Empty if it does not.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub app: String,
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
