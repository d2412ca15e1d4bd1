//! A migration as a start sees it: as it is registered, and nothing of it copied.

use std::borrow::Cow;

use super::{
    entry::Entry,
    migration::{Functions, Migration},
};
use crate::{
    kinds::change::declared::ChangeFn,
    model::{labels::Labels, version::Version},
};

/// A migration that is linked, or of an explicit list.
#[derive(Clone, Copy)]
pub(crate) enum Seen<'a> {
    Linked(&'a Entry),
    Given(&'a Migration),
}

impl Seen<'_> {
    pub(crate) fn version(self) -> Version {
        match self {
            Self::Linked(entry) => Version::new(entry.packed().version()),
            Self::Given(migration) => migration.version(),
        }
    }

    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Linked(entry) => entry.packed().name(),
            Self::Given(migration) => migration.name(),
        }
    }

    pub(crate) fn group(self) -> &'static str {
        match self {
            Self::Linked(entry) => entry.packed().group(),
            Self::Given(migration) => migration.group(),
        }
    }

    /// The bytes of its name: what a fingerprint is made of.
    pub(super) fn name_bytes(self) -> &'static [u8] {
        match self {
            Self::Linked(entry) => entry.packed().name_bytes(),
            Self::Given(migration) => migration.name().as_bytes(),
        }
    }

    pub(super) fn is_of_group(self, group: &str) -> bool {
        match self {
            Self::Linked(entry) => entry.packed().group_bytes() == group.as_bytes(),
            Self::Given(migration) => migration.group() == group,
        }
    }

    pub(crate) fn crate_name(self) -> &'static str {
        match self {
            Self::Linked(entry) => entry.packed().crate_name(),
            Self::Given(migration) => migration.crate_name(),
        }
    }

    pub(crate) fn checksum(self) -> Cow<'static, str> {
        match self {
            Self::Linked(entry) => entry.packed().checksum().into(),
            Self::Given(migration) => migration.checksum(),
        }
    }

    /// The hash of the migration, which the digest sums.
    pub(crate) fn term(self) -> [u8; 32] {
        match self {
            Self::Linked(entry) => entry.packed().term(),
            Self::Given(migration) => {
                mongrate_seal::term(migration.version().get(), &migration.checksum())
            }
        }
    }

    pub(crate) fn is_reversible(self) -> bool {
        match self {
            Self::Linked(entry) => entry.packed().is_reversible(),
            Self::Given(migration) => migration.is_reversible(),
        }
    }

    pub(crate) fn is_out_of_order(self) -> bool {
        match self {
            Self::Linked(entry) => entry.packed().is_out_of_order(),
            Self::Given(migration) => migration.is_out_of_order(),
        }
    }

    pub(crate) fn is_repeatable(self) -> bool {
        match self {
            Self::Linked(entry) => entry.packed().is_repeatable(),
            Self::Given(migration) => migration.is_repeatable(),
        }
    }

    /// Whether it is a squash.
    pub(crate) fn has_replaces(self) -> bool {
        match self {
            Self::Linked(entry) => entry.packed().has_replaces(),
            Self::Given(migration) => !migration.descriptor.replaces.is_empty(),
        }
    }

    /// Whether migrations of other groups come first.
    pub(crate) fn has_after(self) -> bool {
        match self {
            Self::Linked(entry) => entry.packed().has_after(),
            Self::Given(migration) => !migration.after().is_empty(),
        }
    }

    /// Whether it applies where these labels are selected.
    pub(crate) fn applies(self, selected: &Labels) -> bool {
        match self {
            Self::Linked(entry) if !entry.packed().has_labels() => true,
            Self::Linked(entry) => selected.select(entry.packed().labels().iter()),
            Self::Given(migration) => migration.applies(selected),
        }
    }

    /// The function of a declared migration; `None` for the other kinds.
    pub(crate) fn declaration(self) -> Option<ChangeFn> {
        match self {
            Self::Linked(entry) if !entry.packed().is_change() => None,
            Self::Linked(_) | Self::Given(_) => self.migration().declaration(),
        }
    }

    /// The types of its functions; `None` if it was made by hand, or if it is a declared one.
    pub(crate) fn functions(self) -> Option<Functions> {
        match self {
            Self::Linked(entry) => entry.code().functions,
            Self::Given(migration) => migration.code.and_then(|code| code().functions),
        }
    }

    /// The whole migration.
    pub(crate) fn migration(self) -> Migration {
        match self {
            Self::Linked(entry) => entry.migration(),
            Self::Given(migration) => *migration,
        }
    }
}
