//! [`TestError`]: the error of the test kit, into which any other error converts.

use std::{error::Error as StdError, fmt};

use crate::{
    BoxError, Error,
    mongo::{driver, server_error::ServerError},
};

/// Why a test of migrations failed: what the kit found, or any other error of the test's body.
///
/// `?` turns every error into this one: mongrate's, the driver's, BSON's, of I/O,
/// `Box<dyn Error + Send + Sync>`, `anyhow::Error`, and a text:
///
/// ```no_run
/// use mongrate::{bson::{Document, doc}, testing::{self, Database, TestError}};
///
/// async fn anna_is_found(db: Database) -> Result<(), TestError> {
///     db.migrate_to(20250122006).await?;                                // mongrate::Error
///     let users = db.collection::<Document>("users");
///     let anna = users.find_one(doc! { "_id": "anna" }).await?          // mongodb::error::Error
///         .ok_or("anna is gone")?;                                      // a text
///     let wanted = std::fs::read_to_string("tests/anna.txt")?;          // std::io::Error
///     assert_eq!(anna.get_str("name")?, wanted);                        // bson's error
///     testing::round_trip(&db).await?;                                  // this one
///     Ok(())
/// }
/// ```
///
/// For that it does not implement [`std::error::Error`] itself, just like `anyhow::Error`. In a
/// test that returns another error, such as `anyhow::Result`, [`into_error`](Self::into_error)
/// makes it one: `testing::round_trip(&db).await.map_err(TestError::into_error)?`.
///
/// Its `Debug` is its `Display`, so that `unwrap`, and a test that returns it, print text.
#[non_exhaustive]
pub enum TestError {
    /// A migration or a verb failed.
    Migration {
        /// What the kit did, such as `roll back 20250122001 \`split_names\``.
        act: String,
        /// Why it failed.
        source: Error,
    },
    /// The database is not as expected.
    Differs {
        /// After which action.
        act: String,
        /// What is missing (`-`) and what should not be there (`+`), one line each.
        difference: String,
    },
    /// The schema differs from `schema.snap`.
    Stale {
        /// The file.
        path: std::path::PathBuf,
        /// What is missing (`-`) and what is new (`+`), one line each; `None` for a new file.
        difference: Option<String>,
    },
    /// A problem with the server, a file, or the set-up of the test.
    SetUp {
        /// What the kit did.
        act: String,
        /// Why it failed.
        problem: String,
    },
    /// Any other error, converted by `?`.
    Other(BoxError),
}

impl TestError {
    pub(crate) fn set_up(act: impl Into<String>, problem: impl fmt::Display) -> Self {
        Self::SetUp { act: act.into(), problem: problem.to_string() }
    }

    /// The underlying error, unless the kit itself made this one.
    pub fn source(&self) -> Option<&(dyn StdError + 'static)> {
        match self {
            Self::Migration { source, .. } => Some(source),
            Self::Other(error) => Some(&**error),
            _ => None,
        }
    }

    /// Converts into a [`std::error::Error`], for a test that returns another error, such as
    /// `anyhow::Error` or `Box<dyn std::error::Error>`.
    pub fn into_error(self) -> impl StdError + Send + Sync + 'static {
        StdTestError(self)
    }

    /// Converts an error of the driver.
    pub(crate) fn driver(act: &'static str) -> impl FnOnce(mongodb::error::Error) -> Self {
        move |error| Self::set_up(act, ServerError::from(error))
    }
}

impl fmt::Display for TestError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Migration { act, source } => write!(f, "cannot {act}: {source}"),
            Self::Differs { act, difference } => {
                write!(f, "{act}, the database is not as expected (- missing, + not expected):")?;
                write!(f, "\n{difference}")
            }
            Self::Stale { path, difference: None } => write!(
                f,
                "{} did not exist and was written: look at it, commit it, and run the test \
                 again",
                path.display()
            ),
            Self::Stale { path, difference: Some(difference) } => write!(
                f,
                "the schema differs from {} (- gone, + new):\n{difference}\nif the migrations are \
                 meant to do that, `MONGRATE_SNAPSHOT=update cargo test` rewrites the file",
                path.display()
            ),
            Self::SetUp { act, problem } => write!(f, "cannot {act}: {problem}"),
            Self::Other(error) => f.write_str(&with_causes(&**error)),
        }
    }
}

