//! What can be typed: the options and the verbs, as clap reads them.

use std::{fmt, path::PathBuf, time::Duration};

use clap::{ArgAction, Args, Subcommand, ValueEnum};
use clap_complete::Shell;
use mongrate_seal::create::Template;

use super::duration;
use crate::{DatabaseAhead, LintName, Migrator, OutOfOrder, Resolution, Tool, Version, Wait};

/// The options that every verb takes. Flatten it into an app's own [`clap::Parser`].
#[derive(Args, Clone, Debug, Default)]
pub struct CliArgs {
    /// The MongoDB server: mongodb://…; it is looked for for 10 s, unless the URI sets
    /// `serverSelectionTimeoutMS`
    #[arg(
        long, env = "MONGODB_URI", hide_env_values = true, global = true, value_name = "URI",
        help_heading = CONNECTION
    )]
    pub uri: Option<Uri>,

    /// Name of the database [default: the one in the URI, or else the app's]
    #[arg(
        long, env = "MONGODB_DATABASE", hide_env_values = true, global = true, value_name = "NAME",
        help_heading = CONNECTION
    )]
    pub database: Option<String>,

    /// Only the migrations of this group
    #[arg(long, global = true, value_name = "NAME", help_heading = CONNECTION)]
    pub group: Option<String>,

    /// The control collection [default: migrations]
    #[arg(long, global = true, value_name = "NAME", help_heading = CONNECTION)]
    pub collection: Option<String>,

    /// Print one JSON document instead of text, errors too
    #[arg(long, global = true, help_heading = OUTPUT)]
    pub json: bool,

    /// Colour: `auto` (at a terminal, unless NO_COLOR is set), `always` or `never`
    #[arg(
        long, global = true, value_enum, default_value_t, value_name = "WHEN",
        hide_possible_values = true, help_heading = OUTPUT
    )]
    pub color: Color,

    /// Log more to stderr: -v what happens, -vv details
    #[arg(short, long, action = ArgAction::Count, global = true, help_heading = OUTPUT)]
    pub verbose: u8,

    /// Log filter, such as `mongrate=debug` [env: RUST_LOG] [default: warn]; `json` or
    /// `json,FILTER`: a JSON object a line, one at least for each migration
    #[arg(long, global = true, value_name = "FILTER", help_heading = OUTPUT)]
    pub log: Option<String>,
}

const CONNECTION: &str = "Connection";
const OUTPUT: &str = "Output";

/// A connection string. Its password is never shown, not even by `{:?}`.
#[derive(Clone, PartialEq, Eq)]
pub struct Uri(String);

impl Uri {
    /// The whole connection string, with its password.
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl From<String> for Uri {
    fn from(uri: String) -> Self {
        Self(uri)
    }
}

impl From<&str> for Uri {
    fn from(uri: &str) -> Self {
        Self(uri.to_owned())
    }
}

impl fmt::Debug for Uri {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Uri(…)")
    }
}

/// When to use colour.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum Color {
    /// At a terminal, unless NO_COLOR is set.
    #[default]
    Auto,
    /// Always.
    Always,
    /// Never.
    Never,
}

/// The verbs. Mount it as, or flatten it into, an app's own [`clap::Subcommand`].
#[derive(Subcommand, Clone, Debug)]
pub enum Command {
    /// Show every migration and its state
    Status,

    /// Apply what is pending, oldest version first
    Up(UpArgs),

    /// Roll back what was applied last: one migration, unless an option says more
    Down(DownArgs),

    /// Roll the last migration back and apply it again
    Redo(RedoArgs),

    /// Show what `up` would do; writes nothing and takes no lock
    Plan(PlanArgs),

    /// Show the last events of every migration, oldest first
    History,

    /// Succeed only if this build fits the database: nothing pending, edited or late
    ///
    /// Compares the migrations that are linked into this binary with what the database has
    /// applied. (`cargo mongrate check` looks at the sources and migrations.sum instead, and asks
    /// no database.)
    Check(CheckArgs),

