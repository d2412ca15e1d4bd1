//! The items that a sealed migration uses: the optional field `uses=…` of its line.

use std::collections::BTreeMap;

/// The beginning of the field.
pub const USES: &str = "uses=";

/// The items that a migration names in `uses`, as far as the caller can see them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Uses<'a> {
    /// The caller cannot see them.
    #[default]
    Unseen,
    /// The content of the field, as [`uses`] makes it; empty if there are none.
    Seen(&'a str),
}

impl Uses<'_> {
    /// Returns what to seal.
    pub(super) fn sealed(self) -> Option<String> {
        match self {
            Self::Unseen | Self::Seen("") => None,
            Self::Seen(text) => Some(text.to_owned()),
        }
    }
}

/// Returns the content of the field for items with these names and hashes, in any order.
pub fn uses<'i>(items: impl IntoIterator<Item = (&'i str, &'i str)>) -> String {
    let mut items: Vec<String> =
        items.into_iter().map(|(name, hash)| format!("{name}:{hash}")).collect();
    items.sort();
    items.join(",")
}

/// Whether a text has the form of the field's content.
pub(super) fn is_sound(text: &str) -> bool {
    text.split(',').all(|item| {
        item.split_once(':').is_some_and(|(name, hash)| {
            let is_hash = !hash.is_empty() && hash.bytes().all(|byte| byte.is_ascii_hexdigit());
            !name.is_empty() && is_hash
        })
    })
}

/// How the items of a migration differ from the sealed ones, by their names.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Difference<'a> {
    /// Their texts differ: the name, the sealed hash and the hash now.
    pub(super) edited: Vec<(&'a str, &'a str, &'a str)>,
    /// They are sealed, and no longer named.
    pub(super) lost: Vec<&'a str>,
    /// They are named, and not sealed.
    pub(super) new: Vec<&'a str>,
}

impl<'a> Difference<'a> {
    pub(super) fn of(sealed: Option<&'a str>, now: &'a str) -> Self {
        let (mut sealed, mut now) = (by_name(sealed.unwrap_or_default()), by_name(now));
        let mut difference = Self::default();
        for (name, hashes) in &mut sealed {
            let others = now.remove(name).unwrap_or_default();
            let same = |hash: &&str| others.contains(hash);
            let lost: Vec<&str> = hashes.iter().filter(|hash| !same(hash)).copied().collect();
            let new = others.iter().filter(|hash| !hashes.contains(hash));
            let mut new = new.copied();
            for hash in lost {
                match new.next() {
                    Some(now) => difference.edited.push((name, hash, now)),
                    None => difference.lost.push(name),
                }
            }
            difference.new.extend(new.map(|_| *name));
        }
        difference.new.extend(
            now.into_iter()
                .flat_map(|(name, hashes)| hashes.iter().map(move |_| name).collect::<Vec<_>>()),
        );
        difference
    }

    pub(super) fn is_none(&self) -> bool {
        *self == Self::default()
    }
}

/// Returns the names in the field's content.
pub(super) fn names(text: &str) -> Vec<&str> {
    by_name(text).into_keys().collect()
}

fn by_name(text: &str) -> BTreeMap<&str, Vec<&str>> {
    let mut items: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for (name, hash) in text.split(',').filter_map(|item| item.split_once(':')) {
        items.entry(name).or_default().push(hash);
    }
    items
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_item_is_compared_with_the_sealed_one_of_its_name() {
        let sealed = uses([("round", "11"), ("Price", "22"), ("gone", "33")]);
        assert_eq!(sealed, "Price:22,gone:33,round:11");
        let now = uses([("round", "12"), ("Price", "22"), ("new", "44")]);
        let found = Difference::of(Some(&sealed), &now);
        assert_eq!(found.edited, [("round", "11", "12")]);
        assert_eq!((found.lost, found.new), (vec!["gone"], vec!["new"]));
        assert!(Difference::of(Some(&sealed), &sealed).is_none());
        assert!(Difference::of(None, "").is_none());
    }

    #[test]
    fn two_items_may_have_one_name() {
        let sealed = uses([("Price", "22"), ("Price", "11")]);
        assert!(Difference::of(Some(&sealed), "Price:11,Price:22").is_none());
        let found = Difference::of(Some(&sealed), "Price:11");
        assert_eq!((found.lost, found.edited), (vec!["Price"], vec![]));
    }

    #[test]
    fn only_one_form_is_sound() {
        assert!(is_sound("a:0f") && is_sound("a:0f,b:1"));
        for other in ["", "a", "a:", ":0f", "a:xy", "a:0f,", ",a:0f"] {
            assert!(!is_sound(other), "{other}");
        }
    }
}
