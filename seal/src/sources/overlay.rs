//! The files of a package as they are, or as they would be after a change.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::{fs, io};

/// Texts that stand in for those on the disk.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Overlay(BTreeMap<PathBuf, Option<String>>);

impl Overlay {
    /// A file as it would be.
    pub fn write(&mut self, path: impl Into<PathBuf>, text: impl Into<String>) {
        self.0.insert(path.into(), Some(text.into()));
    }

    /// A file that would be gone.
    pub fn remove(&mut self, path: impl Into<PathBuf>) {
        self.0.insert(path.into(), None);
    }

    /// Every path that differs from the disk, with its text, or none if it would be gone.
    pub fn changes(&self) -> impl Iterator<Item = (&Path, Option<&str>)> {
        self.0.iter().map(|(path, text)| (path.as_path(), text.as_deref()))
    }

    /// Its text.
    ///
    /// # Errors
    ///
    /// As the system says; for what would be gone, not found.
    pub fn read(&self, path: &Path) -> io::Result<String> {
        match self.0.get(path) {
            Some(Some(text)) => Ok(text.clone()),
            Some(None) => Err(io::ErrorKind::NotFound.into()),
            None => fs::read_to_string(path),
        }
    }

    /// Whether it would be there.
    pub fn is_file(&self, path: &Path) -> bool {
        match self.0.get(path) {
            Some(text) => text.is_some(),
            None => path.is_file(),
        }
    }
}
