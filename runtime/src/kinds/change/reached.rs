//! Marks in the undo document of an operation whose migration turned round half-way.

use mongodb::bson::Document;

use crate::{
    model::state::Direction,
    protocol::checkpoint::{range::Range, reach::from_bson},
};

/// Marks the operation that was at work when the migration turned round.
pub(super) const TURNED: &str = "turned";

/// The parts of the collection that it had reached; without them, all of it.
pub(super) const REACHED: &str = "reached";

/// Whether an operation was at work when its migration turned round to this direction.
pub(super) fn is_turned(found: &Document, direction: Direction) -> bool {
    found.get_str(TURNED).is_ok_and(|turned| turned == direction.as_str())
}

/// The parts of its collection that an operation had reached when its migration turned round.
/// `None`: all of it.
pub(super) fn parts(found: &Document) -> Option<Vec<Range>> {
    found.get_array(REACHED).ok().map(|stored| from_bson(stored))
}
