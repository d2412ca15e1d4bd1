//! The command line: verbs, their arguments, and their help.

use std::{ffi::OsString, path::PathBuf};

use clap::{Args, Parser, Subcommand, ValueEnum};
use clap_complete::Shell;
use mongrate_seal::create::Template;

use crate::{
    build::Build,
    ci::options::{Ci, Lint},
    format::FormatArgs,
    models::options::{Diff, Models},
    rebase::{conflict::Side, options::RebaseOptions},
    squash::options::Squash,
};

/// The arguments as cargo passes them: `cargo-mongrate mongrate …`.
#[derive(Parser)]
#[command(name = "cargo", bin_name = "cargo", version)]
pub(crate) enum Cargo {
    /// Migrations for MongoDB
    Mongrate(Mongrate),
}

/// Migrations for MongoDB: their files, their sealed history, and the app that applies them
#[derive(Args)]
#[command(
    version,
    after_help = "\
Verbs that begin with \"App:\" build and run the app's own binary with `cargo run`. Write options \
for cargo before the app's own: `cargo mongrate up --release --dry-run`.

`cargo mongrate check` reads the sources and migrations.sum, and needs neither the compiler nor a \
database. The app's own `check` compares the build with a database: `cargo mongrate check \
--server` does both.

Exit codes: 0 success, 1 something is wrong, 64 wrong arguments; App verbs: the app's own."
)]
pub(crate) struct Mongrate {
    #[command(flatten)]
    pub(crate) package_args: PackageArgs,
    #[command(subcommand)]
    pub(crate) verb: Verb,
}

/// Which packages a verb works on.
#[derive(Args)]
pub(crate) struct PackageArgs {
    /// Path to Cargo.toml
    #[arg(long, global = true, value_name = "PATH")]
    pub(crate) manifest_path: Option<PathBuf>,
    /// Package [default: current, or all with mongrate]
    #[arg(long, short, global = true, value_name = "NAME")]
    pub(crate) package: Vec<String>,
    /// All packages with mongrate, even inside one
    #[arg(long, global = true, conflicts_with = "package")]
    pub(crate) workspace: bool,
}

#[derive(Subcommand)]
pub(crate) enum Verb {
    /// Write the next migration file and its `mod` line
    #[command(visible_alias = "create")]
    New(New),
    /// Write the next migration from the difference between models.snap and the types
    ///
    /// Compiles the package, even if the compiler refuses its models only because no migration leads to
    /// them, and asks it for its models. Writes a declared change, which can be rolled back, and
    /// models.snap. What the types do not say is a question: nothing is written until it is answered.
    Diff(Diff),
    /// The models of a package, and models.snap
    #[command(subcommand)]
    Models(Models),
    /// Append the new migrations to migrations.sum
    Seal,
    /// Seal an edited or renamed migration again
    ///
    /// Only for an edit or a new name that no database has applied.
    Reseal {
        /// Version of the migration
        version: i64,
        /// Group of the migration
        #[arg(long, default_value = "default")]
        group: String,
    },
    /// Renumber your migrations after those of another branch
    ///
    /// For after a merge, or before it. A migration of yours that is not newer already gets a new
    /// number in the attribute, the file name, the `mod` line and migrations.sum. Resolves git's
    /// conflicts in migrations.sum, and in source files where both sides only added items. Only
    /// reads git. Anything that needs a human decision is refused before a file is written.
    ///
    /// A database that has applied a migration under its old number takes the renumbered migration
    /// for a new one.
    Rebase(RebaseArgs),
    /// Write one migration that stands for all former ones
    ///
    /// Runs the migrations up to a version in an empty scratch database, writes one declared migration
    /// that leads to the same collections, options, validators and indexes, and proves it in another
    /// scratch database. New databases run it; databases that have the old ones record it, without
    /// running it.
    Squash(Squash),
    /// Check the sources and migrations.sum, without a database
    ///
    /// Reports what the compiler would refuse, without compiling, and finds files that no `mod`
    /// reaches. It does not know what a database has applied: that is the app's own `check`, which
    /// `--server` runs afterwards.
    ///
    /// Lists what each migration names outside of its own file: when that changes, the migration does
    /// something else. `docs/hermetic.md` says what helps.
    Check {
        /// Make an error of each lint that a migration does not allow
        #[arg(long)]
        strict: bool,
        /// Print one JSON document
        #[arg(long, conflicts_with_all = ["server", "format"])]
        json: bool,
        /// Where the result goes.
        #[command(flatten)]
        format: FormatArgs,
        /// Afterwards, run the app's `check` on the database
        ///
        /// It runs if the sources are valid, and fails if a migration is pending, edited or late.
        #[arg(long, conflicts_with = "format")]
        server: bool,
        #[command(flatten)]
        build: Build,
        /// Arguments for the app's `check`
        #[arg(last = true, value_name = "APP ARGUMENTS", requires = "server")]
        rest: Vec<OsString>,
    },
    /// Make every check that a build server should make
    ///
    /// The sources and migrations.sum, what the base branch has sealed, models.snap and the types, schema.snap,
    /// lints, and a shadow run of what is pending if there is a server. Each finding has a file, a line, a code
    /// and a way out, in the form that your CI shows: `--format`.
    Ci(Box<Ci>),
    /// Report only the lints: of the sources, and of the app's plan
    Lint(Lint),
    /// Print a completion script for `cargo mongrate` itself
    ///
    /// `completions` prints that of the app.
    ShellCompletions {
        /// Shell to complete in
        #[arg(value_enum)]
        shell: Shell,
    },
    /// Write manual pages of `cargo mongrate`, one for each verb
    Man {
        /// Folder to write into
        #[arg(long, value_name = "DIR")]
        out: PathBuf,
    },
    /// App: show every migration and its state
    Status(App),
    /// App: apply pending migrations
    Up(App),
    /// App: roll back migrations
    Down(App),
    /// App: roll the last migration back and apply it again
    Redo(App),
    /// App: show what `up` would do
    Plan(App),
    /// App: show the events of every migration
    History(App),
    /// App: show the audit log, check it, switch it on and off
    Audit(App),
    /// App: check the server, the user's rights and the pending migrations
    Doctor(App),
    /// App: compare the live schema with the one that the migrations lead to
    Drift(App),
    /// App: print the live schema as text (schema.snap)
    Schema(App),
    /// App: show which process holds the lock
    LockStatus(App),
    /// App: pause the history; in every process, nothing more begins
    Pause(App),
    /// App: take a pause back
    Resume(App),
    /// App: change how the backfills of the run under way work
    Tune(App),
    /// App: end the run under way in order
    Cancel(App),
    /// App: take the lock from a process that is known to be dead
    ForceUnlock(App),
    /// App: record migrations as applied, without running them
    Baseline(App),
    /// App: record what another migration tool has applied
    Import(App),
    /// App: record how an interrupted migration ended
    Resolve(App),
    /// App: give the present state a name
    Tag(App),
    /// App: record the checksums of this build
    Repair(App),
    /// App: remove what declared migrations keep for their rollback
    Purge(App),
    /// App: send a made-up event to the webhook (feature `webhook`)
    Webhook(App),
    /// App: wait until nothing is pending
    Wait(App),
    /// App: serve HTTP and a dashboard (feature `http`)
    Serve(App),
    /// App: print a completion script for a shell
    Completions(App),
}

