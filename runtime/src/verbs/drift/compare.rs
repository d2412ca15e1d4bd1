//! Compares the live schema with the expected one. Pure.

use std::collections::BTreeSet;

use mongodb::bson::{Document, doc};
use mongrate_seal::models::{Collection, CollectionKind, Index, Json, Snapshot, Validation};

use super::{
    fix,
    live::LiveCollection,
    wanted::{spec, validator},
};
use crate::{
    kinds::change::mentioned::Mentioned,
    model::report::schema_drift::{SchemaDifference, SchemaDifferenceKind as Kind},
    mongo::{json, options, validator as validators},
};

/// Returns the differences, sorted by collection. `mentioned`: what the declared migrations name, which
/// is not extra.
pub(crate) fn differences(
    expected: &Snapshot,
    mentioned: &Mentioned,
    live: &[LiveCollection],
) -> Vec<SchemaDifference> {
    let names: BTreeSet<&str> = expected
        .collections
        .keys()
        .map(String::as_str)
        .chain(live.iter().map(|live| live.name.as_str()))
        .collect();
    let mut differences = Vec::new();
    for name in names {
        let wanted = expected.collections.get(name);
        let found = live.iter().find(|live| live.name == name);
        match (wanted, found) {
            (Some(wanted), Some(found)) => {
                let pair = Pair { name, wanted, found };
                pair.compare(mentioned, &mut differences);
            }
            (Some(wanted), None) => differences.extend(missing(name, wanted)),
            (None, Some(found)) if mentioned.has_collection(name) => {
                differences.extend(extra_indexes(found, mentioned, |_| false));
            }
            (None, Some(found)) => differences.push(extra(found)),
            (None, None) => {}
        }
    }
    differences
}

/// A difference of which only the kind is known.
fn difference(collection: &str, index: Option<&str>, kind: Kind) -> SchemaDifference {
    SchemaDifference {
        collection: collection.to_owned(),
        index: index.map(str::to_owned),
        kind,
        options: Vec::new(),
        expected: None,
        found: None,
        shell: Vec::new(),
        change: Vec::new(),
        attribute: None,
    }
}

/// The first write creates a collection of which nothing else is wanted.
fn missing(name: &str, wanted: &Collection) -> Option<SchemaDifference> {
    let is_plain = wanted.kind == CollectionKind::Collection
        && wanted.validator().is_none()
        && wanted.indexes.is_empty();
    if is_plain {
        return None;
    }
    Some(SchemaDifference {
        expected: Some(wanted_text(wanted)),
        shell: fix::create_collection(name, wanted),
        ..difference(name, None, Kind::CollectionMissing)
    })
}

fn extra(found: &LiveCollection) -> SchemaDifference {
    SchemaDifference {
        found: Some(found_text(found)),
        shell: vec![fix::drop_collection(&found.name)],
        change: fix::adopt_collection(found),
        ..difference(&found.name, None, Kind::CollectionExtra)
    }
}

/// The indexes of a collection that no migration names, but for those that are `known`.
fn extra_indexes(
    found: &LiveCollection,
    mentioned: &Mentioned,
    known: impl Fn(&Document) -> bool,
) -> Vec<SchemaDifference> {
    let is_extra = |index: &&Document| !known(index) && !mentioned.has_index(&found.name, index);
    found.indexes.iter().filter(is_extra).map(|index| extra_index(found, index)).collect()
}

fn extra_index(found: &LiveCollection, index: &Document) -> SchemaDifference {
    let name = index.get_str("name").unwrap_or_default();
    // A model's index has the collation of its collection.
    let is_simple =
        !index.contains_key("collation") && options::collation(&found.options).is_some();
    let (mut change, mut attribute) = (Vec::new(), None);
    if !is_simple {
        change = fix::adopt_index(&found.name, index, &found.options);
        attribute = fix::index_attribute(index, &found.options);
    }
    SchemaDifference {
        found: Some(index_text(index)),
        shell: vec![fix::drop_index(&found.name, name)],
        change,
        attribute,
        ..difference(&found.name, Some(name), Kind::IndexExtra)
    }
}

