//! The `mongrate.toml` files of the linked crates, as the attribute has read them.

use std::{
    collections::{BTreeMap, BTreeSet},
    path::Path,
};

use linkme::distributed_slice;
use mongrate_seal::policies::{FILE, Placed, parse_lines};

/// The policy file of each linked crate that has one, once or more.
#[distributed_slice]
pub static POLICY_FILES: [PolicyFile];

/// A crate's `mongrate.toml`, as it was compiled.
#[derive(Clone, Copy, Debug)]
#[doc(hidden)]
pub struct PolicyFile {
    pub crate_name: &'static str,
    /// The rules, as `mongrate_seal::policies::lines` writes them.
    pub lines: &'static str,
    /// The path at which it was looked for, if there was no such file: then there are no rules.
    pub absent: Option<&'static str>,
}

/// The rules of the files of these crates, by crate.
///
/// # Errors
///
/// A line that this build cannot read: the attribute is of another version.
pub(crate) fn of_crates<'a>(
    files: &[PolicyFile],
    crates: impl Iterator<Item = &'a str>,
) -> Result<Vec<(&'static str, Vec<Placed>)>, String> {
    if files.iter().all(|file| file.absent.is_some()) {
        return Ok(Vec::new());
    }
    let crates: BTreeSet<&str> = crates.collect();
    let there = files.iter().filter(|file| file.absent.is_none());
    let by_crate: BTreeMap<&str, &str> = there
        .filter(|file| crates.contains(file.crate_name))
        .map(|file| (file.crate_name, file.lines))
        .collect();
    let read = by_crate.into_iter().map(|(name, lines)| match parse_lines(lines) {
        Ok(rules) => Ok((name, rules)),
        Err(line) => Err(format!("crate `{name}`: this build cannot read `{line}` of its {FILE}")),
    });
    read.collect()
}

/// Names the files that were made after the running build: cargo cannot watch a file that does not
/// exist yet, so it took the build for fresh.
pub(crate) fn unseen(files: &[PolicyFile]) -> Vec<String> {
    let absent = files.iter().filter_map(|file| Some((file.crate_name, file.absent?)));
    let unseen: BTreeSet<(&str, &str)> =
        absent.filter(|(_, path)| Path::new(path).is_file()).collect();
    let texts = unseen.into_iter().map(|(crate_name, path)| {
        format!(
            "crate `{crate_name}`: this build is older than its {FILE}, and does not have the rules in \
             it ({path}): change or `touch` a source file of the crate, and build again"
        )
    });
    texts.collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn file(crate_name: &'static str, lines: &'static str) -> PolicyFile {
        PolicyFile { crate_name, lines, absent: None }
    }

    #[test]
    fn only_the_files_of_the_crates_of_the_run_hold() {
        let files =
            [file("a", "1\tdeny\tall\n"), file("b", "2\tplan_required\ttrue\n"), file("a", "")];
        let of = |names: &[&'static str]| {
            let read = of_crates(&files, names.iter().copied()).unwrap();
            read.into_iter().map(|(name, rules)| (name, rules.len())).collect::<Vec<_>>()
        };
        assert_eq!(of(&["b", "c"]), [("b", 1)]);
        assert_eq!(of(&[]), []);
        assert!(of_crates(&[file("a", "x")], ["a"].into_iter()).is_err());
    }

    #[test]
    fn a_file_that_came_after_the_build_is_named() {
        let absent = |path| PolicyFile { crate_name: "a", lines: "", absent: Some(path) };
        assert_eq!(unseen(&[absent("/nowhere/mongrate.toml")]), Vec::<String>::new());
        let found = unseen(&[absent(concat!(env!("CARGO_MANIFEST_DIR"), "/Cargo.toml"))]);
        assert!(found[0].contains("older than its mongrate.toml"), "{found:?}");
    }
}
