//! Everything that can stop a verb, and the one place that maps it to exit codes and
//! HTTP statuses.

use crate::mongo::code;

pub(crate) mod kind;
pub(crate) mod text;

use std::time::Duration;

use self::{
    kind::Kind,
    text::{apart, corrupt, count, failed, lines, lock_lost, pending_are, renamed_flags},
};
use super::{
    lint::Lint,
    named::{Drift, Named, Renamed},
    report::run::RunReport,
    result::BoxError,
    state::Who,
    version::Version,
};
use crate::mongo::{
    driver,
    server_error::{self, ServerError},
};

/// Everything that can stop a verb. Each message says what to do next.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The set of migrations in this build is unsound. No connection was made.
    #[error("the migrations of this build are unsound:{}", lines(problems))]
    Registry {
        /// Each problem, with its place and the way out.
        problems: Vec<String>,
    },

    /// A setting is out of its bounds. No connection was made.
    #[error("{setting}: {problem}")]
    Settings {
        /// The setting's name.
        setting: &'static str,
        /// What is wrong, and what is allowed.
        problem: String,
    },

    /// The server is a standalone: it has no transactions. Nothing was written.
    #[error(
        "this MongoDB is a standalone server, which has no transactions; migrations need a \
         replica set (one node is enough): start `mongod` with `--replSet rs0`, run \
         `rs.initiate()` once, and try again; nothing was written"
    )]
    Standalone,

    /// The server is older than MongoDB 4.4, or newer than the driver knows. Nothing was written.
    #[error(
        "this MongoDB is not supported: {reason}; migrations need MongoDB 4.4 or newer; nothing \
         was written"
    )]
    UnsupportedServer {
        /// What the driver said.
        reason: String,
    },

    /// The server refused for lack of rights, or the sign-in failed.
    #[error(
        "not allowed to {action}: {source}; the user needs `find`, `insert` and `update` on the \
         control collection, and what the migrations themselves do"
    )]
    Unauthorized {
        /// What was being done.
        action: &'static str,
        /// What the server or the driver said.
        source: Box<ServerError>,
    },

    /// MongoDB could not be reached, or refused.
    #[error("could not {action}: {source}")]
    Server {
        /// What was being done.
        action: &'static str,
        /// What the server or the driver said.
        source: Box<ServerError>,
    },

    /// The control collection is not Mongrate's, or holds a document that Mongrate did not write.
    /// If it is not Mongrate's, nothing was written into it.
    #[error("{}", corrupt(.collection.as_deref(), .id, .problem))]
    Corrupt {
        /// The collection, if it is not Mongrate's at all: another tool's, or none that can hold
        /// a history.
        collection: Option<String>,
        /// The `_id` of the document, or the name of what else stands in the way.
        id: String,
        /// What is wrong with it.
        problem: String,
    },

    /// Records have other names than this build's migrations of the same versions: they are other
    /// migrations, most likely another app's. Nothing was run or written.
    #[error(
        "the history is not this build's: {} recorded under another name:{}\n\
         another app's? use a group or a collection of its own (`--group NAME`, `--collection \
         NAME`); if you renamed a migration yourself, `repair{}` records the new name; nothing was \
         run or written",
        count(.0.len(), "migration"), lines(.0), renamed_flags(.0)
    )]
    Renamed(Vec<Renamed>),

    /// A verb was called in the body of a migration that this very process runs, over the same
    /// control collection. It would wait for itself for ever. Nothing was run by this call.
    #[error(
        "this call was made in the body of a migration, and needs the lock that this very process \
         holds to run that migration: it would wait for itself for ever; call it after the \
         migration, not in its body; nothing was run by this call"
    )]
    InsideMigration,

    /// Somebody else is migrating, and the wait is over. Nothing was run by this call.
    #[error(
        "the lock is held by {holder} (fence {fence}) for another {} s; wait, or, if that \
         process is known to be dead, `force-unlock {fence} --confirm`",
        remaining.as_secs()
    )]
    LockHeld {
        /// Host, process and app that hold it.
        holder: String,
        /// The holder's fence number.
        fence: i64,
        /// How long its lease still runs, by the server's clock.
        remaining: Duration,
    },

    /// Another process took over while this one was stalled. What this call committed stays;
    /// what was in flight was aborted by the database.
    #[error("{}", lock_lost(.report, .taken_by.as_ref()))]
    LockLost {
        /// What this call did before.
        report: Box<RunReport>,
        /// The operator who took the lock away with `force_unlock`, if that is why.
        taken_by: Option<Who>,
    },

    /// Applied migrations have other bodies in this build. Nothing was run.
    #[error(
        "{} changed after being applied:{}\n\
         undo the edit and write a new migration; or, if the edit changes nothing that matters, \
         `repair` records the new checksum; nothing was run",
        count(.0.len(), "migration"), lines(.0)
    )]
    Drift(Vec<Drift>),

    /// Pending migrations are older than the newest applied one. Nothing was run.
    #[error(
        "{} older than the newest applied one ({newest}), and would run out of order:{}\n\
         give them a newer version; or, if the order does not matter, run \
         `up --allow-out-of-order`, or mark them `out_of_order`; nothing was run",
        pending_are(.versions.len()), lines(.versions)
    )]
    OutOfOrder {
        /// The late ones.
        versions: Vec<Named>,
        /// The newest applied version.
        newest: Version,
    },

    /// The database holds migrations that this build does not. Nothing was run.
    #[error(
        "the database is ahead of this build, which does not know:{}\n\
         deploy a build that has them (is a `use my_migrations as _;` missing?), or allow it \
         with `--allow-ahead`; nothing was run",
        lines(versions)
    )]
    Ahead {
        /// The applied migrations that are not linked.
        versions: Vec<Named>,
    },

    /// A rollback was asked for that nobody wrote. Nothing was run.
    #[error(
        "cannot roll back:{}\nthey have no rollback; choose a target above them, write one with \
         `reversible = …`, or restore a backup; nothing was run",
        lines(versions)
    )]
    Irreversible {
        /// The irreversible ones in the way.
        versions: Vec<Named>,
    },

    /// A rollback needs migrations that this build does not have. Nothing was run.
    #[error(
        "cannot roll back what this build does not have:{}\nrun the rollback from a build that \
         has them; nothing was run",
        lines(versions)
    )]
    NotLinked {
        /// The applied migrations that are not linked.
        versions: Vec<Named>,
    },

    /// No migration has this version. Nothing was run.
    #[error("no migration has version {version}; `status` lists them; nothing was run")]
    UnknownVersion {
        /// The version that was asked for.
        version: Version,
    },

    /// The history of another tool cannot be taken over as it is. Nothing was written.
    #[error(
        "cannot import from {tool} (collection `{collection}`):{}\nnothing was written",
        lines(problems)
    )]
    Import {
        /// The other tool.
        tool: super::tool::Tool,
        /// Its collection.
        collection: String,
        /// Each problem, with the way out.
        problems: Vec<String>,
    },

    /// The verb does not apply to the migration's state. Nothing was written.
    #[error("{version} is {state}: {hint}; nothing was written")]
    WrongState {
        /// The version.
        version: Version,
        /// Its state.
        state: &'static str,
        /// What to do instead.
        hint: &'static str,
    },

    /// Not all of them can be one transaction (`--atomic`). Nothing was run.
    #[error("{}", apart(.versions, *.before, *.until))]
    Apart {
        /// Those that are online or declared; none if there are just too many.
        versions: Vec<Named>,
        /// The last of those before them that can be.
        before: Option<Version>,
        /// The last of the first of them.
        until: Option<Version>,
    },

    /// The migrations that are pending have lints, and the check is strict. Nothing was run.
    #[error(
        "{}:{}\nchange them, or acknowledge a lint with `allow = \"…\"` in the attribute or \
         `--allow NAME`; nothing was run",
        count(.0.len(), "lint"), lines(.0)
    )]
    Lints(Vec<Lint>),

    /// The user may not make, fill or drop a scratch database. None was made.
    #[error(
        "not allowed to make the scratch database `{database}` ({missing}): a shadow run needs \
         the roles `readWriteAnyDatabase` and `dbAdminAnyDatabase` on `admin`, as its database \
         has a new name each time; `db.grantRolesToUser(\"…\", [{{ role: \
         \"readWriteAnyDatabase\", db: \"admin\" }}, {{ role: \"dbAdminAnyDatabase\", db: \
         \"admin\" }}])`; nothing was written"
    )]
    ShadowForbidden {
        /// The name that it would have.
        database: String,
        /// The actions that are missing, or what the server said.
        missing: String,
    },

    /// A shadow run is not possible here. Nothing was written.
    #[error("cannot run in a scratch database: {problem}; nothing was written")]
    ShadowImpossible {
        /// Why, and what to do instead.
        problem: String,
    },

    /// At least one migration failed. What is listed as done in the report is committed.
    #[error("{}", failed(.report))]
    Failed {
        /// What was done, what failed, and what was not tried.
        report: Box<RunReport>,
        /// The first failure's own error.
        source: BoxError,
    },

    /// The run was cancelled. What was in flight was aborted, the lock released.
    #[error(
        "cancelled: {} done; what was in flight was rolled back (an online one goes on after its \
         last finished step), and the lock given back; `up` goes on from here",
        count(.report.done().count(), "migration")
    )]
    Cancelled {
        /// What was done before.
        report: Box<RunReport>,
    },

    /// Migrations are pending where none may be. Nothing was run.
    #[error("{} pending:{}\nrun `up` first; nothing was run", count(.versions.len(), "migration"), lines(.versions))]
    Pending {
        /// The pending ones.
        versions: Vec<Named>,
    },

    /// The lock is not what the operator saw. It was left alone.
    #[error(
        "the lock is not at fence {asked}: {found}; it was left alone; look at `lock-status` again"
    )]
    FenceMismatch {
        /// The fence that the operator named.
        asked: i64,
        /// What is there instead.
        found: String,
    },
}

