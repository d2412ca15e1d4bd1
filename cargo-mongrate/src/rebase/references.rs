//! Where old names and numbers still stand: in links, comments, scripts. Only ever reported.

use std::fs;
use std::path::{Path, PathBuf};

use mongrate_seal::sources::Overlay;
use mongrate_seal::sum;

use crate::state::shown;

/// How many are named.
const NAMED_MAX: usize = 20;

/// How many files are looked into.
const FILES_MAX: usize = 20_000;

const FILE_BYTES_MAX: u64 = 1 << 20;

const TEXTS: [&str; 11] =
    ["rs", "md", "toml", "json", "yml", "yaml", "txt", "sh", "py", "js", "sql"];

/// `README.md:12 names `m0005_rooms``, for each word that is found below a directory.
pub(crate) fn of(words: &[String], directory: &Path, overlay: &Overlay) -> Vec<String> {
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
            // The number may be another's by now, and that one's attribute is no reference.
            if line.contains("migration(") || line.trim_start().starts_with("version = ") {
                continue;
            }
            if let Some(word) = words.iter().find(|word| has_word(line, word)) {
                found.push(format!("{}:{} names `{word}`", shown(&file), index + 1));
            }
        }
    }
    if found.len() > NAMED_MAX {
        let more = found.len() - NAMED_MAX;
        found.truncate(NAMED_MAX);
        found.push(format!("and {more} more"));
    }
    found
}

/// A version, if it is long enough to be no other number.
pub(crate) fn word(version: i64) -> Option<String> {
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
            // Of the link itself, if it is one: links cannot go in circles.
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
    //! Whole words only.

    use super::*;

    #[test]
    fn words_are_whole() {
        assert!(has_word("see [m5_a] and", "m5_a"));
        assert!(has_word("crate::m5_a::x", "m5_a"));
        assert!(!has_word("xm5_a m5_ab", "m5_a"));
        assert_eq!(word(99_999), None);
        assert_eq!(word(20_250_122_001).as_deref(), Some("20250122001"));
    }
}
