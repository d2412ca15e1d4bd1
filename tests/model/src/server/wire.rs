//! What goes to the server, and what comes back.

use super::{Change, Documents, Lock};
use crate::basics::{Direction, Token, Versions};

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
    /// `killSessions` of a former owner's session.
    Kill { whom: Token },
    /// Ends the transaction of its own session: `killSessions`, or the session's next transaction.
    EndOwn { by: Token },
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
    /// S6. `under`: only where the fence counts so many guarded transactions; what it counts, a
    /// majority has when this is answered.
    Release { by: Token, fence: u8, forgets: bool, under: Option<u8> },
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
    Peeked { applied: Option<Versions>, held: bool, paused: bool },
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
    /// The server does not do it.
    Refused,
    /// `NoSuchTransaction`, `TransactionTooOld`: whatever it was, it is gone.
    Gone,
    /// No answer.
    Nothing,
}
