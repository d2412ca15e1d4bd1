//! What a runner makes of an answer.

use super::{After, At, Goal, LIGHT_MAX, Outcome, Runner, Stage, Then, Why};
use crate::{
    basics::{Kind, Versions},
    mutant::Protocol,
    server::{Documents, Reply, Rules},
};

impl Runner {
    /// Takes an answer. `false`: nothing has changed by it.
    pub fn receive(&mut self, reply: Reply, after: After, goal: Goal, rules: &Rules<'_>) -> bool {
        let at = self.at;
        match (at, reply) {
            // What is sent again until an answer comes.
            (
                At::Peek
                | At::Acquire
                | At::Raise
                | At::ReadRefused
                | At::ReadHolder
                | At::Kill(_)
                | At::ReadAll
                | At::Look(_)
                | At::Write
                | At::Ddl,
                Reply::Nothing,
            ) => {}
            (At::Peek, Reply::Peeked { applied, held, paused }) => {
                let paused = paused && rules.protocol != Protocol::ForgetsPause;
                if goal == Goal::Up && applied == Some(Versions::first(rules.kinds.len())) {
                    *self = self.blank(At::Ended(Outcome::Current), 0);
                } else if held || paused {
                    return false;
                } else {
                    self.go(At::Acquire);
                }
            }
            (At::Acquire, Reply::Lock(lock)) => {
                if lock.owner == Some(self.token) {
                    self.fence = lock.fence;
                    if rules.protocol == Protocol::KillPreviousOwner {
                        self.previous = lock.previous;
                    }
                    self.hear(lock, rules);
                    self.go(At::Raise);
                    self.found_paused = self.paused;
                } else {
                    *self = self.blank(At::Peek, self.token.attempt + 1);
                }
            }
            (At::Raise, Reply::Ok) => {
                self.waits = false;
                self.go(At::ReadAll);
            }
            (At::Raise, Reply::Duplicate) => self.go(At::ReadRefused),
            (At::Raise, Reply::Blocked) => match rules.protocol {
                Protocol::NoKill => return false,
                Protocol::KillPreviousOwner => match self.previous {
                    Some(whom) => self.go(At::Kill(whom)),
                    None => return false,
                },
                Protocol::DoesNotWait if self.waits => self.go(At::Release(Outcome::HeldUp)),
                _ if self.waits => return false,
                _ => self.go(At::ReadHolder),
            },
            (At::ReadRefused, Reply::Found(found)) => match found.fence {
                Some(fence) if fence.number > self.fence => self.go(At::StandDown),
                Some(fence) if fence.number == self.fence => {
                    self.go(if fence.holder == Some(self.token) {
                        At::ReadAll
                    } else {
                        At::StandDown
                    });
                }
                _ => self.go(At::Raise),
            },
            (At::ReadHolder, Reply::Found(found)) => match found.fence {
                Some(fence) if fence.number < self.fence => match fence.holder {
                    Some(holder) => self.go(At::Kill(holder)),
                    None => self.go(At::Raise),
                },
                _ => self.go(At::Raise),
            },
            (At::Kill(_), reply) => {
                self.waits = reply == Reply::Refused;
                self.go(At::Raise);
            }
            (At::ReadAll, Reply::Found(found)) => self.plan(&found, goal, rules),
            (At::Guard, Reply::Matched(true)) => {
                if self.lost || self.is_to_end() {
                    self.go(At::Abort(Then::Leave));
                } else if self.has_body(rules) {
                    self.go(At::Body);
                } else {
                    self.go(At::Commit);
                }
            }
            (At::Guard, Reply::Matched(false)) => self.go(At::Abort(Then::Settle)),
            (At::Guard, Reply::Conflict) if self.is_to_end() => self.enter(rules),
            (At::Guard, Reply::Conflict) => return false,
            (At::Guard | At::Body | At::Commit, Reply::Gone) => self.again(rules),
            (At::Guard | At::Body, Reply::Nothing) => self.go(At::Abort(Then::Again)),
            (At::Body, Reply::Ok) => {
                let stops = self.lost || self.is_to_end();
                self.go(if stops { At::Abort(Then::Leave) } else { At::Commit });
            }
            (At::Commit, Reply::Ok) => match rules.protocol {
                Protocol::HistoryOutside => self.go(At::Write),
                _ => self.committed(self.is_light(rules), rules),
            },
            (At::Commit, Reply::Nothing) => {
                self.unknown = true;
                match after {
                    _ if self.lost => self.enter(rules),
                    After::Again => {}
                    After::Anew => self.again(rules),
                    After::GiveUp => self.give_up(rules),
                }
            }
            (At::Write, Reply::Blocked) => return false,
            (At::Write, _) => self.committed(false, rules),
            (At::Abort(Then::Again), _) => self.again(rules),
            (At::Abort(Then::Settle), _) => self.go(At::Look(Why::Mismatch)),
            (At::Abort(Then::Leave), _) => self.leave(rules),
            // The last thing that it could do about it.
            (At::EndOwn(Why::GaveUp), Reply::Nothing)
                if self.unknown && rules.protocol != Protocol::SettlesEarly =>
            {
                self.go(At::Release(Outcome::Unknown));
            }
            // A step may still commit: its migration has not ended all the same.
            (At::EndOwn(Why::Cancelled), Reply::Nothing)
                if self.unknown && self.stage != Stage::Step =>
            {
                self.go(At::Release(Outcome::Unknown));
            }
            (At::EndOwn(Why::GaveUp), _) if self.unknown => self.go(At::Look(Why::GaveUp)),
            (At::EndOwn(Why::GaveUp), _) => self.fail(rules),
            (At::EndOwn(Why::Cancelled), _) if self.unknown => self.go(At::Look(Why::Cancelled)),
            (At::EndOwn(_), _) if self.unknown => self.go(At::Look(Why::Lost)),
            (At::EndOwn(_), _) => self.leave(rules),
            (At::Look(why @ (Why::Confirm | Why::Ending)), Reply::Found(found)) => {
                self.confirm(why, &found, rules);
            }
            (At::Look(why), Reply::Found(found)) => self.settle(why, &found, rules),
            (At::Ddl, Reply::Ok) => {
                self.stage = Stage::End;
                self.enter(rules);
            }
            // Sent again until an answer comes, or the attempts are used up.
            (At::Release(_), Reply::Nothing) if self.releases_under() => {
                if after == After::GiveUp {
                    self.go(At::Look(Why::Confirm));
                }
            }
            (At::Release(_), Reply::Duplicate | Reply::Blocked) => {
                self.go(At::Look(Why::Confirm));
            }
            (At::Release(outcome), _) => *self = self.blank(At::Ended(outcome), 0),
            (At::StandDown, _) => self.start_over(goal),
            (at, reply) => unreachable!("{at:?} was answered with {reply:?}"),
        }
        true
    }

