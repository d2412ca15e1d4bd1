//! The migrations of one crate that have been expanded so far, found by what must be unique.

use std::collections::BTreeMap;
use std::env;
use std::ops::Bound::{Excluded, Unbounded};
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
pub(super) struct Known {
    groups: BTreeMap<String, Group>,
    /// By file and path, the first migration of any group that is rolled back by it.
    rollbacks: BTreeMap<(String, Vec<String>), Declaration>,
    /// By file and name, the first migration of any group.
    functions: BTreeMap<(String, String), Declaration>,
}

/// The oldest and the newest version that is written at each line and column.
type Places = BTreeMap<(usize, usize), (i64, i64)>;

#[derive(Debug, Default)]
struct Group {
    versions: BTreeMap<i64, Declaration>,
    names: BTreeMap<String, i64>,
    /// By file, then by place. What a macro writes may have one place for several: the oldest and
    /// the newest of them.
    places: BTreeMap<String, Places>,
}

impl Known {
    /// Enters a migration, unless another has its version: then it must not take part any further.
    pub(super) fn enter(&mut self, new: Declaration) {
        if let Some(path) = &new.rollback {
            let key = (new.place.file.clone(), path.clone());
            self.rollbacks.entry(key).or_insert_with(|| new.clone());
        }
        let key = (new.place.file.clone(), new.function.clone());
        self.functions.entry(key).or_insert_with(|| new.clone());
        let Group { versions, names, places } = self.groups.entry(new.group.clone()).or_default();
        if versions.contains_key(&new.version) {
            return;
        }
        names.entry(new.name.clone()).or_insert(new.version);
        let file = places.entry(new.place.file.clone()).or_default();
        let (oldest, newest) = file.entry(new.place.point()).or_insert((new.version, new.version));
        (*oldest, *newest) = ((*oldest).min(new.version), (*newest).max(new.version));
        versions.insert(new.version, new);
    }

    fn group(&self, new: &Declaration) -> Option<&Group> {
        self.groups.get(&new.group)
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
        let (_, (oldest, _)) = file.range(..new.place.point()).next_back()?;
        group.versions.get(oldest)
    }

    /// The nearest below in the same file.
    pub(super) fn below(&self, new: &Declaration) -> Option<&Declaration> {
        let group = self.group(new)?;
        let file = group.places.get(&new.place.file)?;
        let below = (Excluded(new.place.point()), Unbounded);
        let (_, (_, newest)) = file.range(below).next()?;
        group.versions.get(newest)
    }

    /// Another migration of the file that is rolled back by the same path.
    pub(super) fn with_rollback_of(&self, new: &Declaration) -> Option<&Declaration> {
        let path = new.rollback.as_ref()?;
        self.rollbacks.get(&(new.place.file.clone(), path.clone()))
    }

    /// A migration of the file that is called as the path of this one's rollback.
    pub(super) fn named_as_rollback_of(&self, new: &Declaration) -> Option<&Declaration> {
        let [name] = new.rollback.as_deref()? else { return None };
        self.functions.get(&(new.place.file.clone(), name.clone()))
    }

    /// A migration of the file whose rollback is called as this one.
    pub(super) fn rolled_back_by(&self, new: &Declaration) -> Option<&Declaration> {
        self.rollbacks.get(&(new.place.file.clone(), vec![new.function.clone()]))
    }

    pub(super) fn newest(&self, new: &Declaration) -> Option<i64> {
        self.group(new)?.versions.last_key_value().map(|(version, _)| *version)
    }
}
