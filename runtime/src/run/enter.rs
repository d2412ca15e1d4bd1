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
        config::{DatabaseAhead, Wait, WhenPaused},
        error::Error,
        named::Named,
        report::{run::RunReport, status::LockReport, steering::Asked},
        state::Who,
    },
    protocol::{
        engine::Engine,
        history::History,
        inside,
        lease::{self, AbandonedLock, Attempt},
        read::read_all,
        retry::jittered,
    },
    telemetry::{
        IN_THE_REPORT,
        progress::{Progress, RunEvent},
        visible::Line,
    },
};

/// How long a process that lost the lock takes a look that shows the lock before that for outdated.
const LAG_MAX: Duration = Duration::from_secs(1);

/// How often a call that does not wait tries to get a lock that nobody holds.
const UNHELD_MAX: u32 = 10;

/// What came of entering.
pub(crate) enum Entered {
    /// Nothing is pending; no lock was needed.
    Current { ahead: Vec<Named> },
    /// This call holds the lock.
    In(Box<Engine>, History),
}

/// A wait for the lock, and what was said of it.
struct Waiting {
    since: Instant,
    /// The lock as the last attempt to get it found it, and when that was.
    lost_to: Option<(LockReport, Instant)>,
    is_announced: bool,
    /// How long it has waited when it is said next.
    say_at: Duration,
    /// How often it did not get the lock, though nobody is known to hold it.
    unheld: u32,
}

impl Runner {
    /// Gets the lock for the verbs that only record.
    pub(crate) async fn enter_to_record(&self) -> Result<(Box<Engine>, History), Error> {
        match self.enter(None, &mut self.empty_report()).await? {
            Entered::In(engine, history) => Ok((engine, history)),
            Entered::Current { .. } => unreachable!("only an `up` can find nothing to do"),
        }
    }

    /// Warns of entries that are to be signed, where there is no log that they could be in.
    pub(crate) fn warn_unlogged(&self, engine: &Engine) {
        if self.settings.audit.key.is_some() && !engine.is_audited() {
            tracing::warn!(
                target: "mongrate",
                "there is a key that signs the audit log, and no audit log is on: nothing is written into \
                 it; `audit --enable` or MIGRATE_AUDIT_LOG=true begins one"
            );
        }
    }