    pub(super) fn has_body(&self, rules: &Rules<'_>) -> bool {
        match self.stage {
            Stage::Step => true,
            Stage::End => rules.kind(self.step().version) == Kind::Transactional,
            _ => false,
        }
    }

    /// What the database says of a guarded transaction whose outcome is in doubt.
    pub(super) fn settle(&mut self, why: Why, found: &Documents, rules: &Rules<'_>) {
        let fence = found.fence;
        let ours = fence.filter(|fence| fence.number == self.fence);
        let record = found.record(self.step().version);
        let recorded =
            record.fence == self.fence && record.sequence == self.guards + 1 && self.unknown;
        let committed = ours.is_some_and(|fence| fence.guards == self.guards + 1)
            || (ours.is_none_or(|fence| fence.guards != self.guards) && recorded);
        if committed && self.unknown {
            return self.committed(false, rules);
        }
        let light = u8::try_from(self.light.iter().flatten().count()).expect("few");
        let gone = ours.map_or(0, |fence| self.guards.saturating_sub(fence.guards));
        if (1..=light).contains(&gone) {
            if why == Why::Cancelled {
                self.stage = Stage::NoteCancelled;
            }
            self.take_back(gone, rules);
            match (why, self.stage) {
                (Why::Lost, _) => {
                    self.lost = true;
                    self.leave(rules);
                }
                (_, stage @ (Stage::Note | Stage::NoteCancelled)) => self.note(stage, rules),
                _ => self.begin(rules),
            }
            return;
        }
        match why {
            Why::GaveUp => self.fail(rules),
            Why::Cancelled => self.leave(rules),
            Why::Mismatch | Why::Lost | Why::Confirm | Why::Ending => {
                self.lost = true;
                self.leave(rules);
            }
        }
    }

    /// What a majority has of the last commits, before the run ends.
    fn confirm(&mut self, why: Why, found: &Documents, rules: &Rules<'_>) {
        let ours = found.fence.filter(|fence| fence.number == self.fence);
        let there = |(version, sequence): (u8, u8)| {
            let record = found.record(version);
            (record.fence, record.sequence) == (self.fence, sequence)
        };
        match ours {
            Some(fence) if fence.guards < self.guards => {
                self.take_back(self.guards - fence.guards, rules);
                if why == Why::Confirm {
                    return self.begin(rules);
                }
            }
            None if !self.light().all(there) => {
                self.lost = true;
                return self.go(At::StandDown);
            }
            _ => {}
        }
        self.light = [None; LIGHT_MAX];
        match why {
            Why::Ending => self.end_cancelled(),
            _ => self.go(At::Release(Outcome::Done)),
        }
    }
}
