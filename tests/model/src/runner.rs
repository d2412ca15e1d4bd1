//! One process: what it sends next, and what it makes of the answer. Pure; as
//! `runtime/src/{run,protocol}` do it.
//!
//! A runner has one command under way. Receiving the answer, deciding and sending the next is
//! one step: whatever happens between two commands of a real process happens here while the
//! next one is on its way.

use crate::basics::{Direction, Kind, Token, Versions};
use crate::mutant::Protocol;
use crate::server::{Change, Command, Documents, Guard, Reply, Rules, Stored};

/// What a process was started for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Goal {
    /// Apply everything.
    Up,
    /// Roll back the last one.
    Down,
}

/// How a process ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[expect(missing_docs, reason = "the fields say what they are")]
pub enum Outcome {
    /// Nothing was pending, or no longer.
    Current,
    /// It did what it planned.
    Done,
    /// A rollback lost the lock.
    Lost,
    /// A rollback was refused by the planner.
    Refused,
    /// It said that nobody could tell it what became of the last commit.
    Unknown,
    /// It said that this one failed, under this fence, and that nothing of it is there.
    Failed { version: u8, fence: u8, direction: Direction },
}

/// Where an online migration is; a transactional one has only its end.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Stage {
    /// The guarded transaction that says `running`.
    Begin,
    /// The step, with its checkpoint.
    Step,
    /// What no fence can hold back.
    Ddl,
    /// The guarded transaction that says `applied`.
    End,
    /// The one that says `failed`.
    Note,
}

/// Why a transaction is aborted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Then {
    /// To try it again.
    Again,
    /// The guard did not match: to find out why.
    Settle,
    /// The lease is lost.
    Leave,
}

/// Why the fence and the record are read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Why {
    /// The guard did not match.
    Mismatch,
    /// The lease was lost while the outcome of a commit is unknown.
    Lost,
    /// The attempts are used up while the outcome of a commit is unknown.
    GaveUp,
}

/// What it waits for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[expect(missing_docs, reason = "each is a command, or an end")]
pub enum At {
    Peek,
    Acquire,
    Raise,
    ReadRefused,
    ReadHolder,
    Kill(Token),
    ReadAll,
    Guard,
    Body,
    Commit,
    Write,
    Abort(Then),
    Look(Why),
    /// `killSessions` of its own session.
    EndOwn(Why),
    Ddl,
    Release(Outcome),
    /// The same, to wait for the lock again.
    StandDown,
    Ended(Outcome),
    Dead,
}

const STEPS_MAX: usize = 4;

/// After so many (50, in the code), one waits for the majority.
const LIGHT_MAX: usize = 2;

/// How often a transaction is tried: 12 times, and 3 times when the server has ended it; here
/// it is enough that there is an end.
const TRIES_MAX: u8 = 2;

/// A step of the plan.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct PlanStep {
    /// Which.
    pub version: u8,
    /// Which way.
    pub direction: Direction,
    /// Its checkpoints in this direction count: it was interrupted.
    resumes: bool,
    /// The checkpoint was there.
    done: bool,
}

/// A process.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Runner {
    /// What it waits for.
    pub at: At,
    /// This acquisition.
    pub token: Token,
    /// The answer that a majority holds up: the command was executed.
    pub answer: Option<Reply>,
    /// It knows that the lease is lost.
    pub lost: bool,
    /// A heartbeat told it so. (The same thing, but for a mutant.)
    pub told: bool,
    /// It went on all the same.
    pub deaf: bool,
    /// The outcome of a commit is unknown.
    pub unknown: bool,
    /// The last guarded transaction is not known to have committed.
    unsettled: bool,
    fence: u8,
    guards: u8,
    applied: Versions,
    number: u8,
    /// How often this transaction was tried.
    tries: u8,
    stage: Stage,
    plan: [Option<PlanStep>; STEPS_MAX],
    /// Done, and not known to be there for good, the newest first.
    light: [Option<PlanStep>; LIGHT_MAX],
    /// An election took some of them back.
    pub took_back: bool,
    previous: Option<Token>,
}

/// What a runner does when no answer comes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum After {
    /// Sends it again, or the whole transaction where that is the rule.
    Again,
    /// Starts the transaction anew, though the commit may have got through.
    Anew,
    /// Uses up its attempts.
    GiveUp,
}

impl Runner {
    /// A process that has just been started.
    pub fn new(index: u8) -> Self {
        Self {
            at: At::Peek,
            token: Token { runner: index, attempt: 1 },
            answer: None,
            lost: false,
            told: false,
            deaf: false,
            unknown: false,
            unsettled: false,
            fence: 0,
            guards: 0,
            applied: Versions::default(),
            number: 0,
            tries: 0,
            stage: Stage::End,
            plan: [None; STEPS_MAX],
            light: [None; LIGHT_MAX],
            took_back: false,
            previous: None,
        }
    }

