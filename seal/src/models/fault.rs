//! The reasons why a `models.snap` cannot be read, and the ways out.

use std::fmt;

use super::format::{FILE, HEADER};

/// The first thing that is wrong with a `models.snap`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ModelsFault {
    /// The line, counted from 1.
    pub line: usize,
    /// What is wrong with the line.
    pub problem: ModelsProblem,
}

/// What can be wrong with a line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ModelsProblem {
    /// The first line is not the header.
    Header(String),
    /// A newer mongrate wrote the file.
    Newer(String),
    /// Git could not merge the file.
    Conflict,
    /// The file ends before its last line.
    Cut,
    /// There is text after the last line.
    AfterEnd,
    /// The line does not have the form of a line.
    Line,
    /// The same is on a line above.
    Twice,
    /// The line belongs to something that is on no line: a collection, a model or a field.
    Orphan(String),
}

impl fmt::Display for ModelsFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let restore = format!("restore the file from git (`git checkout {FILE}`)");
        write!(f, "{FILE}:{}: ", self.line)?;
        match &self.problem {
            ModelsProblem::Header(found) => {
                write!(f, "the first line is not `{}` but `{found}`: {restore}", HEADER)
            }
            ModelsProblem::Newer(found) => write!(
                f,
                "a newer mongrate wrote this file (`{found}`; this one reads `{}`): update mongrate",
                HEADER
            ),
            ModelsProblem::Conflict => f.write_str(
                "two branches changed the models, and git could not merge them: run `cargo \
                 mongrate rebase`, which keeps what the other branch's migrations lead to and adds \
                 yours",
            ),
            ModelsProblem::Cut => {
                write!(f, "the file is cut off here: its last line should be `end`; {restore}")
            }
            ModelsProblem::AfterEnd => write!(
                f,
                "there are lines after `end`: if you merged two branches by hand, keep one `end`, \
                 the last; otherwise {restore}"
            ),
            ModelsProblem::Line => write!(
                f,
                "this line does not have the form of a line: {restore}, and change it only with \
                 `cargo mongrate diff`"
            ),
            ModelsProblem::Twice => write!(
                f,
                "the same is on a line above already: if you merged two branches by hand, keep one \
                 of the lines; otherwise {restore}"
            ),
            ModelsProblem::Orphan(what) => write!(
                f,
                "this line belongs to {what}, which is on no line: if you merged two branches by \
                 hand, keep both lines or none; otherwise {restore}"
            ),
        }
    }
}

impl std::error::Error for ModelsFault {}
