//! The runs that were requested here: at most one in flight, and the last hundred for clients that
//! ask for them later. A run does not depend on its client's connection.
//!
//! A request that is refused makes no run: it is not kept, and only its client gets the refusal.

use std::{
    collections::VecDeque,
    panic::AssertUnwindSafe,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use chrono::Utc;
use futures_util::FutureExt as _;
use serde_json::{Value, json};
use tokio::{sync::watch, time::Instant};

use super::{
    answer,
    deltas::Deltas,
    feed::Feed,
    problem::Problem,
    run_id::Instance,
    watch::Watch,
    wire::{
        details::Details,
        report::{Failure, Plan, StepProgress},
        run::{DryRunHow, DryRunReport, Run, RunState, RunStep, StepCounts, StepState, Verb},
        run_report::RunReport,
        steering::Hold,
        texts::Texts,
    },
};
use crate::{
    Error, Kind, Who,
    model::report::{dry_run, plan, run},
    telemetry::progress::{Progress, RunEvent},
};

/// How many runs are remembered.
const KEPT_MAX: usize = 100;

/// The outcome of a run, as the library reports it.
pub(super) enum Outcome {
    Run(run::RunReport),
    DryRun(dry_run::DryRunReport),
    Plan(plan::PlanReport),
}

/// What a client requested.
#[derive(Clone, Debug)]
pub(super) struct Order {
    pub(super) verb: Verb,
    pub(super) dry_run: Option<DryRunHow>,
    pub(super) by: String,
    /// This process, with that token.
    pub(super) process: Who,
    pub(super) texts: Texts,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Phase {
    /// The run may still be refused.
    Asked,
    /// The run is in flight.
    Begun,
    /// The run has ended; `begun` tells whether it had begun, or was refused.
    Ended { begun: bool },
}

/// One run, in flight or ended.
#[derive(Debug)]
pub(super) struct Ongoing {
    order: Order,
    /// The id until the run has the lock; it leads to the run ever after.
    asked_as: String,
    here: Instance,
    since: Instant,
    now: Mutex<Run>,
    phase: watch::Sender<Phase>,
    feed: Arc<Feed>,
    all: Arc<Mutex<All>>,
}

/// All runs of this process.
#[derive(Debug)]
pub(super) struct Runs {
    pub(super) feed: Arc<Feed>,
    /// This process, with the same host and process id as in the lock and the history.
    pub(super) here: Instance,
    /// The last answers with the status.
    pub(super) deltas: Deltas,
    pub(super) watch: Arc<Watch>,
    all: Arc<Mutex<All>>,
}

#[derive(Debug, Default)]
struct All {
    /// The last requested run. It may have been refused, or may still be refused.
    last: Option<Arc<Ongoing>>,
    /// The runs that were not refused, the newest last.
    kept: VecDeque<Arc<Ongoing>>,
}

impl All {
    /// Keeps the run, so that clients find it until a hundred newer runs are kept.
    fn keep(&mut self, run: &Arc<Ongoing>) {
        if self.kept.iter().any(|kept| Arc::ptr_eq(kept, run)) {
            return;
        }
        self.kept.push_back(Arc::clone(run));
        if self.kept.len() > KEPT_MAX {
            self.kept.pop_front();
        }
    }
}

fn lock(all: &Mutex<All>) -> MutexGuard<'_, All> {
    all.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Runs {
    pub(super) fn new(here: Instance) -> Self {
        let feed = Arc::new(Feed::new());
        Self { feed, here, deltas: Deltas::default(), watch: Arc::default(), all: Arc::default() }
    }

    /// Starts a run, in a task of its own.
    ///
    /// # Errors
    ///
    /// The run that is in flight.
    pub(super) fn start<F>(
        &self,
        order: Order,
        work: impl FnOnce(Progress) -> F,
    ) -> Result<Arc<Ongoing>, Arc<Ongoing>>
    where
        F: Future<Output = Result<Outcome, Error>> + Send + 'static,
    {
        let mut all = lock(&self.all);
        if let Some(last) = &all.last
            && !last.is_over()
        {
            return Err(Arc::clone(last));
        }
        let run = Arc::new(Ongoing::new(order, self));
        all.last = Some(Arc::clone(&run));
        drop(all);
        let listening = Arc::clone(&run);
        let work = work(Progress::with_listener(move |said| listening.note(said)));
        let (of, watch) = (Arc::clone(&run), Arc::clone(&self.watch));
        tokio::spawn(async move {
            let ended = AssertUnwindSafe(work).catch_unwind().await;
            of.end(ended.ok());
            watch.changed_here();
        });
        Ok(run)
    }

    pub(super) fn get(&self, id: &str) -> Option<Arc<Ongoing>> {
        let all = lock(&self.all);
        // This includes the run that may still be refused: a client that was refused because of it
        // has its address.
        let asked = all.last.iter().filter(|last| !last.is_over());
        // The newest first: where a control collection was dropped, fence numbers begin again.
        all.kept.iter().chain(asked).rev().find(|run| run.asked_as == id || run.id() == id).cloned()
    }

    /// The runs that were not refused, as they are now, oldest first.
    pub(super) fn kept(&self) -> Vec<Run> {
        let kept: Vec<Arc<Ongoing>> = lock(&self.all).kept.iter().cloned().collect();
        kept.iter().map(|run| run.shown()).collect()
    }

    /// The run in flight, if it has begun.
    pub(super) fn under_way(&self) -> Option<Arc<Ongoing>> {
        lock(&self.all).kept.iter().rev().find(|run| !run.is_over()).cloned()
    }

    /// The last run, in flight or not, as JSON; on request without its lists.
    pub(super) fn snapshot(&self, lists: bool) -> Option<String> {
        let last = lock(&self.all).kept.back().cloned();
        let etag = self.watch.tag();
        match lists {
            true => answer::text(&json!({ "run": last.map(|run| run.shown()), "etag": etag })),
            false => answer::text(&json!({ "run": last.and_then(|run| run.head()), "etag": etag })),
        }
    }

    /// Waits until no run is in flight.
    pub(super) async fn idle(&self) {
        let last = lock(&self.all).last.clone();
        if let Some(last) = last {
            last.over().await;
        }
    }
}

impl Ongoing {
    fn new(order: Order, runs: &Runs) -> Self {
        let run = Run {
            id: runs.here.id(),
            verb: Some(order.verb),
            dry_run: order.dry_run,
            state: RunState::Running,
            by: order.by.clone(),
            process: order.process.clone().into(),
            here: true,
            began_at: Utc::now(),
            ended_at: None,
            elapsed_ms: 0,
            fence: None,
            counts: StepCounts::default(),
            steps: Vec::new(),
            hold: None,
            report: None,
            dry_run_report: None,
            plan: None,
            problem: None,
        };
        let phase = watch::Sender::new(Phase::Asked);
        let (feed, all) = (Arc::clone(&runs.feed), Arc::clone(&runs.all));
        let (asked_as, here) = (run.id.clone(), runs.here.clone());
        Self {
            order,
            asked_as,
            here,
            since: Instant::now(),
            now: Mutex::new(run),
            phase,
            feed,
            all,
        }
    }

    fn now(&self) -> MutexGuard<'_, Run> {
        self.now.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn id(&self) -> String {
        self.now().id.clone()
    }

    /// This process, with the token that requested the run.
    pub(super) fn process(&self) -> Who {
        self.order.process.clone()
    }

    pub(super) fn fence(&self) -> Option<i64> {
        self.now().fence
    }

    /// The run as it is now.
    pub(super) fn shown(&self) -> Run {
        let mut run = self.now().clone();
        if run.state == RunState::Running {
            run.elapsed_ms = self.elapsed_ms();
        }
        run.counts = StepCounts::of(&run.steps);
        run
    }

    /// The run as it is now, as JSON without its lists, which may have thousands of migrations.
    fn head(&self) -> Option<Value> {
        let run = self.now();
        let mut head = Run {
            id: run.id.clone(),
            by: run.by.clone(),
            process: run.process.clone(),
            counts: StepCounts::of(&run.steps),
            hold: run.hold.clone(),
            steps: Vec::new(),
            report: None,
            dry_run_report: None,
            plan: None,
            problem: run.problem.as_ref().map(Details::without_report),
            ..*run
        };
        if head.state == RunState::Running {
            head.elapsed_ms = self.elapsed_ms();
        }
        drop(run);
        let mut head = answer::value(&head)?;
        head.as_object_mut()?.remove("steps");
        Some(head)
    }

    fn publish(&self) {
        if let Some(head) = self.head() {
            self.feed.publish("run", &head);
        }
    }

    fn elapsed_ms(&self) -> u64 {
        u64::try_from(self.since.elapsed().as_millis()).unwrap_or(u64::MAX)
    }

    pub(super) fn is_over(&self) -> bool {
        matches!(*self.phase.borrow(), Phase::Ended { .. })
    }

    /// Waits until the run has begun or ended.
    pub(super) async fn accepted(&self) {
        let mut phase = self.phase.subscribe();
        let _ = phase.wait_for(|phase| *phase != Phase::Asked).await;
    }

    /// Waits for the end of the run.
    pub(super) async fn over(&self) {
        let mut phase = self.phase.subscribe();
        let _ = phase.wait_for(|phase| matches!(phase, Phase::Ended { .. })).await;
    }

    /// Returns why the run was refused. A run that was not refused is kept, because its client now
    /// gets its address.
    pub(super) fn admitted(self: &Arc<Self>) -> Result<(), Problem> {
        let mut all = lock(&self.all);
        match self.refusal() {
            Some(problem) => Err(problem),
            None => {
                all.keep(self);
                Ok(())
            }
        }
    }

    /// Why the run was refused; `None` if it was not.
    pub(super) fn refusal(&self) -> Option<Problem> {
        match *self.phase.borrow() {
            Phase::Ended { begun: false } => {
                self.now().problem.clone().map(|details| Problem(Box::new(details)))
            }
            _ => None,
        }
    }

    /// Records an event of the run.
    fn note(self: &Arc<Self>, event: RunEvent) {
        match event {
            // A client sees a run once it has begun; a refusal names the holder of the lock.
            RunEvent::Waiting { .. }
            | RunEvent::HeldUp { .. }
            | RunEvent::Paused { .. }
            | RunEvent::NotYet { .. }
            // The run's end says so.
            | RunEvent::LockLost { .. } => {}
            RunEvent::Held { hold } => {
                self.now().hold = hold.map(Hold::from);
                self.publish();
            }
            RunEvent::Began { fence, steps } => {
                let mut run = self.now();
                run.fence = fence;
                if let Some(fence) = fence {
                    run.id = self.here.id_of(fence);
                }
                let steps = steps.into_iter().map(|step| RunStep {
                    version: step.version.get(),
                    name: step.name.to_owned(),
                    direction: step.direction,
                    state: StepState::Waiting,
                    duration_ms: None,
                    backfills: Vec::new(),
                    failure: None,
                });
                run.steps = steps.collect();
                drop(run);
                let mut all = lock(&self.all);
                all.keep(self);
                self.phase.send_replace(Phase::Begun);
                self.publish();
            }
            RunEvent::StepBegan { at } => self.step(at, |step| step.state = StepState::Running),
            RunEvent::StepEnded { at, report } => self.step(at, |step| {
                step.state = report.outcome.into();
                step.duration_ms = Some(report.duration_ms);
                step.failure = report.failure.map(|one| Failure::new(one, self.order.texts));
            }),
            RunEvent::Undone { from } => {
                let count = self.now().steps.len();
                for at in from..count {
                    let waits = |step: &RunStep| step.state == StepState::Waiting;
                    if self.now().steps.get(at).is_some_and(waits) {
                        continue;
                    }
                    self.step(at, |step| {
                        step.state = StepState::Waiting;
                        (step.duration_ms, step.failure) = (None, None);
                    });
                }
            }
            RunEvent::Backfill { version, progress: far } => {
                let far = StepProgress {
                    name: far.name,
                    documents: far.documents,
                    total: far.total,
                    per_second: far.per_second,
                    remaining_ms: far.remaining_ms,
                    updated_at: None,
                };
                let of = |step: &RunStep| {
                    step.version == version.get() && step.state == StepState::Running
                };
                let Some(at) = self.now().steps.iter().position(of) else { return };
                self.step(at, |step| {
                    match step.backfills.iter_mut().find(|one| one.name == far.name) {
                        Some(one) => *one = far,
                        None => step.backfills.push(far),
                    }
                });
            }
        }
    }

    /// Changes a step, and publishes the change.
    fn step(&self, at: usize, change: impl FnOnce(&mut RunStep)) {
        let mut run = self.now();
        let id = run.id.clone();
        let Some(step) = run.steps.get_mut(at) else { return };
        change(step);
        let step = step.clone();
        drop(run);
        self.feed.publish("step", &json!({ "run": id, "step": step }));
    }

    /// Records the end of the run; `None`: the run panicked.
    fn end(self: &Arc<Self>, ended: Option<Result<Outcome, Error>>) {
        let texts = self.order.texts;
        // A run with nothing to do never begins, but was not refused.
        let begun = *self.phase.borrow() == Phase::Begun || matches!(ended, Some(Ok(_)));
        let mut run = self.now();
        run.elapsed_ms = self.elapsed_ms();
        run.ended_at = Some(Utc::now());
        run.state = RunState::Done;
        run.hold = None;
        match ended {
            Some(Ok(Outcome::Run(report))) => run.report = Some(RunReport::new(report, texts)),
            Some(Ok(Outcome::Plan(plan))) => run.plan = Some(Plan::new(plan, texts)),
            Some(Ok(Outcome::DryRun(report))) => {
                if !report.is_ok() {
                    run.state = RunState::Failed;
                }
                run.dry_run_report = Some(DryRunReport::new(report, texts));
            }
            Some(Err(error)) => {
                run.report = error.report().cloned().map(|report| RunReport::new(report, texts));
                let problem = *Problem::of(error, texts).0;
                run.state = match problem.kind() {
                    Kind::Cancelled => RunState::Cancelled,
                    _ => RunState::Failed,
                };
                run.problem = Some(problem);
            }
            None => {
                run.state = RunState::Failed;
                run.problem = Some(*Problem::internal().0);
            }
        }
        for step in &mut run.steps {
            if step.state == StepState::Waiting && self.order.dry_run.is_none() {
                step.state = StepState::NotRun;
            }
        }
        let outcome = match (&run.problem, run.state) {
            (Some(problem), _) => problem.code().to_owned(),
            (None, RunState::Failed) => "failed".to_owned(),
            (None, _) => "done".to_owned(),
        };
        let id = run.id.clone();
        drop(run);
        tracing::info!(
            target: "mongrate::audit", token = self.order.by, action = self.order.verb.as_str(),
            run = id, outcome, "a run ended"
        );
        let mut all = lock(&self.all);
        if begun {
            all.keep(self);
        }
        // A client that has the run's address gets the event of its end, whatever the outcome. The
        // event comes before the end, because the streams end with the run when the server stops.
        // No client can start the next run in between, because that takes the same lock.
        if all.kept.iter().any(|kept| Arc::ptr_eq(kept, self)) {
            self.publish();
        }
        self.phase.send_replace(Phase::Ended { begun });
    }
}

#[cfg(test)]
mod tests {
    //! How a run's steps are shown while its events arrive.

    use std::future::pending;

    use super::*;
    use crate::{
        model::{
            kind::MigrationKind,
            report::run::{StepOutcome, StepReport},
            state::Direction,
            version::Version,
        },
        telemetry::progress::PlannedStep,
    };

    fn announced(version: i64, direction: Direction) -> PlannedStep {
        PlannedStep { version: Version::new(version), name: "one", direction }
    }

    fn ended(version: i64, direction: Direction, outcome: StepOutcome) -> Box<StepReport> {
        Box::new(StepReport {
            version: Version::new(version),
            name: "one".to_owned(),
            kind: MigrationKind::Transaction,
            direction,
            outcome,
            duration_ms: 7,
            attempts: 1,
            failure: None,
            progress: Vec::new(),
        })
    }

    fn shown(steps: Vec<PlannedStep>, said: Vec<RunEvent>) -> Vec<StepState> {
        let order = Order {
            verb: Verb::Up,
            dry_run: None,
            by: "me".to_owned(),
            process: Who::default(),
            texts: Texts::default(),
        };
        let run = Runs::new(Instance::new("here", 1)).start(order, |progress| {
            progress.emit(|| RunEvent::Began { fence: Some(1), steps });
            said.into_iter().for_each(|said| progress.emit(|| said));
            pending()
        });
        run.unwrap().shown().steps.iter().map(|step| step.state).collect()
    }

    #[tokio::test]
    async fn what_an_election_takes_back_waits_again_and_counts_once() {
        let (up, down) = (Direction::Up, Direction::Down);
        let done = |at: usize| RunEvent::StepEnded {
            at,
            report: ended(i64::try_from(at).unwrap(), up, StepOutcome::Applied),
        };
        let three = || (1..4).map(|version| announced(version, up)).collect::<Vec<_>>();
        let begun = |at| RunEvent::StepBegan { at };
        let mut said = vec![begun(0), done(0), begun(1), done(1), begun(2)];
        said.push(RunEvent::Undone { from: 1 });
        let (applied, waiting) = (StepState::Applied, StepState::Waiting);
        assert_eq!(shown(three(), said.clone()), [applied, waiting, waiting]);
        said.extend([begun(1), done(1)]);
        assert_eq!(shown(three(), said.clone()), [applied, applied, waiting]);
        // The later outcome of a step replaces the earlier one.
        let gone = ended(2, up, StepOutcome::NotRun);
        said.push(RunEvent::StepEnded { at: 1, report: gone });
        assert_eq!(shown(three(), said), [applied, StepState::NotRun, waiting]);

        // Both steps of a redo have the same version.
        let redo = vec![announced(1, down), announced(1, up)];
        let back = || RunEvent::StepEnded { at: 0, report: ended(1, down, StepOutcome::Reverted) };
        let forth = RunEvent::StepEnded { at: 1, report: ended(1, up, StepOutcome::Applied) };
        let undone = RunEvent::Undone { from: 0 };
        let said = vec![begun(0), back(), begun(1), undone, begun(0), back(), begun(1), forth];
        assert_eq!(shown(redo, said), [StepState::Reverted, applied]);
    }
}
