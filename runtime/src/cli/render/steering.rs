//! The reports of `pause`, `resume`, `tune` and `cancel`, and what of it `status` shows.

use super::style::{GOOD, WARNING, paint, safe};
use crate::{Asked, LockReport, SteeringReport, SteeringVerb, cli::duration::human};

/// `web-1 pid 42, since 2026-11-29 10:00:00 UTC: why`, for a terminal.
fn asked(asked: &Asked) -> String {
    safe(&asked.to_string())
}

pub(crate) fn steering(report: &SteeringReport) -> String {
    let by = |asked: &Option<Asked>| asked.as_ref().map(self::asked).unwrap_or_default();
    let tuned = report.tuned.as_ref();
    let settings = tuned.map_or("as the migration and the run say it".to_owned(), |tuned| {
        safe(&tuned.settings.to_string())
    });
    let said = match (report.verb, report.changed) {
        (SteeringVerb::Pause, true) => {
            "paused: nothing more begins, in any process, until `resume`".to_owned()
        }
        (SteeringVerb::Pause, false) => {
            format!("it was paused before, by {}", by(&report.paused))
        }
        (SteeringVerb::Resume, true) => "resumed".to_owned(),
        (SteeringVerb::Resume, false) => "it was not paused".to_owned(),
        (SteeringVerb::Tune, _) => format!("tuned: {settings}"),
        (SteeringVerb::Cancel, true) => {
            "asked the run to end; what is pending stays pending, until the next `up` or start"
                .to_owned()
        }
        (SteeringVerb::Cancel, false) => {
            format!("it was asked to end before, by {}", by(&report.cancelled))
        }
    };
    let mut text = format!("{} {said}\n", paint(GOOD, "✓"));
    match (&report.holder, report.known_within_ms) {
        (Some(holder), Some(ms)) if report.changed => {
            let holder = safe(&holder.to_string());
            let ends = match report.verb {
                SteeringVerb::Resume => "",
                _ => ", and ends the batch or the transaction at hand first",
            };
            text +=
                &format!("  {holder} (fence {}) knows within {}{ends}\n", report.fence, human(ms));
        }
        (None, _) if report.verb == SteeringVerb::Pause && report.changed => {
            text += "  no run is under way; a run that would begin waits\n";
        }
        _ => {}
    }
    text
}

/// What operators have asked of the runs, and what holds the run back: lines of `status`.
pub(super) fn orders(lock: &LockReport) -> String {
    let mut text = String::new();
    if let Some(paused) = &lock.paused {
        text += &format!(
            "{} paused by {}; `resume` lets runs go on\n",
            paint(WARNING, "‖"),
            asked(paused)
        );
    }
    if let Some(cancel) = &lock.cancel_asked {
        text += &format!("{} asked to end by {}\n", paint(WARNING, "■"), asked(cancel));
    }
    if let Some(tuned) = &lock.tuned {
        text += &format!(
            "  tuned: {}, by {}\n",
            safe(&tuned.settings.to_string()),
            asked(&tuned.asked)
        );
    }
    let hold = lock.position.as_ref().and_then(|position| position.hold.as_ref());
    if let Some(hold) = hold.filter(|_| lock.paused.is_none()) {
        text += &format!("  held back: {}\n", safe(&hold.text));
    }
    text
}
