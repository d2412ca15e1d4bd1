//! Reports as text: pure, with styles that the printer may cut, at a given width.

use std::fmt::Write as _;

use chrono::{DateTime, Utc};
use comfy_table::{Attribute, Cell, Color, Table};
use mongrate_seal::create::Created;

use super::{
    duration::{ago, human},
    lints,
    out::{ACCENT, ERROR, FAINT, GOOD, WARNING, paint, safe, safe_lines},
    table::{fitting, right, table, wrapped},
};
use crate::{
    CheckReport, DeclaredOperation, Direction, ImportReport, LockReport, MigrationKind,
    MigrationStatus, Named, PlanReport, PurgeReport, RecordReport, RepairReport, RunReport, State,
    StatusReport, StepOutcome, StepProgress, UnlockReport,
    report::{counted, grouped},
};

/// Where and when a report is read. No width: not at a terminal, so nothing is wrapped or
/// left out.
#[derive(Clone, Copy, Debug)]
pub(super) struct View {
    pub(super) width: Option<u16>,
    pub(super) now: DateTime<Utc>,
}

impl View {
    /// With so many columns less.
    pub(super) fn narrower(self, columns: u16) -> Self {
        Self { width: self.width.map(|width| width.saturating_sub(columns)), ..self }
    }
}

pub(super) fn status(report: &StatusReport, view: View) -> String {
    let mut text = fitting(view, 5, |level| status_table(report, view, level));
    text += "\n";
    text += &format!(
        "{} {}\n",
        counts(report),
        paint(FAINT, format!("· database {}", safe(&report.database))),
    );
    if report.lock.held || report.lock.holder.is_some() {
        text += &lock(&report.lock, view);
    }
    for one in &report.migrations {
        if let Some(note) = remark(one) {
            let note = format!("{} {}: {}", one.version, safe(&one.name), safe_lines(&note));
            for (at, line) in wrapped(&note, view, 2).iter().enumerate() {
                let mark = if at == 0 { paint(WARNING, "!") } else { " ".to_owned() };
                text += &format!("{mark} {line}\n");
            }
        }
    }
    text
}

/// `7 applied, 1 failed, 2 pending`: they add up to all migrations.
fn counts(report: &StatusReport) -> String {
    let mut parts = Vec::new();
    for (count, what, style, is_always) in [
        (report.applied, "applied", GOOD, true),
        (report.failed, "failed", ERROR, false),
        (report.interrupted, "interrupted", WARNING, false),
        (report.running, "running", ACCENT, false),
        (report.pending, "pending", WARNING, true),
        (report.orphaned, "rolled back and not in this build", FAINT, false),
    ] {
        let text = format!("{} {what}", number(count));
        match count {
            0 if is_always => parts.push(text),
            0 => {}
            _ => parts.push(paint(style, text)),
        }
    }
    parts.join(", ")
}

/// A count, as [`grouped`].
pub(super) fn number(count: usize) -> String {
    grouped(u64::try_from(count).unwrap_or(u64::MAX))
}

/// What is odd about a migration.
fn remark(one: &MigrationStatus) -> Option<String> {
    if !one.linked {
        return Some("not in this build".to_owned());
    }
    if let Some(recorded) = &one.recorded_as {
        return Some(format!("recorded as `{recorded}`: another app's? `check` says more"));
    }
    if one.drifted {
        return Some("changed after being applied; `check` says more".to_owned());
    }
    match one.state {
        State::Failed => Some(match &one.failure {
            Some(failure) => format!("{}{}", failure.message, ways_out(one)),
            None => format!("its last attempt failed{}", ways_out(one)),
        }),
        State::Running | State::Interrupted => Some(unfinished(one)),
        State::Applied | State::Pending => None,
    }
}

