//! A dry run's report as text: pure, at a given width.

use comfy_table::{Attribute, Cell, Color};

use super::{
    lints,
    notes::{ahead_notes, stands_note},
    plan::operations,
    style::{ERROR, FAINT, GOOD, WARNING, paint, safe, safe_lines},
    table::{fitting, right, table, wrapped},
    view::{View, number},
};
use crate::{
    CommandReport, Direction, DryRunKind, DryRunOutcome, DryRunReport, DryRunStep, MigrationKind,
    cli::duration::human,
    model::numbers::{counted, grouped},
};

/// The most lines of commands shown for one migration; `--json` has all.
const LINES_MAX: usize = 30;

pub(crate) fn report(report: &DryRunReport, view: View) -> String {
    let database = paint(FAINT, format!("· database {}", safe(&report.database)));
    if report.steps.is_empty() {
        return format!(
            "nothing to {} {database}\n{}{}",
            if report.stands.is_some() { "run" } else { "do" },
            stands_note(report.stands.as_ref(), false),
            ahead_notes(&report.ahead)
        );
    }
    let mut text = String::new();
    for step in &report.steps {
        text += &heading(step);
        if let Some(failure) = &step.failure {
            for line in wrapped(&safe_lines(&failure.message), view, 3) {
                text += &format!("   {line}\n");
            }
        }
        text += &indented(&operations(
            &step.planned.operations,
            step.planned.direction,
            view.narrower(1),
        ));
        text += &commands(&step.commands, report, view);
    }
    text += "\n";
    let lints = lints::full(&report.lints, view);
    if !lints.is_empty() {
        text += &format!("{lints}\n");
    }
    text += &format!("{} {database}\n", summary(report));
    text += &stands_note(report.stands.as_ref(), false);
    text += &ahead_notes(&report.ahead);
    text += &notes(report);
    text
}

/// `text`, indented by one column.
fn indented(text: &str) -> String {
    text.lines().map(|line| format!(" {line}\n")).collect()
}

fn heading(step: &DryRunStep) -> String {
    let (mark, style, result) = match (step.outcome, step.planned.direction) {
        (DryRunOutcome::Ran, Direction::Up) => ("✓", GOOD, human(step.duration_ms)),
        (DryRunOutcome::Ran, Direction::Down) => {
            ("↩", GOOD, format!("rolled back, {}", human(step.duration_ms)))
        }
        (DryRunOutcome::Failed, _) => {
            ("✗", ERROR, format!("failed after {}", human(step.duration_ms)))
        }
        (DryRunOutcome::Conflict, _) => {
            ("✗", WARNING, "another client writes to the same documents".to_owned())
        }
        (DryRunOutcome::TimedOut, _) => {
            ("✗", WARNING, format!("did not end within {}", human(step.duration_ms)))
        }
        (DryRunOutcome::Skipped, _) => (
            "-",
            WARNING,
            match step.planned.kind {
                MigrationKind::Change => "declared: not run in a transaction".to_owned(),
                _ => "online: not run in a transaction".to_owned(),
            },
        ),
        (DryRunOutcome::NotRun, _) => ("·", FAINT, "not run".to_owned()),
    };
    format!(
        "{} {} {} {}\n",
        paint(style, mark),
        step.planned.version,
        safe(&step.planned.name),
        paint(FAINT, format!("· {result}"))
    )
}

