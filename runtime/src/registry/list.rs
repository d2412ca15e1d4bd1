//! Gathers the migrations of one group, sorts them, and refuses an unsound set.

use std::{
    cmp::Ordering,
    collections::BTreeSet,
    sync::{Arc, OnceLock},
};

use super::{
    after,
    entry::{Entry, MIGRATIONS},
    groups,
    migration::Migration,
    policies::{self, POLICY_FILES},
    seal::{self, SUMS, SumFile},
    seen::Seen,
    sound,
    squash::{self, Squash},
};
use crate::{
    kinds::change::declared,
    model::{digest::Digest, error::Error, labels::Labels, version::Version},
};

/// Where the migrations are stored. A start looks at all of them, and copying ten thousand would
/// take longer than that.
#[derive(Clone, Debug)]
pub(crate) enum List {
    Linked(&'static [Entry]),
    Static(&'static [Migration]),
    Shared(Arc<[Migration]>),
}

impl List {
    pub(crate) fn len(&self) -> usize {
        match self {
            Self::Linked(list) => list.len(),
            Self::Static(list) => list.len(),
            Self::Shared(list) => list.len(),
        }
    }

    fn seen(&self, place: usize) -> Option<Seen<'_>> {
        match self {
            Self::Linked(list) => list.get(place).map(Seen::Linked),
            Self::Static(list) => list.get(place).map(Seen::Given),
            Self::Shared(list) => list.get(place).map(Seen::Given),
        }
    }

    /// The migrations of every group, in any order.
    fn all(&self) -> impl Iterator<Item = Seen<'_>> + Clone {
        (0..self.len()).filter_map(|place| self.seen(place))
    }
}

/// A sound set of migrations (of [`Registry::unchecked`], one of which that is not known): versions are positive and unique, names are unique, oldest version
/// first. Repeatable migrations have negative numbers in the place of versions.
#[derive(Clone, Debug)]
pub(crate) struct Registry {
    list: List,
    group: String,
    /// Computed when it is first needed: a start with nothing pending never needs it.
    order: OnceLock<Order>,
    /// The labels that are selected.
    labels: Labels,
    /// The newest squash.
    squash: Option<Squash>,
    /// The linked migrations, unpacked when they are first needed: a start with nothing pending
    /// never needs them.
    unpacked: OnceLock<Arc<[Migration]>>,
    /// Computed when it is first needed: by then the first command is on its way to the server, so
    /// a start does not wait for it.
    digest: OnceLock<Digest>,
}

/// Where the migrations of a set are in its list.
#[derive(Clone, Debug)]
struct Order {
    /// Their places, in the order of their versions; `None` if the set is the whole list, in its order.
    places: Option<Vec<u32>>,
    /// How many are repeatable: the first ones of the set.
    repeatable: usize,
}

impl Registry {
    /// The migrations that are linked into this binary, compared with their sum files.
    pub(crate) fn linked(group: &str) -> Result<Self, Error> {
        Self::new(List::Linked(&MIGRATIONS), group, Some(&SUMS))
    }

    /// The migrations of an explicit list.
    pub(crate) fn given(list: List, group: &str) -> Result<Self, Error> {
        Self::new(list, group, None)
    }

    /// A set that nobody has checked yet: enough to know whether a database has all of it applied, and what
    /// that is.
    ///
    /// Before it was applied, all of it was checked. What has changed since without changing a checksum (names,
    /// rollbacks, sum files, what comes first) is seen by whatever makes a set with [`new`](Self::new).
    pub(crate) fn unchecked(list: List, group: &str) -> Self {
        let is_of_group = |seen: &Seen<'_>| seen.is_of_group(group);
        let squash = squash::newest(list.all().filter(is_of_group));
        Self {
            list,
            group: group.to_owned(),
            order: OnceLock::new(),
            labels: Labels::default(),
            squash,
            unpacked: OnceLock::new(),
            digest: OnceLock::new(),
        }
    }

