//! An error of the server or the driver, and what can be done about it.

use std::{error::Error as StdError, fmt};

use super::{
    driver::{self, chain, code, details, find},
    refusal::{Details, without_values},
};

/// The [`ServerError`] in a chain of sources.
pub(crate) fn replied<'a>(error: &'a (dyn StdError + 'static)) -> Option<&'a ServerError> {
    chain(error).find_map(|link| link.downcast_ref::<ServerError>())
}

/// What the server says of the document that an error in a chain of sources is about.
pub(crate) fn details_in(error: &(dyn StdError + 'static)) -> Option<Details> {
    find(error).and_then(details).or_else(|| replied(error)?.details().cloned())
}

/// The server's error code, wherever it is in a chain of sources.
pub(crate) fn code_in(error: &(dyn StdError + 'static)) -> Option<i32> {
    find(error).and_then(code).or_else(|| replied(error)?.code())
}

/// An error of the server or the driver, as text for people. The driver's own error is its source.
#[derive(Clone, Debug)]
pub struct ServerError {
    message: String,
    code: Option<i32>,
    details: Option<Box<Details>>,
    source: Option<mongodb::error::Error>,
}

impl ServerError {
    /// Makes an error of what the reply of a successful command carries (`writeErrors`,
    /// `writeConcernError`).
    pub(crate) fn in_reply(message: &str, code: Option<i32>) -> Self {
        Self { message: without_values(message), code, details: None, source: None }
    }

    /// Makes an error of an element of `writeErrors`, or of a `writeConcernError`.
    pub(crate) fn in_write(error: &mongodb::bson::Document) -> Self {
        let message = error.get_str("errmsg").unwrap_or("a write failed without a message");
        let code = super::reply::number(error, "code").and_then(|code| i32::try_from(code).ok());
        let details = Details::read(error);
        Self { details: Some(Box::new(details)), ..Self::in_reply(message, code) }
    }

    /// What the server says of the document that the error is about.
    pub(crate) fn details(&self) -> Option<&Details> {
        self.details.as_deref()
    }

    /// The server's error code; `None` if the error did not come from the server.
    pub fn code(&self) -> Option<i32> {
        self.code
    }

    /// Whether the error carries this label of the driver, e.g. `TransientTransactionError`.
    pub fn has_label(&self, label: &str) -> bool {
        self.source.as_ref().is_some_and(|error| error.contains_label(label))
    }

    /// The index that already has the key (code 11000), unless it is the index on `_id`: a control
    /// collection has no other, so another index is not Mongrate's.
    pub(crate) fn foreign_index(&self) -> Option<&str> {
        let (_, rest) = self
            .message
            .split_once(" index: ")
            .filter(|_| self.code == Some(super::code::DUPLICATE_KEY))?;
        let name = rest.split_once(" dup key").map_or(rest, |(name, _)| name).trim();
        (name != "_id_").then_some(name)
    }

    /// Whether the same command may succeed if it is sent again.
    pub(crate) fn is_retryable(&self) -> bool {
        match &self.source {
            Some(error) => driver::is_retryable(error),
            // A write concern error has no source: the node steps down or shuts down.
            None => self.code.is_some_and(driver::is_retryable_code),
        }
    }

    /// Why the driver does not support this server.
    pub(crate) fn incompatibility(&self) -> Option<String> {
        match self.source.as_ref().map(|error| &*error.kind) {
            Some(mongodb::error::ErrorKind::ServerSelection { message, .. }) => {
                driver::incompatibility(message)
            }
            _ => None,
        }
    }

    /// The text of the server or the driver.
    pub(crate) fn message(&self) -> &str {
        &self.message
    }

    /// Whether the sign-in failed.
    pub(crate) fn is_authentication(&self) -> bool {
        self.source.as_ref().is_some_and(|error| {
            matches!(*error.kind, mongodb::error::ErrorKind::Authentication { .. })
        })
    }
}

impl From<mongodb::error::Error> for ServerError {
    fn from(source: mongodb::error::Error) -> Self {
        Self {
            message: driver::describe(&source),
            code: driver::code(&source),
            details: driver::details(&source).map(Box::new),
            source: Some(source),
        }
    }
}

impl fmt::Display for ServerError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (&self.source, self.code) {
            (None, Some(code)) => {
                let suffix = self.details().map(|details| details.suffix(&self.message));
                write!(f, "{} (code {code}){}", self.message, suffix.unwrap_or_default())
            }
            _ => f.write_str(&self.message),
        }
    }
}

impl std::error::Error for ServerError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        self.source.as_ref().map(|error| error as _)
    }
}
