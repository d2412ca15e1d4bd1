//! A run from the lock to the report, and again after a take-over.

use mongodb::bson::Uuid;

use super::{
    Runner, TAKEOVERS_MAX, atomic,
    enter::Entered,
    own_thread::on_own_thread,
    plan::{self, Goal, Step, squash::Stands},
    policy::UnderWay,
    stand::stand,
    stepwise::{self, End, How},
};
use crate::{
    model::{
        clock,
        config::Wait,
        error::{Error, text::RELEASES_GUIDE},
        named::Named,
        report::run::{RunReport, StepReport},
        state::Direction,
        time_of_day::NotBefore,
        tuning::Tuning,
        version::Version,
    },
    protocol::{
        audit::noted,
        engine::Engine,
        history::History,
        inside::Inside,
        lease,
        record::Record,
        record_change::{self, RecordChange},
        stop::StopReason,
    },
    registry::migration::Migration,
    telemetry::{
        IN_THE_REPORT,
        listen::{
            event::{EventRun, RunVerb},
            told::Told,
        },
        metrics,
        progress::RunEvent,
        visible::Line,
    },
};

/// How a run executes its plan.
#[derive(Clone, Debug, Default)]
pub(crate) struct RunOptions {
    /// Settings of the backfills.
    pub tuning: Tuning,
    /// The run does not begin before this.
    pub not_before: Option<NotBefore>,
    /// After a failure, the run continues with the next migration.
    pub continue_on_error: bool,
    /// All migrations in one transaction.
    pub atomic: bool,
    /// Why an operator wants it: a note of its events.
    pub why: Option<String>,
}

/// Tells the listeners that the run's future was dropped.
struct OnDrop<'a>(&'a Told);

impl Drop for OnDrop<'_> {
    fn drop(&mut self) {
        self.0.dropped();
    }
}

/// What a run is about to do, and the numbers before it.
struct Planned {
    steps: Vec<Step>,
    /// What is recorded as skipped before the steps.
    skipped: Vec<Migration>,
    /// What is recorded of squashes.
    stands: Stands,
    /// Rollbacks of migrations that do not count as applied.
    half_done: Vec<Version>,
    /// Repeatable migrations that count as applied, and run again.
    again: Vec<Version>,
    /// How many of what a squash is to stand for are applied.
    stood_for: usize,
    applied: usize,
    pending: usize,
}

