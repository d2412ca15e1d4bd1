//! Links, comments and scripts that still have old names and numbers. They are only reported.

use std::{
    fs,
    path::{Path, PathBuf},
};

use mongrate_seal::{sources::Overlay, sum};

use crate::places::shown;

/// The most references that are reported.
const REPORTED_MAX: usize = 20;

/// The most files that are read.
const FILES_MAX: usize = 20_000;

/// The size above which a file is not read.
const FILE_BYTES_MAX: u64 = 1 << 20;

/// The extensions of files that are read.
const TEXTS: [&str; 11] =
    ["rs", "md", "toml", "json", "yml", "yaml", "txt", "sh", "py", "js", "sql"];

/// Returns a line such as ``README.md:12 names `m0005_rooms` `` for each place below a directory
/// where one of the words is found.
pub(crate) fn find(words: &[String], directory: &Path, overlay: &Overlay) -> Vec<String> {
    if words.is_empty() {
        return Vec::new();
    }
    let mut found = Vec::new();
    let mut files = texts(directory);
    files.extend(overlay.changes().filter(|(_, text)| text.is_some()).map(|(path, _)| path.into()));
    files.retain(|file| file.file_name().is_some_and(|name| name != sum::FILE));
    files.sort();
    files.dedup();
    for file in files {
        let Ok(text) = overlay.read(&file) else { continue };
        if !words.iter().any(|word| text.contains(word.as_str())) {
            continue;
        }
        for (index, line) in text.lines().enumerate() {
            // The number may belong to another migration by now, whose attribute is no reference.
            if line.contains("migration(") || line.trim_start().starts_with("version = ") {
                continue;
            }
            if let Some(word) = words.iter().find(|word| has_word(line, word)) {
                found.push(format!("{}:{} names `{word}`", shown(&file), index + 1));
            }
        }
    }
    if found.len() > REPORTED_MAX {
        let more = found.len() - REPORTED_MAX;
        found.truncate(REPORTED_MAX);
        found.push(format!("and {more} more"));
    }
    found
}

/// A version as a word to look for, if it is so long that it is no other number.
pub(crate) fn version_word(version: i64) -> Option<String> {
    Some(version.to_string()).filter(|digits| digits.len() >= 6)
}

fn has_word(line: &str, word: &str) -> bool {
    let is_part = |c: char| c.is_alphanumeric() || c == '_';
    line.match_indices(word).any(|(at, _)| {
        let (before, rest) = line.split_at(at);
        let after = rest.get(word.len()..).unwrap_or_default();
        !before.ends_with(is_part) && !after.starts_with(is_part)
    })
}

fn texts(directory: &Path) -> Vec<PathBuf> {
    let (mut files, mut directories) = (Vec::new(), vec![directory.to_owned()]);
    while let Some(directory) = directories.pop() {
        for entry in fs::read_dir(directory).into_iter().flatten().flatten() {
            let (name, path) = (entry.file_name(), entry.path());
            // The type of a link itself, not of its target, so that links cannot go in circles.
            let Ok(about) = entry.metadata() else { continue };
            let is_aside = name.to_string_lossy().starts_with('.') || name == "target";
            if about.is_dir() && !is_aside {
                directories.push(path);
            } else if about.is_file()
                && about.len() <= FILE_BYTES_MAX
                && name != sum::FILE
                && path.extension().is_some_and(|end| TEXTS.iter().any(|text| end == *text))
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

#[cfg(test)]
mod tests {
    //! Only whole words are found.

    use super::*;

    #[test]
    fn words_are_whole() {
        assert!(has_word("see [m5_a] and", "m5_a"));
        assert!(has_word("crate::m5_a::x", "m5_a"));
        assert!(!has_word("xm5_a m5_ab", "m5_a"));
        assert_eq!(version_word(99_999), None);
        assert_eq!(version_word(20_250_122_001).as_deref(), Some("20250122001"));
    }
}
