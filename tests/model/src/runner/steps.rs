//! From one step of the plan to the next: what begins, is tried again, is given up or ends.

use super::{At, Goal, LIGHT_MAX, Outcome, PlanStep, Runner, STEPS_MAX, Stage, TRIES_MAX, Why};
use crate::{
    basics::{Direction, Kind, Versions},
    mutant::Protocol,
    server::{Documents, Rules, Stored},
};

impl Runner {
    /// An election took back what only the former primary had.
    pub(super) fn take_back(&mut self, count: u8, rules: &Rules<'_>) {
        self.guards -= count;
        self.took_back = true;
        // A guard that is late may match again. (Who lost the lease leaves its session there anyway.)
        self.unsettled |= !self.lost;
        for _ in 0..count {
            let step = self.light[0].expect("as many as were counted");
            self.light.rotate_left(1);
            self.light[LIGHT_MAX - 1] = None;
            self.applied = self.applied.set(step.version, step.direction == Direction::Down);
            if !self.is_noting() && rules.protocol != Protocol::SkipsTakenBack {
                self.plan.rotate_right(1);
                self.plan[0] = Some(step);
            }
        }
        self.light = [None; LIGHT_MAX];
    }

    pub(super) fn go(&mut self, at: At) {
        self.deaf |= self.told && matches!(at, At::Guard | At::Body | At::Ddl);
        let begins = matches!(at, At::Guard | At::Body | At::Ddl) && !self.is_noting();
        self.heedless |= self.cancelled && begins;
        self.heedless |= self.told_paused && at == At::Ddl;
        self.found_paused = false;
        self.at = at;
    }

    /// Begins a guarded transaction, unless it is known to be in vain.
    pub(super) fn enter(&mut self, rules: &Rules<'_>) {
        if self.lost && self.unknown {
            return self.go(At::EndOwn(Why::Lost));
        }
        if self.lost {
            return self.leave(rules);
        }
        if self.is_to_end() && self.unknown {
            return self.go(At::EndOwn(Why::Cancelled));
        }
        if self.is_to_end() {
            return self.leave(rules);
        }
        self.number += 1;
        self.tries += 1;
        self.unsettled = true;
        self.heedless |= self.told_paused && self.tries == 1 && !self.ends_migration(rules);
        self.go(At::Guard);
    }

    /// Tries the transaction again, or has used up its attempts.
    pub(super) fn again(&mut self, rules: &Rules<'_>) {
        if self.tries < TRIES_MAX || self.lost {
            self.enter(rules);
        } else {
            self.give_up(rules);
        }
    }

    /// The attempts are used up: ends the transaction, then finds out what became of it.
    pub(super) fn give_up(&mut self, rules: &Rules<'_>) {
        let early = rules.protocol == Protocol::SettlesEarly;
        if self.at == At::Commit || (self.unknown && !early) {
            self.go(At::EndOwn(Why::GaveUp));
        } else if self.unknown {
            self.go(At::Look(Why::GaveUp));
        } else {
            self.fail(rules);
        }
    }

    /// Whether the transaction under way only records how a migration ended, which no pause holds
    /// up.
    fn ends_migration(&self, rules: &Rules<'_>) -> bool {
        let online = rules.kind(self.step().version) == Kind::Online;
        self.is_noting() || (self.stage == Stage::End && online)
    }

    /// Gives the lock back, should it still be there, and starts over. A failure that could not
    /// be noted stays a failure. If it is cancelled, it notes that first.
    pub(super) fn leave(&mut self, rules: &Rules<'_>) {
        self.at = match (self.stage, self.plan[0]) {
            (Stage::Note, Some(PlanStep { version, direction, .. })) => {
                At::Release(Outcome::Failed { version, fence: self.fence, direction })
            }
            (Stage::NoteCancelled, _) => return self.end_cancelled(),
            _ if self.is_to_end() => return self.note(Stage::NoteCancelled, rules),
            _ => At::StandDown,
        };
    }

    /// Begins the next step of the plan.
    pub(super) fn begin(&mut self, rules: &Rules<'_>) {
        let Some(step) = self.plan[0] else {
            return self.go(At::Release(Outcome::Done));
        };
        if self.is_to_end() {
            return self.end_cancelled();
        }
        (self.unknown, self.tries) = (false, 0);
        self.stage = match rules.kind(step.version) {
            Kind::Transactional => Stage::End,
            Kind::Online => Stage::Begin,
        };
        self.proceed(rules);
    }

