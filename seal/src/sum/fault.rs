//! The reasons why a sum file cannot be trusted, and the ways out.

use std::fmt;

use super::format::{FILE, HEADER};

/// The first thing that is wrong with a sum file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fault {
    /// The line, counted from 1.
    pub line: usize,
    /// What is wrong with the line.
    pub problem: Problem,
}

/// What can be wrong with a line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Problem {
    /// The first line is not the header.
    Header(String),
    /// Git could not merge the file.
    Conflict,
    /// The line does not have the form of a line.
    Line,
    /// The chain does not hold.
    Chain,
    /// The migration is sealed on a line above.
    Twice(String),
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let restore = format!(
            "restore the file from git (`git checkout {FILE}`), and change it only with `cargo mongrate`"
        );
        write!(f, "{FILE}:{}: ", self.line)?;
        match &self.problem {
            Problem::Header(found) => write!(
                f,
                "the first line is not `{HEADER}` but `{}`: if a newer mongrate wrote the file, \
                 update mongrate; otherwise {restore}",
                found.chars().take(40).collect::<String>()
            ),
            Problem::Conflict => write!(
                f,
                "two branches sealed migrations, and git could not merge them: run `cargo \
                 mongrate rebase`, which keeps the other branch's lines and renumbers your \
                 migrations after them"
            ),
            Problem::Line => write!(
                f,
                "this line does not have the form `<group> <version> <name> <checksum> <chain>`, with \
                 single spaces and perhaps `down=…` and `uses=…` before the chain: {restore}; if a newer \
                 mongrate wrote the file, update mongrate"
            ),
            Problem::Chain => write!(
                f,
                "the chain breaks here: this line or a line above it was edited, removed or moved \
                 by hand; if you merged two branches by hand, run `cargo mongrate rebase`; \
                 otherwise {restore}"
            ),
            Problem::Twice(which) => {
                write!(
                    f,
                    "{which} is sealed on a line above already: if you merged two branches by hand, \
                     run `cargo mongrate rebase`; otherwise {restore}"
                )
            }
        }
    }
}

impl std::error::Error for Fault {}
