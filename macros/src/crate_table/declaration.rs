//! One entry of the table, and which crate it belongs to.

use std::env;
use std::path::PathBuf;

use syn::ext::IdentExt as _;

use crate::validate::{Checked, GROUP_DEFAULT};

/// What tells one crate from another.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Origin {
    pub(super) package: String,
    pub(super) krate: String,
    /// Where the package's manifest lies.
    pub(super) directory: PathBuf,
}

impl Origin {
    pub(super) fn of_this_crate() -> Self {
        Self {
            package: env::var("CARGO_PKG_NAME").unwrap_or_default(),
            krate: env::var("CARGO_CRATE_NAME").unwrap_or_default(),
            directory: env::var_os("CARGO_MANIFEST_DIR").unwrap_or_default().into(),
        }
    }
}

/// Where a migration is declared, and as what.
#[derive(Clone, Debug)]
pub(super) struct Declaration {
    pub(super) version: i64,
    pub(super) name: String,
    pub(super) group: String,
    pub(super) function: String,
    /// As the compiler shows it.
    pub(super) file: String,
    /// As the file system knows it, if it does.
    pub(super) path: Option<PathBuf>,
    /// Of the version.
    pub(super) line: usize,
    pub(super) column: usize,
}

impl Declaration {
    pub(super) fn new(checked: &Checked) -> Self {
        let span = checked.version.span.unwrap();
        Self {
            version: checked.version.number,
            name: checked.name.text.clone(),
            group: checked.group.clone(),
            function: checked.function.sig.ident.unraw().to_string(),
            file: span.file(),
            path: span.local_file(),
            line: span.line(),
            column: span.column(),
        }
    }

    /// The very same piece of source, expanded again.
    pub(super) fn is_same_place(&self, other: &Self) -> bool {
        self.place() == other.place() && self.file == other.file && self.function == other.function
    }

    pub(super) fn is_same_version(&self, other: &Self) -> bool {
        self.version == other.version && self.group == other.group
    }

    pub(super) fn place(&self) -> (usize, usize) {
        (self.line, self.column)
    }

    /// `` `add_users` (src/m1_add_users.rs:4) ``
    pub(super) fn shown(&self) -> String {
        format!("`{}` ({}:{})", self.function, self.file, self.line)
    }

    /// ` of group `audit``, or nothing for the default one.
    pub(super) fn of_group(&self) -> String {
        if self.group == GROUP_DEFAULT {
            String::new()
        } else {
            format!(" of group `{}`", self.group)
        }
    }
}
