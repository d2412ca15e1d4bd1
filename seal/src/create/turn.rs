//! One new migration at a time: whoever writes into a directory of migrations holds its lock, over
//! threads and over processes, so that no version is given out twice and no `mod` line is lost.

use std::fs::File;
use std::io;
use std::path::Path;

/// The turn to write into a directory; it ends when this is dropped, or with the process.
#[derive(Debug)]
pub(super) struct Turn {
    _locked: Option<File>,
}

impl Turn {
    /// Waits for it. Writing one migration takes milliseconds.
    pub(super) fn wait(dir: &Path) -> io::Result<Self> {
        let file = open(dir)?;
        match file.lock() {
            Ok(()) => Ok(Self { _locked: Some(file) }),
            // Some file systems know no locks. There, a version is only safe from others that have
            // the same name.
            Err(error) if error.kind() == io::ErrorKind::Unsupported => Ok(Self { _locked: None }),
            Err(error) => Err(error),
        }
    }
}

/// The directory itself, so that no file is left behind.
#[cfg(unix)]
fn open(dir: &Path) -> io::Result<File> {
    File::open(dir)
}

/// Directories cannot be locked there: a file in it is.
#[cfg(not(unix))]
fn open(dir: &Path) -> io::Result<File> {
    File::options().create(true).truncate(false).write(true).open(dir.join(".mongrate-create.lock"))
}
