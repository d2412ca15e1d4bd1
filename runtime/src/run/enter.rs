//! Gets the lock, or finds that nothing is pending; waits while another process holds it.

use std::time::Duration;

use tokio::time::Instant;

use super::{
    Runner, SAY_EVERY, SAY_FIRST,
    pace::{Nap, Pace},
    peek::Peek,
    plan::{self, Goal},
};
use crate::{
    model::{
        clock,
        config::{DatabaseAhead, Wait},
        error::Error,
        named::Named,
        report::run::RunReport,
        state::Who,
    },
    protocol::{
        engine::Engine,
        history::History,
        inside,
        lease::{self, Attempt},
        read::read_all,
        retry::jittered,
    },
    telemetry::{IN_THE_REPORT, progress::RunEvent, visible::Line},
};

/// How a call got in.
pub(crate) enum Entered {
    /// Nothing is pending; no lock was needed.
    Current {
        ahead: Vec<Named>,
    },
    In(Box<Engine>, History),
}

impl Runner {
    /// Gets the lock for the verbs that only record.
    pub(crate) async fn enter_to_record(&self) -> Result<(Box<Engine>, History), Error> {
        match self.enter(None, &mut self.empty_report()).await? {
            Entered::In(engine, history) => Ok((engine, history)),
            Entered::Current { .. } => unreachable!("only an `up` can find nothing to do"),
        }
    }

    /// Peeks, and takes the lock unless nothing is to be done; waits while it is held, and
    /// leaves as soon as nothing is pending.
    pub(crate) async fn enter(
        &self,
        goal: Option<Goal>,
        report: &mut RunReport,
    ) -> Result<Entered, Error> {
        let begun = Instant::now();
        let (mut waiting, mut say_at) = (false, SAY_FIRST);
        // Whoever applies goes on to the end of the list, as a rule.
        let all = i64::try_from(self.registry.len()).ok();
        let mut pace = Pace::new(all.filter(|_| matches!(goal, Some(Goal::Up(_)))));
        loop {
            if self.cancel.is_cancelled() {
                return Err(Error::Cancelled { report: Box::new(report.clone()) });
            }
            // The one wait for a server that may be out of reach.
            let peek = tokio::select! {
                peek = self.peek_meanwhile() => peek?,
                () = self.cancel.cancelled() => continue,
            };
            if let Some(goal @ Goal::Up(_)) = goal
                && let Some(ahead) = self.nothing_pending(&peek, goal).await?
            {
                return Ok(Entered::Current { ahead });
            }
            self.refuse_inside(&peek)?;
            let mut seen = peek.lock;
            let left = peek.left.filter(|_| seen.held);
            if let (Some(_), Some(holder)) = (&left, &seen.holder) {
                tracing::info!(
                    target: "mongrate", holder = %Line(&holder), fence = seen.fence,
                    "the process that holds the lock is gone; taking over at once"
                );
            }
            if !seen.held || left.is_some() {
                let lease = self.settings.lease;
                match lease::acquire(&self.control, &self.who, lease, left.as_ref()).await? {
                    Attempt::Acquired(lease) => {
                        tracing::debug!(target: "mongrate", fence = lease.fence, "lock acquired");
                        let opened =
                            Engine::open(&self.control, &self.who, &self.cancel, lease).await?;
                        if let Some((engine, history)) = opened {
                            return Ok(Entered::In(Box::new(engine), history));
                        }
                    }
                    Attempt::Held { holder, fence, remaining } => {
                        seen.holder = Some(holder);
                        seen.fence = fence;
                        seen.remaining_ms = clock::ms(remaining);
                    }
                }
            }

            let waited = begun.elapsed();
            let give_up = match self.settings.wait {
                Wait::No => true,
                Wait::AtMost(limit) => waited >= limit,
                Wait::Forever => false,
            };
            let holder = seen.holder.as_ref().map_or_else(|| "another".to_owned(), Who::to_string);
            if give_up {
                return Err(Error::LockHeld {
                    holder,
                    fence: seen.fence,
                    remaining: Duration::from_millis(seen.remaining_ms),
                });
            }
            if !waiting {
                waiting = true;
                tracing::info!(target: "mongrate", holder = %Line(&holder), fence = seen.fence, "waiting for the lock");
                self.progress.emit(|| RunEvent::Waiting {
                    holder: holder.clone(),
                    fence: seen.fence,
                    waited: Duration::ZERO,
                    is_this_process: false,
                });
            }
            if waited >= say_at {
                say_at = waited + SAY_EVERY;
                // A body may have spawned this call: then nobody can know.
                let here = peek.owner.as_deref().is_some_and(inside::is_held_here);
                tracing::info!(
                    target: "mongrate", holder = %Line(&holder), fence = seen.fence, waited_s = waited.as_secs(),
                    this_process = here, "still waiting for the lock"
                );
                self.progress.emit(|| RunEvent::Waiting {
                    holder: holder.clone(),
                    fence: seen.fence,
                    waited,
                    is_this_process: here,
                });
            }
            // Not longer than the lease that is in the way still runs, if nobody renews it.
            let remaining = Duration::from_millis(seen.remaining_ms + 10);
            let applied = peek.applied.map_or(0, |applied| applied.count());
            let nap = match pace.nap(Instant::now(), applied) {
                Nap::Guess(about) => jittered(about),
                Nap::Known(nap) => nap,
            };
            let nap = if seen.held { nap.min(remaining) } else { nap };
            tokio::select! {
                () = tokio::time::sleep(nap) => {}
                () = self.cancel.cancelled() => {}
            }
            report.waited_ms = clock::ms_since(begun);
        }
    }

    /// Refuses a call that would wait for the very run that makes it.
    fn refuse_inside(&self, peek: &Peek) -> Result<(), Error> {
        let of_run = peek.owner.as_deref().is_some_and(inside::is_run_of);
        let of_dry_run =
            || inside::is_dry_run_of(self.control.database.name(), &self.control.collection);
        if of_run || of_dry_run() { Err(Error::InsideMigration) } else { Ok(()) }
    }

    /// Whether an `up` has nothing to do; with what the database is ahead by.
    async fn nothing_pending(&self, peek: &Peek, goal: Goal) -> Result<Option<Vec<Named>>, Error> {
        let Some(applied) = peek.applied else { return Ok(None) };
        if applied == self.registry.digest() {
            return Ok(Some(Vec::new()));
        }
        // Fewer are applied than this build has: something is pending for sure, and the
        // history is read under the lock. Otherwise the database may just be ahead.
        if usize::try_from(applied.count()).is_ok_and(|count| count < self.registry.len()) {
            return Ok(None);
        }
        let (history, _) = read_all(&self.control, None).await?;
        let plan = plan::plan(goal, &self.registry, &history, self.policies())?;
        Ok(plan.steps.is_empty().then_some(plan.ahead))
    }

    pub(crate) fn warn_ahead(&self, ahead: &[Named]) {
        if let (Some(first), DatabaseAhead::Warn) = (ahead.first(), self.settings.ahead) {
            tracing::warn!(
                name: IN_THE_REPORT, target: "mongrate", count = ahead.len(), first = %Line(&first),
                "the database is ahead: it has applied migrations that this build does not have"
            );
        }
    }
}
