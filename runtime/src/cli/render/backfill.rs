//! How far a backfill is.

use std::fmt::Write as _;

use crate::{StepProgress, cli::duration::human, model::numbers::grouped};

/// How far a backfill is, on one line.
pub(crate) fn backfill(one: &StepProgress) -> String {
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
