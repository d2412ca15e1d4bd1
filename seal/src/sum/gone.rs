//! The error texts for sealed migrations that are missing.

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
};

use super::{format::FILE, sealed::Sealed};

/// The most migrations that a text names; it counts the rest.
const NAMED_MAX: usize = 3;

/// Returns the text for migrations that are in no file any more.
pub fn gone(sealed: &[&Sealed]) -> String {
    let (is, them, line) = words(sealed);
    format!(
        "{} {is} sealed but gone from this package: restore {them} from git, with the `mod` line; \
         if no database has applied {them} yet, delete {line} and all lines below from {FILE}, \
         and run `cargo mongrate seal`",
        named(sealed)
    )
}

/// Returns a text for each file that has sealed migrations and that no `mod` reaches. Paths are shown
/// relative to `here`.
pub fn unreached_by_file(sealed: &[(&Sealed, PathBuf)], here: &Path) -> Vec<String> {
    let mut by_file: BTreeMap<&Path, Vec<&Sealed>> = BTreeMap::new();
    for (migration, file) in sealed {
        by_file.entry(file).or_default().push(migration);
    }
    by_file.into_iter().map(|(file, sealed)| unreached(&sealed, file, here)).collect()
}

/// Returns the text for one such file.
pub fn unreached(sealed: &[&Sealed], file: &Path, here: &Path) -> String {
    let here = here.canonicalize().unwrap_or_else(|_| here.to_owned());
    let shown = |path: &Path| path.strip_prefix(&here).unwrap_or(path).display().to_string();
    let (line, to) = mod_line(file);
    let to = to.map_or_else(|| "the module above it".to_owned(), |to| shown(&to));
    let file = shown(file);
    let (is, them, ..) = words(sealed);
    format!(
        "{} {is} sealed and in {file}, but no `mod` reaches that file, so the binary does not link \
         {them}: add `{line}` to {to}",
        named(sealed)
    )
}

/// Returns the `mod` line that would reach a file, and the file to write it into, if there is one.
pub fn mod_line(file: &Path) -> (String, Option<PathBuf>) {
    let stem = file.file_stem().unwrap_or_default().to_string_lossy().into_owned();
    let beside = file.parent().unwrap_or(Path::new(""));
    let (name, beside) = match stem.as_str() {
        "mod" => {
            let name = beside.file_name().unwrap_or_default().to_string_lossy().into_owned();
            (name, beside.parent().unwrap_or(Path::new("")))
        }
        _ => (stem, beside),
    };
    let mut sibling = beside.as_os_str().to_owned();
    sibling.push(".rs");
    let above = [
        beside.join("mod.rs"),
        PathBuf::from(sibling),
        beside.join("lib.rs"),
        beside.join("main.rs"),
    ];
    let above = above.into_iter().find(|above| above != file && above.is_file());
    (format!("mod {name};"), above)
}

/// Returns the text for migrations whose crate is not linked.
pub fn unlinked(sealed: &[&Sealed], package: &str) -> String {
    let (is, ..) = words(sealed);
    let krate = package.replace('-', "_");
    format!("{} {is} sealed but not linked: add `use {krate} as _;`", named(sealed))
}

fn words(sealed: &[&Sealed]) -> (&'static str, &'static str, &'static str) {
    match sealed.len() {
        1 => ("is", "it", "its line"),
        _ => ("are", "them", "the first one's line"),
    }
}

fn named(sealed: &[&Sealed]) -> String {
    let mut named: Vec<String> =
        sealed.iter().take(NAMED_MAX).map(|sealed| sealed.shown()).collect();
    if sealed.len() > NAMED_MAX {
        named.push(format!("{} more", sealed.len() - NAMED_MAX));
    }
    match named.split_last() {
        Some((last, [])) => last.clone(),
        Some((last, others)) => format!("{} and {last}", others.join(", ")),
        None => String::new(),
    }
}

#[cfg(test)]
mod tests {
    //! Texts for one, some and many migrations.

    use super::*;

    fn sealed(version: i64) -> Sealed {
        let (group, name) = ("default".to_owned(), "x".to_owned());
        Sealed { group, version, name, checksum: String::new(), rollback: None, uses: None }
    }

    #[test]
    fn many_are_counted() {
        let all: Vec<Sealed> = (1..=5).map(sealed).collect();
        let all: Vec<&Sealed> = all.iter().collect();
        assert_eq!(
            unlinked(&all[..1], "my-migrations"),
            "1 `x` is sealed but not linked: add `use my_migrations as _;`"
        );
        assert_eq!(named(&all[..2]), "1 `x` and 2 `x`");
        assert_eq!(named(&all), "1 `x`, 2 `x`, 3 `x` and 2 more");
    }
}
