//! Pure: what a declared migration touches, so that one in the middle of a history can be rolled back
//! alone.
//!
//! Coarse where being exact would be wrong. Of a path, the outermost field counts: at an array, values
//! are compared and put back as a whole, and whether there is an array on the way is in no declaration.
//! A validator and a view read every field of their collection.

use std::fmt;

use mongodb::bson::{Bson, Document};

use super::{
    declared::{Change, ChangeFn},
    encrypted,
    index_spec::Spec,
    indexes,
    operation::Operation,
    rewrite::kind::{Rewrite, RewriteKind},
    sharding::Sharding,
    slot::Slot,
    undo::unpack,
    validators,
};

/// What a declared migration touches.
#[derive(Clone, Debug, Default)]
pub(crate) struct Footprint {
    touches: Vec<Touch>,
    /// The first operation that runs a function, counted from 1: what that touches is not known.
    runs: Option<usize>,
}

/// A part of the database that is written, or only read.
#[derive(Clone, Debug, PartialEq)]
struct Touch {
    place: Place,
    writes: bool,
}

#[derive(Clone, Debug, PartialEq)]
enum Place {
    /// Zones and the shards of a cluster: of the whole database.
    Shards,
    Collection {
        name: String,
        part: Part,
    },
}

/// A part of a collection.
#[derive(Clone, Debug, PartialEq)]
enum Part {
    /// The collection itself, with all that is in it.
    Whole,
    /// The fields at this path.
    Field(String),
    /// Every field of every document.
    Fields,
    /// An index; `keys`: `None` if only its name is known.
    Index {
        name: String,
        keys: Option<Document>,
    },
    SearchIndex(String),
    Validator,
    Option(String),
}

impl Footprint {
    /// What a declared migration touches that was applied, and whose operations `found` this before they
    /// began: an index whose collection was created for it touches the whole collection. `None` if the
    /// function is refused.
    pub(crate) fn of_applied(declare: ChangeFn, found: &Document) -> Option<Self> {
        let change = Change::declared(declare).ok()?;
        let mut footprint = Self::default();
        for (number, operation) in change.operations.iter().enumerate() {
            footprint.add(number, operation);
            if let Operation::CreateIndex(indexes::Create { spec, .. }) = operation
                && let Ok(found) = found.get_document(Slot { number }.key())
                && !unpack(found).get_bool("collection").unwrap_or(true)
            {
                footprint.writes(&spec.collection, Part::Whole);
            }
        }
        Some(footprint)
    }

    /// The first operation that runs a function, counted from 1: what that touches is not known.
    pub(crate) fn runs(&self) -> Option<usize> {
        self.runs
    }

    /// The first thing that both touch, and that at least one of them writes: as this migration
    /// touches it, and as the other one does.
    pub(crate) fn meets(&self, other: &Self) -> Option<(impl fmt::Display, impl fmt::Display)> {
        self.touches.iter().find_map(|mine| {
            let theirs = other.touches.iter().find(|theirs| {
                (mine.writes || theirs.writes) && mine.place.overlaps(&theirs.place)
            })?;
            Some((mine.place.clone(), theirs.place.clone()))
        })
    }

    /// What is touched, in words, and whether it is written.
    pub(crate) fn touched(&self) -> impl Iterator<Item = (Option<&str>, String, bool)> {
        self.touches.iter().map(|Touch { place, writes }| {
            let collection = match place {
                Place::Shards => None,
                Place::Collection { name, .. } => Some(&**name),
            };
            (collection, place.to_string(), *writes)
        })
    }

    fn writes(&mut self, collection: &str, part: Part) {
        self.add_touch(collection, part, true);
    }

    fn reads(&mut self, collection: &str, part: Part) {
        self.add_touch(collection, part, false);
    }

    fn add_touch(&mut self, collection: &str, part: Part, writes: bool) {
        let place = Place::Collection { name: collection.to_owned(), part };
        self.touches.push(Touch { place, writes });
    }