/// The commands of a migration; equal commands in a row are one line.
fn commands(all: &[CommandReport], report: &DryRunReport, view: View) -> String {
    if all.is_empty() {
        return String::new();
    }
    let mut lines: Vec<CommandReport> = Vec::new();
    for command in all {
        match lines.last_mut() {
            Some(last)
                if last.command == command.command
                    && last.namespace == command.namespace
                    && last.failed == command.failed =>
            {
                add(last, command);
            }
            _ => lines.push(command.clone()),
        }
    }
    let inner = view.narrower(3);
    let database = report.shadow.as_ref().map_or(&report.database, |shadow| &shadow.database);
    let prefix = format!("{database}.");
    let shown = fitting(inner, 2, |level| {
        let rows = lines.iter().take(LINES_MAX).map(|line| {
            let times = if line.times > 1 { format!(" × {}", line.times) } else { String::new() };
            let namespace = match line.namespace.strip_prefix(&prefix) {
                Some(collection) => collection,
                None if line.namespace == *database => "",
                None => &line.namespace,
            };
            let mut row = vec![
                Cell::new(format!("{}{times}", safe(&line.command))).fg(Color::Cyan),
                Cell::new(safe(namespace)),
                Cell::new(counts(line, level)),
            ];
            if level < 2 {
                let time = human(line.duration_us / 1_000);
                row.push(right(time).add_attribute(Attribute::Dim));
            }
            row
        });
        table(&[], rows, Some(1))
    });
    let mut text: String = shown.lines().map(|line| format!("   {line}\n")).collect();
    if lines.len() > LINES_MAX {
        let more = lines.len() - LINES_MAX;
        text +=
            &format!("   {}\n", paint(FAINT, format!("and {more} more; `--json` has them all")));
    }
    text
}

fn add(sum: &mut CommandReport, more: &CommandReport) {
    let plus = |sum: &mut Option<u64>, more: Option<u64>| {
        if let Some(more) = more {
            *sum = Some(sum.unwrap_or(0).saturating_add(more));
        }
    };
    sum.times += more.times;
    sum.duration_us = sum.duration_us.saturating_add(more.duration_us);
    plus(&mut sum.matched, more.matched);
    plus(&mut sum.modified, more.modified);
    plus(&mut sum.inserted, more.inserted);
    plus(&mut sum.upserted, more.upserted);
    plus(&mut sum.deleted, more.deleted);
    plus(&mut sum.returned, more.returned);
}

fn counts(line: &CommandReport, level: u8) -> String {
    let mut parts = Vec::new();
    for (count, what) in [
        (line.matched.filter(|_| level < 1), "matched"),
        (line.modified, "modified"),
        (line.inserted, "inserted"),
        (line.upserted, "upserted"),
        (line.deleted, "deleted"),
        (line.returned, "read"),
    ] {
        if let Some(count) = count {
            parts.push(format!("{} {what}", grouped(count)));
        }
    }
    if let Some(failed) = &line.failed {
        parts.push(safe(failed));
    }
    parts.join(", ")
}

fn summary(report: &DryRunReport) -> String {
    let count = |outcome| report.steps.iter().filter(|step| step.outcome == outcome).count();
    let failed = count(DryRunOutcome::Failed)
        + count(DryRunOutcome::Conflict)
        + count(DryRunOutcome::TimedOut);
    let mut parts = vec![format!("{} tried", number(count(DryRunOutcome::Ran) + failed))];
    if failed > 0 {
        // In brackets: the failed ones are among those that were tried.
        let text = format!("{} did not complete", number(failed));
        parts = vec![format!("{} ({})", parts.join(""), paint(ERROR, text))];
    }
    for (outcome, what) in
        [(DryRunOutcome::Skipped, "not run in a transaction"), (DryRunOutcome::NotRun, "not run")]
    {
        if count(outcome) > 0 {
            parts.push(format!("{} {what}", count(outcome)));
        }
    }
    format!("{} in {}", parts.join(", "), human(report.duration_ms))
}

