//! What operators ask of runs: the settings in a request, and the answer.

use std::time::Duration;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::holder::Holder;
use crate::{
    Error, Hours, Limit,
    model::{report::steering, tuning},
};

/// A bound, or `off`.
#[derive(Clone, Copy, Debug, Serialize, Deserialize, ToSchema)]
#[serde(untagged)]
pub(in crate::http) enum Bound {
    /// At most so much.
    AtMost(u32),
    /// However much.
    Off(Off),
}

/// No bound.
#[derive(Clone, Copy, Debug, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub(in crate::http) enum Off {
    /// However much.
    Off,
}

impl From<Limit<u32>> for Bound {
    fn from(limit: Limit<u32>) -> Self {
        limit.bound().map_or(Self::Off(Off::Off), Self::AtMost)
    }
}

impl From<Bound> for Limit<u32> {
    fn from(bound: Bound) -> Self {
        match bound {
            Bound::AtMost(bound) => Self::AtMost(bound),
            Bound::Off(Off::Off) => Self::Off,
        }
    }
}

/// Settings of the backfills of a run; what is left out is as the migration and the run say it.
#[derive(Clone, Debug, Default, Serialize, Deserialize, ToSchema)]
#[serde(default, deny_unknown_fields)]
pub(in crate::http) struct Tuning {
    /// Batches under way at once.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(minimum = 1, maximum = 64)]
    workers: Option<u32>,
    /// The most documents per batch.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(minimum = 1, maximum = 100_000)]
    batch_documents: Option<u32>,
    /// The most bytes per batch.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(minimum = 65_536, maximum = 16_777_216)]
    batch_bytes: Option<u64>,
    /// The most documents per second, of all workers together.
    #[serde(skip_serializing_if = "Option::is_none")]
    per_second: Option<Bound>,
    /// Pauses while a secondary is further behind than this, in milliseconds.
    #[serde(skip_serializing_if = "Option::is_none")]
    max_lag_ms: Option<Bound>,
    /// Pauses while more operations than this wait for a lock on the server.
    #[serde(skip_serializing_if = "Option::is_none")]
    max_queue: Option<Bound>,
    /// Works only within these hours of the server's clock: `22:00-06:00` (UTC),
    /// `22:00-06:00+01:00`, or `off`.
    #[serde(skip_serializing_if = "Option::is_none")]
    between: Option<String>,
}

impl Tuning {
    pub(in crate::http) fn settings(&self) -> Result<tuning::Tuning, Error> {
        let ms = |ms: u32| Duration::from_millis(u64::from(ms));
        let between = match self.between.as_deref() {
            None => None,
            Some(tuning::OFF) => Some(Limit::Off),
            Some(hours) => Some(Limit::AtMost(hours.parse::<Hours>()?)),
        };
        Ok(tuning::Tuning {
            workers: self.workers.and_then(|workers| usize::try_from(workers).ok()),
            batch_documents: self.batch_documents,
            batch_bytes: self.batch_bytes,
            per_second: self.per_second.map(Limit::from),
            max_lag: self.max_lag_ms.map(|lag| match Limit::from(lag) {
                Limit::AtMost(lag) => Limit::AtMost(ms(lag)),
                Limit::Off => Limit::Off,
            }),
            max_queue: self.max_queue.map(Limit::from),
            between,
        })
    }
}

impl From<tuning::Tuning> for Tuning {
    fn from(settings: tuning::Tuning) -> Self {
        let tuning::Tuning {
            workers,
            batch_documents,
            batch_bytes,
            per_second,
            max_lag,
            max_queue,
            between,
        } = settings;
        let ms = |lag: Duration| u32::try_from(lag.as_millis()).unwrap_or(u32::MAX);
        Self {
            workers: workers.and_then(|workers| u32::try_from(workers).ok()),
            batch_documents,
            batch_bytes,
            per_second: per_second.map(Bound::from),
            max_lag_ms: max_lag
                .map(|lag| lag.bound().map_or(Bound::Off(Off::Off), |lag| Bound::AtMost(ms(lag)))),
            max_queue: max_queue.map(Bound::from),
            between: between.map(|limit| {
                limit.bound().map_or(tuning::OFF.to_owned(), |hours| hours.to_string())
            }),
        }
    }
}