/// A collection that should exist, and does.
struct Pair<'a> {
    name: &'a str,
    wanted: &'a Collection,
    found: &'a LiveCollection,
}

impl Pair<'_> {
    fn compare(&self, mentioned: &Mentioned, differences: &mut Vec<SchemaDifference>) {
        let other_options = self.other_options();
        if other_options.as_ref().is_none_or(|options| !options.is_empty()) {
            differences.push(SchemaDifference {
                options: other_options.clone().unwrap_or_default(),
                expected: Some(wanted_text(self.wanted)),
                found: Some(found_text(self.found)),
                ..difference(self.name, None, Kind::CollectionChanged)
            });
        }
        // A collection of another kind has other indexes and another validator anyway.
        if other_options.is_none() || self.found.kind == "view" {
            return;
        }
        if self.wanted.kind == CollectionKind::Collection {
            differences.extend(self.validator());
        }
        self.indexes(mentioned, differences);
    }

    /// The options of `create` that differ. `None`: it is a collection of another kind.
    fn other_options(&self) -> Option<Vec<String>> {
        let (kind, wanted) = match &self.wanted.kind {
            CollectionKind::Collection => ("collection", doc! {}),
            CollectionKind::View => ("view", doc! {}),
            CollectionKind::TimeSeries(options) => ("timeseries", json::document(options)),
        };
        if self.found.kind != kind {
            return None;
        }
        let found = &self.found.options;
        let other = wanted
            .iter()
            .filter(|(key, value)| !options::same_option(key, found.get(*key), value))
            .map(|(key, _)| key.clone());
        let more = "expireAfterSeconds";
        let expires =
            kind == "timeseries" && found.contains_key(more) && !wanted.contains_key(more);
        Some(other.chain(expires.then(|| more.to_owned())).collect())
    }

    fn validator(&self) -> Option<SchemaDifference> {
        let Self { name, wanted, found } = self;
        let live = found.validator();
        let option = |key, default| found.options.get_str(key).unwrap_or(default);
        let level = option("validationLevel", "strict");
        let action = option("validationAction", "error");
        let live_text = live.map(|live| validator_text(live, level, action));
        match (validator(wanted), live) {
            (None, None) => None,
            (None, Some(live)) => Some(SchemaDifference {
                found: live_text,
                shell: vec![fix::unset_validator(name)],
                change: fix::adopt_validator(name, live, level, action),
                attribute: Some(fix::validate_attribute(level, action)),
                ..difference(name, None, Kind::ValidatorExtra)
            }),
            (Some((schema, validation)), None) => Some(SchemaDifference {
                expected: Some(wanted_validator_text(&schema, validation)),
                shell: vec![fix::set_validator(name, &schema, validation)],
                change: vec![fix::adopt_no_validator(name)],
                attribute: Some("remove `validate`".to_owned()),
                ..difference(name, None, Kind::ValidatorMissing)
            }),
            (Some((schema, validation)), Some(live)) => {
                let paths = validators::differences(live, &schema);
                let is_same_schema = paths.is_empty();
                let mut options = paths;
                if level != validation.level.name() {
                    options.push("validationLevel".to_owned());
                }
                if action != validation.action.name() {
                    options.push("validationAction".to_owned());
                }
                if options.is_empty() {
                    return None;
                }
                let (mut change, mut attribute) = (Vec::new(), None);
                // Another schema is another type: that is no difference to adopt.
                if is_same_schema {
                    change = fix::adopt_validation(name, level, action);
                    attribute = Some(fix::validate_attribute(level, action));
                }
                Some(SchemaDifference {
                    options,
                    expected: Some(wanted_validator_text(&schema, validation)),
                    found: live_text,
                    shell: vec![fix::set_validator(name, &schema, validation)],
                    change,
                    attribute,
                    ..difference(name, None, Kind::ValidatorChanged)
                })
            }
        }
    }

    fn indexes(&self, mentioned: &Mentioned, differences: &mut Vec<SchemaDifference>) {
        let Self { name, wanted, found } = self;
        let called = |index: &Document| index.get_str("name").unwrap_or_default().to_owned();
        let mut known: BTreeSet<String> = BTreeSet::new();
        for index in wanted.indexes.values() {
            let spec = spec(name, index);
            let by_name = found.indexes.iter().find(|live| called(live) == index.name);
            let rival = || {
                let is_free = |live: &&Document| !wanted.indexes.contains_key(&called(live));
                let rivals = found.indexes.iter().filter(is_free);
                rivals.into_iter().find(|live| spec.is_rival(live, &found.options))
            };
            let Some(live) = by_name.or_else(rival) else {
                differences.push(SchemaDifference {
                    expected: Some(index.json().to_string()),
                    shell: vec![fix::create_index(name, &spec)],
                    change: fix::adopt_no_index(name, &spec.document(), &found.options),
                    attribute: Some(format!("remove the index `{}`", index.name)),
                    ..difference(name, Some(&index.name), Kind::IndexMissing)
                });
                continue;
            };
            known.insert(called(live));
            let mut options = spec.differences(live, &found.options);
            if called(live) != index.name {
                options.push("name".to_owned());
            }
            if options.is_empty() {
                continue;
            }
            differences.push(SchemaDifference {
                expected: Some(index.json().to_string()),
                found: Some(index_text(live)),
                shell: fix::change_index(name, &spec, live, &options),
                options,
                ..difference(name, Some(&index.name), Kind::IndexChanged)
            });
        }
        let is_known = |index: &Document| known.contains(&called(index));
        // What the models say of a collection is all that there should be: an index that only a
        // migration names is one that no model wants, but it is in a migration.
        differences.extend(extra_indexes(found, mentioned, is_known));
    }
}

