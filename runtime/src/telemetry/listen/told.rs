//! What the listeners of one run are told: from the events that every face gets, and from the run's end.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use chrono::Utc;

use super::{
    event::{Event, EventError, EventKind, EventMigration, EventRun, RunOutcome},
    queue::Listeners,
};
use crate::{
    model::{
        error::{Error, text},
        report::{
            run::{RunReport, StepOutcome, StepReport},
            steering::{Hold, HoldReason},
        },
    },
    telemetry::progress::RunEvent,
};

/// The listeners of one run, and what they know of it.
#[derive(Debug)]
pub(crate) struct Told {
    listeners: Listeners,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    /// `None`: it is no run that listeners are told of, e.g. a dry run.
    run: Option<Arc<EventRun>>,
    /// The number of the last event; 0: nothing was told.
    number: u64,
    has_begun: bool,
    is_paused: bool,
    has_ended: bool,
    steps: Vec<EventMigration>,
    /// How many of the steps are done, as far as the listeners know.
    done: usize,
}

impl Told {
    pub(crate) fn new(listeners: Listeners) -> Self {
        Self { listeners, state: Mutex::default() }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Begins a run for real: from here on, the listeners are told.
    pub(crate) fn begin(&self, run: EventRun) {
        *self.state() = State { run: Some(Arc::new(run)), ..State::default() };
    }

    /// Passes an event of the run on, if it is one for listeners.
    pub(crate) fn hear(&self, event: RunEvent) {
        let mut state = self.state();
        if state.run.is_none() {
            return;
        }
        match event {
            RunEvent::Paused { asked } => self.pause(&mut state, format!("paused by {asked}")),
            RunEvent::Held { hold: Some(Hold { reason: HoldReason::Paused, text }) } => {
                self.pause(&mut state, text);
            }
            RunEvent::Held { .. } => self.resume(&mut state),
            RunEvent::Began { fence, steps } => {
                self.resume(&mut state);
                state.has_begun = true;
                state.done = 0;
                state.steps = steps.iter().map(EventMigration::from).collect();
                let pending = state.steps.clone();
                self.tell(&mut state, EventKind::RunBegan { fence, pending });
            }
            RunEvent::StepBegan { at } => {
                let of = state.steps.len();
                if let Some(migration) = state.steps.get(at).cloned() {
                    let kind = EventKind::MigrationBegan { migration, at: at + 1, of };
                    self.tell(&mut state, kind);
                }
            }
            RunEvent::StepEnded { at, report } => self.step_ended(&mut state, at, *report),
            RunEvent::Undone { from } => {
                let done = std::mem::replace(&mut state.done, from);
                let migrations = state.steps.get(from..done).unwrap_or_default().to_vec();
                if !migrations.is_empty() {
                    self.tell(&mut state, EventKind::TakenBack { migrations });
                }
            }
            RunEvent::LockLost { taken_by } => {
                self.tell(&mut state, EventKind::LockLost { taken_by });
            }
            // Waits that end by themselves, and progress within a migration.
            RunEvent::Waiting { .. }
            | RunEvent::HeldUp { .. }
            | RunEvent::NotYet { .. }
            | RunEvent::Backfill { .. } => {}
        }
    }

    fn step_ended(&self, state: &mut State, at: usize, report: StepReport) {
        if report.is_done() {
            state.done = state.done.max(at + 1);
        }
        let (at, of) = (at + 1, state.steps.len());
        let kind = match report.outcome {
            StepOutcome::Failed | StepOutcome::Unknown => {
                let way_out = text::way_out(&report);
                EventKind::MigrationFailed { report, way_out, at, of }
            }
            _ => EventKind::MigrationEnded { report, at, of },
        };
        self.tell(state, kind);
    }

    /// Tells how the run ended. A run that had nothing to do is not mentioned.
    pub(crate) fn ended(&self, ended: &Result<RunReport, Error>) {
        let mut state = self.state();
        let report = match ended {
            Ok(report) => Some(report),
            Err(error) => error.report(),
        };
        let report = report.map(|report| Box::new(report.clone()));
        let kind = match ended {
            Ok(_) if state.number == 0 => return,
            Ok(_) => EventKind::RunEnded { outcome: RunOutcome::Done, report, error: None },
            Err(error) if !state.has_begun => {
                EventKind::RunRefused { error: EventError::of(error) }
            }
            Err(error) => {
                let outcome = match error {
                    Error::Cancelled { .. } => RunOutcome::Cancelled,
                    Error::LockLost { .. } => RunOutcome::LockLost,
                    _ => RunOutcome::Failed,
                };
                EventKind::RunEnded { outcome, report, error: Some(EventError::of(error)) }
            }
        };
        self.resume(&mut state);
        state.has_ended = true;
        self.tell(&mut state, kind);
    }

    /// The future of the run was dropped: what the run does from here on, nobody waits for.
    pub(crate) fn dropped(&self) {
        let mut state = self.state();
        if state.has_begun && !state.has_ended {
            let outcome = RunOutcome::Cancelled;
            self.tell(&mut state, EventKind::RunEnded { outcome, report: None, error: None });
        }
    }

    fn pause(&self, state: &mut State, text: String) {
        if !std::mem::replace(&mut state.is_paused, true) {
            self.tell(state, EventKind::Paused { text });
        }
    }

    fn resume(&self, state: &mut State) {
        if std::mem::take(&mut state.is_paused) {
            self.tell(state, EventKind::Resumed);
        }
    }

    fn tell(&self, state: &mut State, kind: EventKind) {
        let Some(run) = state.run.clone() else { return };
        state.number += 1;
        self.listeners.put(&Event { run, number: state.number, at: Utc::now(), kind });
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc;

    use super::*;
    use crate::{
        model::{report::steering::Asked, state::Who},
        telemetry::{listen::event::RunVerb, progress::PlannedStep},
    };

    /// What listeners are told of these events, by name.
    fn names(events: Vec<RunEvent>) -> Vec<&'static str> {
        let (send, received) = mpsc::channel();
        let mut listeners = Listeners::default();
        listeners.add(move |event| {
            let _ = send.send(event.name());
        });
        let told = Told::new(listeners);
        told.hear(RunEvent::Began { fence: None, steps: Vec::new() });
        told.begin(EventRun {
            id: "7".to_owned(),
            verb: RunVerb::Up,
            group: "default".to_owned(),
            database: "shop".to_owned(),
            by: Who::default(),
        });
        events.into_iter().for_each(|event| told.hear(event));
        drop(told);
        received.iter().collect()
    }

    fn began() -> RunEvent {
        let step = PlannedStep {
            version: crate::model::version::Version::new(1),
            name: "one",
            direction: crate::model::state::Direction::Up,
        };
        RunEvent::Began { fence: Some(1), steps: vec![step] }
    }

    #[test]
    fn a_pause_is_told_once_and_its_end_before_what_follows() {
        let asked = || Asked { by: Who::default(), at: Utc::now(), why: None };
        let hold = |reason| Some(Hold::new(reason, "paused by somebody"));
        let paused = || RunEvent::Paused { asked: asked() };
        let held = |reason| RunEvent::Held { hold: hold(reason) };
        let events = vec![
            paused(),
            paused(),
            began(),
            held(HoldReason::Rate),
            held(HoldReason::Paused),
            held(HoldReason::Paused),
            RunEvent::Held { hold: None },
            RunEvent::Held { hold: None },
        ];
        let told = ["run.paused", "run.resumed", "run.began", "run.paused", "run.resumed"];
        assert_eq!(names(events), told);
    }

    #[test]
    fn what_no_listener_asked_for_and_what_is_out_of_range_is_not_told() {
        let waits = RunEvent::NotYet { until: Utc::now() };
        let events = vec![
            waits,
            RunEvent::StepBegan { at: 0 },
            began(),
            RunEvent::StepBegan { at: 9 },
            RunEvent::Undone { from: 5 },
            RunEvent::LockLost { taken_by: None },
            began(),
        ];
        assert_eq!(names(events), ["run.began", "run.lock_lost", "run.began"]);
    }
}
