//! Lints as text: pure. One line for each before a run, all details in a plan. Lints of one kind
//! stand together.

use super::{
    style::{ACCENT, FAINT, WARNING, paint, safe, safe_lines},
    table::{one_line, wrapped},
    view::View,
};
use crate::{Lint, LintName};

/// Lints by kind: kinds and lints in the plan's order.
pub(crate) fn by_kind(all: &[Lint]) -> Vec<(LintName, Vec<&Lint>)> {
    let mut kinds: Vec<(LintName, Vec<&Lint>)> = Vec::new();
    for lint in all {
        match kinds.iter_mut().find(|(name, _)| *name == lint.name) {
            Some((_, lints)) => lints.push(lint),
            None => kinds.push((lint.name, vec![lint])),
        }
    }
    kinds
}

/// One line for each lint: its kind, the migration, what would happen. `app` is how users call the
/// command line.
pub(crate) fn brief(all: &[Lint], view: View, app: &str) -> String {
    let mut text = String::new();
    for (name, lints) in by_kind(all) {
        for lint in lints {
            let line = format!(
                "{name}: {} {}: {}",
                lint.version,
                safe(&lint.migration),
                safe_lines(&lint.message)
            );
            let line = one_line(&line, view, 9);
            text += &format!("{} {line}\n", paint(WARNING, "warning:"));
        }
    }
    if !text.is_empty() {
        let how = format!(
            "`{} plan` shows the lints in full, with better code; `--allow LINT` acknowledges one",
            safe(app)
        );
        for line in wrapped(&how, view, 0) {
            text += &format!("{}\n", paint(FAINT, line));
        }
    }
    text
}

/// Each lint in full: what would happen, what was found, the code now, and better code.
pub(super) fn full(all: &[Lint], view: View) -> String {
    let mut text = String::new();
    for (name, lints) in by_kind(all) {
        text += &format!("{} {name}\n", paint(WARNING, "warning:"));
        for lint in lints {
            text += &lint_text(lint, view);
        }
        let how =
            format!("acknowledge it: `allow = \"{name}\"` in the attribute, or `--allow {name}`");
        for line in wrapped(&how, view, 2) {
            text += &format!("  {}\n", paint(FAINT, line));
        }
    }
    text
}

fn lint_text(lint: &Lint, view: View) -> String {
    let mut text = String::new();
    let what = format!("{} {}: {}", lint.version, safe(&lint.migration), safe_lines(&lint.message));
    for (at, line) in wrapped(&what, view, 4).iter().enumerate() {
        let margin = if at == 0 { "  " } else { "    " };
        text += &format!("{margin}{line}\n");
    }
    for detail in &lint.details {
        for line in wrapped(&safe_lines(detail), view, 4) {
            text += &format!("    {}\n", paint(FAINT, line));
        }
    }
    text + &code("instead of", &lint.bad, '-') + &code("better", &lint.good, '+')
}

/// Code, which users copy and which is therefore not wrapped.
fn code(title: &str, code: &str, mark: char) -> String {
    let lines: String = safe_lines(code)
        .lines()
        .map(|line| format!("    {mark} {line}").trim_end().to_owned() + "\n")
        .collect();
    format!("    {}\n{lines}", paint(ACCENT, format!("{title}:")))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lint(name: LintName, version: i64, message: &str) -> Lint {
        Lint {
            name,
            version: version.into(),
            migration: format!("m{version}"),
            message: message.to_owned(),
            bad: "a\n  b".to_owned(),
            good: "c".to_owned(),
            details: vec!["12 documents".to_owned()],
            estimated: false,
        }
    }

    fn all() -> Vec<Lint> {
        vec![
            lint(LintName::LargeTransaction, 1, "it is large,\nvery large"),
            lint(LintName::FieldInUse, 2, "an index names it"),
            lint(LintName::LargeTransaction, 3, "it is larger"),
        ]
    }

    fn view(width: u16) -> View {
        let width = (width > 0).then_some(width);
        View { width, now: chrono::DateTime::UNIX_EPOCH }
    }

    fn stripped(text: &str) -> String {
        anstream::adapter::strip_str(text).to_string()
    }

    #[test]
    fn before_a_run_each_has_a_line_and_those_of_one_kind_stand_together() {
        assert_eq!(
            stripped(&brief(&all(), view(0), "shop db")),
            "warning: large_transaction: 1 m1: it is large, very large\n\
             warning: large_transaction: 3 m3: it is larger\n\
             warning: field_in_use: 2 m2: an index names it\n\
             `shop db plan` shows the lints in full, with better code; `--allow LINT` acknowledges \
             one\n"
        );
        let text = stripped(&brief(&all(), view(40), "shop"));
        assert_eq!(text.lines().next(), Some("warning: large_transaction: 1 m1: it is…"));
        assert!(text.lines().all(|line| line.chars().count() <= 40), "{text}");
        assert_eq!(brief(&[], view(40), "shop"), "");
    }

    #[test]
    fn a_plan_says_what_is_better() {
        assert_eq!(
            stripped(&full(&all(), view(0))),
            "warning: large_transaction\n  1 m1: it is large,\n    very large\n    12 documents\n    \
             instead of:\n    - a\n    -   b\n    better:\n    + c\n  3 m3: it is larger\n    12 \
             documents\n    instead of:\n    - a\n    -   b\n    better:\n    + c\n  acknowledge it: \
             `allow = \"large_transaction\"` in the attribute, or `--allow large_transaction`\n\
             warning: field_in_use\n  2 m2: an index names it\n    12 documents\n    instead of:\n    \
             - a\n    -   b\n    better:\n    + c\n  acknowledge it: `allow = \"field_in_use\"` in the \
             attribute, or `--allow field_in_use`\n"
        );
    }
}