    /// Write the next numbered migration file and its `mod` line
    Create(CreateArgs),

    /// Show who holds the lock
    LockStatus,

    /// Take the lock from a holder that is known to be dead
    ForceUnlock(ForceUnlockArgs),

    /// Record every migration up to and with VERSION as applied, without running any
    Baseline(BaselineArgs),

    /// Record what another migration tool has applied, without running any
    Import(ImportArgs),

    /// Answer for an interrupted migration: it is applied, or it is pending
    Resolve(ResolveArgs),

    /// Record the checksums of this build for applied migrations
    Repair(RepairArgs),

    /// Remove what declared migrations keep for their rollback
    Purge(PurgeArgs),

    /// Print a completion script for a shell
    Completions(CompletionsArgs),
}

impl Command {
    /// As it is typed.
    pub(super) const fn name(&self) -> &'static str {
        match self {
            Self::Status => "status",
            Self::Up(_) => "up",
            Self::Down(_) => "down",
            Self::Redo(_) => "redo",
            Self::Plan(_) => "plan",
            Self::History => "history",
            Self::Check(_) => "check",
            Self::Create(_) => "create",
            Self::LockStatus => "lock-status",
            Self::ForceUnlock(_) => "force-unlock",
            Self::Baseline(_) => "baseline",
            Self::Import(_) => "import",
            Self::Resolve(_) => "resolve",
            Self::Repair(_) => "repair",
            Self::Purge(_) => "purge",
            Self::Completions(_) => "completions",
        }
    }
}

/// What `up` applies.
#[derive(Args, Clone, Debug, Default)]
pub struct UpArgs {
    /// Which of the pending ones.
    #[command(flatten)]
    pub target: UpTargetArgs,

    /// After a failure, go on with the next migration; the exit code is 1 all the same
    #[arg(long)]
    pub continue_on_error: bool,

    /// Apply all in one transaction, all or nothing; refused if one of them is online or declared
    #[arg(long, conflicts_with = "continue_on_error")]
    pub atomic: bool,

    /// Try it, or only show it.
    #[command(flatten)]
    pub dry_run: DryRunArgs,

    /// What to do in doubtful cases.
    #[command(flatten)]
    pub policy: PolicyArgs,

    /// Lints.
    #[command(flatten)]
    pub lints: LintArgs,

    /// The lock.
    #[command(flatten)]
    pub lock: LockArgs,
}

/// Whether to try it instead of doing it.
#[derive(Args, Clone, Copy, Debug, Default)]
pub struct DryRunArgs {
    /// Leave nothing behind: `run` does it for real in a transaction that is aborted (online and
    /// declared migrations are not run), `plan` only shows what would be done, `shadow` does all
    /// in a scratch database [default: run]
    #[arg(
        long, value_enum, value_name = "HOW", num_args = 0..=1, require_equals = true,
        default_missing_value = "run", hide_possible_values = true, help_heading = DRY_RUN
    )]
    pub dry_run: Option<DryRunHow>,

    /// The same as `--dry-run=shadow`: in a scratch database with a sample of the data
    #[arg(long, help_heading = DRY_RUN)]
    pub shadow: bool,

    /// With `--shadow`: how many documents of each collection are copied [default: 1000]
    #[arg(long, value_name = "N", help_heading = DRY_RUN)]
    pub sample: Option<u32>,

    /// With `--dry-run`: how long its transaction, and so its locks, may last [default: 30s]
    #[arg(
        long, value_name = "DURATION", value_parser = duration::parse, help_heading = DRY_RUN
    )]
    pub timeout: Option<Duration>,
}

const DRY_RUN: &str = "Dry run";

impl DryRunArgs {
    /// How, if at all.
    pub(super) fn how(self) -> Option<DryRunHow> {
        if self.shadow { Some(DryRunHow::Shadow) } else { self.dry_run }
    }

