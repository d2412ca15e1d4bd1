//! The migrations of one crate that have been expanded so far, found by what must be unique.

use std::collections::BTreeMap;
use std::env;
use std::path::PathBuf;

use super::declaration::Declaration;

/// What tells one crate from another.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Origin {
    pub(crate) package: String,
    pub(crate) krate: String,
    /// Where the package's manifest lies.
    pub(crate) directory: PathBuf,
}

impl Origin {
    pub(crate) fn of_this_crate() -> Self {
        Self {
            package: env::var("CARGO_PKG_NAME").unwrap_or_default(),
            krate: env::var("CARGO_CRATE_NAME").unwrap_or_default(),
            directory: env::var_os("CARGO_MANIFEST_DIR").unwrap_or_default().into(),
        }
    }
}

/// By group: groups know nothing of each other.
#[derive(Debug, Default)]
pub(super) struct Known(BTreeMap<String, Group>);

#[derive(Debug, Default)]
struct Group {
    versions: BTreeMap<i64, Declaration>,
    names: BTreeMap<String, i64>,
    /// By file, then by place.
    places: BTreeMap<String, BTreeMap<(usize, usize), i64>>,
}

impl Known {
    /// Enters a migration, unless another has its version: then it must not take part any further.
    pub(super) fn enter(&mut self, new: Declaration) {
        let Group { versions, names, places } = self.0.entry(new.group.clone()).or_default();
        if versions.contains_key(&new.version) {
            return;
        }
        names.entry(new.name.clone()).or_insert(new.version);
        let file = places.entry(new.place.file.clone()).or_default();
        file.insert(new.place.point(), new.version);
        versions.insert(new.version, new);
    }

    fn group(&self, new: &Declaration) -> Option<&Group> {
        self.0.get(&new.group)
    }

    pub(super) fn with_version_of(&self, new: &Declaration) -> Option<&Declaration> {
        self.group(new)?.versions.get(&new.version)
    }

    pub(super) fn with_name_of(&self, new: &Declaration) -> Option<&Declaration> {
        let group = self.group(new)?;
        group.versions.get(group.names.get(&new.name)?)
    }

    /// The nearest above in the same file.
    pub(super) fn above(&self, new: &Declaration) -> Option<&Declaration> {
        let group = self.group(new)?;
        let file = group.places.get(&new.place.file)?;
        let (_, version) = file.range(..new.place.point()).next_back()?;
        group.versions.get(version)
    }

    /// The nearest below in the same file.
    pub(super) fn below(&self, new: &Declaration) -> Option<&Declaration> {
        let group = self.group(new)?;
        let file = group.places.get(&new.place.file)?;
        let (_, version) = file.range(new.place.point()..).next()?;
        group.versions.get(version)
    }

    pub(super) fn newest(&self, new: &Declaration) -> Option<i64> {
        self.group(new)?.versions.last_key_value().map(|(version, _)| *version)
    }
}
