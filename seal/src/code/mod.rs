//! The modules of a package and of the packages beside it, read from their sources.
//!
//! [`Code`] keeps what it has read: which items, imports and modules each file has, never a syntax
//! tree, because in a macro a tree does not outlive the call that made it. [`Code::resolve`] finds the
//! item that a path names, and [`Code::item`] hashes its text. A macro that writes items is not
//! expanded: what cannot be read is a [`Fault`], and never a guess.

mod fault;
mod file;
mod item;
mod item_text;
mod modules;
mod packages;
mod resolve;
#[cfg(test)]
mod tests;

pub use fault::Fault;
pub use file::{Import, Kind, Named};
#[cfg(feature = "sources")]
pub(crate) use file::{Leaf, leaves, line, name_of};
pub use item_text::ItemText;
pub use modules::{Code, Site};
pub use resolve::Target;
