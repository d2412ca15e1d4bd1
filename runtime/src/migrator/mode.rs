//! How a face has a verb done: for real, as a plan, in a dry run, or in a shadow run.

use std::time::Duration;

#[cfg(feature = "cli")]
use super::down::Redo;
use super::{
    down::Down,
    dry_run::{DryRun, Shadow},
    up::Up,
};
use crate::model::{
    error::Error,
    report::{dry_run::DryRunReport, plan::PlanReport, run::RunReport},
};

/// How `up`, `down` or `redo` is done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Mode {
    /// For real.
    Run,
    /// Only shown.
    Plan,
    /// In a transaction that is aborted.
    DryRun {
        /// How long the transaction may last; `None`: the default.
        timeout: Option<Duration>,
    },
    /// In a scratch database.
    Shadow {
        /// How many documents of each collection are copied; `None`: the default.
        sample: Option<u32>,
    },
}

/// The report of the mode that was asked for.
#[derive(Debug)]
pub(crate) enum ModeReport {
    Run(RunReport),
    Plan(PlanReport),
    /// Of a dry run or a shadow run.
    DryRun(DryRunReport),
}

impl Up<'_> {
    pub(crate) async fn in_mode(self, mode: Mode) -> Result<ModeReport, Error> {
        match mode {
            Mode::Run => self.await.map(ModeReport::Run),
            Mode::Plan => self.plan().await.map(ModeReport::Plan),
            Mode::DryRun { timeout } => dry_run(self.dry_run(), timeout).await,
            Mode::Shadow { sample } => shadow(self.shadow(), sample).await,
        }
    }
}

impl Down<'_> {
    pub(crate) async fn in_mode(self, mode: Mode) -> Result<ModeReport, Error> {
        match mode {
            Mode::Run => self.await.map(ModeReport::Run),
            Mode::Plan => self.plan().await.map(ModeReport::Plan),
            Mode::DryRun { timeout } => dry_run(self.dry_run(), timeout).await,
            Mode::Shadow { sample } => shadow(self.shadow(), sample).await,
        }
    }
}

#[cfg(feature = "cli")]
impl Redo<'_> {
    pub(crate) async fn in_mode(self, mode: Mode) -> Result<ModeReport, Error> {
        match mode {
            Mode::Run => self.await.map(ModeReport::Run),
            Mode::Plan => self.plan().await.map(ModeReport::Plan),
            Mode::DryRun { timeout } => dry_run(self.dry_run(), timeout).await,
            Mode::Shadow { sample } => shadow(self.shadow(), sample).await,
        }
    }
}

async fn dry_run(dry_run: DryRun<'_>, timeout: Option<Duration>) -> Result<ModeReport, Error> {
    let dry_run = match timeout {
        Some(timeout) => dry_run.timeout(timeout),
        None => dry_run,
    };
    dry_run.await.map(ModeReport::DryRun)
}

async fn shadow(shadow: Shadow<'_>, sample: Option<u32>) -> Result<ModeReport, Error> {
    let shadow = match sample {
        Some(documents) => shadow.sample(documents),
        None => shadow,
    };
    shadow.await.map(ModeReport::DryRun)
}
