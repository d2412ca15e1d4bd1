//! The report of `status`.

use comfy_table::{Cell, Color, Table};

use super::{
    backfill::{backfill, backfill_line},
    lock::lock,
    policies::policies,
    steering::orders,
    style::{FAINT, WARNING, paint, safe, safe_lines},
    table::{fitting, right, table, wrapped},
    view::{View, counts, moment},
};
use crate::{
    Direction, MigrationKind, MigrationStatus, State, StatusReport,
    cli::duration::human,
    model::{labels::why_left_out, numbers::counted},
};

pub(crate) fn status(report: &StatusReport, view: View) -> String {
    let mut text = table_of(report, view);
    text += "\n";
    text += &format!(
        "{} {}\n",
        counts(report),
        paint(FAINT, format!("· database {}", safe(&report.database))),
    );
    if report.lock.held || report.lock.holder.is_some() {
        text += &lock(&report.lock, view);
    } else {
        text += &orders(&report.lock);
    }
    text += &policies(&report.policies, view);
    for migration in &report.migrations {
        let remark = remark(migration).map(|note| (paint(WARNING, "!"), format!(": {note}")));
        let said = remark.or_else(|| Some((paint(FAINT, "·"), aside(migration, report)?)));
        if let Some((first, note)) = said {
            let note =
                format!("{} {}{}", migration.version, safe(&migration.name), safe_lines(&note));
            for (at, line) in wrapped(&note, view, 2).iter().enumerate() {
                let mark = if at == 0 { first.clone() } else { " ".to_owned() };
                text += &format!("{mark} {line}\n");
            }
        }
    }
    text
}

/// The status for a screen that is drawn again and again: what a run is doing first.
pub(crate) fn watched(report: &StatusReport, view: View) -> String {
    let mut text = String::new();
    let at_work = |one: &&MigrationStatus| matches!(one.state, State::Running | State::Interrupted);
    for migration in report.migrations.iter().filter(at_work) {
        let place = report.lock.position.as_ref().filter(|_| migration.state == State::Running);
        let place = place.map(|at| format!(" · {} of {}", at.at, at.of)).unwrap_or_default();
        text += &format!(
            "{} {}: {}{place}\n",
            migration.version,
            safe(&migration.name),
            migration.state_text()
        );
        for progress in &migration.progress {
            let room = view.width.map(|width| usize::from(width.saturating_sub(2)));
            text += &format!("  {}\n", safe(&backfill_line(progress, room)));
        }
    }
    if !text.is_empty() {
        text += "\n";
    }
    text + &status(report, view)
}

/// What is said of a migration that needs no attention.
fn aside(migration: &MigrationStatus, report: &StatusReport) -> Option<String> {
    if let Some(count) = migration.stands_for {
        return Some(format!(
            " stands for {}; the next `up` records it, and does not run it",
            counted(u64::try_from(count).unwrap_or(u64::MAX), "applied migration")
        ));
    }
    let is_skipped = migration.state == State::Skipped && !migration.labels.is_empty();
    is_skipped.then(|| format!(": skipped, {}", why_left_out(&migration.labels, &report.selected)))
}

/// A remark for a migration that needs attention.
fn remark(migration: &MigrationStatus) -> Option<String> {
    if !migration.linked && migration.replaced_by.is_some() {
        return None;
    }
    if !migration.linked {
        return Some("not in this build".to_owned());
    }
    if let Some(recorded) = &migration.recorded_as {
        return Some(format!("recorded as `{recorded}`: another app's? `check` says more"));
    }
    if migration.drifted {
        return Some("changed after being applied; `check` says more".to_owned());
    }
    match migration.state {
        State::Failed => Some(match &migration.failure {
            Some(failure) => format!("{}{}", failure.message, ways_out(migration)),
            None => format!("its last attempt failed{}", ways_out(migration)),
        }),
        State::Running | State::Interrupted => Some(unfinished(migration)),
        State::Pending if migration.repeatable && migration.applied_at.is_some() => {
            Some("changed since it ran last; `up` runs it again".to_owned())
        }
        State::Applied | State::Pending | State::Skipped | State::Replaced => None,
    }
}

