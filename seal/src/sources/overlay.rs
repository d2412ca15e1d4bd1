//! The files of a package as they are, or as they will be after a change.

use std::{
    collections::BTreeMap,
    fs, io,
    path::{Path, PathBuf},
};

/// Texts that replace the files on the disk.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Overlay(BTreeMap<PathBuf, Option<String>>);

impl Overlay {
    /// Sets the new text of a file.
    pub fn write(&mut self, path: impl Into<PathBuf>, text: impl Into<String>) {
        self.0.insert(path.into(), Some(text.into()));
    }

    /// Removes a file.
    pub fn remove(&mut self, path: impl Into<PathBuf>) {
        self.0.insert(path.into(), None);
    }

    /// Returns every path that differs from the disk, with its text, or `None` if it is removed.
    pub fn changes(&self) -> impl Iterator<Item = (&Path, Option<&str>)> {
        self.0.iter().map(|(path, text)| (path.as_path(), text.as_deref()))
    }

    /// Reads a file's text.
    ///
    /// # Errors
    ///
    /// As the system reports; "not found" for a removed file.
    pub fn read(&self, path: &Path) -> io::Result<String> {
        match self.0.get(path) {
            Some(Some(text)) => Ok(text.clone()),
            Some(None) => Err(io::ErrorKind::NotFound.into()),
            None => fs::read_to_string(path),
        }
    }

    /// Whether a file exists.
    pub fn is_file(&self, path: &Path) -> bool {
        match self.0.get(path) {
            Some(text) => text.is_some(),
            None => path.is_file(),
        }
    }
}
