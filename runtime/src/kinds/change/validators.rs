//! Validators that a migration changes itself. They do not stop the migration's own rewrites,
//! whatever the order of its operations; in the end the documents have to match the validator that
//! is then in force.

use std::collections::BTreeSet;

use mongodb::bson::{Document, doc};

use super::operation::Operation;
use crate::{
    kinds::{catalog, online::Online},
    model::result::BoxError,
    mongo::refusal,
};

/// The options that decide whether and how documents are validated.
pub(super) const OPTIONS: [&str; 3] = ["validator", "validationLevel", "validationAction"];

/// The rewrites of collections whose validator their own migration changes.
#[derive(Debug, Default, PartialEq)]
pub(super) struct Changed {
    operations: BTreeSet<usize>,
    /// The collections that they rewrite, by the names that the collections have in the end.
    pub collections: BTreeSet<String>,
}

impl Changed {
    pub(super) fn concerns(&self, number: usize) -> bool {
        self.operations.contains(&number)
    }
}

/// Finds the rewrites of collections whose validator is changed by an operation before or after.
pub(super) fn changed(operations: &[Operation]) -> Changed {
    let mut changed = Changed::default();
    let validates = |number: &usize| match operations.get(*number) {
        Some(Operation::Modify(modify)) => {
            modify.options.iter().any(|(option, _)| OPTIONS.contains(&option.as_str()))
        }
        Some(Operation::CreateCollection(create)) => {
            OPTIONS.iter().any(|&option| create.options.contains_key(option))
        }
        _ => false,
    };
    for set in (0..operations.len()).filter(validates) {
        let validating = operations.get(set);
        let name = validating.and_then(|operation| operation.collections().first().copied());
        let Some(name) = name else { continue };
        // The same collection under its later names, and under its earlier ones.
        let (mut called, mut found) = (name, Vec::new());
        for (number, operation) in operations.iter().enumerate().skip(set) {
            match operation {
                Operation::RenameCollection(rename) if rename.from == called => called = &rename.to,
                Operation::Rewrite(rewrite) if rewrite.collection == called => found.push(number),
                _ => {}
            }
        }
        let last = called;
        let mut called = name;
        for (number, operation) in operations.iter().enumerate().take(set).rev() {
            match operation {
                Operation::RenameCollection(rename) if rename.to == called => called = &rename.from,
                Operation::Rewrite(rewrite) if rewrite.collection == called => found.push(number),
                _ => {}
            }
        }
        if !found.is_empty() {
            changed.operations.extend(found);
            changed.collections.insert(last.to_owned());
        }
    }
    changed
}

/// Refuses to record a migration as applied if it leaves documents that do not match a strict
/// validator: users could not write them any more.
pub(super) async fn refuse_unfit(
    on: &mut Online<'_>,
    collections: &BTreeSet<String>,
) -> Result<(), BoxError> {
    for name in collections {
        let Some(found) = catalog::collection(on, name).await? else { continue };
        let Some(validator) = found.validator() else { continue };
        let unfit = unfit(on, name, validator).await?;
        if unfit.is_empty() {
            continue;
        }
        if !found.judges_strictly() {
            tracing::warn!(
                target: "mongrate", collection = name, ids = unfit,
                "documents do not match the validator; at its level the validator leaves them alone"
            );
            continue;
        }
        return Err(format!(
            "every operation is done, but documents of `{name}` do not match the validator that \
             it has now (_id {unfit}), so users could not write them any more; the migration \
             is not recorded as applied: fix these documents and run `up` again, or undo the \
             migration with `down`"
        )
        .into());
    }
    Ok(())
}

/// Some `_id`s of documents that do not match the validator; empty if all match.
async fn unfit(
    on: &mut Online<'_>,
    collection: &str,
    validator: &Document,
) -> Result<String, BoxError> {
    let pipeline = refusal::naming([doc! { "$match": { "$nor": [validator.clone()] } }]);
    let found = catalog::aggregate(on, collection, pipeline).await?;
    Ok(refusal::ids(&found))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kinds::change::declared::Change;

    fn changed_by(declare: fn(&mut Change)) -> (Vec<usize>, Vec<String>) {
        let mut change = Change::default();
        declare(&mut change);
        let changed = changed(&change.operations);
        (changed.operations.into_iter().collect(), changed.collections.into_iter().collect())
    }

    #[test]
    fn a_collection_is_followed_through_its_names() {
        let (operations, collections) = changed_by(|change| {
            change.rename_field("a", "x", "y");
            change.rename_field("other", "x", "y");
            change.rename_collection("a", "b");
            change.set_validator("b", doc! { "y": 1 });
            change.add_field("b", "z", 1);
            change.rename_collection("b", "c");
            change.remove_field("c", "q");
            change.remove_field("a", "q");
        });
        assert_eq!(operations, [0, 4, 6]);
        assert_eq!(collections, ["c"]);
    }

    #[test]
    fn only_what_validates_counts() {
        let (operations, collections) = changed_by(|change| {
            change.add_field("a", "z", 1);
            change.coll_mod("a").set("cappedMax", 5);
        });
        assert!(operations.is_empty() && collections.is_empty());
        let (operations, _) = changed_by(|change| {
            change.add_field("a", "z", 1);
            change.coll_mod("a").set("validationLevel", "strict");
        });
        assert_eq!(operations, [0]);
    }
}
