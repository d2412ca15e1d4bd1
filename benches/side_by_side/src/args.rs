//! The arguments.

use std::path::PathBuf;

use clap::{Parser, ValueEnum};

/// Measures Mongrate next to the bare driver and to other tools, on a MongoDB of its own.
#[derive(Debug, Parser)]
#[command(name = "mongrate-bench")]
pub struct Args {
    /// Run only these workloads. Default: all but `footprint`.
    #[arg(long, value_delimiter = ',')]
    pub only: Vec<Workload>,
    /// Run each tool so often; slow tools less often (see `--budget`). The median counts.
    #[arg(long, value_parser = clap::value_parser!(u32).range(1..))]
    pub runs: Option<u32>,
    /// Do not run a tool again in a case in which it has used so many seconds, after three runs at
    /// least, or after a single run that took longer.
    #[arg(long, default_value_t = 30)]
    pub budget: u64,
    /// Small cases, few runs, no other tools: tests that everything works, not how fast it is.
    #[arg(long)]
    pub short: bool,
    /// Measure only the floor and Mongrate.
    #[arg(long)]
    pub no_peers: bool,
    /// First install the other tools below the target directory, in the versions of
    /// `benches/peers`, with npm, pip and cargo. A tool that cannot be installed is skipped.
    #[arg(long)]
    pub install_peers: bool,
    /// Also measure the backfill of ten million documents (ten minutes, several gigabytes).
    #[arg(long)]
    pub ten_million: bool,
    /// Measure only the cases of `changes`, and the apps of `footprint`, whose names contain one of
    /// these texts: `rename_field`, `small/change_type`, `mixed`; `cli`.
    #[arg(long, value_delimiter = ',')]
    pub cases: Vec<String>,
    /// The number of documents in `backfill`, and of small documents in `changes`. Default:
    /// 1,000,000 and 500,000.
    #[arg(long, value_parser = clap::value_parser!(u32).range(1..))]
    pub documents: Option<u32>,
    /// Also measure the footprint of this earlier commit.
    #[arg(long)]
    pub before: Option<String>,
    /// Directory for tables, JSON and plots. Sections that this run does not measure stay, with
    /// their date. Default: `side_by_side/results` below the target directory.
    #[arg(long)]
    pub out: Option<PathBuf>,
    /// Use the programs beside this program as they are. Default: build them first.
    #[arg(long, hide = true)]
    pub no_build: bool,
}

impl Args {
    /// The selected workloads, in the order of the report.
    pub fn workloads(&self) -> Vec<Workload> {
        let is_selected = |workload: &Workload| match self.only.is_empty() {
            true => *workload != Workload::Footprint,
            false => self.only.contains(workload),
        };
        Workload::value_variants().iter().copied().filter(is_selected).collect()
    }

    /// Whether a workload measures an app with ten thousand migrations.
    pub fn has_ten_thousand(&self) -> bool {
        let may_have = |workload: &Workload| matches!(workload, Workload::Idle | Workload::Read);
        !self.short && self.workloads().iter().any(may_have)
    }

    /// The number of runs; `default` if `--runs` is not set, but at most three in a short run.
    pub fn runs_or(&self, default: u32) -> u32 {
        self.runs.unwrap_or(if self.short { 3.min(default) } else { default })
    }
}

/// A workload.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Workload {
    /// Start with nothing pending.
    Idle,
    /// Apply each migration in its own transaction.
    Apply,
    /// Apply all migrations in one transaction.
    Atomic,
    /// Roll back all migrations.
    Rollback,
    /// Start many processes at once.
    Processes,
    /// Recover after `kill -9`.
    Kill,
    /// Read status and plan of a long history.
    Read,
    /// Change every document of a large collection.
    Backfill,
    /// Do and undo declared document operations.
    Changes,
    /// Binary size and compile time of an app.
    Footprint,
}
