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

use crate::basics::{Direction, Kind, Token, VERSIONS_MAX, Versions};
use crate::mutant::Protocol;

/// The document `lock`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Lock {
    /// Whose it is.
    pub owner: Option<Token>,
    /// Rises with each acquisition.
    pub fence: u8,
    /// `expiresAt` is in the past, by the server's clock.
    pub expired: bool,
    /// Whose it was before. (Only a mutant looks at it.)
    pub previous: Option<Token>,
}

/// The document `fence`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Fence {
    /// The number of the newest owner that raised it.
    pub number: u8,
    /// `lsid`: that owner's session.
    pub holder: Option<Token>,
    /// Guarded transactions that committed, ever.
    pub guards: u8,
    /// The digest of what is applied.
    pub applied: Versions,
}

/// The state of a record.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Stored {
    /// There is no record.
    #[default]
    None,
    /// An online migration at work.
    Running,
    /// It counts.
    Applied,
    /// It did not commit.
    Failed,
    /// It was rolled back.
    Reverted,
}

/// The record of one migration.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Record {
    /// Its state.
    pub state: Stored,
    /// Which way it ran last.
    pub direction: Direction,
    /// The checkpoint of its one step, in `direction`.
    pub step: bool,
    /// The fence under which it was written.
    pub fence: u8,
    /// `guards` of the transaction that wrote it.
    pub sequence: u8,
}

impl Default for Record {
    fn default() -> Self {
        let direction = Direction::Up;
        Self { state: Stored::None, direction, step: false, fence: 0, sequence: 0 }
    }
}

/// How a guarded transaction changes a record.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Change {
    /// It is applied.
    Applied,
    /// It is rolled back.
    Reverted,
    /// An online migration begins; checkpoints of an earlier try are kept or not.
    Running {
        /// Which way.
        direction: Direction,
        /// Whether checkpoints stay.
        keep: bool,
    },
    /// Its step is done.
    Step,
    /// It failed.
    Failed(Direction),
}

impl Record {
    fn changed(mut self, change: Change, fence: u8, sequence: u8) -> Self {
        match change {
            Change::Applied => {
                (self.state, self.direction) = (Stored::Applied, Direction::Up);
            }
            Change::Reverted => {
                (self.state, self.direction) = (Stored::Reverted, Direction::Down);
                self.step = false;
            }
            Change::Running { direction, keep } => {
                (self.state, self.direction) = (Stored::Running, direction);
                self.step &= keep;
            }
            Change::Step => self.step = true,
            Change::Failed(Direction::Up) => {
                (self.state, self.direction) = (Stored::Failed, Direction::Up);
            }
            // What failed to go down is where it was.
            Change::Failed(Direction::Down) => return self,
        }
        Self { fence, sequence, ..self }
    }
}

/// The documents, and two things that only the properties look at.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Documents {
    /// `lock`.
    pub lock: Lock,
    /// `fence`, once it is there.
    pub fence: Option<Fence>,
    /// The records; version 1 first.
    pub records: [Record; VERSIONS_MAX],
    /// How many documents each migration has inserted: they conflict with nothing.
    pub effects: [u8; VERSIONS_MAX],
    /// What was done by DDL: outside transactions, idempotent.
    pub ddl: Versions,
    /// Watched: a migration did not find exactly the effects of those before it.
    pub saw_wrong: bool,
    /// Watched: the fence of the last guarded commit.
    pub last_fence: u8,
}

impl Documents {
    /// The record of a version.
    pub fn record(&self, version: u8) -> Record {
        self.records[usize::from(version - 1)]
    }

    /// How often its effect is there.
    pub fn effect(&self, version: u8) -> u8 {
        self.effects[usize::from(version - 1)]
    }

    fn applied(&self) -> Versions {
        (1..).zip(self.records).fold(Versions::default(), |all, (version, record)| {
            all.set(version, record.state == Stored::Applied)
        })
    }
}

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
    /// Somebody released a lock that was not theirs.
    pub released_foreign: bool,
}

/// A command as it travels, with all that the server needs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[expect(missing_docs, reason = "the fields say what they are")]
pub enum Command {
    /// S0: fence and lock.
    Peek,
    /// S1.
    Acquire { by: Token },
    /// S2.
    Raise { by: Token, fence: u8 },
    /// The fence alone, in or out of the session.
    ReadFence,
    /// `killSessions`.
    Kill { whom: Token },
    /// S3: everything.
    ReadAll,
    /// The first command of a guarded transaction.
    Guard(Guard),
    /// The migration's own write, in the transaction.
    Body { by: Token, number: u8, version: u8, direction: Direction },
    /// `commitTransaction`. `light`: answered when the primary has it.
    Commit { by: Token, number: u8, light: bool },
    /// `abortTransaction`.
    Abort { by: Token, number: u8 },
    /// A record outside any transaction: a mutant's.
    Write { version: u8, change: Change, fence: u8, sequence: u8 },
    /// Builds the index, or drops it.
    Ddl { version: u8, direction: Direction },
    /// S6.
    Release { by: Token, fence: u8, forgets: bool },
    /// The fence and one record, of a state that is not older than the last reply.
    Look { fresh: bool },
}

/// The parameters of a guard.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Guard {
    /// The session.
    pub by: Token,
    /// The transaction's number in it.
    pub number: u8,
    /// The fence of its owner.
    pub fence: u8,
    /// How many guarded transactions its owner knows of.
    pub guards: u8,
    /// The digest to write.
    pub applied: Versions,
    /// Which record.
    pub version: u8,
    /// How it changes.
    pub change: Change,
}

/// An answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[expect(missing_docs, reason = "the fields say what they are")]
pub enum Reply {
    /// Done.
    Ok,
    /// What `Peek` saw.
    Peeked { applied: Option<Versions>, held: bool },
    /// The lock after `Acquire`.
    Lock(Lock),
    /// An upsert met a document that does not match.
    Duplicate,
    /// maxTimeMS ran out while a transaction held the document.
    Blocked,
    /// What a majority has.
    Found(Documents),
    /// Whether the guard matched.
    Matched(bool),
    /// Another transaction holds a document.
    Conflict,
    /// `NoSuchTransaction`, `TransactionTooOld`: whatever it was, it is gone.
    Gone,
    /// No answer.
    Nothing,
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
    /// Sessions that somebody can still use.
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

    /// The heartbeat of `by`: whether it still owns the lock.
    pub fn beat(&mut self, by: Token) -> bool {
        let owns = self.now.lock.owner == Some(by);
        if owns {
            self.each_lock(|lock| lock.expired &= lock.owner != Some(by));
        }
        owns
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

    /// Executes a command. `replicated`: a majority has its write before it is answered.
    pub fn execute(&mut self, command: &Command, replicated: bool, rules: &Rules<'_>) -> Reply {
        match *command {
            Command::Peek => {
                let seen = self.durable();
                let lock = seen.lock;
                Reply::Peeked {
                    applied: seen.fence.map(|fence| fence.applied),
                    held: lock.owner.is_some() && !lock.expired,
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
            Command::Kill { whom } => {
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
            Command::Release { by, fence, forgets } => {
                // It waits for an open transaction, as any write does; then its time is up.
                let held = self.open.iter().any(|open| open.writes_fence.is_some());
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
            Change::Running { .. } | Change::Failed(_) => return true,
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
