//! The sum files of the linked crates, against what is linked of them.

use std::collections::{BTreeMap, BTreeSet};

use linkme::distributed_slice;
use mongrate_seal::sum::{self, Declared, Sealed, Sum};

use crate::Migration;

/// The sum file of each linked crate that has one, once or more.
#[distributed_slice]
pub static SUMS: [SumFile];

/// A crate's `migrations.sum`, as it was compiled.
#[derive(Clone, Copy, Debug)]
#[doc(hidden)]
pub struct SumFile {
    pub crate_name: &'static str,
    pub text: &'static str,
}

/// What is wrong with the migrations of one group, by these files. A crate without one is sound.
pub(crate) fn problems(files: &[SumFile], linked: &[Migration], group: &str) -> Vec<String> {
    let by_crate: BTreeMap<&str, &str> =
        files.iter().map(|file| (file.crate_name, file.text)).collect();
    let mut problems = Vec::new();
    for (crate_name, text) in by_crate {
        match Sum::parse(text) {
            Err(fault) => problems.push(format!("crate `{crate_name}`: {fault}")),
            Ok(sum) => {
                let of_crate: Vec<&Migration> = linked
                    .iter()
                    .filter(|one| one.crate_name() == crate_name && one.group() == group)
                    .collect();
                problems.extend(of_one(crate_name, &sum, &of_crate, group));
            }
        }
    }
    problems
}

fn of_one(crate_name: &str, sum: &Sum, linked: &[&Migration], group: &str) -> Vec<String> {
    let mut problems: Vec<String> = linked.iter().filter_map(|one| complaint(sum, one)).collect();
    let versions: BTreeSet<i64> = linked.iter().map(|one| one.version().get()).collect();
    let missing: Vec<&Sealed> = sum
        .sealed()
        .iter()
        .filter(|one| one.group == group && !versions.contains(&one.version))
        .collect();
    if !missing.is_empty() {
        problems.push(match linked.is_empty() {
            true => sum::unlinked(&missing, crate_name),
            false => format!("crate `{crate_name}`: {}", sum::gone(&missing)),
        });
    }
    problems
}

fn complaint(sum: &Sum, one: &Migration) -> Option<String> {
    let checksum = one.checksum();
    let declared = Declared {
        group: one.group(),
        version: one.version().get(),
        name: one.name(),
        checksum: &checksum,
        out_of_order: one.is_out_of_order(),
    };
    let complaint = sum.judge(declared, |next| next)?;
    Some(format!("`{}` ({}): {}", one.name(), one.source(), complaint.text))
}

/// Every group that is sealed in one of these files.
pub(crate) fn groups(files: &[SumFile]) -> BTreeSet<String> {
    let sums = files.iter().filter_map(|file| Sum::parse(file.text).ok());
    sums.flat_map(|sum| sum.sealed().iter().map(|sealed| sealed.group.clone()).collect::<Vec<_>>())
        .collect()
}

#[cfg(test)]
mod tests {
    //! What is said of a crate whose files and functions disagree.

    use super::*;
    use crate::{
        Error,
        migration::{Descriptor, Hints},
        registry::Registry,
    };

    const fn linked(version: i64, name: &'static str, checksum: &'static str) -> Migration {
        let descriptor = Descriptor {
            version,
            name,
            group: "default",
            checksum,
            crate_name: "my-shop",
            file: "src/m.rs",
            line: 3,
            function: name,
            out_of_order: false,
            hints: Hints::NONE,
        };
        Migration::transaction(descriptor, |_| Box::pin(async { Ok(()) }), None)
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
                out_of_order: false,
            });
        }
        SumFile { crate_name: "my-shop", text: sum.render().leak() }
    }

    fn found(sealed: &[Migration], linked: &[Migration]) -> Vec<String> {
        let files = [file(sealed), file(sealed)];
        match Registry::new(linked, "default", Some(&files)) {
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
        assert!(Registry::new(&[ONE], "default", Some(&[])).is_ok(), "nor does a crate");
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

    #[test]
    fn a_broken_file_is_named_with_its_crate() {
        let broken = SumFile { crate_name: "my-shop", text: "hello" };
        let found = problems(&[broken], &[ONE], "default");
        assert!(found[0].starts_with("crate `my-shop`: migrations.sum:1: "), "{found:?}");
    }
}
