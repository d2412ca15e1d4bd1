//! A comment for a pull request: what is new and what it does, then the findings.

use super::plain::{self, counted};
use crate::finding::{Finding, Outcome, Review, Severity, Touched};

/// By this line a bot finds its own comment again.
pub(super) const MARK: &str = "<!-- mongrate -->";

/// The most that one cell of a table lists.
const LISTED_MAX: usize = 8;

pub(super) fn render(review: &Review) -> String {
    let verdict = if review.is_ok() { "✅" } else { "❌" };
    let mut text = format!("{MARK}\n## {verdict} Migrations: {}\n", review.summary());
    if !review.migrations.is_empty() {
        text += "\n### New migrations\n\n";
        text += "| migration | touches | rollback | expected cost |\n|---|---|---|---|\n";
        text.extend(review.migrations.iter().map(|it| row(review, it)));
    }
    if let Some(shadow) = &review.shadow {
        text += &format!(
            "\nThe shadow run applied {} in {} ms, in a scratch database with {} documents of {} collections. \
             Its times are those of this sample.\n",
            counted(shadow.ran, "migration"),
            shadow.duration_ms,
            shadow.documents,
            shadow.collections,
        );
    }
    for (severity, title) in [
        (Severity::Error, "Errors"),
        (Severity::Warning, "Warnings and lints"),
        (Severity::Note, "To know"),
    ] {
        let found: Vec<&Finding> =
            review.findings.iter().filter(|finding| finding.severity == severity).collect();
        if found.is_empty() {
            continue;
        }
        text += &format!("\n### {title}\n\n| where | code | what |\n|---|---|---|\n");
        for finding in found {
            let place = finding.place.as_ref().map_or("–".to_owned(), |place| {
                let line = place.line.map_or(String::new(), |line| format!(":{line}"));
                code(&format!("{}{line}", review.rooted(place)))
            });
            text += &format!(
                "| {place} | {} | {} |\n",
                code(&finding.rule.code),
                cell(&finding.message())
            );
        }
    }
    text += "\n<details><summary>What was checked</summary>\n\n";
    for check in &review.checks {
        match &check.outcome {
            Outcome::Skipped(why) => {
                text += &format!("- ⏭ {}: {}\n", cell(check.name), cell(why));
            }
            Outcome::Made => {
                let errors = review.of(check).iter().any(|it| it.severity == Severity::Error);
                text += &format!("- {} {}\n", if errors { "❌" } else { "✅" }, cell(check.name));
            }
        }
    }
    text + "\n</details>\n"
}

fn row(review: &Review, migration: &Touched) -> String {
    let place = migration.place.as_ref().map_or(String::new(), |place| {
        let line = place.line.map_or(String::new(), |line| format!(":{line}"));
        format!("<br>{}", code(&format!("{}{line}", review.rooted(place))))
    });
    let kind = match migration.kind.is_empty() {
        true => String::new(),
        false => format!("<br>{}", cell(&migration.kind)),
    };
    let mut touches: Vec<String> =
        migration.touches.iter().take(LISTED_MAX).map(|touched| code(touched)).collect();
    match migration.touches.len().saturating_sub(LISTED_MAX) {
        0 => {}
        more => touches.push(format!("and {more} more")),
    }
    if touches.is_empty() {
        touches.push("not known without a shadow run".to_owned());
    }
    let cost = migration.cost.map_or("not known without a shadow run".to_owned(), |cost| {
        format!(
            "{} ms, {}, {} written",
            cost.duration_ms,
            counted(cost.commands, "command"),
            counted(cost.written, "document"),
        )
    });
    format!(
        "| {} {}{kind}{place} | {} | {} | {cost} |\n",
        migration.version,
        code(&migration.name),
        touches.join("<br>"),
        if migration.is_reversible { "yes" } else { "**no**" },
    )
}

/// A text in a cell, of which nothing is markup but code between backticks.
fn cell(text: &str) -> String {
    let text = plain::lines(text);
    let mut parts = text.split('`').peekable();
    let mut out = String::new();
    let mut is_code = false;
    while let Some(part) = parts.next() {
        // A backtick without a partner is a character.
        match (is_code, parts.peek().is_some()) {
            (true, true) if !part.is_empty() && !part.contains('\n') => out += &code(part),
            (true, true) => out += &format!("\\`{}\\`", inert(part)),
            (true, false) => out += &format!("\\`{}", inert(part)),
            (false, _) => out += &inert(part),
        }
        is_code = !is_code;
    }
    out
}

/// A text without markup, mentions and references.
fn inert(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for char in text.chars() {
        match char {
            '&' => out += "&amp;",
            '<' => out += "&lt;",
            '>' => out += "&gt;",
            '|' => out += "&#124;",
            '@' => out += "&#64;",
            '#' => out += "&#35;",
            '\n' => out += "<br>",
            '\\' | '*' | '_' | '[' | ']' | '~' | '!' | '$' => {
                out.push('\\');
                out.push(char);
            }
            char => out.push(char),
        }
    }
    out
}

/// A text as code. As HTML, because a cell cannot hold a `|` in backticks everywhere.
fn code(text: &str) -> String {
    let mut out = String::from("<code>");
    for char in plain::line(text).chars() {
        match char {
            'a'..='z'
            | 'A'..='Z'
            | '0'..='9'
            | ' '
            | '.'
            | '/'
            | '-'
            | ':'
            | ','
            | '('
            | ')'
            | '='
            | '{'
            | '}'
            | '"'
            | '\''
            | '+'
            | ';'
            | '?'
            | '→'
            | '…' => out.push(char),
            char => out += &format!("&#{};", u32::from(char)),
        }
    }
    out + "</code>"
}
