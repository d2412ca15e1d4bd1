//! What an answer may hold: the allow-list. A report of the library is copied field by field, so
//! that a field which it gets one day is in no answer before somebody puts it here.
//!
//! Names and shapes are those of the command line's JSON.

mod report;
mod run;

pub(super) use report::{
    Created, Failure, History, Lint, Lock, Named, Plan, Status, StepProgress, Unlocked,
};
pub(super) use run::{DryRunReport, Run, RunReport, RunState, RunStep, StepState, Verb};

/// Whether texts of failures, and other texts that may quote documents, are shown.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Texts {
    pub(super) shown: bool,
}
