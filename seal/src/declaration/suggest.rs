//! Guesses what a misspelt word means.

pub use crate::nearest::nearest;

/// The words of other migration tools for the same arguments.
const ELSEWHERE: [(&str, &str); 20] = [
    ("id", "version"),
    ("number", "version"),
    ("timestamp", "version"),
    ("title", "name"),
    ("description", "name"),
    ("database", "group"),
    ("tag", "group"),
    ("down", "reversible"),
    ("rollback", "reversible"),
    ("revert", "reversible"),
    ("undo", "reversible"),
    ("allow_out_of_order", "out_of_order"),
    ("run_always", "repeatable"),
    ("run_on_change", "repeatable"),
    ("always", "repeatable"),
    ("context", "labels"),
    ("contexts", "labels"),
    ("environment", "labels"),
    ("profile", "labels"),
    ("depends_on", "after"),
];

/// Returns the key that was probably meant, if a key is close enough.
pub(super) fn key(written: &str, keys: &[&'static str]) -> Option<&'static str> {
    let written = written.to_ascii_lowercase();
    if let Some((_, meant)) = ELSEWHERE.iter().find(|(other, _)| *other == written) {
        return Some(meant);
    }
    nearest(&written, keys.iter().copied())
}

/// Joins words: `a, b and c`.
pub(super) fn list(words: &[String], before_last: &str) -> String {
    match words {
        [] => String::new(),
        [only] => only.clone(),
        [most @ .., last] => format!("{} {before_last} {last}", most.join(", ")),
    }
}

#[cfg(test)]
mod tests {
    //! Good guesses, and no guesses.

    use super::*;

    const KEYS: [&str; 3] = ["version", "name", "out_of_order"];

    #[test]
    fn a_misspelt_key_is_recognised() {
        assert_eq!(key("vresion", &KEYS), Some("version"));
        assert_eq!(key("Name", &KEYS), Some("name"));
        assert_eq!(key("outoforder", &KEYS), Some("out_of_order"));
    }

    #[test]
    fn another_tools_word_is_translated() {
        assert_eq!(key("down", &KEYS), Some("reversible"));
    }

    #[test]
    fn a_stranger_is_not_guessed_at() {
        assert_eq!(key("author", &KEYS), None);
    }

    #[test]
    fn lists_read_well() {
        let words = ["a", "b", "c"].map(str::to_owned);
        assert_eq!(list(&words, "and"), "a, b and c");
        assert_eq!(list(&words[..1], "and"), "a");
    }
}
