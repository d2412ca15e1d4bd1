//! What can be typed.

use std::ffi::OsString;
use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueEnum};
use mongrate_seal::create::Template;

use crate::app::Call;
use crate::rebase::Rebase;
use crate::rebase::conflict::Side;

/// As cargo calls it: `cargo-mongrate mongrate …`.
#[derive(Parser)]
#[command(name = "cargo", bin_name = "cargo", version)]
pub(crate) enum Cargo {
    /// Migrations for MongoDB
    Mongrate(Mongrate),
}

/// Migrations for MongoDB: their files, their sealed history, and the app that applies them.
#[derive(Args)]
#[command(
    version,
    after_help = "\
The verbs that begin with \"App:\" run the app's own binary with `cargo run`. What stands before \
the app's own arguments is for cargo: `cargo mongrate up --release --dry-run`.

`cargo mongrate check` looks at the sources and at migrations.sum, and needs neither the compiler \
nor a database. The app's own `check` compares the build with a database: `cargo mongrate check \
--server` does both.

Exit codes: 0 done, 1 something is wrong, 64 wrong arguments; of the app, its own."
)]
pub(crate) struct Mongrate {
    #[command(flatten)]
    pub(crate) which: Which,
    #[command(subcommand)]
    pub(crate) verb: Verb,
}

/// Which packages.
#[derive(Args)]
pub(crate) struct Which {
    /// Path to Cargo.toml
    #[arg(long, global = true, value_name = "PATH")]
    pub(crate) manifest_path: Option<PathBuf>,
    /// A package of the workspace; else the one you are in, or all that use mongrate
    #[arg(long, short, global = true, value_name = "NAME")]
    pub(crate) package: Vec<String>,
    /// All packages that use mongrate, even if you are in one
    #[arg(long, global = true, conflicts_with = "package")]
    pub(crate) workspace: bool,
}

#[derive(Subcommand)]
pub(crate) enum Verb {
    /// Write the next numbered migration file and its `mod` line
    #[command(visible_alias = "create")]
    New(New),
    /// Append the migrations that are new to migrations.sum
    Seal,
    /// Seal a migration as it is now: after an edit or a new name that no database has seen
    Reseal {
        /// Its version
        version: i64,
        /// Its group
        #[arg(long, default_value = "default")]
        group: String,
    },
    /// After or before a merge: give my migrations numbers newer than the other branch's
    ///
    /// Where they are not newer already: in the attribute, the file's name, the `mod` line and
    /// migrations.sum. Solves the conflicts of a merge in migrations.sum, and in source files to
    /// which both sides added. Does nothing to git but read it. What takes a person is refused
    /// before anything is written.
    ///
    /// A renumbered migration is a new one to a database that has applied it under its old number.
    Rebase(RebaseArgs),
    /// Check the sources and migrations.sum, without compiling; asks no database
    ///
    /// Says what the compiler would refuse, and finds files that no `mod` reaches. It does not
    /// know what a database has applied: that is the app's own `check`, which `--server` runs
    /// afterwards.
    Check {
        /// If all is well, run the app's `check`, too: nothing is pending, edited or late in
        /// the database
        #[arg(long)]
        server: bool,
        #[command(flatten)]
        build: Build,
        /// For the app's `check`
        #[arg(last = true, value_name = "APP ARGUMENTS", requires = "server")]
        rest: Vec<OsString>,
    },
    /// App: show every migration and its state
    Status(App),
    /// App: apply what is pending
    Up(App),
    /// App: roll back
    Down(App),
    /// App: roll the last one back and apply it again
    Redo(App),
    /// App: show what `up` would do
    Plan(App),
    /// App: show the events of every migration
    History(App),
    /// App: show who holds the lock
    LockStatus(App),
    /// App: take the lock from a holder that is known to be dead
    ForceUnlock(App),
    /// App: record migrations as applied, without running any
    Baseline(App),
    /// App: record what another migration tool has applied
    Import(App),
    /// App: answer for an interrupted migration
    Resolve(App),
    /// App: record the checksums of this build
    Repair(App),
    /// App: remove what declared migrations keep for their rollback
    Purge(App),
    /// App: serve the verbs over HTTP, with a dashboard (feature `http`)
    Serve(App),
    /// App: print a completion script for a shell
    Completions(App),
}

