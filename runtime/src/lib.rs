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
//! # Three kinds of migrations
//!
//! The type of the function's parameter decides the kind.
//!
//! | kind | parameter | you write | interrupted |
//! |---|---|---|---|
//! | transactional | [`&mut Transaction`](Transaction) | reads and writes | leaves no trace |
//! | declared | [`&mut Change`](Change) | a description of the changes; Mongrate derives the rollback | resumes within the interrupted operation |
//! | online | [`&mut Online`](Online) | steps, DDL, [backfills](Backfill) | resumes after its last finished step or batch |
//!
//! The migration above is transactional. A declared and an online migration:
//!
//! ```standalone_crate
//! use mongrate::{bson::doc, migration, Change, Online, Result};
//!
//! #[migration(version = 20250122002, reversible)]
//! fn one_name_each(change: &mut Change) {
//!     change.create_index("users", doc! { "email": 1 }).unique(true);
//!     change.rename_field("users", "fullname", "name");
//! }
//!
//! #[migration(version = 20250122003)]
//! async fn lower_case(on: &mut Online<'_>) -> Result {
//!     on.backfill("lower_case", "users")
//!         .update(vec![doc! { "$set": { "email": { "$toLower": "$email" } } }])
//!         .await?;
//!     Ok(())
//! }
//! # fn main() {}
//! ```
//!
//! # The public items
//!
//! | task | items |
//! |---|---|
//! | Writing migrations | [`macro@migration`], [`Transaction`], [`Change`], [`Online`], [`Backfill`], [`FieldType`], [`Result`]; by hand: [`Migration`] |
//! | Schema of the database | [`Migrator::schema`]; drift: [`Migrator::drift`], with [`SchemaDriftCheck`] and [`SchemaDriftReport`] |
//! | Audit log | [`Migrator::keep_audit_log`], [`Migrator::audit`], [`Migrator::verify_audit`], [`AuditHead`] |
//! | What the server and the user's rights mean for migrations | [`Migrator::doctor`], [`DoctorReport`] |
//! | Models | the derive [`Model`](macro@Model), [`trait@Model`], [`Shaped`], the module [`models`] |
//! | Linking migrations of other crates | [`link!`] |
//! | Running migrations | [`on_start`](on_start()), [`Migrator`] and its verbs: [`Up`], [`Down`], [`Redo`], [`Check`], [`Repair`], [`Purge`], [`Import`] |
//! | Looking before you run | [`Up::plan`], [`Up::dry_run`] ([`DryRun`], [`Observer`]), [`Up::shadow`] ([`Shadow`]), [`Up::lint`] ([`Lint`]) |
//! | Reports | [`RunReport`], [`StartReport`], [`PlanReport`], [`DryRunReport`], [`StatusReport`], [`HistoryReport`], [`CheckReport`], … |
//! | Errors | [`Error`], with its [`Kind`], code, exit code and place in the book; [`Failure`], [`ServerError`] |
//! | Settings | [`StartPolicy`], [`Wait`], [`OutOfOrder`], [`DatabaseAhead`], [`Retries`], [`LintLimits`], [`CancellationToken`] |
//! | Being told of runs | [`Migrator::listen`], [`Event`], [`EventKind`]; over HTTP: the module `webhook` |
//! | Testing | [`verify!`]; with features: `testing`, `embedded` |
//! | Command line, HTTP | with features: `cli`, `http` |
//!
//! # Guides
//!
//! The book is in the directory `docs` of the repository, and `mdbook build docs` builds it. These pages answer the
//! questions that come first:
//!
//! | question | page |
//! |---|---|
//! | How do I begin? | `docs/quick-start.md`, then `docs/newcomers.md` |
//! | Which kind of migration is right? | `docs/kinds.md`, for large collections `docs/backfills.md` |
//! | How do I call it from my app? | `docs/in-your-app.md`; whole programs: `examples/README.md` |
//! | How do I test migrations? | `docs/testing.md` |
//! | How do I see what a migration would do? | `docs/dry-run.md` |
//! | How do I run it in production? | `docs/operators.md`, then `docs/production.md` |
//! | What does this error mean? | `docs/errors.md`, at the heading that [`Error::docs`] names |
//! | How do I roll back? | `docs/releases.md` |
//! | What is guaranteed, and why? | `docs/guarantees.md`, `docs/how-it-works.md` |
//! | What do others ask? | `docs/faq.md`, `docs/comparison.md` |
//! | What are the verbs, and the endpoints? | `docs/command-line.md`, `docs/http.md` |
//! | How do I derive the schema from types? | `docs/models.md` |
//! | How do I watch runs? | `docs/observability.md`, `docs/notifications.md`, `docs/audit.md` |
//! | What does a word mean? | `docs/glossary.md` |
//!
//! # Features
//!
//! | feature | default | what it adds |
//! |---|---|---|
//! | `bson-3`, `bson-2` | `bson-3` | the major version of `bson` that the driver speaks |
//! | `rustls-tls`, `dns-resolver` | yes | the driver's features of the same names |
//! | `openssl-tls`, `rustls-tls-aws-lc`, `cert-key-password` | no | the same: TLS with other libraries (turn off the default features), encrypted keys |
//! | `aws-auth`, `azure-oidc`, `gcp-oidc`, `gssapi-auth` | no | the same: sign-in with AWS, Azure, Google Cloud, Kerberos |
//! | `in-use-encryption`, `azure-kms`, `gcp-kms` | no | the same: in-use encryption, and its key stores |
//! | `zlib-compression`, `snappy-compression`, `zstd-compression` | no | the same: compression of what goes over the wire |
//! | `socks5-proxy`, `tracing-unstable`, `opentelemetry` | no | the same: a proxy, what the driver logs and traces |
//! | `cli` | no | the module `cli`: the command line for an app's own `main` |
//! | `audit-signature` | no | signatures of the audit log: `AuditKey` |
//! | `embedded` | no | the module `embedded`: a real MongoDB that starts by itself, for development and tests |
//! | `metrics` | no | numbers for the `metrics` facade: see `docs/observability.md` |
//! | `testing` | no | the module `testing`: tests of your own migrations; turns on `embedded` |
//! | `webhook` | no | the module `webhook`: events of runs over HTTP, signed; with `cli`, the option `--webhook` |
//! | `http` | no | the module `http`: an axum router with the verbs and a dashboard; with `cli`, the verb `serve` |

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
    audit::{Audit, PruneAudit, VerifyAudit},
    check::Check,
    down::{Down, Redo},
    drift::SchemaDriftCheck,
    dry_run::{DryRun, Shadow},
    history::History,
    import::Import,
    on_start::{
        MIGRATE_AUDIT_LOG, MIGRATE_LABELS, MIGRATE_ON_START, MIGRATE_WHEN_PAUSED, OnStart,
        StartPolicy, on_start,
    },
    purge::Purge,
    repair::Repair,
    steer::Steering,
    tag::SetTag,
    up::Up,
    wait::WaitUntilCurrent,
};
#[cfg(feature = "audit-signature")]
pub use model::audit_key::{AuditKey, AuditPublicKey};
pub use model::{
    config::{DatabaseAhead, OutOfOrder, Retries, Wait, WhenPaused},
    error::{Error, kind::Kind},
    invalid_setting::InvalidSetting,
    kind::MigrationKind,
    lint::{Lint, LintLimits, LintName},
    named::{ComesAfter, Dependent, Drift, Named, Renamed},
    plan_file::{PlanFile, PlanFileStep, PlanMade, PlanSeen, PlanTarget},
    policies::{Policies, PolicyRefusal, PolicyReport},
    release::ReleaseStretch,
    report::{
        Asked, AuditBreak, AuditBreakKind, AuditChange, AuditDigest, AuditEntry, AuditGap,
        AuditHead, AuditPage, AuditPruned, AuditVerification, BackfillDetail, BackfillReport,
        CheckReport, CommandReport, DeclaredOperation, DoctorCheck, DoctorFinding, DoctorReport,
        DoctorServer, DoctorVerdict, DryRunKind, DryRunOutcome, DryRunReport, DryRunStep, Failure,
        HalfDone, HistoryEvent, HistoryReport, Hold, HoldReason, ImportReport, Imported,
        KeptCollection, LeftOut, LockReport, MigrationDetail, MigrationStatus, OperationDetail,
        PlanReport, PlanStep, PurgeReport, RecordReport, RepairReport, RunEntry, RunEntryState,
        RunEntryStep, RunPosition, RunReport, RunsReport, SchemaAtReport, SchemaDifference,
        SchemaDifferenceKind, SchemaDriftReport, SchemaMisfit, SchemaSample, ShadowReport,
        StartReport, StatusReport, SteeringReport, SteeringVerb, StepOutcome, StepProgress,
        StepReport, Tag, TagAction, TagReport, TagsReport, Touched, Tuned, UnlockReport,
        WaitReport, WaitingFor,
    },
    result::{BoxError, Result},
    state::{Direction, Resolution, State, Who},
    time_of_day::{Hours, NotBefore},
    tool::Tool,
    tuning::{Limit, Tuning},
    version::Version,
};
pub use mongo::{
    server_error::ServerError,
    shaped::trait_def::{Model, Shaped},
};
pub use mongodb::{self, bson};
/// *Feature `embedded`.*
#[cfg(feature = "embedded")]
#[doc(inline)]
pub use mongrate_embedded as embedded;
/// Derives what BSON the values of a type become, from serde's attributes; with `collection = "…"`, the
/// values are the documents of a collection.
///
/// ```
/// use mongrate::bson::oid::ObjectId;
/// use serde::{Deserialize, Serialize};
///
/// #[derive(Serialize, Deserialize, mongrate::Model)]
/// #[model(collection = "users", validate = "moderate", index(email, unique))]
/// struct User {
///     #[serde(rename = "_id")]
///     id: ObjectId,
///     email: String,
///     #[model(default = "free")]
///     plan: Plan,
///     #[serde(default)]
///     tags: Vec<String>,
/// }
///
/// #[derive(Serialize, Deserialize, mongrate::Model)]
/// #[serde(rename_all = "lowercase")]
/// enum Plan { Free, Pro }
///
/// let shape = mongrate::models::Shape::from(<User as mongrate::Shaped>::SHAPE);
/// assert_eq!(
///     shape.text(),
///     r#"object{_id:objectId,email:string,plan:"free"|"pro",tags?:[string]}"#
/// );
/// ```
///
pub use mongrate_macros::Model;
/// Registers the function that it annotates as a migration.
pub use mongrate_macros::migration;
/// *Feature `testing`.* A test with a database of its own, in which the migrations are applied.
#[cfg(feature = "testing")]
pub use mongrate_macros::test;
/// A test of all linked migrations: write it once, where your tests are.
pub use mongrate_macros::verify;
pub use registry::migration::{Migration, OnlineFn, Outcome, TransactionFn};
pub use telemetry::{
    listen::event::{
        Event, EventError, EventKind, EventMigration, EventRun, RunOutcome, RunVerb, Severity,
    },
    observer::Observer,
};
pub use tokio_util::sync::CancellationToken;

