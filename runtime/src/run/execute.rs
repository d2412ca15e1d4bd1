//! A run from the lock to the report, with its retries after a take-over.

use super::{
    Runner, TAKEOVERS_MAX, atomic,
    enter::Entered,
    own_thread::on_own_thread,
    plan::{self, Goal, Step},
    stepwise::{self, End},
};
use crate::{
    model::{
        config::Wait,
        error::Error,
        report::run::{RunReport, StepReport},
        state::Direction,
        version::Version,
    },
    protocol::{inside::Inside, lease, record::Record},
    telemetry::{IN_THE_REPORT, metrics, visible::Line},
};

/// How a run is done.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct How {
    /// After a failure, go on with the next.
    pub continue_on_error: bool,
    /// All in one transaction.
    pub atomic: bool,
}

impl Runner {
    /// Runs to the goal, whoever else is at it.
    #[tracing::instrument(
        target = "mongrate", name = "run", level = "info", skip_all,
        fields(group = %self.settings.group, database = %Line(self.control.database.name()))
    )]
    pub(crate) async fn run(&self, goal: Goal, how: How) -> Result<RunReport, Error> {
        let ended = self.run_to(goal, how).await;
        metrics::waited(&self.settings.group, self.control.database.name(), &ended);
        ended
    }

    async fn run_to(&self, goal: Goal, how: How) -> Result<RunReport, Error> {
        let mut report = self.empty_report();
        if let Goal::Up(target) = goal
            && let Some(version) = target.to
            && self.registry.get(version).is_none()
        {
            return Err(Error::UnknownVersion { version });
        }
        for _ in 0..TAKEOVERS_MAX {
            let entered = match self.enter(Some(goal), &mut report).await {
                // After a take-over: what this call did before is not to be lost.
                Err(error) if report.done().next().is_some() => {
                    tracing::error!(target: "mongrate", error = %Line(&error), "could not go on");
                    return Err(Error::LockLost { report: Box::new(report), taken_by: None });
                }
                entered => entered?,
            };
            let (mut engine, history) = match entered {
                Entered::Current { ahead } => {
                    self.warn_ahead(&ahead);
                    let applied = self.registry.len() + ahead.len();
                    metrics::counted(&self.settings.group, &report.database, applied, 0);
                    report.ahead = ahead;
                    return Ok(report);
                }
                Entered::In(engine, history) => (engine, history),
            };
            let plan = match plan::plan(goal, &self.registry, &history, self.policies()) {
                Ok(plan) => plan,
                Err(error) => {
                    engine.close().await;
                    return Err(error);
                }
            };
            self.warn_ahead(&plan.ahead);
            report.ahead.clone_from(&plan.ahead);
            let applied = history.records().filter(|record| record.is_applied()).count();
            let pending = plan::pending(&self.registry, &history).count();
            metrics::counted(&self.settings.group, &report.database, applied, pending);
            if plan.steps.is_empty() {
                engine.close().await;
                return Ok(report);
            }
            // Rolling these back makes none less that counts as applied.
            let is_half = |step: &&Step| {
                let record = history.get(step.migration.version());
                step.direction == Direction::Down && !record.is_some_and(Record::is_applied)
            };
            let half: Vec<Version> =
                plan.steps.iter().filter(is_half).map(|step| step.migration.version()).collect();
            if how.atomic
                && let Err(error) = plan::refuse_apart(&plan.steps)
            {
                engine.close().await;
                return Err(error);
            }
            report.fence = Some(engine.fence());
            // Dropping this future cancels the run, which then ends cleanly by itself.
            let stop = self.cancel.child_token();
            let on_drop = stop.clone().drop_guard();
            engine.cancel = stop;
            engine.progress = self.progress.clone();
            self.progress.began(Some(engine.fence()), plan.steps.iter().map(Into::into));
            let watching = self.watching.clone();
            let inside = Inside::run(engine.owner());
            let fence = engine.fence();
            let end;
            (report, end) = on_own_thread(move || async move {
                let _entered = inside.enter();
                let (steps, on_error) = (&plan.steps, how.continue_on_error);
                let watching = watching.as_deref();
                let end = match how.atomic {
                    true => atomic::execute(&mut engine, steps, &mut report).await,
                    false => {
                        stepwise::execute(
                            &mut engine,
                            steps,
                            &history,
                            on_error,
                            watching,
                            &mut report,
                        )
                        .await
                    }
                };
                match &end {
                    End::Lost => {}
                    End::Failed(error) if report.done().next().is_none() => {
                        match error.downcast_ref::<Error>() {
                            Some(error @ Error::Corrupt { .. }) => engine.give_up(error).await,
                            _ => engine.close().await,
                        }
                    }
                    _ => engine.close().await,
                }
                (report, end)
            })
            .await;
            drop(on_drop);
            let of = |direction| {
                let done = report.done().filter(|step| step.direction == direction);
                done.filter(|step| direction == Direction::Up || !half.contains(&step.version))
                    .count()
            };
            let (ups, downs) = (of(Direction::Up), of(Direction::Down));
            metrics::counted(
                &self.settings.group,
                &report.database,
                (applied + ups).saturating_sub(downs),
                (pending + downs).saturating_sub(ups),
            );
            if matches!(end, End::Lost) {
                // Another process has the lock now. `up` waits until it is done, and sees
                // what is left; a rollback must not go further than it was asked to.
                let taken_by = lease::taken_by(&self.control, fence).await;
                if taken_by.is_some() {
                    tracing::error!(name: IN_THE_REPORT, target: "mongrate", fence, "the lock was taken away by an operator");
                    return Err(Error::LockLost { report: Box::new(report), taken_by });
                }
                tracing::warn!(target: "mongrate", "another process has taken over");
                if matches!(goal, Goal::Up(target) if target.steps.is_none())
                    && self.settings.wait != Wait::No
                {
                    report.steps.retain(StepReport::is_done);
                    continue;
                }
                return Err(Error::LockLost { report: Box::new(report), taken_by: None });
            }
            // Then not even the failure could be recorded.
            if let End::Failed(error) = end {
                return Err(match error.downcast::<Error>() {
                    Ok(error) if matches!(*error, Error::Corrupt { collection: Some(_), .. }) => {
                        *error
                    }
                    Ok(error) => Error::Failed { report: Box::new(report), source: error },
                    Err(source) => Error::Failed { report: Box::new(report), source },
                });
            }
            let report = Box::new(report);
            return match end {
                End::Cancelled => Err(Error::Cancelled { report }),
                End::Done | End::Lost | End::Failed(_) => Ok(*report),
            };
        }
        Err(Error::LockLost { report: Box::new(report), taken_by: None })
    }
}
