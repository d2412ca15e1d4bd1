//! What the server does with a command.

use super::{Change, Command, Fence, Guard, Lock, Open, Reply, Rules, Server, Session};
use crate::{
    basics::{Direction, Kind, Token, Versions},
    mutant::Protocol,
};

impl Server {
    /// Executes a command. `replicated`: a majority has its write before it is answered.
    pub fn execute(&mut self, command: &Command, replicated: bool, rules: &Rules<'_>) -> Reply {
        match *command {
            Command::Peek => {
                let seen = self.durable();
                let lock = seen.lock;
                Reply::Peeked {
                    applied: seen.fence.map(|fence| fence.applied),
                    held: lock.owner.is_some() && !lock.expired,
                    paused: lock.paused,
                }
            }
            Command::Acquire { by } => {
                let lock = self.now.lock;
                if lock.owner.is_none() || lock.expired {
                    self.write(replicated, |now| {
                        now.lock = Lock {
                            owner: Some(by),
                            fence: lock.fence + 1,
                            expired: false,
                            previous: match rules.protocol {
                                Protocol::KillPreviousOwner => lock.owner.or(lock.previous),
                                _ => None,
                            },
                            ..lock
                        };
                    });
                } else if replicated {
                    self.replicate();
                }
                Reply::Lock(Lock { previous: lock.owner.or(lock.previous), ..self.now.lock })
            }
            Command::Raise { by, fence } => self.raise(by, fence, replicated),
            Command::ReadFence | Command::ReadAll | Command::Look { .. } => {
                Reply::Found(*self.durable())
            }
            Command::Kill { .. } if rules.refuses_kill => Reply::Refused,
            Command::Kill { whom } | Command::EndOwn { by: whom } => {
                self.end(whom);
                Reply::Ok
            }
            Command::Guard(guard) => self.guard(&guard, rules),
            Command::Body { by, number, version, direction } => {
                let open = self.open.iter_mut().find(|it| (it.session, it.number) == (by, number));
                let Some(open) = open else { return Reply::Gone };
                open.effect = Some((version, direction));
                Reply::Ok
            }
            Command::Commit { by, number, .. } => self.commit(by, number, replicated, rules),
            Command::Abort { by, number } => {
                self.open.retain(|open| (open.session, open.number) != (by, number));
                Reply::Ok
            }
            Command::Write { version, change, fence, sequence } => {
                let held = |open: &Open| open.writes_record.is_some_and(|(it, _)| it == version);
                if self.open.iter().any(held) {
                    return Reply::Blocked;
                }
                self.write(replicated, |now| {
                    let record = &mut now.records[usize::from(version - 1)];
                    *record = record.changed(change, fence, sequence);
                });
                Reply::Ok
            }
            Command::Ddl { version, direction } => {
                let ddl = self.now.ddl.set(version, direction == Direction::Up);
                self.write(replicated, |now| now.ddl = ddl);
                Reply::Ok
            }
            Command::Release { by, fence, forgets, under } => {
                // It waits for an open transaction, as any write does; then its time is up.
                let held = self.open.iter().any(|open| open.writes_fence.is_some());
                if let Some(guards) = under {
                    let found = self.now.fence.map(|found| (found.number, found.guards));
                    if found != Some((fence, guards)) {
                        return Reply::Duplicate;
                    }
                    if held {
                        return Reply::Blocked;
                    }
                    if replicated {
                        self.replicate();
                    }
                }
                if forgets && !held {
                    self.write(replicated, |now| {
                        if let Some(found) = &mut now.fence
                            && (found.number, found.holder) == (fence, Some(by))
                        {
                            found.holder = None;
                        }
                    });
                }
                let lock = self.now.lock;
                let mine = (lock.owner, lock.fence) == (Some(by), fence);
                if mine || (rules.protocol == Protocol::ReleaseAny && lock.owner.is_some()) {
                    self.watch.released_foreign |= !mine;
                    self.write(replicated, |now| {
                        (now.lock.owner, now.lock.expired) = (None, false);
                        now.lock.cancel = None;
                        if rules.protocol == Protocol::KillPreviousOwner {
                            now.lock.previous = lock.owner;
                        }
                    });
                }
                Reply::Ok
            }
        }
    }

    fn raise(&mut self, by: Token, fence: u8, replicated: bool) -> Reply {
        match self.now.fence {
            None => {
                let fence = Fence {
                    number: fence,
                    holder: Some(by),
                    guards: 0,
                    applied: Versions::default(),
                };
                self.write(replicated, |now| now.fence = Some(fence));
                Reply::Ok
            }
            Some(found) if found.number < fence => {
                if self.open.iter().any(|open| open.writes_fence.is_some()) {
                    return Reply::Blocked;
                }
                let raised = Fence { number: fence, holder: Some(by), ..found };
                self.write(replicated, |now| now.fence = Some(raised));
                Reply::Ok
            }
            Some(_) => Reply::Duplicate,
        }
    }

