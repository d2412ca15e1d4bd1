//! What the audit log says of a change of a record. Pure.

use super::entry::Note;
use crate::{
    model::{identity::Identity, state::Direction},
    protocol::{
        record_change::{self, RecordChange},
        stamp::Stamp,
    },
};

/// The note of a change; `None`: the change adds no event.
pub(crate) fn note(
    migration: &Identity,
    change: &RecordChange<'_>,
    stamp: &Stamp<'_>,
) -> Option<Note> {
    let event = record_change::event(migration, change, stamp)?;
    Some(Note {
        event: event.get_str("event").unwrap_or_default().to_owned(),
        migration: Some(migration.clone()),
        direction: match event.get_str("direction") {
            Ok("up") => Some(Direction::Up),
            Ok("down") => Some(Direction::Down),
            _ => None,
        },
        failure: match change {
            RecordChange::Failed { failure, .. } => Some((*failure).clone()),
            _ => None,
        },
        note: match change {
            RecordChange::Skipped { note } => Some((*note).to_owned()),
            RecordChange::Stands { to, .. } => Some(format!("for what is applied up to {to}")),
            _ => stamp.why.map(str::to_owned),
        },
        ..Note::default()
    })
}
