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
    /// Migrations are pending where none may be.
    Pending,
    /// The request was wrong.
    Usage,
    /// A person has to decide.
    NeedsOperator,
    /// The server is out of reach or refuses.
    Unavailable,
    /// The build is wrong.
    BadBuild,
    /// Somebody else is at it: try again.
    Busy,
    /// The user's rights do not suffice.
    Forbidden,
    /// Cancelled by a signal or a token.
    Cancelled,
}

impl Kind {
    /// The exit code of a process that ends because of this. Those from 64 on are the
    /// meanings of `sysexits.h`; 130 is what shells use for an interrupted process.
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

    /// The HTTP status of an answer that says this.
    pub const fn http_status(self) -> u16 {
        match self {
            Self::Usage => 422,
            Self::Pending | Self::NeedsOperator | Self::Busy => 409,
            Self::Unavailable | Self::Cancelled => 503,
            Self::Failed | Self::BadBuild | Self::Forbidden => 500,
        }
    }
}
