//! The answer with one migration.

use serde::Serialize;
use utoipa::ToSchema;

use super::{
    report::{HistoryEvent, Lint, StepProgress, lints},
    status::MigrationStatus,
    texts::Texts,
};
use crate::{State, model::report::detail};

/// An operation of a declared migration, and its inverse, in words.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub(in crate::http) struct OperationDetail {
    /// What the operation does.
    forward: String,
    /// What undoes the operation.
    back: String,
}

/// A part of the database that a declared migration touches.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub(in crate::http) struct Touched {
    /// The collection; left out for the shards of a cluster.
    #[serde(skip_serializing_if = "Option::is_none")]
    collection: Option<String>,
    /// What of the collection, in words.
    what: String,
    /// Whether it is written, or only read.
    writes: bool,
}

/// A backfill that is not finished.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub(in crate::http) struct BackfillDetail {
    /// How far the backfill is.
    #[serde(flatten)]
    progress: StepProgress,
    /// How many batches have committed.
    batches: u64,
    /// Into how many parts the collection is divided.
    parts: usize,
    /// How many of the parts are finished.
    parts_done: usize,
    /// The `_id`s at which the other parts go on, at most 20. They are of documents, so they are shown
    /// only if this server was configured to show such texts.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[schema(required = false)]
    positions: Vec<String>,
}

/// All that is known of one migration.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub(in crate::http) struct MigrationDetail {
    /// The database.
    database: String,
    /// What the status says of the migration: with its state, its source, its labels, and why its last
    /// attempt failed.
    #[serde(flatten)]
    status: MigrationStatus,
    /// The crate that declares the migration.
    #[serde(skip_serializing_if = "Option::is_none")]
    crate_name: Option<String>,
    /// The checksum that the migration has in this build.
    #[serde(skip_serializing_if = "Option::is_none")]
    checksum: Option<String>,
    /// The checksum that is recorded.
    #[serde(skip_serializing_if = "Option::is_none")]
    recorded_checksum: Option<String>,
    /// Whether the migration may be older than applied ones.
    out_of_order: bool,
    /// The collections of which the migration may write many documents, as it says.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[schema(required = false)]
    writes: Vec<String>,
    /// The lints that the migration acknowledges.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[schema(required = false)]
    allows: Vec<String>,
    /// The operations of a declared migration, in their order.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[schema(required = false)]
    operations: Vec<OperationDetail>,
    /// What a declared migration touches.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[schema(required = false)]
    footprint: Vec<Touched>,
    /// The backfills that are not finished.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[schema(required = false)]
    backfills: Vec<BackfillDetail>,
    /// The names of states in which the migration was applied last.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[schema(required = false)]
    tags: Vec<String>,
    /// The last events of the migration, oldest first: at most 20.
    events: Vec<HistoryEvent>,
    /// The lints, if the migration is pending or failed.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[schema(required = false)]
    lints: Vec<Lint>,
    /// What can be done next, if a person has to do something.
    #[serde(skip_serializing_if = "Option::is_none")]
    next: Option<String>,
}

impl MigrationDetail {
    pub(in crate::http) fn new(report: detail::MigrationDetail, texts: Texts) -> Self {
        let next = next(&report);
        let detail::MigrationDetail { database, status, crate_name, .. } = report;
        let detail::MigrationDetail { checksum, recorded_checksum, out_of_order, .. } = report;
        let detail::MigrationDetail { writes, allows, operations, footprint, .. } = report;
        let detail::MigrationDetail { backfills, tags, events, lints: found, .. } = report;
        let operation =
            |detail::OperationDetail { forward, back }| OperationDetail { forward, back };
        let touched =
            |detail::Touched { collection, what, writes }| Touched { collection, what, writes };
        let backfill = |one: detail::BackfillDetail| BackfillDetail {
            progress: one.progress.into(),
            batches: one.batches,
            parts: one.parts,
            parts_done: one.parts_done,
            positions: if texts.shown { one.positions } else { Vec::new() },
        };
        Self {
            status: MigrationStatus::new(status, texts),
            database,
            crate_name,
            checksum,
            recorded_checksum,
            out_of_order,
            writes,
            allows,
            operations: operations.into_iter().map(operation).collect(),
            footprint: footprint.into_iter().map(touched).collect(),
            backfills: backfills.into_iter().map(backfill).collect(),
            tags,
            events: events.into_iter().map(|event| HistoryEvent::new(event, texts)).collect(),
            lints: lints(found, texts),
            next,
        }
    }
}

/// What a person can do about a migration, in endpoints.
fn next(report: &detail::MigrationDetail) -> Option<String> {
    let status = &report.status;
    let mut next = match (status.state, &status.half_done) {
        (State::Failed | State::Interrupted, Some(half)) => {
            let mut ways = Vec::new();
            match (half.up, half.gives_up_rollback) {
                (true, true) => ways.push(
                    "POST up gives up the rollback and applies the migration from where the rollback \
                     failed",
                ),
                (true, false) => ways.push("POST up resumes the migration from where it stopped"),
                (false, _) => {}
            }
            if half.down {
                ways.push("POST down removes the part that is in the database");
            }
            ways.join("; ")
        }
        (State::Failed | State::Interrupted, None) if status.linked => {
            "POST up tries the migration again, from its beginning".to_owned()
        }
        _ if status.recorded_as.is_some() => {
            "give this app its own control collection or group; if you renamed the migration, record the \
             new name with the app's command line"
                .to_owned()
        }
        _ if status.drifted => {
            "undo the edit, deploy, and write a new migration for the change".to_owned()
        }
        (State::Applied, _) if !status.linked => {
            "this build is older than the database: deploy a build that has the migration".to_owned()
        }
        _ => return None,
    };
    if status.state == State::Failed {
        next = format!("fix what the failure is about; then {next}");
    }
    Some(next)
}
