//! Gathers the migrations of one group, sorts them, and refuses an unsound set.

use std::{
    any::TypeId,
    cmp::Ordering,
    collections::{HashMap, HashSet},
    hash::{BuildHasherDefault, DefaultHasher, Hash as _, Hasher},
    sync::{Arc, OnceLock},
};

use super::{
    migration::{Functions, MIGRATIONS, Migration},
    seal::{self, SUMS, SumFile},
};
use crate::{
    kinds::change::declared,
    model::{digest::Digest, error::Error, kind::DEFAULT_GROUP, version::Version},
};

/// Where the migrations are stored. A start looks at all of them, and copying ten thousand would
/// take longer than that.
#[derive(Clone, Debug)]
pub(crate) enum List {
    Static(&'static [Migration]),
    Shared(Arc<[Migration]>),
}

impl List {
    fn as_slice(&self) -> &[Migration] {
        match self {
            Self::Static(list) => list,
            Self::Shared(list) => list,
        }
    }
}

/// A sound set of migrations: versions are positive and unique, names are unique, oldest version
/// first.
#[derive(Clone, Debug)]
pub(crate) struct Registry {
    list: List,
    /// The places of the migrations in the list; `None` if the set is the whole list, in its order.
    order: Option<Vec<u32>>,
    /// Computed when it is first needed: by then the first command is on its way to the server, so
    /// a start does not wait for it.
    digest: OnceLock<Digest>,
}

impl Registry {
    /// The migrations that are linked into this binary, compared with their sum files.
    pub(crate) fn linked(group: &str) -> Result<Self, Error> {
        Self::new(List::Static(&MIGRATIONS), group, Some(&SUMS))
    }

    /// The migrations of an explicit list.
    pub(crate) fn given(list: List, group: &str) -> Result<Self, Error> {
        Self::new(list, group, None)
    }

    /// `files`: the sum files of the linked crates; `None` for an explicit list.
    pub(crate) fn new(list: List, group: &str, files: Option<&[SumFile]>) -> Result<Self, Error> {
        let mut problems = Vec::new();
        let order = order(list.as_slice(), group);
        let registry = Self { list, order, digest: OnceLock::new() };
        for migration in registry.iter() {
            if migration.version().get() <= 0 {
                problems.push(format!(
                    "`{}` ({}) has version {}; versions are positive",
                    migration.name(),
                    migration.source(),
                    migration.version()
                ));
            }
            for problem in migration.declaration().map(declared::problems).unwrap_or_default() {
                problems.push(format!(
                    "{} `{}` ({}): {problem}",
                    migration.version(),
                    migration.name(),
                    migration.source()
                ));
            }
        }
        if !is_sound(registry.iter()) {
            problems.extend(used_twice(registry.iter()));
        }
        if !has_own_rollbacks(registry.list.as_slice()) {
            problems.extend(rolled_back_wrongly(registry.list.as_slice(), group));
        }
        problems.extend(seal::problems(files.unwrap_or_default(), registry.iter(), group));
        if registry.len() == 0 && problems.is_empty() {
            problems.push(empty(group, files.is_some(), registry.list.as_slice()));
        }
        if problems.is_empty() { Ok(registry) } else { Err(Error::Registry { problems }) }
    }

    pub(crate) fn len(&self) -> usize {
        self.order.as_ref().map_or(self.list.as_slice().len(), Vec::len)
    }

    /// The migration at this place, oldest version first.
    fn at(&self, place: usize) -> Option<&Migration> {
        let place = match &self.order {
            Some(order) => usize::try_from(*order.get(place)?).ok()?,
            None => place,
        };
        self.list.as_slice().get(place)
    }

    pub(crate) fn get(&self, version: Version) -> Option<&Migration> {
        let (mut low, mut high) = (0, self.len());
        while low < high {
            let middle = low.midpoint(high);
            let found = self.at(middle)?;
            match found.version().cmp(&version) {
                Ordering::Equal => return Some(found),
                Ordering::Less => low = middle + 1,
                Ordering::Greater => high = middle,
            }
        }
        None
    }

    /// Oldest version first.
    pub(crate) fn iter(&self) -> impl DoubleEndedIterator<Item = &Migration> + Clone {
        (0..self.len()).filter_map(|place| self.at(place))
    }

    /// The migrations of all groups, oldest version first.
    pub(crate) fn of_all_groups(&self) -> impl Iterator<Item = &Migration> {
        let mut all: Vec<&Migration> = self.list.as_slice().iter().collect();
        all.sort_by_key(|migration| migration.version());
        all.into_iter()
    }