    /// What does not go together.
    pub(super) fn contradiction(self) -> Option<&'static str> {
        let how = self.how();
        if self.shadow && matches!(self.dry_run, Some(DryRunHow::Plan)) {
            return Some("`--dry-run=plan` runs nothing, `--shadow` runs everything: choose one");
        }
        if self.sample.is_some() && how != Some(DryRunHow::Shadow) {
            return Some("`--sample` is for `--shadow`");
        }
        if self.timeout.is_some() && how != Some(DryRunHow::Run) {
            return Some("`--timeout` is for `--dry-run`, whose transaction it bounds");
        }
        None
    }
}

/// How a dry run is done.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum DryRunHow {
    /// In one transaction that is always aborted.
    Run,
    /// Not at all: only the plan.
    Plan,
    /// In a scratch database.
    Shadow,
}

/// Which lints are acknowledged.
#[derive(Args, Clone, Debug, Default)]
pub struct LintArgs {
    /// Say nothing about this lint; may be given several times
    #[arg(long, value_name = "LINT")]
    pub allow: Vec<LintName>,

    /// Do not look for what would better be done otherwise
    #[arg(long)]
    pub no_lint: bool,

    /// In lints, show the keys that are there several times, and not only how often
    #[arg(long)]
    pub show_values: bool,
}

impl LintArgs {
    pub(super) fn apply(&self, mut migrator: Migrator) -> Migrator {
        for lint in &self.allow {
            migrator = migrator.allow(*lint);
        }
        if self.show_values {
            migrator = migrator.lint_values();
        }
        migrator
    }
}

/// Which pending migrations are applied.
#[derive(Args, Clone, Copy, Debug, Default)]
pub struct UpTargetArgs {
    /// Only up to and with this version [default: all]
    #[arg(long, value_name = "VERSION", conflicts_with = "steps")]
    pub to: Option<Version>,

    /// Only so many [default: all]
    #[arg(long, value_name = "N", value_parser = parse_steps)]
    pub steps: Option<usize>,
}

/// What `plan` shows.
#[derive(Args, Clone, Debug, Default)]
pub struct PlanArgs {
    /// Which of the pending ones.
    #[command(flatten)]
    pub target: UpTargetArgs,

    /// What to do in doubtful cases.
    #[command(flatten)]
    pub policy: PolicyArgs,

    /// Lints.
    #[command(flatten)]
    pub lints: LintArgs,
}

/// What `check` refuses.
#[derive(Args, Clone, Debug, Default)]
pub struct CheckArgs {
    /// Refuse pending migrations that have lints, too (exit code 65)
    #[arg(long)]
    pub strict: bool,

    /// That migrations are pending is no error: for a check before a deployment
    #[arg(long)]
    pub allow_pending: bool,

    /// What to do in doubtful cases.
    #[command(flatten)]
    pub policy: PolicyArgs,

    /// Lints.
    #[command(flatten)]
    pub lints: LintArgs,
}

/// What `down` rolls back.
#[derive(Args, Clone, Debug, Default)]
pub struct DownArgs {
    /// All that are newer than this version, which itself stays applied; 0 for all
    #[arg(long, value_name = "VERSION", group = "target")]
    pub to: Option<Version>,

    /// The last so many [default: 1]
    #[arg(long, value_name = "N", value_parser = parse_steps, group = "target")]
    pub steps: Option<usize>,

    /// All that the last `up` applied
    #[arg(long, group = "target")]
    pub batch: bool,

    /// All
    #[arg(long, group = "target")]
    pub all: bool,

    /// Try it, or only show it.
    #[command(flatten)]
    pub dry_run: DryRunArgs,

    /// Whether to ask.
    #[command(flatten)]
    pub confirm: ConfirmArgs,

    /// The lock.
    #[command(flatten)]
    pub lock: LockArgs,
}

/// How `redo` is done.
#[derive(Args, Clone, Debug, Default)]
pub struct RedoArgs {
    /// Try it, or only show it.
    #[command(flatten)]
    pub dry_run: DryRunArgs,

