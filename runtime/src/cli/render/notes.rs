//! Notes that several reports share.

use super::{
    style::{ACCENT, ERROR, FAINT, WARNING, paint, safe, safe_lines},
    table::wrapped_prose,
    view::View,
};
use crate::{LeftOut, Named, model::error::text::RELEASES_GUIDE};

/// Migrations with version and name, one a line.
pub(crate) fn names(migrations: &[Named]) -> String {
    migrations
        .iter()
        .map(|migration| format!("  {} {}\n", migration.version, safe(&migration.name)))
        .collect()
}

pub(super) fn ahead_notes(ahead: &[Named]) -> String {
    if ahead.is_empty() {
        return String::new();
    }
    format!(
        "{} the database is ahead: it has applied migrations that this build does not have\n{}",
        paint(WARNING, "!"),
        names(ahead)
    )
}

/// Migrations that the selected labels leave out, each with the reason.
pub(super) fn left_out_notes(skipped: &[LeftOut]) -> String {
    let line = |one: &LeftOut| {
        let text = format!("{} {}: skipped, {}", one.version, safe(&one.name), one.why);
        format!("{} {}\n", paint(FAINT, "·"), safe(&text))
    };
    skipped.iter().map(line).collect()
}

/// A squash that is recorded and not run. `is_done`: it was; otherwise it would be.
pub(super) fn stands_note(stands: Option<&Named>, is_done: bool) -> String {
    let what = if is_done { "recorded" } else { "would be recorded" };
    stands.map_or_else(String::new, |one| {
        format!(
            "{what}, and not run, as it stands for what is applied:\n{}",
            names(std::slice::from_ref(one))
        )
    })
}

/// What a rollback leaves pending although newer ones stay applied.
pub(super) fn late_notes(late: &[Named]) -> String {
    if late.is_empty() {
        return String::new();
    }
    format!(
        "{} pending afterwards, and older than what stays applied: from then on, `up` and starts are \
         refused in builds that have it (guide \"{RELEASES_GUIDE}\")\n{}",
        paint(WARNING, "!"),
        names(late)
    )
}

/// An error, the next step, and where the book explains it.
pub(crate) fn failure(message: &str, next: Option<&str>, docs: &str, view: View) -> String {
    const HEAD: &str = "error:";
    let whole = format!("{HEAD} {}", safe_lines(message));
    let lines = wrapped_prose(&whole, view, 2).join("\n  ");
    let mut text =
        format!("{}{}\n", paint(ERROR, HEAD), lines.strip_prefix(HEAD).unwrap_or(&lines));
    if let Some(next) = next {
        text += &format!("{} {}\n", paint(ACCENT, "next:"), safe(next));
    }
    text += &format!("{} {docs}\n", paint(ACCENT, "docs:"));
    text
}
