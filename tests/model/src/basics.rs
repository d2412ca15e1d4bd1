//! The words that server and runner share: who, what, which way.

use std::fmt;

/// The most migrations that a model has.
pub const VERSIONS_MAX: usize = 3;

/// One acquisition of the lock: the owner's UUID, and the session that goes with it.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Token {
    /// Index of the runner.
    pub runner: u8,
    /// Rises with each acquisition of this runner.
    pub attempt: u8,
}

impl fmt::Debug for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}{}", name(self.runner), self.attempt)
    }
}

/// What a runner is called in a trace.
pub fn name(runner: u8) -> char {
    char::from(b'A' + runner)
}

/// The kind of a migration.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Kind {
    /// One guarded transaction.
    Transactional,
    /// `running`, a step in a transaction of its own, DDL, `applied`.
    Online,
}

/// Which way a migration runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Direction {
    /// Apply.
    Up,
    /// Roll back.
    Down,
}

/// A set of versions, from 1.
#[derive(Clone, Copy, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Versions(u8);

impl Versions {
    /// All from 1 to `count`.
    pub fn first(count: usize) -> Self {
        Self(u8::try_from((1_u32 << count) - 1).expect("VERSIONS_MAX is small"))
    }

    /// Whether the set holds this version.
    pub fn has(self, version: u8) -> bool {
        self.0 & (1 << (version - 1)) != 0
    }

    /// Returns the set with the version, or without it.
    #[must_use]
    pub fn set(self, version: u8, there: bool) -> Self {
        let bit = 1 << (version - 1);
        Self(if there { self.0 | bit } else { self.0 & !bit })
    }
}

impl fmt::Debug for Versions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let all = u8::try_from(VERSIONS_MAX).expect("it is small");
        f.debug_set().entries((1..=all).filter(|version| self.has(*version))).finish()
    }
}
