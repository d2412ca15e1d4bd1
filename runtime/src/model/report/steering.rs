//! What operators have asked of the runs of a history, and what a run is doing just now.

use std::fmt;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use crate::model::{state::Who, tuning::Tuning};

/// Something that an operator asked for: who, when, and why.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Asked {
    /// The process through which it was asked for.
    pub by: Who,
    /// When it was asked for, by the server's clock.
    pub at: DateTime<Utc>,
    /// Why, in the operator's words.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub why: Option<String>,
}

/// `web-1 pid 42 (clinic) at 2026-11-29 10:00:00 UTC ("too much load")`.
impl fmt::Display for Asked {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} at {} UTC", self.by, self.at.format("%Y-%m-%d %H:%M:%S"))?;
        match &self.why {
            Some(why) => write!(f, " (\"{why}\")"),
            None => Ok(()),
        }
    }
}

/// The settings that operators have changed of the run under way.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Tuned {
    /// All that is changed.
    pub settings: Tuning,
    /// The last request.
    #[serde(flatten)]
    pub asked: Asked,
}

/// Why a run does nothing just now, or less than it could.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[cfg_attr(feature = "http", derive(utoipa::ToSchema))]
#[non_exhaustive]
pub enum HoldReason {
    /// An operator has paused the history.
    Paused,
    /// It is not the hour for it.
    Hours,
    /// A secondary is too far behind.
    Lag,
    /// Too many operations wait for a lock on the server.
    Load,
    /// It has done as many documents as it may in a second.
    Rate,
}

impl HoldReason {
    pub(crate) const ALL: [Self; 5] =
        [Self::Paused, Self::Hours, Self::Lag, Self::Load, Self::Rate];

    /// The reason as it is stored and labelled, e.g. `lag`.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Paused => "paused",
            Self::Hours => "hours",
            Self::Lag => "lag",
            Self::Load => "load",
            Self::Rate => "rate",
        }
    }
}

/// What holds a run back just now.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Hold {
    /// The kind of the reason.
    pub reason: HoldReason,
    /// The reason in words, as `replication is 12 s behind, and at most 10 s are allowed`.
    pub text: String,
}

impl Hold {
    pub(crate) fn new(reason: HoldReason, text: impl Into<String>) -> Self {
        Self { reason, text: text.into() }
    }
}

/// How far a run is, as its process has told with its last heartbeat.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct RunPosition {
    /// The place of the migration at work among those of the run, from 1.
    pub at: u32,
    /// How many migrations the run has.
    pub of: u32,
    /// Documents per second of the backfill at work, without the times when it was held back.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub per_second: Option<u64>,
    /// How long the rest of the backfill takes at that rate, in milliseconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub remaining_ms: Option<u64>,
    /// What holds the run back; `None`: nothing does.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hold: Option<Hold>,
}

/// What an operator asked of a history.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[cfg_attr(feature = "http", derive(utoipa::ToSchema))]
#[non_exhaustive]
pub enum SteeringVerb {
    /// Nothing more begins, in any run.
    Pause,
    /// Runs go on.
    Resume,
    /// The settings of the run under way are changed.
    Tune,
    /// The run under way ends in order.
    Cancel,
}

/// What `pause`, `resume`, `tune` and `cancel` return.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct SteeringReport {
    /// The group.
    pub group: String,
    /// The database.
    pub database: String,
    /// What was asked for.
    pub verb: SteeringVerb,
    /// Whether this request changed something; `false`: it was so before.
    pub changed: bool,
    /// The fence number of the run under way, or of the last one.
    pub fence: i64,
    /// The process that has the run under way; `None`: there is none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub holder: Option<Who>,
    /// How long it may take until that process knows, in milliseconds: a third of its lease. What it
    /// has begun by then is not cut, but for a transaction that a cancellation rolls back.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub known_within_ms: Option<u64>,
    /// The pause that is in force now.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub paused: Option<Asked>,
    /// The settings that are changed now.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tuned: Option<Tuned>,
    /// The request that ends the run under way.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cancel_asked: Option<Asked>,
}
