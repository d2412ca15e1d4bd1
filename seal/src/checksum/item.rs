//! The hash of items that a migration uses, and the checksum of a migration that uses them.

use quote::ToTokens as _;
use sha2::{Digest as _, Sha256};
use syn::{
    Item, Visibility,
    visit_mut::{self, VisitMut},
};

use super::{
    canonical::Canonical,
    digest::{ALGORITHM, digest},
    encode,
};
use crate::hex::hex;

/// The bytes of a hash that are kept: two texts of one history never share sixteen bytes by chance.
const BYTES: usize = 16;

/// Returns the hash of items that belong together, in any order, and of the files that they include.
pub fn of_items(items: Vec<Item>, included: &[Vec<u8>]) -> String {
    let mut parts: Vec<Vec<u8>> = items.into_iter().map(canonical_bytes).collect();
    parts.sort();
    let mut hash = Sha256::new();
    for part in &parts {
        hash.update((part.len() as u64).to_le_bytes());
        hash.update(part);
    }
    let mut included: Vec<_> = included.iter().map(Sha256::digest).collect();
    included.sort();
    included.iter().for_each(|file| hash.update(file));
    hex(&hash.finalize()[..BYTES])
}

/// Returns the checksum of a migration whose body has this checksum, and which uses items with these
/// hashes, in any order. Without items it is the body's own.
pub fn with_uses<'h>(body: &str, hashes: impl IntoIterator<Item = &'h str>) -> String {
    let mut hashes: Vec<&str> = hashes.into_iter().collect();
    if hashes.is_empty() {
        return body.to_owned();
    }
    hashes.sort_unstable();
    let mut bytes = encode::Bytes::new(ALGORITHM);
    bytes.text("uses");
    bytes.text(body);
    hashes.into_iter().for_each(|hash| bytes.text(hash));
    digest(&bytes.finish())
}

fn canonical_bytes(mut item: Item) -> Vec<u8> {
    Private.visit_item_mut(&mut item);
    Canonical.visit_item_mut(&mut item);
    let mut bytes = encode::Bytes::new(ALGORITHM);
    bytes.text("item");
    bytes.tokens(item.to_token_stream());
    bytes.finish()
}

/// Removes every visibility: an item that is copied beside a migration need not be public.
struct Private;

impl VisitMut for Private {
    fn visit_visibility_mut(&mut self, visibility: &mut Visibility) {
        *visibility = Visibility::Inherited;
    }

    fn visit_item_mut(&mut self, item: &mut Item) {
        visit_mut::visit_item_mut(self, item);
    }
}

#[cfg(test)]
mod tests {
    //! What an edit of an item is, and what is none.

    use super::*;

    fn hash(items: &str) -> String {
        of_items(syn::parse_file(items).expect("it is Rust").items, &[])
    }

    #[test]
    fn layout_documentation_and_visibility_are_no_edit() {
        for (one, other) in [
            ("fn f(a: u8) -> u8 { a + 1 }", "/// Adds.\npub(crate) fn f(a: u8,)->u8{ (a+1) }"),
            ("const A: u8 = 1_0;", "#[allow(dead_code)] pub const A: u8 = 10;"),
            ("struct S { a: u8 }", "pub struct S { pub(super) a: u8, }"),
            ("struct S(u8);", "pub struct S(pub u8,);"),
            ("enum E { A, B }", "pub enum E {\n /// The first.\n A, B, }"),
            ("struct S; impl S { fn f() {} }", "impl S { pub fn f() {} } pub struct S;"),
            ("macro_rules! m { () => {} }", "macro_rules! m { () => {}; }"),
        ] {
            assert_eq!(hash(one), hash(other), "{other}");
        }
    }

    #[test]
    fn whatever_changes_the_meaning_is_an_edit() {
        let texts = [
            "struct S { a: u8 }",
            "struct S { a: u16 }",
            "struct S { b: u8 }",
            "#[derive(Clone)] struct S { a: u8 }",
            "#[serde(rename_all = \"camelCase\")] struct S { a: u8 }",
            "struct S { #[serde(rename = \"b\")] a: u8 }",
            "#[cfg(unix)] struct S { a: u8 }",
            "struct S { a: u8 } impl S { fn f() {} }",
            "const S: u8 = 1;",
            "const S: u8 = 2;",
            "fn s() -> u8 { 1 }",
            "fn s() -> u16 { 1 }",
        ];
        let mut hashes: Vec<String> = texts.iter().map(|text| hash(text)).collect();
        hashes.sort();
        hashes.dedup();
        assert_eq!(hashes.len(), texts.len());
        let with = |bytes: &[u8]| of_items(Vec::new(), &[bytes.to_vec()]);
        assert_ne!(with(b"a"), with(b"b"), "what is included counts");
    }

    /// These are in users' `migrations.sum` and databases.
    #[test]
    fn the_hashes_are_what_they_were() {
        let round = hash("pub fn round(cents: i64) -> i64 { cents / 10 * 10 }");
        assert_eq!(round, "c6eed7aed7cf014b8c9917eb69554961");
        assert_eq!(with_uses("v1:sha256:aa", []), "v1:sha256:aa");
        let both = with_uses("v1:sha256:aa", ["11", "22"]);
        assert_eq!(both, with_uses("v1:sha256:aa", ["22", "11"]), "the order is free");
        assert_eq!(
            both,
            "v1:sha256:fa18f032db699e635bc049fcbee280629aeb6164ae4541adb80005125816b8ca"
        );
    }
}
