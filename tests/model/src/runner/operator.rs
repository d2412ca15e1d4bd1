//! What a runner makes of what an operator wants: a pause, its end, a cancellation.
//!
//! It learns of them from the lock, which its acquisition and each heartbeat return.

use super::{At, LIGHT_MAX, Outcome, Runner, Stage, Then, Why};
use crate::{
    mutant::Protocol,
    server::{Lock, Rules},
};

impl Runner {
    /// Learns what an operator wants, as the lock says it.
    pub fn hear(&mut self, lock: Lock, rules: &Rules<'_>) {
        let forgets = rules.protocol == Protocol::ForgetsPause && self.at == At::Acquire;
        self.told_paused = lock.paused;
        self.paused = lock.paused && !forgets;
        self.cancelled |= self.is_asked_to_end(lock, rules);
    }

    /// Whether a heartbeat would tell it something of an operator that matters.
    pub fn has_news(&self, lock: Lock, rules: &Rules<'_>) -> bool {
        // No heartbeat runs beside the release.
        let over = matches!(self.at, At::Release(_) | At::StandDown);
        let heeds = !self.lost && !self.cancelled && !self.is_noting() && !over;
        heeds && (lock.paused != self.told_paused || self.is_asked_to_end(lock, rules))
    }

    fn is_asked_to_end(&self, lock: Lock, rules: &Rules<'_>) -> bool {
        match rules.protocol {
            Protocol::ObeysOldCancel => lock.cancel.is_some(),
            _ => lock.cancel == Some(self.fence),
        }
    }

    /// Whether it records how a migration ended, which neither a pause nor a cancellation holds up.
    pub(super) fn is_noting(&self) -> bool {
        matches!(self.stage, Stage::Note | Stage::NoteCancelled)
    }

    /// Whether it ends because it is cancelled.
    pub(super) fn is_to_end(&self) -> bool {
        self.cancelled && !self.lost && !self.is_noting()
    }

    /// Begins what comes next in the plan or in an online migration, unless the history is paused.
    pub(super) fn proceed(&mut self, rules: &Rules<'_>) {
        if self.paused && !self.lost && !self.cancelled {
            return self.go(At::Paused);
        }
        match self.stage {
            Stage::Ddl if self.lost || self.cancelled => self.leave(rules),
            Stage::Ddl => self.go(At::Ddl),
            _ => self.enter(rules),
        }
    }

    /// Goes on if it is paused and a heartbeat has changed what it knows.
    pub fn go_on(&mut self, rules: &Rules<'_>) {
        match (self.at, self.stage) {
            (At::Paused, Stage::Step | Stage::Ddl) => self.proceed(rules),
            (At::Paused, _) => self.begin(rules),
            _ => {}
        }
    }

    /// Drops what is under way, because the run is cancelled.
    pub(super) fn interrupt_cancelled(&mut self, rules: &Rules<'_>) {
        if self.does_not_wait(rules) {
            self.stage = Stage::NoteCancelled;
            self.light = [None; LIGHT_MAX];
            return self.end_cancelled();
        }
        match self.at {
            At::Body if self.stage == Stage::End => self.go(At::Abort(Then::Leave)),
            At::Ddl => self.leave(rules),
            At::Raise | At::ReadRefused | At::ReadHolder | At::Kill(_) | At::ReadAll => {
                self.end_cancelled();
            }
            at => {
                self.unknown |= at == At::Commit;
                self.go(At::EndOwn(Why::Cancelled));
            }
        }
    }

    /// Whether it does not wait for what a cancellation finds under way. (A mutant.)
    pub(super) fn does_not_wait(&self, rules: &Rules<'_>) -> bool {
        rules.protocol == Protocol::CancelDoesNotWait && self.is_to_end() && self.plan[0].is_some()
    }

    /// Gives the lock back because the run is cancelled, once it knows what a majority has of its
    /// last commits.
    pub(super) fn end_cancelled(&mut self) {
        if self.light[0].is_some() {
            return self.go(At::Look(Why::Ending));
        }
        let interrupted = self.plan[0].filter(|_| self.stage == Stage::NoteCancelled);
        let under_way = interrupted.map(|step| (step.version, step.direction));
        self.go(At::Release(Outcome::Cancelled { fence: self.fence, under_way }));
    }
}