/// The arguments of `new`.
#[derive(Args)]
pub(crate) struct New {
    /// What the migration does, such as `add user index`
    pub(crate) name: String,
    /// Kind of the migration
    ///
    /// A change declares operations on indexes, collections, validators and fields.
    #[arg(long, value_enum, default_value_t)]
    pub(crate) kind: Kind,
    /// Write a rollback function, too
    #[arg(long)]
    pub(crate) reversible: bool,
    /// Directory to write into
    ///
    /// Default: the directory of the newest migration, or src/migrations.
    #[arg(long, value_name = "DIR")]
    pub(crate) dir: Option<PathBuf>,
}

/// The kind of a migration.
#[derive(Clone, Copy, Debug, Default, ValueEnum)]
pub(crate) enum Kind {
    /// Writes and record commit together, or not at all
    #[default]
    Transaction,
    /// Backfills, other DDL; resumes after its finished steps
    Online,
    /// Declared operations, rolled back in reverse order
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

/// The arguments of `rebase`.
#[derive(Args)]
pub(crate) struct RebaseArgs {
    /// Names or files of migrations: only these are yours
    #[arg(value_name = "MIGRATION")]
    only: Vec<String>,
    /// Your side of git's conflicts
    ///
    /// Default: in a merge, the branch you are on, unless that is the shared branch; in a rebase or
    /// cherry-pick, the commit that is replayed.
    #[arg(long, value_enum)]
    mine: Option<Side>,
    /// Branch or commit that keeps its numbers
    ///
    /// Default: the other side of the merge or rebase; if there is none, the shared branch:
    /// origin's default branch, main, master or trunk.
    #[arg(long, value_name = "BRANCH")]
    onto: Option<String>,
    /// Only show what would change
    #[arg(long)]
    dry_run: bool,
}

impl From<RebaseArgs> for RebaseOptions {
    fn from(RebaseArgs { only, mine, onto, dry_run }: RebaseArgs) -> Self {
        Self { only, mine, onto, dry_run }
    }
}

/// The arguments of a verb that the app runs.
#[derive(Args)]
#[command(disable_help_flag = true)]
pub(crate) struct App {
    #[command(flatten)]
    build: Build,
    /// The app's own arguments, such as --help
    #[arg(trailing_var_arg = true, allow_hyphen_values = true, value_name = "APP ARGUMENTS")]
    rest: Vec<OsString>,
}

/// One call of the app: its verb, how to build it, and its arguments.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Call<'a> {
    pub(crate) verb: &'static str,
    pub(crate) build: &'a Build,
    pub(crate) arguments: &'a [OsString],
}

