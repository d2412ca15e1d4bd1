//! The reports of `pause`, `resume`, `tune` and `cancel`, and what of it `status` shows.

use super::style::{GOOD, WARNING, paint, safe};
use crate::{Asked, HoldReason, LockReport, SteeringReport, SteeringVerb, cli::duration::human};

/// Who asked, when and why, for a terminal.
fn asked(asked: &Asked) -> String {
    safe(&asked.to_string())
}

pub(crate) fn steering(report: &SteeringReport) -> String {
    let by = |asked: &Option<Asked>| asked.as_ref().map(self::asked).unwrap_or_default();
    let settings = report.tuned.as_ref().map(|tuned| safe(&tuned.settings.to_string()));
    let said = match (report.verb, report.changed) {
        (SteeringVerb::Pause, true) => "paused: nothing more begins until `resume`".to_owned(),
        (SteeringVerb::Pause, false) => format!("already paused, by {}", by(&report.paused)),
        (SteeringVerb::Resume, true) => "resumed".to_owned(),
        (SteeringVerb::Resume, false) => "it was not paused".to_owned(),
        (SteeringVerb::Tune, _) => match settings {
            Some(settings) => format!("tuned: {settings}"),
            None => "tuned: as the migration and the run say it".to_owned(),
        },
        (SteeringVerb::Cancel, true) => "asked the run to end".to_owned(),
        (SteeringVerb::Cancel, false) => {
            format!("already asked to end, by {}", by(&report.cancel_asked))
        }
    };
    let mut text = format!("{} {said}\n", paint(GOOD, "✓"));
    let then = match report.verb {
        SteeringVerb::Pause => "; it finishes what it has begun, then waits",
        SteeringVerb::Resume => "",
        SteeringVerb::Tune => "; the new settings count from the next batch",
        SteeringVerb::Cancel => {
            "; it commits the batch at hand, or rolls the transaction back, and ends"
        }
    };
    match (&report.holder, report.known_within_ms) {
        (Some(holder), Some(ms)) if report.changed => {
            let holder = safe(&holder.to_string());
            let (fence, within) = (report.fence, human(ms));
            text += &format!("  {holder} (fence {fence}) knows within {within}{then}\n");
        }
        (None, _) if report.verb == SteeringVerb::Pause && report.changed => {
            text += "  no run is under way; a run that would begin waits\n";
        }
        _ => {}
    }
    if report.verb == SteeringVerb::Cancel && report.changed && report.paused.is_none() {
        text += "  the next `up` or start goes on from there; `pause` keeps it from that\n";
    }
    text
}

/// What operators have asked of the runs, and what holds the run back: lines of `status`.
pub(super) fn orders(lock: &LockReport) -> String {
    let mut text = String::new();
    let hold = lock.position.as_ref().and_then(|position| position.hold.as_ref());
    if let Some(paused) = &lock.paused {
        text += &format!(
            "{} paused by {}; `resume` lets runs go on\n",
            paint(WARNING, "‖"),
            asked(paused)
        );
        if lock.is_live() {
            text += match hold.map(|hold| hold.reason) {
                Some(HoldReason::Paused) => "  the run has stopped\n",
                _ => "  the run finishes what it has begun\n",
            };
        }
    }
    if let Some(cancel) = &lock.cancel_asked {
        text += &format!("{} asked to end by {}\n", paint(WARNING, "■"), asked(cancel));
    }
    if let Some(tuned) = &lock.tuned {
        let settings = safe(&tuned.settings.to_string());
        text += &format!("  tuned: {settings}, by {}\n", asked(&tuned.asked));
    }
    if let Some(hold) = hold.filter(|_| lock.paused.is_none()) {
        text += &format!("  held back: {}\n", safe(&hold.text));
    }
    text
}
