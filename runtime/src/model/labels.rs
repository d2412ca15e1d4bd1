//! Labels: which migrations apply in an environment.

use std::{collections::BTreeSet, env};

/// The labels that are selected for a database, e.g. `demo` and `eu`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Labels(BTreeSet<String>);

/// The environment variable that selects labels, with commas between them.
pub(crate) const VARIABLE: &str = "MIGRATE_LABELS";

/// The labels in a list that a person wrote, without blanks; and whether one of its places is empty, as in
/// `eu,,prod`.
pub(crate) fn listed<'a>(parts: impl IntoIterator<Item = &'a str>) -> (Vec<&'a str>, bool) {
    let parts: Vec<&str> = parts.into_iter().map(str::trim).collect();
    let labels: Vec<&str> = parts.iter().copied().filter(|label| !label.is_empty()).collect();
    let has_gap = !labels.is_empty() && labels.len() < parts.len();
    (labels, has_gap)
}

/// What is said of such a list.
pub(crate) const GAP: &str =
    "the list of selected labels has nothing between two of its commas: is a label missing?";

/// Why these labels leave a migration out where those are selected: `asks for eu or uk; selected: none`.
pub(crate) fn why_left_out(of: &[String], selected: &[String]) -> String {
    let excluding = of.iter().filter_map(|label| label.strip_prefix('!'));
    let excluding: Vec<&str> =
        excluding.filter(|label| selected.iter().any(|one| one == label)).collect();
    let asked: Vec<&str> =
        of.iter().map(String::as_str).filter(|label| !label.starts_with('!')).collect();
    let why = match (excluding.as_slice(), asked.as_slice()) {
        ([], asked) => format!("asks for {}", asked.join(" or ")),
        (excluding, _) => format!("is not for {}", excluding.join(" and ")),
    };
    let selected = if selected.is_empty() { "none".to_owned() } else { selected.join(", ") };
    format!("{why}; selected: {selected}")
}

impl Labels {
    const BYTES_MAX: usize = 64;

    /// Those that are selected.
    pub(crate) fn all(&self) -> impl Iterator<Item = &str> {
        self.0.iter().map(String::as_str)
    }

    /// What is wrong with one of them, and where it is from.
    pub(crate) fn problem(&self) -> Option<String> {
        let wrong = self.wrong()?;
        let variable = env::var(VARIABLE).unwrap_or_default();
        let is_of_variable = variable.split(',').any(|label| label.trim() == wrong);
        let from = if is_of_variable {
            format!(" (it is in the environment variable {VARIABLE})")
        } else {
            String::new()
        };
        let shown = wrong.escape_debug();
        Some(format!("`{shown}` is not 1 to 64 bytes of a-z, 0-9 and `_`{from}"))
    }

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
    fn it_is_said_why_one_is_left_out() {
        let texts = |text: &str| text.split_whitespace().map(str::to_owned).collect::<Vec<_>>();
        for (of, selected, expected) in [
            ("eu uk", "", "asks for eu or uk; selected: none"),
            ("eu !prod", "demo us", "asks for eu; selected: demo, us"),
            ("!prod", "eu prod", "is not for prod; selected: eu, prod"),
            ("eu !prod", "prod", "is not for prod; selected: prod"),
        ] {
            assert_eq!(why_left_out(&texts(of), &texts(selected)), expected);
        }
    }

    #[test]
    fn a_gap_in_a_list_is_seen() {
        for (text, expected, gap) in [
            ("eu, prod", vec!["eu", "prod"], false),
            ("eu,,prod", vec!["eu", "prod"], true),
            ("eu,", vec!["eu"], true),
            ("", vec![], false),
            (" , ", vec![], false),
        ] {
            assert_eq!(listed(text.split(',')), (expected, gap), "`{text}`");
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