/// What `new` writes.
#[derive(Args)]
pub(crate) struct New {
    /// What the migration does, such as `add user index`
    pub(crate) name: String,
    /// What it may do
    #[arg(long, value_enum, default_value_t)]
    pub(crate) kind: Kind,
    /// With a rollback function
    #[arg(long)]
    pub(crate) reversible: bool,
    /// The directory [default: that of the newest migration, or else src/migrations]
    #[arg(long, value_name = "DIR")]
    pub(crate) dir: Option<PathBuf>,
}

/// What a migration may do.
#[derive(Clone, Copy, Debug, Default, ValueEnum)]
pub(crate) enum Kind {
    /// Atomic: its writes and its record commit together, or not at all
    #[default]
    Transaction,
    /// Backfills and DDL that a change does not offer: resumed after its last finished step
    Online,
    /// Indexes, collections, validators, fields: declared, and rolled back in reverse order
    Change,
}

impl From<Kind> for Template {
    fn from(kind: Kind) -> Self {
        match kind {
            Kind::Transaction => Self::Transaction,
            Kind::Online => Self::Online,
            Kind::Change => Self::Change,
        }
    }
}

/// How `rebase` is done.
#[derive(Args)]
pub(crate) struct RebaseArgs {
    /// Only these are mine: names or files of migrations
    #[arg(value_name = "MIGRATION")]
    only: Vec<String>,
    /// Which side of git's conflicts is mine [default: in a merge the branch I am on, unless
    /// that is the shared one; in a rebase or cherry-pick the commit that is replayed]
    #[arg(long, value_enum)]
    mine: Option<Side>,
    /// The branch or commit whose migrations keep their numbers [default: what git merges or
    /// rebases onto, or else the shared branch: origin's, main, master or trunk]
    #[arg(long, value_name = "BRANCH")]
    onto: Option<String>,
    /// Only say what would be done
    #[arg(long)]
    dry_run: bool,
}

impl From<RebaseArgs> for Rebase {
    fn from(RebaseArgs { only, mine, onto, dry_run }: RebaseArgs) -> Self {
        Self { only, mine, onto, dry_run }
    }
}

/// A verb of the app.
#[derive(Args)]
#[command(disable_help_flag = true)]
pub(crate) struct App {
    #[command(flatten)]
    build: Build,
    /// The app's own arguments, such as --help
    #[arg(trailing_var_arg = true, allow_hyphen_values = true, value_name = "APP ARGUMENTS")]
    rest: Vec<OsString>,
}

/// For `cargo run`.
#[derive(Args, Clone, Debug, Default)]
pub(crate) struct Build {
    /// The binary [default: `bin` in `[package.metadata.mongrate]`, default-run, or the only one]
    #[arg(long, value_name = "NAME", help_heading = "Of the app's build")]
    pub(crate) bin: Option<String>,
    /// Build it with optimisations
    #[arg(long, help_heading = "Of the app's build")]
    pub(crate) release: bool,
    /// Build it with this profile
    #[arg(long, value_name = "NAME", help_heading = "Of the app's build")]
    pub(crate) profile: Option<String>,
    /// Features to build it with
    #[arg(long, value_name = "FEATURES", help_heading = "Of the app's build")]
    pub(crate) features: Vec<String>,
    /// Build it with all features
    #[arg(long, help_heading = "Of the app's build")]
    pub(crate) all_features: bool,
    /// Build it without its default features
    #[arg(long, help_heading = "Of the app's build")]
    pub(crate) no_default_features: bool,
}

impl Verb {
    /// What to run, if it is a verb of the app.
    pub(crate) fn app(&self) -> Option<Call<'_>> {
        let (verb, app) = match self {
            Self::Status(app) => ("status", app),
            Self::Up(app) => ("up", app),
            Self::Down(app) => ("down", app),
            Self::Redo(app) => ("redo", app),
            Self::Plan(app) => ("plan", app),
            Self::History(app) => ("history", app),
            Self::LockStatus(app) => ("lock-status", app),
            Self::ForceUnlock(app) => ("force-unlock", app),
            Self::Baseline(app) => ("baseline", app),
            Self::Import(app) => ("import", app),
            Self::Resolve(app) => ("resolve", app),
            Self::Repair(app) => ("repair", app),
            Self::Purge(app) => ("purge", app),
            Self::Serve(app) => ("serve", app),
            Self::Completions(app) => ("completions", app),
            Self::New(_) | Self::Seal | Self::Reseal { .. } | Self::Rebase(_) => return None,
            Self::Check { .. } => return None,
        };
        Some(Call { verb, build: &app.build, arguments: &app.rest })
    }
}
