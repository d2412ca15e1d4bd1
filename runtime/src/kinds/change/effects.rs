//! What the lints know of declared operations.

use mongodb::bson::{Bson, Document};

use super::{
    collections,
    declared::{Change, ChangeFn},
    index_spec::{self, Spec},
    indexes,
    operation::Operation as Declared,
    options::{self, Modify},
    rewrite::{
        fields::Edit,
        kind::{Rewrite, RewriteKind},
    },
};
use crate::kinds::effect::{FieldChange, Index, Operation, unset};

/// What a declared migration would do, as the lints see it.
pub(crate) fn operations(declare: ChangeFn) -> Vec<Operation> {
    let Ok(change) = Change::declared(declare) else { return Vec::new() };
    change
        .operations
        .iter()
        .flat_map(|one| effects_of(one).into_iter().chain(unknown(one)))
        .collect()
}

/// The options that are passed on as they are.
fn unknown(operation: &Declared) -> Vec<Operation> {
    match operation {
        Declared::CreateCollection(create) => {
            passed_on(&create.name, &collections::OPTIONS, named(&create.options))
        }
        Declared::CreateIndex(indexes::Create { spec, .. })
        | Declared::DropIndex(indexes::Drop { spec, .. }) => {
            let kinds = spec.keys.values().filter_map(|kind| Some((kind.as_str()?, None)));
            let mut unknown = passed_on(&spec.collection, &index_spec::KINDS, kinds.collect());
            let options = named(&spec.options);
            unknown.extend(passed_on(&spec.collection, &index_spec::OPTIONS, options));
            unknown
        }
        Declared::Modify(modify) => {
            let set = modify.options.iter().map(|(name, value)| (name.as_str(), value.as_ref()));
            passed_on(&modify.collection, &options::KNOWN, set.collect())
        }
        _ => Vec::new(),
    }
}

fn named(options: &Document) -> Vec<(&str, Option<&Bson>)> {
    options.iter().map(|(name, value)| (name.as_str(), Some(value))).collect()
}

/// Those that are not among the known ones.
fn passed_on(
    collection: &str,
    known: &'static [&'static str],
    given: Vec<(&str, Option<&Bson>)>,
) -> Vec<Operation> {
    let unknown = given.into_iter().filter(|(name, _)| !known.contains(name));
    let passed = unknown.map(|(name, value)| Operation::PassedOn {
        collection: collection.to_owned(),
        name: name.to_owned(),
        value: value.cloned(),
        known,
    });
    passed.collect()
}

/// Mostly one. Where documents are is nothing that the lints know of.
fn effects_of(operation: &Declared) -> Vec<Operation> {
    if let Declared::Sharding(_) = operation {
        return Vec::new();
    }
    vec![match operation {
        Declared::CreateCollection(create) => Operation::CreateCollection {
            name: create.name.clone(),
            options: create.options.clone(),
        },
        Declared::DropCollection(drop) => {
            Operation::DropCollection { name: drop.name.clone(), is_required: !drop.if_exists }
        }
        Declared::RenameCollection(rename) => {
            Operation::RenameCollection { from: rename.from.clone(), to: rename.to.clone() }
        }
        Declared::CreateIndex(create) => Operation::CreateIndex(index(create)),
        Declared::DropIndex(indexes::Drop { spec, if_exists }) => Operation::DropIndex {
            collection: spec.collection.clone(),
            name: spec.name(),
            keys: spec.keys.clone(),
            is_required: !if_exists,
        },
        Declared::Search(search) => {
            Operation::Search { collection: search.collection.clone(), action: search.action() }
        }
        Declared::HideIndex(hide) => modifies(&hide.collection),
        Declared::ExpireAfter(expire) => modifies(&expire.collection),
        Declared::MakeUnique(unique) => Operation::MakeUnique {
            collection: unique.collection.clone(),
            index: unique.index.clone(),
        },
        Declared::Modify(modify) => validator(modify).unwrap_or_else(|| modified(modify)),
        Declared::Rewrite(Rewrite { collection, kind: RewriteKind::Field(edit), .. }) => {
            let (path, change) = match edit {
                Edit::Remove { path } => (path, FieldChange::Remove),
                Edit::Rename { from, to } => {
                    (from, FieldChange::Rename { to: to.text().to_owned() })
                }
                Edit::Move { from, to } => (from, FieldChange::Move { to: to.text().to_owned() }),
                Edit::Convert { path, from, to, .. } => {
                    (path, FieldChange::Convert { from: from.as_str(), to: to.as_str() })
                }
                Edit::Add { .. } => return vec![rewrites(collection)],
            };
            Operation::Field {
                collection: collection.clone(),
                field: path.text().to_owned(),
                change,
            }
        }
        Declared::Rewrite(Rewrite {
            collection, kind: RewriteKind::Pipelines(pipelines), ..
        }) => {
            let unset = unset(&pipelines.forward.pipeline).into_iter().map(|field| {
                let (collection, change) = (collection.clone(), FieldChange::Unset);
                Operation::Field { collection, field, change }
            });
            return [rewrites(collection)].into_iter().chain(unset).collect();
        }
        Declared::Run(_) | Declared::Sharding(_) => Operation::Unknown,
    }]
}

