//! The database: a replica set's primary, what of it a majority has, open transactions.
//!
//! What is modelled of MongoDB is what the protocol leans on:
//!
//! - Two transactions conflict when both *write* the same document. A read conflicts with
//!   nothing, and a `$set` to the same value writes nothing.
//! - A write outside a transaction waits while an open transaction has written the document.
//! - A transaction lives on the server: it outlives its client until it is committed, aborted,
//!   killed with its session, superseded by the session's next one, reaped, or lost with its
//!   primary.
//! - A commit that is sent again is answered with the outcome of the first.
//! - What a majority has not got is lost in a failover; a majority read does not see it.

mod documents;
mod execute;
mod wire;

use crate::{
    basics::{Direction, Kind, Token},
    mutant::Protocol,
};

pub use self::{
    documents::{Change, Documents, Fence, Lock, Record, Stored},
    wire::{Command, Guard, Reply},
};

/// An open transaction.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Open {
    /// Its session.
    pub session: Token,
    /// Its number in the session.
    pub number: u8,
    /// The fence that its owner holds.
    pub fence: u8,
    /// What it has written of the fence document.
    pub writes_fence: Option<Fence>,
    /// Which record it has written.
    pub writes_record: Option<(u8, Record)>,
    /// The effect it has inserted, or deleted.
    pub effect: Option<(u8, Direction)>,
    /// Whether its snapshot holds exactly the effects that its migration is to find.
    pub saw_right: bool,
}

/// What the server remembers of a session.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Session {
    /// Which.
    pub token: Token,
    /// The highest transaction number seen.
    pub seen: u8,
    /// The last one that committed; 0 for none.
    pub committed: u8,
    /// A majority does not have that commit yet.
    pub lagging: bool,
}

/// What the properties need to know of the past; no failover undoes it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Watch {
    /// The highest fence whose owner knows that it is raised.
    pub acknowledged: u8,
    /// A transaction committed under a lower one.
    pub stale_commit: bool,
    /// A transaction committed after one with a higher fence.
    pub order_broken: bool,
    /// A process released the lock of another process.
    pub released_foreign: bool,
    /// A process said that its work is done, and a majority does not have all of it.
    pub said_too_early: bool,
    /// The fences of the runs that operators asked to end, a bit each.
    pub asked_to_end: u32,
}

impl Watch {
    /// Whether an operator asked the run with this fence to end.
    pub fn has_asked(self, fence: u8) -> bool {
        self.asked_to_end & (1 << fence) != 0
    }
}

/// The primary and what it knows.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Server {
    /// What the primary has.
    pub now: Documents,
    /// What a majority has, where that is less.
    pub majority: Option<Documents>,
    /// Transactions that are under way.
    pub open: Vec<Open>,
    /// Sessions that a process can still use.
    pub sessions: Vec<Session>,
    /// For the properties.
    pub watch: Watch,
}

/// What does not change while a model runs.
#[derive(Clone, Copy, Debug)]
pub struct Rules<'a> {
    /// Which protocol.
    pub protocol: Protocol,
    /// The migrations.
    pub kinds: &'a [Kind],
    /// The server refuses `killSessions`.
    pub refuses_kill: bool,
}

impl Rules<'_> {
    /// How many versions there are.
    pub fn count(&self) -> u8 {
        u8::try_from(self.kinds.len()).expect("at most VERSIONS_MAX")
    }

    /// The kind of one.
    pub fn kind(&self, version: u8) -> Kind {
        self.kinds[usize::from(version - 1)]
    }
}

impl Server {
    /// A server that holds this.
    pub fn new(now: Documents) -> Self {
        Self { now, majority: None, open: vec![], sessions: vec![], watch: Watch::default() }
    }

    /// What a majority read sees.
    pub fn durable(&self) -> &Documents {
        self.majority.as_ref().unwrap_or(&self.now)
    }

    /// A majority has it all.
    pub fn replicate(&mut self) {
        self.majority = None;
        for session in &mut self.sessions {
            session.lagging = false;
        }
    }

    /// Another node, which has what the majority has, is the primary.
    pub fn fail_over(&mut self) {
        if let Some(durable) = self.majority.take() {
            self.now = durable;
        }
        self.open.clear();
        for session in &mut self.sessions {
            if session.lagging {
                (session.committed, session.lagging) = (0, false);
            }
            session.seen = session.committed;
        }
    }

    /// The lease runs out by the server's clock.
    pub fn expire(&mut self) {
        self.each_lock(|lock| lock.expired = lock.owner.is_some());
    }

    /// The heartbeat of `by`: the lock, if it still owns it.
    pub fn beat(&mut self, by: Token) -> Option<Lock> {
        if self.now.lock.owner != Some(by) {
            return None;
        }
        self.each_lock(|lock| lock.expired &= lock.owner != Some(by));
        Some(self.now.lock)
    }

    /// An operator pauses the history, or resumes it.
    pub fn set_paused(&mut self, paused: bool) {
        self.write(true, |now| now.lock.paused = paused);
    }

    /// An operator asks the run that owns the lock to end.
    pub fn cancel(&mut self) {
        let fence = self.now.lock.fence;
        self.watch.asked_to_end |= 1 << fence;
        self.write(true, |now| now.lock.cancel = Some(fence));
    }

    fn each_lock(&mut self, change: impl Fn(&mut Lock)) {
        change(&mut self.now.lock);
        if let Some(durable) = &mut self.majority {
            change(&mut durable.lock);
        }
    }

    /// Whether executing this now, before a majority has it, is worth telling apart.
    pub fn can_lag(command: &Command) -> bool {
        matches!(
            command,
            Command::Acquire { .. }
                | Command::Raise { .. }
                | Command::Commit { .. }
                | Command::Write { .. }
                | Command::Release { under: Some(_), .. }
        )
    }

    /// A write that a majority has at once, or later.
    fn write(&mut self, replicated: bool, change: impl FnOnce(&mut Documents)) {
        if !replicated && self.majority.is_none() {
            self.majority = Some(self.now);
        }
        change(&mut self.now);
        if replicated {
            self.replicate();
        }
    }

    /// Ends the open transaction of a session.
    pub fn end(&mut self, session: Token) {
        self.open.retain(|open| open.session != session);
    }
}
