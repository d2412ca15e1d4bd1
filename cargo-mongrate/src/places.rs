//! Paths relative to the working directory, and the versions that names of files promise.

use std::{
    env,
    path::{MAIN_SEPARATOR, Path, PathBuf},
};

use mongrate_seal::{create::promised, period::is_period, sources::Written};

/// The name of a file or directory that promises a version, such as `m0005_rooms.rs`.
pub(crate) struct Promise {
    /// The file or directory.
    pub(crate) path: PathBuf,
    pub(crate) version: i64,
}

/// The promise of a migration's file, or of the nearest directory around it within its package.
pub(crate) fn promise(migration: &Written, package: &Path) -> Option<Promise> {
    let inside = migration.file.ancestors().take_while(|path| *path != package);
    inside.into_iter().find_map(|path| {
        let name = path.file_name()?.to_string_lossy();
        let (digits, _) = name.strip_prefix('m')?.split_once('_')?;
        let is_directory = path != migration.file;
        if is_period(digits, migration.version, is_directory) {
            return None;
        }
        let version = promised(&name).filter(|_| !digits.is_empty())?;
        Some(Promise { path: path.to_owned(), version })
    })
}

/// Where a migration is declared: `src/migrations.rs:3`.
pub(crate) fn place(migration: &Written) -> String {
    format!("{}:{}", shown(&migration.file), migration.line)
}

/// A path, relative to the working directory if it lies below it.
pub(crate) fn shown(path: &Path) -> String {
    path.strip_prefix(here()).unwrap_or(path).display().to_string()
}

/// A text with absolute paths, with those below the working directory made relative.
pub(crate) fn relative(text: &str) -> String {
    let here = format!("{}{}", here().display(), MAIN_SEPARATOR);
    text.replace(&here, "")
}

/// The working directory.
pub(crate) fn here() -> PathBuf {
    env::current_dir().and_then(|here| here.canonicalize()).unwrap_or_default()
}
