//! The arguments of `squash`.

use std::ffi::OsString;

use clap::Args;

use crate::build::Build;

/// What is squashed.
#[derive(Args)]
pub(crate) struct Squash {
    /// The newest migration that the squash stands for
    #[arg(long, value_name = "VERSION")]
    pub(crate) to: i64,
    /// The group
    #[arg(long, default_value = "default", value_name = "NAME")]
    pub(crate) group: String,
    /// The name of the squash [default: squash_to_VERSION]
    #[arg(long, value_name = "NAME")]
    pub(crate) name: Option<String>,
    /// Also take over the documents of this collection: reference data (may be repeated)
    #[arg(long, value_name = "COLLECTION")]
    pub(crate) data: Vec<String>,
    /// Keep the old files: databases that have applied only a part of them can still be finished
    #[arg(long)]
    pub(crate) keep: bool,
    /// Write nothing; print what would be written
    #[arg(long)]
    pub(crate) dry_run: bool,
    #[command(flatten)]
    pub(crate) build: Build,
    /// Arguments for the app's `schema`, such as `--uri`
    #[arg(last = true, value_name = "APP ARGUMENTS")]
    pub(crate) rest: Vec<OsString>,
}