impl Error {
    /// What a caller can do about it.
    pub fn kind(&self) -> Kind {
        match self {
            Self::Registry { .. } | Self::InsideMigration => Kind::BadBuild,
            // An operator wanted it to stop: it does not come back by itself.
            Self::LockLost { taken_by: Some(_), .. } => Kind::NeedsOperator,
            Self::Settings { .. } | Self::UnknownVersion { .. } => Kind::Usage,
            Self::Standalone | Self::UnsupportedServer { .. } | Self::Server { .. } => {
                Kind::Unavailable
            }
            Self::Unauthorized { .. } | Self::ShadowForbidden { .. } => Kind::Forbidden,
            Self::LockHeld { .. } | Self::LockLost { .. } => Kind::Busy,
            Self::Drift(_)
            | Self::Renamed(_)
            | Self::OutOfOrder { .. }
            | Self::Ahead { .. }
            | Self::Irreversible { .. }
            | Self::NotLinked { .. }
            | Self::WrongState { .. }
            | Self::FenceMismatch { .. }
            | Self::Apart { .. }
            | Self::Import { .. }
            | Self::Lints(_)
            | Self::ShadowImpossible { .. }
            | Self::Corrupt { .. } => Kind::NeedsOperator,
            // A server that went away in the middle is none of the migration's failures; that it
            // asked for more than the server allows a transaction is.
            Self::Failed { source, .. } => match source.downcast_ref::<Self>() {
                Some(Self::Server { source, .. })
                    if source.code().is_some_and(driver::is_limit) =>
                {
                    Kind::Failed
                }
                Some(error) => error.kind(),
                // A command of its body: Unauthorized.
                None if server_error::code_in(source.as_ref()) == Some(code::UNAUTHORIZED) => {
                    Kind::Forbidden
                }
                None => Kind::Failed,
            },
            Self::Cancelled { .. } => Kind::Cancelled,
            Self::Pending { .. } => Kind::Pending,
        }
    }

