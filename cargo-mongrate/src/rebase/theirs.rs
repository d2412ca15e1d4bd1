//! What the other side has: its migrations, as far as git can show them.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;

use mongrate_seal::sources::{Sources, Written};
use mongrate_seal::sum::{self, Sealed, Sum};

use super::git::Git;
use crate::package::Package;
use crate::state::shown;

/// What tells one migration from another across branches.
type Key = (String, i64, String);

/// Migrations that keep their numbers.
#[derive(Debug, Default)]
pub(crate) struct Theirs {
    /// None: nobody knows, so what is not sealed is mine.
    keys: Option<BTreeSet<Key>>,
    /// The lines of the sum file of each commit.
    pub(crate) sealed: Vec<Sealed>,
}

impl Theirs {
    /// Of these commits. `now`: what the working tree declares.
    ///
    /// # Errors
    ///
    /// When a commit's own sum file is broken.
    pub(crate) fn of(
        git: Option<&Git>,
        commits: &[String],
        package: &Package,
        now: &[Written],
    ) -> Result<Self, String> {
        let Some(git) = git.filter(|_| !commits.is_empty()) else { return Ok(Self::default()) };
        let mut by_file: BTreeMap<PathBuf, Vec<Key>> = BTreeMap::new();
        for one in now {
            by_file.entry(one.file.clone()).or_default().push(key(one));
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
                // One that does not parse was broken there, too, and says nothing.
                let text = git.text(commit, file).filter(|text| text.contains("migration"));
                let sources = text.and_then(|text| Sources::of_text(&text, file).ok());
                keys.extend(sources.iter().flat_map(|one| one.migrations.iter().map(key)));
            }
            let path = package.directory.join(sum::FILE);
            if let Some(text) = git.text(commit, &path) {
                let sum = Sum::parse(&text).map_err(|fault| {
                    format!(
                        "{} of {} is broken: {fault}",
                        shown(&path.with_file_name("")).trim_end_matches('/'),
                        git.called(commit)
                    )
                })?;
                sealed.extend(sum.sealed().iter().cloned());
            }
        }
        keys.extend(sealed.iter().map(sealed_key));
        Ok(Self { keys: Some(keys), sealed })
    }

    /// Adds what the other side of a conflict has sealed.
    pub(crate) fn add(&mut self, sealed: &[Sealed]) {
        let keys = self.keys.get_or_insert_default();
        keys.extend(sealed.iter().map(sealed_key));
    }

    pub(crate) fn is_known(&self) -> bool {
        self.keys.is_some()
    }

    pub(crate) fn has(&self, one: &Written) -> bool {
        self.keys.as_ref().is_some_and(|keys| keys.contains(&key(one)))
    }

    pub(crate) fn has_sealed(&self, one: &Sealed) -> bool {
        self.keys.as_ref().is_some_and(|keys| keys.contains(&sealed_key(one)))
    }

    /// The versions of a group.
    pub(crate) fn versions(&self, group: &str) -> BTreeSet<i64> {
        let keys = self.keys.iter().flatten();
        keys.filter(|(of, ..)| of == group).map(|(_, version, _)| *version).collect()
    }

    /// Another number under which the other side has a migration of this name.
    pub(crate) fn other_version(&self, one: &Written) -> Option<i64> {
        let mut keys = self.keys.iter().flatten();
        let found = keys.find(|(group, version, name)| {
            *group == one.group && *name == one.name && *version != one.version
        });
        found.map(|(_, version, _)| *version)
    }
}

fn key(one: &Written) -> Key {
    (one.group.clone(), one.version, one.name.clone())
}

fn sealed_key(one: &Sealed) -> Key {
    (one.group.clone(), one.version, one.name.clone())
}
