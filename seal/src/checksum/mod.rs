//! The checksum of a migration, a fingerprint of what it does: `v1:sha256:<hex>`.
//!
//! Two functions have the same checksum if they differ only in layout, in comments, in attributes
//! that only advise people or lints, or in what a formatter adds and removes. There are three steps:
//! `canonical` gives the syntax tree one spelling, `encode` turns its tokens into bytes that do not
//! depend on how another crate prints them, and SHA-256 shortens the bytes. [`plain`] writes the same
//! bytes without the tree, for the bodies that it can read.
//!
//! The function's name, its visibility, its return type and the path of the parameter's type are left
//! out. The checksum does not cover the functions that the body calls, unless the migration
//! names them in `uses`: [`with_uses`] adds the hashes of such items, which [`of_items`] makes.

mod blocks;
mod canonical;
mod digest;
mod encode;
mod imports;
mod invocations;
mod item;
pub mod plain;
#[cfg(test)]
mod tests;
mod tree;

pub use digest::ALGORITHM;
pub use item::{of_items, with_uses};
pub use tree::of;
