//! `history --runs`: the runs, as the events of the migrations and the lock tell of them.
//!
//! No document is kept of a run. Each run has the lock once, under a fence number of its own, which is in
//! every event that it leaves.

use std::collections::BTreeMap;

use chrono::{DateTime, TimeDelta, Utc};
use mongodb::bson::doc;

use crate::{
    model::{
        error::Error,
        report::{
            history::HistoryEvent,
            run::StepOutcome,
            runs::{RunEntry, RunEntryState, RunEntryStep, RunsReport},
            status::LockReport,
        },
        state::Direction,
        version::Version,
    },
    protocol::{
        checkpoint,
        history::History,
        read::read_all,
        record::{Record, Stored},
    },
    run::Runner,
};

impl Runner {
    /// The runs, newest first. Three round trips, no lock.
    pub(crate) async fn runs(&self) -> Result<RunsReport, Error> {
        // The lock first: what a run records after that shows in the history, too.
        let lock = self.peek().await?.lock;
        let (history, _) = read_all(&self.control, None).await?;
        let events = self.events(doc! { "events": { "$exists": true } }).await?;
        let took = |version, fence| duration(history.get(version)?, fence);
        let mut runs = runs(&events, &lock, took);
        for run in &mut runs {
            add_progress(run, &history);
        }
        runs.reverse();
        Ok(RunsReport { group: self.settings.group.clone(), database: self.database_name(), runs })
    }
}

/// How long the application under this fence number took. A record knows that of its last one only.
fn duration(record: &Record, fence: i64) -> Option<u64> {
    (record.is_applied() && record.fence == fence).then_some(record.duration_ms)?
}

/// Adds how far the backfills are that this run left, or is at work on.
fn add_progress(run: &mut RunEntry, history: &History) {
    for step in &mut run.steps {
        let record = history.get(step.version).filter(|record| {
            record.fence == run.fence
                && record.direction == step.direction
                && !matches!(record.state, Stored::Applied | Stored::Reverted)
        });
        let Some(record) = record else { continue };
        let backfills = &history.backfills;
        step.progress =
            checkpoint::progress::progress(backfills, step.version, step.direction, record.started);
        if step.outcome.is_some() {
            // A rate and a remaining time mean nothing while no process is at work.
            for one in &mut step.progress {
                (one.per_second, one.remaining_ms) = (None, None);
            }
        }
    }
}

/// The runs that these events and the lock tell of, oldest first. The events are sorted by their time;
/// `took` says how long an application took.
fn runs(
    events: &[HistoryEvent],
    lock: &LockReport,
    took: impl Fn(Version, i64) -> Option<u64>,
) -> Vec<RunEntry> {
    let mut by_fence: BTreeMap<i64, Vec<&HistoryEvent>> = BTreeMap::new();
    for event in events.iter().filter(|event| event.fence > 0 && is_of_a_run(event)) {
        by_fence.entry(event.fence).or_default().push(event);
    }
    // A run whose first migration is at work may have left nothing but the lock.
    if lock.holder.is_some() && lock.since.is_some() {
        by_fence.entry(lock.fence).or_default();
    }
    by_fence
        .into_iter()
        .filter_map(|(fence, events)| run(fence, &events, lock, |version| took(version, fence)))
        .collect()
}

/// Whether a run leaves such an event. The others are of operators.
fn is_of_a_run(event: &HistoryEvent) -> bool {
    let names = ["applied", "reverted", "failed", "running", "cancelled", "turned", "stands"];
    event.version.is_some() && names.contains(&&*event.event)
}

