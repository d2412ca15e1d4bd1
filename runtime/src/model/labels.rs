//! Labels: which migrations apply in an environment.

use std::collections::BTreeSet;

/// The labels that are selected for a database, e.g. `demo` and `eu`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Labels(BTreeSet<String>);

impl Labels {
    const BYTES_MAX: usize = 64;

    /// Adds a label. Whether it is one is checked with the other settings.
    pub(crate) fn add(&mut self, label: impl Into<String>) {
        self.0.insert(label.into());
    }

    /// The first text that is no label.
    pub(crate) fn wrong(&self) -> Option<&str> {
        let is_legal =
            |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_';
        let is_label = |text: &&String| {
            (1..=Self::BYTES_MAX).contains(&text.len()) && text.bytes().all(is_legal)
        };
        self.0.iter().find(|text| !is_label(text)).map(String::as_str)
    }

    /// Whether a migration with these labels applies: none of those after a `!` is selected, and one
    /// of the others is, if there are others.
    pub(crate) fn select<'a>(&self, labels: impl Iterator<Item = &'a str>) -> bool {
        let (mut asks, mut is_selected) = (false, false);
        for label in labels {
            match label.strip_prefix('!') {
                Some(excluding) if self.0.contains(excluding) => return false,
                Some(_) => {}
                None => {
                    asks = true;
                    is_selected |= self.0.contains(label);
                }
            }
        }
        !asks || is_selected
    }

    /// What a record of a skipped migration says.
    pub(crate) fn note(&self) -> String {
        format!("the selected labels are: {}", self.shown())
    }

    /// The selected labels, with commas between them; `none` if there are none.
    pub(crate) fn shown(&self) -> String {
        if self.0.is_empty() {
            return "none".to_owned();
        }
        self.0.iter().map(String::as_str).collect::<Vec<_>>().join(", ")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn labels(text: &str) -> Labels {
        let mut labels = Labels::default();
        text.split_whitespace().for_each(|label| labels.add(label));
        labels
    }

    #[test]
    fn any_of_the_labels_selects_and_an_excluding_one_forbids() {
        for (selected, of, expected) in [
            ("", "", true),
            ("eu", "", true),
            ("", "demo", false),
            ("demo", "demo", true),
            ("eu", "demo", false),
            ("eu", "demo eu", true),
            ("", "!prod", true),
            ("prod", "!prod", false),
            ("eu prod", "eu !prod", false),
            ("eu", "eu !prod", true),
            ("us", "eu !prod", false),
        ] {
            let found = labels(selected).select(of.split_whitespace());
            assert_eq!(found, expected, "`{selected}` for `{of}`");
        }
    }

    #[test]
    fn what_is_no_label_is_named() {
        assert_eq!(labels("eu demo_2").wrong(), None);
        for wrong in ["EU", "!eu", "a,b", "é"] {
            assert_eq!(labels(wrong).wrong(), Some(wrong));
        }
    }
}
