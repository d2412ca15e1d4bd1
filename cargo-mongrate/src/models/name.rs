//! The name of a migration, from what it does.

use std::collections::BTreeSet;

use mongrate_seal::{label, models::Operation};

/// The longest name that is made of the names of collections.
const CHARS_MAX: usize = 40;

/// Returns a name such as `create_users`, `update_users_and_orders`, `update_models`.
pub(super) fn of(operations: &[Operation]) -> String {
    let collections: BTreeSet<&str> = operations
        .iter()
        .map(|operation| match operation {
            Operation::RenameCollection { to, .. } => to,
            operation => operation.collection(),
        })
        .collect();
    let all = |is: fn(&Operation) -> bool| operations.iter().any(is);
    let is_new = |operation: &Operation| {
        matches!(operation, Operation::CreateCollection { .. } | Operation::CreateIndex { .. })
    };
    let verb = match () {
        () if operations.iter().all(is_new)
            && all(|it| matches!(it, Operation::CreateCollection { .. })) =>
        {
            "create"
        }
        () if operations.iter().all(|it| matches!(it, Operation::DropCollection { .. })) => "drop",
        () => "update",
    };
    let names: Vec<String> =
        collections.iter().map(|name| label(name)).filter(|name| !name.is_empty()).collect();
    let names = names.join("_and_");
    match names.len() {
        1..=CHARS_MAX => format!("{verb}_{names}"),
        _ => format!("{verb}_models"),
    }
}