    /// `files`: the sum files of the linked crates; `None` for an explicit list.
    pub(crate) fn new(list: List, group: &str, files: Option<&[SumFile]>) -> Result<Self, Error> {
        let registry = Self::unchecked(list, group);
        let mut problems = Vec::new();
        for seen in registry.seen() {
            if seen.version().get() <= 0 && !seen.is_repeatable() {
                let migration = seen.migration();
                problems.push(format!(
                    "`{}` ({}) has version {}; versions are positive",
                    migration.name(),
                    migration.source(),
                    migration.version()
                ));
            }
            for problem in seen.declaration().map(declared::problems).unwrap_or_default() {
                problems.push(format!("{}: {problem}", seen.migration().shown()));
            }
        }
        if !sound::is_unique(registry.seen()) {
            problems.extend(sound::used_twice(registry.iter()));
        }
        if !sound::has_own_rollbacks(registry.list.all()) {
            let all: Vec<Migration> = registry.list.all().map(Seen::migration).collect();
            problems.extend(sound::rolled_back_wrongly(&all, group));
        }
        problems.extend(squash::problems(registry.seen()));
        problems.extend(after::problems(registry.list.all(), group));
        problems.extend(seal::problems(files.unwrap_or_default(), registry.seen(), group));
        if files.is_some() {
            problems.extend(policies::unseen(&POLICY_FILES));
        }
        if registry.len() == 0 && problems.is_empty() {
            if let Some(problem) = groups::unknown(group, registry.groups(), files.is_some()) {
                return Err(Error::Settings { setting: "group", problem });
            }
            problems.push(groups::empty(group, files.is_some(), registry.list.all()));
        }
        if problems.is_empty() { Ok(registry) } else { Err(Error::Registry { problems }) }
    }

    /// The labels that the migrations of all groups name, without the `!` of those that exclude.
    pub(crate) fn named_labels(&self) -> BTreeSet<String> {
        let all = self.list.all().map(Seen::migration);
        let bare = |label: &str| label.strip_prefix('!').unwrap_or(label).to_owned();
        all.flat_map(|migration| migration.labels().into_iter().map(bare).collect::<Vec<_>>())
            .collect()
    }

    /// The groups of this build.
    pub(crate) fn groups(&self) -> Vec<String> {
        let groups: BTreeSet<&str> = self.list.all().map(Seen::group).collect();
        groups.into_iter().map(str::to_owned).collect()
    }

    /// The same set where these labels are selected.
    pub(crate) fn selecting(self, labels: Labels) -> Self {
        Self { labels, digest: OnceLock::new(), ..self }
    }

    /// Whether a migration applies where the selected labels are.
    pub(crate) fn applies(&self, migration: &Migration) -> bool {
        migration.applies(&self.labels)
    }

    /// The newest squash of the set.
    pub(crate) fn squash(&self) -> Option<&Squash> {
        self.squash.as_ref()
    }

    /// All squashes of the set, the oldest first.
    pub(crate) fn squashes(&self) -> impl Iterator<Item = Squash> {
        let mut all: Vec<Squash> = squash::all(self.seen()).collect();
        all.sort_by_key(|squash| squash.replaces.to);
        all.into_iter()
    }

    /// The labels that are selected.
    pub(crate) fn labels(&self) -> &Labels {
        &self.labels
    }

    /// How many migrations apply where the selected labels are.
    pub(crate) fn wanted(&self) -> usize {
        usize::try_from(self.digest().count()).unwrap_or(0)
    }

    pub(crate) fn len(&self) -> usize {
        self.order().places.as_ref().map_or(self.list.len(), Vec::len)
    }

    fn order(&self) -> &Order {
        self.order.get_or_init(|| order(&self.list, &self.group))
    }

    fn repeatables(&self) -> usize {
        self.order().repeatable
    }

