//! A backfill's progress as text.

use std::fmt::Write as _;

use crate::{StepProgress, cli::duration::human, model::numbers::grouped};

/// How many characters a bar has.
const BAR: u64 = 16;

/// `██████░░░░`.
pub(crate) fn bar(percent: u8) -> String {
    let full = u64::from(percent.min(100)) * BAR / 100;
    let of = |what: &str, count: u64| what.repeat(usize::try_from(count).unwrap_or(0));
    of("█", full) + &of("░", BAR - full)
}

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
    text + &rate(progress)
}

fn rate(progress: &StepProgress) -> String {
    let mut text = String::new();
    if let Some(rate) = progress.per_second {
        let _ = write!(text, ", {}/s", grouped(rate));
    }
    if let Some(ms) = progress.remaining_ms {
        let _ = write!(text, ", {} left", human(ms));
    }
    text
}

/// The same with a bar, in so many characters if it can be; `None`: however many.
pub(crate) fn backfill_line(progress: &StepProgress, room: Option<usize>) -> String {
    let Some((total, percent)) = progress.total.zip(progress.percent()) else {
        return backfill(progress);
    };
    let (name, rate) = (&progress.name, rate(progress));
    let documents = format!("{} of {} documents", grouped(progress.documents), grouped(total));
    let all = [
        format!("`{name}` {} {percent} %: {documents}{rate}", bar(percent)),
        format!("`{name}` {} {percent} %{rate}", bar(percent)),
        format!("`{name}` {percent} %{rate}"),
    ];
    let fits = |text: &&String| room.is_none_or(|room| text.chars().count() <= room);
    all.iter().find(fits).unwrap_or(&all[2]).clone()
}