impl Runner {
    /// Runs to the goal, and waits for other processes that run to one.
    #[tracing::instrument(
        target = "mongrate", name = "run", level = "info", skip_all,
        fields(group = %self.settings.group, database = %Line(self.control.database.name()))
    )]
    pub(crate) async fn run(&self, goal: &Goal, options: RunOptions) -> Result<RunReport, Error> {
        let Some(told) = &self.told else { return self.run_untold(goal, options).await };
        told.begin(EventRun {
            id: Uuid::new().to_string(),
            verb: match goal {
                Goal::Up(_) => RunVerb::Up,
                Goal::Down(_) => RunVerb::Down,
                Goal::Redo(_) => RunVerb::Redo,
            },
            group: self.settings.group.clone(),
            database: self.database_name(),
            by: self.who.clone(),
        });
        let on_drop = OnDrop(told);
        let ended = self.run_untold(goal, options).await;
        told.ended(&ended);
        drop(on_drop);
        let at_most = self.settings.listener_wait;
        // Who waits for nothing does so later, or does not care.
        if !at_most.is_zero() {
            for late in self.listeners.flush(at_most).await {
                tracing::warn!(
                    target: "mongrate", late = late.events, to = late.name,
                    waited_ms = clock::ms(at_most),
                    "the run has ended, and its listeners do not have all events yet"
                );
            }
        }
        ended
    }

    async fn run_untold(&self, goal: &Goal, options: RunOptions) -> Result<RunReport, Error> {
        let ended = self.run_to(goal, options).await;
        metrics::waited(&self.settings.group, self.control.database.name(), &ended);
        ended
    }

    async fn run_to(&self, goal: &Goal, options: RunOptions) -> Result<RunReport, Error> {
        let mut report = self.empty_report();
        if let Goal::Up(target) = goal
            && let Some(version) = target.to
            && !self.registry.has_version(version)
        {
            return Err(Error::UnknownVersion { version });
        }
        options.tuning.check()?;
        self.refuse_other_plan(match goal {
            Goal::Up(_) => Direction::Up,
            Goal::Down(_) | Goal::Redo(_) => Direction::Down,
        })?;
        if let Some(not_before) = options.not_before {
            self.wait_until(not_before, goal, &report).await?;
        }
        for _ in 0..TAKEOVERS_MAX {
            let (engine, history) = match self.enter_to_run(goal, &mut report).await? {
                Entered::Current { ahead } => return Ok(self.current(report, ahead)),
                Entered::In(engine, history) => (engine, history),
            };
            self.warn_unlogged(&engine);
            let planned = match self.plan_to_run(goal, &options, &history, &mut report) {
                Ok(Some(planned)) => planned,
                refused_or_empty => {
                    release(engine, None, &report).await;
                    return refused_or_empty.map(|_| report);
                }
            };
            let under_way = match self.refuse_before(goal, &planned, &history).await {
                Ok(under_way) => under_way,
                Err(error) => {
                    release(engine, None, &report).await;
                    return Err(error);
                }
            };
            let mut engine = engine;
            engine.steering().closes(under_way.closed);
            engine.backfill_max = under_way.backfill_max;
            engine.plan = self.approved.as_ref().map(|plan| plan.digest.clone());
            let (fence, steps) = (engine.fence(), planned.steps.clone());
            let end;
            let records =
                Records { skipped: planned.skipped.clone(), stands: planned.stands.clone() };
            (report, end) =
                self.execute(engine, history, steps, records, options.clone(), report).await;
            self.count(&planned, &report);
            if !matches!(end, End::Lost) {
                return ended(end, report);
            }
            report = self.after_take_over(goal, fence, report).await?;
        }
        Err(Error::LockLost { report: Box::new(report), taken_by: None })
    }

    /// Gets the lock, at first or after a take-over.
    async fn enter_to_run(&self, goal: &Goal, report: &mut RunReport) -> Result<Entered, Error> {
        match self.enter(Some(goal), report).await {
            // After a take-over: the report of what this call did before must not be lost.
            Err(error) if report.done().next().is_some() => {
                tracing::error!(target: "mongrate", error = %Line(&error), "could not resume the run");
                Err(Error::LockLost { report: Box::new(report.clone()), taken_by: None })
            }
            entered => entered,
        }
    }

    /// The report of a run that found nothing pending.
    fn current(&self, mut report: RunReport, ahead: Vec<Named>) -> RunReport {
        self.warn_ahead(&ahead);
        let applied = self.registry.wanted() + ahead.len();
        metrics::counted(&self.settings.group, &report.database, applied, 0);
        report.ahead = ahead;
        report
    }

    /// The plan by the history that was read under the lock; `None`: nothing is to be done.
    fn plan_to_run(
        &self,
        goal: &Goal,
        options: &RunOptions,
        history: &History,
        report: &mut RunReport,
    ) -> Result<Option<Planned>, Error> {
        let Some(goal) = self.goal_left(goal, history) else {
            return self.refuse_other_history(history).map(|()| None);
        };
        let plan::Plan { steps, skipped, stands, ahead, late } =
            plan::plan(&goal, &self.registry, history, self.tolerances())?;
        self.warn_ahead(&ahead);
        report.ahead = ahead;
        let applied = history.records().filter(|record| record.is_applied()).count();
        let pending = plan::pending(&self.registry, history).count();
        metrics::counted(&self.settings.group, &report.database, applied, pending);
        if steps.is_empty() && stands.is_empty() {
            self.refuse_other_history(history)?;
            return Ok(None);
        }
        if let Some(first) = late.first() {
            tracing::warn!(
                target: "mongrate", count = late.len(), first = %Line(first),
                "what is rolled back is older than what stays applied: from then on, runs and starts of \
                 builds that have it are refused, until it is decided what becomes of it \
                 (guide \"{RELEASES_GUIDE}\")"
            );
        }
        if options.atomic {
            plan::refuse_apart(&steps)?;
        }
        let is_half_done = |step: &&Step| {
            let record = history.get(step.migration.version());
            step.direction == Direction::Down && !record.is_some_and(Record::is_applied)
        };
        let half_done =
            steps.iter().filter(is_half_done).map(|step| step.migration.version()).collect();
        let is_applied = |version| history.get(version).is_some_and(Record::is_applied);
        let ups = steps.iter().filter(|step| step.direction == Direction::Up);
        let again = ups
            .map(|step| step.migration.version())
            .filter(|version| version.is_repeatable() && is_applied(*version))
            .collect();
        let covered = |record: &&Record| {
            record.is_applied() && stands.all().any(|squash| squash.reaches(record.version))
        };
        let stood_for = history.records().filter(covered).count();
        report.skipped = self.left_out(&skipped);
        Ok(Some(Planned { steps, skipped, stands, half_done, again, stood_for, applied, pending }))
    }

    /// Refuses what is not to be run, under the lock.
    async fn refuse_before(
        &self,
        goal: &Goal,
        planned: &Planned,
        history: &History,
    ) -> Result<UnderWay, Error> {
        self.refuse_out_of_order_across(&planned.steps).await?;
        self.refuse_standing(&planned.stands)?;
        self.refuse_unapproved(&planned.steps, &planned.skipped, history).await?;
        self.refuse_by_policy(goal, &planned.steps).await
    }

    /// Runs the steps on a thread of their own, and gives the lock back there.
    async fn execute(
        &self,
        mut engine: Box<Engine>,
        history: History,
        steps: Vec<Step>,
        records: Records,
        options: RunOptions,
        mut report: RunReport,
    ) -> (RunReport, End) {
        report.fence = Some(engine.fence());
        // Dropping this future cancels the run, which then ends cleanly by itself.
        let stop = self.cancel.child_token();
        let on_drop = stop.clone().drop_guard();
        engine.steering().ends(stop.clone());
        engine.cancel = stop;
        engine.tuning = options.tuning;
        engine.why.clone_from(&options.why);
        if self.settings.unthrottled {
            engine.tuning = engine.tuning.between(None).per_second(None);
        }
        self.progress.began(Some(engine.fence()), steps.iter().map(Into::into));
        let watching = self.watching.clone();
        let inside = Inside::run(engine.owner());
        let note = self.registry.labels().note();
        let ended = on_own_thread(move || async move {
            let _entered = inside.enter();
            let end = if let Err(stop) =
                records.before(&mut engine, &history, &note, &mut report).await
            {
                stop.into()
            } else if options.atomic && !steps.is_empty() {
                atomic::execute(&mut engine, &steps, &history, &mut report).await
            } else {
                let how = How {
                    continue_on_error: options.continue_on_error,
                    watching: watching.as_deref(),
                    keeps_lock: records.come_after(),
                };
                stepwise::execute(&mut engine, &steps, &history, how, &mut report).await
            };
            let end = records.after(&mut engine, end, &mut report).await;
            if matches!(end, End::Cancelled | End::Lost) {
                report.cancelled_by = engine.steering().orders().cancel;
            }
            release(engine, Some(&end), &report).await;
            (report, end)
        })
        .await;
        drop(on_drop);
        // Whatever held the run back when it ended, also where its body was dropped.
        metrics::held(&self.settings.group, self.control.database.name(), None);
        ended
    }

    /// Counts what is applied and pending after the run.
    fn count(&self, planned: &Planned, report: &RunReport) {
        // The rollback of a half-done migration does not lower the number of applied ones.
        let is_counted = |step: &&StepReport| {
            step.direction == Direction::Up || !planned.half_done.contains(&step.version)
        };
        let done = report.done().filter(is_counted);
        let (ups, downs): (Vec<_>, Vec<_>) = done.partition(|step| step.direction == Direction::Up);
        let is_again = |step: &&&StepReport| planned.again.contains(&step.version);
        let again = ups.iter().filter(is_again).count();
        // A squash takes the place of what it stands for.
        let (squash, replaced) = match planned.stands.newest() {
            Some(squash) if report.stands.is_some() => {
                let is_covered = |step: &&&StepReport| squash.reaches(step.version);
                (1, planned.stood_for + ups.iter().filter(is_covered).count())
            }
            _ => (0, 0),
        };
        metrics::counted(
            &self.settings.group,
            &report.database,
            (planned.applied + ups.len() + squash).saturating_sub(downs.len() + again + replaced),
            (planned.pending + downs.len()).saturating_sub(ups.len()),
        );
    }

    /// Another process has the lock now. `up` waits until that process is done, and applies what
    /// is left then: returns the report to continue with. A rollback must not go further than it
    /// was asked to.
    async fn after_take_over(
        &self,
        goal: &Goal,
        fence: i64,
        mut report: RunReport,
    ) -> Result<RunReport, Error> {
        let taken_by = lease::taken_by(&self.control, fence).await;
        self.progress.emit(|| RunEvent::LockLost { taken_by: taken_by.clone() });
        if taken_by.is_some() {
            tracing::error!(name: IN_THE_REPORT, target: "mongrate", fence, "the lock was taken away by an operator");
            return Err(Error::LockLost { report: Box::new(report), taken_by });
        }
        tracing::warn!(target: "mongrate", "another process has taken over");
        // Who was asked to end does not go on under another fence number.
        if report.cancelled_by.is_none()
            && matches!(goal, Goal::Up(target) if target.steps.is_none())
            && self.settings.wait != Wait::No
        {
            report.steps.retain(StepReport::is_done);
            return Ok(report);
        }
        Err(Error::LockLost { report: Box::new(report), taken_by: None })
    }
}