    /// Whether to ask.
    #[command(flatten)]
    pub confirm: ConfirmArgs,

    /// The lock.
    #[command(flatten)]
    pub lock: LockArgs,
}

/// What `create` writes.
#[derive(Args, Clone, Debug)]
pub struct CreateArgs {
    /// What the migration does, such as `add user index`
    pub name: String,

    /// What it may do
    #[arg(long, value_enum, default_value_t)]
    pub kind: KindArg,

    /// With a rollback function
    #[arg(long)]
    pub reversible: bool,

    /// The directory of the migrations [default: src/migrations, or as the app says]
    #[arg(long, value_name = "DIR")]
    pub dir: Option<PathBuf>,
}

/// What a migration may do.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum KindArg {
    /// Atomic: its writes and its record commit together, or not at all
    #[default]
    Transaction,
    /// Backfills and DDL that a change does not offer: resumed after its last finished step
    Online,
    /// Indexes, collections, validators, fields: declared, and rolled back in reverse order
    Change,
}

impl From<KindArg> for Template {
    fn from(kind: KindArg) -> Self {
        match kind {
            KindArg::Transaction => Self::Transaction,
            KindArg::Online => Self::Online,
            KindArg::Change => Self::Change,
        }
    }
}

/// Which lock `force-unlock` takes.
#[derive(Args, Clone, Copy, Debug)]
pub struct ForceUnlockArgs {
    /// The fence number that `lock-status` shows: a lock that has moved on is left alone
    pub fence: i64,

    /// Do not ask
    #[arg(long, visible_alias = "yes", short = 'y')]
    pub confirm: bool,
}

/// What `baseline` records.
#[derive(Args, Clone, Debug)]
pub struct BaselineArgs {
    /// The newest version whose effects the database has already
    pub version: Version,

    /// Whether to ask.
    #[command(flatten)]
    pub confirm: ConfirmArgs,

    /// The lock.
    #[command(flatten)]
    pub lock: LockArgs,
}

/// From where `import` takes what is applied.
#[derive(Args, Clone, Debug)]
pub struct ImportArgs {
    /// The other tool: `migrate-mongo`, `mongock`, `golang-migrate` or `mongodb-migrator`
    #[arg(long, value_name = "TOOL")]
    pub from: Tool,

    /// Its collection [default: changelog, mongockChangeLog, schema_migrations, migrations]
    #[arg(long, value_name = "NAME")]
    pub from_collection: Option<String>,

    /// A JSON file that says which of its entries is which version, where names do not:
    /// {"20240102-add-users.js": 20250122001, "20240103-old.js": null}; null is none
    #[arg(long, value_name = "FILE")]
    pub mapping: Option<PathBuf>,

    /// Leave out entries that match no migration of this build
    #[arg(long)]
    pub allow_unmatched: bool,

    /// Only show what would be recorded; writes nothing and takes no lock
    #[arg(long)]
    pub dry_run: bool,

    /// Whether to ask.
    #[command(flatten)]
    pub confirm: ConfirmArgs,

    /// The lock.
    #[command(flatten)]
    pub lock: LockArgs,
}

/// What `resolve` records.
#[derive(Args, Clone, Debug)]
pub struct ResolveArgs {
    /// The version of the interrupted migration
    pub version: Version,

    /// What it is
    #[arg(long = "as", value_enum, value_name = "STATE")]
    pub answer: Answer,

    /// Whether to ask.
    #[command(flatten)]
    pub confirm: ConfirmArgs,

    /// The lock.
    #[command(flatten)]
    pub lock: LockArgs,
}

/// An operator's answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Answer {
    /// Its effects are all there
    Applied,
    /// None of its effects is there: `up` applies it from the start
    Pending,
    /// It is recorded as applied, but its effects were undone by hand: `up` applies it again
    Undone,
}

impl From<Answer> for Resolution {
    fn from(answer: Answer) -> Self {
        match answer {
            Answer::Applied => Self::Applied,
            Answer::Pending => Self::Pending,
            Answer::Undone => Self::Undone,
        }
    }
}

