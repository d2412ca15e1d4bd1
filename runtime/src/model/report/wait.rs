//! What a wait waits for, and its report.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::model::{named::Named, report::status::LockReport};

/// What a wait waits for.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum WaitingFor {
    /// Migrations are pending.
    Migrations {
        /// The pending migrations, oldest first.
        pending: Vec<Named>,
        /// The lock: which process is migrating, if one is.
        lock: Box<LockReport>,
    },
    /// The server cannot be reached.
    Server {
        /// Why.
        error: String,
    },
}

/// One line without control characters beyond those of the names in it.
impl fmt::Display for WaitingFor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Server { error } => write!(f, "the server cannot be reached: {error}"),
            Self::Migrations { pending, lock } => {
                match pending.as_slice() {
                    [] => f.write_str("migrations are pending")?,
                    [only] => write!(f, "1 migration is pending: {} {}", only.version, only.name)?,
                    [first, ..] => write!(
                        f,
                        "{} migrations are pending, the first is {} {}",
                        pending.len(),
                        first.version,
                        first.name
                    )?,
                }
                match &lock.holder {
                    Some(holder) if lock.is_live() => write!(f, "; {holder} is migrating"),
                    _ if lock.paused.is_some() => f.write_str("; the history is paused"),
                    _ => f.write_str("; no process is migrating"),
                }
            }
        }
    }
}

/// What a wait found at its end: nothing is pending.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct WaitReport {
    /// The group.
    pub group: String,
    /// The database.
    pub database: String,
    /// How long it waited, in milliseconds.
    pub waited_ms: u64,
    /// How many times it looked.
    pub looks: u64,
    /// Applied migrations that this build does not have.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub ahead: Vec<Named>,
}
