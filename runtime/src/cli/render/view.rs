//! The width of the terminal and the time at which a report is shown.

use chrono::{DateTime, Utc};

use super::style::{ACCENT, ERROR, FAINT, GOOD, WARNING, paint};
use crate::{StatusReport, cli::duration::ago, model::numbers::grouped};

/// The terminal's width and the current time. Without a width (no terminal) nothing is wrapped or
/// left out.
#[derive(Clone, Copy, Debug)]
pub(crate) struct View {
    pub(in crate::cli) width: Option<u16>,
    pub(in crate::cli) now: DateTime<Utc>,
}

impl View {
    /// The same view with `columns` fewer columns.
    pub(super) fn narrower(self, columns: u16) -> Self {
        Self { width: self.width.map(|width| width.saturating_sub(columns)), ..self }
    }
}

/// `7 applied, 1 failed, 2 pending`: they add up to all migrations.
pub(crate) fn counts(report: &StatusReport) -> String {
    let mut parts = Vec::new();
    for (count, what, style, is_always) in [
        (report.applied, "applied", GOOD, true),
        (report.failed, "failed", ERROR, false),
        (report.interrupted, "interrupted", WARNING, false),
        (report.running, "running", ACCENT, false),
        (report.pending, "pending", WARNING, true),
        (report.skipped, "skipped", FAINT, false),
        (report.replaced, "replaced by a squash", FAINT, false),
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

/// A moment, shorter with every level.
pub(crate) fn moment(at: DateTime<Utc>, view: View, level: u8) -> String {
    let relative = ago(view.now.signed_duration_since(at).num_seconds());
    match (level, view.width) {
        (0, Some(_)) => format!("{} ({relative})", at.format("%Y-%m-%d %H:%M:%S")),
        (0, None) => at.format("%Y-%m-%d %H:%M:%S").to_string(),
        (1, _) => at.format("%Y-%m-%d %H:%M").to_string(),
        _ => relative,
    }
}
