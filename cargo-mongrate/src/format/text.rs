//! Text for people: what was done on stdout, warnings and errors on stderr, as a compiler writes them.

use std::io;

use super::plain;
use crate::{
    finding::{Finding, Outcome, Review, Severity},
    report::{print_text, print_to_stderr},
};

/// Prints the review to both streams.
pub(super) fn print(review: &Review) -> io::Result<()> {
    let printed = print_text(&head(review));
    for finding in problems(review) {
        print_to_stderr("", &[one(finding)]);
    }
    printed
}

/// The same as one text, for a file.
pub(super) fn render(review: &Review) -> String {
    let problems: String = problems(review).map(|finding| one(finding) + "\n").collect();
    head(review) + &problems
}

/// Lines, skipped checks, notes and the new migrations.
fn head(review: &Review) -> String {
    let mut text = String::new();
    for line in &review.lines {
        text += &format!("{}\n", plain::lines(line));
    }
    for check in &review.checks {
        if let Outcome::Skipped(why) = &check.outcome {
            text += &format!("skipped: {}: {}\n", check.name, plain::line(why));
        }
    }
    for finding in review.findings.iter().filter(|finding| finding.severity == Severity::Note) {
        text += &format!("{}\n", one(finding));
    }
    for migration in &review.migrations {
        let back =
            if migration.is_reversible { "can be rolled back" } else { "cannot be rolled back" };
        let kind = if migration.kind.is_empty() { "" } else { ", " };
        text += &format!(
            "new: {} `{}`{kind}{}, {back}\n",
            migration.version,
            plain::line(&migration.name),
            plain::line(&migration.kind),
        );
        for touched in &migration.touches {
            text += &format!("  {}\n", plain::line(touched));
        }
        if let Some(cost) = migration.cost {
            text += &format!(
                "  in the shadow run: {} ms, {}, {} written\n",
                cost.duration_ms,
                plain::counted(cost.commands, "command"),
                plain::counted(cost.written, "document"),
            );
        }
    }
    // Otherwise the lines say it.
    if review.lines.is_empty() {
        text += &format!("{}: {}\n", review.command, review.summary());
    }
    text
}

/// Warnings first, so that errors are the last that is read.
fn problems(review: &Review) -> impl Iterator<Item = &Finding> {
    let of = |severity| review.findings.iter().filter(move |it| it.severity == severity);
    of(Severity::Warning).chain(of(Severity::Error))
}

/// `error: src/a.rs:3: … [edited]`; further lines are set in, so that a log takes none for a command.
fn one(finding: &Finding) -> String {
    let text = plain::lines(&finding.to_string()).replace('\n', "\n  | ");
    format!("{}: {text} [{}]", finding.severity.word(), plain::line(&finding.rule.code))
}
