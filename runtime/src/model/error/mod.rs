//! Everything that can stop a verb, and the one place that maps it to exit codes and HTTP statuses.

use std::time::Duration;

use self::{
    kind::Kind,
    text::{
        STANDALONE, apart, cancelled, comes_after, corrupt, count, failed, lines, lock_lost, names,
        not_independent, plan_differs, renamed_flags, shadow_forbidden,
    },
};
use super::{
    invalid_setting::InvalidSetting,
    lint::Lint,
    named::{ComesAfter, Dependent, Drift, Named, Renamed},
    policies::PolicyRefusal,
    release::ReleaseStretch,
    report::{run::RunReport, steering::Asked},
    result::BoxError,
    state::{Direction, Who},
    version::Version,
};
use crate::mongo::{
    code, driver,
    server_error::{self, ServerError},
};

pub(crate) mod docs;
pub(crate) mod kind;
mod of_server;
pub(crate) mod text;

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
    #[error("{STANDALONE}")]
    Standalone,

    /// The server is older than MongoDB 4.4, or newer than the driver knows, or a product that is nearly
    /// MongoDB and lacks what migrations need. Nothing was written.
    #[error(
        "this MongoDB is not supported: {reason}; migrations need MongoDB 4.4 or newer; nothing \
         was written"
    )]
    UnsupportedServer {
        /// What the driver said, or what the product lacks.
        reason: String,
    },

    /// The server refused for lack of rights, or the sign-in failed. What was committed before
    /// stays.
    #[error(
        "not allowed to {action}: {source}; the user needs `find`, `insert` and `update` on the \
         control collection, and the rights for what the migrations do"
    )]
    Unauthorized {
        /// What was being done.
        action: &'static str,
        /// What the server or the driver said.
        source: Box<ServerError>,
    },

    /// MongoDB could not be reached, or refused. What was committed before stays.
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
        /// The name of the collection, if it is not Mongrate's at all: it is another tool's, or it
        /// cannot hold a history.
        collection: Option<String>,
        /// The `_id` of the document, or what else stands in the way.
        id: String,
        /// What is wrong with it.
        problem: String,
    },

    /// A newer Mongrate has written the control collection, in a form that this build would misread.
    /// Nothing was run or written.
    #[error(
        "a newer mongrate has written the control collection (format {found}, and this build knows \
         {known}); nothing was run or written; run the app that was built with that mongrate, or \
         update mongrate in this one"
    )]
    NewerFormat {
        /// The format that the database has.
        found: i64,
        /// The newest that this build reads and writes.
        known: i64,
    },

    /// Records have other names than this build's migrations of the same versions: they belong to
    /// other migrations, most likely another app's. Nothing was run or written.
    #[error(
        "the history is not this build's: {} recorded under another name:{}\n\
         if it is another app's history, use a group or a collection of your own (`--group NAME`, \
         `--collection NAME`); if you renamed a migration, `repair{}` records the new name; \
         nothing was run or written",
        count(.0.len(), "migration"), lines(.0), renamed_flags(.0)
    )]
    Renamed(Vec<Renamed>),

    /// A verb was called in the body of a migration that this very process runs, over the same
    /// control collection. The call would wait for itself for ever. It ran nothing.
    #[error(
        "this call was made in the body of a migration, and needs the lock that this very process \
         holds to run that migration: it would wait for itself for ever; make the call after the \
         migration, not in its body; the call ran nothing"
    )]
    InsideMigration,

    /// Another process is migrating, and the wait is over. This call ran nothing.
    #[error("{}", text::lock_held(&holder.to_string(), *fence, *remaining))]
    LockHeld {
        /// The process that holds the lock.
        holder: Who,
        /// The fence number of the holder.
        fence: i64,
        /// How long the lease still runs, by the server's clock.
        remaining: Duration,
    },

    /// The history is paused, and the wait is over. This call ran nothing.
    #[error("the history is paused by {asked}; `resume` lets runs go on; nothing was run")]
    Paused {
        /// Who paused it, when, and why.
        asked: Asked,
    },

    /// No run is under way that could be tuned or cancelled. Nothing was changed.
    #[error("no run is under way: {found}; nothing was changed")]
    NoRun {
        /// What there is instead, and what can be done.
        found: String,
    },

    /// Another process took over while this one was stalled, or an operator took the lock away.
    /// What this call committed stays; the transaction in flight was aborted.
    #[error("{}", lock_lost(.report, .taken_by.as_ref()))]
    LockLost {
        /// What this call did before.
        report: Box<RunReport>,
        /// The process that took the lock away with `force_unlock`; none if the lease was lost.
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
    #[error("{}", text::late(.versions, *.newest, .rolled_back))]
    OutOfOrder {
        /// The pending migrations that are too old.
        versions: Vec<Named>,
        /// The newest applied version.
        newest: Version,
        /// Those of the pending migrations that were applied, and rolled back while newer ones stayed.
        rolled_back: Vec<Version>,
    },

    /// Migrations of another group come first, and are not applied (`up`); or come later, and are
    /// applied (`down`). Nothing was run.
    #[error("{}", comes_after(.orders, *.direction, .groups))]
    ComesAfter {
        /// The orders that would be broken.
        orders: Vec<ComesAfter>,
        /// The direction of the run.
        direction: Direction,
        /// The groups of which this build has migrations.
        groups: Vec<String>,
    },

    /// The database is half-way in what a squash stands for. Nothing was run.
    #[error(
        "{squash} stands for {count} migrations up to {to}, and this database has applied {applied} of \
         them, or others than these; deploy the last build that has them and run `up` there, then this \
         one; or, if all that they did is there, say so: `resolve {} --as applied`; nothing was run",
        .squash.version
    )]
    Squashed {
        /// The squash.
        squash: Named,
        /// The newest version that it stands for.
        to: Version,
        /// How many migrations it stands for.
        count: usize,
        /// How many up to that version are applied.
        applied: usize,
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

    /// Migrations that are to be rolled back have no rollback. Nothing was run.
    #[error(
        "cannot roll back:{}\nthey have no rollback; choose a target above them, write one with \
         `reversible = …`, or restore a backup; nothing was run",
        lines(versions)
    )]
    Irreversible {
        /// The migrations without a rollback.
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
    #[error("{}; `status` lists them; nothing was run", text::unknown(*version))]
    UnknownVersion {
        /// The version that was asked for.
        version: Version,
    },

    /// What was applied after a migration may depend on it, so it cannot be rolled back alone. Nothing
    /// was run.
    #[error("{}", not_independent(*.version, .later, *.steps))]
    NotIndependent {
        /// The migration that was to be rolled back.
        version: Version,
        /// The migrations that touch the same, or of which that cannot be known; in the order of their
        /// application.
        later: Vec<Dependent>,
        /// How many migrations `down --steps` would have to roll back, this one included.
        steps: usize,
    },

    /// No migration that is applied was applied by this release. Nothing was run.
    #[error(
        "the release `{}` has applied nothing that is still applied; these have, in their order: {}; \
         name the last one of them that is to stay (a release that came with no migration left the \
         database as the one before it); nothing was run",
        release.escape_debug(), names(known)
    )]
    UnknownRelease {
        /// The release that was asked for.
        release: String,
        /// The releases that applied what is applied, in the order of application.
        known: Vec<String>,
    },

    /// No event of the history is of this release.
    #[error("{}", text::no_event_of(release, known))]
    ReleaseWithoutEvent {
        /// The release that was asked for.
        release: String,
        /// The releases that there are events of, in the order of their first ones.
        known: Vec<String>,
    },

    /// The release applied migrations at several times, with those of other releases in between: it is
    /// not clear which time is meant. Nothing was run.
    #[error(
        "the release `{release}` applied migrations at several times, with other releases in between:\
         {}\nsay by the number of steps which time is meant; nothing was run",
        lines(stretches)
    )]
    AmbiguousRelease {
        /// The release that was asked for.
        release: String,
        /// What was applied since its first migration, by releases, in the order of application.
        stretches: Vec<ReleaseStretch>,
    },

    /// There is no such tag. Nothing was run or written.
    #[error("{}", text::no_tag(tag, known))]
    UnknownTag {
        /// The tag that was asked for.
        tag: String,
        /// The tags that there are.
        known: Vec<String>,
    },

    /// The tag names another state already. Nothing was written.
    #[error(
        "the tag `{tag}` names another state already, of {} with {last} as the last one; choose another \
         name, or run `tag {tag:?} --move`; nothing was written",
        count(usize::try_from(*.applied).unwrap_or(usize::MAX), "migration")
    )]
    TagTaken {
        /// The tag.
        tag: String,
        /// How many migrations are applied in the state that it names.
        applied: u64,
        /// The migration that was applied last in that state.
        last: Named,
    },

    /// No number of rollbacks leads to the state that the tag names. Nothing was run.
    #[error(
        "no rollback leads back to the tag `{tag}`: it names a state of {}, and one of these is not applied \
         any more, or was applied again after others; `history` shows which; choose another target, such \
         as `down --to` or `down --steps`; nothing was run",
        count(usize::try_from(*.applied).unwrap_or(usize::MAX), "applied migration")
    )]
    TagUnreachable {
        /// The tag.
        tag: String,
        /// How many migrations were applied in the state that it names.
        applied: u64,
    },

    /// The history of another tool cannot be imported as it is. Nothing was written.
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

    /// The migrations cannot all be applied in one transaction (`--atomic`). Nothing was run.
    #[error("{}", apart(.versions, *.before, *.until))]
    Apart {
        /// The migrations that are online or declared; empty if there are just too many.
        versions: Vec<Named>,
        /// The version up to which `up --atomic` can apply all; none if not even the first.
        before: Option<Version>,
        /// The version up to which `up` without `--atomic` then has to go.
        until: Option<Version>,
    },

    /// The migrations that are pending have lints, and the check is strict. Nothing was run.
    #[error(
        "{}:{}\nchange the migrations, or acknowledge a lint with `allow = \"…\"` in the attribute or \
         `--allow NAME`; nothing was run",
        count(.0.len(), "lint"), lines(.0)
    )]
    Lints(Vec<Lint>),

    /// Policies refuse what was asked; see [`Policies`](crate::Policies). It was not begun.
    #[error("refused by policy:{}\nwhat is refused was not begun", lines(.0))]
    Policy(Vec<PolicyRefusal>),

    /// An approved plan is not what a run would do now. Nothing was run.
    #[error("{}", plan_differs(.plan, .differences))]
    PlanDiffers {
        /// The digest of the plan.
        plan: String,
        /// What differs.
        differences: Vec<String>,
    },

    /// The user may not make, fill or drop a scratch database. No such database was made.
    #[error("{}", shadow_forbidden(.database, .missing))]
    ShadowForbidden {
        /// The name that the scratch database would have.
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

    /// At least one migration failed. What the report lists as done is committed; the failed
    /// migration left only its record, an online or declared one also its finished steps.
    #[error("{}", failed(.report))]
    Failed {
        /// What was done, what failed, and what was not tried.
        report: Box<RunReport>,
        /// The error of the first failure.
        source: BoxError,
    },

    /// The run was cancelled. The transaction in flight was aborted, the lock released.
    #[error("{}", cancelled(.report))]
    Cancelled {
        /// What this call did before.
        report: Box<RunReport>,
    },

    /// The audit log cannot be continued, because it does not fit the fence. Nothing of the migration was
    /// written.
    #[error(
        "the audit log `{collection}` cannot be continued: {problem}; nothing was written; look at it with \
         `audit --verify`, and run `audit --enable`, which attaches the log again and says so in it"
    )]
    Audit {
        /// The collection of the log.
        collection: String,
        /// What does not fit.
        problem: String,
    },

    /// Migrations are pending, and none may be (`check`, an app's start). Nothing was run.
    #[error("{} pending:{}\nrun `up` first; nothing was run", count(.versions.len(), "migration"), lines(.versions))]
    Pending {
        /// The pending migrations.
        versions: Vec<Named>,
    },

    /// The lock has changed since the operator looked. It was left alone.
    #[error(
        "the lock is not at fence {asked}: {found}; it was left alone; look at `lock-status` again"
    )]
    FenceMismatch {
        /// The fence that the operator named.
        asked: i64,
        /// What the lock is instead.
        found: String,
    },
}