/// What a run records besides its steps.
struct Records {
    skipped: Vec<Migration>,
    stands: Stands,
}

impl Records {
    /// Whether something is recorded after the steps.
    fn come_after(&self) -> bool {
        self.stands.after.is_some()
    }

    async fn before(
        &self,
        engine: &mut Engine,
        history: &History,
        note: &str,
        report: &mut RunReport,
    ) -> Result<(), StopReason> {
        for (at, squash) in self.stands.before.iter().enumerate() {
            if at == 0 {
                stand(engine, squash, history).await?;
            } else {
                let history = engine.look_at_all().await?;
                stand(engine, squash, &history).await?;
            }
            report.stands = Some(squash.migration.named());
        }
        skip(engine, &self.skipped, note).await
    }

    /// What comes after the steps, if all of them ended well.
    async fn after(&self, engine: &mut Engine, end: End, report: &mut RunReport) -> End {
        let (Some(squash), End::Done) = (&self.stands.after, &end) else {
            return end;
        };
        let stood = match engine.look_at_all().await {
            Ok(history) => stand(engine, squash, &history).await,
            Err(stop) => Err(stop),
        };
        match stood {
            Ok(()) => {
                report.stands = Some(squash.migration.named());
                end
            }
            Err(stop) => stop.into(),
        }
    }
}

