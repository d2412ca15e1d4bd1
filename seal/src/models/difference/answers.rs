//! What a user decides on the command line, for this one difference.

use std::{collections::BTreeMap, fmt};

/// Decisions by place. A place is a collection, or a field in it: `users`, `users.address.city`,
/// `users.items[].price`. The brackets may be left out.
#[derive(Clone, Debug, Default)]
pub struct Answers {
    by_place: BTreeMap<(String, Kind), bool>,
    /// By place and old value: the new value, and whether it was of use.
    values: BTreeMap<(String, String), (String, bool)>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Kind {
    Leave,
    Remove,
}

/// An answer in another form.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AnswerError(String);

impl fmt::Display for AnswerError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "`{}` is no answer: `--becomes` takes a place, an old and a new value, as in `--becomes \
             users.plan:trial=free`",
            self.0.escape_debug()
        )
    }
}

impl std::error::Error for AnswerError {}

impl Answers {
    /// Decides that documents stay as they are at a place.
    pub fn leave(&mut self, place: &str) {
        self.by_place.insert((plain(place), Kind::Leave), false);
    }

    /// Decides that a field or a collection is removed, and is not what another one was before.
    pub fn remove(&mut self, place: &str) {
        self.by_place.insert((plain(place), Kind::Remove), false);
    }

    /// Decides what a value becomes: `users.plan:trial=free`.
    ///
    /// # Errors
    ///
    /// If the answer has another form.
    pub fn becomes(&mut self, answer: &str) -> Result<(), AnswerError> {
        let (place, old, new) = answer
            .split_once(':')
            .and_then(|(place, values)| {
                let (old, new) = values.split_once('=')?;
                (!place.is_empty()).then_some((place, old, new))
            })
            .ok_or_else(|| AnswerError(answer.to_owned()))?;
        self.values.insert((plain(place), old.to_owned()), (new.to_owned(), false));
        Ok(())
    }

    /// Returns the answers that nothing asked for.
    pub fn unused(&self) -> Vec<String> {
        let places = self.by_place.iter().filter(|(_, used)| !**used).map(|((place, kind), _)| {
            let option = match kind {
                Kind::Leave => "--leave",
                Kind::Remove => "--remove",
            };
            format!("{option} {place}")
        });
        let values = self.values.iter().filter(|(_, (_, used))| !used);
        let values =
            values.map(|((place, old), (new, _))| format!("--becomes {place}:{old}={new}"));
        places.chain(values).collect()
    }

    pub(super) fn is_left(&mut self, place: &str) -> bool {
        self.has(place, Kind::Leave)
    }

    pub(super) fn is_removed(&mut self, place: &str) -> bool {
        self.has(place, Kind::Remove)
    }

    fn has(&mut self, place: &str, kind: Kind) -> bool {
        let found = self.by_place.get_mut(&(plain(place), kind));
        found.map(|used| *used = true).is_some()
    }

    pub(super) fn new_value(&mut self, place: &str, old: &str) -> Option<String> {
        let (new, used) = self.values.get_mut(&(plain(place), old.to_owned()))?;
        *used = true;
        Some(new.clone())
    }
}

/// A place without the brackets of arrays and maps.
fn plain(place: &str) -> String {
    place.replace("[]", "").replace("{}", "")
}