/// Something that an operator asked for.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub(in crate::http) struct Asked {
    /// The process through which it was asked for, with the token's name.
    by: Holder,
    /// When it was asked for, by MongoDB's clock.
    at: DateTime<Utc>,
    /// Why.
    #[serde(skip_serializing_if = "Option::is_none")]
    why: Option<String>,
}

impl From<steering::Asked> for Asked {
    fn from(asked: steering::Asked) -> Self {
        let steering::Asked { by, at, why } = asked;
        Self { by: by.into(), at, why }
    }
}

/// The settings that operators have changed of the run under way.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub(in crate::http) struct Tuned {
    /// All that is changed.
    settings: Tuning,
    /// The last request.
    #[serde(flatten)]
    asked: Asked,
}

impl From<steering::Tuned> for Tuned {
    fn from(tuned: steering::Tuned) -> Self {
        let steering::Tuned { settings, asked } = tuned;
        Self { settings: settings.into(), asked: asked.into() }
    }
}

/// What holds a run back just now.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub(in crate::http) struct Hold {
    /// The kind of the reason.
    reason: crate::HoldReason,
    /// The reason in words.
    text: String,
}

impl From<steering::Hold> for Hold {
    fn from(hold: steering::Hold) -> Self {
        let steering::Hold { reason, text } = hold;
        Self { reason, text }
    }
}

/// How far a run is, as of its last heartbeat.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub(in crate::http) struct RunPosition {
    /// The place of the migration at work among those of the run, from 1.
    at: u32,
    /// How many migrations the run has.
    of: u32,
    /// Documents per second of the backfill at work, without the times when it was held back.
    #[serde(skip_serializing_if = "Option::is_none")]
    per_second: Option<u64>,
    /// How long the rest of the backfill takes at that rate, in milliseconds.
    #[serde(skip_serializing_if = "Option::is_none")]
    remaining_ms: Option<u64>,
    /// What holds the run back; left out if nothing does.
    #[serde(skip_serializing_if = "Option::is_none")]
    hold: Option<Hold>,
}

impl From<steering::RunPosition> for RunPosition {
    fn from(position: steering::RunPosition) -> Self {
        let steering::RunPosition { at, of, per_second, remaining_ms, hold } = position;
        Self { at, of, per_second, remaining_ms, hold: hold.map(Hold::from) }
    }
}

/// What came of a request to a run.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[schema(as = SteeringReport)]
pub(in crate::http) struct Steered {
    /// The group.
    group: String,
    /// The database.
    database: String,
    /// What was asked for.
    verb: crate::SteeringVerb,
    /// Whether this request changed something; `false`: it was so before.
    changed: bool,
    /// The fence number of the run under way, or of the last one.
    fence: i64,
    /// The process that has the run under way; left out if there is none.
    #[serde(skip_serializing_if = "Option::is_none")]
    holder: Option<Holder>,
    /// How long it may take until that process knows, in milliseconds. What it has begun by then is not
    /// cut, but for a transaction that a cancellation rolls back.
    #[serde(skip_serializing_if = "Option::is_none")]
    known_within_ms: Option<u64>,
    /// The pause that is in force now.
    #[serde(skip_serializing_if = "Option::is_none")]
    paused: Option<Asked>,
    /// The settings that are changed now.
    #[serde(skip_serializing_if = "Option::is_none")]
    tuned: Option<Tuned>,
    /// The request that ends the run under way.
    #[serde(skip_serializing_if = "Option::is_none")]
    cancel_asked: Option<Asked>,
}

impl From<steering::SteeringReport> for Steered {
    fn from(report: steering::SteeringReport) -> Self {
        let steering::SteeringReport {
            group,
            database,
            verb,
            changed,
            fence,
            holder,
            known_within_ms,
            paused,
            tuned,
            cancel_asked,
        } = report;
        Self {
            group,
            database,
            verb,
            changed,
            fence,
            holder: holder.map(Holder::from),
            known_within_ms,
            paused: paused.map(Asked::from),
            tuned: tuned.map(Tuned::from),
            cancel_asked: cancel_asked.map(Asked::from),
        }
    }
}
