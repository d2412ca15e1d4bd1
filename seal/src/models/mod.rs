//! Models: the shapes of documents that types have, and `models.snap`, which holds the shapes that the
//! migrations of a package lead to.
//!
//! A shape is a constant first ([`ConstShape`]), which the derive writes and the compiler hashes. As data it
//! is a [`Shape`], with a text, a `$jsonSchema`, and the same hash.

mod agree;
mod collection;
mod constant;
mod difference;
mod expand;
mod fault;
mod fold;
mod format;
mod hash;
mod index;
mod json;
mod json_schema;
mod lines;
mod listing;
mod literal;
mod made;
mod mix;
mod path;
mod shape;
mod snapshot;
#[cfg(test)]
mod tests;
mod text;
mod types;
mod wanted;

pub use agree::agree;
pub use collection::{
    Collection, CollectionKind, ModelShape, Validation, ValidationAction, ValidationLevel,
};
pub use constant::{ConstAlternative, ConstField, ConstShape, ShapeRef};
pub use difference::{
    AnswerError, Answers, Code, Difference, Fill, Note, Operation, Question, Step, Undone,
};
pub use expand::RECURSIONS_MAX;
pub use fault::{ModelsFault, ModelsProblem};
pub use format::{FILE, HEADER};
pub use index::{INDEX_FLAGS, INDEX_VALUES, Index, default_name, index_options};
pub use json::Json;
pub use literal::Literal;
pub use shape::{Field, Hints, Object, Rest, Shape};
pub use snapshot::Snapshot;
pub use types::Types;
pub use wanted::Model;
