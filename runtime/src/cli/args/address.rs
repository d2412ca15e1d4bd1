//! Addresses as arguments.

use std::fmt;

/// An address that holds secrets: a connection string, or that of a webhook. Never shown, not even by
/// `{:?}`.
#[derive(Clone, PartialEq, Eq)]
pub struct Uri(String);

impl Uri {
    /// The whole address, with its password.
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl From<String> for Uri {
    fn from(uri: String) -> Self {
        Self(uri)
    }
}

impl From<&str> for Uri {
    fn from(uri: &str) -> Self {
        Self(uri.to_owned())
    }
}

impl fmt::Debug for Uri {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Uri(…)")
    }
}
