//! An error of the server or the driver, and what can be done about it.

use std::{error::Error as StdError, fmt};

use super::{
    driver::{self, chain, code, details, find},
    refusal::{Details, without_values},
};

/// The error that a reply held, in a chain of sources.
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

/// What the server or the driver said, for people; the driver's own error is its source.
#[derive(Clone, Debug)]
pub struct ServerError {
    message: String,
    code: Option<i32>,
    details: Option<Box<Details>>,
    source: Option<mongodb::error::Error>,
}

impl ServerError {
    /// One that the reply of a successful command carries (`writeErrors`, `writeConcernError`).
    pub(crate) fn in_reply(message: &str, code: Option<i32>) -> Self {
        Self { message: without_values(message), code, details: None, source: None }
    }

    /// An element of `writeErrors`, or a `writeConcernError`.
    pub(crate) fn in_write(error: &mongodb::bson::Document) -> Self {
        let message = error.get_str("errmsg").unwrap_or("a write failed without a message");
        let code = super::reply::number(error, "code").and_then(|code| i32::try_from(code).ok());
        let details = Details::read(error);
        Self { details: Some(Box::new(details)), ..Self::in_reply(message, code) }
    }

    /// What the server says of the document that it is about.
    pub(crate) fn details(&self) -> Option<&Details> {
        self.details.as_deref()
    }

    /// The server's error code.
    pub fn code(&self) -> Option<i32> {
        self.code
    }

    /// Whether it carries one of the driver's labels.
    pub fn has_label(&self, label: &str) -> bool {
        self.source.as_ref().is_some_and(|error| error.contains_label(label))
    }

    /// The index whose key is there already (code 11000), if it is not the one on `_id`: only
    /// that one is Mongrate's own doing in a control collection.
    pub(crate) fn foreign_index(&self) -> Option<&str> {
        let (_, rest) = self
            .message
            .split_once(" index: ")
            .filter(|_| self.code == Some(super::code::DUPLICATE_KEY))?;
        let name = rest.split_once(" dup key").map_or(rest, |(name, _)| name).trim();
        (name != "_id_").then_some(name)
    }

    pub(crate) fn is_retryable(&self) -> bool {
        match &self.source {
            Some(error) => driver::is_retryable(error),
            // A write concern error: the node steps down or shuts down.
            None => self.code.is_some_and(driver::is_retryable_code),
        }
    }

    /// Why the driver does not talk to this server at all.
    pub(crate) fn incompatibility(&self) -> Option<String> {
        match self.source.as_ref().map(|error| &*error.kind) {
            Some(mongodb::error::ErrorKind::ServerSelection { message, .. }) => {
                driver::incompatibility(message)
            }
            _ => None,
        }
    }

    /// What the server said.
    pub(crate) fn message(&self) -> &str {
        &self.message
    }

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
