//! The arguments of `diff` and `models`.

use std::{ffi::OsString, path::PathBuf};

use clap::{Args, Subcommand};

use crate::format::FormatArgs;

/// How the package is compiled.
#[derive(Args, Clone, Debug, Default)]
pub(crate) struct Compile {
    /// Compile with these features
    #[arg(long, value_name = "FEATURES", help_heading = "Options for cargo test")]
    pub(crate) features: Vec<String>,
    /// Compile with all features
    #[arg(long, help_heading = "Options for cargo test")]
    pub(crate) all_features: bool,
    /// Compile without default features
    #[arg(long, help_heading = "Options for cargo test")]
    pub(crate) no_default_features: bool,
    /// Compile with this profile
    #[arg(long, value_name = "NAME", help_heading = "Options for cargo test")]
    pub(crate) profile: Option<String>,
}

/// The arguments of `diff`.
#[derive(Args, Default)]
pub(crate) struct Diff {
    /// What the migration does, such as `add phone`
    ///
    /// Default: a name made of the collections.
    #[arg(value_name = "NAME")]
    pub(crate) name: Option<String>,
    /// Only show what would be written
    #[arg(long, conflicts_with = "check")]
    pub(crate) dry_run: bool,
    /// Fail if there is something to write, and write nothing
    ///
    /// For a build server: the exit code is 1 if a type is not what the migrations lead to.
    #[arg(long)]
    pub(crate) check: bool,
    /// Report as JSON
    #[arg(long)]
    pub(crate) json: bool,
    /// With `--check`: where the result goes.
    #[command(flatten)]
    pub(crate) format: FormatArgs,
    /// This field or collection is removed, and is not another one under a new name
    ///
    /// Answers a question. A place is a collection with the path of a field: `users.address.city`.
    #[arg(long, value_name = "PLACE", help_heading = "Answers")]
    pub(crate) remove: Vec<String>,
    /// Documents stay as they are at this place
    ///
    /// They fit already, or you add an operation to the migration yourself.
    #[arg(long, value_name = "PLACE", help_heading = "Answers")]
    pub(crate) leave: Vec<String>,
    /// What a value of an enum becomes that is gone: `users.plan:trial=free`
    #[arg(long, value_name = "PLACE:OLD=NEW", help_heading = "Answers")]
    pub(crate) becomes: Vec<String>,
    /// Directory to write into
    ///
    /// Default: the directory of the newest migration, or src/migrations.
    #[arg(long, value_name = "DIR")]
    pub(crate) dir: Option<PathBuf>,
    /// Package to write the migration into
    ///
    /// Default: `migrations = "…"` in `[package.metadata.mongrate]` of the package with the types, or
    /// that package itself.
    #[arg(long, value_name = "NAME")]
    pub(crate) into: Option<String>,
    #[command(flatten)]
    pub(crate) compile: Compile,
}

/// The verbs of `models`.
#[derive(Subcommand)]
pub(crate) enum Models {
    /// Write the first models.snap, for a database that is older than the models
    ///
    /// Documents are taken to be as the types say. Which collections, validators and indexes there are
    /// says a file (`--from`) or the database itself (`--live`): `cargo mongrate diff` writes a migration
    /// for those that are missing. With `--as-applied`, all of them are taken to be there.
    Init(Init),
}

/// The arguments of `models init`.
#[derive(Args)]
pub(crate) struct Init {
    /// Schema of the database
    ///
    /// The text that the app's `schema` prints, and that `assert_schema` of `mongrate::testing` writes.
    /// Default: schema.snap in the package.
    #[arg(long, value_name = "FILE", conflicts_with_all = ["as_applied", "live"])]
    pub(crate) from: Option<PathBuf>,
    /// Run the app's `schema`, which reads the live database; writes nothing to it
    ///
    /// The app takes the connection string from where it always does: MONGODB_URI, or an argument.
    #[arg(long, conflicts_with = "as_applied")]
    pub(crate) live: bool,
    /// Binary of the app, for `--live`
    #[arg(long, value_name = "NAME", requires = "live")]
    pub(crate) bin: Option<String>,
    /// Take the database to have all that the types want
    #[arg(long)]
    pub(crate) as_applied: bool,
    #[command(flatten)]
    pub(crate) compile: Compile,
    /// Arguments for the app's `schema`, with `--live`
    #[arg(last = true, value_name = "APP ARGUMENTS", requires = "live")]
    pub(crate) rest: Vec<OsString>,
}