    /// A stable, machine-readable name of the error, e.g. `lock_held`.
    pub const fn code(&self) -> &'static str {
        match self {
            Self::Registry { .. } => "registry",
            Self::Settings { .. } => "settings",
            Self::Standalone => "standalone",
            Self::UnsupportedServer { .. } => "unsupported_server",
            Self::Unauthorized { .. } => "unauthorized",
            Self::Server { .. } => "server",
            Self::Corrupt { .. } => "corrupt",
            Self::LockHeld { .. } => "lock_held",
            Self::LockLost { .. } => "lock_lost",
            Self::Drift(_) => "checksum_drift",
            Self::Renamed(_) => "renamed",
            Self::InsideMigration => "inside_migration",
            Self::OutOfOrder { .. } => "out_of_order",
            Self::Ahead { .. } => "database_ahead",
            Self::Irreversible { .. } => "irreversible",
            Self::NotLinked { .. } => "not_linked",
            Self::UnknownVersion { .. } => "unknown_version",
            Self::WrongState { .. } => "wrong_state",
            Self::Apart { .. } => "not_atomic",
            Self::Import { .. } => "import",
            Self::Lints(_) => "lints",
            Self::ShadowForbidden { .. } => "shadow_forbidden",
            Self::ShadowImpossible { .. } => "shadow_impossible",
            Self::Failed { .. } => "migration_failed",
            Self::Cancelled { .. } => "cancelled",
            Self::Pending { .. } => "pending",
            Self::FenceMismatch { .. } => "fence_mismatch",
        }
    }

    /// What the call did before it stopped, where it had begun.
    pub fn report(&self) -> Option<&RunReport> {
        match self {
            Self::LockLost { report, .. }
            | Self::Failed { report, .. }
            | Self::Cancelled { report } => Some(report),
            _ => None,
        }
    }

    /// Wraps a server's refusal, told apart by what can be done about it.
    pub(crate) fn server(action: &'static str, source: impl Into<ServerError>) -> Self {
        let source = Box::new(source.into());
        match source.code() {
            Some(code::UNAUTHORIZED | code::AUTHENTICATION_FAILED) => {
                Self::Unauthorized { action, source }
            }
            // What a standalone says to a transaction.
            Some(code::ILLEGAL_OPERATION) if source.message().contains("Transaction numbers") => {
                Self::Standalone
            }
            _ if source.is_authentication() => Self::Unauthorized { action, source },
            _ => match source.incompatibility() {
                Some(reason) => Self::UnsupportedServer { reason },
                None => Self::Server { action, source },
            },
        }
    }
}
