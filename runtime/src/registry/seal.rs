//! Compares the sum files of the linked crates with the migrations that are linked.

use std::{
    collections::{BTreeMap, BTreeSet},
    path::Path,
};

use linkme::distributed_slice;
use mongrate_seal::sum::{self, Declared, Sealed, Sum, Undo, Uses};

use super::{migration::Migration, seen::Seen};

/// The sum file of each linked crate that has one, once or more.
#[distributed_slice]
pub static SUMS: [SumFile];

/// A crate's `migrations.sum`, as it was compiled.
#[derive(Clone, Copy, Debug)]
#[doc(hidden)]
pub struct SumFile {
    pub crate_name: &'static str,
    pub text: &'static str,
    /// The path at which it was looked for, if there was no such file: then there is no text.
    pub absent: Option<&'static str>,
}

/// What is wrong with the migrations of one group according to these files. A crate without a file
/// is sound. `linked`: oldest version first.
pub(crate) fn problems<'a>(
    files: &[SumFile],
    linked: impl Iterator<Item = Seen<'a>> + Clone,
    group: &str,
) -> Vec<String> {
    let seen = files.iter().filter(|file| file.absent.is_none());
    let by_crate: BTreeMap<&str, &str> = seen.map(|file| (file.crate_name, file.text)).collect();
    let mut problems = unseen(files);
    for (crate_name, text) in by_crate {
        // A repeatable migration may change at any time, and is not sealed.
        let of_crate = linked
            .clone()
            .filter(|seen| !seen.version().is_repeatable() && seen.crate_name() == crate_name);
        if !is_as_sealed(text, of_crate.clone(), group) {
            let of_crate: Vec<Migration> = of_crate.map(Seen::migration).collect();
            problems.extend(in_full(crate_name, text, &of_crate, group));
        }
    }
    problems
}

/// Names the sum files that were made after the running build: cargo cannot watch a file that does
/// not exist yet, so it took the build for fresh.
fn unseen(files: &[SumFile]) -> Vec<String> {
    let absent = files.iter().filter_map(|file| Some((file.crate_name, file.absent?)));
    let unseen: BTreeSet<(&str, &str)> =
        absent.filter(|(_, path)| Path::new(path).is_file()).collect();
    let texts = unseen.into_iter().map(|(crate_name, path)| {
        format!(
            "crate `{crate_name}`: this build is older than its {}, and was not compared with it \
             ({path}): change or `touch` a source file of the crate, and build again",
            sum::FILE
        )
    });
    texts.collect()
}

/// What is wrong with one crate, whatever the check costs.
fn in_full(crate_name: &str, text: &str, linked: &[Migration], group: &str) -> Vec<String> {
    match Sum::parse(text) {
        Err(fault) => vec![format!("crate `{crate_name}`: {fault}")],
        Ok(sum) => of_one(crate_name, &sum, linked, group),
    }
}

/// Whether each line matches a linked migration, and every other linked migration is new. Every
/// start checks this, so it copies nothing, and leaves the chain to the compiler, which has read
/// the same text; if this is `false`, the crate is checked in full. (A new migration cannot have
/// the name of a sealed migration: no two linked migrations share their name.)
fn is_as_sealed<'a>(text: &str, mut linked: impl Iterator<Item = Seen<'a>>, group: &str) -> bool {
    let mut newest = 0;
    for line in sum::lines(text) {
        let Some(line) = line else { return false };
        if line.group != group {
            continue;
        }
        newest = line.version;
        let sealed = linked.find(|seen| seen.version().get() >= newest || !seen.is_out_of_order());
        let same = |seen: Seen<'_>| {
            seen.version().get() == line.version
                && seen.name() == line.name
                && seen.checksum() == line.checksum
                && (line.rollback.is_none() || seen.is_reversible())
        };
        if !sealed.is_some_and(same) {
            return false;
        }
    }
    linked.all(|seen| seen.is_out_of_order() || seen.version().get() > newest)
}

fn of_one(crate_name: &str, sum: &Sum, linked: &[Migration], group: &str) -> Vec<String> {
    let mut problems: Vec<String> =
        linked.iter().filter_map(|migration| complaint(sum, migration)).collect();
    let versions: BTreeSet<i64> =
        linked.iter().map(|migration| migration.version().get()).collect();
    let missing: Vec<&Sealed> = sum
        .sealed()
        .iter()
        .filter(|sealed| sealed.group == group && !versions.contains(&sealed.version))
        .collect();
    if !missing.is_empty() {
        problems.push(match linked.is_empty() {
            true => sum::unlinked(&missing, crate_name),
            false => format!("crate `{crate_name}`: {}", sum::gone(&missing)),
        });
    }
    problems
}