    fn guard(&mut self, guard: &Guard, rules: &Rules<'_>) -> Reply {
        let token = guard.by;
        let session = match self.sessions.iter_mut().find(|session| session.token == token) {
            Some(session) => session,
            None => {
                self.sessions.push(Session { token, seen: 0, committed: 0, lagging: false });
                self.sessions.sort_by_key(|session| session.token);
                self.sessions.iter_mut().find(|it| it.token == token).expect("just pushed")
            }
        };
        if session.seen >= guard.number {
            return Reply::Gone;
        }
        session.seen = guard.number;
        self.end(token);

        let found = self.now.fence;
        let matched = match rules.protocol {
            Protocol::NoFence => true,
            Protocol::FenceOnlyRead | Protocol::FenceNoOpSet => {
                found.is_some_and(|found| found.number == guard.fence)
            }
            _ => found
                .is_some_and(|found| (found.number, found.guards) == (guard.fence, guard.guards)),
        };
        // It is an upsert, which then meets the fence as it is: the server has aborted the
        // transaction, and the record was not touched.
        if !matched && rules.protocol != Protocol::GuardGoesOn {
            return Reply::Matched(false);
        }
        let mut open = Open {
            session: token,
            number: guard.number,
            fence: guard.fence,
            writes_fence: None,
            writes_record: None,
            effect: None,
            saw_right: self.sees_right(guard, rules),
        };
        if matched && rules.protocol.writes_fence() {
            if self.open.iter().any(|open| open.writes_fence.is_some()) {
                return Reply::Conflict;
            }
            open.writes_fence = found.map(|found| Fence {
                guards: found.guards + 1,
                applied: guard.applied,
                ..found
            });
        }
        if rules.protocol != Protocol::HistoryOutside {
            let version = guard.version;
            let held = |open: &Open| open.writes_record.is_some_and(|(it, _)| it == version);
            if self.open.iter().any(held) {
                return Reply::Conflict;
            }
            let before = self.now.record(version);
            let after = before.changed(guard.change, guard.fence, guard.guards + 1);
            if after != before {
                open.writes_record = Some((version, after));
            }
        }
        self.open.push(open);
        self.open.sort_by_key(|open| open.session);
        Reply::Matched(matched)
    }

    /// Whether the effects are those that the guard's migration is to find.
    fn sees_right(&self, guard: &Guard, rules: &Rules<'_>) -> bool {
        let down = match guard.change {
            Change::Applied => false,
            Change::Reverted => true,
            Change::Step => self.now.record(guard.version).direction == Direction::Down,
            Change::Running { .. } | Change::Failed(_) | Change::Cancelled(_) => return true,
        };
        (1..=rules.count()).all(|version| {
            let there = version < guard.version || (down && version == guard.version);
            // The last transaction of an online migration comes after its step.
            let done = rules.kind(guard.version) == Kind::Online && guard.change != Change::Step;
            (done && version == guard.version) || self.now.effect(version) == u8::from(there)
        })
    }

    fn commit(&mut self, by: Token, number: u8, replicated: bool, rules: &Rules<'_>) -> Reply {
        let position = self.open.iter().position(|it| (it.session, it.number) == (by, number));
        let Some(position) = position else {
            let committed = self.sessions.iter().any(|it| (it.token, it.committed) == (by, number));
            if committed && replicated {
                self.replicate();
            }
            return if committed { Reply::Ok } else { Reply::Gone };
        };
        let open = self.open.remove(position);
        self.watch.stale_commit |= open.fence < self.watch.acknowledged;
        self.watch.order_broken |= open.fence < self.now.last_fence;
        self.write(replicated, |now| {
            now.last_fence = open.fence;
            now.saw_wrong |= !open.saw_right;
            if let Some(fence) = open.writes_fence {
                now.fence = Some(fence);
            }
            if let Some((version, record)) = open.writes_record {
                now.records[usize::from(version - 1)] = record;
            }
            if let Some((version, direction)) = open.effect {
                let effect = &mut now.effects[usize::from(version - 1)];
                *effect = match direction {
                    Direction::Up => *effect + 1,
                    Direction::Down => effect.saturating_sub(1),
                };
            }
            // Their waiters have nothing better than the records.
            if !rules.protocol.writes_fence() {
                let applied = now.applied();
                if let Some(fence) = &mut now.fence {
                    fence.applied = applied;
                }
            }
        });
        if let Some(session) = self.sessions.iter_mut().find(|session| session.token == by) {
            (session.committed, session.lagging) = (number, !replicated);
        }
        Reply::Ok
    }
}
