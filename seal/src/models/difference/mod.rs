//! The difference between two snapshots: the operations that lead from what the migrations lead to, to what
//! the types want. Pure.
//!
//! Nothing is guessed. Where the types do not say what becomes of documents, there is a [`Question`], with the
//! attribute or the option that answers it.

mod alternatives;
mod answers;
mod collections;
mod convert;
mod edits;
mod fields;
mod found;
mod indexes;
mod literal;
mod moves;
mod operation;
mod place;
mod rust;
mod shapes;
#[cfg(test)]
mod tests;
mod update;

pub use answers::{AnswerError, Answers};
pub use found::{Difference, Note, Question};
pub use operation::{Operation, Undone};
pub use place::Step;
pub use rust::Code;
pub use update::Fill;
