//! The cache directory, and how a cached binary is trusted: by its stamp, or by its hash.

use std::{
    fs::{self, File},
    io::{self, Read},
    os::unix::fs::{DirBuilderExt, MetadataExt},
    path::{Path, PathBuf},
};

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::{
    error::{self, Attempt, Context, EmbeddedError},
    task::Cancel,
};

/// `MONGRATE_CACHE`, or `mongrate` in the user's cache directory, or in the temporary directory.
pub(crate) fn directory() -> PathBuf {
    if let Some(chosen) = env_path("MONGRATE_CACHE") {
        return chosen;
    }
    let home = env_path("HOME");
    let base = if cfg!(target_os = "macos") {
        home.map(|home| home.join("Library").join("Caches"))
    } else {
        env_path("XDG_CACHE_HOME")
            .filter(|path| path.is_absolute())
            .or_else(|| home.map(|home| home.join(".cache")))
    };
    match base {
        Some(base) => base.join("mongrate"),
        None => {
            let user = rustix::process::geteuid().as_raw();
            std::env::temp_dir().join(format!("mongrate-{user}"))
        }
    }
}

/// A path from the environment; an empty one counts as unset.
pub(crate) fn env_path(key: &str) -> Option<PathBuf> {
    std::env::var_os(key).filter(|value| !value.is_empty()).map(PathBuf::from)
}

/// Creates `path` and its parents for this user alone.
pub(crate) fn create_private(path: &Path) -> Result<(), EmbeddedError> {
    fs::DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(path)
        .context(|| format!("create {}", path.display()))
}

/// Creates the directory of a server that keeps its data. The directory may lie in a repository, so
/// its first file tells git to ignore all of it. A directory that existed before gets no such file.
pub(crate) fn create_home(home: &Path) -> Result<(), EmbeddedError> {
    if let Some(parent) = home.parent() {
        create_private(parent)?;
    }
    match fs::DirBuilder::new().mode(0o700).create(home) {
        Ok(()) => {
            let file = home.join(".gitignore");
            let text = "# Data of a MongoDB for development, made by mongrate.\n*\n";
            fs::write(&file, text).context(|| format!("write {}", file.display()))
        }
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists && home.is_dir() => Ok(()),
        created => created.context(|| format!("create {}", home.display())),
    }
}

/// The sha256 of a file, in lower-case hex.
pub(crate) fn sha256(path: &Path, cancel: &Cancel) -> Result<String, EmbeddedError> {
    let action = || format!("read {}", path.display());
    let mut file = File::open(path).context(action)?;
    let mut hasher = Sha256::new();
    let mut buffer = vec![0; 1 << 20];
    loop {
        cancel.check()?;
        match file.read(&mut buffer) {
            Ok(0) => return Ok(hex(&hasher.finalize())),
            Ok(bytes) => hasher.update(&buffer[..bytes]),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error).context(action),
        }
    }
}

pub(crate) fn hex(bytes: &[u8]) -> String {
    use std::fmt::Write as _;
    bytes.iter().fold(String::with_capacity(bytes.len() * 2), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}

/// The note that a binary of this size, time and inode once had this hash, and its version.
///
/// Hashing 180 MB at every start would cost more than starting the server. The stamp protects
/// against a damaged or half-written file, not against an attacker who can write to this directory:
/// such an attacker can replace the calling program as well.
#[derive(Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Stamp {
    bytes: u64,
    modified_s: i64,
    modified_ns: i64,
    inode: u64,
    pub(crate) sha256: String,
    pub(crate) version: (u32, u32, u32),
}

impl Stamp {
    pub(crate) fn of(
        binary: &Path,
        sha256: String,
        version: (u32, u32, u32),
    ) -> Result<Self, EmbeddedError> {
        let facts = fs::metadata(binary).context(|| format!("look at {}", binary.display()))?;
        Ok(Self {
            bytes: facts.len(),
            modified_s: facts.mtime(),
            modified_ns: facts.mtime_nsec(),
            inode: facts.ino(),
            sha256,
            version,
        })
    }

    /// Reads the stamp beside `binary`, if it still describes the binary.
    pub(crate) fn read(binary: &Path) -> Option<Self> {
        let text = fs::read(Self::path(binary)).ok()?;
        let stamp: Self = serde_json::from_slice(&text).ok()?;
        let now = Self::of(binary, stamp.sha256.clone(), stamp.version).ok()?;
        (now == stamp).then_some(stamp)
    }

