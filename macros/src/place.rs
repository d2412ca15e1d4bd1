//! The place where a migration is declared.

use std::path::PathBuf;

use proc_macro2::Span;

/// A point in the source.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Place {
    /// The file's path as the compiler shows it.
    pub(crate) file: String,
    /// The file's path in the file system, unless the source is in no file.
    pub(crate) path: Option<PathBuf>,
    /// The line, counted from 1. So is the column.
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

    /// Whether the attribute cannot begin its line: the version is further to the right than after
    /// `#[migration(version = `.
    pub(crate) fn is_indented(&self) -> bool {
        self.column > "#[migration(version = ".len() + 1
    }

    /// Line and column, by which the places of one file are ordered.
    pub(crate) fn point(&self) -> (usize, usize) {
        (self.line, self.column)
    }
}
