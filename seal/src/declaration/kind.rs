//! The three kinds of migrations.

/// What a migration may touch, named by the type of its parameter.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Changes data, in one transaction with its record.
    Transaction,
    /// Changes anything, in idempotent steps.
    Online,
    /// Describes operations, and touches no database.
    Change,
}

impl Kind {
    /// All kinds.
    pub const ALL: [Self; 3] = [Self::Transaction, Self::Online, Self::Change];

    /// Returns the name of the parameter's type.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Transaction => "Transaction",
            Self::Online => "Online",
            Self::Change => "Change",
        }
    }

    /// Returns the parameter's type, as it is written.
    pub const fn parameter(self) -> &'static str {
        match self {
            Self::Transaction => "&mut Transaction<'_>",
            Self::Online => "&mut Online<'_>",
            Self::Change => "&mut Change",
        }
    }
}
