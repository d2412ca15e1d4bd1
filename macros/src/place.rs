//! Where a migration is declared.

use std::path::PathBuf;

use proc_macro2::Span;

/// A point in the source. Places in one file are ordered as they stand there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Place {
    /// As the compiler shows it.
    pub(crate) file: String,
    /// As the file system knows it, if it does.
    pub(crate) path: Option<PathBuf>,
    /// Counted from 1, as is the column.
    pub(crate) line: usize,
    pub(crate) column: usize,
}

impl Place {
    pub(crate) fn of(span: Span) -> Self {
        let span = span.unwrap();
        Self {
            file: span.file(),
            path: span.local_file(),
            line: span.line(),
            column: span.column(),
        }
    }

    /// Whether the attribute cannot stand at the beginning of its line: its version is further to the
    /// right than behind `#[migration(version = `.
    pub(crate) fn is_indented(&self) -> bool {
        self.column > "#[migration(version = ".len() + 1
    }

    /// Line and column, to compare within a file.
    pub(crate) fn point(&self) -> (usize, usize) {
        (self.line, self.column)
    }
}
