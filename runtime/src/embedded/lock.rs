//! Locks between processes. The kernel releases them with their holder, however it dies.

use std::{
    fs::{File, OpenOptions, TryLockError},
    os::unix::fs::MetadataExt,
    path::Path,
    time::Duration,
};

use super::{
    error::{Context, EmbeddedError},
    task::Cancel,
};

/// Takes the lock on `path`, which is created if need be. It is held until the file is dropped.
///
/// Polled rather than waited for, so that it can be cancelled and bounded.
pub(super) fn exclusive(
    path: &Path,
    wait: Duration,
    cancel: &Cancel,
) -> Result<File, EmbeddedError> {
    cancel
        .poll(wait, Duration::from_millis(5), || exclusive_now(path))?
        .ok_or_else(|| EmbeddedError::LockTimeout { path: path.to_owned(), waited: wait })
}

/// The lock on `path` if it is free this very moment.
pub(super) fn exclusive_now(path: &Path) -> Result<Option<File>, EmbeddedError> {
    let file = open(path)?;
    match file.try_lock() {
        // Whoever held it before us may have removed the file: then the lock is worth nothing.
        Ok(()) => Ok(is_still(&file, path).then_some(file)),
        Err(TryLockError::WouldBlock) => Ok(None),
        Err(TryLockError::Error(source)) => {
            Err(EmbeddedError::Io { action: format!("lock {}", path.display()), source })
        }
    }
}

pub(super) fn open(path: &Path) -> Result<File, EmbeddedError> {
    let mut options = OpenOptions::new();
    options.create(true).truncate(false).read(true).write(true);
    options.open(path).context(|| format!("open {}", path.display()))
}

/// Whether `path` still leads to `file`.
fn is_still(file: &File, path: &Path) -> bool {
    let (Ok(ours), Ok(there)) = (file.metadata(), std::fs::metadata(path)) else { return false };
    (ours.dev(), ours.ino()) == (there.dev(), there.ino())
}
