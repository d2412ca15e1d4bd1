//! A process, as answers name it.

use serde::Serialize;
use utoipa::ToSchema;

use crate::{LockReport, model::state};

/// A process.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub(in crate::http) struct Holder {
    /// The name of the process's host.
    host: String,
    /// The process id.
    pid: u32,
    /// The app's name for itself, and the token that it works for. Left out if the app gives none.
    #[serde(skip_serializing_if = "String::is_empty")]
    #[schema(required = false)]
    app: String,
}

/// The process that holds the lock, and for how long.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub(in crate::http) struct LockHolder {
    /// The name of the process's host.
    host: String,
    /// The process id.
    pid: u32,
    /// The app's name for itself, and the token that it works for. Left out if the app gives none.
    #[serde(skip_serializing_if = "String::is_empty")]
    #[schema(required = false)]
    app: String,
    /// The fence number of the lock; left out before the process has the lock.
    #[serde(skip_serializing_if = "Option::is_none")]
    fence: Option<i64>,
    /// How long the lease still runs, in milliseconds; left out before the process has the lock.
    #[serde(skip_serializing_if = "Option::is_none")]
    remaining_ms: Option<u64>,
}

impl LockHolder {
    pub(in crate::http) fn new(
        who: state::Who,
        fence: Option<i64>,
        remaining_ms: Option<u64>,
    ) -> Self {
        let state::Who { host, pid, app } = who;
        Self { host, pid, app, fence, remaining_ms }
    }

    pub(in crate::http) fn of(who: state::Who, lock: &LockReport) -> Self {
        Self::new(who, Some(lock.fence), Some(lock.remaining_ms))
    }
}

impl From<state::Who> for Holder {
    fn from(who: state::Who) -> Self {
        let state::Who { host, pid, app } = who;
        Self { host, pid, app }
    }
}