    /// The place in the list of the migration at this place of the set, oldest version first.
    fn place(&self, at: usize) -> Option<usize> {
        match &self.order().places {
            Some(places) => usize::try_from(*places.get(at)?).ok(),
            None => Some(at),
        }
    }

    fn at(&self, at: usize) -> Option<&Migration> {
        let list = match &self.list {
            List::Linked(entries) => {
                self.unpacked.get_or_init(|| entries.iter().map(Entry::migration).collect())
            }
            List::Static(list) => *list,
            List::Shared(list) => list,
        };
        list.get(self.place(at)?)
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

    /// Whether a migration has this version. What is repeatable has none.
    pub(crate) fn has_version(&self, version: Version) -> bool {
        !version.is_repeatable() && self.get(version).is_some()
    }

    /// In the order in which they run: the oldest version first, and after all versions what is
    /// repeatable.
    pub(crate) fn iter(&self) -> impl DoubleEndedIterator<Item = &Migration> + Clone {
        self.versioned().chain(self.repeatable())
    }

    /// Those with a version, oldest first.
    pub(crate) fn versioned(&self) -> impl DoubleEndedIterator<Item = &Migration> + Clone {
        (self.repeatables()..self.len()).filter_map(|at| self.at(at))
    }

    /// Those that are repeatable.
    pub(crate) fn repeatable(&self) -> impl DoubleEndedIterator<Item = &Migration> + Clone {
        (0..self.repeatables()).filter_map(|at| self.at(at))
    }

    /// The same without unpacking what is linked: what every start looks at.
    pub(crate) fn seen(&self) -> impl Iterator<Item = Seen<'_>> + Clone {
        (0..self.len()).filter_map(|at| self.list.seen(self.place(at)?))
    }

    /// The migrations of all groups, oldest version first.
    pub(crate) fn of_all_groups(&self) -> Vec<Migration> {
        let mut all: Vec<Migration> = self.list.all().map(Seen::migration).collect();
        all.sort_by_key(Migration::version);
        all
    }

    /// The migrations of other groups that come after this one.
    pub(crate) fn later_than(&self, migration: &Migration) -> Vec<Migration> {
        let comes_after = |other: &Migration| {
            let first = (migration.group().to_owned(), migration.version());
            after::firsts(other).contains(&first)
        };
        let with_order = self.list.all().filter(|seen| seen.has_after());
        with_order.map(Seen::migration).filter(comes_after).collect()
    }

    /// The digest of a database in which exactly those of this set are applied that the labels
    /// select.
    pub(crate) fn digest(&self) -> Digest {
        *self.digest.get_or_init(|| {
            let mut digest = Digest::default();
            // A sum: their order is all the same.
            let of_group = self.list.all().filter(|seen| seen.is_of_group(&self.group));
            for seen in of_group.filter(|seen| self.wants(*seen)) {
                digest.add_term(&seen.term());
            }
            digest
        })
    }

    /// Whether what is applied is what this build wants, but for the newest ones.
    pub(crate) fn lacks_the_newest(&self, applied: Digest) -> bool {
        let mut digest = self.digest();
        let Ok(missing) = usize::try_from(digest.count() - applied.count()) else { return false };
        let wanted: Vec<Seen<'_>> = self.wanted_ones().collect();
        for seen in wanted.iter().rev().take(missing) {
            digest.remove_term(&seen.term());
        }
        missing > 0 && digest == applied
    }

    /// What this build wants applied, oldest version first.
    fn wanted_ones(&self) -> impl Iterator<Item = Seen<'_>> {
        self.seen().filter(|seen| self.wants(*seen))
    }

    /// Whether a migration of the set is to be applied.
    fn wants(&self, seen: Seen<'_>) -> bool {
        let is_covered = self.squash.as_ref().is_some_and(|squash| squash.covers(seen.version()));
        seen.applies(&self.labels) && !is_covered
    }
}