    /// The digest of a database in which exactly this set is applied.
    pub(crate) fn digest(&self) -> Digest {
        *self.digest.get_or_init(|| {
            let mut digest = Digest::default();
            for migration in self.iter() {
                digest.add(migration.version(), &migration.checksum());
            }
            digest
        })
    }
}

/// The places of a group's migrations, in the order of their versions; `None` if the list holds
/// only these, in this order.
fn order(list: &[Migration], group: &str) -> Option<Vec<u32>> {
    let whole = list.iter().all(|migration| migration.group() == group);
    if whole && list.is_sorted_by_key(Migration::version) {
        return None;
    }
    let numbered = (0..).zip(list).filter(|(_, migration)| migration.group() == group);
    let mut keyed: Vec<(Version, u32)> =
        numbered.map(|(place, migration)| (migration.version(), place)).collect();
    keyed.sort();
    Some(keyed.into_iter().map(|(_, place)| place).collect())
}

/// Whether no two migrations share their version or their name, as far as hashes tell. If this is
/// `false`, the list is checked in full. `sorted`: in the order of versions.
fn is_sound<'a>(sorted: impl Iterator<Item = &'a Migration>) -> bool {
    let mut names: HashSet<u64, BuildHasherDefault<Hashed>> = HashSet::default();
    names.reserve(sorted.size_hint().1.unwrap_or(0));
    let mut before = None;
    for migration in sorted {
        let mut name = DefaultHasher::new();
        migration.name().hash(&mut name);
        if before.replace(migration.version()) == Some(migration.version())
            || !names.insert(name.finish())
        {
            return false;
        }
    }
    true
}

/// Whether every rollback function belongs to one migration, and is no migration itself.
fn has_own_rollbacks(all: &[Migration]) -> bool {
    if !all.iter().any(Migration::is_reversible) {
        return true;
    }
    let mut seen: HashSet<TypeId, BuildHasherDefault<Hashed>> = HashSet::default();
    seen.reserve(2 * all.len());
    all.iter()
        .filter_map(functions)
        .all(|Functions { up, down }| seen.insert(up) && down.is_none_or(|down| seen.insert(down)))
}

fn functions(migration: &Migration) -> Option<Functions> {
    migration.descriptor.functions.map(|functions| functions())
}

/// Names the migrations of a group whose rollback is not a function of their own. `all`: the
/// migrations of every group, in any order.
fn rolled_back_wrongly(all: &[Migration], group: &str) -> Vec<String> {
    let shown = |migration: &Migration| {
        format!("{} `{}` ({})", migration.version(), migration.name(), migration.source())
    };
    let mut sorted: Vec<(&Migration, Functions)> =
        all.iter().filter_map(|migration| Some((migration, functions(migration)?))).collect();
    sorted.sort_by_key(|(migration, _)| (migration.group(), migration.version()));
    let mut problems = Vec::new();
    for (at, (migration, Functions { up, down })) in sorted.iter().enumerate() {
        let Some(down) = down else { continue };
        let mut complain = |other: &Migration, text: String| {
            if migration.group() == group || other.group() == group {
                problems.push(text);
            }
        };
        if down == up {
            complain(
                migration,
                format!(
                    "{} is its own rollback: `down` would apply it again; write a function that undoes \
                 it, and name that one: `reversible = …`",
                    shown(migration)
                ),
            );
            continue;
        }
        if let Some((other, _)) = sorted.iter().find(|(_, other)| other.up == *down) {
            complain(
                other,
                format!(
                    "{} is rolled back by the migration {}: `down` would apply that one once more; \
                 write a function that undoes it, and name that one: `reversible = …`",
                    shown(migration),
                    shown(other)
                ),
            );
        }
        let earlier = sorted.iter().take(at).find(|(_, other)| other.down.as_ref() == Some(down));
        if let Some((other, _)) = earlier {
            complain(
                other,
                format!(
                    "{} and {} are rolled back by one and the same function, which can undo only one \
                 of them: write a rollback for each; what they share goes into a function that \
                 both call",
                    shown(other),
                    shown(migration)
                ),
            );
        }
    }
    problems
}

/// A hasher for values that are hashes already.
#[derive(Default)]
struct Hashed(u64);

impl Hasher for Hashed {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.0 = self.0.rotate_left(8) ^ u64::from(*byte);
        }
    }

    fn write_u64(&mut self, hash: u64) {
        self.0 = hash;
    }
}

/// Names the migrations that share a version or a name. `sorted`: in the order of versions.
fn used_twice<'a>(sorted: impl Iterator<Item = &'a Migration>) -> Vec<String> {
    let mut problems = Vec::new();
    let mut by_name: HashMap<&str, &Migration> = HashMap::new();
    let mut before: Option<&Migration> = None;
    for migration in sorted {
        let former = before.replace(migration);
        if let Some(first) = former.filter(|first| first.version() == migration.version()) {
            problems.push(format!(
                "version {} is declared twice, by `{}` ({}) and `{}` ({}); change the later \
                 one, and see that no database has applied it yet",
                migration.version(),
                first.name(),
                first.source(),
                migration.name(),
                migration.source()
            ));
        } else if let Some(first) = by_name.insert(migration.name(), migration) {
            problems.push(format!(
                "the name `{}` is used twice, by {} ({}) and {} ({}); rename the later one",
                migration.name(),
                first.version(),
                first.source(),
                migration.version(),
                migration.source()
            ));
        }
    }
    problems
}

