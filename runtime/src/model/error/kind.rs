//! The kind of an error: the one place that exit codes and HTTP statuses come from.

use serde::{Deserialize, Serialize};

/// What a caller can do about an error: the one place exit codes and HTTP statuses come from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[cfg_attr(feature = "http", derive(utoipa::ToSchema))]
#[non_exhaustive]
pub enum Kind {
    /// A migration failed: look at its error.
    Failed,
    /// Migrations are pending, and none may be.
    Pending,
    /// The request is wrong: correct it.
    Usage,
    /// The error needs a human decision.
    NeedsOperator,
    /// The server is out of reach or refuses.
    Unavailable,
    /// The build is wrong: fix it and deploy again.
    BadBuild,
    /// Another process is migrating: try again.
    Busy,
    /// The user's rights do not suffice.
    Forbidden,
    /// A signal or a token cancelled the call.
    Cancelled,
}

impl Kind {
    /// The exit code of a process that ends with such an error. Codes from 64 to 77 mean what they
    /// mean in `sysexits.h`; 130 is what shells use for an interrupted process.
    pub const fn exit_code(self) -> u8 {
        match self {
            Self::Failed => 1,
            Self::Pending => 3,
            Self::Usage => 64,
            Self::NeedsOperator => 65,
            Self::Unavailable => 69,
            Self::BadBuild => 70,
            Self::Busy => 75,
            Self::Forbidden => 77,
            Self::Cancelled => 130,
        }
    }

    /// The HTTP status of an answer with such an error.
    pub const fn http_status(self) -> u16 {
        match self {
            Self::Usage => 422,
            Self::Pending | Self::NeedsOperator | Self::Busy => 409,
            Self::Unavailable | Self::Cancelled => 503,
            Self::Failed | Self::BadBuild | Self::Forbidden => 500,
        }
    }
}
