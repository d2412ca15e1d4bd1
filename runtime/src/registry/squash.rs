//! Squashes: migrations that stand for all former ones of their group.

use mongrate_seal::{Applied, Replaces};

use super::{migration::Migration, seen::Seen};
use crate::model::version::Version;

/// The newest squash of a group.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Squash {
    pub migration: Migration,
    pub replaces: Replaces,
}

impl Squash {
    /// Whether it stands for a migration of this version, which is not itself.
    pub(crate) fn covers(&self, version: Version) -> bool {
        self.reaches(version) && version != self.migration.version()
    }

    /// Whether a version is among those that it stands for. (It may have the number of one of them.)
    pub(crate) fn reaches(&self, version: Version) -> bool {
        (1..=self.replaces.to).contains(&version.get())
    }
}

/// The newest squash of a sound set.
pub(super) fn newest<'a>(of_group: impl Iterator<Item = Seen<'a>>) -> Option<Squash> {
    all(of_group).max_by_key(|squash| (squash.replaces.to, squash.migration.version()))
}

/// The squashes of a sound set.
pub(super) fn all<'a>(of_group: impl Iterator<Item = Seen<'a>>) -> impl Iterator<Item = Squash> {
    of_group.filter(|seen| seen.has_replaces()).filter_map(|seen| {
        let migration = seen.migration();
        Some(Squash { migration, replaces: migration.replaces()? })
    })
}

/// What is wrong with the squashes of a group, oldest version first.
pub(super) fn problems<'a>(of_group: impl Iterator<Item = Seen<'a>> + Clone) -> Vec<String> {
    if !of_group.clone().any(Seen::has_replaces) {
        return Vec::new();
    }
    let mut problems = Vec::new();
    for seen in of_group.clone().filter(|seen| seen.has_replaces()) {
        let migration = seen.migration();
        if migration.replaces().is_none() {
            problems.push(format!(
                "{}: `replaces` is not what `cargo mongrate squash` wrote: restore it",
                migration.shown()
            ));
        }
    }
    for migration in of_group.clone().filter(|seen| seen.has_replaces()).map(Seen::migration) {
        if migration.is_reversible() {
            problems.push(format!(
                "{}: a squash is not rolled back: that would drop what the old migrations made",
                migration.shown()
            ));
        }
        if !migration.labels().is_empty() {
            problems.push(format!(
                "{}: a squash has no labels: where they are not selected, neither it nor what it stands \
                 for would run",
                migration.shown()
            ));
        }
    }
    let Some(squash) = newest(of_group.clone()) else { return problems };
    let Squash { migration, replaces } = squash;
    let all: Vec<Migration> = of_group.map(Seen::migration).collect();
    let between = |other: &&Migration| {
        other.version().get() > replaces.to && other.version() < migration.version()
    };
    if let Some(other) = all.iter().find(between) {
        problems.push(format!(
            "{} stands for what is up to {}, and comes after {}, which it does not stand for: give it a \
             version below that one",
            migration.shown(),
            replaces.to,
            other.shown()
        ));
    }
    let covered: Vec<&Migration> =
        all.iter().filter(|other| squash.covers(other.version())).collect();
    let checksums: Vec<(i64, String)> =
        covered.iter().map(|one| (one.version().get(), one.checksum().into_owned())).collect();
    let linked = Applied::of(checksums.iter().map(|(version, checksum)| (*version, &**checksum)));
    if !covered.is_empty() && linked != replaces.applied {
        problems.push(format!(
            "{} stands for {} migrations up to {}, and the {} that are linked are not these: restore \
             them as they were squashed, or take all of them away",
            migration.shown(),
            replaces.applied.count,
            replaces.to,
            covered.len()
        ));
    }
    problems
}

#[cfg(test)]
mod tests {
    use super::*;

    fn one(version: i64) -> Migration {
        let name: &'static str = format!("m{version}").leak();
        Migration::transactional(version, name, |_| Box::pin(async { Ok(()) }))
    }

    fn squash(version: i64, of: &[Migration]) -> Migration {
        let checksums: Vec<(i64, String)> =
            of.iter().map(|one| (one.version().get(), one.checksum().into_owned())).collect();
        let applied = Applied::of(checksums.iter().map(|(version, text)| (*version, &**text)));
        let to = of.iter().map(|one| one.version().get()).max().unwrap();
        let text: &'static str = Replaces { to, applied }.to_string().leak();
        let name: &'static str = format!("squash{version}").leak();
        Migration::declared(version, name, |_| {}).replacing(text)
    }

    fn found(all: &[Migration]) -> String {
        let mut all = all.to_vec();
        all.sort_by_key(Migration::version);
        problems(all.iter().map(Seen::Given)).join("\n")
    }

    #[test]
    fn what_it_stands_for_is_there_as_a_whole_or_not_at_all() {
        let old = [one(1), one(2), one(5)];
        let squash_of_all = squash(6, &old);
        assert_eq!(found(&[squash_of_all, one(9)]), "");
        assert_eq!(found(&[old[0], old[1], old[2], squash_of_all, one(9)]), "");
        assert_eq!(found(&[squash(5, &old), one(9)]), "", "it may take the last number");
        let text = found(&[old[0], old[2], squash_of_all, one(9)]);
        assert!(text.contains("the 2 that are linked are not these"), "{text}");
        let edited = old[1].with_checksum("edited");
        assert!(found(&[old[0], edited, old[2], squash_of_all]).contains("are not these"));
        let text = found(&[squash(12, &old), one(9)]);
        assert!(text.contains("comes after 9 `m9`"), "{text}");
        assert!(found(&[one(9).replacing("9")]).contains("restore it"));
        let labelled = squash_of_all.labelled(&["demo"]);
        assert!(found(&[labelled]).contains("a squash has no labels"));
    }

    #[test]
    fn a_squash_may_stand_for_a_squash() {
        let first = squash(3, &[one(1), one(2)]);
        let second = squash(8, &[first, one(5)]);
        assert_eq!(found(&[second, one(9)]), "");
        let all = [second, first, one(5)];
        assert_eq!(found(&all), "");
        assert_eq!(newest(all.iter().map(Seen::Given)).unwrap().migration.name(), "squash8");
    }
}
