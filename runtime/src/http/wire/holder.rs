//! A process, as answers name it.

use serde::Serialize;
use utoipa::ToSchema;

use crate::model::state;

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

impl From<state::Who> for Holder {
    fn from(who: state::Who) -> Self {
        let state::Who { host, pid, app } = who;
        Self { host, pid, app }
    }
}