/// *Feature `webhook`.* Events of runs over HTTP.
#[cfg(feature = "webhook")]
pub mod webhook {
    pub use crate::telemetry::webhook::{
        from_env::{
            MONGRATE_WEBHOOK, MONGRATE_WEBHOOK_AUTHORIZATION, MONGRATE_WEBHOOK_EVENTS,
            MONGRATE_WEBHOOK_SECRET, MONGRATE_WEBHOOK_SECRET_FILE, MONGRATE_WEBHOOK_TEMPLATE,
        },
        hook::{Webhook, WebhookAnswer},
    };
}

/// The shapes of documents that types have, as constants and as data; what a hand-written
/// [`Shaped`] is made of.
pub mod models {
    #[doc(inline)]
    pub use mongrate_seal::models::{
        ConstAlternative, ConstField, ConstShape, Field, Hints, Json, Object, Rest, Shape,
        ShapeRef, Types,
    };
}

/// `__private::v1::shape` by a short path, which is written for each field of each model.
#[doc(hidden)]
pub use __private::v1::shape as __s;

/// What the attribute's expansion uses. Not part of the public interface: it may change in any
/// release, together with the macro crate, whose version is pinned to this crate's.
#[doc(hidden)]
pub mod __private {
    pub mod v1 {
        pub use linkme;