/// How far an unfinished migration got, and the verb that finishes it.
fn unfinished(migration: &MigrationStatus) -> String {
    let is_rollback = migration.direction == Some(Direction::Down);
    let (mut text, way_out) = match (migration.state, is_rollback) {
        (State::Interrupted, false) => ("interrupted".to_owned(), "; `up` resumes it"),
        (State::Interrupted, true) => {
            ("its rollback was interrupted".to_owned(), "; `down` finishes it")
        }
        (_, false) => ("running".to_owned(), ""),
        (_, true) => ("being rolled back".to_owned(), ""),
    };
    if !migration.progress.is_empty() {
        let all: Vec<String> = migration.progress.iter().map(backfill).collect();
        text += &format!(" at {}", all.join("; "));
    } else if !migration.finished_steps.is_empty() {
        let steps: Vec<String> =
            migration.finished_steps.iter().map(|step| format!("`{step}`")).collect();
        text += &format!(" after {}", steps.join(", "));
    }
    text + way_out
}

/// The ways out for a migration that failed half-way, shown after its failure.
fn ways_out(migration: &MigrationStatus) -> String {
    let Some(half_done) = migration.half_done else { return String::new() };
    let version = migration.version;
    // The command takes the name of a repeatable one.
    let which = match version.is_repeatable() {
        true => safe(&migration.name),
        false => version.to_string(),
    };
    let by_hand = format!("or record its state with `resolve {which} --as applied|pending`");
    let ways = match (half_done.direction, half_done.down) {
        (Direction::Up, true) => "half-done: `up` resumes it, `down` undoes what it did".to_owned(),
        (Direction::Up, false) => {
            format!("half-done: `up` resumes it, {by_hand}")
        }
        (Direction::Down, _) if half_done.gives_up_rollback => {
            "its rollback failed: `down` retries it, `up` gives it up and applies again what \
             it undid"
                .to_owned()
        }
        (Direction::Down, _) => format!("its rollback failed: `down` retries it, {by_hand}"),
    };
    format!("\n{ways}")
}

/// The migrations, with as many columns as there is room for.
fn table_of(report: &StatusReport, view: View) -> String {
    let release =
        |one: &MigrationStatus| one.by.as_ref().is_some_and(|by| !by.release().is_empty());
    let has_releases = report.migrations.iter().any(release);
    fitting(view, 6, |level| {
        status_table(report, view, level.saturating_sub(1), has_releases && level == 0)
    })
}

/// Level 0 has everything, each next level less. `releases`: says which release applied each.
fn status_table(report: &StatusReport, view: View, level: u8, releases: bool) -> Table {
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
    if releases {
        columns.push("release");
    }
    let rows = report.migrations.iter().map(|migration| {
        let mut row = vec![
            Cell::new(migration.version),
            Cell::new(safe(&migration.name)),
            state_cell(migration),
        ];
        if level < 5 {
            let kind = match migration.kind {
                MigrationKind::Transaction if level >= 2 => "tx",
                kind => kind.as_str(),
            };
            row.extend([
                Cell::new(kind),
                Cell::new(if migration.reversible { "yes" } else { "no" }),
            ]);
        }
        if level < 3 {
            row.push(right(migration.batch.map(|batch| batch.to_string()).unwrap_or_default()));
        }
        row.push(Cell::new(
            migration.applied_at.map(|at| moment(at, view, level)).unwrap_or_default(),
        ));
        if level < 4 {
            row.push(right(migration.duration_ms.map(human).unwrap_or_default()));
        }
        if releases {
            let by = migration.by.as_ref().map(|by| by.release()).unwrap_or_default();
            row.push(Cell::new(safe(by)));
        }
        row
    });
    table(&columns, rows, Some(1))
}

fn state_cell(migration: &MigrationStatus) -> Cell {
    let is_unknown = !migration.linked && migration.replaced_by.is_none();
    let odd = migration.drifted || is_unknown || migration.recorded_as.is_some();
    let is_rollback = migration.half_done.is_some_and(|half| half.direction == Direction::Down);
    let text = match migration.state {
        State::Failed if is_rollback => "rollback failed".to_owned(),
        _ => migration.state_text(),
    };
    let text = if odd { format!("{text} !") } else { text };
    Cell::new(text).fg(match migration.state {
        _ if odd => Color::Yellow,
        State::Applied => Color::Green,
        State::Pending => Color::Yellow,
        State::Running => Color::Cyan,
        State::Interrupted => Color::Yellow,
        State::Failed => Color::Red,
        State::Skipped | State::Replaced => Color::DarkGrey,
    })
}
