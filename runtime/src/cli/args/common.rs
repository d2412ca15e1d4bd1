//! Arguments that several verbs share.

use std::{path::PathBuf, time::Duration};

use clap::{Args, ValueEnum};

use super::number::{version, whole};
use crate::{
    DatabaseAhead, LintName, Migrator, OutOfOrder, Version, Wait, cli::duration,
    migrator::mode::Mode,
};

/// Whether a verb is tried, or only shown, instead of done.
#[derive(Args, Clone, Copy, Debug, Default)]
pub struct DryRunArgs {
    /// Leave nothing behind: `run` runs the migrations in a transaction that is aborted (except
    /// online and declared ones), `plan` only shows the steps, `shadow` runs all kinds in a scratch
    /// database [default: run]
    #[arg(
        long, value_enum, value_name = "HOW", num_args = 0..=1, require_equals = true,
        default_missing_value = "run", hide_possible_values = true, help_heading = DRY_RUN
    )]
    pub dry_run: Option<DryRunHow>,

    /// Same as `--dry-run=shadow`: run in a scratch database with a sample of the data
    #[arg(long, help_heading = DRY_RUN)]
    pub shadow: bool,

    /// With `--shadow`: how many documents of each collection are copied [default: 1000]
    #[arg(long, value_name = "N", value_parser = whole::<u32>, help_heading = DRY_RUN)]
    pub sample: Option<u32>,

    /// With `--dry-run`: how long its transaction, and so its locks, may last [default: 30s]
    #[arg(
        long, value_name = "DURATION", value_parser = duration::parse, help_heading = DRY_RUN
    )]
    pub timeout: Option<Duration>,
}

const DRY_RUN: &str = "Dry run";

impl DryRunArgs {
    /// How the dry run is done; `None`: the verb is done for real.
    pub(crate) fn how(self) -> Option<DryRunHow> {
        if self.shadow { Some(DryRunHow::Shadow) } else { self.dry_run }
    }

    /// What is to be done with the migrations.
    pub(crate) fn mode(self) -> Mode {
        match self.how() {
            None => Mode::Run,
            Some(DryRunHow::Plan) => Mode::Plan,
            Some(DryRunHow::Run) => Mode::DryRun { timeout: self.timeout },
            Some(DryRunHow::Shadow) => Mode::Shadow { sample: self.sample },
        }
    }

    /// Two options that contradict each other, as a message.
    pub(crate) fn contradiction(self) -> Option<&'static str> {
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
    /// Nothing is run: only the plan is shown.
    Plan,
    /// In a scratch database.
    Shadow,
}

/// Which lints are acknowledged.
#[derive(Args, Clone, Debug, Default)]
pub struct LintArgs {
    /// Acknowledge this lint: it is not shown (may be repeated)
    #[arg(long, value_name = "LINT")]
    pub allow: Vec<LintName>,

    /// Skip the lints: what the plan could do better
    #[arg(long)]
    pub no_lint: bool,

    /// In lints, show duplicate keys themselves, not only their number
    #[arg(long)]
    pub show_values: bool,
}

impl LintArgs {
    pub(crate) fn apply(&self, mut migrator: Migrator) -> Migrator {
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
    /// Apply up to and including this version [default: all]
    #[arg(long, value_name = "VERSION", value_parser = version, conflicts_with = "steps")]
    pub to: Option<Version>,

    /// Apply at most N migrations [default: all]
    #[arg(long, value_name = "N", value_parser = parse_steps)]
    pub steps: Option<usize>,
}

/// Where a plan is written, to be approved.
#[derive(Args, Clone, Debug, Default)]
pub struct PlanOutArgs {
    /// Write the plan to a file, to be approved: `--plan FILE` runs exactly that; `-` is stdout
    #[arg(long, value_name = "FILE")]
    pub out: Option<PathBuf>,

    /// With --out: overwrite the file
    #[arg(long, requires = "out")]
    pub force: bool,
}

/// Whether to ask before something that is hard to undo.
#[derive(Args, Clone, Copy, Debug, Default)]
pub struct ConfirmArgs {
    /// Do not ask; required without a terminal
    #[arg(long, short)]
    pub yes: bool,
}

/// What to do in doubtful cases.
#[derive(Args, Clone, Copy, Debug, Default)]
pub struct PolicyArgs {
    /// Apply pending migrations that are older than the newest applied one
    #[arg(long)]
    pub allow_out_of_order: bool,

    /// Do not warn if the database has migrations that this build does not have
    #[arg(long, conflicts_with = "refuse_ahead")]
    pub allow_ahead: bool,

    /// Refuse if the database has migrations that this build does not have
    #[arg(long)]
    pub refuse_ahead: bool,
}

impl PolicyArgs {
    pub(crate) fn apply(self, mut migrator: Migrator) -> Migrator {
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
    /// How long to wait while another process migrates or the history is paused: `no`, `forever`,
    /// or `30s`
    /// [default: forever]
    #[arg(long, value_name = "HOW LONG", value_parser = duration::parse_wait)]
    pub wait: Option<Wait>,

    /// How long the lock is leased at a time, 1s to 1h [default: 30s]
    #[arg(long, value_name = "DURATION", value_parser = duration::parse)]
    pub lease: Option<Duration>,
}

impl LockArgs {
    pub(crate) fn apply(self, mut migrator: Migrator) -> Migrator {
        if let Some(wait) = self.wait {
            migrator = migrator.wait(wait);
        }
        if let Some(lease) = self.lease {
            migrator = migrator.lease(lease);
        }
        migrator
    }
}

pub(crate) fn parse_steps(text: &str) -> Result<usize, String> {
    match text.parse() {
        Ok(0) | Err(_) => Err("expected a number, 1 or more".to_owned()),
        Ok(steps) => Ok(steps),
    }
}
