//! What identifies a migration where its functions do not matter.

use std::borrow::Cow;

use super::{kind::MigrationKind, version::Version};

/// A migration, as the control collection and an online body know it: without its functions.
#[derive(Clone, Debug)]
pub(crate) struct Identity {
    pub version: Version,
    pub name: Cow<'static, str>,
    pub group: &'static str,
    pub kind: MigrationKind,
    pub checksum: Cow<'static, str>,
}