fn complaint(sum: &Sum, migration: &Migration) -> Option<String> {
    let checksum = migration.checksum();
    let declared = Declared {
        group: migration.group(),
        version: migration.version().get(),
        name: migration.name(),
        checksum: &checksum,
        // The compiler has compared which function it is, as far as it can.
        rollback: if migration.is_reversible() { Undo::Unseen } else { Undo::None },
        // Only the sources have them.
        uses: Uses::Unseen,
        out_of_order: migration.is_out_of_order(),
    };
    let complaint = sum.judge(declared, |next| next)?;
    Some(format!("`{}` ({}): {}", migration.name(), migration.source(), complaint.text))
}

/// Every group that is sealed in one of these files.
pub(crate) fn groups(files: &[SumFile]) -> BTreeSet<String> {
    let seen = files.iter().filter(|file| file.absent.is_none());
    let sums = seen.filter_map(|file| Sum::parse(file.text).ok());
    sums.flat_map(|sum| sum.sealed().iter().map(|sealed| sealed.group.clone()).collect::<Vec<_>>())
        .collect()
}

#[cfg(test)]
mod tests {
    //! What is said of a crate whose files and functions disagree.

    use super::*;
    use crate::{
        model::error::Error,
        registry::{
            list::{List, Registry},
            migration::{Body, Descriptor, Hints, Names},
        },
    };

    const fn linked(version: i64, name: &'static str, checksum: &'static str) -> Migration {
        let descriptor = Descriptor {
            labels: Names::NONE,
            after: Names::NONE,
            replaces: "",
            version,
            name,
            group: "default",
            checksum,
            crate_name: "my-shop",
            file: "src/m.rs",
            line: 3,
            out_of_order: false,
            hints: Hints::NONE,
        };
        let body = Body::Transaction { up: |_| Box::pin(async { Ok(()) }), down: None };
        Migration { descriptor, body, code: None }
    }

    fn file(sealed: &[Migration]) -> SumFile {
        let mut sum = Sum::default();
        for one in sealed {
            let checksum = one.checksum();
            sum.append(Declared {
                group: one.group(),
                version: one.version().get(),
                name: one.name(),
                checksum: &checksum,
                rollback: one
                    .is_reversible()
                    .then_some("v1:sha256:ee")
                    .map_or(Undo::None, Undo::Seen),
                uses: Uses::Unseen,
                out_of_order: false,
            });
        }
        SumFile { crate_name: "my-shop", text: sum.render().leak(), absent: None }
    }

    fn found(sealed: &[Migration], linked: &[Migration]) -> Vec<String> {
        let files = [file(sealed), file(sealed)];
        match Registry::new(List::Shared(linked.into()), "default", Some(&files)) {
            Ok(_) => Vec::new(),
            Err(Error::Registry { problems }) => problems,
            Err(other) => panic!("{other}"),
        }
    }

    const ONE: Migration = linked(1, "one", "v1:sha256:aaaaaaaaaaaaaaaa");
    const TWO: Migration = linked(2, "two", "v1:sha256:bbbbbbbbbbbbbbbb");
    const FIVE: Migration = linked(5, "five", "v1:sha256:cccccccccccccccc");

    #[test]
    fn what_is_linked_as_it_was_sealed_is_sound() {
        assert_eq!(found(&[ONE, TWO], &[ONE, TWO]), [""; 0]);
        assert_eq!(found(&[ONE], &[ONE, TWO]), [""; 0], "new ones need no seal");
        assert!(
            Registry::new(List::Shared([ONE].into()), "default", Some(&[])).is_ok(),
            "nor does a crate"
        );
    }

    #[test]
    fn a_crate_that_is_not_linked_is_named_with_the_line_to_add() {
        assert_eq!(
            found(&[ONE, TWO], &[]),
            ["1 `one` and 2 `two` are sealed but not linked: add `use my_shop as _;`"]
        );
    }

    #[test]
    fn one_that_is_gone_is_named() {
        let found = found(&[ONE, TWO], &[ONE]);
        assert!(found[0].starts_with("crate `my-shop`: 2 `two` is sealed but gone"), "{found:?}");
    }

