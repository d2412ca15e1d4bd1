//! The next free version, for the text of a complaint; and what is still written at all.
//!
//! The table holds only what has been expanded so far. So that a suggestion is not taken further
//! down, the package's sources are searched as text, which is cheap and errs on the safe side:
//! a version of another group, or in a comment, is left free as well.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use super::declaration::Declaration;
use super::known::{Known, Origin};

const DEPTH_MAX: usize = 16;
const FILES_MAX: usize = 20_000;
const FILE_BYTES_MAX: u64 = 1 << 20;

/// One more than any version in sight.
pub(super) fn next_free(new: &Declaration, known: &Known, origin: &Origin) -> i64 {
    let declared = known.newest(new).unwrap_or(0).max(new.version);
    let mut files = match origin.directory.as_os_str().is_empty() {
        true => Vec::new(),
        false => sources(&origin.directory.join("src")),
    };
    files.extend(new.place.path.clone());
    let texts = files.iter().filter_map(|file| fs::read_to_string(file).ok());
    let written = texts.filter_map(|text| versions(&text).max()).max().unwrap_or(0);
    declared.max(written).saturating_add(1)
}

/// Every version that is written below a directory. `None` where text cannot tell: a version that
/// is no number (a macro's), or sources that come from elsewhere.
pub(super) fn written(directory: &Path) -> Option<BTreeSet<i64>> {
    let files = sources(directory);
    if files.len() > FILES_MAX {
        return None;
    }
    let mut written = BTreeSet::new();
    for file in files {
        let text = fs::read_to_string(file).ok()?;
        let uses = text.matches("migration(").count();
        let found: Vec<i64> = versions(&text).collect();
        if found.len() < uses || ["include!", "#[path"].iter().any(|from| text.contains(from)) {
            return None;
        }
        written.extend(found);
    }
    Some(written)
}

/// The Rust files below a directory.
fn sources(directory: &Path) -> Vec<PathBuf> {
    let mut files = Vec::new();
    let mut directories = vec![(directory.to_owned(), 0)];
    while let Some((directory, depth)) = directories.pop() {
        let Ok(entries) = fs::read_dir(directory) else { continue };
        for entry in entries.flatten() {
            let path = entry.path();
            // Of the link itself, if it is one: links are not followed, and cannot go in circles.
            let Ok(about) = entry.metadata() else { continue };
            if about.is_dir() && depth < DEPTH_MAX {
                directories.push((path, depth + 1));
            } else if about.is_file()
                && about.len() <= FILE_BYTES_MAX
                && path.extension().is_some_and(|extension| extension == "rs")
            {
                files.push(path);
            }
        }
        if files.len() > FILES_MAX {
            break;
        }
    }
    files
}

/// Every number `n` in `migration(… version = n …)`.
fn versions(text: &str) -> impl Iterator<Item = i64> {
    text.split("migration(").skip(1).filter_map(|after| {
        let arguments = after.split(')').next()?;
        let value = arguments.split("version").nth(1)?.trim_start().strip_prefix('=')?;
        let digits: String = value
            .trim_start()
            .chars()
            .take_while(|char| char.is_ascii_digit() || *char == '_')
            .filter(char::is_ascii_digit)
            .collect();
        digits.parse().ok()
    })
}

#[cfg(test)]
mod tests {
    //! What is read as a version.

    use super::*;

    #[test]
    fn versions_are_found_in_any_layout() {
        let text = "
            #[migration(version = 3)] #[mongrate::migration(
                name = \"x\",
                version=20_250_122_001,
            )]
            #[migration(name = \"none\")] #[migration] migration(version = x) version = 9
        ";
        assert_eq!(versions(text).collect::<Vec<_>>(), [3, 20_250_122_001]);
    }
}
