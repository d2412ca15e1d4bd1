//! Reports as text: pure, with styles that the printer may cut, at a given width.

use std::fmt::Display;

use chrono::{DateTime, Utc};
use comfy_table::{
    Attribute, Cell, CellAlignment, Color, ColumnConstraint, ContentArrangement, Table, Width,
    presets,
};

use super::{
    create::Created,
    duration::{ago, human},
    out::{ACCENT, ERROR, FAINT, GOOD, WARNING, paint, safe},
};
use crate::{
    CheckReport, Direction, HistoryReport, LockReport, MigrationKind, MigrationStatus, Named,
    PlanReport, RecordReport, RepairReport, RunReport, State, StatusReport, StepOutcome,
    UnlockReport,
};

/// Where and when a report is read. No width: not at a terminal, so nothing is wrapped or
/// left out.
#[derive(Clone, Copy, Debug)]
pub(super) struct View {
    pub(super) width: Option<u16>,
    pub(super) now: DateTime<Utc>,
}

/// The column of a table that gives way when there is no room.
const SOFT_MIN: u16 = 12;

pub(super) fn status(report: &StatusReport, view: View) -> String {
    let mut text = fitting(view, 5, |level| status_table(report, view, level));
    text += "\n";
    text += &format!(
        "{}, {} {}\n",
        paint(GOOD, format!("{} applied", report.applied)),
        if report.pending > 0 {
            paint(WARNING, format!("{} pending", report.pending))
        } else {
            "0 pending".to_owned()
        },
        paint(FAINT, format!("· database {}", safe(&report.database))),
    );
    if report.lock.held {
        text += &lock_line(&report.lock);
    }
    for one in &report.migrations {
        if let Some(note) = remark(one) {
            text += &format!(
                "{} {} {}: {}\n",
                paint(WARNING, "!"),
                one.version,
                safe(&one.name),
                safe(&note).replace('\n', "\n  ")
            );
        }
    }
    text
}

/// What is odd about a migration.
fn remark(one: &MigrationStatus) -> Option<String> {
    if !one.linked {
        return Some("not in this build".to_owned());
    }
    if one.drifted {
        return Some("changed after being applied; `check` says more".to_owned());
    }
    match one.state {
        State::Failed => Some(match &one.failure {
            Some(failure) => failure.message.clone(),
            None => "its last attempt failed".to_owned(),
        }),
        State::Running if one.finished_steps.is_empty() => {
            Some("at work, or interrupted".to_owned())
        }
        State::Running => Some(format!(
            "at work, or interrupted after {}",
            one.finished_steps
                .iter()
                .map(|step| format!("`{step}`"))
                .collect::<Vec<_>>()
                .join(", ")
        )),
        State::Applied | State::Pending => None,
    }
}

/// Levels: 0 says all, each next one says less.
fn status_table(report: &StatusReport, view: View, level: u8) -> Table {
    let mut columns = vec!["version", "name", "state"];
    if level < 5 {
        columns.extend(["kind", if level < 2 { "reversible" } else { "undo" }]);
    }
    if level < 3 {
        columns.push("batch");
    }
    columns.push(if level < 2 { "applied (UTC)" } else { "applied" });
    if level < 4 {
        columns.push("took");
    }
    let rows = report.migrations.iter().map(|one| {
        let mut row = vec![Cell::new(one.version), Cell::new(safe(&one.name)), state_cell(one)];
        if level < 5 {
            let kind = match one.kind {
                MigrationKind::Transaction if level >= 2 => "tx",
                kind => kind.as_str(),
            };
            row.extend([Cell::new(kind), Cell::new(if one.reversible { "yes" } else { "no" })]);
        }
        if level < 3 {
            row.push(right(one.batch.map(|batch| batch.to_string()).unwrap_or_default()));
        }
        row.push(Cell::new(one.applied_at.map(|at| moment(at, view, level)).unwrap_or_default()));
        if level < 4 {
            row.push(right(one.duration_ms.map(human).unwrap_or_default()));
        }
        row
    });
    table(&columns, rows, Some(1))
}

