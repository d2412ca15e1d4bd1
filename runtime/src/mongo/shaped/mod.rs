//! What BSON the types of a model's fields become: those of std, of `bson`, and of crates that are in the
//! tree anyway. That is what serde and `bson` make of them when a `Collection` writes a document
//! (`bson`'s serializer is not human readable then).

mod bson_types;
mod containers;
mod crates;
pub(crate) mod fields;
mod scalars;
pub(crate) mod trait_def;
