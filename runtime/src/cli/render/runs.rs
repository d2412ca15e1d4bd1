//! The runs as text: pure, at a given width.

use comfy_table::{Attribute, Cell, Color};

use super::{
    style::{FAINT, paint, safe},
    table::{fitting, right, table},
    view::{View, moment},
};
use crate::{RunEntry, RunEntryState, RunsReport, model::numbers::counted};

pub(crate) fn runs(report: &RunsReport, view: View) -> String {
    let database = paint(FAINT, format!("· database {}", safe(&report.database)));
    if report.runs.is_empty() {
        return format!("no runs {database}\n");
    }
    let text = fitting(view, 3, |level| {
        let mut columns = vec!["began (UTC)", "run", "state", "done"];
        if level < 3 {
            columns.push("migrations");
        }
        if level < 2 {
            columns.push("by");
        }
        table(&columns, report.runs.iter().map(|run| row(run, level, view)), Some(4))
    });
    let count = counted(u64::try_from(report.runs.len()).unwrap_or(u64::MAX), "run");
    format!("{text}\n{count} {database}\n")
}

/// Level 0 has everything, each next level less.
fn row(run: &RunEntry, level: u8, view: View) -> Vec<Cell> {
    let color = match run.state {
        RunEntryState::Done => Color::Green,
        RunEntryState::Failed => Color::Red,
        RunEntryState::Running => Color::Cyan,
        RunEntryState::Cancelled | RunEntryState::Interrupted => Color::Yellow,
    };
    let direction = run.direction.map_or("", crate::Direction::as_str);
    let mut row = vec![
        Cell::new(moment(run.began_at, view, level)).add_attribute(Attribute::Dim),
        Cell::new(format!("{} {direction}", run.fence).trim_end()),
        Cell::new(run.state.as_str()).fg(color),
        right(format!("{} of {}", run.done, run.total)),
    ];
    if level < 3 {
        row.push(Cell::new(migrations(run)));
    }
    if level < 2 {
        row.push(Cell::new(safe(&run.by.to_string())).add_attribute(Attribute::Dim));
    }
    row
}

/// `1 add_users … 7 add_index`, and where it stopped.
fn migrations(run: &RunEntry) -> String {
    let named = |step: &crate::RunEntryStep| format!("{} {}", step.version, safe(&step.name));
    let text = match run.steps.as_slice() {
        [] => String::new(),
        [one] => named(one),
        [first, .., last] => format!("{} … {}", named(first), named(last)),
    };
    match run.stopped_at() {
        Some(at) if run.steps.len() > 1 => format!("{text}; stopped at {}", at.version),
        _ => text,
    }
}

#[cfg(test)]
mod tests {
    use anstream::adapter::strip_str;
    use chrono::DateTime;

    use super::*;
    use crate::{Direction, RunEntryStep, StepOutcome, Version, Who};

    fn run(fence: i64, state: RunEntryState, outcomes: &[StepOutcome]) -> RunEntry {
        let at = DateTime::from_timestamp(1_737_500_000, 0).unwrap();
        let steps = outcomes.iter().enumerate().map(|(at_step, outcome)| RunEntryStep {
            version: Version::new(i64::try_from(at_step).unwrap() + 1),
            name: "add_users".to_owned(),
            direction: Direction::Up,
            outcome: Some(*outcome),
            at,
            duration_ms: None,
            failure: None,
            progress: Vec::new(),
        });
        RunEntry {
            fence,
            direction: (!outcomes.is_empty()).then_some(Direction::Up),
            state,
            began_at: at,
            ended_at: None,
            duration_ms: None,
            by: Who { host: "web-3".to_owned(), pid: 7, app: "shop 1.4".to_owned() },
            total: outcomes.len().max(1),
            done: outcomes.iter().filter(|it| **it == StepOutcome::Applied).count(),
            failed: 0,
            plan: None,
            hold: None,
            steps: steps.collect(),
        }
    }

    #[test]
    fn each_run_is_a_line_at_every_width() {
        let applied = StepOutcome::Applied;
        let report = RunsReport {
            group: "default".to_owned(),
            database: "shop".to_owned(),
            runs: vec![
                run(9, RunEntryState::Running, &[]),
                run(8, RunEntryState::Failed, &[applied, StepOutcome::Failed]),
                run(7, RunEntryState::Done, &[applied]),
            ],
        };
        let now = DateTime::from_timestamp(1_737_500_060, 0).unwrap();
        for width in [None, Some(120), Some(80), Some(50)] {
            let text = strip_str(&runs(&report, View { width, now })).to_string();
            for part in ["9 ", "running", "0 of 1", "8 up", "failed", "1 of 2", "7 up", "3 runs"] {
                assert!(text.contains(part), "{width:?}: {part}\n{text}");
            }
            let widest = text.lines().map(|line| line.chars().count()).max().unwrap();
            assert!(width.is_none_or(|width| widest <= usize::from(width)), "{width:?}\n{text}");
        }
        let text = strip_str(&runs(&report, View { width: None, now })).to_string();
        assert!(text.contains("1 add_users … 2 add_users; stopped at 2"), "{text}");
        assert!(text.contains("web-3 pid 7 (shop 1.4)"), "{text}");
    }
}
