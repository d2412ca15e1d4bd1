//! Shows a run's events on the progress line. Without a line (stderr is no terminal), a note says
//! that this process waits for the lock, which could otherwise be silent for hours.

use std::sync::{Mutex, PoisonError};

use super::{line::line, out::Out, render::backfill::backfill};
use crate::{
    Direction, StepProgress,
    telemetry::{
        progress::{PlannedStep, Progress, RunEvent},
        redact, visible,
    },
};

/// The listener of every verb. `is_logged`: whether log lines already say that a run waits.
pub(super) fn listener(out: Out, is_logged: bool) -> Progress {
    let planned = Mutex::new(Vec::new());
    Progress::with_listener(move |event| {
        let bar = line();
        let shown = match &bar {
            Some(_) => on_the_line(&planned, event),
            None if is_logged => None,
            None => in_a_note(&event),
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
fn on_the_line(planned: &Mutex<Vec<PlannedStep>>, event: RunEvent) -> Option<String> {
    let mut planned = planned.lock().unwrap_or_else(PoisonError::into_inner);
    match event {
        RunEvent::Began { steps, .. } => {
            *planned = steps;
            None
        }
        RunEvent::StepBegan { at } => planned.get(at).map(|step| {
            let doing = match step.direction {
                Direction::Up => "applying",
                Direction::Down => "rolling back",
            };
            format!("{doing} {} {}", step.version, step.name)
        }),
        RunEvent::Backfill { progress, .. } => {
            // The last event of a backfill only corrects its number of documents.
            progress.per_second?;
            Some(backfill(&StepProgress {
                name: progress.name,
                documents: progress.documents,
                total: progress.total,
                per_second: progress.per_second,
                remaining_ms: progress.remaining_ms,
                updated_at: None,
            }))
        }
        RunEvent::Waiting { .. } => Some("waiting while another process migrates".to_owned()),
        RunEvent::HeldUp { at_most, .. } => Some(format!(
            "waiting until the server ends a transaction that a former process left open, at most {} s",
            at_most.as_secs()
        )),
        RunEvent::StepEnded { .. } | RunEvent::Undone { .. } => None,
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

    fn planned() -> Mutex<Vec<PlannedStep>> {
        let planned = Mutex::new(Vec::new());
        let step = |version, name, direction| PlannedStep {
            version: Version::new(version),
            name,
            direction,
        };
        let steps =
            vec![step(7, "add_users", Direction::Up), step(6, "add_plans", Direction::Down)];
        assert_eq!(on_the_line(&planned, RunEvent::Began { fence: Some(1), steps }), None);
        planned
    }

    #[test]
    fn the_line_says_what_is_applied_and_rolled_back() {
        let planned = planned();
        let text = |at| on_the_line(&planned, RunEvent::StepBegan { at });
        assert_eq!(text(0).as_deref(), Some("applying 7 add_users"));
        assert_eq!(text(1).as_deref(), Some("rolling back 6 add_plans"));
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
        };
        let event = RunEvent::Backfill { version: Version::new(7), progress };
        assert_eq!(
            on_the_line(&planned(), event).as_deref(),
            Some("`initials`: 512,000 of 1,000,000 documents (51 %), 48,000/s, 10.0 s left")
        );
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
