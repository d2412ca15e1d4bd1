//! The verbs and their arguments.

use std::{path::PathBuf, time::Duration};

use clap::{Args, Subcommand, ValueEnum};
use clap_complete::Shell;

use super::{
    audit::AuditArgs,
    common::{
        ConfirmArgs, DryRunArgs, LintArgs, LockArgs, PlanOutArgs, PolicyArgs, UpTargetArgs,
        parse_steps,
    },
    number::{version, version_or_name, whole},
    release::{AloneArgs, HistoryArgs, TagArgs},
    steering::{AskArgs, BeginArgs, TuneArgs, TuningArgs},
    wait::WaitArgs,
};
use crate::{Tool, Version, cli::duration};

/// The verbs. Mount it as, or flatten it into, an app's own [`clap::Subcommand`].
#[derive(Subcommand, Clone, Debug)]
pub enum Command {
    /// Show every migration and its state, and how far a run is
    Status(StatusArgs),

    /// Apply what is pending, oldest version first
    Up(Box<UpArgs>),

    /// Roll back the last applied migration, or more with an option
    Down(Box<DownArgs>),

    /// Roll the last migration back and apply it again
    Redo(Box<RedoArgs>),

    /// Show what `up` would do; writes nothing and takes no lock
    Plan(Box<PlanArgs>),

    /// Show the last events of every migration, oldest first
    History(HistoryArgs),

    /// Show who did what, from the audit log; check it, export it, switch it on and off
    ///
    /// Each entry has the hash of the entry before it, and the control collection has the hash of the
    /// newest one: what is changed or removed shows.
    Audit(Box<AuditArgs>),

    /// Succeed only if this build fits the database: nothing pending, edited or late
    ///
    /// Compares the migrations that are linked into this binary with what the database has
    /// applied. (`cargo mongrate check` reads the sources and migrations.sum instead, and no
    /// database.)
    Check(CheckArgs),

    /// Wait until nothing is pending; applies nothing
    ///
    /// For an init container, or for a script: another process applies the migrations. A server that is not
    /// up yet is waited for, too. Says on stderr what it waits for. The exit code is 0 when nothing is pending;
    /// after --timeout, 3 if migrations are pending and 69 if the server is out of reach. What no wait helps
    /// against, such as an edited migration (65), ends it at once.
    Wait(WaitArgs),

    /// Compare the live schema with the one that the migrations lead to (models.snap)
    ///
    /// Validators and indexes: missing, changed, and extra, each with the command that fixes it.
    /// Writes nothing to the database.
    Drift(DriftArgs),

    /// Check the server, the user's rights and the pending migrations before you run them
    ///
    /// Each finding says what it means for migrations, and what to do. Changes no document, takes no
    /// lock. The exit code is that of the first error that a run would end with, as far as that can be
    /// known, or 0.
    Doctor(DoctorArgs),

    /// Print the live schema as text: collections, options, validators and indexes (schema.snap)
    ///
    /// Shows no documents, writes nothing. `cargo mongrate models init` can begin with it.
    Schema(SchemaArgs),

    /// Write the next numbered migration file and its `mod` line
    Create(CreateArgs),

    /// Show which process holds the lock
    LockStatus,

    /// Pause the history: in every process, nothing more begins until `resume`
    ///
    /// The run under way learns of it within a third of its lease, and ends the batch at hand first.
    /// A pause outlives crashes and deployments. An app's start with nothing pending is not held up.
    Pause(AskArgs),

    /// Take a pause back
    Resume(AskArgs),

    /// Change how the backfills of the run under way work, whichever process has it
    Tune(Box<TuneArgs>),

    /// End the run under way in order, as Ctrl-C does, whichever process has it
    ///
    /// What is pending stays pending until the next `up` or start; `pause` keeps those from going on.
    Cancel(AskArgs),

    /// Take the lock from a process that is known to be dead
    ForceUnlock(ForceUnlockArgs),

    /// Record every migration up to and with VERSION as applied, without running any
    Baseline(BaselineArgs),

    /// Record what another migration tool has applied, without running any
    Import(ImportArgs),

    /// Record whether an interrupted migration is applied or pending
    Resolve(ResolveArgs),

    /// Give the present state a name, which `down --to-tag` goes back to
    Tag(TagArgs),

    /// Record the checksums of this build for applied migrations
    Repair(RepairArgs),

    /// Remove what declared migrations keep for their rollback
    Purge(PurgeArgs),

    /// Send a made-up event to the webhook, and print the answer
    ///
    /// Needs no database.
    #[cfg(feature = "webhook")]
    Webhook(Box<super::webhook::WebhookTestArgs>),

    /// Print a completion script for a shell
    Completions(CompletionsArgs),
}

