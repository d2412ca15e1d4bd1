//! From what the server said to the error that fits what can be done about it.

use super::Error;
use crate::mongo::{code, server_error::ServerError};

impl Error {
    /// Wraps a server's error in the variant that fits what can be done about it.
    pub(crate) fn server(action: &'static str, source: impl Into<ServerError>) -> Self {
        let source = Box::new(source.into());
        match source.code() {
            Some(code::UNAUTHORIZED | code::AUTHENTICATION_FAILED) => {
                Self::Unauthorized { action, source }
            }
            // A standalone server refuses a transaction with these words.
            Some(code::ILLEGAL_OPERATION) if source.message().contains("Transaction numbers") => {
                Self::Standalone
            }
            _ if source.is_authentication() => Self::Unauthorized { action, source },
            _ => match source.incompatibility() {
                Some(reason) => Self::UnsupportedServer { reason },
                None => Self::Server { action, source },
            },
        }
    }
}
