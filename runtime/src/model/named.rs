//! Migrations as errors and reports name them.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::version::Version;

/// A migration by version and name.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Named {
    /// The version of the migration.
    pub version: Version,
    /// The name of the migration.
    pub name: String,
}

impl fmt::Display for Named {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} `{}`", self.version, self.name)
    }
}

/// A migration that stands in an order with a migration of another group.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct ComesAfter {
    /// The group of the migration that comes later.
    pub group: String,
    /// The migration that comes later.
    pub migration: Named,
    /// The group of the migration that comes first.
    pub other_group: String,
    /// The version of the migration that comes first.
    pub other_version: Version,
}

impl fmt::Display for ComesAfter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { group, migration, other_group, other_version } = self;
        write!(
            f,
            "{migration} of group `{group}` comes after {other_version} of group `{other_group}`"
        )
    }
}

/// An applied migration whose body was edited since.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Drift {
    /// The version of the migration.
    pub version: Version,
    /// The name of the migration in this build.
    pub name: String,
    /// The checksum that was applied.
    pub applied: String,
    /// The checksum in this build.
    pub linked: String,
}

impl fmt::Display for Drift {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { version, name, applied, linked } = self;
        write!(f, "{version} `{name}` was applied as {applied}, this build has {linked}")
    }
}

/// A migration that was applied after one that is to be rolled back alone, and that may depend on it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Dependent {
    /// The version of the migration.
    pub version: Version,
    /// The name of the migration.
    pub name: String,
    /// What both touch, or why that cannot be known.
    pub reason: String,
    /// Whether the reason is that it cannot be known: then the user may say that the migration is
    /// independent.
    pub unknown: bool,
}

impl fmt::Display for Dependent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { version, name, reason, unknown } = self;
        let what = if *unknown { "cannot be known: " } else { "" };
        write!(f, "{version} `{name}` {what}{reason}")
    }
}

/// A record whose name differs from that of this build's migration of the same version.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Renamed {
    /// The version of both.
    pub version: Version,
    /// The name in the record.
    pub recorded: String,
    /// The name of this build's migration.
    pub linked: String,
}

impl fmt::Display for Renamed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { version, recorded, linked } = self;
        write!(f, "{version} `{linked}` is recorded as `{recorded}`")
    }
}
