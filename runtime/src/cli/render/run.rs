//! The report of a run.

use comfy_table::{Attribute, Cell, Color};

use super::{
    notes::{ahead_notes, left_out_notes, stands_note},
    style::{FAINT, paint, safe},
    table::{fitting, table},
    view::{View, number},
};
use crate::{RunReport, StepOutcome, cli::duration::human};

/// The steps of a run, each with its outcome.
pub(super) fn steps(report: &RunReport, view: View) -> String {
    if report.steps.is_empty() {
        return String::new();
    }
    fitting(view, 0, |_| {
        let rows = report.steps.iter().map(|step| {
            let (mark, color, result) = match step.outcome {
                StepOutcome::Applied => ("✓", Color::Green, human(step.duration_ms)),
                StepOutcome::Reverted => ("↩", Color::Green, human(step.duration_ms)),
                StepOutcome::Failed => {
                    ("✗", Color::Red, format!("failed after {}", human(step.duration_ms)))
                }
                StepOutcome::Interrupted => ("✗", Color::Yellow, "interrupted".to_owned()),
                StepOutcome::Aborted => ("↩", Color::Yellow, "undone with the others".to_owned()),
                StepOutcome::NotRun => ("·", Color::Reset, "not run".to_owned()),
                StepOutcome::Unknown => {
                    ("?", Color::Red, "unknown whether it committed".to_owned())
                }
            };
            let result = if step.attempts > 1 {
                format!("{result}, {} attempts", step.attempts)
            } else {
                result
            };
            vec![
                Cell::new(mark).fg(color),
                Cell::new(step.version),
                Cell::new(safe(&step.name)),
                Cell::new(result).add_attribute(Attribute::Dim),
            ]
        });
        table(&[], rows, Some(2))
    })
}

/// A run's summary on one line: `3 applied in 41 ms, batch 2`.
pub(super) fn summary(report: &RunReport) -> String {
    let count = |outcome| report.steps.iter().filter(|step| step.outcome == outcome).count();
    let mut parts = Vec::new();
    for (outcome, what) in [
        (StepOutcome::Reverted, "rolled back"),
        (StepOutcome::Applied, "applied"),
        (StepOutcome::Failed, "failed"),
        (StepOutcome::Interrupted, "interrupted"),
        (StepOutcome::Aborted, "undone"),
        (StepOutcome::NotRun, "not run"),
        (StepOutcome::Unknown, "unknown"),
    ] {
        if count(outcome) > 0 {
            parts.push(format!("{} {what}", number(count(outcome))));
        }
    }
    let mut text = if parts.is_empty() && report.stands.is_some() {
        "nothing to run".to_owned()
    } else if parts.is_empty() {
        "nothing to do".to_owned()
    } else {
        let total_ms: u64 = report.steps.iter().map(|step| step.duration_ms).sum();
        format!("{} in {}", parts.join(", "), human(total_ms))
    };
    if let Some(batch) = report.batch {
        text += &format!(", batch {batch}");
    }
    if report.waited_ms >= 1_000 {
        text += &format!(", after waiting {} for another process", human(report.waited_ms));
    }
    format!("{text} {}\n", paint(FAINT, format!("· database {}", safe(&report.database))))
}

pub(crate) fn run(report: &RunReport, view: View) -> String {
    let steps = steps(report, view);
    let gap = if steps.is_empty() { "" } else { "\n" };
    let notes = stands_note(report.stands.as_ref(), true)
        + &left_out_notes(&report.skipped)
        + &ahead_notes(&report.ahead);
    format!("{steps}{gap}{}{notes}", summary(report))
}