fn notes(report: &DryRunReport) -> String {
    let mut text = String::new();
    let mut note = |line: String| text += &format!("{}\n", paint(FAINT, line));
    match (report.dry_run, &report.shadow) {
        (DryRunKind::Shadow, Some(shadow)) => {
            note(format!(
                "in a scratch database ({} of {}, at most {} of each), which was dropped; the \
                 counts are those of the sample",
                counted(shadow.documents, "document"),
                counted(shadow.collections.try_into().unwrap_or(u64::MAX), "collection"),
                grouped(shadow.sample.into())
            ));
            for swept in &shadow.swept {
                note(format!("dropped the scratch database of a killed run: {}", safe(swept)));
            }
        }
        _ => {
            let first = report.steps.iter().position(|step| step.outcome == DryRunOutcome::Skipped);
            let last = report.steps.iter().rposition(|step| step.outcome == DryRunOutcome::Ran);
            if matches!((first, last), (Some(first), Some(last)) if first < last) {
                note(
                    "later migrations ran without its effects; `--shadow` runs all kinds"
                        .to_owned(),
                );
            } else if first.is_some() {
                note("`--shadow` runs all kinds, in a scratch database".to_owned());
            }
            if report.attempts > 1 {
                note(format!(
                    "tried {} times, as other clients wrote to the same documents",
                    report.attempts
                ));
            }
        }
    }
    if !report.observed && report.ran().next().is_some() {
        note("commands are only shown if the client has an `Observer`".to_owned());
    }
    note("nothing was written".to_owned());
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::report::{failure::Failure, plan::PlanStep};

    fn stripped(text: &str) -> String {
        anstream::adapter::strip_str(text).to_string()
    }

    fn view(width: u16) -> View {
        View { width: Some(width), now: chrono::DateTime::UNIX_EPOCH }
    }

    fn command(name: &str, modified: u64) -> CommandReport {
        CommandReport {
            command: name.to_owned(),
            namespace: "shop.users_with_a_rather_long_name".to_owned(),
            times: 1,
            matched: Some(modified + 1),
            modified: Some(modified),
            inserted: None,
            upserted: None,
            deleted: None,
            returned: None,
            duration_us: 2_300,
            failed: None,
        }
    }

    fn step(version: i64, outcome: DryRunOutcome, kind: MigrationKind) -> DryRunStep {
        DryRunStep {
            planned: PlanStep {
                version: version.into(),
                name: format!("m{version}"),
                kind,
                direction: Direction::Up,
                reversible: true,
                resumes: false,
                source: String::new(),
                operations: Vec::new(),
            },
            outcome,
            duration_ms: 7,
            failure: None,
            commands: Vec::new(),
        }
    }

    fn dry_run() -> DryRunReport {
        let mut first = step(1, DryRunOutcome::Ran, MigrationKind::Transaction);
        first.commands = vec![command("update", 3), command("update", 4), command("delete", 0)];
        let mut last = step(3, DryRunOutcome::Failed, MigrationKind::Transaction);
        last.failure = Some(Failure {
            message: "no\u{1b}[2J".to_owned(),
            code: None,
            code_name: None,
            documents: Vec::new(),
        });
        DryRunReport {
            group: "default".to_owned(),
            database: "shop".to_owned(),
            dry_run: DryRunKind::Transaction,
            steps: vec![first, step(2, DryRunOutcome::Skipped, MigrationKind::Online), last],
            attempts: 1,
            duration_ms: 20,
            observed: true,
            lints: Vec::new(),
            shadow: None,
            stands: None,
            ahead: Vec::new(),
        }
    }

    #[test]
    fn a_dry_run_lists_the_commands_and_sums_up() {
        let text = stripped(&report(&dry_run(), view(100)));
        assert!(text.contains("✓ 1 m1 · 7 ms\n"), "{text}");
        assert!(
            text.contains(
                "   update × 2  users_with_a_rather_long_name  9 matched, 7 modified  4 ms\n"
            ),
            "{text}"
        );
        assert!(text.contains("- 2 m2 · online: not run in a transaction\n"), "{text}");
        assert!(text.contains("✗ 3 m3 · failed after 7 ms\n   no\\u{1b}[2J\n"), "{text}");
        assert!(
            text.contains("2 tried (1 did not complete), 1 not run in a transaction in 20 ms"),
            "{text}"
        );
        assert!(text.ends_with("nothing was written\n"), "{text}");
    }

    #[test]
    fn the_commands_fit_every_width() {
        for width in [40, 60, 80, 120] {
            let text = stripped(&report(&dry_run(), view(width)));
            for line in text.lines().filter(|line| line.starts_with("   ") && !line.contains("1b"))
            {
                assert!(line.chars().count() <= usize::from(width), "{width}: {line:?}");
            }
        }
    }
}