/// Records the migrations that the labels leave out, all in one transaction.
async fn skip(engine: &mut Engine, skipped: &[Migration], note: &str) -> Result<(), StopReason> {
    if skipped.is_empty() {
        return Ok(());
    }
    let (stamp, change) = (engine.stamp(), RecordChange::Skipped { note });
    let statements = skipped
        .iter()
        .map(|migration| record_change::statement(&migration.identity(), &change, &stamp))
        .collect();
    let notes = skipped
        .iter()
        .filter_map(|migration| noted::note(&migration.identity(), &change, &stamp))
        .collect();
    engine.write_all(engine.applied(), statements, notes).await
}

/// Gives the lock back, unless the run lost it. `end`: `None` if nothing was run.
async fn release(engine: Box<Engine>, end: Option<&End>, report: &RunReport) {
    let corrupt = match end {
        Some(End::Failed(error)) if report.done().next().is_none() => {
            error.downcast_ref::<Error>().filter(|error| matches!(error, Error::Corrupt { .. }))
        }
        _ => None,
    };
    match (end, corrupt) {
        (Some(End::Lost), _) => {}
        (_, Some(error)) => engine.give_up(error).await,
        _ => engine.close().await,
    }
}

/// What the caller gets of a run that was not taken over.
fn ended(end: End, report: RunReport) -> Result<RunReport, Error> {
    match end {
        End::Done | End::Lost => Ok(report),
        End::Cancelled => Err(Error::Cancelled { report: Box::new(report) }),
        End::Failed(error) => Err(match error.downcast::<Error>() {
            // Not even the failure could be recorded.
            Ok(error) if matches!(*error, Error::Corrupt { collection: Some(_), .. }) => *error,
            Ok(source) => Error::Failed { report: Box::new(report), source },
            Err(source) => Error::Failed { report: Box::new(report), source },
        }),
    }
}