impl From<InvalidSetting> for Error {
    fn from(InvalidSetting { setting, problem }: InvalidSetting) -> Self {
        Self::Settings { setting, problem }
    }
}

impl Error {
    /// What a caller can do about the error; exit codes and HTTP statuses come from it.
    pub fn kind(&self) -> Kind {
        match self {
            Self::Registry { .. } | Self::InsideMigration => Kind::BadBuild,
            // An operator stopped this run: it must not start again by itself.
            Self::LockLost { taken_by: Some(_), .. } => Kind::NeedsOperator,
            Self::Settings { .. }
            | Self::UnknownVersion { .. }
            | Self::UnknownRelease { .. }
            | Self::ReleaseWithoutEvent { .. }
            | Self::UnknownTag { .. } => Kind::Usage,
            Self::Standalone | Self::UnsupportedServer { .. } | Self::Server { .. } => {
                Kind::Unavailable
            }
            Self::Unauthorized { .. } | Self::ShadowForbidden { .. } => Kind::Forbidden,
            Self::LockHeld { .. } | Self::LockLost { .. } | Self::Paused { .. } => Kind::Busy,
            // Another process may be about to apply them.
            Self::ComesAfter { direction: Direction::Up, .. } => Kind::Busy,
            Self::Drift(_)
            | Self::Renamed(_)
            | Self::OutOfOrder { .. }
            | Self::ComesAfter { .. }
            | Self::Squashed { .. }
            | Self::Ahead { .. }
            | Self::Irreversible { .. }
            | Self::NotLinked { .. }
            | Self::WrongState { .. }
            | Self::NotIndependent { .. }
            | Self::AmbiguousRelease { .. }
            | Self::TagTaken { .. }
            | Self::TagUnreachable { .. }
            | Self::FenceMismatch { .. }
            | Self::NoRun { .. }
            | Self::Apart { .. }
            | Self::Import { .. }
            | Self::Lints(_)
            | Self::Policy(_)
            | Self::PlanDiffers { .. }
            | Self::ShadowImpossible { .. }
            | Self::Audit { .. }
            | Self::Corrupt { .. }
            | Self::NewerFormat { .. } => Kind::NeedsOperator,
            // A server that goes away is not a failure of the migration. A transaction that is
            // larger than the server allows is.
            Self::Failed { source, .. } => match source.downcast_ref::<Self>() {
                Some(Self::Server { source, .. })
                    if source.code().is_some_and(driver::is_limit) =>
                {
                    Kind::Failed
                }
                Some(error) => error.kind(),
                // A command of the body was refused for lack of rights.
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
            Self::NewerFormat { .. } => "newer_format",
            Self::LockHeld { .. } => "lock_held",
            Self::LockLost { .. } => "lock_lost",
            Self::Paused { .. } => "paused",
            Self::NoRun { .. } => "no_run",
            Self::Drift(_) => "checksum_drift",
            Self::Renamed(_) => "renamed",
            Self::InsideMigration => "inside_migration",
            Self::OutOfOrder { .. } => "out_of_order",
            Self::ComesAfter { .. } => "comes_after",
            Self::Squashed { .. } => "squashed",
            Self::Ahead { .. } => "database_ahead",
            Self::Irreversible { .. } => "irreversible",
            Self::NotLinked { .. } => "not_linked",
            Self::UnknownVersion { .. } => "unknown_version",
            Self::WrongState { .. } => "wrong_state",
            Self::NotIndependent { .. } => "not_independent",
            Self::UnknownRelease { .. } | Self::ReleaseWithoutEvent { .. } => "unknown_release",
            Self::AmbiguousRelease { .. } => "ambiguous_release",
            Self::UnknownTag { .. } => "unknown_tag",
            Self::TagTaken { .. } => "tag_taken",
            Self::TagUnreachable { .. } => "tag_unreachable",
            Self::Apart { .. } => "not_atomic",
            Self::Import { .. } => "import",
            Self::Lints(_) => "lints",
            Self::Policy(_) => "policy",
            Self::PlanDiffers { .. } => "plan_differs",
            Self::ShadowForbidden { .. } => "shadow_forbidden",
            Self::ShadowImpossible { .. } => "shadow_impossible",
            Self::Failed { .. } => "migration_failed",
            Self::Cancelled { .. } => "cancelled",
            Self::Pending { .. } => "pending",
            Self::Audit { .. } => "audit",
            Self::FenceMismatch { .. } => "fence_mismatch",
        }
    }

    /// What the call did before it stopped; none if it had not begun to run.
    pub fn report(&self) -> Option<&RunReport> {
        match self {
            Self::LockLost { report, .. }
            | Self::Failed { report, .. }
            | Self::Cancelled { report } => Some(report),
            _ => None,
        }
    }
}