fn run(
    fence: i64,
    events: &[&HistoryEvent],
    lock: &LockReport,
    took: impl Fn(Version) -> Option<u64>,
) -> Option<RunEntry> {
    let lock = (lock.fence == fence && lock.holder.is_some()).then_some(lock);
    let is_live = lock.is_some_and(LockReport::is_live);
    let steps = steps(events, is_live, took);
    let first = steps.iter().map(|step| began(step, events)).min();
    let by = events.first().map(|event| event.by.clone());
    let by = by.or_else(|| lock.and_then(|lock| lock.holder.clone()))?;
    let began_at = lock.and_then(|lock| lock.since).or(first)?;
    let count = |is: fn(StepOutcome) -> bool| {
        steps.iter().filter(|step| step.outcome.is_some_and(is)).count()
    };
    let done = count(|it| matches!(it, StepOutcome::Applied | StepOutcome::Reverted));
    let failed = count(|it| it == StepOutcome::Failed);
    let interrupted = count(|it| it == StepOutcome::Interrupted);
    let state = match () {
        () if is_live => RunEntryState::Running,
        () if failed > 0 => RunEntryState::Failed,
        () if events.iter().any(|event| event.event == "cancelled") => RunEntryState::Cancelled,
        // Not released: its process ended, or is frozen.
        () if interrupted > 0 || lock.is_some() => RunEntryState::Interrupted,
        () => RunEntryState::Done,
    };
    let last = events.iter().map(|event| event.at).max();
    let ended_at = if is_live { None } else { last.or(Some(began_at)) };
    let until = ended_at.or_else(|| lock.and_then(now));
    let position = lock.and_then(|lock| lock.position.as_ref());
    let planned = position.and_then(|position| usize::try_from(position.of).ok());
    Some(RunEntry {
        fence,
        direction: steps.last().map(|step| step.direction),
        state,
        began_at,
        ended_at,
        duration_ms: until
            .and_then(|until| u64::try_from((until - began_at).num_milliseconds()).ok()),
        by,
        total: planned.unwrap_or(0).max(steps.len()),
        done,
        failed,
        plan: events.iter().find_map(|event| event.plan.clone()),
        hold: position.and_then(|position| position.hold.clone()),
        steps,
    })
}

/// The server's time, as the lock was read.
fn now(lock: &LockReport) -> Option<DateTime<Utc>> {
    let left = TimeDelta::try_milliseconds(i64::try_from(lock.remaining_ms).ok()?)?;
    lock.expires_at?.checked_sub_signed(left)
}

/// When a migration of a run began, as far as that is known.
fn began(step: &RunEntryStep, events: &[&HistoryEvent]) -> DateTime<Utc> {
    let of_it = |event: &&&HistoryEvent| {
        event.version == Some(step.version) && event.direction == Some(step.direction)
    };
    let first = events.iter().filter(of_it).map(|event| event.at).min().unwrap_or(step.at);
    let took = step.duration_ms.and_then(|ms| i64::try_from(ms).ok());
    let from_end = took.and_then(TimeDelta::try_milliseconds);
    let from_end = from_end.and_then(|took| step.at.checked_sub_signed(took));
    from_end.map_or(first, |at| at.min(first))
}

/// The migrations of a run, in their order.
fn steps(
    events: &[&HistoryEvent],
    is_live: bool,
    took: impl Fn(Version) -> Option<u64>,
) -> Vec<RunEntryStep> {
    let mut steps: Vec<RunEntryStep> = Vec::new();
    for event in events {
        let Some(version) = event.version else { continue };
        let direction = event.direction.unwrap_or(Direction::Up);
        let outcome = match event.event.as_str() {
            "applied" | "stands" => Some(StepOutcome::Applied),
            "reverted" => Some(StepOutcome::Reverted),
            "failed" => Some(StepOutcome::Failed),
            "cancelled" => Some(StepOutcome::Interrupted),
            _ if is_live => None,
            _ => Some(StepOutcome::Interrupted),
        };
        if event.event == "turned" {
            // It goes on in the other direction, as the same step.
            let turns = |step: &RunEntryStep| {
                step.version == version && step.direction != direction && !is_ended(step)
            };
            steps.retain(|step| !turns(step));
        }
        let of_it =
            |step: &&mut RunEntryStep| step.version == version && step.direction == direction;
        let step = match steps.iter_mut().find(of_it) {
            Some(step) => step,
            None => {
                steps.push(RunEntryStep {
                    version,
                    name: event.name.clone(),
                    direction,
                    outcome,
                    at: event.at,
                    duration_ms: None,
                    failure: None,
                    progress: Vec::new(),
                });
                let Some(step) = steps.last_mut() else { continue };
                step
            }
        };
        (step.outcome, step.at) = (outcome, event.at);
        step.failure = event.failure.clone();
    }
    for step in steps.iter_mut().filter(|step| step.outcome == Some(StepOutcome::Applied)) {
        step.duration_ms = took(step.version);
    }
    steps
}

