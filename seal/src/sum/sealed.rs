//! A sealed migration.

use std::fmt::Write as _;

use super::{rollback::ROLLBACK, uses::USES};
use crate::group::of_group;

/// A sealed migration.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sealed {
    /// The group.
    pub group: String,
    /// The version.
    pub version: i64,
    /// The name.
    pub name: String,
    /// The checksum of the body, with the name of the algorithm that made it.
    pub checksum: String,
    /// How the migration is rolled back, if its line has the field: a checksum,
    /// [`derived`](super::derived) or [`elsewhere`](super::elsewhere).
    pub rollback: Option<String>,
    /// The items that the migration uses, if its line has the field: see [`uses`](super::uses).
    pub uses: Option<String>,
}

impl Sealed {
    /// Returns the text that the chain protects.
    pub(super) fn text(&self) -> String {
        let Self { group, version, name, checksum, rollback, uses } = self;
        let mut text = format!("{group} {version} {name} {checksum}");
        if let Some(rollback) = rollback {
            let _ = write!(text, " {ROLLBACK}{rollback}");
        }
        if let Some(uses) = uses {
            let _ = write!(text, " {USES}{uses}");
        }
        text
    }

    /// Returns version and name, `` 2 `add_users` ``, and the group unless it is the default group.
    pub fn shown(&self) -> String {
        format!("{} `{}`{}", self.version, self.name, of_group(&self.group))
    }
}
