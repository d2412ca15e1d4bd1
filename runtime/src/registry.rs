//! Gathers the migrations of one group, sorts them, and refuses an unsound set.

use std::{collections::HashMap, sync::OnceLock};

use crate::{
    Error, Migration, Version, change,
    checksum::Digest,
    migration::{DEFAULT_GROUP, MIGRATIONS},
    seal::{self, SUMS, SumFile},
};

/// A sound set: versions positive and unique, names unique, oldest first.
#[derive(Clone, Debug)]
pub(crate) struct Registry {
    sorted: Vec<Migration>,
    /// Made when it is first asked for: while the server is, that takes no time.
    digest: OnceLock<Digest>,
}

impl Registry {
    /// What is linked into this binary, as its sum files have it.
    pub(crate) fn linked(group: &str) -> Result<Self, Error> {
        Self::new(&MIGRATIONS, group, Some(&SUMS))
    }

    /// An explicit list.
    pub(crate) fn given(list: &[Migration], group: &str) -> Result<Self, Error> {
        Self::new(list, group, None)
    }

    /// `files`: the sum files of what is linked; none for an explicit list.
    pub(crate) fn new(
        all: &[Migration],
        group: &str,
        files: Option<&[SumFile]>,
    ) -> Result<Self, Error> {
        let mut problems = Vec::new();
        let mut other_groups: Vec<&'static str> = Vec::new();
        let mut sorted: Vec<Migration> = Vec::with_capacity(all.len());
        for one in all.iter().copied() {
            if one.group() != group {
                if !other_groups.contains(&one.group()) {
                    other_groups.push(one.group());
                }
                continue;
            }
            if one.version().get() <= 0 {
                problems.push(format!(
                    "`{}` ({}) has version {}; versions are positive",
                    one.name(),
                    one.source(),
                    one.version()
                ));
            }
            for problem in change::problems(&one) {
                problems.push(format!(
                    "{} `{}` ({}): {problem}",
                    one.version(),
                    one.name(),
                    one.source()
                ));
            }
            sorted.push(one);
        }
        sorted.sort_by_key(Migration::version);
        problems.extend(used_twice(&sorted));
        problems.extend(seal::problems(files.unwrap_or_default(), all, group));
        if sorted.is_empty() && problems.is_empty() {
            problems.push(empty(group, files.is_some(), &other_groups));
        }
        if !problems.is_empty() {
            return Err(Error::Registry { problems });
        }
        Ok(Self { sorted, digest: OnceLock::new() })
    }

    pub(crate) fn len(&self) -> usize {
        self.sorted.len()
    }

    pub(crate) fn get(&self, version: Version) -> Option<&Migration> {
        let at = self.sorted.binary_search_by_key(&version, Migration::version).ok()?;
        self.sorted.get(at)
    }

    /// Oldest version first.
    pub(crate) fn iter(&self) -> impl DoubleEndedIterator<Item = &Migration> {
        self.sorted.iter()
    }

    /// What the digest of a database is that has applied exactly this set.
    pub(crate) fn digest(&self) -> Digest {
        *self.digest.get_or_init(|| {
            let mut digest = Digest::default();
            for one in &self.sorted {
                digest.add(one.version(), &one.checksum());
            }
            digest
        })
    }
}

/// What has a version or a name that another one has, of a list in the order of versions.
fn used_twice(sorted: &[Migration]) -> Vec<String> {
    let mut problems = Vec::new();
    let mut by_name: HashMap<&str, &Migration> = HashMap::with_capacity(sorted.len());
    let mut before: Option<&Migration> = None;
    for one in sorted {
        let former = before.replace(one);
        if let Some(first) = former.filter(|first| first.version() == one.version()) {
            problems.push(format!(
                "version {} is declared twice, by `{}` ({}) and `{}` ({}); change the later \
                 one, and see that no database has applied it yet",
                one.version(),
                first.name(),
                first.source(),
                one.name(),
                one.source()
            ));
        } else if let Some(first) = by_name.insert(one.name(), one) {
            problems.push(format!(
                "the name `{}` is used twice, by {} ({}) and {} ({}); rename the later one",
                one.name(),
                first.version(),
                first.source(),
                one.version(),
                one.source()
            ));
        }
    }
    problems
}

fn empty(group: &str, linked: bool, others: &[&str]) -> String {
    if !linked {
        return format!("the list holds no migration of group `{group}`");
    }
    let mut text = if group == DEFAULT_GROUP {
        "no migration is linked into this binary".to_owned()
    } else {
        format!("no migration of group `{group}` is linked into this binary")
    };
    if !others.is_empty() {
        text += &format!(" (there are some of: {})", others.join(", "));
    }
    text + "; if they are in another crate, name it once in this binary: `use my_migrations as \
            _;`; if they are in a module, see that a `mod` line reaches its file"
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn one(version: i64, name: &'static str) -> Migration {
        Migration::transactional(version, name, |_| Box::pin(async { Ok(()) }))
    }

    #[test]
    fn every_problem_is_named_at_once() {
        let list = [one(1, "a"), one(1, "b"), one(0, "c"), one(2, "a")];
        let Err(Error::Registry { problems }) = Registry::given(&list, DEFAULT_GROUP) else {
            panic!("unsound");
        };
        assert_eq!(problems.len(), 3, "{problems:#?}");
    }

    #[test]
    fn an_empty_set_says_which_line_to_add() {
        let error = Registry::linked("nobody").unwrap_err();
        assert!(error.to_string().contains("use my_migrations as _;"), "{error}");
    }
}
