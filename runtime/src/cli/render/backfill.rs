//! A backfill's progress as text.

use std::fmt::Write as _;

use crate::{StepProgress, cli::duration::human, model::numbers::grouped};

/// A backfill's progress on one line.
pub(crate) fn backfill(progress: &StepProgress) -> String {
    let mut text = format!("`{}`: {}", progress.name, grouped(progress.documents));
    match progress.total {
        Some(total) if total > 0 => {
            let percent = progress.percent().unwrap_or(0);
            let _ = write!(text, " of {} documents ({percent} %)", grouped(total));
        }
        _ => text.push_str(" documents"),
    }
    if let Some(rate) = progress.per_second {
        let _ = write!(text, ", {}/s", grouped(rate));
    }
    if let Some(ms) = progress.remaining_ms {
        let _ = write!(text, ", {} left", human(ms));
    }
    text
}
