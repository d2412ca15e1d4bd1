//! The arguments of `ci` and `lint`.

use std::ffi::OsString;

use clap::{Args, ValueEnum};

use crate::{build::Build, format::FormatArgs};

/// When the app is run.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub(crate) enum When {
    /// If there is a server: MONGODB_URI, or the app's embedded server
    #[default]
    Auto,
    /// In any case; that there is none is an error
    Always,
    /// Only the sources are read
    Never,
}

/// The arguments of `ci`.
#[derive(Args)]
pub(crate) struct Ci {
    /// Branch or commit that the change is compared with
    ///
    /// Default: the target branch of the pull request, as the CI names it; otherwise origin's default
    /// branch, main, master or trunk; on that branch itself, the last commit.
    #[arg(long, value_name = "BRANCH")]
    pub(crate) base: Option<String>,
    /// Make an error of each warning and lint
    #[arg(long)]
    pub(crate) strict: bool,
    /// Make a note of the findings with this code (may be repeated)
    #[arg(long, value_name = "CODE")]
    pub(crate) allow: Vec<String>,
    /// Neither compile nor run anything: for a hook before a commit
    #[arg(long, conflicts_with = "shadow")]
    pub(crate) no_compile: bool,
    /// Whether pending migrations are run in a scratch database
    #[arg(long, value_enum, value_name = "WHEN", default_value_t)]
    pub(crate) shadow: When,
    /// How many documents of each collection the scratch database gets [default: 1000]
    #[arg(long, value_name = "N")]
    pub(crate) sample: Option<u32>,
    /// Where the result goes.
    #[command(flatten)]
    pub(crate) format: FormatArgs,
    /// How the app is built.
    #[command(flatten)]
    pub(crate) build: Build,
    /// Arguments for the app's `up --shadow`
    #[arg(last = true, value_name = "APP ARGUMENTS")]
    pub(crate) rest: Vec<OsString>,
}

/// The arguments of `lint`.
#[derive(Args)]
pub(crate) struct Lint {
    /// Make an error of each lint
    #[arg(long)]
    pub(crate) strict: bool,
    /// Make a note of this lint (may be repeated)
    #[arg(long, value_name = "LINT")]
    pub(crate) allow: Vec<String>,
    /// Whether the app's `plan` reads the database
    #[arg(long, value_enum, value_name = "WHEN", default_value_t)]
    pub(crate) server: When,
    /// Where the result goes.
    #[command(flatten)]
    pub(crate) format: FormatArgs,
    /// How the app is built.
    #[command(flatten)]
    pub(crate) build: Build,
    /// Arguments for the app's `plan`
    #[arg(last = true, value_name = "APP ARGUMENTS")]
    pub(crate) rest: Vec<OsString>,
}
