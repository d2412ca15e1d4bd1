//! The ignore list of `drift`: patterns of collections and indexes. Pure.

use super::error::Error;

/// The longest pattern, in bytes.
const BYTES_MAX: usize = 300;

/// Patterns: `collection`, or `collection/index`; `*` is any text and `?` any character.
#[derive(Clone, Debug, Default)]
pub(crate) struct IgnoreList(Vec<String>);

impl IgnoreList {
    /// Adds a pattern.
    pub(crate) fn add(&mut self, pattern: impl Into<String>) {
        self.0.push(pattern.into());
    }

    /// Refuses a pattern that can mean nothing.
    pub(crate) fn check(&self) -> Result<(), Error> {
        for pattern in &self.0 {
            let parts_are_there = pattern.split('/').all(|part| !part.is_empty());
            if pattern.len() > BYTES_MAX
                || !parts_are_there
                || pattern.matches('/').count() > 1
                || pattern.contains(char::is_control)
            {
                let problem = format!(
                    "`{}` is not a pattern: write `collection`, or `collection/index`, where `*` is \
                     any text and `?` any character, with at most {BYTES_MAX} bytes",
                    pattern.escape_debug()
                );
                return Err(Error::Settings { setting: "ignore", problem });
            }
        }
        Ok(())
    }

    /// Whether the list hides this collection with all its indexes.
    pub(crate) fn hides_collection(&self, collection: &str) -> bool {
        self.0.iter().any(|pattern| !pattern.contains('/') && matches(pattern, collection))
    }

    /// Whether the list hides a difference of this collection, or of this index of it.
    pub(crate) fn hides(&self, collection: &str, index: Option<&str>) -> bool {
        self.hides_collection(collection)
            || self.0.iter().any(|pattern| {
                let parts = pattern.split_once('/').zip(index);
                parts.is_some_and(|((of, name), index)| {
                    matches(of, collection) && matches(name, index)
                })
            })
    }
}

/// Whether the text is as the pattern says. Takes the product of both lengths at most.
fn matches(pattern: &str, text: &str) -> bool {
    let pattern: Vec<char> = pattern.chars().collect();
    // Whether the pattern up to here matches the text up to each place.
    let text: Vec<char> = text.chars().collect();
    let mut row = vec![false; text.len() + 1];
    if let Some(first) = row.first_mut() {
        *first = true;
    }
    for wanted in pattern {
        let mut next = vec![false; row.len()];
        for at in 0..row.len() {
            let before = at.checked_sub(1);
            let from = |row: &[bool]| before.and_then(|at| row.get(at).copied()).unwrap_or(false);
            let here = row.get(at).copied().unwrap_or(false);
            let is_letter = before
                .and_then(|at| text.get(at))
                .is_some_and(|found| wanted == '?' || *found == wanted);
            let matched = match wanted {
                '*' => here || from(&next),
                _ => is_letter && from(&row),
            };
            if let Some(place) = next.get_mut(at) {
                *place = matched;
            }
        }
        row = next;
    }
    row.last().copied().unwrap_or(false)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn list(patterns: &[&str]) -> IgnoreList {
        IgnoreList(patterns.iter().map(|pattern| (*pattern).to_owned()).collect())
    }

    #[test]
    fn a_star_is_any_text_and_a_question_mark_any_character() {
        for (pattern, text, is_match) in [
            ("users", "users", true),
            ("users", "users2", false),
            ("tmp.*", "tmp.a.b", true),
            ("tmp.*", "tmp", false),
            ("*", "", true),
            ("*", "anything", true),
            ("*_old", "users_old", true),
            ("a*b*c", "aXbYc", true),
            ("a*b*c", "aXcYb", false),
            ("v?", "v1", true),
            ("v?", "v", false),
            ("größe?", "größeß", true),
            ("**", "x", true),
        ] {
            assert_eq!(matches(pattern, text), is_match, "{pattern} {text}");
        }
        let many = "*a".repeat(140);
        assert!(!matches(&many, &"a".repeat(139)), "in a moment");
    }

    #[test]
    fn a_pattern_of_indexes_hides_indexes_only() {
        let ignored = list(&["tmp.*", "users/*_old"]);
        assert!(ignored.hides_collection("tmp.a") && ignored.hides("tmp.a", Some("x_1")));
        assert!(ignored.hides("users", Some("email_1_old")));
        assert!(!ignored.hides("users", Some("email_1")) && !ignored.hides("users", None));
    }

    #[test]
    fn what_is_no_pattern_is_refused() {
        for wrong in ["", "/", "a/", "/a", "a/b/c", "a\n", &"a".repeat(301)] {
            let error = list(&[wrong]).check().unwrap_err().to_string();
            assert!(error.starts_with("ignore: `"), "{error}");
        }
        list(&["*", "a.b/c_1"]).check().unwrap();
    }
}
