//! Notes that several reports share.

use super::style::{ACCENT, ERROR, WARNING, paint, safe, safe_lines};
use crate::Named;

/// Migrations by name, one a line.
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
        "{} the database is ahead: it has applied what this build does not have\n{}",
        paint(WARNING, "!"),
        names(ahead)
    )
}

/// What went wrong, and what to do next.
pub(crate) fn failure(message: &str, next: Option<&str>) -> String {
    let mut text =
        format!("{} {}\n", paint(ERROR, "error:"), safe_lines(message).replace('\n', "\n  "));
    if let Some(next) = next {
        text += &format!("{} {}\n", paint(ACCENT, "next:"), safe(next));
    }
    text
}
