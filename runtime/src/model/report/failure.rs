//! Why a migration failed, as its record says.

use std::{error::Error as StdError, fmt};

use serde::{Deserialize, Serialize};

use crate::mongo::{
    about, driver,
    refusal::without_values,
    server_error::{self, ServerError},
};

/// Why a migration failed. Values of documents that the server quotes (e.g. a duplicate key) are
/// left out: a failure is stored, and may be shown to others.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Failure {
    /// The text of the error and its sources.
    pub message: String,
    /// The server's error code, if it came from the server.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub code: Option<i32>,
    /// The name of the code.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub code_name: Option<String>,
    /// The `_id`s of the documents that it is about, as far as they are known: at most 20.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub documents: Vec<String>,
}

impl Failure {
    /// The longest message that is kept, in bytes. Longer messages end in `…`.
    pub const MESSAGE_BYTES_MAX: usize = 2_000;

    pub(crate) fn of(error: &(dyn StdError + 'static)) -> Self {
        let inner = driver::find(error);
        // The whole chain, outermost first, with the driver's long texts replaced.
        let mut texts: Vec<String> = Vec::new();
        for link in driver::chain(error) {
            let text = match link.downcast_ref::<mongodb::error::Error>() {
                Some(driver_error) => driver::describe(driver_error),
                None => plain(&link.to_string()),
            };
            if !texts.iter().any(|earlier| earlier.contains(&text)) {
                texts.push(text);
            }
            if link.is::<mongodb::error::Error>() {
                break;
            }
        }
        let mut message = without_values(&texts.join(": "));
        if message.len() > Self::MESSAGE_BYTES_MAX {
            let end = (0..=Self::MESSAGE_BYTES_MAX)
                .rev()
                .find(|at| message.is_char_boundary(*at))
                .unwrap_or(0);
            message.truncate(end);
            message.push('…');
        }
        let replied = server_error::replied(error);
        Self {
            message,
            code: inner.and_then(driver::code).or_else(|| replied.and_then(ServerError::code)),
            code_name: inner.and_then(driver::code_name),
            documents: about::documents(error),
        }
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.message.fmt(f)
    }
}

/// Cuts off the raw reply, which the driver appends to its text, where a wrapper repeats that text.
fn plain(text: &str) -> String {
    match text.find(", labels: {") {
        Some(at) => text.get(..at).unwrap_or(text).to_owned(),
        None => text.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_duplicate_key_keeps_no_value() {
        let text = "E11000 duplicate key error collection: a.users index: email_1 dup key: { email: \"an}na@x\" } (code 11000)";
        let cut = without_values(text);
        assert!(!cut.contains("an}na"), "{cut}");
        assert!(cut.ends_with("dup key: {…} (code 11000)"), "{cut}");
    }
}
