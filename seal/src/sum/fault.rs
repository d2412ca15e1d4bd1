//! Why a sum file cannot be trusted, and the way out.

use std::fmt;

use super::{FILE, HEADER};

/// The first thing that is wrong with a sum file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fault {
    /// Counted from 1.
    pub line: usize,
    /// What is wrong there.
    pub problem: Problem,
}

/// What can be wrong with a line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Problem {
    /// The first line is another.
    Header(String),
    /// Git could not merge.
    Conflict,
    /// It does not have the form of a line.
    Line,
    /// The chain does not hold.
    Chain,
    /// Sealed further up already.
    Twice(String),
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let restore = format!(
            "restore the file from git (`git checkout {FILE}`), and let `cargo mongrate` write it"
        );
        write!(f, "{FILE}:{}: ", self.line)?;
        match &self.problem {
            Problem::Header(found) => write!(
                f,
                "the first line is `{HEADER}`, and this is `{}`: if a newer mongrate wrote it, \
                 update; otherwise {restore}",
                found.chars().take(40).collect::<String>()
            ),
            Problem::Conflict => write!(
                f,
                "two branches sealed migrations, and git could not merge them: `cargo mongrate \
                 rebase` keeps the other branch's lines, and gives your migrations numbers after \
                 them"
            ),
            Problem::Line => write!(
                f,
                "a line is `<group> <version> <name> <checksum> <chain>`, with one space between \
                 them and perhaps a `down=…` before the chain, and this is not: {restore}; if a \
                 newer mongrate wrote it, update"
            ),
            Problem::Chain => write!(
                f,
                "the chain breaks here: this line or one above it was edited, removed or moved by \
                 hand; if two branches were merged by hand, `cargo mongrate rebase`; otherwise \
                 {restore}"
            ),
            Problem::Twice(which) => {
                write!(
                    f,
                    "{which} is sealed further up already: if two branches were merged by hand, \
                     `cargo mongrate rebase`; otherwise {restore}"
                )
            }
        }
    }
}

impl std::error::Error for Fault {}
