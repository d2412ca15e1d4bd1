//! The version of a migration: a positive integer that orders the history.

use std::{fmt, num::ParseIntError, str::FromStr};

use serde::{Deserialize, Serialize};

/// The version of a migration.
///
/// Any positive 64-bit integer; a date and a running number (`20250122001`) is the
/// convention. Versions order the history: a lower one is applied first.
///
/// A repeatable migration has no version. A negative number, which its name makes, stands for it
/// in reports and records, and is printed as `repeatable`.
///
/// Zero is not a version of any migration. It is accepted as a *target*:
/// `down().to(0)` rolls everything back.
///
/// ```
/// use mongrate::Version;
///
/// let version: Version = "20250122001".parse()?;
/// assert_eq!(version, Version::from(20_250_122_001));
/// assert_eq!(version.to_string(), "20250122001");
/// # Ok::<(), std::num::ParseIntError>(())
/// ```
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Version(i64);

impl Version {
    /// Makes a version of a number. Whether the number is positive is checked where the migration
    /// is registered, so that the error can name the migration's place.
    pub const fn new(number: i64) -> Self {
        Self(number)
    }

    /// The number, as it is stored in `_id`.
    pub const fn get(self) -> i64 {
        self.0
    }

    /// Whether it stands for a repeatable migration, which has no version.
    pub const fn is_repeatable(self) -> bool {
        self.0 < 0
    }
}

impl From<i64> for Version {
    fn from(number: i64) -> Self {
        Self(number)
    }
}

impl From<Version> for i64 {
    fn from(version: Version) -> Self {
        version.0
    }
}

impl FromStr for Version {
    type Err = ParseIntError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        text.trim().replace('_', "").parse().map(Self)
    }
}

impl fmt::Display for Version {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.is_repeatable() { f.pad("repeatable") } else { self.0.fmt(f) }
    }
}

impl fmt::Debug for Version {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}
