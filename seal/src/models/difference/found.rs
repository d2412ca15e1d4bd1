//! What a comparison finds.

use std::fmt;

use super::operation::Operation;

/// What leads from one snapshot to another.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Difference {
    /// The operations, in the order in which a migration declares them. They lead to the other snapshot only
    /// if there are no questions.
    pub operations: Vec<Operation>,
    /// What nobody has decided.
    pub questions: Vec<Question>,
    /// Documents that may not fit, and what is left to the user.
    pub notes: Vec<Note>,
    /// Whether the snapshots differ. They may differ without an operation, such as in an optional field of a
    /// collection without a validator.
    pub differs: bool,
}

/// Something that has to be decided before a migration can be written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Question {
    /// Where: `users.address.city`.
    pub place: String,
    /// What is not known.
    pub problem: String,
    /// What to write or run, one of these.
    pub answers: Vec<String>,
}

/// What a migration does not do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Note {
    /// Where: `users.address.city`.
    pub place: String,
    /// What there is to know.
    pub text: String,
    /// Whether documents that are in the collection may not fit their type afterwards.
    pub may_not_fit: bool,
}

impl fmt::Display for Question {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "`{}`: {}: {}", self.place, self.problem, self.answers.join("; or "))
    }
}

impl fmt::Display for Note {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "`{}`: {}", self.place, self.text)
    }
}