        pub use crate::registry::{
            entry::{Entry, MIGRATIONS},
            function::Texts,
            policies::{POLICY_FILES, PolicyFile},
            seal::{SUMS, SumFile},
            verify::verify,
        };

        /// What the derive's expansion uses.
        pub mod shape {
            pub use linkme;
            pub use mongrate_seal::models::{
                ConstAlternative, ConstField, ConstShape, Literal, ShapeRef, Types, agree,
            };

            pub use crate::{
                mongo::shaped::{
                    fields::{field, optional, required},
                    trait_def::{Model, Shaped},
                },
                registry::models::{
                    descriptor::{MODELS, ModelDescriptor, SNAPSHOTS, SnapshotFile},
                    generated_test::models,
                    gone::no_model_is_gone,
                },
            };
        }
    }
}

/// The programs of the README, as doc tests.
#[cfg(all(doctest, mongrate_guides, feature = "cli"))]
#[doc = include_str!("../../README.md")]
mod readme {}

/// The programs of the guides. Those of the guide to testing are run instead (`clinic`).
#[cfg(all(doctest, mongrate_guides, feature = "cli", feature = "embedded"))]
mod guides {
    #[doc = include_str!("../../docs/quick-start.md")]
    mod quick_start {}
    #[doc = include_str!("../../docs/in-your-app.md")]
    mod in_your_app {}
    #[doc = include_str!("../../docs/kinds.md")]
    mod kinds {}
    #[doc = include_str!("../../docs/hermetic.md")]
    mod hermetic {}
    #[doc = include_str!("../../docs/command-line.md")]
    mod command_line {}
    #[doc = include_str!("../../docs/backfills.md")]
    mod backfills {}
    #[doc = include_str!("../../docs/production.md")]
    mod production {}
    #[doc = include_str!("../../docs/releases.md")]
    mod releases {}
    #[doc = include_str!("../../docs/models.md")]
    mod models {}
    #[doc = include_str!("../../docs/repeatable.md")]
    mod repeatable {}
    #[doc = include_str!("../../docs/labels.md")]
    mod labels {}
    #[doc = include_str!("../../docs/order-across-groups.md")]
    mod order_across_groups {}
}

/// The programs of the guide to dry runs.
#[cfg(all(doctest, mongrate_guides, feature = "cli"))]
#[doc = include_str!("../../docs/dry-run.md")]
mod dry_run_guide {}

/// The programs of the guide to notifications.
#[cfg(all(doctest, mongrate_guides, feature = "webhook"))]
#[doc = include_str!("../../docs/notifications.md")]
mod notifications_guide {}

/// The programs of the guide to HTTP.
#[cfg(all(doctest, mongrate_guides, feature = "http"))]
#[doc = include_str!("../../docs/http.md")]
mod http_guide {}