    #[test]
    fn one_that_changed_or_comes_late_is_named_with_its_place() {
        let edited = linked(1, "one", "v1:sha256:dddddddddddddddd");
        let found = found(&[ONE, FIVE], &[edited, TWO, FIVE]);
        assert_eq!(found.len(), 2, "{found:?}");
        assert!(found[0].starts_with("`one` (src/m.rs:3): version 1 is sealed as"), "{found:?}");
        assert!(found[1].contains("older than the newest sealed one, 5 `five`"), "{found:?}");
    }

    /// Every way in which three migrations can be sealed, linked, edited and allowed to be late.
    #[test]
    fn the_first_glance_sees_what_a_look_in_full_sees() {
        const WAYS: usize = 7;
        let names = ["one", "two", "three"];
        let (as_sealed, edited) = ("v1:sha256:aaaaaaaaaaaaaaaa", "v1:sha256:bbbbbbbbbbbbbbbb");
        let mut seen = [0; 2];
        for case in 0..WAYS.pow(3) {
            let (mut sealed, mut linked_now) = (Vec::new(), Vec::new());
            for (at, name) in names.into_iter().enumerate() {
                let version = i64::try_from(at + 1).unwrap();
                let one = |checksum| linked(version, name, checksum);
                let (is_sealed, is_linked) =
                    match case / WAYS.pow(u32::try_from(at).unwrap()) % WAYS {
                        0 => (None, None),
                        1 => (Some(one(as_sealed)), None),
                        2 => (None, Some(one(as_sealed))),
                        3 => (None, Some(one(as_sealed).allowed_out_of_order())),
                        4 => (Some(one(as_sealed)), Some(one(edited))),
                        5 => (Some(one(as_sealed)), Some(one(as_sealed).allowed_out_of_order())),
                        _ => (Some(one(as_sealed)), Some(one(as_sealed))),
                    };
                sealed.extend(is_sealed);
                linked_now.extend(is_linked);
            }
            let file = file(&sealed);
            let given = linked_now.iter().map(Seen::Given);
            let glance = is_as_sealed(file.text, given, "default");
            let in_full = in_full("my-shop", file.text, &linked_now, "default");
            assert_eq!(glance, in_full.is_empty(), "{in_full:?}: {sealed:?}, {linked_now:?}");
            seen[usize::from(glance)] += 1;
        }
        assert!(seen.iter().all(|count| *count > 50), "{seen:?}");
    }

    #[test]
    fn one_that_lost_its_rollback_is_named() {
        let back = ONE.reversible_by(|_| Box::pin(async { Ok(()) }));
        assert_eq!(found(&[back], &[back]), [""; 0]);
        assert_eq!(found(&[ONE], &[back]), [""; 0], "its line says nothing of a rollback");
        let found = found(&[back, TWO], &[ONE, TWO]);
        assert_eq!(found.len(), 1, "{found:?}");
        assert!(found[0].contains("has lost its `reversible`: restore it"), "{found:?}");
    }

    /// One that was sealed late stands below newer ones: that takes a second look, and is sound.
    #[test]
    fn what_was_sealed_late_is_sound() {
        let late = TWO.allowed_out_of_order();
        assert_eq!(found(&[ONE, FIVE, TWO], &[ONE, late, FIVE]), [""; 0]);
        assert_eq!(found(&[ONE, FIVE, TWO], &[ONE, FIVE]).len(), 1, "it is gone");
    }

    #[test]
    fn a_file_that_came_after_the_build_is_named() {
        let directory = tempfile::tempdir().unwrap();
        let path: &str = directory.path().join(sum::FILE).to_str().unwrap().to_owned().leak();
        let absent = SumFile { crate_name: "my-shop", text: "", absent: Some(path) };
        let find = || problems(&[absent, absent], [Seen::Given(&ONE)].into_iter(), "default");
        assert_eq!(find(), [""; 0]);
        std::fs::write(path, sum::HEADER).unwrap();
        let found = find();
        assert_eq!(found.len(), 1, "{found:?}");
        assert!(
            found[0].starts_with("crate `my-shop`: this build is older than its migrations.sum")
        );
        assert!(found[0].ends_with("`touch` a source file of the crate, and build again"));
    }

    #[test]
    fn a_broken_file_is_named_with_its_crate() {
        let broken = SumFile { crate_name: "my-shop", text: "hello", absent: None };
        let found = problems(&[broken], [Seen::Given(&ONE)].into_iter(), "default");
        assert!(found[0].starts_with("crate `my-shop`: migrations.sum:1: "), "{found:?}");
    }
}
