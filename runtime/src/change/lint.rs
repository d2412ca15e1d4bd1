//! What the lints know of declared operations.

use mongodb::bson::{Bson, Document};

use super::{
    Change,
    fields::Edit,
    index_spec::Spec,
    indexes,
    operation::Operation as Declared,
    options::Modify,
    rewrite::{How, Rewrite},
};
use crate::{
    Migration,
    lint::{Index, Operation},
    migration::Body,
};

/// What a declared migration would do, as the lints see it. Empty for other kinds.
pub(crate) fn operations(migration: &Migration) -> Vec<Operation> {
    let Body::Change { declare, .. } = migration.body else { return Vec::new() };
    let Ok(change) = Change::declared(declare) else { return Vec::new() };
    change.operations.iter().filter_map(described).collect()
}

fn described(operation: &Declared) -> Option<Operation> {
    Some(match operation {
        Declared::CreateIndex(indexes::Create { spec, .. }) => Operation::CreateIndex(index(spec)),
        Declared::DropIndex(indexes::Drop { spec, .. }) => {
            Operation::DropIndex { collection: spec.collection.clone(), name: spec.name() }
        }
        Declared::RenameCollection(one) => {
            Operation::RenameCollection { from: one.from.clone(), to: one.to.clone() }
        }
        Declared::Modify(one) => validator(one)?,
        Declared::Rewrite(Rewrite { collection, how: How::Field(edit) }) => {
            let collection = collection.clone();
            match edit {
                Edit::Remove { path } => {
                    Operation::RemoveField { collection, field: path.text().to_owned() }
                }
                Edit::Rename { from, to } => renamed(collection, from.text(), to.text(), false),
                Edit::Move { from, to } => renamed(collection, from.text(), to.text(), true),
                Edit::Add { .. } | Edit::Convert { .. } => return None,
            }
        }
        Declared::CreateCollection(_)
        | Declared::DropCollection(_)
        | Declared::HideIndex(_)
        | Declared::ExpireAfter(_)
        | Declared::Rewrite(_)
        | Declared::Run(_) => return None,
    })
}

fn renamed(collection: String, from: &str, to: &str, moves: bool) -> Operation {
    Operation::RenameField { collection, from: from.to_owned(), to: to.to_owned(), moves }
}

fn index(spec: &Spec) -> Index {
    let is = |option: &str| spec.options.get_bool(option).unwrap_or(false);
    let inner = |option: &str| spec.options.get_document(option).ok().cloned();
    Index {
        collection: spec.collection.clone(),
        keys: spec.keys.clone(),
        unique: is("unique"),
        sparse: is("sparse"),
        partial: inner("partialFilterExpression"),
        collation: inner("collation"),
    }
}

/// What is set of it; the level is the server's default where it is not named.
fn validator(modify: &Modify) -> Option<Operation> {
    let set = |option: &str| {
        modify.options.iter().find(|(name, _)| name == option).map(|(_, value)| value.as_ref())
    };
    let validator = match set("validator")? {
        Some(Bson::Document(validator)) => validator.clone(),
        _ => Document::new(),
    };
    let is = |option: &str, value: &str| matches!(set(option), Some(Some(Bson::String(text))) if text == value);
    let strict = !is("validationLevel", "moderate")
        && !is("validationLevel", "off")
        && !is("validationAction", "warn");
    Some(Operation::SetValidator { collection: modify.collection.clone(), validator, strict })
}

#[cfg(test)]
mod tests {
    use mongodb::bson::doc;

    use super::*;

    fn declare(change: &mut Change) {
        change.create_index("users", doc! { "email": 1 }).unique(true).sparse(true);
        change.drop_index("users", doc! { "age": -1 });
        change.remove_field("users", "age");
        change.rename_field("users", "fullname", "name");
        change.move_field("users", "city", "address.city");
        change.rename_collection("pets", "animals");
        change.add_field("users", "plan", "free");
        change.set_validator("users", doc! { "name": { "$type": "string" } });
        change.set_validator("pets", doc! { "name": "x" }).level("moderate");
        change.unset_validator("animals");
        change.coll_mod("users").set("validationAction", "warn");
    }

    #[test]
    fn each_operation_is_described_that_a_lint_is_about() {
        let users = || "users".to_owned();
        let validator = |collection: &str, validator, strict| Operation::SetValidator {
            collection: collection.to_owned(),
            validator,
            strict,
        };
        assert_eq!(
            operations(&Migration::declared(1, "one", declare)),
            [
                Operation::CreateIndex(Index {
                    collection: users(),
                    keys: doc! { "email": 1 },
                    unique: true,
                    sparse: true,
                    partial: None,
                    collation: None,
                }),
                Operation::DropIndex { collection: users(), name: "age_-1".to_owned() },
                Operation::RemoveField { collection: users(), field: "age".to_owned() },
                renamed(users(), "fullname", "name", false),
                renamed(users(), "city", "address.city", true),
                Operation::RenameCollection { from: "pets".to_owned(), to: "animals".to_owned() },
                validator("users", doc! { "name": { "$type": "string" } }, true),
                validator("pets", doc! { "name": "x" }, false),
                validator("animals", doc! {}, true),
            ]
        );
    }
}
