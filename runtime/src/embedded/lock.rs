//! Locks between processes. The kernel releases them with their holder, however it dies.

use std::fs::{File, OpenOptions, TryLockError};
use std::path::Path;
use std::time::Duration;

use super::error::{Context, EmbeddedError};
use super::task::Cancel;

/// Takes the lock on `path`, which is created if need be. It is held until the file is dropped.
///
/// Polled rather than waited for, so that it can be cancelled and bounded.
pub(super) fn exclusive(
    path: &Path,
    wait: Duration,
    cancel: &Cancel,
) -> Result<File, EmbeddedError> {
    let file = open(path)?;
    cancel
        .poll(wait, Duration::from_millis(5), || Ok(attempt(&file, path)?.then_some(())))?
        .ok_or_else(|| EmbeddedError::LockTimeout { path: path.to_owned(), waited: wait })?;
    Ok(file)
}

/// The lock on `path` if it is free this very moment.
pub(super) fn exclusive_now(path: &Path) -> Result<Option<File>, EmbeddedError> {
    let file = open(path)?;
    Ok(attempt(&file, path)?.then_some(file))
}

pub(super) fn open(path: &Path) -> Result<File, EmbeddedError> {
    let mut options = OpenOptions::new();
    options.create(true).truncate(false).read(true).write(true);
    options.open(path).context(|| format!("open {}", path.display()))
}

fn attempt(file: &File, path: &Path) -> Result<bool, EmbeddedError> {
    match file.try_lock() {
        Ok(()) => Ok(true),
        Err(TryLockError::WouldBlock) => Ok(false),
        Err(TryLockError::Error(source)) => {
            Err(EmbeddedError::Io { action: format!("lock {}", path.display()), source })
        }
    }
}