impl Command {
    /// The verb as it is typed.
    pub(crate) const fn name(&self) -> &'static str {
        match self {
            Self::Status(_) => "status",
            Self::Up(_) => "up",
            Self::Down(_) => "down",
            Self::Redo(_) => "redo",
            Self::Plan(_) => "plan",
            Self::History(_) => "history",
            Self::Audit(_) => "audit",
            Self::Check(_) => "check",
            Self::Wait(_) => "wait",
            Self::Drift(_) => "drift",
            Self::Doctor(_) => "doctor",
            Self::Schema(_) => "schema",
            Self::Create(_) => "create",
            Self::LockStatus => "lock-status",
            Self::Pause(_) => "pause",
            Self::Resume(_) => "resume",
            Self::Tune(_) => "tune",
            Self::Cancel(_) => "cancel",
            Self::ForceUnlock(_) => "force-unlock",
            Self::Baseline(_) => "baseline",
            Self::Import(_) => "import",
            Self::Resolve(_) => "resolve",
            Self::Tag(_) => "tag",
            Self::Repair(_) => "repair",
            Self::Purge(_) => "purge",
            #[cfg(feature = "webhook")]
            Self::Webhook(_) => "webhook",
            Self::Completions(_) => "completions",
        }
    }
}

/// How `status` is shown.
#[derive(Args, Clone, Copy, Debug)]
pub struct StatusArgs {
    /// Show it again and again, until Ctrl-C; without a terminal, each time that it has changed
    #[arg(long)]
    pub watch: bool,

    /// With --watch: how often to look, 100ms or more
    #[arg(
        long, value_name = "DURATION", value_parser = duration::parse, default_value = "1s",
        requires = "watch"
    )]
    pub every: Duration,
}

impl Default for StatusArgs {
    fn default() -> Self {
        Self { watch: false, every: Duration::from_secs(1) }
    }
}

/// What `up` applies.
#[derive(Args, Clone, Debug, Default)]
pub struct UpArgs {
    /// Which pending migrations.
    #[command(flatten)]
    pub target: UpTargetArgs,

    /// Run exactly this approved plan (`plan --out FILE`), or refuse; `-` reads stdin
    #[arg(
        long, value_name = "FILE", conflicts_with_all = ["to", "steps", "dry_run", "shadow"]
    )]
    pub plan: Option<PathBuf>,

    /// After a failure, continue with the next migration; the exit code is still 1
    #[arg(long)]
    pub continue_on_error: bool,

    /// Apply all in one transaction, all or nothing; refused if an online or declared migration is
    /// among them
    #[arg(long, conflicts_with = "continue_on_error")]
    pub atomic: bool,

    /// When the run begins.
    #[command(flatten)]
    pub begin: BeginArgs,

    /// How its backfills work.
    #[command(flatten)]
    pub tuning: TuningArgs,

    /// Whether the migrations are run for real, tried, or only shown.
    #[command(flatten)]
    pub dry_run: DryRunArgs,

    /// What to do in doubtful cases.
    #[command(flatten)]
    pub policy: PolicyArgs,

    /// Which lints are shown.
    #[command(flatten)]
    pub lints: LintArgs,

    /// How the lock is taken.
    #[command(flatten)]
    pub lock: LockArgs,

    /// Where the events of the run are sent to.
    #[cfg(feature = "webhook")]
    #[command(flatten)]
    pub webhook: super::webhook::WebhookArgs,
}

/// What `plan` shows.
#[derive(Args, Clone, Debug, Default)]
pub struct PlanArgs {
    /// Which pending migrations.
    #[command(flatten)]
    pub target: UpTargetArgs,

    /// Where the plan is written.
    #[command(flatten)]
    pub out: PlanOutArgs,

    /// What to do in doubtful cases.
    #[command(flatten)]
    pub policy: PolicyArgs,

    /// Which lints are shown.
    #[command(flatten)]
    pub lints: LintArgs,
}

/// What `check` refuses.
#[derive(Args, Clone, Debug, Default)]
pub struct CheckArgs {
    /// Refuse pending migrations that have lints, too (exit code 65)
    #[arg(long)]
    pub strict: bool,

    /// Accept pending migrations: for a check before a deployment
    #[arg(long)]
    pub allow_pending: bool,

    /// What to do in doubtful cases.
    #[command(flatten)]
    pub policy: PolicyArgs,

    /// Which lints are shown.
    #[command(flatten)]
    pub lints: LintArgs,
}

/// What `drift` compares, and what becomes of the differences.
#[derive(Args, Clone, Debug, Default)]
pub struct DriftArgs {
    /// Exit with 65 if there is a difference or a document that does not fit, or with 3 if
    /// migrations are pending as well
    #[arg(long)]
    pub strict: bool,