    fn blank(&self, at: At, attempt: u8) -> Self {
        let token = Token { attempt, ..self.token };
        let (deaf, took_back) = (self.deaf, self.took_back);
        Self { at, token, deaf, took_back, ..Self::new(self.token.runner) }
    }

    /// Whether it can still do something.
    pub fn is_running(&self) -> bool {
        !matches!(self.at, At::Ended(_) | At::Dead)
    }

    /// Whether a heartbeat runs beside it.
    pub fn has_lease(&self) -> bool {
        self.is_running() && !matches!(self.at, At::Peek | At::Acquire)
    }

    /// The number of this acquisition.
    pub fn fence(&self) -> u8 {
        self.fence
    }

    /// It is gone.
    pub fn die(&mut self) {
        *self = self.blank(At::Dead, 0);
    }

    /// Whether it works on an online migration whose step was done before.
    pub fn has_resumed(&self) -> bool {
        self.plan[0].is_some_and(|step| step.done)
    }

    fn step(&self) -> PlanStep {
        self.plan[0].expect("a step is under way")
    }

    /// What is on its way.
    pub fn command(&self, rules: &Rules<'_>) -> Option<Command> {
        let (by, fence, number) = (self.token, self.fence, self.number);
        Some(match self.at {
            At::Peek => Command::Peek,
            At::Acquire => Command::Acquire { by },
            At::Raise => Command::Raise { by, fence },
            At::ReadRefused | At::ReadHolder => Command::ReadFence,
            At::Kill(whom) => Command::Kill { whom },
            At::EndOwn(_) => Command::Kill { whom: by },
            At::ReadAll => Command::ReadAll,
            At::Guard => {
                let (guards, version) = (self.guards, self.step().version);
                let (change, applied) = self.trial(rules);
                Command::Guard(Guard { by, number, fence, guards, applied, version, change })
            }
            At::Body => {
                let PlanStep { version, direction, .. } = self.step();
                Command::Body { by, number, version, direction }
            }
            At::Commit => Command::Commit { by, number, light: self.is_light(rules) },
            At::Write => {
                let change = self.trial(rules).0;
                let sequence = self.guards + 1;
                Command::Write { version: self.step().version, change, fence, sequence }
            }
            At::Abort(_) => Command::Abort { by, number },
            At::Look(why) => {
                let early = rules.protocol == Protocol::SettlesEarly && why == Why::GaveUp;
                Command::Look { fresh: !early }
            }
            At::Ddl => {
                let PlanStep { version, direction, .. } = self.step();
                Command::Ddl { version, direction }
            }
            At::Release(_) => {
                let always = rules.protocol == Protocol::ForgetsAlways;
                Command::Release { by, fence, forgets: always || !self.unsettled }
            }
            At::StandDown => Command::Release { by, fence, forgets: false },
            At::Ended(_) | At::Dead => return None,
        })
    }

    /// Whether the commit under way is answered when the primary has it: another one follows.
    fn is_light(&self, rules: &Rules<'_>) -> bool {
        let transactional = rules.kind(self.step().version) == Kind::Transactional;
        let follows = self.plan[1].is_some() && self.light[LIGHT_MAX - 1].is_none();
        self.stage == Stage::End
            && transactional
            && (follows || rules.protocol == Protocol::LastIsLight)
    }

    /// How many guarded transactions it knows of.
    pub fn guards(&self) -> u8 {
        self.guards
    }

    /// An election took back what only the former primary had.
    fn take_back(&mut self, count: u8, rules: &Rules<'_>) {
        self.guards -= count;
        self.took_back = true;
        for _ in 0..count {
            let step = self.light[0].expect("as many as were counted");
            self.light.rotate_left(1);
            self.light[LIGHT_MAX - 1] = None;
            self.applied = self.applied.set(step.version, step.direction == Direction::Down);
            if self.stage != Stage::Note && rules.protocol != Protocol::SkipsTakenBack {
                self.plan.rotate_right(1);
                self.plan[0] = Some(step);
            }
        }
        self.light = [None; LIGHT_MAX];
    }