fn state_cell(one: &MigrationStatus) -> Cell {
    let odd = one.drifted || !one.linked;
    let text = if odd { format!("{} !", one.state) } else { one.state.to_string() };
    Cell::new(text).fg(match one.state {
        _ if odd => Color::Yellow,
        State::Applied => Color::Green,
        State::Pending => Color::Yellow,
        State::Running => Color::Cyan,
        State::Failed => Color::Red,
    })
}

/// A moment, shorter with every level.
fn moment(at: DateTime<Utc>, view: View, level: u8) -> String {
    let relative = ago(view.now.signed_duration_since(at).num_seconds());
    match (level, view.width) {
        (0, Some(_)) => format!("{} ({relative})", at.format("%Y-%m-%d %H:%M:%S")),
        (0, None) => at.format("%Y-%m-%d %H:%M:%S").to_string(),
        (1, _) => at.format("%Y-%m-%d %H:%M").to_string(),
        _ => relative,
    }
}

pub(super) fn plan(report: &PlanReport, view: View) -> String {
    if report.steps.is_empty() {
        return format!(
            "nothing to do {}\n{}",
            paint(FAINT, format!("· database {}", safe(&report.database))),
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
    let going = |direction| report.steps.iter().filter(|step| step.direction == direction).count();
    let mut parts = Vec::new();
    if going(Direction::Down) > 0 {
        parts.push(format!("{} to roll back", going(Direction::Down)));
    }
    if going(Direction::Up) > 0 {
        parts.push(format!("{} to apply", going(Direction::Up)));
    }
    text += &format!(
        "\n{} {}\n{}",
        parts.join(", "),
        paint(FAINT, format!("· database {} · nothing was written", safe(&report.database))),
        ahead_notes(&report.ahead)
    );
    text
}

/// The steps of a run, each with what became of it.
pub(super) fn steps(report: &RunReport, view: View) -> String {
    if report.steps.is_empty() {
        return String::new();
    }
    fitting(view, 0, |_| {
        let rows = report.steps.iter().map(|step| {
            let (mark, color, said) = match step.outcome {
                StepOutcome::Applied => ("✓", Color::Green, human(step.duration_ms)),
                StepOutcome::Reverted => ("↩", Color::Green, human(step.duration_ms)),
                StepOutcome::Failed => {
                    ("✗", Color::Red, format!("failed after {}", human(step.duration_ms)))
                }
                StepOutcome::Interrupted => ("✗", Color::Yellow, "interrupted".to_owned()),
                StepOutcome::NotRun => ("·", Color::Reset, "not run".to_owned()),
            };
            let said = if step.attempts > 1 {
                format!("{said}, {} attempts", step.attempts)
            } else {
                said
            };
            vec![
                Cell::new(mark).fg(color),
                Cell::new(step.version),
                Cell::new(safe(&step.name)),
                Cell::new(said).add_attribute(Attribute::Dim),
            ]
        });
        table(&[], rows, Some(2))
    })
}

/// What a run did, in one line: `3 applied in 41 ms, batch 2`.
pub(super) fn summary(report: &RunReport) -> String {
    let count = |outcome| report.steps.iter().filter(|step| step.outcome == outcome).count();
    let mut parts = Vec::new();
    for (outcome, what) in [
        (StepOutcome::Reverted, "rolled back"),
        (StepOutcome::Applied, "applied"),
        (StepOutcome::Failed, "failed"),
        (StepOutcome::Interrupted, "interrupted"),
        (StepOutcome::NotRun, "not run"),
    ] {
        if count(outcome) > 0 {
            parts.push(format!("{} {what}", count(outcome)));
        }
    }
    let mut text = if parts.is_empty() {
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

pub(super) fn run(report: &RunReport, view: View) -> String {
    let steps = steps(report, view);
    let gap = if steps.is_empty() { "" } else { "\n" };
    format!("{steps}{gap}{}{}", summary(report), ahead_notes(&report.ahead))
}

pub(super) fn history(report: &HistoryReport, view: View) -> String {
    if report.events.is_empty() {
        return format!(
            "no events {}\n",
            paint(FAINT, format!("· database {}", safe(&report.database)))
        );
    }
    fitting(view, 3, |level| {
        let mut columns = vec!["when (UTC)", "event", "version", "name"];
        if level < 3 {
            columns.push("by");
        }
        if level < 1 {
            columns.push("fence");
        }
        let rows = report.events.iter().map(|event| {
            let when = match level {
                0 => event.at.format("%Y-%m-%d %H:%M:%S"),
                _ => event.at.format("%Y-%m-%d %H:%M"),
            };
            let mut name = safe(&event.name);
            if let Some(failure) = &event.failure {
                name = format!("{name}\n{}", safe(&failure.message)).trim_start().to_owned();
            }
            let color = match event.event.as_str() {
                "failed" => Color::Red,
                "applied" => Color::Green,
                _ => Color::Reset,
            };
            let said = match event.direction {
                Some(Direction::Down) if event.event != "reverted" => {
                    format!("{} (down)", safe(&event.event))
                }
                _ => safe(&event.event),
            };
            let mut row = vec![
                Cell::new(when),
                Cell::new(said).fg(color),
                Cell::new(event.version.map(|version| version.to_string()).unwrap_or_default()),
                Cell::new(name),
            ];
            if level < 3 {
                let by = &event.by;
                row.push(Cell::new(safe(&match level {
                    0 | 1 => by.to_string(),
                    _ => by.host.clone(),
                })));
            }
            if level < 1 {
                row.push(right(event.fence));
            }
            row
        });
        table(&columns, rows, Some(3))
    })
}

pub(super) fn check(report: &CheckReport) -> String {
    format!(
        "{} this build fits the database: {} applied, 0 pending {}\n{}",
        paint(GOOD, "✓"),
        report.applied,
        paint(FAINT, format!("· database {}", safe(&report.database))),
        ahead_notes(&report.ahead)
    )
}

pub(super) fn lock(report: &LockReport, view: View) -> String {
    if report.held {
        return lock_line(report);
    }
    let mut text = format!("{} the lock is free", paint(GOOD, "✓"));
    if report.fence > 0 {
        text += &paint(FAINT, format!(" · last fence {}", report.fence));
    }
    text.push('\n');
    if let Some(holder) = &report.holder {
        let since = report
            .expires_at
            .map(|at| ago(view.now.signed_duration_since(at).num_seconds()))
            .map(|ago| format!("; its lease ran out {ago}"))
            .unwrap_or_default();
        text += &format!(
            "  {} had it last and did not give it back{since}\n",
            safe(&holder.to_string())
        );
    }
    text
}

fn lock_line(lock: &LockReport) -> String {
    let holder =
        lock.holder.as_ref().map_or_else(|| "an unknown process".to_owned(), ToString::to_string);
    let since = lock
        .since
        .map(|since| format!(" since {} UTC", since.format("%Y-%m-%d %H:%M:%S")))
        .unwrap_or_default();
    format!(
        "{} locked by {}{since}, fence {}, for another {} unless renewed\n",
        paint(ACCENT, "●"),
        safe(&holder),
        lock.fence,
        human(lock.remaining_ms),
    )
}

pub(super) fn unlock(report: &UnlockReport) -> String {
    let holder =
        report.holder.as_ref().map_or_else(|| "an unknown process".to_owned(), ToString::to_string);
    format!(
        "{} took the lock with fence {} from {}{}\n",
        paint(GOOD, "✓"),
        report.fence,
        safe(&holder),
        if report.was_live { ", whose lease was still running" } else { "" }
    )
}

pub(super) fn record(report: &RecordReport) -> String {
    let mut text = String::new();
    for one in &report.migrations {
        text += &format!("{} {} {}\n", paint(GOOD, "✓"), one.version, safe(&one.name));
    }
    if !text.is_empty() {
        text.push('\n');
    }
    text + &format!(
        "{} recorded as {}; none was run {}\n",
        report.migrations.len(),
        report.state,
        paint(FAINT, format!("· database {}", safe(&report.database)))
    )
}

pub(super) fn repair(report: &RepairReport) -> String {
    if report.checksums.is_empty() && !report.digest_rebuilt {
        return format!(
            "nothing to repair {}\n",
            paint(FAINT, format!("· database {}", safe(&report.database)))
        );
    }
    let mark = if report.written { paint(GOOD, "✓") } else { paint(WARNING, "!") };
    let mut text = String::new();
    for drift in &report.checksums {
        text += &format!(
            "{mark} {} {}\n    applied as  {}\n    this build  {}\n",
            drift.version,
            safe(&drift.name),
            safe(&drift.applied),
            safe(&drift.linked)
        );
    }
    if report.digest_rebuilt {
        text += &format!("{mark} the digest of the history\n");
    }
    let count = report.checksums.len();
    let what = if count == 1 { "checksum" } else { "checksums" };
    text += &match report.written {
        true => format!("\n{count} {what} recorded anew"),
        false => format!("\n{count} {what} would be recorded anew; nothing was written"),
    };
    text + &format!(" {}\n", paint(FAINT, format!("· database {}", safe(&report.database))))
}

pub(super) fn created(created: &Created) -> String {
    let mut text = format!("{} wrote {}\n", paint(GOOD, "✓"), created.path.display());
    match &created.mod_file {
        Some(file) => {
            text +=
                &format!("{} {} has `{}`\n", paint(GOOD, "✓"), file.display(), created.mod_line);
        }
        None => {
            text += &format!(
                "{} there is no file to declare it in: add this line where the other migrations \
                 are declared\n    {}\n",
                paint(WARNING, "!"),
                created.mod_line
            );
        }
    }
    text
}

/// Migrations by name, one a line.
pub(super) fn names(migrations: &[Named]) -> String {
    migrations.iter().map(|one| format!("  {} {}\n", one.version, safe(&one.name))).collect()
}

fn ahead_notes(ahead: &[Named]) -> String {
    if ahead.is_empty() {
        return String::new();
    }
    format!(
        "{} the database is ahead: it has applied what this build does not have\n{}",
        paint(WARNING, "!"),
        names(ahead)
    )
}

/// What went wrong, and what to do next.
pub(super) fn failure(message: &str, next: Option<&str>) -> String {
    let mut text = format!("{} {}\n", paint(ERROR, "error:"), safe(message).replace('\n', "\n  "));
    if let Some(next) = next {
        text += &format!("{} {}\n", paint(ACCENT, "next:"), safe(next));
    }
    text
}

fn right(text: impl Display) -> Cell {
    Cell::new(text).set_alignment(CellAlignment::Right)
}

/// A table without lines. The column `soft` may wrap, the others never do.
fn table(columns: &[&str], rows: impl Iterator<Item = Vec<Cell>>, soft: Option<usize>) -> Table {
    let mut table = Table::new();
    table.load_style(presets::NOTHING).force_no_tty().enforce_styling();
    table.style_text_only();
    if !columns.is_empty() {
        table.set_header(columns.iter().map(|name| Cell::new(name).add_attribute(Attribute::Bold)));
    }
    table.add_rows(rows);
    for (index, column) in table.column_iter_mut().enumerate() {
        column.set_padding((0, 2));
        if Some(index) != soft {
            column.set_constraint(ColumnConstraint::ContentWidth);
        } else {
            column.set_constraint(ColumnConstraint::LowerBoundary(Width::Fixed(1)));
        }
    }
    table
}

/// The table of the first level that fits, and wrapped if none does.
fn fitting(view: View, last: u8, make: impl Fn(u8) -> Table) -> String {
    let Some(width) = view.width else { return plain(&make(0)) };
    let narrow = |table: &Table| natural_width(table) <= usize::from(width);
    if let Some(table) = (0..=last).map(&make).find(narrow) {
        return plain(&table);
    }
    let mut table = make(last);
    table.set_content_arrangement(ContentArrangement::Dynamic);
    // The padding behind the last column is cut.
    table.set_width(width.max(SOFT_MIN).saturating_add(2));
    plain(&table)
}

fn natural_width(table: &Table) -> usize {
    let widths = table.column_max_content_widths();
    widths.iter().map(|width| usize::from(*width) + 2).sum::<usize>().saturating_sub(2)
}

fn plain(table: &Table) -> String {
    table.trim_fmt() + "\n"
}