/// How far a migration is that was begun and is not done, and what finishes it.
fn unfinished(one: &MigrationStatus) -> String {
    let is_rollback = one.direction == Some(Direction::Down);
    let (mut text, way_out) = match (one.state, is_rollback) {
        (State::Interrupted, false) => ("interrupted".to_owned(), "; `up` resumes it"),
        (State::Interrupted, true) => {
            ("its rollback was interrupted".to_owned(), "; `down` finishes it")
        }
        (_, false) => ("running".to_owned(), ""),
        (_, true) => ("being rolled back".to_owned(), ""),
    };
    if !one.progress.is_empty() {
        let all: Vec<String> = one.progress.iter().map(backfill).collect();
        text += &format!(" at {}", all.join("; "));
    } else if !one.finished_steps.is_empty() {
        let steps: Vec<String> =
            one.finished_steps.iter().map(|step| format!("`{step}`")).collect();
        text += &format!(" after {}", steps.join(", "));
    }
    text + way_out
}

/// What can be done about a migration that failed half-way, behind why it did.
fn ways_out(one: &MigrationStatus) -> String {
    let Some(half_done) = one.half_done else { return String::new() };
    let version = one.version;
    let by_hand = format!("or say what is so with `resolve {version} --as applied|pending`");
    let ways = match (half_done.direction, half_done.down) {
        (Direction::Up, true) => "half-done: `up` resumes it, `down` undoes what it did".to_owned(),
        (Direction::Up, false) => {
            format!("half-done: `up` resumes it, {by_hand}")
        }
        (Direction::Down, _) if half_done.gives_up_rollback => {
            "its rollback failed: `down` tries it again, `up` gives it up and applies again what \
             it undid"
                .to_owned()
        }
        (Direction::Down, _) => format!("its rollback failed: `down` tries it again, {by_hand}"),
    };
    format!("\n{ways}")
}

