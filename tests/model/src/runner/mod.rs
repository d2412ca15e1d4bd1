//! One process: what it sends next, and what it makes of the answer. Pure; as the run, the lease, the
//! fence and the engine of the runtime do it.
//!
//! A runner has one command under way. Receiving the answer, deciding and sending the next is
//! one step: whatever happens between two commands of a real process happens here while the
//! next one is on its way.

mod command;
mod operator;
mod receive;
mod steps;

use crate::{
    basics::{Direction, Kind, Token, Versions},
    server::{Reply, Rules},
};

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
    /// A rollback lost the lock, or a run that was to end.
    Lost,
    /// A rollback was refused by the planner.
    Refused,
    /// It reported that the outcome of the last commit is unknown.
    Unknown,
    /// It reported that a transaction of a former owner is in the way.
    HeldUp,
    /// It said that this one failed, under this fence, and that nothing of it is there.
    Failed { version: u8, fence: u8, direction: Direction },
    /// The run with this fence was cancelled, and said that the migration under way is not done.
    Cancelled { fence: u8, under_way: Option<(u8, Direction)> },
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
    /// The one that says `cancelled`.
    NoteCancelled,
}

/// Why a transaction is aborted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Then {
    /// To try it again.
    Again,
    /// The guard did not match: to find out why.
    Settle,
    /// The lease is lost, or the run is cancelled.
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
    /// The release did not find the commits that it was to stand for, or had no answer.
    Confirm,
    /// The run was cancelled while the outcome of a commit is unknown.
    Cancelled,
    /// A cancelled run ends, and a majority may not have its last commits.
    Ending,
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
    /// The history is paused. What comes next is in `stage`.
    Paused,
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
    /// It may not end the transaction that is in the way, and waits for the server to do it.
    pub waits: bool,
    /// It obeys a pause.
    paused: bool,
    /// Its acquisition or its last heartbeat found the history paused. (The same thing, but for a
    /// mutant.)
    told_paused: bool,
    /// Its acquisition has just found the history paused.
    pub found_paused: bool,
    /// It knows that the run is cancelled.
    pub cancelled: bool,
    /// It began something although it knows that it is paused, or cancelled.
    pub heedless: bool,
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
            waits: false,
            paused: false,
            told_paused: false,
            found_paused: false,
            cancelled: false,
            heedless: false,
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

    /// How many guarded transactions it knows of.
    pub fn guards(&self) -> u8 {
        self.guards
    }

    /// What it did and does not know to be there for good: versions, and the numbers of their
    /// transactions.
    pub fn light(&self) -> impl Iterator<Item = (u8, u8)> + use<> {
        let newest = self.guards;
        let light = self.light;
        light.into_iter().flatten().zip(0..).map(move |(step, at)| (step.version, newest - at))
    }

    /// Whether its release is on its way, and stands for its last commits.
    pub fn releases_under(&self) -> bool {
        self.at == At::Release(Outcome::Done) && self.light[0].is_some()
    }

    /// Whether it says, or is about to say, that all it planned is done.
    pub fn says_done(&self) -> bool {
        match self.at {
            At::Release(Outcome::Done) => self.light[0].is_none(),
            // All but what it said to be interrupted, or taken back.
            At::Release(Outcome::Cancelled { .. }) => self.guards > 0,
            At::Ended(Outcome::Done) => true,
            _ => false,
        }
    }

    /// Whether what is under way is dropped once the lease is lost, or the run is cancelled.
    pub fn is_interruptible(&self, rules: &Rules<'_>) -> bool {
        let cancelled = self.cancelled && !self.lost;
        match self.at {
            At::Body | At::Ddl => true,
            At::Raise | At::ReadRefused | At::ReadHolder | At::Kill(_) | At::ReadAll => cancelled,
            At::Guard | At::Commit | At::Abort(_) if self.does_not_wait(rules) => true,
            At::Guard | At::Commit | At::Abort(_) | At::Look(Why::Mismatch | Why::GaveUp) => {
                self.plan[0].is_some_and(|step| {
                    self.stage == Stage::Step && rules.kind(step.version) == Kind::Online
                })
            }
            _ => false,
        }
    }

    /// Drops what is under way, because the lease is lost, or the run is cancelled.
    pub fn interrupt(&mut self, rules: &Rules<'_>) {
        if !self.lost {
            return self.interrupt_cancelled(rules);
        }
        self.at = match self.at {
            At::Body if self.stage == Stage::End => At::Abort(Then::Leave),
            _ => At::EndOwn(Why::Lost),
        };
    }

    /// Loses the lock, with the release going out beside it. A run that was to end does not come
    /// back.
    pub fn start_over(&mut self, goal: Goal) {
        *self = match goal {
            Goal::Up if !self.cancelled => self.blank(At::Peek, self.token.attempt + 1),
            Goal::Up | Goal::Down => self.blank(At::Ended(Outcome::Lost), 0),
        };
    }
}
