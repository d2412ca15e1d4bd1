//! The migrations of one crate that the compiler has expanded so far, indexed by everything that
//! must be unique.

use std::{
    collections::BTreeMap,
    ops::Bound::{Excluded, Unbounded},
};

use super::declaration::Declaration;

/// The migrations of one crate, by group: each group has a history of its own.
#[derive(Debug, Default)]
pub(super) struct Known {
    groups: BTreeMap<String, Group>,
    /// The first migration of any group that a rollback undoes, by the rollback's file and path.
    rollbacks: BTreeMap<(String, Vec<String>), Declaration>,
    /// The first migration of any group, by file and function name.
    functions: BTreeMap<(String, String), Declaration>,
}

/// The oldest and the newest version at each line and column.
type Places = BTreeMap<(usize, usize), (i64, i64)>;

#[derive(Debug, Default)]
struct Group {
    versions: BTreeMap<i64, Declaration>,
    names: BTreeMap<String, i64>,
    /// The versions by file and place. A macro may write several migrations at one place; then the
    /// oldest and the newest of them are kept.
    places: BTreeMap<String, Places>,
}

impl Known {
    /// Enters a migration. If its version is taken, the other migration keeps the version, the name
    /// and the place.
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
        if new.is_repeatable() {
            versions.insert(new.version, new);
            return;
        }
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

    /// Returns the nearest migration above in the same file.
    pub(super) fn above(&self, new: &Declaration) -> Option<&Declaration> {
        let group = self.group(new)?;
        let file = group.places.get(&new.place.file)?;
        let (_, (oldest, _)) = file.range(..new.place.point()).next_back()?;
        group.versions.get(oldest)
    }

    /// Returns the nearest migration below in the same file.
    pub(super) fn below(&self, new: &Declaration) -> Option<&Declaration> {
        let group = self.group(new)?;
        let file = group.places.get(&new.place.file)?;
        let below = (Excluded(new.place.point()), Unbounded);
        let (_, (_, newest)) = file.range(below).next()?;
        group.versions.get(newest)
    }

    /// Returns another migration of the file that is rolled back by the same path.
    pub(super) fn with_rollback_of(&self, new: &Declaration) -> Option<&Declaration> {
        let path = new.rollback.as_ref()?;
        self.rollbacks.get(&(new.place.file.clone(), path.clone()))
    }

    /// Returns the migration of the file whose function `new` names as its rollback.
    pub(super) fn named_as_rollback_of(&self, new: &Declaration) -> Option<&Declaration> {
        let [name] = new.rollback.as_deref()? else { return None };
        self.functions.get(&(new.place.file.clone(), name.clone()))
    }

    /// Returns the migration of the file that names the function of `new` as its rollback.
    pub(super) fn rolled_back_by(&self, new: &Declaration) -> Option<&Declaration> {
        self.rollbacks.get(&(new.place.file.clone(), vec![new.function.clone()]))
    }

    pub(super) fn newest(&self, new: &Declaration) -> Option<i64> {
        self.group(new)?.versions.last_key_value().map(|(version, _)| *version)
    }
}