    fn add(&mut self, number: usize, operation: &Operation) {
        match operation {
            Operation::CreateCollection(create) => {
                self.writes(&create.name, Part::Whole);
                for name in encrypted::beside(&create.name, &create.options) {
                    self.writes(&name, Part::Whole);
                }
                self.view(create.options.iter().map(|(name, value)| (name.as_str(), value)));
            }
            Operation::DropCollection(drop) => self.writes(&drop.name, Part::Whole),
            Operation::RenameCollection(rename) => {
                self.writes(&rename.from, Part::Whole);
                self.writes(&rename.to, Part::Whole);
            }
            Operation::CreateIndex(indexes::Create { spec, .. })
            | Operation::DropIndex(indexes::Drop { spec, .. }) => self.index(spec),
            Operation::HideIndex(hide) => self.named_index(&hide.collection, &hide.index),
            Operation::ExpireAfter(expire) => self.named_index(&expire.collection, &expire.index),
            Operation::MakeUnique(unique) => self.named_index(&unique.collection, &unique.index),
            Operation::Search(search) => {
                self.writes(&search.collection, Part::SearchIndex(search.name.clone()));
                self.reads(&search.collection, Part::Fields);
            }
            Operation::Sharding(sharding) => self.sharding(sharding),
            Operation::Modify(modify) => {
                for (option, _) in &modify.options {
                    self.option(&modify.collection, option);
                }
                let set = modify.options.iter();
                self.view(set.filter_map(|(name, value)| Some((name.as_str(), value.as_ref()?))));
            }
            Operation::Rewrite(Rewrite { collection, kind, .. }) => match kind {
                RewriteKind::Field(edit) => {
                    for path in edit.paths() {
                        self.writes(collection, Part::Field(path.text().to_owned()));
                    }
                }
                RewriteKind::Pipelines(_) => self.writes(collection, Part::Fields),
            },
            Operation::Run(_) => {
                self.runs.get_or_insert(number + 1);
            }
        }
    }

    fn index(&mut self, spec: &Spec) {
        let keys = Some(spec.keys.clone());
        self.writes(&spec.collection, Part::Index { name: spec.name(), keys });
        let mut paths: Vec<&str> = spec.keys.keys().map(String::as_str).collect();
        for option in ["weights", "wildcardProjection"] {
            let fields = spec.options.get_document(option).into_iter().flatten();
            paths.extend(fields.map(|(path, _)| path.as_str()));
        }
        if let Ok(filter) = spec.options.get_document("partialFilterExpression") {
            named_in(filter, &mut paths);
        }
        for path in paths {
            match path.trim_end_matches(".$**") {
                "$**" => self.reads(&spec.collection, Part::Fields),
                path if path.starts_with('$') => self.reads(&spec.collection, Part::Fields),
                path => self.reads(&spec.collection, Part::Field(path.to_owned())),
            }
        }
    }

    /// An index of which only the name is declared: its keys may be any field.
    fn named_index(&mut self, collection: &str, name: &str) {
        self.writes(collection, Part::Index { name: name.to_owned(), keys: None });
        self.reads(collection, Part::Fields);
    }

    fn option(&mut self, collection: &str, option: &str) {
        match option {
            "changeStreamPreAndPostImages" | "recordPreImages" => {
                self.writes(collection, Part::Option(option.to_owned()));
            }
            option if validators::OPTIONS.contains(&option) => {
                self.writes(collection, Part::Validator);
                self.reads(collection, Part::Fields);
            }
            // A size or an age removes documents, a pipeline is all that a view is, and what another
            // option does is not known.
            _ => self.writes(collection, Part::Whole),
        }
    }

    /// The collections that a view with these options reads.
    fn view<'a>(&mut self, options: impl Iterator<Item = (&'a str, &'a Bson)>) {
        let mut sources = Vec::new();
        for (option, value) in options {
            match (option, value) {
                ("viewOn", Bson::String(source)) => sources.push(source.as_str()),
                ("pipeline", pipeline) => read_by(pipeline, &mut sources),
                _ => {}
            }
        }
        for source in sources {
            self.reads(source, Part::Fields);
        }
    }

    fn sharding(&mut self, sharding: &Sharding) {
        self.touches.push(Touch { place: Place::Shards, writes: true });
        if let Some(collection) = sharding.collection() {
            self.writes(collection, Part::Whole);
        }
    }
}

/// The paths that a filter names.
fn named_in<'a>(filter: &'a Document, paths: &mut Vec<&'a str>) {
    for (key, value) in filter {
        match (key.as_str(), value) {
            ("$and" | "$or" | "$nor", Bson::Array(all)) => {
                for filter in all.iter().filter_map(Bson::as_document) {
                    named_in(filter, paths);
                }
            }
            // `$expr` and what is not known: the caller takes a `$` for every field.
            (path, _) => paths.push(path),
        }
    }
}

