//! What changes in the documents of one collection, in the order in which it can be done.

use super::{
    found::{Note, Question},
    operation::Operation,
    place::Place,
};

/// Edits of fields, and what is not known.
#[derive(Debug, Default)]
pub(super) struct Edits {
    pub(super) renames: Vec<Operation>,
    pub(super) moves: Vec<Operation>,
    pub(super) conversions: Vec<Operation>,
    pub(super) fills: Vec<Operation>,
    pub(super) removals: Vec<Operation>,
    pub(super) questions: Vec<Question>,
    pub(super) notes: Vec<Note>,
}

impl Edits {
    /// Returns the operations: fields get their names and places first, then their types and values.
    pub(super) fn operations(self) -> (Vec<Operation>, Vec<Question>, Vec<Note>) {
        let Self { renames, moves, conversions, fills, removals, questions, notes } = self;
        let operations = [renames, moves, conversions, fills, removals].into_iter().flatten();
        (operations.collect(), questions, notes)
    }

    pub(super) fn is_empty(&self) -> bool {
        [&self.renames, &self.moves, &self.conversions, &self.fills, &self.removals]
            .iter()
            .all(|operations| operations.is_empty())
    }

    pub(super) fn append(&mut self, other: Self) {
        self.renames.extend(other.renames);
        self.moves.extend(other.moves);
        self.conversions.extend(other.conversions);
        self.fills.extend(other.fills);
        self.removals.extend(other.removals);
        self.questions.extend(other.questions);
        self.notes.extend(other.notes);
    }

    pub(super) fn ask(
        &mut self,
        place: &Place,
        problem: impl Into<String>,
        answers: impl IntoIterator<Item = String>,
    ) {
        let (place, problem) = (place.text(), problem.into());
        self.questions.push(Question { place, problem, answers: answers.into_iter().collect() });
    }

    /// Notes that documents may not fit.
    pub(super) fn may_not_fit(&mut self, place: &Place, text: impl Into<String>) {
        self.notes.push(Note { place: place.text(), text: text.into(), may_not_fit: true });
    }

    pub(super) fn left(&mut self, place: &Place, text: impl Into<String>) {
        self.notes.push(Note { place: place.text(), text: text.into(), may_not_fit: false });
    }
}

/// The option with which documents stay as they are.
pub(super) fn leave(place: &Place) -> String {
    format!(
        "`--leave {}` leaves the documents as they are there, if they fit already or you add an operation \
         to the migration yourself",
        place.text()
    )
}