    /// Leave out this collection, or `collection/index`; `*` is any text, `?` any character (may be
    /// repeated)
    #[arg(long, value_name = "PATTERN")]
    pub ignore: Vec<String>,

    /// Also count, in N random documents of each collection with models, those that do not have the
    /// shape of a model, by field; shows no values
    #[arg(long, value_name = "N", value_parser = whole::<u32>)]
    pub sample: Option<u32>,

    /// Write a migration with this name that declares what is in the database, and change
    /// models.snap with it
    #[arg(long, value_name = "NAME", conflicts_with_all = ["strict", "sample"])]
    pub adopt: Option<String>,

    /// Directory of the migrations, for --adopt [default: the app's, or src/migrations]
    #[arg(long, value_name = "DIR", requires = "adopt")]
    pub dir: Option<PathBuf>,
}

/// Which schema is printed.
#[derive(Args, Clone, Debug, Default)]
pub struct SchemaArgs {
    /// Not the live schema: that which the migrations up to and including this version lead to. They
    /// run in an empty scratch database, which is dropped
    #[arg(long, value_name = "VERSION", value_parser = version)]
    pub at: Option<Version>,

    /// With `--at` and `--json`: also the documents of this collection, as code (may be repeated)
    #[arg(long, value_name = "COLLECTION", requires = "at")]
    pub data: Vec<String>,
}

/// What `doctor` refuses.
#[derive(Args, Clone, Copy, Debug, Default)]
pub struct DoctorArgs {
    /// Exit with 65 also for warnings
    #[arg(long)]
    pub strict: bool,
}

/// What `down` rolls back.
#[derive(Args, Clone, Debug, Default)]
pub struct DownArgs {
    /// Roll back every migration newer than this version; the version itself stays applied; 0: all
    #[arg(long, value_name = "VERSION", value_parser = version, group = "target")]
    pub to: Option<Version>,

    /// Roll back the last N migrations [default: 1]
    #[arg(long, value_name = "N", value_parser = parse_steps, group = "target")]
    pub steps: Option<usize>,

    /// Roll back what the last `up` applied
    #[arg(long, group = "target")]
    pub batch: bool,

    /// Roll back every applied migration
    #[arg(long, group = "target")]
    pub all: bool,

    /// Roll back what was applied after the last migration of this release, such as `shop 1.3.9`
    #[arg(long, value_name = "NAME", group = "target")]
    pub to_release: Option<String>,

    /// Roll back what was applied since the state that this tag names
    #[arg(long, value_name = "TAG", group = "target")]
    pub to_tag: Option<String>,

    /// One in the middle, and why.
    #[command(flatten)]
    pub alone: AloneArgs,

    /// Run exactly this approved plan (`down --out FILE`), without a question, or refuse; `-` reads
    /// stdin
    #[arg(
        long, value_name = "FILE", conflicts_with_all = ["target", "dry_run", "shadow", "out"]
    )]
    pub plan: Option<PathBuf>,

    /// Whether the plan is written, and nothing rolled back.
    #[command(flatten)]
    pub out: PlanOutArgs,

    /// Whether the migrations are run for real, tried, or only shown.
    #[command(flatten)]
    pub dry_run: DryRunArgs,

    /// Whether to ask before anything is written.
    #[command(flatten)]
    pub confirm: ConfirmArgs,

    /// How the lock is taken.
    #[command(flatten)]
    pub lock: LockArgs,

    /// Where the events of the run are sent to.
    #[cfg(feature = "webhook")]
    #[command(flatten)]
    pub webhook: super::webhook::WebhookArgs,
}

/// How `redo` is done.
#[derive(Args, Clone, Debug, Default)]
pub struct RedoArgs {
    /// Which migration, and why.
    #[command(flatten)]
    pub alone: AloneArgs,

    /// Whether the migrations are run for real, tried, or only shown.
    #[command(flatten)]
    pub dry_run: DryRunArgs,

    /// Whether to ask before anything is written.
    #[command(flatten)]
    pub confirm: ConfirmArgs,

    /// How the lock is taken.
    #[command(flatten)]
    pub lock: LockArgs,

    /// Where the events of the run are sent to.
    #[cfg(feature = "webhook")]
    #[command(flatten)]
    pub webhook: super::webhook::WebhookArgs,
}

/// What `create` writes.
#[derive(Args, Clone, Debug)]
pub struct CreateArgs {
    /// What the migration does, such as `add user index`
    pub name: String,

    /// What the migration may do
    #[arg(long, value_enum, default_value_t)]
    pub kind: KindArg,

    /// Also write a rollback function
    #[arg(long)]
    pub reversible: bool,

    /// Directory of the migrations [default: the app's, or src/migrations]
    #[arg(long, value_name = "DIR")]
    pub dir: Option<PathBuf>,
}

