//! Bounds how many databases are in use at a time, in this process and on this machine, and gives
//! each test a database name that no other test has now.
//!
//! The kernel releases a file's lock when its holder ends, also when it is killed.

use std::{
    fs::{self, File},
    io,
    path::PathBuf,
    time::Duration,
};

use sha2::{Digest as _, Sha256};
use tokio::sync::{Semaphore, SemaphorePermit};

use super::error::TestError;

/// How many databases of tests are in use at a time, over all processes of this machine.
pub const LIVE_MAX: usize = 24;

/// How many tests of one name may run at a time.
const NAMES_MAX: usize = 64;

const POLL: Duration = Duration::from_millis(25);

/// The longest name of a database that every server and platform takes.
const NAME_BYTES_MAX: usize = 63;

static PLACES_HERE: Semaphore = Semaphore::const_new(LIVE_MAX);

/// One of the places in use, and a name.
#[derive(Debug)]
pub(super) struct Slot {
    pub(super) name: String,
    _name: Option<File>,
    _place: Option<File>,
    _here: SemaphorePermit<'static>,
}

/// Waits for a free place.
pub(super) async fn take(uri: &str, test: &str, package: &str) -> Result<Slot, TestError> {
    let closed = |error| TestError::set_up("wait for a database", error);
    let here = PLACES_HERE.acquire().await.map_err(closed)?;
    let server = hash(&[uri]);
    let place = match directory() {
        Ok(directory) => Some(place_on_machine(&directory, &server).await),
        // Without the directory, only this process is bounded.
        Err(_) => None,
    };
    // Different for other packages and checkouts, and for other machines at the same server.
    let host = gethostname::gethostname();
    let id = hash(&[package, test, &host.to_string_lossy()]);
    let (name, lock) = free_name(test, &id, &server);
    Ok(Slot { name, _name: lock, _place: place.flatten(), _here: here })
}

async fn place_on_machine(directory: &std::path::Path, server: &str) -> Option<File> {
    let first = fastrand::usize(..LIVE_MAX);
    loop {
        for at in 0..LIVE_MAX {
            let at = (first + at) % LIVE_MAX;
            let file = File::create(directory.join(format!("{server}.place.{at}"))).ok()?;
            if file.try_lock().is_ok() {
                return Some(file);
            }
        }
        tokio::time::sleep(POLL).await;
    }
}

/// `test_<function>_<hash>`; with a number while another run of the same test is under way.
fn free_name(test: &str, id: &str, server: &str) -> (String, Option<File>) {
    let function = test.rsplit("::").next().unwrap_or(test);
    let mut stem: String = function
        .chars()
        .map(|c| if c.is_ascii_alphanumeric() { c.to_ascii_lowercase() } else { '_' })
        .collect();
    // With `test_`, `_`, the hash of 10, and `_64`.
    stem.truncate(NAME_BYTES_MAX - 5 - 11 - 3);
    let id = id.get(..10).unwrap_or(id);
    let stem = format!("test_{stem}_{id}");
    let Ok(directory) = directory() else {
        return (format!("{stem}_{}", fastrand::u8(..)), None);
    };
    for at in 0..NAMES_MAX {
        let name = if at == 0 { stem.clone() } else { format!("{stem}_{at}") };
        let Ok(file) = File::create(directory.join(format!("{server}.{name}"))) else { break };
        if file.try_lock().is_ok() {
            return (name, Some(file));
        }
    }
    (format!("{stem}_{}", fastrand::u8(..)), None)
}

/// The directory that this user's test processes share.
pub(super) fn directory() -> io::Result<PathBuf> {
    let user = ["USER", "LOGNAME", "USERNAME"].into_iter().find_map(std::env::var_os);
    let user = user.unwrap_or_default().to_string_lossy().into_owned();
    let user: String = user.chars().filter(char::is_ascii_alphanumeric).collect();
    let directory = std::env::temp_dir().join(format!("mongrate-testing-{user}"));
    let mut builder = fs::DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(&directory)?;
    #[cfg(unix)]
    {
        use std::os::unix::fs::MetadataExt as _;
        let about = fs::symlink_metadata(&directory)?;
        if !about.is_dir() || about.uid() != rustix::process::geteuid().as_raw() {
            return Err(io::Error::other("the directory belongs to another user"));
        }
    }
    Ok(directory)
}

/// A hash of all parts; the lengths are part of it, so that no two lists collide.
pub(super) fn hash(parts: &[&str]) -> String {
    let mut hasher = Sha256::new();
    for part in parts {
        hasher.update((part.len() as u64).to_le_bytes());
        hasher.update(part.as_bytes());
    }
    let mut text = mongrate_seal::hex(&hasher.finalize());
    text.truncate(32);
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_taken_once_at_a_time_and_fits() {
        let test = "shop::tests::Ä_very_long_name_that_says_what_the_test_is_about_and_more";
        let server = hash(&[&fastrand::u64(..).to_string()]);
        let (first, lock) = free_name(test, &hash(&["a"]), &server);
        let (second, _other) = free_name(test, &hash(&["a"]), &server);
        assert_ne!(first, second);
        assert!(first.len() <= NAME_BYTES_MAX && second.len() <= NAME_BYTES_MAX);
        drop(lock);
        assert_eq!(free_name(test, &hash(&["a"]), &server).0, first);
    }
}