fn order(list: &List, group: &str) -> Order {
    let whole = list.all().all(|seen| seen.is_of_group(group));
    let is_sorted = whole && list.all().is_sorted_by_key(Seen::version);
    let places = (!is_sorted).then(|| {
        let numbered = (0..).zip(list.all()).filter(|(_, seen)| seen.is_of_group(group));
        let mut keyed: Vec<(Version, u32)> =
            numbered.map(|(place, seen)| (seen.version(), place)).collect();
        keyed.sort_unstable();
        keyed.into_iter().map(|(_, place)| place).collect()
    });
    let is_repeatable = |seen: &Seen<'_>| seen.version().is_repeatable() && seen.is_repeatable();
    let of_group = list.all().filter(|seen| seen.is_of_group(group));
    Order { places, repeatable: of_group.filter(is_repeatable).count() }
}

#[cfg(test)]
mod tests {
    use mongrate_seal::packed::Unpacked;

    use super::*;
    use crate::{
        model::{error::kind::Kind, kind::DEFAULT_GROUP},
        registry::function::Texts,
    };

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

    fn packed(version: i64, name: &str, is_reversible: bool) -> Texts {
        let unpacked = Unpacked {
            version,
            name,
            group: DEFAULT_GROUP,
            checksum: "v1:sha256:aa",
            crate_name: "shop",
            file: "m.rs",
            line: 3,
            is_reversible,
            is_out_of_order: false,
            is_change: false,
            is_repeatable: false,
            labels: &[],
            after: &[],
            replaces: "",
            allow: &[],
            writes: &[],
        };
        Texts(unpacked.pack().leak())
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
        let one = packed(1, "one", true).transaction_and_back(up_one, down_one);
        let two = || packed(2, "two", true);
        let found = |two: Entry| {
            let list = List::Linked(vec![two, one].leak());
            match Registry::given(list, DEFAULT_GROUP) {
                Ok(_) => String::new(),
                Err(Error::Registry { problems }) => problems.join("\n"),
                Err(other) => panic!("{other}"),
            }
        };
        assert_eq!(found(two().transaction_and_back(up_two, down_two)), "");
        assert_eq!(found(packed(2, "two", false).transaction(up_two)), "");
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

    /// The hash that the attribute packs is that of the record, or every start would find changes.
    #[test]
    fn what_is_linked_has_the_digest_of_its_records() {
        use rollbacks::{up_one, up_two};
        let list = vec![
            packed(7, "seven", false).transaction(up_one),
            packed(2, "two", false).transaction(up_two),
        ];
        let registry = Registry::given(List::Linked(list.leak()), DEFAULT_GROUP).unwrap();
        assert!(registry.unpacked.get().is_none(), "a start unpacks nothing");
        let records: Vec<_> =
            registry.iter().map(|one| (one.version(), one.checksum().into_owned())).collect();
        let versions: Vec<i64> = records.iter().map(|(version, _)| version.get()).collect();
        assert_eq!(versions, [2, 7]);
        let applied = records.iter().map(|(version, checksum)| (*version, checksum.as_str()));
        assert_eq!(registry.digest(), Digest::of(applied));
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
    fn a_group_that_is_misspelt_is_guessed() {
        let list = || List::Shared([one(1, "a").in_group("shop"), one(2, "b")].into());
        let error = Registry::given(list(), "shopp").unwrap_err();
        assert_eq!((error.code(), error.kind()), ("settings", Kind::Usage));
        let text = error.to_string();
        assert!(text.contains("there are: `default`, `shop`"), "{text}");
        assert!(text.contains("did you mean `shop`?"), "{text}");
        let groups = Registry::given(list(), "shop").unwrap().groups();
        assert_eq!(groups, ["default", "shop"]);
    }

    #[test]
    fn an_empty_set_says_which_line_to_add() {
        let error = Registry::linked("nobody").unwrap_err();
        assert!(error.to_string().contains("use my_migrations as _;"), "{error}");
    }
}
