//! One new migration at a time: a writer holds the lock of the directory, across threads and processes,
//! so that no version is given out twice and no `mod` line is lost.

use std::{fs::File, io, path::Path};

/// The turn to write into a directory. It ends when the value is dropped, or with the process.
#[derive(Debug)]
pub(super) struct Turn {
    _locked: Option<File>,
}

impl Turn {
    /// Waits for the turn. Writing one migration takes milliseconds.
    pub(super) fn wait(dir: &Path) -> io::Result<Self> {
        let file = open(dir)?;
        match file.lock() {
            Ok(()) => Ok(Self { _locked: Some(file) }),
            // Some file systems have no locks. There, only a migration of the same name cannot be
            // written twice.
            Err(error) if error.kind() == io::ErrorKind::Unsupported => Ok(Self { _locked: None }),
            Err(error) => Err(error),
        }
    }
}

/// Opens the directory itself, so that no lock file is left behind.
#[cfg(unix)]
fn open(dir: &Path) -> io::Result<File> {
    File::open(dir)
}

/// Opens a lock file in the directory, as directories cannot be locked on such systems.
#[cfg(not(unix))]
fn open(dir: &Path) -> io::Result<File> {
    File::options().create(true).truncate(false).write(true).open(dir.join(".mongrate-create.lock"))
}
