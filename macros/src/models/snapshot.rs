//! The crate's `models.snap`, read once per process and crate. An editor's server lives long, and reads it
//! again when it has changed.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    io::ErrorKind,
    path::{Path, PathBuf},
    sync::{Arc, Mutex, PoisonError},
    time::SystemTime,
};

use mongrate_seal::models::{FILE, Snapshot};

use crate::{editor::is_editor, origin::Origin};

/// The content of a file, or the text of an error; `None` if there is no such file.
pub(super) type ReadSnapshot = Option<Result<Arc<Snapshot>, String>>;

/// The files by crate: one process may expand several crates.
static FILES: Mutex<BTreeMap<Origin, (Option<Stamp>, ReadSnapshot)>> = Mutex::new(BTreeMap::new());

/// Time and size, by which a change is noticed.
type Stamp = (Option<SystemTime>, u64);

/// Returns where the crate's file is, or would be.
pub(super) fn path(origin: &Origin) -> PathBuf {
    origin.directory.join(FILE)
}

/// Returns the crate's file.
pub(super) fn read(origin: &Origin) -> ReadSnapshot {
    let path = path(origin);
    let mut files = FILES.lock().unwrap_or_else(PoisonError::into_inner);
    let known = files.get(origin);
    if let (Some((_, read)), false) = (known, is_editor()) {
        return read.clone();
    }
    let stamp = fs::metadata(&path).ok().map(|about| (about.modified().ok(), about.len()));
    if let Some((of_known, read)) = known
        && *of_known == stamp
    {
        return read.clone();
    }
    let read = read_file(&path);
    files.insert(origin.clone(), (stamp, read.clone()));
    read
}

fn read_file(path: &Path) -> ReadSnapshot {
    match fs::read_to_string(path) {
        Ok(text) => Some(Snapshot::parse(&text).map(Arc::new).map_err(|fault| fault.to_string())),
        Err(error) if error.kind() == ErrorKind::NotFound => None,
        Err(error) => Some(Err(format!("cannot read {}: {error}", path.display()))),
    }
}

/// Whether this is the first call for the crate.
pub(super) fn is_first(origin: &Origin) -> bool {
    static CRATES: Mutex<BTreeSet<Origin>> = Mutex::new(BTreeSet::new());
    CRATES.lock().unwrap_or_else(PoisonError::into_inner).insert(origin.clone())
}
