//! The lines that git writes into a file that it could not merge.

/// Whether git wrote this line at the beginning of a conflict.
pub fn is_conflict_start(line: &str) -> bool {
    line.strip_prefix("<<<<<<<").is_some_and(|rest| rest.is_empty() || rest.starts_with(' '))
}

/// Whether git wrote this line to mark a conflict.
pub(crate) fn is_conflict(line: &str) -> bool {
    ["<<<<<<<", "=======", "|||||||", ">>>>>>>"].iter().any(|marker| line.starts_with(marker))
}
