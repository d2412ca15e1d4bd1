//! Migrations for MongoDB: checked by the Rust compiler, applied exactly once.
//!
//! Annotate a function with [`macro@migration`], and call [`on_start`](on_start()) where
//! your app starts:
//!
//! ```no_run,standalone_crate
//! use mongrate::{bson::{doc, Document}, migration, Result, Transaction};
//!
//! /// Atomic: its writes and its history record commit together, or not at all.
//! #[migration(version = 20250122001, reversible = restore_plan)]
//! async fn default_plan(tx: &mut Transaction<'_>) -> Result {
//!     tx.collection::<Document>("users")
//!         .update_many(doc! { "plan": null }, doc! { "$set": { "plan": "free" } })
//!         .await?;
//!     Ok(())
//! }
//!
//! async fn restore_plan(tx: &mut Transaction<'_>) -> Result {
//!     tx.collection::<Document>("users")
//!         .update_many(doc! { "plan": "free" }, doc! { "$unset": { "plan": 1 } })
//!         .await?;
//!     Ok(())
//! }
//!
//! # #[tokio::main] async fn main() -> Result<(), Box<dyn std::error::Error + Send + Sync>> {
//! let client = mongrate::mongodb::Client::with_uri_str("mongodb://localhost").await?;
//! mongrate::on_start(&client.database("shop")).await?;
//! # Ok(())
//! # }
//! ```
//!
//! # Features
//!
//! | feature | default | what it adds |
//! |---|---|---|
//! | `bson-3`, `bson-2` | `bson-3` | which major version of `bson` the driver speaks |
//! | `rustls-tls`, `dns-resolver` | yes | passed through to the driver |
//! | `cli` | no | `cli`: the command line for an app's own `main` |
//! | `embedded` | no | `embedded`: a real MongoDB that starts by itself, for development and tests |
//! | `metrics` | no | numbers for the `metrics` facade: see `docs/observability.md` |
//! | `testing` | no | `testing`: tests of your own migrations; with `embedded` |
//! | `http` | no | `http`: an axum router with the verbs and a dashboard; with `cli`, the verb `serve` |

#![cfg_attr(docsrs, feature(doc_cfg))]

#[cfg(feature = "cli")]
pub mod cli;
#[cfg(feature = "http")]
pub mod http;
mod kinds;
mod migrator;
mod model;
mod mongo;
mod protocol;
mod registry;
mod run;
#[cfg(test)]
mod sizes;
mod telemetry;
#[cfg(feature = "testing")]
pub mod testing;
mod verbs;

pub use kinds::{
    backfill::Backfill,
    change::{self, Change, ChangeFn, FieldType},
    online::{Online, create_index::CreateIndex},
    transaction::{Transaction, TransactionCollection},
};
pub use migrator::{
    Migrator,
    check::Check,
    down::{Down, Redo},
    dry_run::{DryRun, Shadow},
    import::Import,
    on_start::{MIGRATE_ON_START, OnStart, StartPolicy, on_start},
    purge::Purge,
    repair::Repair,
    up::Up,
};
pub use model::{
    config::{DatabaseAhead, OutOfOrder, Retries, Wait},
    error::{Error, kind::Kind},
    kind::MigrationKind,
    lint::{Lint, LintLimits, LintName},
    named::{Drift, Named, Renamed},
    report::{
        BackfillReport, CheckReport, CommandReport, DeclaredOperation, DryRunKind, DryRunOutcome,
        DryRunReport, DryRunStep, Failure, HalfDone, HistoryEvent, HistoryReport, ImportReport,
        Imported, KeptCollection, LockReport, MigrationStatus, PlanReport, PlanStep, PurgeReport,
        RecordReport, RepairReport, RunReport, ShadowReport, StartReport, StatusReport,
        StepOutcome, StepProgress, StepReport, UnlockReport,
    },
    result::{BoxError, Result},
    state::{Direction, Resolution, State, Who},
    tool::Tool,
    version::Version,
};
pub use mongo::server_error::ServerError;
pub use mongodb::{self, bson};
#[cfg(feature = "embedded")]
#[doc(inline)]
pub use mongrate_embedded as embedded;
/// Registers the function below it as a migration.
pub use mongrate_macros::migration;
/// A test with a database of its own in which the migrations are applied.
#[cfg(feature = "testing")]
pub use mongrate_macros::test;
/// A test of the migrations that are linked: write it once, where your tests are.
pub use mongrate_macros::verify;
pub use registry::migration::{Migration, OnlineFn, Outcome, TransactionFn};
pub use telemetry::observer::Observer;
pub use tokio_util::sync::CancellationToken;

/// What the attribute's expansion uses. No part of the public interface: it may change in
/// any release, together with the macro crate, which is pinned to this one's version.
#[doc(hidden)]
pub mod __private {
    pub mod v1 {
        pub use linkme;

        pub use crate::registry::{
            migration::{Descriptor, MIGRATIONS},
            seal::{SUMS, SumFile},
            verify::verify,
        };
    }
}

/// The README's programs compile.
#[cfg(all(doctest, feature = "cli"))]
#[doc = include_str!("../../README.md")]
mod readme {}

/// So do those of the guides, but for those of the guide to testing, which are run (`clinic`).
#[cfg(all(doctest, feature = "cli", feature = "embedded"))]
mod guides {
    #[doc = include_str!("../../docs/quick-start.md")]
    mod quick_start {}
    #[doc = include_str!("../../docs/in-your-app.md")]
    mod in_your_app {}
    #[doc = include_str!("../../docs/kinds.md")]
    mod kinds {}
    #[doc = include_str!("../../docs/command-line.md")]
    mod command_line {}
    #[doc = include_str!("../../docs/backfills.md")]
    mod backfills {}
    #[doc = include_str!("../../docs/production.md")]
    mod production {}
}

/// So do those of the guide to dry runs.
#[cfg(all(doctest, feature = "cli"))]
#[doc = include_str!("../../docs/dry-run.md")]
mod dry_run_guide {}

/// And those of the guide to HTTP.
#[cfg(all(doctest, feature = "http"))]
#[doc = include_str!("../../docs/http.md")]
mod http_guide {}
