//! Migrations as an error names them.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::version::Version;

/// A migration, named so that a person finds it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Named {
    /// Its version.
    pub version: Version,
    /// Its name.
    pub name: String,
}

impl fmt::Display for Named {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} `{}`", self.version, self.name)
    }
}

/// An applied migration whose body is no longer what was applied.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Drift {
    /// Its version.
    pub version: Version,
    /// Its name in this build.
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

/// A record whose name is not that of the migration of its version in this build.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Renamed {
    /// The version that both have.
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
