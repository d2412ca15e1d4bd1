//! Locks between processes. The kernel releases a lock when its holder ends, however it ends.

use std::{
    fs::{File, OpenOptions, TryLockError},
    os::unix::fs::MetadataExt,
    path::Path,
    time::Duration,
};

use crate::{
    error::{Context, EmbeddedError},
    task::Cancel,
};

/// Takes the lock on `path`, and creates the file if need be. The lock is held until the returned
/// file is dropped.
///
/// The lock is polled, so that the wait can be cancelled and bounded.
pub(crate) fn exclusive(
    path: &Path,
    wait: Duration,
    cancel: &Cancel,
) -> Result<File, EmbeddedError> {
    cancel
        .poll(wait, Duration::from_millis(5), || exclusive_now(path))?
        .ok_or_else(|| EmbeddedError::LockTimeout { path: path.to_owned(), waited: wait })
}

/// Takes the lock on `path` if it is free at this moment.
pub(crate) fn exclusive_now(path: &Path) -> Result<Option<File>, EmbeddedError> {
    let file = open(path)?;
    match file.try_lock() {
        // The holder before may have removed the file: then this lock protects nothing.
        Ok(()) => Ok(is_still(&file, path).then_some(file)),
        Err(TryLockError::WouldBlock) => Ok(None),
        Err(TryLockError::Error(source)) => {
            Err(EmbeddedError::Io { action: format!("lock {}", path.display()), source })
        }
    }
}

pub(crate) fn open(path: &Path) -> Result<File, EmbeddedError> {
    let mut options = OpenOptions::new();
    options.create(true).truncate(false).read(true).write(true);
    options.open(path).context(|| format!("open {}", path.display()))
}

/// Whether `path` still names `file`.
fn is_still(file: &File, path: &Path) -> bool {
    let (Ok(ours), Ok(there)) = (file.metadata(), std::fs::metadata(path)) else { return false };
    (ours.dev(), ours.ino()) == (there.dev(), there.ino())
}
