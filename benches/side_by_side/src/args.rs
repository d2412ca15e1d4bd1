//! What is asked for.

use std::path::PathBuf;

use clap::{Parser, ValueEnum};

/// Measures Mongrate next to the bare driver and to other tools, on a MongoDB of its own.
#[derive(Debug, Parser)]
#[command(name = "mongrate-bench")]
pub struct Args {
    /// Only these workloads. Default: all but `footprint`.
    #[arg(long, value_delimiter = ',')]
    pub only: Vec<Workload>,
    /// How often each is run; slow ones less often (see `--budget`). The median counts.
    #[arg(long, value_parser = clap::value_parser!(u32).range(1..))]
    pub runs: Option<u32>,
    /// A tool that has used up so many seconds in one case is not run again in it, after three
    /// runs at least, or one that alone took longer than this.
    #[arg(long, default_value_t = 30)]
    pub budget: u64,
    /// Small cases, few runs, no other tools: whether it works, not how fast it is.
    #[arg(long)]
    pub short: bool,
    /// Only the floor and Mongrate.
    #[arg(long)]
    pub no_peers: bool,
    /// First installs the other tools below the target directory, in the versions of
    /// `benches/peers`, with npm, pip and cargo. What cannot be installed is skipped.
    #[arg(long)]
    pub install_peers: bool,
    /// The backfill of ten million documents as well. (Ten minutes, several gigabytes.)
    #[arg(long)]
    pub ten_million: bool,
    /// Where tables, JSON and plots go. Sections that this run does not measure are kept, with
    /// the date of theirs. Default: `side_by_side/results` below the target directory.
    #[arg(long)]
    pub out: Option<PathBuf>,
    /// Takes the programs that lie beside this one as they are. Default: builds them first.
    #[arg(long, hide = true)]
    pub no_build: bool,
}

impl Args {
    /// The workloads, in the order of the report.
    pub fn workloads(&self) -> Vec<Workload> {
        let asked = |one: &Workload| match self.only.is_empty() {
            true => *one != Workload::Footprint,
            false => self.only.contains(one),
        };
        Workload::value_variants().iter().copied().filter(asked).collect()
    }

    /// How often, where nobody said.
    pub fn runs_or(&self, default: u32) -> u32 {
        self.runs.unwrap_or(if self.short { 3.min(default) } else { default })
    }
}

/// What is measured.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Workload {
    /// Start with nothing pending.
    Idle,
    /// Apply, each in its own transaction.
    Apply,
    /// Apply, all in one transaction.
    Atomic,
    /// Roll back.
    Rollback,
    /// Many processes at once.
    Processes,
    /// Go on after `kill -9`.
    Kill,
    /// Status and plan of a long history.
    Read,
    /// Change every document of a large collection.
    Backfill,
    /// Binary size and compile time of an app.
    Footprint,
}