/// Says why a group has no migration, and what to do. `all`: the migrations of every group.
fn empty(group: &str, linked: bool, all: &[Migration]) -> String {
    if !linked {
        return format!("the list holds no migration of group `{group}`");
    }
    let mut text = if group == DEFAULT_GROUP {
        "no migration is linked into this binary".to_owned()
    } else {
        format!("no migration of group `{group}` is linked into this binary")
    };
    let mut others: Vec<&str> = Vec::new();
    for migration in all {
        if !others.contains(&migration.group()) {
            others.push(migration.group());
        }
    }
    if !others.is_empty() {
        text += &format!(" (there are some of: {})", others.join(", "));
    }
    text + "; if they are in another crate, name it once in this binary: `use my_migrations as \
            _;`; if they are in a module, see that a `mod` line reaches its file"
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::registry::migration::Descriptor;

    const fn one(version: i64, name: &'static str) -> Migration {
        Migration::transactional(version, name, |_| Box::pin(async { Ok(()) }))
    }

    #[test]
    fn every_problem_is_named_at_once() {
        let list = [one(1, "a"), one(1, "b"), one(0, "c"), one(2, "a")];
        let Err(Error::Registry { problems }) =
            Registry::given(List::Shared(list.into()), DEFAULT_GROUP)
        else {
            panic!("unsound");
        };
        assert_eq!(problems.len(), 3, "{problems:#?}");
    }

    mod rollbacks {
        //! Functions with the same code, which an optimiser may merge.

        use crate::{kinds::transaction::Transaction, model::result::Result};

        pub(super) async fn up_one(_: &mut Transaction<'_>) -> Result {
            Ok(())
        }
        pub(super) async fn up_two(_: &mut Transaction<'_>) -> Result {
            Ok(())
        }
        pub(super) async fn down_one(_: &mut Transaction<'_>) -> Result {
            Ok(())
        }
        pub(super) async fn down_two(_: &mut Transaction<'_>) -> Result {
            Ok(())
        }
    }

    #[test]
    fn every_rollback_undoes_one_migration() {
        use rollbacks::{down_one, down_two, up_one, up_two};
        let describe = |version, name| {
            Descriptor::new(version, name, "default", "v1", "shop", "m.rs", 3, name, false)
        };
        let one = describe(1, "one").transaction_and_back(up_one, down_one);
        let two = || describe(2, "two");
        let found = |two: Migration| {
            let list = List::Shared([two, one].into());
            match Registry::given(list, DEFAULT_GROUP) {
                Ok(_) => String::new(),
                Err(Error::Registry { problems }) => problems.join("\n"),
                Err(other) => panic!("{other}"),
            }
        };
        assert_eq!(found(two().transaction_and_back(up_two, down_two)), "");
        assert_eq!(found(two().transaction(up_two)), "");
        assert_eq!(
            found(two().transaction_and_back(up_two, down_one)),
            "1 `one` (m.rs:3) and 2 `two` (m.rs:3) are rolled back by one and the same function, \
             which can undo only one of them: write a rollback for each; what they share goes into \
             a function that both call"
        );
        let text = found(two().transaction_and_back(up_two, up_one));
        assert!(
            text.starts_with("2 `two` (m.rs:3) is rolled back by the migration 1 `one`"),
            "{text}"
        );
        let text = found(two().transaction_and_back(up_two, up_two));
        assert!(text.starts_with("2 `two` (m.rs:3) is its own rollback"), "{text}");
    }

    #[test]
    fn one_is_found_wherever_it_stands() {
        let other = one(4, "other").in_group("audit");
        for list in [
            vec![one(2, "b"), one(3, "c"), one(7, "d")],
            vec![one(7, "d"), one(2, "b"), one(3, "c")],
            vec![one(2, "b"), other, one(3, "c"), one(7, "d")],
        ] {
            let registry = Registry::given(List::Shared(list.into()), DEFAULT_GROUP).unwrap();
            let versions: Vec<i64> = registry.iter().map(|one| one.version().get()).collect();
            assert_eq!((versions, registry.len()), (vec![2, 3, 7], 3));
            for version in 0..9 {
                let found = registry.get(Version::new(version)).map(|one| one.version().get());
                assert_eq!(found, [2, 3, 7].contains(&version).then_some(version));
            }
        }
    }

    #[test]
    fn an_empty_set_says_which_line_to_add() {
        let error = Registry::linked("nobody").unwrap_err();
        assert!(error.to_string().contains("use my_migrations as _;"), "{error}");
    }
}