/// The collections that the stages of a pipeline read, such as `from` of a `$lookup`.
fn read_by<'a>(pipeline: &'a Bson, sources: &mut Vec<&'a str>) {
    match pipeline {
        Bson::Array(items) => items.iter().for_each(|item| read_by(item, sources)),
        Bson::Document(fields) => {
            for (key, value) in fields {
                match (key.as_str(), value) {
                    ("from" | "coll" | "$unionWith", Bson::String(source)) => sources.push(source),
                    (_, value) => read_by(value, sources),
                }
            }
        }
        _ => {}
    }
}

impl Place {
    fn overlaps(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Shards, Self::Shards) => true,
            (
                Self::Collection { name, part },
                Self::Collection { name: other_name, part: other_part },
            ) => name == other_name && part.overlaps(other_part),
            _ => false,
        }
    }
}

impl Part {
    fn overlaps(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Whole, _)
            | (_, Self::Whole)
            | (Self::Fields, Self::Field(_) | Self::Fields)
            | (Self::Field(_), Self::Fields)
            | (Self::Validator, Self::Validator) => true,
            (Self::Field(path), Self::Field(other)) => outermost(path) == outermost(other),
            (Self::Index { name, keys }, Self::Index { name: other_name, keys: other_keys }) => {
                let same_keys = keys.is_some() && keys == other_keys;
                // A collection has one text index.
                let both_text = [keys, other_keys].into_iter().all(|keys| is_text(keys.as_ref()));
                name == other_name || same_keys || both_text
            }
            (Self::SearchIndex(name), Self::SearchIndex(other))
            | (Self::Option(name), Self::Option(other)) => name == other,
            _ => false,
        }
    }
}

fn outermost(path: &str) -> &str {
    path.split('.').next().unwrap_or(path)
}

fn is_text(keys: Option<&Document>) -> bool {
    keys.is_some_and(|keys| keys.values().any(|kind| kind.as_str() == Some("text")))
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self::Collection { name, part } = self else { return f.write_str("the shards") };
        match part {
            Part::Whole => write!(f, "the collection `{name}`"),
            Part::Field(path) => write!(f, "`{name}.{path}`"),
            Part::Fields => write!(f, "every field of `{name}`"),
            Part::Index { name: index, .. } => write!(f, "the index `{index}` of `{name}`"),
            Part::SearchIndex(index) => write!(f, "the search index `{index}` of `{name}`"),
            Part::Validator => write!(f, "the validator of `{name}`"),
            Part::Option(option) => write!(f, "the option `{option}` of `{name}`"),
        }
    }
}

#[cfg(test)]
mod tests {
    use mongodb::bson::doc;

    use super::*;
    use crate::kinds::change::rewrite::convert::FieldType;

    fn of(declare: ChangeFn) -> Option<Footprint> {
        Footprint::of_applied(declare, &Document::new())
    }

    /// What both touch, as the first one does and as the second one does; empty: nothing.
    fn met(one: ChangeFn, other: ChangeFn) -> String {
        let (one, other) = (of(one).unwrap(), of(other).unwrap());
        let there = one.meets(&other).map(|(mine, theirs)| format!("{mine} / {theirs}"));
        let back = other.meets(&one);
        assert_eq!(there.is_some(), back.is_some(), "{there:?}");
        there.unwrap_or_default()
    }

