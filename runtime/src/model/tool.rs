//! Other migration tools whose history can be imported.

use std::{fmt, str::FromStr};

use serde::{Deserialize, Serialize};

/// Another migration tool for MongoDB.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum Tool {
    /// migrate-mongo, for Node.js.
    MigrateMongo,
    /// Mongock, for Java.
    Mongock,
    /// golang-migrate, with its driver for MongoDB.
    GolangMigrate,
    /// mongodb-migrator, for Rust.
    MongodbMigrator,
}

impl Tool {
    /// All tools.
    pub const ALL: [Self; 4] =
        [Self::MigrateMongo, Self::Mongock, Self::GolangMigrate, Self::MongodbMigrator];

    /// The name as it is typed and printed: `migrate-mongo`, `mongock`, `golang-migrate`,
    /// `mongodb-migrator`.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::MigrateMongo => "migrate-mongo",
            Self::Mongock => "mongock",
            Self::GolangMigrate => "golang-migrate",
            Self::MongodbMigrator => "mongodb-migrator",
        }
    }

    /// The collection in which the tool keeps its history by default.
    pub const fn collection(self) -> &'static str {
        match self {
            Self::MigrateMongo => "changelog",
            Self::Mongock => "mongockChangeLog",
            Self::GolangMigrate => "schema_migrations",
            Self::MongodbMigrator => "migrations",
        }
    }
}

impl fmt::Display for Tool {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

impl FromStr for Tool {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        Self::ALL.into_iter().find(|tool| tool.as_str() == text).ok_or_else(|| {
            let all = Self::ALL.map(Self::as_str).join(", ");
            format!("`{}` is none of {all}", text.escape_debug())
        })
    }
}