fn validator_text(validator: &Document, level: &str, action: &str) -> String {
    Json::object([
        ("validator", json::of_document(validator)),
        ("validationLevel", Json::text(level)),
        ("validationAction", Json::text(action)),
    ])
    .to_string()
}

fn wanted_validator_text(validator: &Document, validation: Validation) -> String {
    validator_text(validator, validation.level.name(), validation.action.name())
}

/// An index without what the server adds to each.
fn index_text(index: &Document) -> String {
    let shown = index.iter().filter(|(key, _)| !matches!(key.as_str(), "v" | "ns" | "background"));
    let shown: Document = shown.map(|(key, value)| (key.clone(), value.clone())).collect();
    json::of_document(&shown).to_string()
}

fn wanted_text(wanted: &Collection) -> String {
    let (kind, mut options) = match &wanted.kind {
        CollectionKind::Collection => ("collection", Vec::new()),
        CollectionKind::View => ("view", Vec::new()),
        CollectionKind::TimeSeries(Json::Object(options)) => ("timeseries", options.clone()),
        CollectionKind::TimeSeries(_) => ("timeseries", Vec::new()),
    };
    if let Some((validator, validation)) = validator(wanted) {
        options.push(("validator".to_owned(), json::of_document(&validator)));
        options.push(("validationLevel".to_owned(), Json::text(validation.level.name())));
        options.push(("validationAction".to_owned(), Json::text(validation.action.name())));
    }
    let indexes = wanted.indexes.values().map(Index::json).collect();
    collection_text(kind, Json::Object(options), indexes)
}

fn found_text(found: &LiveCollection) -> String {
    let index = |index: &Document| Json::parse(&index_text(index)).unwrap_or(Json::Null);
    let indexes = found.indexes.iter().map(index).collect();
    collection_text(&found.kind, json::of_document(&found.options), indexes)
}

fn collection_text(kind: &str, options: Json, indexes: Vec<Json>) -> String {
    Json::object([
        ("type", Json::text(kind)),
        ("options", options),
        ("indexes", Json::Array(indexes)),
    ])
    .to_string()
}