    #[test]
    fn what_two_migrations_touch_is_found() {
        let email: ChangeFn = |change| {
            change.rename_field("users", "mail", "email");
        };
        let table: [(ChangeFn, &str); 20] = [
            (
                |change| {
                    change.add_field("users", "plan", "free");
                },
                "",
            ),
            (
                |change| {
                    change.add_field("people", "email", "x");
                },
                "",
            ),
            (
                |change| {
                    change.remove_field("users", "mail");
                },
                "`users.mail` / `users.mail`",
            ),
            (
                |change| {
                    change.add_field("users", "email.work", 1);
                },
                "`users.email` / `users.email.work`",
            ),
            (
                |change| {
                    change.add_field("users", "mailbox", 1);
                },
                "",
            ),
            (
                |change| {
                    change.change_type("users", "email", FieldType::Int, FieldType::Long);
                },
                "`users.email` / `users.email`",
            ),
            (
                |change| {
                    change.create_index("users", doc! { "plan": 1 });
                },
                "",
            ),
            (
                |change| {
                    change.create_index("users", doc! { "plan": 1, "email": 1 });
                },
                "`users.email` / `users.email`",
            ),
            (
                |change| {
                    let filter = doc! { "$and": [{ "email": { "$exists": true } }] };
                    change.create_index("users", doc! { "plan": 1 }).partial_filter(filter);
                },
                "`users.email` / `users.email`",
            ),
            (
                |change| {
                    change.create_index("users", doc! { "$**": 1 });
                },
                "`users.mail` / every field of `users`",
            ),
            (
                |change| {
                    change.create_index("users", doc! { "email.$**": 1 });
                },
                "`users.email` / `users.email`",
            ),
            (
                |change| {
                    change.drop_index("users", doc! { "mail": 1 });
                },
                "`users.mail` / `users.mail`",
            ),
            (
                |change| {
                    change.hide_index("users", "x");
                },
                "`users.mail` / every field of `users`",
            ),
            (
                |change| {
                    change.set_validator("users", doc! { "plan": 1 });
                },
                "`users.mail` / every field of `users`",
            ),
            (
                |change| {
                    change.update("users", vec![doc! { "$set": { "x": 1 } }], vec![]);
                },
                "`users.mail` / every field of `users`",
            ),
            (
                |change| {
                    change.rename_collection("people", "users");
                },
                "`users.mail` / the collection `users`",
            ),
            (
                |change| {
                    change.drop_collection("users");
                },
                "`users.mail` / the collection `users`",
            ),
            (
                |change| {
                    let lookup = doc! { "$lookup": { "from": "users", "as": "u", "pipeline": [] } };
                    change.create_collection("v").view_on("orders", vec![lookup]);
                },
                "`users.mail` / every field of `users`",
            ),
            (
                |change| {
                    change.coll_mod("users").set("changeStreamPreAndPostImages", doc! {});
                },
                "",
            ),
            (
                |change| {
                    change.coll_mod("users").set("somethingNew", 1);
                },
                "`users.mail` / the collection `users`",
            ),
        ];
        for (number, (other, expected)) in table.into_iter().enumerate() {
            assert_eq!(met(email, other), expected, "row {number}");
        }
    }

    #[test]
    fn two_indexes_meet_by_name_by_keys_and_by_being_the_text_index() {
        let named: ChangeFn = |change| {
            change.create_index("users", doc! { "plan": 1 }).name("by_plan");
        };
        let table: [(ChangeFn, bool); 6] = [
            (
                |change| {
                    change.create_index("users", doc! { "plan": -1 });
                },
                false,
            ),
            (
                |change| {
                    change.create_index("users", doc! { "plan": 1, "x": 1 });
                },
                false,
            ),
            (
                |change| {
                    change.drop_index("users", doc! { "plan": 1 });
                },
                true,
            ),
            (
                |change| {
                    change.create_index("users", doc! { "x": 1 }).name("by_plan");
                },
                true,
            ),
            (
                |change| {
                    change.make_index_unique("users", "by_plan");
                },
                true,
            ),
            (
                |change| {
                    change.make_index_unique("users", "other");
                },
                false,
            ),
        ];
        for (number, (other, expected)) in table.into_iter().enumerate() {
            assert_eq!(!met(named, other).is_empty(), expected, "row {number}");
        }
        let text: ChangeFn = |change| {
            change.drop_index("users", doc! { "a": "text" });
        };
        let other: ChangeFn = |change| {
            change.create_index("users", doc! { "b": "text" });
        };
        assert!(!met(text, other).is_empty());
    }

    #[test]
    fn a_function_is_no_declaration() {
        async fn nothing(_: &mut crate::kinds::online::Online<'_>) -> crate::model::result::Result {
            Ok(())
        }
        let footprint = of(|change| {
            change.add_field("users", "plan", "free");
            change.run(nothing, nothing);
        });
        assert_eq!(footprint.unwrap().runs(), Some(2));
        assert!(of(|_| {}).is_none(), "a mistake");
    }

    #[test]
    fn an_index_that_created_its_collection_touches_all_of_it() {
        let declare: ChangeFn = |change| {
            change.create_index("users", doc! { "plan": 1 });
        };
        let later: ChangeFn = |change| {
            change.set_validator("users", doc! { "x": 1 });
        };
        let later = of(later).unwrap();
        for (found, expected) in [
            (doc! {}, false),
            (doc! { "0": { "existed": false, "collection": true } }, false),
            (doc! { "0": { "existed": false, "collection": false } }, true),
        ] {
            let footprint = Footprint::of_applied(declare, &found).unwrap();
            assert_eq!(footprint.meets(&later).is_some(), expected, "{found}");
        }
    }
}
