//! Rewrites that a validator does not check, because their own migration changes the validator.

use crate::{
    model::{result::BoxError, state::Direction},
    mongo::{code, driver, server_error::ServerError},
};

/// The key that marks an operation whose writes no validator checks.
pub(super) const UNJUDGED: &str = "unjudged";

/// Adds the way out to an error of a validator that refused a document of an operation. `unjudged`:
/// the operation was to write past the validator, but this user lacks the privilege.
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
        "give the user the privilege `bypassDocumentValidation` on the collection (the role \
         `dbAdmin` has it)"
    } else {
        "fix the document, or change the validator first (in this migration, with \
         `set_validator` or `unset_validator`, it does not stop what the migration rewrites)"
    };
    let verb = direction.as_str();
    let text = format!(
        "the validator of `{collection}` refuses a document as this operation writes it; the \
         batches before are done, this batch left no trace: {way_out}, and run `{verb}` again"
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
