//! The migrations of the other side, as far as git knows them.

use std::{
    collections::{BTreeMap, BTreeSet},
    path::PathBuf,
};

use mongrate_seal::{
    sources::{Sources, Written},
    sum::{self, Sealed, Sum},
};

use super::git::Git;
use crate::{package::Package, places::shown};

/// Group, version and name, which identify a migration across branches.
type Key = (String, i64, String);

/// The migrations that keep their numbers.
#[derive(Debug, Default)]
pub(crate) struct TheirMigrations {
    /// `None` if they are unknown: then every migration that is not sealed is yours.
    keys: Option<BTreeSet<Key>>,
    /// The lines of the sum file of each commit.
    pub(crate) sealed: Vec<Sealed>,
}

impl TheirMigrations {
    /// Reads the migrations of these commits. `declared` are the migrations of the working tree.
    ///
    /// # Errors
    ///
    /// If the sum file of a commit is broken.
    pub(crate) fn read(
        git: Option<&Git>,
        commits: &[String],
        package: &Package,
        declared: &[Written],
    ) -> Result<Self, String> {
        let Some(git) = git.filter(|_| !commits.is_empty()) else { return Ok(Self::default()) };
        let mut by_file: BTreeMap<PathBuf, Vec<Key>> = BTreeMap::new();
        for migration in declared {
            by_file.entry(migration.file.clone()).or_default().push(key(migration));
        }
        let (mut keys, mut sealed) = (BTreeSet::new(), Vec::new());
        for commit in commits {
            let files = git.files(commit, &package.directory);
            let changed = git.changed(commit, &package.directory);
            for file in files.iter().filter(|file| file.extension().is_some_and(|e| e == "rs")) {
                if !changed.contains(file) {
                    keys.extend(by_file.get(file).into_iter().flatten().cloned());
                    continue;
                }
                // A file that does not parse was broken in that commit, too, and declares nothing.
                let text = git.text(commit, file).filter(|text| text.contains("migration"));
                let sources = text.and_then(|text| Sources::of_text(&text, file).ok());
                keys.extend(sources.iter().flat_map(|sources| sources.migrations.iter().map(key)));
            }
            let path = package.directory.join(sum::FILE);
            if let Some(text) = git.text(commit, &path) {
                let sum = Sum::parse(&text).map_err(|fault| {
                    format!(
                        "{} of {} is broken: {fault}",
                        shown(&path.with_file_name("")).trim_end_matches('/'),
                        git.readable_name(commit)
                    )
                })?;
                sealed.extend(sum.sealed().iter().cloned());
            }
        }
        keys.extend(sealed.iter().map(sealed_key));
        Ok(Self { keys: Some(keys), sealed })
    }

    /// Adds the migrations that the other side of a conflict has sealed.
    pub(crate) fn add(&mut self, sealed: &[Sealed]) {
        let keys = self.keys.get_or_insert_default();
        keys.extend(sealed.iter().map(sealed_key));
    }

    pub(crate) fn is_known(&self) -> bool {
        self.keys.is_some()
    }

    pub(crate) fn has(&self, migration: &Written) -> bool {
        self.keys.as_ref().is_some_and(|keys| keys.contains(&key(migration)))
    }

    pub(crate) fn has_sealed(&self, sealed: &Sealed) -> bool {
        self.keys.as_ref().is_some_and(|keys| keys.contains(&sealed_key(sealed)))
    }

    /// The versions of a group.
    pub(crate) fn versions(&self, group: &str) -> BTreeSet<i64> {
        let keys = self.keys.iter().flatten();
        keys.filter(|(key_group, ..)| key_group == group).map(|(_, version, _)| *version).collect()
    }

    /// The version of another migration with this name on the other side.
    pub(crate) fn other_version(&self, migration: &Written) -> Option<i64> {
        let mut keys = self.keys.iter().flatten();
        let found = keys.find(|(group, version, name)| {
            *group == migration.group && *name == migration.name && *version != migration.version
        });
        found.map(|(_, version, _)| *version)
    }
}

fn key(migration: &Written) -> Key {
    (migration.group.clone(), migration.version, migration.name.clone())
}

fn sealed_key(sealed: &Sealed) -> Key {
    (sealed.group.clone(), sealed.version, sealed.name.clone())
}