impl App {
    /// Gives `--release NAME` of `history` to the app: it is no option for cargo, as `history` takes no
    /// argument that is not an option.
    fn with_release_of_history(&mut self) {
        let is_name = |first: &OsString| !first.to_string_lossy().starts_with('-');
        if self.build.release && self.rest.first().is_some_and(is_name) {
            self.build.release = false;
            self.rest.insert(0, "--release".into());
        }
    }
}

impl Verb {
    /// Settles what an option means that both cargo and the app have.
    pub(crate) fn settled(mut self) -> Self {
        if let Self::History(app) = &mut self {
            app.with_release_of_history();
        }
        self
    }

    /// The call of the app, if the app runs this verb.
    pub(crate) fn app(&self) -> Option<Call<'_>> {
        let (verb, app) = match self {
            Self::Status(app) => ("status", app),
            Self::Up(app) => ("up", app),
            Self::Down(app) => ("down", app),
            Self::Redo(app) => ("redo", app),
            Self::Plan(app) => ("plan", app),
            Self::History(app) => ("history", app),
            Self::Audit(app) => ("audit", app),
            Self::Doctor(app) => ("doctor", app),
            Self::Drift(app) => ("drift", app),
            Self::Schema(app) => ("schema", app),
            Self::LockStatus(app) => ("lock-status", app),
            Self::Pause(app) => ("pause", app),
            Self::Resume(app) => ("resume", app),
            Self::Tune(app) => ("tune", app),
            Self::Cancel(app) => ("cancel", app),
            Self::ForceUnlock(app) => ("force-unlock", app),
            Self::Baseline(app) => ("baseline", app),
            Self::Import(app) => ("import", app),
            Self::Resolve(app) => ("resolve", app),
            Self::Tag(app) => ("tag", app),
            Self::Repair(app) => ("repair", app),
            Self::Purge(app) => ("purge", app),
            Self::Webhook(app) => ("webhook", app),
            Self::Wait(app) => ("wait", app),
            Self::Serve(app) => ("serve", app),
            Self::Completions(app) => ("completions", app),
            Self::Diff(_) | Self::Models(_) => return None,
            Self::ShellCompletions { .. } | Self::Man { .. } => return None,
            Self::New(_) | Self::Seal | Self::Reseal { .. } | Self::Rebase(_) | Self::Squash(_) => {
                return None;
            }
            Self::Check { .. } | Self::Ci(_) | Self::Lint(_) => return None,
        };
        Some(Call { verb, build: &app.build, arguments: &app.rest })
    }

    /// Name and formats of a verb that reports findings, and whether it is asked for JSON in the old way.
    pub(crate) fn format(&self) -> Option<(&'static str, &FormatArgs, bool)> {
        match self {
            Self::Check { format, json, .. } => Some(("check", format, *json)),
            Self::Ci(ci) => Some(("ci", &ci.format, false)),
            Self::Lint(lint) => Some(("lint", &lint.format, false)),
            // Its own JSON has more than findings.
            Self::Diff(diff) if diff.check && !diff.json => Some(("diff", &diff.format, false)),
            _ => None,
        }
    }

    /// Options that contradict each other.
    pub(crate) fn contradiction(&self) -> Option<&'static str> {
        if let Self::Diff(diff) = self
            && !diff.format.format.is_empty()
            && (!diff.check || diff.json)
        {
            return Some("`--format` is for `diff --check`, without `--json`");
        }
        self.format().and_then(|(_, format, _)| format.contradiction())
    }
}

#[cfg(test)]
mod tests {
    //! An option that both cargo and the app have.

    use super::*;

    fn call(arguments: &[&str]) -> (bool, Vec<String>) {
        let all = ["cargo-mongrate", "mongrate"].iter().chain(arguments);
        let Cargo::Mongrate(Mongrate { verb, .. }) = Cargo::try_parse_from(all).unwrap();
        let verb = verb.settled();
        let call = verb.app().unwrap();
        let arguments = call.arguments.iter().map(|one| one.to_string_lossy().into_owned());
        (call.build.release, arguments.collect())
    }

    fn texts(all: &[&str]) -> Vec<String> {
        all.iter().map(|one| (*one).to_owned()).collect()
    }

    #[test]
    fn the_release_of_history_is_no_build() {
        let named = texts(&["--release", "shop 0.2.0", "--json"]);
        assert_eq!(call(&["history", "--release", "shop 0.2.0", "--json"]), (false, named));
        assert_eq!(call(&["history", "--release", "--json"]), (true, texts(&["--json"])));
        assert_eq!(call(&["history", "--release"]), (true, Vec::new()));
        assert_eq!(call(&["up", "--release", "--dry-run"]), (true, texts(&["--dry-run"])));
    }
}