    /// How the guarded transaction under way changes the record and the digest.
    fn trial(&self, rules: &Rules<'_>) -> (Change, Versions) {
        let PlanStep { version, direction, resumes, .. } = self.step();
        let online = rules.kind(version) == Kind::Online;
        match (self.stage, direction) {
            (Stage::Begin, Direction::Up) => {
                (Change::Running { direction, keep: resumes }, self.applied)
            }
            (Stage::Begin, Direction::Down) => {
                let change = Change::Running { direction, keep: resumes };
                (change, self.applied.set(version, false))
            }
            (Stage::Step, _) => (Change::Step, self.applied),
            (Stage::Note, _) => (Change::Failed(direction), self.applied),
            (_, Direction::Up) => (Change::Applied, self.applied.set(version, true)),
            (_, Direction::Down) if online => (Change::Reverted, self.applied),
            (_, Direction::Down) => (Change::Reverted, self.applied.set(version, false)),
        }
    }

    /// Whether its body is under way, which losing the lease interrupts.
    pub fn is_interruptible(&self, rules: &Rules<'_>) -> bool {
        match self.at {
            At::Body | At::Ddl => true,
            At::Guard | At::Commit | At::Abort(_) | At::Look(Why::Mismatch | Why::GaveUp) => {
                self.plan[0].is_some_and(|step| {
                    self.stage == Stage::Step && rules.kind(step.version) == Kind::Online
                })
            }
            _ => false,
        }
    }

    /// Drops what is under way, because the lease is lost.
    pub fn interrupt(&mut self) {
        self.at = match self.at {
            At::Body if self.stage == Stage::End => At::Abort(Then::Leave),
            _ => At::EndOwn(Why::Lost),
        };
    }

    fn go(&mut self, at: At) {
        self.deaf |= self.told && matches!(at, At::Guard | At::Body | At::Ddl);
        self.at = at;
    }

    /// Begins a guarded transaction, unless it is known to be in vain.
    fn enter(&mut self) {
        if self.lost && self.unknown {
            return self.go(At::EndOwn(Why::Lost));
        }
        if self.lost {
            return self.leave();
        }
        self.number += 1;
        self.tries += 1;
        self.unsettled = true;
        self.go(At::Guard);
    }

    /// Tries the transaction again, or has used up its attempts.
    fn again(&mut self, rules: &Rules<'_>) {
        if self.tries < TRIES_MAX || self.lost {
            self.enter();
        } else {
            self.give_up(rules);
        }
    }

    /// The attempts are used up: ends the transaction, then finds out what became of it.
    fn give_up(&mut self, rules: &Rules<'_>) {
        let early = rules.protocol == Protocol::SettlesEarly;
        if self.at == At::Commit || (self.unknown && !early) {
            self.go(At::EndOwn(Why::GaveUp));
        } else if self.unknown {
            self.go(At::Look(Why::GaveUp));
        } else {
            self.fail();
        }
    }

    /// Gives the lock back, should it still be there, and starts over. A failure that could not
    /// be noted stays a failure.
    fn leave(&mut self) {
        self.at = match (self.stage, self.plan[0]) {
            (Stage::Note, Some(PlanStep { version, direction, .. })) => {
                At::Release(Outcome::Failed { version, fence: self.fence, direction })
            }
            _ => At::StandDown,
        };
    }

    /// Begins the next step of the plan.
    fn begin(&mut self, rules: &Rules<'_>) {
        let Some(step) = self.plan[0] else {
            return self.go(At::Release(Outcome::Done));
        };
        (self.unknown, self.tries) = (false, 0);
        self.stage = match rules.kind(step.version) {
            Kind::Transactional => Stage::End,
            Kind::Online => Stage::Begin,
        };
        self.enter();
    }

