//! Tries migrations without a trace: in one transaction that is always aborted, or in a scratch
//! database that is dropped.

mod rehearse;
pub(crate) mod shadow;

use std::{future::Future, pin::Pin, time::Duration};

use tokio::time::Instant;

use self::rehearse::{Rehearsal, Tried};
use super::{
    Runner, lint,
    own_thread::on_own_thread,
    plan::{Goal, Plan},
};
use crate::{
    model::{
        clock,
        error::Error,
        lint::Lint,
        report::{
            dry_run::{DryRunKind, DryRunOutcome, DryRunReport, DryRunStep},
            plan::PlanStep,
        },
    },
    protocol::inside::Inside,
    telemetry::observer::Observer,
};

pub(crate) type Boxed<'a, T> = Pin<Box<dyn Future<Output = Result<T, Error>> + Send + 'a>>;

impl Runner {
    pub(crate) async fn rehearse(
        &self,
        goal: &Goal,
        timeout: Duration,
        observer: Option<Observer>,
        lint: bool,
    ) -> Result<DryRunReport, Error> {
        let begun = Instant::now();
        let plan = self.planned_unless_cancelled(goal).await?;
        let mut lints = if lint { self.lints(&plan.steps).await? } else { Vec::new() };
        self.progress.began(None, plan.steps.iter().map(Into::into));
        // Dropping this future ends the transaction, as cancelling does.
        let stop = self.cancel.child_token();
        let on_drop = stop.clone().drop_guard();
        let rehearsal =
            Rehearsal { control: self.control.clone(), observer, cancel: stop, timeout };
        let steps = plan.steps.clone();
        let inside = Inside::dry_run(self.control.database.name(), &self.control.collection);
        let rehearsed = on_own_thread(move || async move {
            let _entered = inside.enter();
            rehearsal.run(&steps).await
        })
        .await?;
        drop(on_drop);
        if rehearsed.cancelled {
            return Err(Error::Cancelled { report: Box::new(self.empty_report()) });
        }
        for (step, tried) in plan.steps.iter().zip(&rehearsed.tried) {
            let found = lint::large_transaction(
                &step.migration,
                &tried.commands,
                tried.duration_ms,
                self.settings.lints,
            );
            // What the dry run counted replaces what the lint guessed.
            if tried.outcome == DryRunOutcome::Ran && rehearsed.observed {
                let version = step.migration.version();
                lints.retain(|lint: &Lint| !lint.is_guess() || lint.version != version);
            }
            lints.extend(found);
        }
        lints.sort_by_key(|lint| lint.version);
        Ok(DryRunReport {
            group: self.settings.group.clone(),
            database: self.database_name(),
            dry_run: DryRunKind::Transaction,
            steps: self
                .shown(&plan.steps)
                .await
                .into_iter()
                .zip(rehearsed.tried)
                .map(|(step, tried)| tried.step(step))
                .collect(),
            attempts: rehearsed.attempts,
            duration_ms: clock::ms_since(begun),
            observed: rehearsed.observed,
            lints,
            shadow: None,
            stands: plan.stands.newest().map(|squash| squash.migration.named()),
            ahead: plan.ahead,
        })
    }

    /// The plan; cancelling ends the wait for a server that is out of reach.
    async fn planned_unless_cancelled(&self, goal: &Goal) -> Result<Plan, Error> {
        tokio::select! {
            plan = self.planned(goal) => plan,
            () = self.cancel.cancelled() => {
                Err(Error::Cancelled { report: Box::new(self.empty_report()) })
            }
        }
    }
}

impl Tried {
    fn step(self, planned: PlanStep) -> DryRunStep {
        DryRunStep {
            planned,
            outcome: self.outcome,
            duration_ms: self.duration_ms,
            failure: self.failure,
            commands: self.commands,
        }
    }
}