fn is_ended(step: &RunEntryStep) -> bool {
    matches!(step.outcome, Some(StepOutcome::Applied | StepOutcome::Reverted))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{report::steering::RunPosition, state::Who};

    fn at(ms: i64) -> DateTime<Utc> {
        DateTime::from_timestamp_millis(1_700_000_000_000 + ms).unwrap()
    }

    fn who(pid: u32) -> Who {
        Who { host: "web-3".to_owned(), pid, app: "shop 1.4".to_owned() }
    }

    /// At this time, under this fence number, this became of that version.
    fn event(ms: i64, fence: i64, version: i64, name: &str) -> HistoryEvent {
        HistoryEvent {
            version: (version != 0).then(|| Version::new(version)),
            name: format!("migration_{version}"),
            at: at(ms),
            event: name.to_owned(),
            direction: Some(if name == "reverted" { Direction::Down } else { Direction::Up }),
            fence,
            by: who(7),
            failure: None,
            note: None,
            plan: None,
            tags: Vec::new(),
        }
    }

    fn held(fence: i64, is_live: bool) -> LockReport {
        LockReport {
            held: is_live,
            holder: Some(who(9)),
            fence,
            since: Some(at(5_000)),
            expires_at: Some(at(35_000)),
            remaining_ms: if is_live { 20_000 } else { 0 },
            position: is_live.then(|| RunPosition { at: 2, of: 40, ..RunPosition::default() }),
            ..LockReport::default()
        }
    }

    fn free() -> LockReport {
        LockReport { fence: 9, ..LockReport::default() }
    }

    fn shown(runs: &[RunEntry]) -> Vec<(i64, RunEntryState, usize, usize, usize)> {
        runs.iter().map(|run| (run.fence, run.state, run.total, run.done, run.failed)).collect()
    }

    #[test]
    fn each_fence_number_is_a_run() {
        let events = [
            event(100, 1, 1, "applied"),
            event(200, 1, 2, "applied"),
            event(250, 2, 9, "baseline"),
            event(260, 3, 0, "paused"),
            event(300, 4, 3, "running"),
            event(400, 4, 3, "failed"),
            event(500, 5, 2, "reverted"),
            event(600, 6, 3, "running"),
            event(700, 7, 3, "running"),
            event(800, 7, 3, "cancelled"),
        ];
        let took = |version: Version, _| (version.get() == 1).then_some(40);
        let found = runs(&events, &free(), took);
        assert_eq!(
            shown(&found),
            [
                (1, RunEntryState::Done, 2, 2, 0),
                (4, RunEntryState::Failed, 1, 0, 1),
                (5, RunEntryState::Done, 1, 1, 0),
                (6, RunEntryState::Interrupted, 1, 0, 0),
                (7, RunEntryState::Cancelled, 1, 0, 0),
            ]
        );
        let first = &found[0];
        assert_eq!((first.began_at, first.ended_at), (at(60), Some(at(200))));
        assert_eq!((first.duration_ms, first.direction), (Some(140), Some(Direction::Up)));
        assert_eq!((found[1].began_at, found[1].ended_at), (at(300), Some(at(400))));
        assert_eq!(found[1].stopped_at().map(|step| step.version), Some(Version::new(3)));
        assert_eq!(found[2].direction, Some(Direction::Down));
    }

    #[test]
    fn the_lock_tells_of_the_run_under_way() {
        let events = [event(6_000, 8, 1, "applied"), event(7_000, 8, 2, "running")];
        let found = runs(&events, &held(8, true), |_, _| None);
        assert_eq!(shown(&found), [(8, RunEntryState::Running, 40, 1, 0)]);
        let run = &found[0];
        assert_eq!((run.began_at, run.ended_at, run.duration_ms), (at(5_000), None, Some(10_000)));
        assert_eq!(run.steps[1].outcome, None);

        // The same, after its process has ended.
        let found = runs(&events, &held(8, false), |_, _| None);
        assert_eq!(shown(&found), [(8, RunEntryState::Interrupted, 2, 1, 0)]);
        assert_eq!(found[0].steps[1].outcome, Some(StepOutcome::Interrupted));

        // Nothing but the lock, as while the first migration is at work.
        let found = runs(&[], &held(8, true), |_, _| None);
        assert_eq!(shown(&found), [(8, RunEntryState::Running, 40, 0, 0)]);
        assert_eq!((found[0].by.pid, found[0].direction), (9, None));
        assert_eq!(runs(&[], &free(), |_, _| None), []);
    }

    #[test]
    fn what_turns_round_is_one_step_and_a_redo_two() {
        let down = |event: HistoryEvent| HistoryEvent { direction: Some(Direction::Down), ..event };
        let turned = [
            down(event(100, 1, 4, "running")),
            event(200, 1, 4, "turned"),
            event(300, 1, 4, "applied"),
        ];
        let found = runs(&turned, &free(), |_, _| None);
        assert_eq!(shown(&found), [(1, RunEntryState::Done, 1, 1, 0)]);
        let redo = [event(100, 2, 4, "reverted"), event(200, 2, 4, "applied")];
        let found = runs(&redo, &free(), |_, _| None);
        assert_eq!(shown(&found), [(2, RunEntryState::Done, 2, 2, 0)]);
    }
}
