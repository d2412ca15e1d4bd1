//! The control documents, as the model has them.

use crate::basics::{Direction, Token, VERSIONS_MAX, Versions};

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
    /// An operator has paused the history.
    pub paused: bool,
    /// The fence of the run that an operator wants to end.
    pub cancel: Option<u8>,
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
    /// It was cancelled before anything of it was there.
    Cancelled,
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
    /// It was cancelled.
    Cancelled(Direction),
}

impl Record {
    pub(super) fn changed(mut self, change: Change, fence: u8, sequence: u8) -> Self {
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
            // What is half-done stays half-done.
            Change::Cancelled(Direction::Up) => {
                if self.state == Stored::None {
                    self.state = Stored::Cancelled;
                }
            }
            // What failed to go down is where it was.
            Change::Failed(Direction::Down) | Change::Cancelled(Direction::Down) => return self,
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

    pub(super) fn applied(&self) -> Versions {
        (1..).zip(self.records).fold(Versions::default(), |all, (version, record)| {
            all.set(version, record.state == Stored::Applied)
        })
    }
}
