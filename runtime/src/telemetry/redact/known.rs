//! The secrets that a process was given, and where they stand in a text.
//!
//! They only grow: a secret that was forgotten would be printed. A process that is told ever new ones, as
//! tokens that expire, keeps some bytes for each; the time to clean a text does not grow with them.

use std::{
    borrow::Cow,
    collections::BTreeSet,
    ops::Bound,
    sync::{PoisonError, RwLock},
};

use super::mask::MASK;

pub(super) struct Known(RwLock<Secrets>);

struct Secrets {
    sorted: BTreeSet<String>,
    /// Which bytes a secret begins with: most places of a text are none.
    begins: [bool; 256],
}

impl Known {
    pub(super) const fn new() -> Self {
        Self(RwLock::new(Secrets { sorted: BTreeSet::new(), begins: [false; 256] }))
    }

    pub(super) fn add(&self, secrets: impl IntoIterator<Item = String>) {
        let mut known = self.0.write().unwrap_or_else(PoisonError::into_inner);
        for secret in secrets {
            if let Some(first) = secret.bytes().next() {
                known.begins[usize::from(first)] = true;
                known.sorted.insert(secret);
            }
        }
    }

    /// `text` with a mask for each secret in it; one mask for those that overlap.
    pub(super) fn mask<'a>(&self, text: &'a str) -> Cow<'a, str> {
        let known = self.0.read().unwrap_or_else(PoisonError::into_inner);
        let mut out = String::new();
        // Up to where the text is copied or masked.
        let mut done = 0;
        let mut is_masked = false;
        for (at, byte) in text.bytes().enumerate() {
            if !known.begins[usize::from(byte)] {
                continue;
            }
            let Some(length) = text.get(at..).and_then(|rest| known.longest(rest)) else {
                continue;
            };
            if at >= done || !is_masked {
                out += text.get(done..at).unwrap_or_default();
                out += MASK;
                is_masked = true;
            }
            done = done.max(at + length);
        }
        if !is_masked {
            return Cow::Borrowed(text);
        }
        Cow::Owned(out + text.get(done..).unwrap_or_default())
    }
}

impl Secrets {
    /// The length of the longest secret that `text` begins with.
    ///
    /// Of all that sort before the text, what it begins with sorts last. If the last of them is no
    /// beginning of the text, a beginning can only be as long as what the two have in common.
    fn longest(&self, text: &str) -> Option<usize> {
        let mut text = text;
        loop {
            let upto = (Bound::Unbounded, Bound::Included(text));
            let last = self.sorted.range::<str, _>(upto).next_back()?;
            if text.starts_with(last.as_str()) {
                return Some(last.len());
            }
            text = text.get(..common(text, last)).filter(|text| !text.is_empty())?;
        }
    }
}

/// How many bytes both texts begin with, in whole letters.
fn common(one: &str, other: &str) -> usize {
    let same = |((_, one), other): &((usize, char), char)| one == other;
    let letters = one.char_indices().zip(other.chars()).take_while(same);
    letters.last().map_or(0, |((at, letter), _)| at + letter.len_utf8())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn known(secrets: &[&str]) -> Known {
        let known = Known::new();
        known.add(secrets.iter().map(|&secret| secret.to_owned()));
        known
    }

    #[test]
    fn the_longest_secret_is_masked_wherever_it_stands() {
        let known = known(&["/services/T0/abc", "/services/T0", "/services/T0/zz", "bcde", "ésop"]);
        for (text, masked) in [
            ("", ""),
            ("nothing", "nothing"),
            ("/services/T0", "***"),
            ("/services/T0/ab", "***/ab"),
            ("/services/T0/abc!", "***!"),
            // `bcde` begins within another secret.
            ("a /services/T0/abcde b", "a *** b"),
            ("bcdebcde", "******"),
            ("aésop é", "a*** é"),
            ("ês", "ês"),
        ] {
            assert_eq!(known.mask(text), masked, "{text}");
        }
    }

    /// Compared with what looks at each secret: random secrets of few letters, so that many overlap.
    #[test]
    fn no_secret_is_overlooked() {
        let mut random = fastrand::Rng::with_seed(1);
        let mut word = |letters: usize| -> String {
            (0..letters).map(|_| ['a', 'b', 'é'][random.usize(..3)]).collect()
        };
        for round in 0..500 {
            let secrets: Vec<String> = (0..6).map(|at| word(2 + (at + round) % 4)).collect();
            let known = Known::new();
            known.add(secrets.iter().cloned());
            let text = word(30);
            let mut hidden = vec![false; text.len()];
            for secret in &secrets {
                for at in (0..text.len()).filter(|at| text.is_char_boundary(*at)) {
                    if text[at..].starts_with(secret.as_str()) {
                        hidden[at..at + secret.len()].fill(true);
                    }
                }
            }
            let plain: String =
                text.char_indices().filter(|(at, _)| !hidden[*at]).map(|(_, c)| c).collect();
            let masked = known.mask(&text).replace('*', "");
            assert_eq!(masked, plain, "{text} {secrets:?}");
        }
    }
}
