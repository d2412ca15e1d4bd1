//! The changes that a new number needs in the sources: the attribute, the file name, the `mod`
//! line.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs, io,
    ops::Range,
    path::{Path, PathBuf},
};

use mongrate_seal::sources::{Overlay, Sources, Written};

use super::items::sorted_mod_lines;
use crate::{
    package::Package,
    places::{place, promise, shown},
};

/// A migration and its new version.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Renumbering<'a> {
    pub(crate) migration: &'a Written,
    pub(crate) version: i64,
}

/// The changes beside those in the overlay.
#[derive(Debug, Default)]
pub(crate) struct Edits {
    /// Files and directories that get a new name.
    pub(crate) renamed: BTreeMap<PathBuf, PathBuf>,
    /// Files that are not text, and move with their directory.
    pub(crate) copies: Vec<(PathBuf, PathBuf)>,
    /// Names of modules that no longer exist.
    pub(crate) old_modules: Vec<String>,
}

type Replacements = BTreeMap<PathBuf, Vec<(Range<usize>, String)>>;

/// Puts the changes into the overlay; writes nothing.
///
/// # Errors
///
/// Returns everything that needs a human decision.
pub(crate) fn apply(
    package: &Package,
    sources: &Sources,
    overlay: &mut Overlay,
    renumberings: &[Renumbering<'_>],
) -> Result<Edits, Vec<String>> {
    let mut edits = Edits::default();
    let mut replacements = Replacements::new();
    let mut new_modules = Vec::new();
    let mut problems = Vec::new();
    for renumbering in renumberings {
        if let Err(problem) = replace_version(renumbering, overlay, &mut replacements) {
            problems.push(problem);
        }
        match renaming(renumbering, package, sources, overlay, renumberings) {
            Ok(None) => {}
            Ok(Some(renaming)) if edits.renamed.contains_key(&renaming.from) => {
                debug_assert!(edits.renamed.get(&renaming.from) == Some(&renaming.to));
            }
            Ok(Some(renaming)) => {
                for (from, to) in renaming.beside {
                    edits.renamed.insert(from, to);
                }
                edits.renamed.insert(renaming.from, renaming.to);
                edits.old_modules.push(renaming.old_module);
                new_modules.extend(renaming.new_module);
                let (file, range, text) = renaming.line;
                replacements.entry(file).or_default().push((range, text));
            }
            Err(problem) => problems.push(problem),
        }
    }
    if problems.is_empty()
        && let Err(error) = write(replacements, &new_modules, overlay, &mut edits)
    {
        problems.push(error);
    }
    if problems.is_empty() { Ok(edits) } else { Err(problems) }
}

/// Replaces the number in the attribute.
fn replace_version(
    Renumbering { migration, version }: &Renumbering<'_>,
    overlay: &Overlay,
    replacements: &mut Replacements,
) -> Result<(), String> {
    let text =
        overlay.read(&migration.file).map_err(|error| unreadable(&migration.file, &error))?;
    let Some(written) = text.get(migration.version_at.clone()) else {
        return Err(format!("{}: its version is not where it was", place(migration)));
    };
    let new = (migration.version_at.clone(), like(written, *version));
    replacements.entry(migration.file.clone()).or_default().push(new);
    Ok(())
}

fn unreadable(path: &Path, error: &io::Error) -> String {
    format!("cannot read {}: {error}", shown(path))
}

/// A number in the style of another: with `_` between thousands, with a suffix.
fn like(written: &str, number: i64) -> String {
    let digits = written.trim_start_matches(|c: char| c.is_ascii_digit() || c == '_');
    let is_decimal =
        !(written.starts_with("0x") || written.starts_with("0o") || written.starts_with("0b"));
    let suffix = if is_decimal { digits } else { "" };
    let mut text = number.to_string();
    if written.contains('_') {
        let mut at = text.len();
        while at > 3 {
            at -= 3;
            text.insert(at, '_');
        }
    }
    text + suffix
}

/// A file or directory that gets a new name, and the change of its `mod` line.
struct Renaming {
    from: PathBuf,
    to: PathBuf,
    /// What is renamed with it: the directory of a file's submodules, or the file beside a
    /// directory.
    beside: Vec<(PathBuf, PathBuf)>,
    /// File, range and new text of the `mod` line.
    line: (PathBuf, Range<usize>, String),
    old_module: String,
    /// `None` if a `path` attribute names the file.
    new_module: Option<String>,
}

/// The renaming that a new number needs, if the name of the file promises a version.
fn renaming(
    Renumbering { migration, version }: &Renumbering<'_>,
    package: &Package,
    sources: &Sources,
    overlay: &Overlay,
    renumberings: &[Renumbering<'_>],
) -> Result<Option<Renaming>, String> {
    let Some(promised) = promise(migration, &package.directory) else { return Ok(None) };
    if promised.version != migration.version {
        return Ok(None);
    }
    let from = promised.path;
    let same_file = sources
        .migrations
        .iter()
        .filter(|other| promise(other, &package.directory).is_some_and(|other| other.path == from));
    for other in same_file {
        let has_same_version = renumberings
            .iter()
            .any(|found| std::ptr::eq(found.migration, other) && found.version == *version);
        if !has_same_version {
            return Err(format!(
                "{}: `{}` keeps its version, but `{}` in the same {} gets another: move `{}` to a \
                 file of its own",
                place(other),
                other.name,
                migration.name,
                if from == migration.file { "file" } else { "directory" },
                other.name,
            ));
        }
    }
    let old = from.file_name().unwrap_or_default().to_string_lossy().into_owned();
    let new = renumbered(&old, *version);
    let renamed = from.with_file_name(&new);
    let stem = |name: &str| name.trim_end_matches(".rs").to_owned();
    let (old_module, new_module) = (stem(&old), stem(&new));
    let mut beside = Vec::new();
    let module = if from == migration.file {
        let inside = from.with_extension("");
        if inside.is_dir() {
            beside.push((inside, from.with_file_name(&new_module)));
        }
        from.clone()
    } else {
        let (nested, flat) = (from.join("mod.rs"), from.with_file_name(format!("{old}.rs")));
        if sources.files.contains_key(&nested) {
            nested
        } else {
            beside.push((flat.clone(), from.with_file_name(format!("{new}.rs"))));
            flat
        }
    };
    let Some(Some(reached)) = sources.files.get(&module) else {
        return Err(format!(
            "{}: no `mod` line reaches `{old}`, so it cannot be renamed",
            place(migration)
        ));
    };
    let text = overlay.read(&reached.from).map_err(|error| unreadable(&reached.from, &error))?;
    let (range, line, is_name) = match &reached.path {
        Some(path) => {
            let literal = text.get(path.clone()).unwrap_or_default();
            (path.clone(), literal.replace(&old, &new), false)
        }
        None => (reached.name.clone(), new_module.clone(), true),
    };
    Ok(Some(Renaming {
        from,
        to: renamed,
        beside,
        line: (reached.from.clone(), range, line),
        old_module,
        new_module: is_name.then_some(new_module),
    }))
}

/// `m0005_rooms.rs` with another number, in as many digits.
fn renumbered(name: &str, version: i64) -> String {
    let rest = name.trim_start_matches('m').trim_start_matches(|c: char| c.is_ascii_digit());
    let width = name.len() - rest.len() - 1;
    format!("m{version:0width$}{rest}")
}

/// Puts replacements and new names into the overlay.
fn write(
    replacements: Replacements,
    new_modules: &[String],
    overlay: &mut Overlay,
    edits: &mut Edits,
) -> Result<(), String> {
    for (file, mut changes) in replacements {
        let mut text = overlay.read(&file).map_err(|error| unreadable(&file, &error))?;
        changes.sort_by_key(|(range, _)| std::cmp::Reverse(range.start));
        for (range, new) in changes {
            text.replace_range(range, &new);
        }
        overlay.write(file, sorted_mod_lines(&text, new_modules));
    }
    let renamed = edits.renamed.clone();
    let froms: BTreeSet<&PathBuf> = renamed.keys().collect();
    for from in &froms {
        if froms.iter().any(|other| other != from && from.starts_with(other)) {
            let text = "its directory is renamed, too: rename one of the two by hand";
            return Err(format!("{}: {text}", shown(from)));
        }
    }
    for (from, to) in &renamed {
        for file in files_of(from) {
            let inside = file.strip_prefix(from).unwrap_or(Path::new(""));
            let target = if inside.as_os_str().is_empty() { to.clone() } else { to.join(inside) };
            move_file(&file, &target, overlay, edits)?;
        }
    }
    Ok(())
}

fn move_file(
    file: &Path,
    target: &Path,
    overlay: &mut Overlay,
    edits: &mut Edits,
) -> Result<(), String> {
    let exists = || format!("{} exists already: rename or delete it first", shown(target));
    match overlay.read(file) {
        Ok(text) => {
            // A run that was killed may have left the same text.
            if target.exists() && fs::read_to_string(target).ok().as_ref() != Some(&text) {
                return Err(exists());
            }
            overlay.write(target, text);
            overlay.remove(file);
        }
        Err(error) if error.kind() == io::ErrorKind::InvalidData => {
            if target.exists() && fs::read(target).ok() != fs::read(file).ok() {
                return Err(exists());
            }
            edits.copies.push((file.to_owned(), target.to_owned()));
        }
        Err(error) => return Err(unreadable(file, &error)),
    }
    Ok(())
}

/// The file itself, or all files below a directory.
fn files_of(path: &Path) -> Vec<PathBuf> {
    if !path.is_dir() {
        return vec![path.to_owned()];
    }
    let entries = fs::read_dir(path).into_iter().flatten().flatten();
    entries.flat_map(|entry| files_of(&entry.path())).collect()
}

#[cfg(test)]
mod tests {
    //! Numbers in attributes and in file names.

    use super::*;

    #[test]
    fn a_number_is_written_as_the_old_one_was() {
        assert_eq!(like("5", 7), "7");
        assert_eq!(like("20_250_122_001", 20_250_122_002), "20_250_122_002");
        assert_eq!(like("5i64", 12), "12i64");
        assert_eq!(like("0x5", 16), "16");
    }

    #[test]
    fn a_name_keeps_its_digits() {
        assert_eq!(renumbered("m0005_rooms.rs", 7), "m0007_rooms.rs");
        assert_eq!(renumbered("m9_rooms", 10), "m10_rooms");
        assert_eq!(renumbered("m20250122001_m5.rs", 20_250_122_002), "m20250122002_m5.rs");
    }
}