    pub(crate) fn write(&self, binary: &Path) -> Result<(), EmbeddedError> {
        let text = serde_json::to_vec(self).map_err(io::Error::other);
        let path = Self::path(binary);
        replace(&path, &text.context(|| "describe the binary".to_owned())?)
    }

    fn path(binary: &Path) -> PathBuf {
        binary.with_extension("stamp.json")
    }
}

/// Writes a whole file or nothing: to a temporary file beside the target, which is then renamed.
pub(crate) fn replace(path: &Path, content: &[u8]) -> Result<(), EmbeddedError> {
    replace_with(path, content, false)
}

/// As [`replace`]; the file outlives a loss of power once this has returned.
pub(crate) fn replace_durably(path: &Path, content: &[u8]) -> Result<(), EmbeddedError> {
    replace_with(path, content, true)
}

fn replace_with(path: &Path, content: &[u8], durably: bool) -> Result<(), EmbeddedError> {
    use io::Write as _;
    let action = || format!("write {}", path.display());
    let parent = path.parent().unwrap_or(Path::new("."));
    let mut file = tempfile::NamedTempFile::new_in(parent).context(action)?;
    file.write_all(content).context(action)?;
    if durably {
        synced(file.as_file()).context(action)?;
    }
    file.persist(path).map_err(|error| error.error).context(action)?;
    if durably {
        sync_directory(parent).context(action)?;
    }
    Ok(())
}

/// Makes what was created or removed in a directory outlive a loss of power.
pub(crate) fn sync_directory(path: &Path) -> io::Result<()> {
    synced(&File::open(path)?)
}

/// Network file systems may not know how; then nothing more can be done.
fn synced(file: &File) -> io::Result<()> {
    match file.sync_all() {
        Err(error)
            if matches!(error.kind(), io::ErrorKind::InvalidInput | io::ErrorKind::Unsupported) =>
        {
            Ok(())
        }
        synced => synced,
    }
}

/// Removes a directory with all that is in it, if it is there.
pub(crate) fn remove(path: &Path) -> Result<(), EmbeddedError> {
    match fs::remove_dir_all(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        removed => removed.context(|| format!("remove {}", path.display())),
    }
}

/// Turns an error into an [`Attempt`], except for a cancellation, which ends the search.
pub(crate) fn attempt<T>(
    place: impl Into<String>,
    result: Result<T, EmbeddedError>,
    tried: &mut Vec<Attempt>,
) -> Result<Option<T>, EmbeddedError> {
    match result {
        Ok(found) => Ok(Some(found)),
        Err(EmbeddedError::Cancelled) => Err(EmbeddedError::Cancelled),
        Err(error) => {
            let reason = match error {
                // The whole error would repeat the place.
                EmbeddedError::UnusableBinary { reason, .. } => reason,
                error => error::chain(&error),
            };
            tried.push(Attempt::new(place, reason));
            Ok(None)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What git itself prints.
    fn git(directory: &Path, arguments: &[&str]) -> String {
        let output =
            std::process::Command::new("git").args(arguments).current_dir(directory).output();
        String::from_utf8(output.unwrap().stdout).unwrap()
    }

    #[test]
    fn git_leaves_a_home_alone_from_its_creation() {
        let repository = tempfile::tempdir().unwrap();
        git(repository.path(), &["init", "--quiet"]);
        let home = repository.path().join(".mongrate/shop");
        create_home(&home).unwrap();
        fs::write(home.join("mongod.log"), "x").unwrap();
        assert_eq!(git(repository.path(), &["status", "--porcelain"]), "");
        let text = fs::read_to_string(home.join(".gitignore")).unwrap();
        assert!(text.lines().any(|line| line == "*"), "{text}");

        // A user who removes the file, or creates the directory, decides.
        fs::remove_file(home.join(".gitignore")).unwrap();
        create_home(&home).unwrap();
        assert_ne!(git(repository.path(), &["status", "--porcelain"]), "");
        let file = repository.path().join("file");
        fs::write(&file, "").unwrap();
        assert!(create_home(&file).is_err());
    }
}