    /// A guarded transaction is known to have committed.
    pub(super) fn committed(&mut self, light: bool, rules: &Rules<'_>) {
        if light {
            self.light.rotate_right(1);
            self.light[0] = self.plan[0];
        } else {
            self.light = [None; LIGHT_MAX];
        }
        (_, self.applied) = self.trial(rules);
        self.guards += 1;
        (self.unknown, self.unsettled, self.tries) = (false, false, 0);
        let PlanStep { version, direction, done, .. } = self.step();
        match self.stage {
            Stage::Begin if done => self.ddl(rules),
            Stage::Begin => {
                self.stage = Stage::Step;
                self.proceed(rules);
            }
            Stage::Step => self.ddl(rules),
            Stage::Note => {
                let outcome = Outcome::Failed { version, fence: self.fence, direction };
                self.go(At::Release(outcome));
            }
            Stage::NoteCancelled => self.end_cancelled(),
            Stage::End | Stage::Ddl => {
                self.plan.rotate_left(1);
                self.plan[STEPS_MAX - 1] = None;
                self.begin(rules);
            }
        }
    }

    pub(super) fn ddl(&mut self, rules: &Rules<'_>) {
        self.stage = Stage::Ddl;
        self.proceed(rules);
    }

    /// It is said to have failed, and that is recorded if it can be.
    pub(super) fn fail(&mut self, rules: &Rules<'_>) {
        if self.is_noting() {
            return self.leave(rules);
        }
        self.note(Stage::Note, rules);
    }

    /// Records how a migration ended that did not commit.
    pub(super) fn note(&mut self, stage: Stage, rules: &Rules<'_>) {
        (self.unknown, self.tries) = (false, 0);
        self.stage = stage;
        self.enter(rules);
    }

    /// Reads the history, and decides.
    pub(super) fn plan(&mut self, found: &Documents, goal: Goal, rules: &Rules<'_>) {
        self.guards = found.fence.map_or(0, |fence| fence.guards);
        let all = 1..=rules.count();
        self.applied = all.clone().fold(Versions::default(), |applied, version| {
            applied.set(version, found.record(version).state == Stored::Applied)
        });
        let step = |version: u8, direction: Direction| {
            let record = found.record(version);
            let resumes = record.direction == direction
                && matches!(record.state, Stored::Running | Stored::Failed);
            PlanStep { version, direction, resumes, done: resumes && record.step }
        };
        let interrupted = |version: u8| {
            let record = found.record(version);
            (record.state, record.direction) == (Stored::Running, Direction::Down)
        };
        let mut steps = Vec::new();
        match goal {
            Goal::Up => {
                for version in all.filter(|version| !self.applied.has(*version)) {
                    let back = interrupted(version);
                    if back {
                        steps.push(step(version, Direction::Down));
                    }
                    let again = step(version, Direction::Up);
                    steps.push(PlanStep { done: again.done && !back, ..again });
                }
            }
            Goal::Down => {
                let last = all
                    .clone()
                    .filter(|version| self.applied.has(*version) || interrupted(*version))
                    .max_by_key(|version| found.record(*version).sequence);
                let beneath = |version: u8| {
                    all.clone().any(|other| {
                        let record = found.record(other);
                        record.direction == Direction::Up
                            && record.sequence > found.record(version).sequence
                            && match record.state {
                                Stored::Running => true,
                                Stored::Failed => record.step,
                                _ => false,
                            }
                    })
                };
                match last {
                    Some(version) if beneath(version) => {
                        return self.go(At::Release(Outcome::Refused));
                    }
                    Some(version) => steps.push(step(version, Direction::Down)),
                    None => {}
                }
            }
        }
        self.plan = [None; STEPS_MAX];
        for (place, step) in self.plan.iter_mut().zip(&steps) {
            *place = Some(*step);
        }
        debug_assert!(steps.len() <= STEPS_MAX);
        if steps.is_empty() { self.go(At::Release(Outcome::Current)) } else { self.begin(rules) }
    }
}
