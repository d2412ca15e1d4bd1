//! What the walk finds in a file: migrations, annotated functions, and `mod` items that reach files.

use std::{fmt, ops::Range, path::PathBuf};

use syn::{Attribute, ItemFn};

use crate::{
    sum::{Declared, Undo, Uses},
    uses::Used,
};

/// A migration as it is written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Written {
    /// The group.
    pub group: String,
    /// The version.
    pub version: i64,
    /// The name.
    pub name: String,
    /// The checksum of the body and of the items that it uses.
    pub checksum: String,
    /// The items that it uses; `None` if one of them cannot be read, and then the checksum is that of
    /// the body alone.
    pub used: Option<Used>,
    /// The same, as the sum file has them.
    pub uses: String,
    /// The lints that it acknowledges.
    pub allow: Vec<String>,
    /// The path in `reversible`, if it has one.
    pub rollback_named: Vec<String>,
    /// The name of the function.
    pub function: String,
    /// Whether the migration may be older than sealed migrations.
    pub out_of_order: bool,
    /// What it stands for, if it is a squash.
    pub replaces: Option<String>,
    /// Whether it applies only where labels are selected.
    pub has_labels: bool,
    /// The migrations of other groups that come first, as they are written.
    pub after: Vec<String>,
    /// How the migration is rolled back, in the sum file's form; `None` if it is not reversible.
    pub rollback: Option<String>,
    /// The full path of the function, which begins with the number of its root.
    pub path: String,
    /// The full path of the function that rolls the migration back, if it was found.
    pub rollback_path: Option<String>,
    /// The file.
    pub file: PathBuf,
    /// The line, counted from 1.
    pub line: usize,
    /// The place of the version in the file, in bytes.
    pub version_at: Range<usize>,
}

impl Written {
    /// Returns the declaration for [`Sum::judge`](crate::sum::Sum::judge).
    pub fn declared(&self) -> Declared<'_> {
        Declared {
            group: &self.group,
            version: self.version,
            name: &self.name,
            checksum: &self.checksum,
            rollback: self.rollback.as_deref().map_or(Undo::None, Undo::Seen),
            uses: Uses::Seen(&self.uses),
            out_of_order: self.out_of_order,
        }
    }
}

/// A function with the attribute.
#[derive(Clone)]
pub struct Annotated {
    /// The file.
    pub file: PathBuf,
    /// The attribute.
    pub attribute: Attribute,
    /// The function without the attribute.
    pub function: ItemFn,
    /// The macros above the attribute, as they are written: they may rewrite the function before the
    /// attribute reads it.
    pub above: Vec<String>,
}

impl fmt::Debug for Annotated {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "`{}` in {}", self.function.sig.ident, self.file.display())
    }
}

/// The `mod` item that reaches a file. Places are in bytes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reached {
    /// The file with the `mod` item.
    pub from: PathBuf,
    /// The place of the module's name.
    pub name: Range<usize>,
    /// The place of the text in `#[path = "…"]`, with its quotes.
    pub path: Option<Range<usize>>,
}
