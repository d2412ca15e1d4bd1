//! Lints as data: their names, their texts and their limits.

use std::{fmt, str::FromStr};

use serde::{Deserialize, Serialize};

use super::version::Version;

/// The name of a lint, as `allow = "…"` of the attribute, `--allow` and JSON write it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
#[cfg_attr(feature = "http", derive(utoipa::ToSchema))]
pub enum LintName {
    /// Writes more documents in one transaction than its time or its size allows.
    LargeTransaction,
    /// Builds a unique index over keys that occur more than once: the build fails.
    UniqueIndexOverDuplicates,
    /// Builds an index on a collection with many documents.
    IndexOnLargeCollection,
    /// Removes, renames or converts a field that an index or the validator names.
    FieldInUse,
    /// Sets a validator that documents in the collection do not match.
    ValidatorFails,
    /// Renames what a running, older version of the app still uses under the old name.
    RenameBreaksRunningApp,
    /// Works on a collection that does not exist.
    MissingCollection,
    /// Renames or drops a collection that a view reads: the view is empty from then on.
    BrokenView,
    /// Gives the server an option, or a kind of index, that this version of Mongrate does not know.
    UnknownOption,
    /// Uses types, functions, constants or macros of the app that no checksum sees. Only `cargo mongrate
    /// check` and `seal`, which read the sources, find it; a plan never has it.
    UsesAppType,
}

impl LintName {
    /// All lints.
    pub const ALL: &'static [Self] = &[
        Self::LargeTransaction,
        Self::UniqueIndexOverDuplicates,
        Self::IndexOnLargeCollection,
        Self::FieldInUse,
        Self::ValidatorFails,
        Self::RenameBreaksRunningApp,
        Self::MissingCollection,
        Self::BrokenView,
        Self::UnknownOption,
        Self::UsesAppType,
    ];

    /// The name as it is written, e.g. `large_transaction`.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::LargeTransaction => "large_transaction",
            Self::UniqueIndexOverDuplicates => "unique_index_over_duplicates",
            Self::IndexOnLargeCollection => "index_on_large_collection",
            Self::FieldInUse => "field_in_use",
            Self::ValidatorFails => "validator_fails",
            Self::RenameBreaksRunningApp => "rename_breaks_running_app",
            Self::MissingCollection => "missing_collection",
            Self::BrokenView => "broken_view",
            Self::UnknownOption => "unknown_option",
            Self::UsesAppType => "uses_app_type",
        }
    }
}

impl fmt::Display for LintName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

impl FromStr for LintName {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        Self::ALL.iter().copied().find(|name| name.as_str() == text).ok_or_else(|| {
            let all: Vec<&str> = Self::ALL.iter().map(|name| name.as_str()).collect();
            format!("no lint has this name; the lints are {}", all.join(", "))
        })
    }
}

/// A warning that a migration could be done better, with the better code.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Lint {
    /// The name of the lint.
    pub name: LintName,
    /// The version of the migration.
    pub version: Version,
    /// The name of the migration.
    pub migration: String,
    /// What the migration would cause.
    pub message: String,
    /// The code of the migration now.
    pub bad: String,
    /// The better code.
    pub good: String,
    /// Facts from the database: counts, names of indexes, the `_id`s of a few documents.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub details: Vec<String>,
    /// Whether the lint rests on the size of a collection, and not on what a dry run saw the
    /// migration do.
    #[serde(default)]
    pub estimated: bool,
}

impl Lint {
    pub(crate) fn is_guess(&self) -> bool {
        self.estimated
    }
}

impl fmt::Display for Lint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} `{}`: {} ({})", self.version, self.migration, self.message, self.name)
    }
}

/// The limits above which a lint warns.
///
/// ```
/// let strict = mongrate::LintLimits::default().transaction_documents_max(1_000);
/// assert_eq!(strict.transaction_documents_max, 1_000);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct LintLimits {
    /// The most documents that a transaction should write. Default 10,000: well within 60 s on
    /// a busy server, and small enough for the secondaries to apply at once.
    pub transaction_documents_max: u64,
    /// The longest that a transaction should take, in milliseconds. Default 20,000: a third of
    /// what the server allows.
    pub transaction_ms_max: u64,
    /// The most documents of a collection on which an index may be built without a warning.
    /// Default 1,000,000.
    pub index_documents_max: u64,
    /// Whether duplicate keys are shown with their values, and not only counted. Default
    /// `false`.
    pub show_values: bool,
}

impl LintLimits {
    /// The defaults.
    pub const fn new() -> Self {
        Self {
            transaction_documents_max: 10_000,
            transaction_ms_max: 20_000,
            index_documents_max: 1_000_000,
            show_values: false,
        }
    }

    /// The most documents that a transaction should write.
    #[must_use]
    pub const fn transaction_documents_max(mut self, documents: u64) -> Self {
        self.transaction_documents_max = documents;
        self
    }

    /// The longest that a transaction should take, in milliseconds.
    #[must_use]
    pub const fn transaction_ms_max(mut self, ms: u64) -> Self {
        self.transaction_ms_max = ms;
        self
    }

    /// The most documents of a collection on which an index may be built without a warning.
    #[must_use]
    pub const fn index_documents_max(mut self, documents: u64) -> Self {
        self.index_documents_max = documents;
        self
    }

    /// Whether duplicate keys are shown with their values.
    #[must_use]
    pub const fn show_values(mut self, show: bool) -> Self {
        self.show_values = show;
        self
    }
}

impl Default for LintLimits {
    fn default() -> Self {
        Self::new()
    }
}
