//! Shows a run's events on the progress line. Without a line (stderr is no terminal), a note says
//! that this process waits for the lock, which could otherwise be silent for hours.

use std::sync::{
    Mutex, PoisonError,
    atomic::{AtomicBool, Ordering},
};

use super::{line::line, out::Out, render::backfill::backfill_line, signals};
use crate::{
    Direction, Hold, HoldReason, StepProgress,
    telemetry::{
        progress::{PlannedStep, Progress, RunEvent},
        redact, visible,
    },
};

/// What was said so far, as later events refer to it.
#[derive(Debug, Default)]
struct Said {
    planned: Vec<PlannedStep>,
    /// The place of the migration at work.
    at: usize,
    /// The line without what holds the run back.
    text: String,
}

/// The listener of every verb. `is_logged`: whether log lines already say that a run waits.
pub(super) fn listener(out: Out, is_logged: bool) -> Progress {
    let said = Mutex::new(Said::default());
    let noted = AtomicBool::new(false);
    Progress::with_listener(move |event| {
        if matches!(event, RunEvent::Began { .. }) {
            signals::begun();
        }
        let bar = line();
        let shown = match &bar {
            Some(_) => on_the_line(&said, event, out.width()),
            None if is_logged => None,
            None => match &event {
                RunEvent::Held { hold: None } => {
                    let was_noted = noted.swap(false, Ordering::Relaxed);
                    was_noted.then(|| "the run goes on".to_owned())
                }
                RunEvent::Held { hold: Some(hold) } if hold.reason != HoldReason::Rate => {
                    noted.store(true, Ordering::Relaxed);
                    in_a_note(&event)
                }
                _ => in_a_note(&event),
            },
        };
        match (bar, shown) {
            (Some(bar), Some(text)) => {
                bar.set_message(redact::clean(&visible::line(&text)).into_owned());
            }
            (None, Some(text)) => out.note(&visible::line(&text)),
            (_, None) => {}
        }
    })
}

/// The line's text from this event on; `None`: it stays as it is.
fn on_the_line(said: &Mutex<Said>, event: RunEvent, width: Option<u16>) -> Option<String> {
    let mut said = said.lock().unwrap_or_else(PoisonError::into_inner);
    let text = match event {
        RunEvent::Began { steps, .. } => {
            said.planned = steps;
            // What it waited for is over.
            said.text = "going on".to_owned();
            return None;
        }
        RunEvent::StepBegan { at } => {
            said.at = at;
            let step = said.planned.get(at)?;
            let doing = match step.direction {
                Direction::Up => "applying",
                Direction::Down => "rolling back",
            };
            format!("{doing} {} {}{}", step.version, step.name, place(&said))
        }
        RunEvent::Backfill { progress, .. } => {
            // The last event of a backfill only corrects its number of documents.
            progress.per_second?;
            let far = StepProgress {
                name: progress.name,
                documents: progress.documents,
                total: progress.total,
                per_second: progress.per_second,
                remaining_ms: progress.remaining_ms,
                updated_at: None,
            };
            let (place, hold) = (place(&said), progress.hold);
            // Beside them, the spinner and the time since the run began.
            let room = width.map(|width| {
                usize::from(width.saturating_sub(12)).saturating_sub(place.chars().count())
            });
            said.text = format!("{}{place}", backfill_line(&far, room));
            return Some(with_hold(&said.text, hold.as_ref()));
        }
        RunEvent::Held { hold } => return Some(with_hold(&said.text, hold.as_ref())),
        RunEvent::Waiting { .. } => "waiting while another process migrates".to_owned(),
        RunEvent::Paused { asked } => {
            format!("waiting for `resume`: the history is paused by {asked}")
        }
        RunEvent::NotYet { until } => {
            format!("waiting until {} UTC", until.format("%Y-%m-%d %H:%M:%S"))
        }
        RunEvent::HeldUp { at_most, .. } => format!(
            "waiting until the server ends a transaction that a former process left open, at most {} s",
            at_most.as_secs()
        ),
        RunEvent::StepEnded { .. } | RunEvent::Undone { .. } | RunEvent::LockLost { .. } => {
            return None;
        }
    };
    said.text.clone_from(&text);
    Some(text)
}

/// ` · 3 of 11`; nothing if there is one migration only.
fn place(said: &Said) -> String {
    match said.planned.len() {
        0 | 1 => String::new(),
        count => format!(" · {} of {count}", said.at + 1),
    }
}

/// A rate says itself that it is bound; anything else stands still, and says why first.
fn with_hold(text: &str, hold: Option<&Hold>) -> String {
    match hold {
        None => text.to_owned(),
        Some(hold) if text.is_empty() => format!("held back: {}", hold.text),
        Some(hold) if hold.reason == HoldReason::Rate => format!("{text} ({})", hold.text),
        Some(hold) => format!("held back: {}; {text}", hold.text),
    }
}

