//! Pure: what the earlier and later operations of a plan mean for one operation. The facts are read
//! from the database as it is now.

use mongodb::bson::Document;

use super::{
    facts::{Facts, NamedBy},
    names::{index_names, is_within, names, sources},
};
use crate::{kinds::effect::Operation, mongo::options::alike};

/// The operations before and after one operation.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Around<'a> {
    pub earlier: &'a [Operation],
    pub later: &'a [Operation],
}

/// The collection, as it is in the database now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Origin {
    /// Its name in the database; `None` if an earlier operation takes that name away.
    pub name: Option<String>,
    /// An earlier operation creates it.
    pub is_made: bool,
}

impl<'a> Around<'a> {
    /// Whether an earlier operation may have done anything.
    pub(crate) fn is_unknown(&self) -> bool {
        self.earlier.contains(&Operation::Unknown)
    }

    pub(crate) fn origin(&self, collection: &str) -> Origin {
        let mut origin = Origin { name: Some(collection.to_owned()), is_made: false };
        for operation in self.earlier.iter().rev() {
            let Some(name) = origin.name.as_deref() else { break };
            match operation {
                Operation::RenameCollection { from, to } if to == name => {
                    origin.name = Some(from.clone());
                }
                Operation::RenameCollection { from: gone, .. }
                | Operation::DropCollection { name: gone, .. }
                    if gone == name =>
                {
                    origin.name = None;
                }
                Operation::CreateCollection { name: made, .. } if made == name => {
                    origin.is_made = true;
                }
                Operation::CreateIndex(index) if index.collection == name => origin.is_made = true,
                _ => {}
            }
        }
        origin
    }

    /// The path at which the documents have the field now.
    pub(crate) fn field_now(&self, collection: &str, field: &str) -> String {
        let mut now = field.to_owned();
        for operation in self.of_collection(collection).into_iter().rev() {
            if let Operation::Field { field: from, change, .. } = operation
                && let Some(to) = change.target()
                && is_within(&now, to)
            {
                now = format!("{from}{}", now.get(to.len()..).unwrap_or_default());
            }
        }
        now
    }

    /// The earlier operations on what is this collection by now, whatever it was called then.
    fn of_collection(&self, collection: &str) -> Vec<&'a Operation> {
        let mine = self.origin(collection).name;
        let is_mine = |at: usize, name: &str| {
            let earlier = self.earlier.get(..at).unwrap_or_default();
            mine.is_some() && Around { earlier, later: &[] }.origin(name).name == mine
        };
        let all = self.earlier.iter().enumerate().filter(|(at, operation)| match operation {
            Operation::CreateIndex(index) => is_mine(*at, &index.collection),
            Operation::DropIndex { collection, .. }
            | Operation::Field { collection, .. }
            | Operation::SetValidator { collection, .. } => is_mine(*at, collection),
            Operation::CreateCollection { name, .. } => is_mine(*at, name),
            _ => false,
        });
        all.map(|(_, operation)| operation).collect()
    }

    /// What is left of what was read once the earlier operations have run, and the later ones
    /// will have.
    pub(crate) fn settle(&self, facts: &mut Facts, operation: &Operation) {
        facts.as_of_now = !self.earlier.is_empty();
        match operation {
            Operation::Field { collection, field, .. } => {
                for earlier in self.of_collection(collection) {
                    settle_names(&mut facts.named_by, earlier, field);
                }
            }
            Operation::RenameCollection { from: gone, .. }
            | Operation::DropCollection { name: gone, .. } => {
                self.settle_views(&mut facts.views, gone);
            }
            _ => {}
        }
        if self.is_unknown() {
            facts.missing = None;
        }
    }

    /// Which views will read nothing, once nothing is called `gone` any more.
    fn settle_views(&self, views: &mut Vec<String>, gone: &str) {
        // What comes before may make such a view; what comes before or after may point it
        // elsewhere, drop it, or put something else in the place of what is gone.
        for (operations, is_before) in [(self.earlier, true), (self.later, false)] {
            for operation in operations {
                match operation {
                    Operation::CreateCollection { name, .. } if !is_before && name == gone => {
                        views.clear();
                    }
                    Operation::RenameCollection { to, .. } if !is_before && to == gone => {
                        views.clear();
                    }
                    Operation::CreateCollection { name, options } if is_before => {
                        set(views, name, &sources(options), gone);
                    }
                    Operation::Modify { collection, options } if options.contains_key("viewOn") => {
                        set(views, collection, &sources(options), gone);
                    }
                    Operation::DropCollection { name, .. } => views.retain(|view| view != name),
                    _ => {}
                }
            }
        }
    }
}

/// Notes that the view reads these sources now.
fn set(views: &mut Vec<String>, view: &str, sources: &[String], gone: &str) {
    views.retain(|other| other != view);
    if sources.iter().any(|source| source == gone) {
        views.push(view.to_owned());
    }
}