    /// Peeks, and takes the lock unless nothing is to be done. Waits while another process holds
    /// it, and returns as soon as nothing is pending.
    pub(crate) async fn enter(
        &self,
        goal: Option<&Goal>,
        report: &mut RunReport,
    ) -> Result<Entered, Error> {
        let mut waiting = Waiting::new();
        // A process that applies migrations applies all of its list, as a rule.
        let all = Some(self.registry.digest().count());
        let all = all.filter(|_| matches!(goal, Some(Goal::Up(_))));
        let mut pace = Pace::new(all, waiting.since);
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
                && self.approved.is_none()
                && let Some(ahead) = self.nothing_pending(&peek, goal).await?
            {
                return Ok(Entered::Current { ahead });
            }
            self.refuse_inside(&peek)?;
            let Peek { applied, lock: mut seen, held_for, left, owner, .. } = peek;
            let paused = seen.paused.clone().filter(|_| goal.is_some() && obeys_pause());
            if let Some(asked) = &paused {
                self.refuse_to_wait_for(waiting.since.elapsed(), asked)?;
            } else if let Some(lock) = waiting.newer_than(&seen, Instant::now()) {
                seen = lock;
            } else if let Some(entered) = self.try_lock(&mut seen, left, &mut waiting).await? {
                return Ok(entered);
            }
            if self.cancel.is_cancelled() {
                continue;
            }
            match paused {
                Some(asked) => waiting.say_paused(asked, &self.progress),
                // An election undid an acquisition: this one, or an earlier one that had raised the fence to
                // this number. Nobody holds the lock.
                None if self.settings.wait == Wait::No
                    && seen.holder.is_none()
                    && waiting.unheld < UNHELD_MAX =>
                {
                    waiting.unheld += 1;
                }
                None => {
                    self.refuse_to_wait(waiting.since.elapsed(), &seen)?;
                    waiting.say(&seen, owner.as_deref(), &self.progress);
                }
            }
            let applied = applied.map_or(0, |applied| applied.count());
            self.nap(pace.nap(Instant::now(), applied, held_for), &seen).await;
            report.waited_ms = clock::ms_since(waiting.since);
        }
    }

    /// Takes the lock if it is free or its holder is gone. `None`: another process holds it, and
    /// `seen` says which.
    async fn try_lock(
        &self,
        seen: &mut LockReport,
        left: Option<AbandonedLock>,
        waiting: &mut Waiting,
    ) -> Result<Option<Entered>, Error> {
        let left = left.filter(|_| seen.held);
        if let (Some(_), Some(holder)) = (&left, &seen.holder) {
            tracing::info!(
                target: "mongrate", holder = %Line(&holder), fence = seen.fence,
                "the process that holds the lock is gone; taking over at once"
            );
        }
        if seen.held && left.is_none() {
            return Ok(None);
        }
        match lease::acquire(&self.control, &self.who, self.settings.lease, left.as_ref()).await? {
            Attempt::Acquired(lease) => {
                tracing::debug!(target: "mongrate", fence = lease.fence, "lock acquired");
                let (audit, cancel) = (self.audit_settings(), &self.cancel);
                let opened =
                    Engine::open(&self.control, &self.who, cancel, &self.progress, lease, audit);
                let Some((mut engine, history)) = opened.await? else { return Ok(None) };
                engine.group.clone_from(&self.settings.group);
                if let Err(error) = engine.prepare_audit().await {
                    engine.give_up(&error).await;
                    return Err(error);
                }
                Ok(Some(Entered::In(Box::new(engine), history)))
            }
            Attempt::Held { holder, fence, remaining } => {
                seen.holder = Some(holder);
                seen.fence = fence;
                seen.remaining_ms = clock::ms(remaining);
                waiting.lost_to = Some((seen.clone(), Instant::now()));
                Ok(None)
            }
        }
    }

    /// Whether the settings allow to wait longer than this.
    fn may_wait(&self, waited: Duration) -> bool {
        match self.settings.wait {
            Wait::No => false,
            Wait::AtMost(limit) => waited < limit,
            Wait::Forever => true,
        }
    }

    /// Refuses to wait for the end of a pause for longer than the settings allow.
    fn refuse_to_wait_for(&self, waited: Duration, asked: &Asked) -> Result<(), Error> {
        let waits = self.settings.when_paused == WhenPaused::Wait;
        if waits && self.may_wait(waited) {
            return Ok(());
        }
        Err(Error::Paused { asked: asked.clone() })
    }

    /// Refuses to wait for the lock for longer than the settings allow.
    fn refuse_to_wait(&self, waited: Duration, seen: &LockReport) -> Result<(), Error> {
        if self.may_wait(waited) {
            return Ok(());
        }
        Err(Error::LockHeld {
            holder: seen.holder.clone().unwrap_or_default(),
            fence: seen.holder.as_ref().map_or(0, |_| seen.fence),
            remaining: Duration::from_millis(seen.remaining_ms),
        })
    }

    /// Sleeps until the next look at the lock, or until the run is cancelled.
    async fn nap(&self, nap: Nap, seen: &LockReport) {
        let nap = match nap {
            Nap::Guess(about) => jittered(about),
            Nap::Known(nap) => nap,
        };
        // Not longer than the rest of the lease that is in the way, which may not be renewed.
        let remaining = Duration::from_millis(seen.remaining_ms + 10);
        let nap = if seen.held { nap.min(remaining) } else { nap };
        tokio::select! {
            () = tokio::time::sleep(nap) => {}
            () = self.cancel.cancelled() => {}
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
    async fn nothing_pending(&self, peek: &Peek, goal: &Goal) -> Result<Option<Vec<Named>>, Error> {
        let Some(applied) = peek.applied else { return Ok(None) };
        if applied == self.registry.digest() {
            return Ok(Some(Vec::new()));
        }
        // Just the newest are not applied: they are pending for sure, and the history is read under the
        // lock. Otherwise the database may be ahead, or have a squash that this build does not have.
        if self.registry.lacks_the_newest(applied) {
            return Ok(None);
        }
        let (history, _) = read_all(&self.control, None).await?;
        let plan = plan::plan(goal, &self.registry, &history, self.tolerances())?;
        Ok(plan.is_empty().then_some(plan.ahead))
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

impl Waiting {
    fn new() -> Self {
        Self {
            since: Instant::now(),
            lost_to: None,
            is_announced: false,
            say_at: SAY_FIRST,
            unheld: 0,
        }
    }

    /// The lock as this process lost it, if the peek has `seen` an older state: what a majority has
    /// lags behind the primary, which the attempt asked. Not for longer than [`LAG_MAX`], as an
    /// election may have taken that acquisition back.
    fn newer_than(&self, seen: &LockReport, now: Instant) -> Option<LockReport> {
        let (lock, at) = self.lost_to.as_ref()?;
        let is_recent = now.saturating_duration_since(*at) < LAG_MAX;
        (seen.fence < lock.fence && is_recent).then(|| lock.clone())
    }

    /// Says that this process waits for the end of a pause: at first, and now and then.
    fn say_paused(&mut self, asked: Asked, progress: &Progress) {
        let waited = self.since.elapsed();
        let is_first = !std::mem::replace(&mut self.is_announced, true);
        if !is_first && waited < self.say_at {
            return;
        }
        if !is_first {
            self.say_at = waited + SAY_EVERY;
        }
        tracing::warn!(
            target: "mongrate", by = %Line(&asked), waited_s = waited.as_secs(),
            "the history is paused; waiting until it is resumed"
        );
        progress.emit(|| RunEvent::Paused { asked });
    }

    /// Says that this process waits: at first, and then each time that some time has passed.
    /// `owner`: the acquisition that is in the way.
    fn say(&mut self, seen: &LockReport, owner: Option<&str>, progress: &Progress) {
        let (waited, holder) = (self.since.elapsed(), holder(seen));
        if !self.is_announced {
            self.is_announced = true;
            tracing::info!(target: "mongrate", holder = %Line(&holder), fence = seen.fence, "waiting for the lock");
            progress.emit(|| RunEvent::Waiting {
                holder: holder.clone(),
                fence: seen.fence,
                waited: Duration::ZERO,
                is_this_process: false,
            });
        }
        if waited >= self.say_at {
            self.say_at = waited + SAY_EVERY;
            // A body may have spawned this call: then nothing shows that it waits for its own run.
            let here = owner.is_some_and(inside::is_held_here);
            tracing::info!(
                target: "mongrate", holder = %Line(&holder), fence = seen.fence, waited_s = waited.as_secs(),
                this_process = here, "still waiting for the lock"
            );
            progress.emit(|| RunEvent::Waiting {
                holder: holder.clone(),
                fence: seen.fence,
                waited,
                is_this_process: here,
            });
        }
    }
}

/// Whether a process looks at the pause before it tries to get the lock.
fn obeys_pause() -> bool {
    #[cfg(mongrate_mutants)]
    if crate::protocol::mutant::is(crate::protocol::mutant::Mutant::ForgetsPause) {
        return false;
    }
    true
}

fn holder(seen: &LockReport) -> String {
    seen.holder.as_ref().map_or_else(|| "another".to_owned(), Who::to_string)
}

#[cfg(test)]
mod tests {
    use mongodb::bson::doc;

    use super::*;

    #[test]
    fn a_look_at_an_older_state_is_no_reason_to_try_again_for_a_second() {
        let at_fence = |fence: i64| lease::parse(&doc! { "fence": fence });
        let mut waiting = Waiting::new();
        let now = waiting.since;
        assert!(waiting.newer_than(&at_fence(0), now).is_none(), "it has lost to nobody");
        waiting.lost_to = Some((at_fence(7), now));
        let ms = Duration::from_millis;
        // The fence of the look, how long after the lost attempt, whether the look is outdated.
        let table = [
            (0, 0, true),
            (6, 999, true),
            (6, 1_000, false),
            // The acquisition that it lost to, which may be released by now; a later one.
            (7, 1, false),
            (8, 1, false),
        ];
        for (fence, after, outdated) in table {
            let lock = waiting.newer_than(&at_fence(fence), now + ms(after));
            assert_eq!(lock.map(|lock| lock.fence), outdated.then_some(7), "{fence} {after}");
        }
    }
}