/// How `repair` is done.
#[derive(Args, Clone, Debug, Default)]
pub struct RepairArgs {
    /// This migration was renamed after it was applied: record its new name, too; may be given
    /// several times. Any other record of another name is taken for another app's, and refused
    #[arg(long, value_name = "VERSION")]
    pub renamed: Vec<Version>,

    /// Only show what would be recorded; writes nothing and takes no lock
    #[arg(long)]
    pub dry_run: bool,

    /// Whether to ask.
    #[command(flatten)]
    pub confirm: ConfirmArgs,

    /// The lock.
    #[command(flatten)]
    pub lock: LockArgs,
}

/// What `purge` removes.
#[derive(Args, Clone, Debug, Default)]
pub struct PurgeArgs {
    /// Only what this migration keeps
    #[arg(long, value_name = "VERSION")]
    pub version: Option<Version>,

    /// Only of migrations last applied or rolled back so long ago: `30d`, `12h`
    #[arg(long, value_name = "AGE", value_parser = duration::parse_age)]
    pub older_than: Option<Duration>,

    /// Only show what would be removed; writes nothing and takes no lock
    #[arg(long)]
    pub dry_run: bool,

    /// Whether to ask.
    #[command(flatten)]
    pub confirm: ConfirmArgs,

    /// The lock.
    #[command(flatten)]
    pub lock: LockArgs,
}

/// For which shell.
#[derive(Args, Clone, Copy, Debug)]
pub struct CompletionsArgs {
    /// The shell
    pub shell: Shell,
}

/// Whether to ask before something that is hard to undo.
#[derive(Args, Clone, Copy, Debug, Default)]
pub struct ConfirmArgs {
    /// Do not ask; needed where nobody can be asked
    #[arg(long, short)]
    pub yes: bool,
}

/// What to do in doubtful cases.
#[derive(Args, Clone, Copy, Debug, Default)]
pub struct PolicyArgs {
    /// Apply pending migrations that are older than the newest applied one
    #[arg(long)]
    pub allow_out_of_order: bool,

    /// Go on without a warning if the database has migrations that this build does not
    #[arg(long, conflicts_with = "refuse_ahead")]
    pub allow_ahead: bool,

    /// Refuse if the database has migrations that this build does not
    #[arg(long)]
    pub refuse_ahead: bool,
}

impl PolicyArgs {
    pub(super) fn apply(self, mut migrator: Migrator) -> Migrator {
        if self.allow_out_of_order {
            migrator = migrator.out_of_order(OutOfOrder::Allow);
        }
        if self.allow_ahead {
            migrator = migrator.database_ahead(DatabaseAhead::Allow);
        }
        if self.refuse_ahead {
            migrator = migrator.database_ahead(DatabaseAhead::Refuse);
        }
        migrator
    }
}

/// How the lock is taken.
#[derive(Args, Clone, Copy, Debug, Default)]
pub struct LockArgs {
    /// How long to wait while another process migrates: `no`, `forever`, or `30s`
    /// [default: forever]
    #[arg(long, value_name = "HOW LONG", value_parser = duration::parse_wait)]
    pub wait: Option<Wait>,

    /// For how long the lock is leased at a time, 1s to 1h [default: 30s]
    #[arg(long, value_name = "DURATION", value_parser = duration::parse)]
    pub lease: Option<Duration>,
}

impl LockArgs {
    pub(super) fn apply(self, mut migrator: Migrator) -> Migrator {
        if let Some(wait) = self.wait {
            migrator = migrator.wait(wait);
        }
        if let Some(lease) = self.lease {
            migrator = migrator.lease(lease);
        }
        migrator
    }
}

fn parse_steps(text: &str) -> Result<usize, String> {
    match text.parse() {
        Ok(0) | Err(_) => Err("expected a number from 1 on".to_owned()),
        Ok(steps) => Ok(steps),
    }
}