/// What a migration may do.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum KindArg {
    /// Atomic: its writes and its record commit together, or not at all
    #[default]
    Transaction,
    /// Backfills, and DDL that a declared change does not offer: resumes after its last finished
    /// step
    Online,
    /// Indexes, collections, validators, fields: declared, and rolled back in reverse order
    Change,
}

/// Which lock `force-unlock` takes.
#[derive(Args, Clone, Copy, Debug)]
pub struct ForceUnlockArgs {
    /// The fence number that `lock-status` shows; a lock with another number is left alone
    #[arg(value_parser = whole::<i64>)]
    pub fence: i64,

    /// Do not ask
    #[arg(long, visible_alias = "yes", short = 'y')]
    pub confirm: bool,
}

/// What `baseline` records.
#[derive(Args, Clone, Debug)]
pub struct BaselineArgs {
    /// The newest version whose effects the database has already
    #[arg(value_parser = version)]
    pub version: Version,

    /// Whether to ask before anything is written.
    #[command(flatten)]
    pub confirm: ConfirmArgs,

    /// How the lock is taken.
    #[command(flatten)]
    pub lock: LockArgs,
}

/// Which history `import` reads.
#[derive(Args, Clone, Debug)]
pub struct ImportArgs {
    /// The other tool: `migrate-mongo`, `mongock`, `golang-migrate` or `mongodb-migrator`
    #[arg(long, value_name = "TOOL")]
    pub from: Tool,

    /// The tool's collection [default: changelog, mongockChangeLog, schema_migrations, migrations]
    #[arg(long, value_name = "NAME")]
    pub from_collection: Option<String>,

    /// A JSON file that maps the tool's entries to versions, where their names do not match:
    /// {"20240102-add-users.js": 20250122001, "20240103-old.js": null}; null: no version
    #[arg(long, value_name = "FILE")]
    pub mapping: Option<PathBuf>,

    /// Skip entries that match no migration of this build
    #[arg(long)]
    pub allow_unmatched: bool,

    /// Only show what would be recorded; writes nothing and takes no lock
    #[arg(long)]
    pub dry_run: bool,

    /// Whether to ask before anything is written.
    #[command(flatten)]
    pub confirm: ConfirmArgs,

    /// How the lock is taken.
    #[command(flatten)]
    pub lock: LockArgs,
}

/// What `resolve` records.
#[derive(Args, Clone, Debug)]
pub struct ResolveArgs {
    /// The version of the migration, or the name of a repeatable one
    #[arg(value_parser = version_or_name)]
    pub version: Version,

    /// What is true of it
    #[arg(long = "as", value_enum, value_name = "STATE")]
    pub answer: Answer,

    /// Whether to ask before anything is written.
    #[command(flatten)]
    pub confirm: ConfirmArgs,

    /// How the lock is taken.
    #[command(flatten)]
    pub lock: LockArgs,
}

/// An operator's answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Answer {
    /// All of its effects are there
    Applied,
    /// None of its effects is there: `up` applies it from the start
    Pending,
    /// It is recorded as applied, but its effects were undone by hand: `up` applies it again
    Undone,
}

/// How `repair` is done.
#[derive(Args, Clone, Debug, Default)]
pub struct RepairArgs {
    /// This migration was renamed after it was applied: record its new name, too (may be repeated).
    /// Any other record with another name is taken for another app's, and refused
    #[arg(long, value_name = "VERSION", value_parser = version)]
    pub renamed: Vec<Version>,

    /// Only show what would be recorded; writes nothing and takes no lock
    #[arg(long)]
    pub dry_run: bool,

    /// Whether to ask before anything is written.
    #[command(flatten)]
    pub confirm: ConfirmArgs,

    /// How the lock is taken.
    #[command(flatten)]
    pub lock: LockArgs,
}

/// What `purge` removes.
#[derive(Args, Clone, Debug, Default)]
pub struct PurgeArgs {
    /// Only what this migration keeps
    #[arg(long, value_name = "VERSION", value_parser = version)]
    pub version: Option<Version>,

    /// Only what migrations keep that were last applied or rolled back this long ago: `30d`, `12h`
    #[arg(long, value_name = "AGE", value_parser = duration::parse_age)]
    pub older_than: Option<Duration>,

    /// Only show what would be removed; writes nothing and takes no lock
    #[arg(long)]
    pub dry_run: bool,

    /// Whether to ask before anything is written.
    #[command(flatten)]
    pub confirm: ConfirmArgs,

    /// How the lock is taken.
    #[command(flatten)]
    pub lock: LockArgs,
}

/// Which shell to complete.
#[derive(Args, Clone, Copy, Debug)]
pub struct CompletionsArgs {
    /// The shell
    pub shell: Shell,
}