/// Updates what names the field by one more operation.
fn settle_names(named_by: &mut Vec<NamedBy>, operation: &Operation, field: &str) {
    let validate = |named_by: &mut Vec<NamedBy>, validator: &Document| {
        named_by.retain(|by| *by != NamedBy::Validator);
        if names(validator, field) {
            named_by.push(NamedBy::Validator);
        }
    };
    match operation {
        Operation::DropIndex { name, keys, .. } => named_by.retain(|by| match by {
            NamedBy::Index { listed, .. } => {
                let is_named = listed.get_str("name").is_ok_and(|listed| listed == name);
                let keys = keys.clone().into();
                !is_named && !alike(listed.get("key"), Some(&keys))
            }
            NamedBy::Validator => true,
        }),
        Operation::CreateIndex(index) => {
            let is_new = !named_by.iter().any(|by| by.index_name() == Some(&index.name));
            if is_new && index_names(&index.keys, &index.options, field) {
                named_by.push(NamedBy::Index { listed: index.listed(), of: Document::new() });
            }
        }
        Operation::SetValidator { validator, .. } => validate(named_by, validator),
        Operation::CreateCollection { options, .. } => {
            if let Ok(validator) = options.get_document("validator") {
                validate(named_by, validator);
            }
        }
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use mongodb::bson::doc;

    use super::*;
    use crate::kinds::effect::{FieldChange, Index};

    fn rename(from: &str, to: &str) -> Operation {
        Operation::RenameCollection { from: from.to_owned(), to: to.to_owned() }
    }

    fn create(name: &str, options: Document) -> Operation {
        Operation::CreateCollection { name: name.to_owned(), options }
    }

    fn drop(name: &str) -> Operation {
        Operation::DropCollection { name: name.to_owned(), is_required: true }
    }

    fn field(collection: &str, field: &str, change: FieldChange) -> Operation {
        Operation::Field { collection: collection.to_owned(), field: field.to_owned(), change }
    }

    fn set_validator(validator: Document) -> Operation {
        let (collection, chain) = ("users".to_owned(), String::new());
        Operation::SetValidator { collection, validator, strict: true, chain }
    }

    #[test]
    fn a_collection_is_followed_through_its_names() {
        let earlier = [rename("a", "b"), create("c", doc! {}), rename("b", "d"), drop("e")];
        let around = Around { earlier: &earlier, later: &[] };
        let origin = |name| around.origin(name);
        let is = |name: Option<&str>, is_made| Origin { name: name.map(str::to_owned), is_made };
        assert_eq!(origin("d"), is(Some("a"), false));
        assert_eq!(origin("c"), is(Some("c"), true));
        assert_eq!(origin("x"), is(Some("x"), false));
        for gone in ["a", "b", "e"] {
            assert_eq!(origin(gone), is(None, false), "{gone}");
        }
        let moved = [
            field("a", "mail", FieldChange::Rename { to: "email".to_owned() }),
            rename("a", "b"),
            field("b", "email", FieldChange::Move { to: "contact.email".to_owned() }),
        ];
        let around = Around { earlier: &moved, later: &[] };
        assert_eq!(around.field_now("b", "contact.email.host"), "mail.host");
        assert_eq!(around.field_now("c", "contact.email"), "contact.email");
    }

    #[test]
    fn what_is_dropped_before_is_in_nobodys_way() {
        let remove = field("users", "age", FieldChange::Remove);
        let listed = doc! { "key": { "age": 1 }, "name": "age_1" };
        let facts = || Facts {
            named_by: vec![
                NamedBy::Index { listed: listed.clone(), of: doc! {} },
                NamedBy::Validator,
            ],
            ..Facts::default()
        };
        let drop = Operation::DropIndex {
            collection: "users".to_owned(),
            name: "age_1".to_owned(),
            keys: doc! { "age": 1 },
            is_required: true,
        };
        for (validator, left) in [(doc! { "name": "x" }, 0), (doc! { "age": { "$gte": 0 } }, 1)] {
            let mut facts = facts();
            let earlier = [drop.clone(), set_validator(validator)];
            Around { earlier: &earlier, later: &[] }.settle(&mut facts, &remove);
            assert_eq!(facts.named_by.len(), left, "{facts:?}");
        }
        // What comes before may also be what names it.
        let index = Index {
            collection: "users".to_owned(),
            keys: doc! { "age": 1 },
            options: doc! {},
            given_name: None,
            name: "age_1".to_owned(),
            if_not_exists: false,
        };
        let mut none = Facts::default();
        let earlier = [Operation::CreateIndex(index)];
        Around { earlier: &earlier, later: &[] }.settle(&mut none, &remove);
        assert_eq!(none.named_by.len(), 1);
    }

    #[test]
    fn a_view_that_is_pointed_elsewhere_is_not_broken() {
        let gone = rename("users", "people");
        let settled = |earlier: &[Operation], later: &[Operation]| {
            let mut facts = Facts { views: vec!["adults".to_owned()], ..Facts::default() };
            Around { earlier, later }.settle(&mut facts, &gone);
            facts.views
        };
        assert_eq!(settled(&[], &[]), ["adults"]);
        assert!(settled(&[drop("adults")], &[]).is_empty());
        assert!(settled(&[], &[drop("adults")]).is_empty());
        let point = |to: &str| Operation::Modify {
            collection: "adults".to_owned(),
            options: doc! { "viewOn": to, "pipeline": [] },
        };
        assert!(settled(&[], &[point("people")]).is_empty());
        assert_eq!(settled(&[point("users")], &[]), ["adults"]);
        // Another one takes its place, as for the app of before.
        assert!(settled(&[], &[create("users", doc! { "viewOn": "people" })]).is_empty());
        let seniors = create("seniors", doc! { "viewOn": "users" });
        assert_eq!(settled(&[seniors], &[]), ["adults", "seniors"]);
    }

    #[test]
    fn where_anything_may_have_happened_nothing_is_missing() {
        let mut facts = Facts { missing: Some(None), ..Facts::default() };
        let other = Operation::Rewrite { collection: "users".to_owned() };
        Around { earlier: std::slice::from_ref(&other), later: &[] }.settle(&mut facts, &other);
        assert!(facts.missing.is_some());
        Around { earlier: &[Operation::Unknown], later: &[] }.settle(&mut facts, &other);
        assert!(facts.missing.is_none());
    }
}