/// How far a backfill is, on one line.
pub(super) fn backfill(one: &StepProgress) -> String {
    let mut text = format!("`{}`: {}", one.name, grouped(one.documents));
    match one.total {
        Some(total) if total > 0 => {
            let percent = one.percent().unwrap_or(0);
            let _ = write!(text, " of {} documents ({percent} %)", grouped(total));
        }
        _ => text.push_str(" documents"),
    }
    if let Some(rate) = one.per_second {
        let _ = write!(text, ", {}/s", grouped(rate));
    }
    if let Some(ms) = one.remaining_ms {
        let _ = write!(text, ", {} left", human(ms));
    }
    text
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
    let odd = one.drifted || !one.linked || one.recorded_as.is_some();
    let is_rollback = one.half_done.is_some_and(|half| half.direction == Direction::Down);
    let text = match one.state {
        State::Failed if is_rollback => "rollback failed".to_owned(),
        _ => one.state_text(),
    };
    let text = if odd { format!("{text} !") } else { text };
    Cell::new(text).fg(match one.state {
        _ if odd => Color::Yellow,
        State::Applied => Color::Green,
        State::Pending => Color::Yellow,
        State::Running => Color::Cyan,
        State::Interrupted => Color::Yellow,
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
    let text = proposal(report, view);
    if report.steps.is_empty() {
        return text;
    }
    let lints = lints::full(&report.lints, view);
    let gap = if lints.is_empty() { "" } else { "\n" };
    format!("{text}{gap}{lints}{gap}{}\n", paint(FAINT, "nothing was written"))
}

/// The plan, before it is asked whether to go ahead.
pub(super) fn proposal(report: &PlanReport, view: View) -> String {
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
        "\n{} {}\n{}",
        parts.join(", "),
        paint(FAINT, format!("· database {}", safe(&report.database))),
        ahead_notes(&report.ahead)
    );
    text
}

/// What declared migrations would do, and to how many documents.
pub(super) fn operations(all: &[DeclaredOperation], direction: Direction, view: View) -> String {
    let mut text = String::new();
    for one in all {
        let what = match direction {
            Direction::Up => &one.operation,
            Direction::Down => &one.undo,
        };
        let mut line = safe_lines(what).replace('\n', "\n  ");
        if let Some(documents) = one.documents {
            line += &format!(" · {}", counted(documents, "document"));
        }
        for (at, line) in wrapped(&line, view, 4).iter().enumerate() {
            let margin = if at == 0 { "  " } else { "    " };
            text += &format!("{margin}{line}\n");
        }
    }
    text
}

/// What is kept for rollbacks, to be removed or gone.
pub(super) fn purge(report: &PurgeReport, view: View) -> String {
    let database = paint(FAINT, format!("· database {}", safe(&report.database)));
    if report.collections.is_empty() {
        return format!("nothing is kept {database}\n");
    }
    let text = fitting(view, 1, |level| {
        let mut columns = vec!["version", "collection", "documents", "needed for"];
        if level < 1 {
            columns.push("since");
        }
        let rows = report.collections.iter().map(|one| {
            let needed = if one.applied { "its rollback" } else { "nothing" };
            let mut row = vec![
                Cell::new(one.version),
                Cell::new(safe(&one.name)),
                right(grouped(one.documents)),
                Cell::new(needed),
            ];
            if level < 1 {
                let since = one.since.map(|at| moment(at, view, 0)).unwrap_or_default();
                row.push(Cell::new(since).add_attribute(Attribute::Dim));
            }
            row
        });
        table(&columns, rows, Some(1))
    });
    let count = report.collections.len();
    let what = if count == 1 { "collection" } else { "collections" };
    let done = if report.purged { "removed" } else { "to remove" };
    text + &format!("\n{count} {what} {done} {database}\n")
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
                StepOutcome::Aborted => ("↩", Color::Yellow, "undone with the others".to_owned()),
                StepOutcome::NotRun => ("·", Color::Reset, "not run".to_owned()),
                StepOutcome::Unknown => {
                    ("?", Color::Red, "unknown whether it committed".to_owned())
                }
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
        (StepOutcome::Aborted, "undone"),
        (StepOutcome::NotRun, "not run"),
        (StepOutcome::Unknown, "unknown"),
    ] {
        if count(outcome) > 0 {
            parts.push(format!("{} {what}", number(count(outcome))));
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

pub(super) fn check(report: &CheckReport) -> String {
    format!(
        "{} this build fits the database: {} applied, {} pending {}\n{}",
        paint(GOOD, "✓"),
        number(report.applied),
        number(report.pending.len()),
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
        let ended = if report.dead { "; that process has ended" } else { "" };
        text += &format!(
            "  {} had it last and did not give it back{since}{ended}\n",
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
    if lock.dead {
        return format!(
            "{} locked by {}{since}, fence {}: that process has ended; its lease ends in {} at the \
             latest, and the next run takes the lock\n",
            paint(WARNING, "●"),
            safe(&holder),
            lock.fence,
            human(lock.remaining_ms),
        );
    }
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

pub(super) fn import(report: &ImportReport) -> String {
    let mut text = String::new();
    let mark = if report.written { paint(GOOD, "✓") } else { paint(WARNING, "+") };
    for one in &report.imported {
        text += &format!(
            "{mark} {} {} {}\n",
            one.version,
            safe(&one.name),
            paint(FAINT, format!("· {}", safe(&one.entry)))
        );
    }
    for one in &report.already {
        let line = format!("= {} {} is applied here already", one.version, safe(&one.name));
        text += &format!("{}\n", paint(FAINT, line));
    }
    for entry in &report.left_out {
        text += &format!("{}\n", paint(FAINT, format!("- {} is left out", safe(entry))));
    }
    for entry in &report.unmatched {
        text += &format!(
            "{} {} matches no migration of this build\n",
            paint(WARNING, "?"),
            safe(entry)
        );
    }
    if !text.is_empty() {
        text.push('\n');
    }
    let what = if report.written { "recorded as applied" } else { "would be recorded as applied" };
    text + &format!(
        "{} {what}; none was run {}\n",
        report.imported.len(),
        paint(
            FAINT,
            format!(
                "· from {}, collection {} · database {}",
                report.from,
                safe(&report.collection),
                safe(&report.database)
            )
        )
    )
}

pub(super) fn repair(report: &RepairReport) -> String {
    if report.checksums.is_empty() && report.renamed.is_empty() && !report.digest_rebuilt {
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
    for one in &report.renamed {
        text += &format!(
            "{mark} {} {}\n    recorded as  {}\n",
            one.version,
            safe(&one.linked),
            safe(&one.recorded)
        );
    }
    if report.digest_rebuilt {
        text += &format!("{mark} the digest of the history\n");
    }
    let counted = |count: usize, what: &str| match count {
        1 => format!("1 {what}"),
        count => format!("{count} {what}s"),
    };
    let mut what = counted(report.checksums.len(), "checksum");
    if !report.renamed.is_empty() {
        what += &format!(" and {}", counted(report.renamed.len(), "name"));
    }
    text += &match report.written {
        true => format!("\n{what} recorded anew"),
        false => format!("\n{what} would be recorded anew; nothing was written"),
    };
    text + &format!(" {}\n", paint(FAINT, format!("· database {}", safe(&report.database))))
}

pub(super) fn created(created: &Created) -> String {
    let mut text = format!("{} wrote {}\n", paint(GOOD, "✓"), created.path.display());
    if let Some(file) = &created.sum_file {
        text += &format!("{} wrote {}\n", paint(GOOD, "✓"), file.display());
    }
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

pub(super) fn ahead_notes(ahead: &[Named]) -> String {
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
    let mut text =
        format!("{} {}\n", paint(ERROR, "error:"), safe_lines(message).replace('\n', "\n  "));
    if let Some(next) = next {
        text += &format!("{} {}\n", paint(ACCENT, "next:"), safe(next));
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Failure, PlanStep, StepReport, Who};

    fn at(text: &str) -> DateTime<Utc> {
        text.parse().unwrap()
    }

    fn view(width: u16) -> View {
        let width = (width > 0).then_some(width);
        View { width, now: at("2025-01-22T12:00:00Z") }
    }

    fn one(version: i64, name: &str, state: State, kind: MigrationKind) -> MigrationStatus {
        let applied = state == State::Applied;
        MigrationStatus {
            version: version.into(),
            name: name.to_owned(),
            recorded_as: None,
            state,
            kind,
            reversible: true,
            linked: true,
            drifted: false,
            batch: applied.then_some(1),
            applied_at: applied.then(|| at("2025-01-22T10:30:12Z")),
            duration_ms: applied.then_some(1_240),
            by: None,
            failure: None,
            half_done: None,
            finished_steps: Vec::new(),
            progress: Vec::new(),
            percent: None,
            direction: None,
            source: None,
        }
    }

    #[test]
    fn a_rollback_that_failed_is_shown_as_that_with_the_ways_out() {
        let half_done = |direction, down, gives_up_rollback| {
            Some(crate::HalfDone { direction, up: true, gives_up_rollback, down })
        };
        let shown = |half_done| {
            let mut report = status_report();
            let failed = report.migrations.iter_mut().find(|one| one.state == State::Failed);
            let failed = failed.unwrap();
            (failed.kind, failed.half_done) = (MigrationKind::Change, half_done);
            let text = stripped(&status(&report, view(0)));
            text.split_whitespace().collect::<Vec<_>>().join(" ")
        };
        let back = shown(half_done(Direction::Down, true, true));
        assert!(back.contains("load_countries rollback failed change"), "{back}");
        assert!(back.contains("E11000"), "the reason: {back}");
        assert!(back.contains("`down` tries it again, `up` gives it up"), "{back}");
        let back = shown(half_done(Direction::Down, true, false));
        assert!(
            back.contains("`resolve 20250122003 --as") && !back.contains("gives it up"),
            "{back}"
        );
        let forth = shown(half_done(Direction::Up, true, false));
        assert!(forth.contains("load_countries failed change"), "{forth}");
        assert!(forth.contains("`up` resumes it, `down` undoes what it did"), "{forth}");
        assert!(!shown(None).contains("half-done"));
    }

    fn status_report() -> StatusReport {
        let mut failed =
            one(20_250_122_003, "load_countries", State::Failed, MigrationKind::Transaction);
        failed.failure =
            Some(Failure { message: "E11000 \u{1b}[2J".to_owned(), code: None, code_name: None });
        let mut unknown =
            one(20_250_122_004, "from_elsewhere", State::Applied, MigrationKind::Online);
        unknown.linked = false;
        StatusReport {
            group: "default".to_owned(),
            database: "clinic".to_owned(),
            collection: "migrations".to_owned(),
            applied: 2,
            pending: 1,
            failed: 1,
            running: 0,
            interrupted: 0,
            orphaned: 0,
            migrations: vec![
                one(
                    20_250_122_001,
                    "initialize_migrations",
                    State::Applied,
                    MigrationKind::Transaction,
                ),
                failed,
                unknown,
                one(20_250_122_005, "split_names", State::Pending, MigrationKind::Transaction),
            ],
            lock: LockReport {
                held: true,
                holder: Some(Who { host: "box".to_owned(), pid: 7, app: String::new() }),
                fence: 3,
                since: None,
                expires_at: None,
                remaining_ms: 28_000,
                dead: false,
            },
        }
    }

    /// What a terminal without colours shows.
    fn stripped(text: &str) -> String {
        anstream::adapter::strip_str(text).to_string()
    }

    fn lines(text: &str) -> Vec<String> {
        stripped(text).lines().map(str::to_owned).collect()
    }

    #[test]
    fn a_status_fits_every_width() {
        let report = status_report();
        for width in [20, 40, 60, 80, 120, 200] {
            let text = lines(&status(&report, view(width)));
            // The table ends at the first empty line; what follows is for the terminal to wrap.
            let table: Vec<_> = text.iter().take_while(|line| !line.is_empty()).collect();
            for line in &table {
                assert!(
                    line.chars().count() <= usize::from(width.max(40)),
                    "{width}: {line:?}\n{table:#?}"
                );
                assert_eq!(line.trim_end(), line.as_str(), "{width}");
            }
            assert!(table.iter().any(|line| line.contains("20250122001")), "{width}: {table:#?}");
        }
    }

    #[test]
    fn a_wide_status_says_more() {
        let report = status_report();
        let first = |width| lines(&status(&report, view(width))).remove(1);
        assert_eq!(
            first(120),
            "20250122001  initialize_migrations  applied    transaction  yes             1  \
             2025-01-22 10:30:12 (1 h ago)  1.2 s"
        );
        assert_eq!(
            first(80),
            "20250122001  initialize_migrations  applied    tx      yes   1 h ago  1.2 s"
        );
        assert_eq!(first(60), "20250122001  initialize_migrations  applied    1 h ago");
        // Where it is piped, it is whole, and says nothing that ages.
        assert_eq!(
            first(0),
            "20250122001  initialize_migrations  applied    transaction  yes             1  \
             2025-01-22 10:30:12  1.2 s"
        );
    }

    #[test]
    fn a_status_names_what_is_odd_and_obeys_no_control_characters() {
        let text = status(&status_report(), view(120));
        assert!(!text.contains("\u{1b}[2J"), "{text:?}");
        let text = lines(&text);
        let has = |line: &str| assert!(text.iter().any(|one| one == line), "{line}: {text:#?}");
        has("2 applied, 1 failed, 1 pending · database clinic");
        has("● locked by box pid 7, fence 3, for another 28.0 s unless renewed");
        has("! 20250122003 load_countries: E11000 \\u{1b}[2J");
        has("! 20250122004 from_elsewhere: not in this build");
    }

    #[test]
    fn what_was_interrupted_is_not_running() {
        let mut report = status_report();
        let first = report.migrations.first_mut().unwrap();
        first.state = State::Interrupted;
        first.direction = Some(Direction::Up);
        first.percent = Some(19);
        first.progress = vec![StepProgress {
            name: "month".to_owned(),
            documents: 19_500,
            total: Some(100_000),
            per_second: None,
            remaining_ms: None,
            updated_at: None,
        }];
        (report.applied, report.interrupted) = (1, 1);
        report.lock.dead = true;
        let text = lines(&status(&report, view(0)));
        let has = |line: &str| assert!(text.iter().any(|one| one == line), "{line}: {text:#?}");
        assert!(text[1].contains("  interrupted at 19 %  "), "{text:#?}");
        has("1 applied, 1 failed, 1 interrupted, 1 pending · database clinic");
        has("! 20250122001 initialize_migrations: interrupted at `month`: 19,500 of 100,000 \
             documents (19 %); `up` resumes it");
        has("● locked by box pid 7, fence 3: that process has ended; its lease ends in 28.0 s at \
             the latest, and the next run takes the lock");
        assert!(!text.join("\n").contains("running"), "{text:#?}");

        let first = report.migrations.first_mut().unwrap();
        first.direction = Some(Direction::Down);
        first.progress.clear();
        first.finished_steps = vec!["operation 2".to_owned()];
        let text = stripped(&status(&report, view(0)));
        let expected = "its rollback was interrupted after `operation 2`; `down` finishes it\n";
        assert!(text.contains(expected), "{text}");

        // At a terminal, a remark does not run over its end.
        let text = lines(&status(&report, view(60)));
        let remarks = text.iter().skip_while(|line| !line.starts_with("! "));
        assert!(remarks.clone().count() > 2, "{text:#?}");
        assert!(remarks.clone().all(|line| line.chars().count() <= 60), "{text:#?}");
    }

    #[test]
    fn a_long_name_wraps_and_the_numbers_do_not() {
        let mut report = status_report();
        if let Some(first) = report.migrations.first_mut() {
            first.name = "a_name_that_is_as_long_as_names_can_be_and_then_some_more".to_owned();
        }
        let text = lines(&status(&report, view(60)));
        assert!(text.iter().any(|line| line.starts_with("20250122001  a_name_that")), "{text:#?}");
        let mut table = text.iter().take_while(|line| !line.is_empty());
        assert!(table.all(|line| line.chars().count() <= 60), "{text:#?}");
    }

    fn run_report(steps: &[(i64, &str, StepOutcome)]) -> RunReport {
        RunReport {
            group: "default".to_owned(),
            database: "clinic".to_owned(),
            batch: Some(2),
            fence: Some(1),
            steps: steps
                .iter()
                .map(|(version, name, outcome)| StepReport {
                    version: (*version).into(),
                    name: (*name).to_owned(),
                    kind: MigrationKind::Transaction,
                    direction: Direction::Up,
                    outcome: *outcome,
                    duration_ms: 20,
                    attempts: 1,
                    failure: None,
                })
                .collect(),
            waited_ms: 0,
            ahead: Vec::new(),
        }
    }

    #[test]
    fn a_run_is_a_line_each_and_a_sum() {
        let report =
            run_report(&[(1, "a", StepOutcome::Applied), (22, "bcd", StepOutcome::Applied)]);
        assert_eq!(
            stripped(&run(&report, view(80))),
            "✓  1   a    20 ms\n✓  22  bcd  20 ms\n\n2 applied in 40 ms, batch 2 · database clinic\n"
        );

        let report = run_report(&[
            (1, "a", StepOutcome::Applied),
            (2, "b", StepOutcome::Failed),
            (3, "c", StepOutcome::NotRun),
        ]);
        let text = stripped(&run(&report, view(80)));
        assert!(text.contains("✗  2  b  failed after 20 ms\n·  3  c  not run\n"), "{text}");
        assert!(text.contains("1 applied, 1 failed, 1 not run in 60 ms, batch 2"), "{text}");

        let empty = RunReport { batch: None, ..run_report(&[]) };
        assert_eq!(stripped(&run(&empty, view(80))), "nothing to do · database clinic\n");
    }

    #[test]
    fn a_plan_says_which_way_it_goes() {
        let step = |direction| PlanStep {
            version: 7.into(),
            name: "a".to_owned(),
            kind: MigrationKind::Online,
            direction,
            reversible: true,
            resumes: direction == Direction::Up,
            source: "src/migrations/m7_a.rs:3".to_owned(),
            operations: Vec::new(),
        };
        let report = PlanReport {
            group: "default".to_owned(),
            database: "clinic".to_owned(),
            steps: vec![step(Direction::Down), step(Direction::Up)],
            lints: Vec::new(),
            ahead: vec![Named { version: 9.into(), name: "later".to_owned() }],
        };
        let text = stripped(&plan(&report, view(80)));
        assert!(text.contains("roll back  7        a            online  yes"), "{text}");
        assert!(text.contains("apply      7        a (resumes)  online  yes"), "{text}");
        assert!(text.contains("1 to roll back, 1 to apply · database clinic"), "{text}");
        assert!(text.contains("  9 later\nnothing was written\n"), "{text}");
        let narrow = lines(&plan(&report, view(40)));
        assert!(narrow.iter().take(3).all(|line| line.chars().count() <= 40), "{narrow:#?}");
    }

    #[test]
    fn a_failure_says_what_to_do_next() {
        assert_eq!(
            stripped(&failure("one\ntwo", Some("clinic up"))),
            "error: one\n  two\nnext: clinic up\n"
        );
    }
}
