//! A declared migration: its recorded operations, checked and described.

use std::panic::AssertUnwindSafe;

use mongodb::bson::Document;

use super::{keep, operation::Operation, slot};
use crate::{
    model::{result::BoxError, state::Direction},
    protocol::audit,
};

/// The operations of a declared migration, each with a known inverse. The migration's function
/// only records them. Mongrate runs them in order, resumes an operation after a crash, and undoes
/// the operations in reverse order.
///
/// ```standalone_crate
/// use mongrate::{Change, bson::doc, migration};
///
/// #[migration(version = 20250122001, reversible)]
/// fn users_have_a_name(change: &mut Change) {
///     change.rename_field("users", "fullname", "name");
///     change.create_index("users", doc! { "name": 1, "plan": 1 }).sparse(true);
///     change.set_validator("users", doc! { "name": { "$type": "string" } }).level("moderate");
/// }
/// # fn main() {}
/// ```
///
/// # Errors
///
/// The methods return no errors. `plan`, `check`, [`verify!`](crate::verify!) and every other verb
/// call the function, list all mistakes that show without a database (an empty name, a path into
/// `_id`, an option that does not exist, a field renamed to itself), and refuse the migration
/// before anything runs. A function that panics is refused, too.
///
/// If an operation fails, the operations before it stay done and the migration is recorded as
/// failed: fix the cause and run `up` again, which resumes the migration; or run `down`, which
/// undoes what was done.
///
/// # What a rollback restores
///
/// Everything that the operations changed, including options that were set before, values that a
/// conversion could not represent, and fields that were removed. Values that cannot be computed
/// are kept in collections called `<control collection>.kept.<version>.<operation>`, until a
/// rollback has put them back or [`Migrator::purge`](crate::Migrator::purge) removes them. A
/// rollback destroys nothing that users wrote in the meantime: see each operation. The place of a
/// field in its document may change; renaming keeps the place.
///
/// # Paths
///
/// A path like `address.city` leads through subdocuments, and through each document of an array:
/// `items.price` names the price of every item. If something else is on the way, the document is
/// left alone. An array directly within an array is not searched.
#[derive(Debug)]
pub struct Change {
    pub(super) operations: Vec<Operation>,
    /// How many workers the operations have that are declared next.
    pub(super) workers: usize,
}

impl Default for Change {
    fn default() -> Self {
        Self { operations: Vec::new(), workers: 1 }
    }
}

/// An operation of a declared migration, as `plan` shows it.
#[derive(Clone, Debug)]
pub(crate) struct OperationSummary {
    /// What the operation does.
    pub operation: String,
    /// What the operation's inverse does.
    pub undo: String,
    /// The collection and the filter of the documents that the operation changes in the direction
    /// that was asked for; `None` if it changes no documents.
    pub documents: Option<(String, Document)>,
}

impl Change {
    /// Calls the function, and returns the operations that it recorded; an error lists all
    /// mistakes.
    pub(crate) fn declared(declare: ChangeFn) -> Result<Self, BoxError> {
        let change = Self::recorded(declare)?;
        let problems = change.problems();
        if problems.is_empty() { Ok(change) } else { Err(problems.join("\n").into()) }
    }

    fn recorded(declare: ChangeFn) -> Result<Self, BoxError> {
        let mut change = Self::default();
        let called = std::panic::catch_unwind(AssertUnwindSafe(|| declare(&mut change)));
        called.map(|()| change).map_err(|_| "its function panics; it may only declare".into())
    }

    fn problems(&self) -> Vec<String> {
        if self.operations.is_empty() {
            return vec!["it declares nothing: call an operation of `Change` in it".to_owned()];
        }
        let numbered = self.operations.iter().enumerate();
        numbered
            .flat_map(|(number, operation)| {
                let step = slot::Slot { number }.step();
                operation.problems().into_iter().map(move |problem| format!("{step}: {problem}"))
            })
            .collect()
    }
}

/// Lists the mistakes of a declared migration that show without a database.
pub(crate) fn problems(declare: ChangeFn) -> Vec<String> {
    match Change::recorded(declare) {
        Ok(change) => change.problems(),
        Err(error) => vec![error.to_string()],
    }
}

/// Lists the operations of a declared migration that would change the control collection or a kept
/// collection.
pub(crate) fn trespasses(declare: ChangeFn, control: &str) -> Vec<String> {
    let Ok(change) = Change::recorded(declare) else { return Vec::new() };
    let prefix = keep::prefix(control);
    let log = audit::collection(control);
    let ours = |name: &&str| *name == control || *name == log || name.starts_with(&prefix);
    let numbered = change.operations.iter().enumerate();
    numbered
        .filter_map(|(number, operation)| {
            let name = operation.collections().into_iter().find(ours)?;
            let step = slot::Slot { number }.step();
            Some(format!("{step}: the collection `{name}` belongs to mongrate"))
        })
        .collect()
}

/// Describes the operations of a declared migration, in the order in which this direction runs
/// them. Empty for a migration that is refused because of its mistakes.
pub(crate) fn operations(declare: ChangeFn, direction: Direction) -> Vec<OperationSummary> {
    let Ok(change) = Change::declared(declare) else { return Vec::new() };
    let mut operations: Vec<OperationSummary> = change
        .operations
        .iter()
        .map(|operation| OperationSummary {
            operation: operation.forward_text(),
            undo: operation.undo_text(),
            documents: operation
                .documents(direction)
                .map(|(collection, filter)| (collection.to_owned(), filter)),
        })
        .collect();
    if direction == Direction::Down {
        operations.reverse();
    }
    operations
}

/// The function of a declared migration: it records operations, and touches nothing.
pub type ChangeFn = fn(&mut Change);

#[cfg(test)]
mod tests {
    use mongodb::bson::doc;

    use super::*;

    fn sound(change: &mut Change) {
        change.create_collection("a").capped(4_096);
        change.rename_field("b", "x", "y");
    }

    fn unsound(change: &mut Change) {
        change.drop_collection("");
        change.create_index("a", doc! {});
        change.rename_field("a", "_id", "x");
    }

    fn panics(_: &mut Change) {
        panic!("on purpose");
    }

    #[test]
    fn every_mistake_is_told_at_once() {
        assert_eq!(problems(sound), Vec::<String>::new());
        let found = problems(unsound);
        assert_eq!(found.len(), 3, "{found:#?}");
        assert!(found[2].starts_with("operation 3: "), "{found:#?}");
        assert_eq!(problems(panics).len(), 1);
        assert_eq!(problems(|_| {}).len(), 1);
    }

    #[test]
    fn the_control_collection_is_not_to_be_touched() {
        fn declare(change: &mut Change) {
            change.rename_collection("a", "migrations");
            change.drop_collection("migrations.kept.1.0");
            change.drop_collection("migrations.other");
        }
        assert_eq!(trespasses(declare, "migrations").len(), 2);
    }

    #[test]
    fn a_rollback_shows_the_last_operation_first() {
        let up = operations(sound, Direction::Up);
        assert_eq!(up[0].operation, "create collection `a` { \"capped\": true, \"size\": 4096 }");
        let down = operations(sound, Direction::Down);
        assert_eq!(down[0].undo, "rename field `y` of `b` back to `x`");
        assert!(down[0].documents.is_some() && down[1].documents.is_none());
    }
}