/// An error with its causes on one line; the driver's errors without the raw reply.
fn with_causes(error: &(dyn StdError + 'static)) -> String {
    let mut texts: Vec<String> = Vec::new();
    for link in driver::chain(error) {
        let text = match link.downcast_ref::<mongodb::error::Error>() {
            Some(error) => driver::describe(error),
            None => link.to_string(),
        };
        // Many errors already include the texts of their causes.
        if !texts.iter().any(|said| said.contains(&text)) {
            texts.push(text);
        }
        if link.is::<mongodb::error::Error>() {
            break;
        }
    }
    texts.join(": ")
}

/// A [`TestError`] as an error of the standard library.
struct StdTestError(TestError);

impl fmt::Display for StdTestError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl fmt::Debug for StdTestError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl StdError for StdTestError {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        self.0.source()
    }
}

impl fmt::Debug for TestError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// From any error. So `TestError` must not implement `Error`: this would overlap with the
/// conversion into itself.
impl<E: Into<BoxError>> From<E> for TestError {
    fn from(error: E) -> Self {
        Self::Other(error.into())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(error: impl Into<TestError>) -> String {
        format!("{:?}", error.into())
    }

    /// An error that is of nobody's crate, as `anyhow::Error` is none of the standard library's.
    struct Foreign(BoxError);

    impl From<Foreign> for BoxError {
        fn from(foreign: Foreign) -> Self {
            foreign.0
        }
    }

    #[derive(Debug)]
    struct Outer(std::io::Error);

    impl fmt::Display for Outer {
        fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("cannot read the guests")
        }
    }

    impl StdError for Outer {
        fn source(&self) -> Option<&(dyn StdError + 'static)> {
            Some(&self.0)
        }
    }

    #[test]
    fn every_error_becomes_one_and_says_what_it_said() {
        let io = || std::io::Error::other("the disk is gone");
        assert_eq!(shown(io()), "the disk is gone");
        assert_eq!(shown("a text"), "a text");
        assert_eq!(shown(format!("{} texts", 2)), "2 texts");
        assert_eq!(shown(BoxError::from(io())), "the disk is gone");
        assert_eq!(shown(Foreign(io().into())), "the disk is gone");
        assert_eq!(shown(Outer(io())), "cannot read the guests: the disk is gone");
        let server = shown(mongodb::error::Error::from(io()));
        assert!(server.contains("the disk is gone"), "{server}");
        let version = Error::UnknownVersion { version: 7.into() };
        assert_eq!(shown(version), Error::UnknownVersion { version: 7.into() }.to_string());
        let number = "x".parse::<u8>().map_err(TestError::from).unwrap_err();
        assert!(number.source().is_some_and(|error| error.is::<std::num::ParseIntError>()));
    }

    #[test]
    fn it_becomes_an_error_again() {
        let kit = || TestError::SetUp { act: "read x".to_owned(), problem: "none".to_owned() };
        assert_eq!(kit().into_error().to_string(), "cannot read x: none");
        let io = TestError::from(std::io::Error::other("gone")).into_error();
        assert!(io.source().is_some_and(|error| error.is::<std::io::Error>()));
        let boxed = || -> Result<(), Box<dyn StdError>> { Err(kit().into_error())? };
        assert_eq!(boxed().unwrap_err().to_string(), "cannot read x: none");
        // It stays itself where both sides of `?` have it.
        let through = || -> Result<(), TestError> { Err(kit())? };
        assert!(matches!(through(), Err(TestError::SetUp { .. })));
    }
}
