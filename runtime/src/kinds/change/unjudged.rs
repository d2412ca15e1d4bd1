//! Rewrites that a validator does not judge, because their own migration changes it.

use crate::{
    model::{result::BoxError, state::Direction},
    mongo::{code, driver, server_error::ServerError},
};

/// With what an operation found: no validator judges what it writes.
pub(super) const UNJUDGED: &str = "unjudged";

/// What to do where a validator refused what an operation made of a document. `unjudged`: it was
/// to write past the validator, and this user may not.
pub(super) fn explain(
    collection: &str,
    direction: Direction,
    unjudged: bool,
    error: BoxError,
) -> BoxError {
    let refused = driver::chain(error.as_ref())
        .find_map(|link| link.downcast_ref::<ServerError>())
        .is_some_and(|error| error.code() == Some(code::DOCUMENT_VALIDATION_FAILURE));
    if !refused {
        return error;
    }
    let way_out = if unjudged {
        "give the user the right `bypassDocumentValidation` on the collection (the role `dbAdmin` \
         has it)"
    } else {
        "fix the document, or change the validator first (in this migration, with \
         `set_validator` or `unset_validator`, it does not stop what the migration rewrites)"
    };
    let verb = direction.as_str();
    let text = format!(
        "the validator of `{collection}` refuses what this makes of a document; the batches \
         before are done, this one left no trace: {way_out}, and run `{verb}` again"
    );
    Box::new(Refused { text, source: error })
}

/// An error of a validator.
#[derive(Debug, thiserror::Error)]
#[error("{text}")]
struct Refused {
    text: String,
    source: BoxError,
}
