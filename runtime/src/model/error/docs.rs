//! Where the book explains an error: a heading for each code, on one page.

use super::Error;

#[cfg(test)]
mod page;
#[cfg(test)]
pub(crate) mod samples;

/// The place of a code in the book, relative to its front page.
pub(crate) fn anchor(code: &str) -> String {
    format!("errors.html#{code}")
}

impl Error {
    /// Where the book explains the error, relative to the book's front page, e.g. `errors.html#lock_held`.
    /// The command line prints it after the error, and an answer over HTTP has it as `docs`.
    pub fn docs(&self) -> String {
        anchor(self.code())
    }
}
