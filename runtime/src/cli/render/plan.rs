//! The report of `plan`.

use comfy_table::{Attribute, Cell, Color};

use super::{
    lints,
    notes::{ahead_notes, late_notes, left_out_notes, stands_note},
    style::{FAINT, paint, safe, safe_lines},
    table::{fitting, table, wrapped},
    view::View,
};
use crate::{DeclaredOperation, Direction, PlanReport, model::numbers::counted};

pub(crate) fn plan(report: &PlanReport, view: View) -> String {
    let text = proposal(report, view);
    if report.steps.is_empty() {
        return text;
    }
    let lints = lints::full(&report.lints, view);
    let gap = if lints.is_empty() { "" } else { "\n" };
    format!("{text}{gap}{lints}{gap}{}\n", paint(FAINT, "nothing was written"))
}

/// The plan that is shown before a question.
pub(crate) fn proposal(report: &PlanReport, view: View) -> String {
    if report.steps.is_empty() {
        return format!(
            "nothing to {} {}\n{}{}",
            if report.stands.is_some() { "run" } else { "do" },
            paint(FAINT, format!("· database {}", safe(&report.database))),
            stands_note(report.stands.as_ref(), false),
            ahead_notes(&report.ahead)
        );
    }
    let mut text = fitting(view, 2, |level| {
        let mut columns = vec!["", "version", "name", "kind"];
        if level < 2 {
            columns.push("reversible");
        }
        if level < 1 {
            columns.push("declared at");
        }
        let rows = report.steps.iter().map(|step| {
            let (mark, color) = match step.direction {
                Direction::Up => ("apply", Color::Green),
                Direction::Down => ("roll back", Color::Yellow),
            };
            let name = safe(&step.name);
            let mut row = vec![
                Cell::new(mark).fg(color),
                Cell::new(step.version),
                Cell::new(if step.resumes { format!("{name} (resumes)") } else { name }),
                Cell::new(step.kind.as_str()),
            ];
            if level < 2 {
                row.push(Cell::new(if step.reversible { "yes" } else { "no" }));
            }
            if level < 1 {
                row.push(Cell::new(safe(&step.source)).add_attribute(Attribute::Dim));
            }
            row
        });
        table(&columns, rows, Some(2))
    });
    for step in report.steps.iter().filter(|step| !step.operations.is_empty()) {
        text += &format!(
            "\n{} {}\n{}",
            step.version,
            safe(&step.name),
            operations(&step.operations, step.direction, view)
        );
    }
    let going = |direction| report.steps.iter().filter(|step| step.direction == direction).count();
    let mut parts = Vec::new();
    if going(Direction::Down) > 0 {
        parts.push(format!("{} to roll back", going(Direction::Down)));
    }
    if going(Direction::Up) > 0 {
        parts.push(format!("{} to apply", going(Direction::Up)));
    }
    text += &format!(
        "\n{} {}\n{}{}{}{}",
        parts.join(", "),
        paint(FAINT, format!("· database {}", safe(&report.database))),
        stands_note(report.stands.as_ref(), false),
        left_out_notes(&report.skipped),
        ahead_notes(&report.ahead),
        late_notes(&report.late)
    );
    text
}

/// The operations of a declared migration, and how many documents each changes.
pub(super) fn operations(all: &[DeclaredOperation], direction: Direction, view: View) -> String {
    let mut text = String::new();
    for operation in all {
        let what = match direction {
            Direction::Up => &operation.operation,
            Direction::Down => &operation.undo,
        };
        let mut line = safe_lines(what).replace('\n', "\n  ");
        if let Some(documents) = operation.documents {
            line += &format!(" · {}", counted(documents, "document"));
        }
        for (at, line) in wrapped(&line, view, 4).iter().enumerate() {
            let margin = if at == 0 { "  " } else { "    " };
            text += &format!("{margin}{line}\n");
        }
    }
    text
}
