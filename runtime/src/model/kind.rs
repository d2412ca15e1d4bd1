//! The kinds of migrations.

use serde::{Deserialize, Serialize};

/// The group of migrations that name none.
pub(crate) const DEFAULT_GROUP: &str = "default";

/// What a migration may do, and how it becomes atomic.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
#[cfg_attr(feature = "http", derive(utoipa::ToSchema))]
#[non_exhaustive]
pub enum MigrationKind {
    /// Its writes and its history record commit together, or not at all.
    Transaction,
    /// Idempotent steps, resumed after a crash; not atomic as a whole.
    Online,
    /// Declared operations with a known inverse; each is resumed after a crash.
    Change,
}

impl MigrationKind {
    /// `transaction`, `online` or `change`, as it is stored and printed.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Transaction => "transaction",
            Self::Online => "online",
            Self::Change => "change",
        }
    }
}
