//! Pure: a declared migration that turns round half-way. A migration that failed on its way up is
//! undone from the place where it failed; a rollback that failed is given up, and the operations
//! that it undid are done again.

use mongodb::bson::{Document, doc};

use super::{
    declared::{Change, ChangeFn},
    operation::Operation,
    reached::{REACHED, TURNED, is_turned},
    run::VOID,
    slot::Slot,
};
use crate::{
    model::{kind::MigrationKind, state::Direction},
    protocol::{
        checkpoint::{range::Range, reach::to_bson},
        record::{Record, Stored},
    },
};

/// What the other direction does with a migration that is half-way.
#[derive(Debug)]
pub(crate) enum Turn {
    /// Nothing of the migration is in the database.
    Nothing,
    /// The migration turns round at the place where it is.
    Round(Turned),
    /// The migration cannot turn round, for this reason.
    Refused(&'static str),
}

/// The place where the other direction begins.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Turned {
    /// The operations that the other direction skips.
    pub steps: Vec<String>,
    /// What the operations found, as the record stores it.
    pub undo: Document,
    /// The operation that was rewriting documents; only the documents that it reached are turned.
    pub partly: Option<usize>,
}

impl Turned {
    /// Stores which parts of its collection that operation had reached.
    pub(crate) fn set_reached(&mut self, ranges: &[Range]) {
        let found =
            self.partly.and_then(|number| self.undo.get_document_mut(Slot { number }.key()).ok());
        if let Some(found) = found {
            found.insert(REACHED, to_bson(ranges));
        }
    }

    /// The name of the step of the operation that was rewriting documents.
    pub(crate) fn step(&self) -> Option<String> {
        self.partly.map(|number| Slot { number }.step())
    }
}

/// Refused: the migration turned round before, and has not ended since.
const TWICE: &str = "it has turned round half-way before, and has to end first";

const CUSTOM: &str = "it is within a function of yours (`run`), and what the function has done so \
                      far is not known";

impl Change {
    /// What the other direction does with this migration, by its record.
    pub(crate) fn turn(&self, record: &Record) -> Turn {
        match record.direction {
            Direction::Up => self.turn_back(&record.steps, record.undo()),
            Direction::Down => self.turn_forward(&record.steps, record.undo()),
        }
    }

    /// From the way up to the way down.
    fn turn_back(&self, done: &[String], mut undo: Document) -> Turn {
        let (mut steps, mut partly, mut is_begun) = (Vec::new(), None, false);
        for (number, operation) in self.operations.iter().enumerate() {
            let slot = Slot { number };
            let key = slot.key();
            let Some(found) = begun(&undo, &key) else {
                steps.push(key);
                continue;
            };
            is_begun = true;
            if done.contains(&key) {
                continue;
            }
            if is_turned(found, Direction::Up) {
                return Turn::Refused(TWICE);
            }
            if matches!(operation, Operation::Rewrite(_)) && !done.contains(&slot.step()) {
                partly = Some(number);
            }
            mark(&mut undo, &key, Direction::Down);
        }
        if is_begun { Turn::Round(Turned { steps, undo, partly }) } else { Turn::Nothing }
    }

    /// From the way down to the way up.
    fn turn_forward(&self, undone: &[String], mut undo: Document) -> Turn {
        let (mut steps, mut partly, mut is_at_work) = (Vec::new(), None, true);
        for (number, operation) in self.operations.iter().enumerate().rev() {
            let slot = Slot { number };
            let key = slot.key();
            if undone.contains(&key) {
                // The operation looks again at what is there.
                undo.insert(key, doc! { VOID: true });
                continue;
            }
            if !std::mem::take(&mut is_at_work) {
                steps.push(key);
                continue;
            }
            let Some(found) = begun(&undo, &key) else {
                steps.push(key);
                continue;
            };
            if is_turned(found, Direction::Down) {
                return Turn::Refused(TWICE);
            }
            match operation {
                Operation::Run(_) => return Turn::Refused(CUSTOM),
                Operation::Rewrite(_) if !undone.contains(&slot.step()) => partly = Some(number),
                _ => {}
            }
            mark(&mut undo, &key, Direction::Up);
        }
        Turn::Round(Turned { steps, undo, partly })
    }
}

