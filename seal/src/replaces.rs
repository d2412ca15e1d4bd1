//! What a squash stands for: `replaces = "20250301007:412:5f3a…"`.
//!
//! It is all migrations of its group up to a version: how many they are, and the digest of their
//! versions and checksums. So it has one size, however many they are, and a database that has applied
//! exactly these has the same digest.

use std::fmt;

use sha2::{Digest as _, Sha256};

use crate::{applied::Applied, hex::hex};

/// What a squash stands for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Replaces {
    /// The newest version that it stands for.
    pub to: i64,
    /// The migrations that it stands for.
    pub applied: Applied,
}

impl fmt::Display for Replaces {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}:{}", self.to, self.applied.count, self.applied.hex())
    }
}

impl Replaces {
    /// Reads `version:count:digest`. `None` if the text has another form: the only form is that which
    /// is written.
    pub fn parse(text: &str) -> Option<Self> {
        let mut fields = text.split(':');
        let (to, count) = (fields.next()?.parse().ok()?, fields.next()?.parse().ok()?);
        let applied = Applied::from_hex(count, fields.next()?)?;
        let found = Self { to, applied };
        (to > 0 && count > 0 && found.to_string() == text).then_some(found)
    }

    /// The checksum of a squash: of its body, and of what it stands for.
    pub fn checksum(text: &str, of_body: &str) -> String {
        let mut hash = Sha256::new();
        hash.update(of_body);
        hash.update("\0replaces\0");
        hash.update(text);
        format!("v1:sha256:{}", hex(&hash.finalize()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_has_one_form() {
        let applied = Applied::of([(1, "v1:sha256:aa"), (7, "v1:sha256:bb")]);
        let replaces = Replaces { to: 7, applied };
        let text = replaces.to_string();
        assert_eq!(Replaces::parse(&text), Some(replaces));
        let wrong = [
            "".to_owned(),
            "7:2".to_owned(),
            format!("0{text}"),
            format!("{text}:"),
            text.replacen("7:2", "7:0", 1),
            text.replacen("7:2", "-7:2", 1),
            text[..text.len() - 1].to_owned(),
        ];
        for wrong in wrong {
            assert_eq!(Replaces::parse(&wrong), None, "{wrong}");
        }
    }

    #[test]
    fn the_order_of_what_is_replaced_does_not_matter() {
        let one = Applied::of([(1, "a"), (2, "b"), (3, "c")]);
        let mut other = Applied::of([(3, "c"), (2, "b"), (9, "x"), (1, "a")]);
        assert_ne!(one, other);
        other.remove(&crate::term(9, "x"));
        assert_eq!(one, other);
    }

    #[test]
    fn its_checksum_covers_both() {
        let of = Replaces::checksum;
        assert_eq!(of("a", "b"), of("a", "b"));
        assert_ne!(of("a", "b"), of("a", "c"));
        assert_ne!(of("a", "b"), of("c", "b"));
    }
}