    /// A guarded transaction is known to have committed.
    fn committed(&mut self, light: bool, rules: &Rules<'_>) {
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
            Stage::Begin if done => self.ddl(),
            Stage::Begin => {
                self.stage = Stage::Step;
                self.enter();
            }
            Stage::Step => self.ddl(),
            Stage::Note => {
                let outcome = Outcome::Failed { version, fence: self.fence, direction };
                self.go(At::Release(outcome));
            }
            Stage::End | Stage::Ddl => {
                self.plan.rotate_left(1);
                self.plan[STEPS_MAX - 1] = None;
                self.begin(rules);
            }
        }
    }

    fn ddl(&mut self) {
        self.stage = Stage::Ddl;
        if self.lost { self.leave() } else { self.go(At::Ddl) }
    }

    /// It is said to have failed, and that is recorded if it can be.
    fn fail(&mut self) {
        if self.stage == Stage::Note {
            return self.leave();
        }
        (self.unknown, self.tries) = (false, 0);
        self.stage = Stage::Note;
        self.enter();
    }

    /// Reads the history, and decides.
    fn plan(&mut self, found: &Documents, goal: Goal, rules: &Rules<'_>) {
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
            (At::Peek, Reply::Peeked { applied, held }) => {
                if goal == Goal::Up && applied == Some(Versions::first(rules.kinds.len())) {
                    *self = self.blank(At::Ended(Outcome::Current), 0);
                } else if held {
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
                    self.go(At::Raise);
                } else {
                    *self = self.blank(At::Peek, self.token.attempt + 1);
                }
            }
            (At::Raise, Reply::Ok) => self.go(At::ReadAll),
            (At::Raise, Reply::Duplicate) => self.go(At::ReadRefused),
            (At::Raise, Reply::Blocked) => match rules.protocol {
                Protocol::NoKill => return false,
                Protocol::KillPreviousOwner => match self.previous {
                    Some(whom) => self.go(At::Kill(whom)),
                    None => return false,
                },
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
            (At::Kill(_), _) => self.go(At::Raise),
            (At::ReadAll, Reply::Found(found)) => self.plan(&found, goal, rules),
            (At::Guard, Reply::Matched(true)) => {
                if self.lost {
                    self.go(At::Abort(Then::Leave));
                } else if self.has_body(rules) {
                    self.go(At::Body);
                } else {
                    self.go(At::Commit);
                }
            }
            (At::Guard, Reply::Matched(false)) => self.go(At::Abort(Then::Settle)),
            (At::Guard, Reply::Conflict) => return false,
            (At::Guard | At::Body | At::Commit, Reply::Gone) => self.again(rules),
            (At::Guard | At::Body, Reply::Nothing) => self.go(At::Abort(Then::Again)),
            (At::Body, Reply::Ok) => {
                self.go(if self.lost { At::Abort(Then::Leave) } else { At::Commit });
            }
            (At::Commit, Reply::Ok) => match rules.protocol {
                Protocol::HistoryOutside => self.go(At::Write),
                _ => self.committed(self.is_light(rules), rules),
            },
            (At::Commit, Reply::Nothing) => {
                self.unknown = true;
                match after {
                    _ if self.lost => self.enter(),
                    After::Again => {}
                    After::Anew => self.again(rules),
                    After::GiveUp => self.give_up(rules),
                }
            }
            (At::Write, Reply::Blocked) => return false,
            (At::Write, _) => self.committed(false, rules),
            (At::Abort(Then::Again), _) => self.again(rules),
            (At::Abort(Then::Settle), _) => self.go(At::Look(Why::Mismatch)),
            (At::Abort(Then::Leave), _) => self.leave(),
            // The last thing that it could do about it.
            (At::EndOwn(Why::GaveUp), Reply::Nothing)
                if self.unknown && rules.protocol != Protocol::SettlesEarly =>
            {
                self.go(At::Release(Outcome::Unknown));
            }
            (At::EndOwn(Why::GaveUp), _) if self.unknown => self.go(At::Look(Why::GaveUp)),
            (At::EndOwn(Why::GaveUp), _) => self.fail(),
            (At::EndOwn(_), _) if self.unknown => self.go(At::Look(Why::Lost)),
            (At::EndOwn(_), _) => self.leave(),
            (At::Look(why), Reply::Found(found)) => self.settle(why, &found, rules),
            (At::Ddl, Reply::Ok) => {
                self.stage = Stage::End;
                self.enter();
            }
            (At::Release(outcome), _) => *self = self.blank(At::Ended(outcome), 0),
            (At::StandDown, _) => self.start_over(goal),
            (at, reply) => unreachable!("{at:?} was answered with {reply:?}"),
        }
        true
    }

    /// Loses the lock, with the release going out beside it.
    pub fn start_over(&mut self, goal: Goal) {
        *self = match goal {
            Goal::Up => self.blank(At::Peek, self.token.attempt + 1),
            Goal::Down => self.blank(At::Ended(Outcome::Lost), 0),
        };
    }

    fn has_body(&self, rules: &Rules<'_>) -> bool {
        match self.stage {
            Stage::Step => true,
            Stage::End => rules.kind(self.step().version) == Kind::Transactional,
            _ => false,
        }
    }

    /// What the database says of a guarded transaction whose outcome is in doubt.
    fn settle(&mut self, why: Why, found: &Documents, rules: &Rules<'_>) {
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
            self.take_back(gone, rules);
            match (why, self.stage) {
                (Why::Lost, _) => {
                    self.lost = true;
                    self.leave();
                }
                (_, Stage::Note) => {
                    (self.unknown, self.tries) = (false, 0);
                    self.enter();
                }
                _ => self.begin(rules),
            }
            return;
        }
        match why {
            Why::GaveUp => self.fail(),
            Why::Mismatch | Why::Lost => {
                self.lost = true;
                self.leave();
            }
        }
    }
}
