//! Why a path leads to no item whose source can be read.

use std::path::PathBuf;

/// Why a path leads to no item.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Fault {
    /// No item of this name is in this module of this file.
    Nothing {
        /// The name.
        name: String,
        /// The file.
        file: PathBuf,
        /// The macros among the items of the module, which may write the item.
        macros: Vec<String>,
    },
    /// The path leads into a crate whose sources are not on this machine's disk as a dependency by
    /// path, or into Mongrate itself.
    Foreign(String),
    /// The path leads to a module.
    Module(String),
    /// The path leads into a type: to a method, a variant or an associated constant.
    Inside(String),
    /// The path leads to different items through several imports of everything (`use x::*`).
    Ambiguous(String),
    /// The path takes more steps than are followed.
    Endless,
    /// A file cannot be read.
    Unread {
        /// The file.
        file: PathBuf,
        /// Why.
        why: String,
    },
}