fn rewrites(collection: &str) -> Operation {
    Operation::Rewrite { collection: collection.to_owned() }
}

/// Changes what `collMod` changes, of an index.
fn modifies(collection: &str) -> Operation {
    Operation::Modify { collection: collection.to_owned(), options: Document::new() }
}

fn index(create: &indexes::Create) -> Index {
    let Spec { collection, keys, name, options, .. } = &create.spec;
    Index {
        collection: collection.clone(),
        keys: keys.clone(),
        options: options.clone(),
        given_name: name.clone(),
        name: create.spec.name(),
        if_not_exists: create.if_not_exists,
    }
}

/// What is set, and what is not said of it.
fn modified(modify: &Modify) -> Operation {
    let set =
        modify.options.iter().filter_map(|(name, value)| Some((name.clone(), value.clone()?)));
    Operation::Modify { collection: modify.collection.clone(), options: set.collect() }
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
    let text = |option: &str| match set(option) {
        Some(Some(Bson::String(text))) => Some(text.as_str()),
        _ => None,
    };
    let (level, action) = (text("validationLevel"), text("validationAction"));
    let strict = !matches!(level, Some("moderate" | "off")) && action != Some("warn");
    let mut chain = String::new();
    for (method, value) in [("level", level), ("action", action)] {
        if let Some(value) = value {
            chain += &format!(".{method}({value:?})");
        }
    }
    let collection = modify.collection.clone();
    Some(Operation::SetValidator { collection, validator, strict, chain })
}

#[cfg(test)]
mod tests {
    use mongodb::bson::doc;

    use super::*;
    use crate::kinds::change::rewrite::convert::FieldType;

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
        change.change_type("users", "n", FieldType::Int, FieldType::Long);
        change.update("users", vec![doc! { "$unset": ["a", "b"] }], vec![]);
        change.hide_index("users", "age_1");
        change.drop_collection("old").if_exists();
        change.create_collection("adults").view_on("users", vec![]);
        change.run(nothing, nothing);
    }

    async fn nothing(_: &mut crate::kinds::online::Online<'_>) -> crate::model::result::Result {
        Ok(())
    }

    #[test]
    fn each_operation_is_described_that_a_lint_is_about() {
        let users = || "users".to_owned();
        let validator =
            |collection: &str, validator, strict, chain: &str| Operation::SetValidator {
                collection: collection.to_owned(),
                validator,
                strict,
                chain: chain.to_owned(),
            };
        let field = |field: &str, change| Operation::Field {
            collection: users(),
            field: field.to_owned(),
            change,
        };
        assert_eq!(
            operations(declare),
            [
                Operation::CreateIndex(Index {
                    collection: users(),
                    keys: doc! { "email": 1 },
                    options: doc! { "unique": true, "sparse": true },
                    given_name: None,
                    name: "email_1".to_owned(),
                    if_not_exists: false,
                }),
                Operation::DropIndex {
                    collection: users(),
                    name: "age_-1".to_owned(),
                    keys: doc! { "age": -1 },
                    is_required: true,
                },
                field("age", FieldChange::Remove),
                field("fullname", FieldChange::Rename { to: "name".to_owned() }),
                field("city", FieldChange::Move { to: "address.city".to_owned() }),
                Operation::RenameCollection { from: "pets".to_owned(), to: "animals".to_owned() },
                rewrites("users"),
                validator("users", doc! { "name": { "$type": "string" } }, true, ""),
                validator("pets", doc! { "name": "x" }, false, ".level(\"moderate\")"),
                validator("animals", doc! {}, true, ""),
                Operation::Modify {
                    collection: users(),
                    options: doc! { "validationAction": "warn" },
                },
                field("n", FieldChange::Convert { from: "int", to: "long" }),
                rewrites("users"),
                field("a", FieldChange::Unset),
                field("b", FieldChange::Unset),
                modifies("users"),
                Operation::DropCollection { name: "old".to_owned(), is_required: false },
                Operation::CreateCollection {
                    name: "adults".to_owned(),
                    options: doc! { "viewOn": "users", "pipeline": [] },
                },
                Operation::Unknown,
            ]
        );
    }
}
