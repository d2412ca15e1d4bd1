//! What a migration is known to do, without running it.

use crate::{
    kinds::{
        change,
        effect::{Operation, Subject},
    },
    model::kind::MigrationKind,
    registry::migration::Migration,
};

/// A migration of which nothing is known but its name.
pub(super) fn empty(migration: &Migration) -> Subject {
    Subject {
        version: migration.version(),
        migration: migration.name(),
        allowed: migration.descriptor.hints.allow.to_vec(),
        operations: Vec::new(),
    }
}

/// A migration with the operations that can be known: of a transactional one, the collections
/// that its body names and writes many documents of; of a declared one, what it declares. Of an
/// online one nothing: what its body does is known once it runs.
///
/// An operation that cannot be known is listed as unknown: the lints of later operations cannot
/// rely on what is there now.
pub(super) fn of(migration: &Migration) -> Subject {
    let mut subject = empty(migration);
    if let Some(declare) = migration.declaration() {
        subject.operations = change::effects::operations(declare);
    }
    if migration.kind() == MigrationKind::Transaction {
        let collections = migration.descriptor.hints.writes.to_vec();
        subject.operations.extend(collections.into_iter().map(|collection| Operation::Write {
            collection: Some(collection.to_owned()),
            seen: None,
        }));
    }
    if migration.kind() != MigrationKind::Change {
        subject.operations.push(Operation::Unknown);
    }
    subject
}