/// The note of a process without a line that has waited for a while.
fn in_a_note(event: &RunEvent) -> Option<String> {
    if let RunEvent::HeldUp { waited, at_most, why } = event {
        return Some(format!(
            "waiting until the server ends a transaction that a former process left open: {} s of at \
             most {} s; this process may not end it ({why})",
            waited.as_secs(),
            at_most.as_secs()
        ));
    }
    match event {
        RunEvent::Paused { asked } => {
            return Some(format!("waiting for `resume`: the history is paused by {asked}"));
        }
        RunEvent::NotYet { until } => {
            return Some(format!("waiting until {} UTC", until.format("%Y-%m-%d %H:%M:%S")));
        }
        RunEvent::Held { hold: Some(hold) } if hold.reason != HoldReason::Rate => {
            return Some(format!("held back: {}", hold.text));
        }
        _ => {}
    }
    let RunEvent::Waiting { holder, fence, waited, is_this_process } = event else { return None };
    if waited.is_zero() {
        return None;
    }
    let seconds = waited.as_secs();
    let mut text =
        format!("waiting for the lock: {holder} migrates (fence {fence}); {seconds} s so far");
    if *is_this_process {
        text += "; the holder is this very process: if a migration's body started this call, it \
                 waits for itself forever";
    }
    Some(text)
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::{model::version::Version, telemetry::progress::BackfillProgress};

    fn planned() -> Mutex<Said> {
        let planned = Mutex::new(Said::default());
        let step = |version, name, direction| PlannedStep {
            version: Version::new(version),
            name,
            direction,
        };
        let steps =
            vec![step(7, "add_users", Direction::Up), step(6, "add_plans", Direction::Down)];
        assert_eq!(on_the_line(&planned, RunEvent::Began { fence: Some(1), steps }, None), None);
        planned
    }

    #[test]
    fn the_line_says_what_is_applied_and_rolled_back() {
        let planned = planned();
        let text = |at| on_the_line(&planned, RunEvent::StepBegan { at }, None);
        assert_eq!(text(0).as_deref(), Some("applying 7 add_users · 1 of 2"));
        assert_eq!(text(1).as_deref(), Some("rolling back 6 add_plans · 2 of 2"));
        assert_eq!(text(2), None);
    }

    #[test]
    fn the_line_says_how_far_a_backfill_is() {
        let progress = BackfillProgress {
            name: "initials".to_owned(),
            documents: 512_000,
            total: Some(1_000_000),
            per_second: Some(48_000),
            remaining_ms: Some(10_000),
            hold: None,
        };
        let said = planned();
        let event = RunEvent::Backfill { version: Version::new(7), progress };
        let shown = |event: RunEvent, width| on_the_line(&said, event, width).unwrap();
        assert_eq!(
            shown(event.clone(), None),
            "`initials` ████████░░░░░░░░ 51 %: 512,000 of 1,000,000 documents, 48,000/s, 10.0 s \
             left · 1 of 2"
        );
        assert_eq!(
            shown(event.clone(), Some(80)),
            "`initials` ████████░░░░░░░░ 51 %, 48,000/s, 10.0 s left · 1 of 2"
        );
        assert_eq!(shown(event, Some(60)), "`initials` 51 %, 48,000/s, 10.0 s left · 1 of 2");
        let lag = Hold::new(HoldReason::Lag, "replication is 12 s behind");
        assert_eq!(
            shown(RunEvent::Held { hold: Some(lag) }, Some(60)),
            "held back: replication is 12 s behind; `initials` 51 %, 48,000/s, 10.0 s left · 1 of 2"
        );
        let rate = Hold::new(HoldReason::Rate, "at most 500 documents/s");
        let text = shown(RunEvent::Held { hold: Some(rate) }, Some(60));
        assert!(text.ends_with(" · 1 of 2 (at most 500 documents/s)"), "{text}");
        assert!(shown(RunEvent::Held { hold: None }, Some(60)).ends_with("1 of 2"));
    }

    #[test]
    fn a_note_says_that_the_process_waits() {
        let waiting = |seconds, is_this_process| RunEvent::Waiting {
            holder: "web-1:42".to_owned(),
            fence: 3,
            waited: Duration::from_secs(seconds),
            is_this_process,
        };
        assert_eq!(in_a_note(&waiting(0, false)), None);
        assert_eq!(
            in_a_note(&waiting(12, false)).as_deref(),
            Some("waiting for the lock: web-1:42 migrates (fence 3); 12 s so far")
        );
        assert!(in_a_note(&waiting(12, true)).is_some_and(|text| text.contains("for itself")));
    }
}
