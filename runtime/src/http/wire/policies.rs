//! The policies that hold.

use serde::Serialize;
use utoipa::ToSchema;

use crate::model::policies;

/// One policy that holds, and where it is written.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub(in crate::http) struct Policy {
    /// The rule, as a line of `mongrate.toml`.
    rule: String,
    /// Where the rule is written: a file with its line and its package, or the app's code.
    place: String,
}

impl From<policies::PolicyReport> for Policy {
    fn from(policies::PolicyReport { rule, place }: policies::PolicyReport) -> Self {
        Self { rule, place }
    }
}
