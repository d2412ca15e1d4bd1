//! Errors that say which document they are about.

use mongodb::bson::Bson;

use crate::{
    model::result::BoxError,
    mongo::{about::InDocument, server_error},
};

/// An error, and the place where it occurred.
#[derive(Debug, thiserror::Error)]
#[error("{text}")]
pub(super) struct Within {
    pub text: String,
    pub source: BoxError,
}

/// An error that is about this document.
pub(super) fn of(id: &Bson, source: impl Into<BoxError>) -> BoxError {
    Box::new(InDocument { id: id.clone(), more: String::new(), source: source.into() })
}

/// The error of a command, whose statements are about documents; `id` tells which a statement is about.
pub(super) fn of_statement(error: BoxError, id: impl FnOnce(usize) -> Option<Bson>) -> BoxError {
    let at = server_error::details_in(error.as_ref()).and_then(|details| details.index);
    of_one(error, || at.and_then(id))
}

/// The error about the document that `id` tells, if it can tell.
pub(super) fn of_one(error: BoxError, id: impl FnOnce() -> Option<Bson>) -> BoxError {
    match id() {
        Some(id) => of(&id, error),
        None => error,
    }
}