/// What the operation found, if it had begun.
fn begun<'a>(undo: &'a Document, key: &str) -> Option<&'a Document> {
    undo.get_document(key).ok().filter(|found| !found.contains_key(VOID))
}

fn mark(undo: &mut Document, key: &str, direction: Direction) {
    if let Ok(found) = undo.get_document_mut(key) {
        found.insert(TURNED, direction.as_str());
        found.remove(REACHED);
    }
}

/// The ways out for a migration of this build that is half-way.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum HalfWay {
    /// The migration began on its way up; `can_go_back`: it can be undone from there.
    Up { can_go_back: bool },
    /// The rollback failed; `can_go_forward`: it can be given up.
    FailedRollback { can_go_forward: bool },
    /// The rollback was interrupted: it has to be finished first.
    Rollback,
}

/// Whether a migration is half-way: a part of it is in the database and a part is not.
pub(crate) fn half_way(
    kind: MigrationKind,
    declare: Option<ChangeFn>,
    record: &Record,
) -> Option<HalfWay> {
    if !matches!(record.state, Stored::Running | Stored::Failed) {
        return None;
    }
    let change = declare.and_then(|declare| Change::declared(declare).ok());
    let turned = change.map(|change| change.turn(record));
    match record.direction {
        Direction::Down if record.failure.is_some() => {
            Some(HalfWay::FailedRollback { can_go_forward: matches!(turned, Some(Turn::Round(_))) })
        }
        Direction::Down => Some(HalfWay::Rollback),
        Direction::Up => match (kind, turned) {
            (MigrationKind::Transaction, _) | (_, Some(Turn::Nothing)) => None,
            (_, Some(Turn::Round(_))) => Some(HalfWay::Up { can_go_back: true }),
            (_, Some(Turn::Refused(_))) => Some(HalfWay::Up { can_go_back: false }),
            // An online migration: only its author knows what its rollback does with a half.
            (_, None) if record.state == Stored::Running || !record.steps.is_empty() => {
                Some(HalfWay::Up { can_go_back: false })
            }
            (_, None) => None,
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn three() -> Change {
        let mut change = Change::default();
        change.rename_field("a", "x", "y");
        change.rename_field("a", "u", "v");
        change.create_index("a", doc! { "y": 1 });
        change
    }

    fn found(kept: &str) -> Document {
        doc! { "kept": kept }
    }

    fn strings(all: &[&str]) -> Vec<String> {
        all.iter().map(|&text| text.to_owned()).collect()
    }

    #[test]
    fn what_was_not_begun_is_not_undone() {
        let undo = doc! { "0": found("k0"), "1": found("k1") };
        let Turn::Round(turned) = three().turn_back(&strings(&["operation 1", "0"]), undo) else {
            panic!("it turns round");
        };
        assert_eq!(turned.steps, ["2"]);
        assert_eq!(turned.partly, Some(1));
        assert_eq!(turned.undo.get_document("0").unwrap(), &found("k0"));
        assert!(is_turned(turned.undo.get_document("1").unwrap(), Direction::Down));
        let void = doc! { "0": { VOID: true } };
        assert!(matches!(three().turn_back(&[], void), Turn::Nothing));
    }

    #[test]
    fn what_was_undone_is_done_again() {
        let undo = doc! { "0": found("k0"), "1": found("k1"), "2": { "existed": false } };
        let Turn::Round(turned) = three().turn_forward(&strings(&["2"]), undo.clone()) else {
            panic!("it turns round");
        };
        assert_eq!(turned.steps, ["0"]);
        assert_eq!(turned.partly, Some(1));
        assert_eq!(turned.undo.get_document("2").unwrap(), &doc! { VOID: true });
        assert!(is_turned(turned.undo.get_document("1").unwrap(), Direction::Up));
        // Once more before it has come to an end.
        assert!(matches!(three().turn_back(&strings(&["0"]), turned.undo), Turn::Refused(_)));
        // Its documents are all back, but it is not marked so yet.
        let Turn::Round(turned) = three().turn_forward(&strings(&["2", "operation 2"]), undo)
        else {
            panic!("it turns round");
        };
        assert_eq!(turned.partly, None);
    }
}
