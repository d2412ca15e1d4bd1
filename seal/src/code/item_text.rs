//! The hash of an item's text, with the files that it comes from.

use std::path::PathBuf;

/// The text of an item.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ItemText {
    /// The hash of the text: 32 hexadecimal digits.
    pub hash: String,
    /// The files that the text comes from: the item's own, and those that it includes.
    pub files: Vec<PathBuf>,
}
