//! Migrations that the selected labels leave out.

use serde::Serialize;
use utoipa::ToSchema;

use crate::model::report::plan;

/// A migration that the selected labels leave out.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub(in crate::http) struct LeftOut {
    /// The migration's version.
    version: i64,
    /// The migration's name.
    name: String,
    /// Why its labels leave it out, such as `asks for eu or uk; selected: none`.
    why: String,
}

impl LeftOut {
    pub(super) fn all(skipped: Vec<plan::LeftOut>) -> Vec<Self> {
        let one =
            |one: plan::LeftOut| Self { version: one.version.get(), name: one.name, why: one.why };
        skipped.into_iter().map(one).collect()
    }
}
