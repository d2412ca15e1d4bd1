//! The arguments about releases: of `tag` and `history`, and of a migration that is rolled back alone.

use clap::Args;

use super::{common::LockArgs, number::version};
use crate::Version;

/// Which events `history` shows.
#[derive(Args, Clone, Debug, Default)]
pub struct HistoryArgs {
    /// Only what this release did, such as `shop 1.3.9`
    #[arg(long, value_name = "NAME")]
    pub release: Option<String>,

    /// The runs that the events tell of, of every process, newest first
    #[arg(long, conflicts_with = "release")]
    pub runs: bool,
}

/// What `tag` names, and what becomes of a name.
#[derive(Args, Clone, Debug, Default)]
pub struct TagArgs {
    /// The name for the present state: 1 to 100 bytes
    #[arg(value_name = "NAME", required_unless_present = "list")]
    pub name: Option<String>,

    /// List the tags, and how far back each one is
    #[arg(long, conflicts_with_all = ["name", "remove", "move_it", "why"])]
    pub list: bool,

    /// Remove the tag; the migrations stay as they are
    #[arg(long, conflicts_with_all = ["move_it", "why"])]
    pub remove: bool,

    /// Take the name from another state that has it
    #[arg(long = "move")]
    pub move_it: bool,

    /// Why, for those who read the tags and `history`
    #[arg(long, value_name = "TEXT")]
    pub why: Option<String>,

    /// How the lock is taken.
    #[command(flatten)]
    pub lock: LockArgs,
}

/// A migration that is rolled back alone, and the reason.
#[derive(Args, Clone, Debug, Default)]
pub struct AloneArgs {
    /// Only this migration, wherever it is, if nothing that was applied later touches the same
    #[arg(long, value_name = "VERSION", value_parser = version, group = "target")]
    pub only: Option<Version>,

    /// With --only: these later migrations do not depend on it, where Mongrate cannot know
    #[arg(long, value_name = "VERSIONS", value_parser = version, value_delimiter = ',', requires = "only")]
    pub independent: Vec<Version>,

    /// Why, for those who read `history`
    #[arg(long, value_name = "TEXT")]
    pub why: Option<String>,
}
