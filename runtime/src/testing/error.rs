//! What the test kit has to complain of.

use std::fmt;

use crate::Error;

/// Why a question to the migrations has no good answer. Its `Debug` is its `Display`, so that
/// `unwrap` in a test prints text.
pub enum TestError {
    /// A migration, or a verb, failed where it had to succeed.
    Migration {
        /// What was done, as `roll back 20250122001 \`split_names\``.
        act: String,
        /// Why it failed.
        source: Error,
    },
    /// The database is not what it should be.
    Differs {
        /// When.
        act: String,
        /// What is missing (`-`), and what should not be there (`+`), a line each.
        difference: String,
    },
    /// `schema.snap` is not the schema.
    Stale {
        /// The file.
        path: std::path::PathBuf,
        /// What is missing (`-`), and what is new (`+`), a line each; none for a new file.
        difference: Option<String>,
    },
    /// The server, a file, or the set-up of the test.
    SetUp {
        /// What was done.
        act: String,
        /// Why that is not possible.
        problem: String,
    },
}

impl TestError {
    pub(crate) fn set_up(act: impl Into<String>, problem: impl fmt::Display) -> Self {
        Self::SetUp { act: act.into(), problem: problem.to_string() }
    }

    /// For what the driver says.
    pub(crate) fn driver(act: &'static str) -> impl FnOnce(mongodb::error::Error) -> Self {
        move |error| Self::set_up(act, crate::ServerError::from(error))
    }
}

impl fmt::Display for TestError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Migration { act, source } => write!(f, "cannot {act}: {source}"),
            Self::Differs { act, difference } => {
                write!(f, "{act}, the database is not what it was to be (- missing, + too much):")?;
                write!(f, "\n{difference}")
            }
            Self::Stale { path, difference: None } => write!(
                f,
                "{} was not there, and is written now: look at it, commit it, and run the test \
                 again",
                path.display()
            ),
            Self::Stale { path, difference: Some(difference) } => write!(
                f,
                "the schema is not the one of {} any more (- gone, + new):\n{difference}\nif that \
                 is what the migrations are to do, `MONGRATE_SNAPSHOT=update cargo test` writes \
                 the file anew",
                path.display()
            ),
            Self::SetUp { act, problem } => write!(f, "cannot {act}: {problem}"),
        }
    }
}

impl fmt::Debug for TestError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl std::error::Error for TestError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Migration { source, .. } => Some(source),
            _ => None,
        }
    }
}
