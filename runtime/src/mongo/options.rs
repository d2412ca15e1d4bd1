//! Compares options of collections and indexes as they are declared with options as the server
//! stores them. Pure.
//!
//! The server rounds, fills in, renames and forgets: it seldom stores an option as it was sent. Two
//! options are equal here if the server makes the same of them.
//!
//! An absent collation means the simple collation where an index is listed, and the collection's
//! collation where an index is created. [`to_rebuild`] translates the first into the second.

use mongodb::bson::{Bson, Document, doc};

/// Arguments of `create` that are not options of the collection.
const NOT_OPTIONS: [&str; 7] =
    ["autoIndexId", "comment", "flags", "idIndex", "maxTimeMS", "temp", "writeConcern"];

/// Options that `collMod` can change, with their names in `collMod`.
const CHANGEABLE: [(&str, &str); 9] = [
    ("validator", "validator"),
    ("validationLevel", "validationLevel"),
    ("validationAction", "validationAction"),
    ("changeStreamPreAndPostImages", "changeStreamPreAndPostImages"),
    ("recordPreImages", "recordPreImages"),
    ("expireAfterSeconds", "expireAfterSeconds"),
    ("size", "cappedSize"),
    ("max", "cappedMax"),
    ("viewOn", "viewOn"),
];

/// The value as a number, if it is one.
fn number(value: &Bson) -> Option<f64> {
    match value {
        Bson::Int32(number) => Some(f64::from(*number)),
        #[expect(clippy::cast_precision_loss, reason = "options are far below 2^53")]
        Bson::Int64(number) => Some(*number as f64),
        Bson::Double(number) => Some(*number),
        Bson::Decimal128(number) => number.to_string().parse().ok(),
        _ => None,
    }
}

/// The whole number that the server makes of the value, if it is a number.
fn whole(value: &Bson) -> Option<f64> {
    number(value).map(f64::trunc)
}

/// Whether a boolean option is true. The server takes numbers for booleans, too.
pub(crate) fn is_true(value: Option<&Bson>) -> bool {
    match value {
        Some(Bson::Boolean(value)) => *value,
        Some(value) => number(value).is_some_and(|number| number.abs() > 0.0),
        None => false,
    }
}

fn is_nothing(value: &Bson) -> bool {
    matches!(value, Bson::Null | Bson::Undefined)
        || value.as_document().is_some_and(Document::is_empty)
}

/// Whether two values are equal, whatever the types of their numbers: the server is free to choose
/// these types. An absent value equals `false`.
pub(crate) fn alike(found: Option<&Bson>, wanted: Option<&Bson>) -> bool {
    match (found, wanted) {
        (None, None | Some(Bson::Boolean(false))) | (Some(Bson::Boolean(false)), None) => true,
        (Some(Bson::Document(found)), Some(Bson::Document(wanted))) => {
            found.len() == wanted.len()
                && found.iter().zip(wanted).all(|((key, found), (name, wanted))| {
                    key == name && alike(Some(found), Some(wanted))
                })
        }
        (Some(Bson::Array(found)), Some(Bson::Array(wanted))) => {
            found.len() == wanted.len()
                && found.iter().zip(wanted).all(|(found, wanted)| alike(Some(found), Some(wanted)))
        }
        (Some(found), Some(wanted)) => match (number(found), number(wanted)) {
            (Some(one), Some(other)) => (one - other).abs() < f64::EPSILON,
            _ => found == wanted,
        },
        _ => false,
    }
}

/// The collation of a collection or an index; `None` if it compares by bytes.
pub(crate) fn collation(options: &Document) -> Option<&Document> {
    options.get_document("collation").ok().filter(is_linguistic)
}

/// Whether the collation is not the simple one.
fn is_linguistic(collation: &&Document) -> bool {
    collation.get_str("locale").is_ok_and(|locale| locale != "simple")
}

/// Whether two collations compare strings alike. The server fills in absent fields from the locale.
pub(crate) fn same_collation(found: Option<&Document>, wanted: Option<&Document>) -> bool {
    match (found.filter(is_linguistic), wanted.filter(is_linguistic)) {
        (None, None) => true,
        (Some(found), Some(wanted)) => {
            let (found, wanted) = (expanded(found), expanded(wanted));
            wanted.iter().all(|(key, wanted)| alike(found.get(key), Some(wanted)))
        }
        _ => false,
    }
}

/// A collation with all its fields. (Only the locale of Quebec has other defaults.)
fn expanded(collation: &Document) -> Document {
    let locale = collation.get_str("locale").unwrap_or_default();
    let mut all = doc! {
        "locale": locale, "caseLevel": false, "caseFirst": "off", "strength": 3,
        "numericOrdering": false, "alternate": "non-ignorable", "maxVariable": "punct",
        "normalization": false, "backwards": locale.split('@').next() == Some("fr_CA"),
    };
    // The version belongs to the server's library, not to the collation.
    all.extend(collation.iter().filter(|(key, _)| *key != "version").map(|(key, value)| {
        let value = match whole(value) {
            Some(number) => Bson::Double(number),
            None => value.clone(),
        };
        (key.clone(), value)
    }));
    all
}

/// A collation as people write it: without the fields that follow from its locale, and without the
/// version of the server's library.
pub(crate) fn short_collation(collation: &Document) -> Document {
    let locale = collation.get("locale").cloned().unwrap_or(Bson::Null);
    let mut short = doc! { "locale": locale };
    for (key, value) in collation.iter().filter(|(key, _)| *key != "version" && *key != "locale") {
        let mut more = short.clone();
        more.insert(key, value.clone());
        if !same_collation(Some(&more), Some(&short)) {
            short = more;
        }
    }
    short
}

/// Turns an index as `listIndexes` shows it into the index to send, so that a collection with these
/// options gets the same index again.
pub(crate) fn to_rebuild(mut index: Document, collection_options: &Document) -> Document {
    index.remove("ns");
    // Indexes of version 1 have no collation, and inherit none.
    let knows_collations = index.get("v").and_then(whole) != Some(1.0);
    if !index.contains_key("collation")
        && collation(collection_options).is_some()
        && knows_collations
    {
        index.insert("collation", doc! { "locale": "simple" });
    }
    index
}

/// The type of collection that `create` makes with these options, as `listCollections` names it.
fn kind(options: &Document) -> &'static str {
    let has = |key: &str| options.get(key).is_some_and(|value| !is_nothing(value));
    match (has("viewOn"), has("timeseries")) {
        (true, _) => "view",
        (_, true) => "timeseries",
        _ => "collection",
    }
}

/// How a collection differs from the one that `create` would make with these options, and what to
/// do about it, as a clause of an error. Options that `wanted` does not name may be anything.
pub(crate) fn other_collection(
    found_kind: &str,
    found: &Document,
    wanted: &Document,
) -> Option<String> {
    if found_kind != kind(wanted) {
        let called =
            |kind: &str| if kind == "timeseries" { "time series" } else { kind }.to_owned();
        return Some(format!(
            "as a {}, not a {}; it was left as it is: choose another name, or rename or drop it \
             first",
            called(found_kind),
            called(kind(wanted))
        ));
    }
    let (key, value) = wanted.iter().find(|(key, value)| {
        !NOT_OPTIONS.contains(&key.as_str()) && !same_option(key, found.get(key.as_str()), value)
    })?;
    let shown = |value: &Bson| match value {
        Bson::String(_) | Bson::Boolean(_) | Bson::Int32(_) | Bson::Int64(_) | Bson::Double(_) => {
            Some(value.to_string())
        }
        _ => None,
    };
    let both = match (found.get(key).map(shown), shown(value)) {
        (Some(Some(found)), Some(wanted)) => format!(" ({found} instead of {wanted})"),
        (None, Some(wanted)) => format!(" (none instead of {wanted})"),
        _ => String::new(),
    };
    let way_out = match CHANGEABLE.iter().find(|(option, _)| option == key) {
        Some((_, name)) => format!("change `{name}` with `coll_mod`"),
        None if key == "pipeline" => "change `viewOn` and `pipeline` with `coll_mod`".to_owned(),
        None => "the server cannot change it: declare what is there, or rename or drop the \
                 collection first"
            .to_owned(),
    };
    Some(format!("with another `{key}`{both}; it was left as it is: {way_out}"))
}

/// Whether the server stores `wanted` as it has stored `found`.
pub(crate) fn same_option(key: &str, found: Option<&Bson>, wanted: &Bson) -> bool {
    let or = |default: &str| match found {
        Some(found) => Some(found) == Some(wanted),
        None => is_nothing(wanted) || wanted.as_str() == Some(default),
    };
    match key {
        "capped" => is_true(found) == is_true(Some(wanted)),
        "size" => same_size(found, wanted),
        // The server shows "no limit" as the greatest number, or not at all.
        "max" => {
            let limit = |value: Option<&Bson>| {
                let limit = value.and_then(whole)?;
                (limit > 0.0 && limit < f64::from(i32::MAX)).then_some(limit)
            };
            limit(found).map(f64::to_bits) == limit(Some(wanted)).map(f64::to_bits)
        }
        "validationLevel" => or("strict"),
        "validationAction" => or("error"),
        "collation" => same_collation(found.and_then(Bson::as_document), wanted.as_document()),
        "timeseries" => match (found, wanted) {
            (Some(Bson::Document(found)), Bson::Document(wanted)) => same_series(found, wanted),
            (found, wanted) => alike(found, Some(wanted)),
        },
        "expireAfterSeconds" => match (found.and_then(whole), whole(wanted)) {
            (Some(found), Some(wanted)) => (found - wanted).abs() < f64::EPSILON,
            _ => alike(found, Some(wanted)),
        },
        "clusteredIndex" => match (found, wanted) {
            (Some(Bson::Document(found)), Bson::Document(wanted)) => same_clustered(found, wanted),
            (found, wanted) => is_true(found) == is_true(Some(wanted)),
        },
        "changeStreamPreAndPostImages" => {
            let enabled = |value: Option<&Bson>| {
                is_true(value.and_then(Bson::as_document).and_then(|value| value.get("enabled")))
            };
            enabled(found) == enabled(Some(wanted))
        }
        "recordPreImages" => is_true(found) == is_true(Some(wanted)),
        "pipeline" => {
            let none = Bson::Array(Vec::new());
            alike(Some(found.unwrap_or(&none)), Some(wanted))
        }
        // The server adds the names of its own collections.
        "encryptedFields" => match (found, wanted) {
            (Some(Bson::Document(found)), Bson::Document(wanted)) => {
                wanted.iter().all(|(key, wanted)| alike(found.get(key), Some(wanted)))
            }
            (found, wanted) => alike(found, Some(wanted)),
        },
        _ => (found.is_none_or(is_nothing) && is_nothing(wanted)) || alike(found, Some(wanted)),
    }
}

/// Servers round the size of a capped collection up to a multiple of 256; old servers to at least
/// 4096.
fn same_size(found: Option<&Bson>, wanted: &Bson) -> bool {
    let (Some(found), Some(wanted)) = (found.and_then(number), whole(wanted)) else {
        return found.is_none() && is_nothing(wanted);
    };
    let rounded = (wanted / 256.0).ceil() * 256.0;
    [wanted, rounded, rounded.max(4_096.0)].iter().any(|size| (found - size).abs() < f64::EPSILON)
}

/// The granularity stands for a span of buckets; it is `seconds` if neither is given.
fn same_series(found: &Document, wanted: &Document) -> bool {
    let span = |series: &Document| {
        let given = series.get("bucketMaxSpanSeconds").and_then(whole);
        given.or_else(|| match series.get_str("granularity") {
            Ok("minutes") => Some(86_400.0),
            Ok("hours") => Some(2_592_000.0),
            Ok("seconds") => Some(3_600.0),
            Ok(_) => None,
            Err(_) => Some(3_600.0),
        })
    };
    let same = |key: &str| alike(found.get(key), wanted.get(key));
    let rounding = "bucketRoundingSeconds";
    same("timeField")
        && same("metaField")
        && span(found).map(f64::to_bits) == span(wanted).map(f64::to_bits)
        && (!wanted.contains_key("granularity") || same("granularity"))
        && (!wanted.contains_key(rounding) || same(rounding))
}

fn same_clustered(found: &Document, wanted: &Document) -> bool {
    let name = |index: &Document| index.get_str("name").unwrap_or("_id_").to_owned();
    alike(found.get("key"), wanted.get("key"))
        && is_true(found.get("unique")) == is_true(wanted.get("unique"))
        && name(found) == name(wanted)
}

/// Whether the server stores the option `wanted` of an index as it has stored `found`. Collations
/// are compared elsewhere, as an index can inherit its collation.
pub(crate) fn same_index_option(key: &str, found: Option<&Bson>, wanted: Option<&Bson>) -> bool {
    match key {
        "unique" | "sparse" | "hidden" | "prepareUnique" | "clustered" => {
            is_true(found) == is_true(wanted)
        }
        "expireAfterSeconds" => match (found.and_then(whole), wanted.and_then(whole)) {
            // The server stores NaN as the greatest number, or as it is.
            (Some(found), Some(wanted)) if wanted.is_nan() => {
                found.is_nan() || (found - f64::from(i32::MAX)).abs() < f64::EPSILON
            }
            (Some(found), Some(wanted)) => (found - wanted).abs() < f64::EPSILON,
            _ => alike(found, wanted),
        },
        "partialFilterExpression" => match (found, wanted) {
            (Some(Bson::Document(found)), Some(Bson::Document(wanted))) => {
                conditions(found) == conditions(wanted)
            }
            _ => alike(found, wanted),
        },
        "weights" => match (found, wanted) {
            (Some(Bson::Document(found)), Some(Bson::Document(wanted))) => {
                let same = |(key, wanted): (&String, &Bson)| {
                    let weight = found.get(key).and_then(whole).map(f64::to_bits);
                    weight.is_some() && weight == whole(wanted).map(f64::to_bits)
                };
                found.len() == wanted.len() && wanted.iter().all(same)
            }
            _ => alike(found, wanted),
        },
        // Some servers turn the numbers into booleans, and add that `_id` is excluded.
        "wildcardProjection" => covered(found) == covered(wanted),
        _ => alike(found, wanted),
    }
}

/// The conditions of a filter, sorted, so that neither their order nor their notation counts.
fn conditions(filter: &Document) -> Vec<String> {
    fn plain(value: &Bson) -> String {
        match value {
            Bson::Document(document) => {
                let fields =
                    document.iter().map(|(key, value)| format!("{key:?}: {}", plain(value)));
                format!("{{{}}}", fields.collect::<Vec<_>>().join(", "))
            }
            Bson::Array(items) => {
                format!("[{}]", items.iter().map(plain).collect::<Vec<_>>().join(", "))
            }
            value => {
                number(value).map_or_else(|| format!("{value:?}"), |number| number.to_string())
            }
        }
    }
    let mut found = Vec::new();
    for (key, value) in filter {
        match (key.as_str(), value) {
            ("$and", Bson::Array(items)) => {
                found.extend(items.iter().filter_map(Bson::as_document).flat_map(conditions));
            }
            (operator, Bson::Array(items)) if operator.starts_with('$') => {
                let mut items: Vec<String> = items
                    .iter()
                    .map(|item| match item {
                        Bson::Document(item) => conditions(item).join(" and "),
                        item => plain(item),
                    })
                    .collect();
                items.sort();
                found.push(format!("{operator} [{}]", items.join(", ")));
            }
            (path, Bson::Document(tests))
                if tests.keys().next().is_some_and(|key| key.starts_with('$')) =>
            {
                found.extend(tests.iter().map(|(operator, value)| match operator.as_str() {
                    "$exists" => format!("{path} $exists {}", is_true(Some(value))),
                    operator => format!("{path} {operator} {}", plain(value)),
                }));
            }
            (path, value) => found.push(format!("{path} $eq {}", plain(value))),
        }
    }
    found.sort();
    found.dedup();
    found
}

/// The fields that a wildcard index includes (`true`) or excludes.
fn covered(projection: Option<&Bson>) -> Vec<(String, bool)> {
    fn flat(document: &Document, prefix: &str, found: &mut Vec<(String, bool)>) {
        for (field, value) in document {
            let path = format!("{prefix}{field}");
            let is_in = match value {
                Bson::Document(inner) => {
                    flat(inner, &format!("{path}."), found);
                    continue;
                }
                Bson::Boolean(covered) => *covered,
                value => number(value).is_none_or(|number| number.abs() > 0.0),
            };
            if path != "_id" || is_in {
                found.push((path, is_in));
            }
        }
    }
    let mut found = Vec::new();
    if let Some(Bson::Document(document)) = projection {
        flat(document, "", &mut found);
    }
    found.sort();
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    fn same(key: &str, found: impl Into<Option<Bson>>, wanted: impl Into<Bson>) -> bool {
        same_option(key, found.into().as_ref(), &wanted.into())
    }

    #[test]
    fn a_size_is_rounded_up() {
        let cases: [(i32, f64); 7] = [
            (256, 1.0),
            (4_096, 1.0),
            (4_352, 4_097.0),
            (1_000_192, 1_000_000.0),
            (1_000_192, 1_000_000.5),
            (1_000_000, 1_000_000.0),
            (4_096, 4_096.0),
        ];
        for (found, wanted) in cases {
            assert!(same("size", Bson::from(found), wanted), "{found} {wanted}");
        }
        assert!(!same("size", Bson::from(8_192), 4_096));
        assert!(!same("size", Bson::from(4_096), 4_097));
        assert!(!same("size", None, 4_097));
    }

    #[test]
    fn a_collation_is_filled_in() {
        let full = |locale: &str, backwards: bool| {
            doc! {
                "locale": locale, "caseLevel": false, "caseFirst": "off", "strength": 3,
                "numericOrdering": false, "alternate": "non-ignorable", "maxVariable": "punct",
                "normalization": false, "backwards": backwards, "version": "57.1",
            }
        };
        let compared =
            |found: Document, wanted: Document| same_collation(Some(&found), Some(&wanted));
        assert!(compared(full("de", false), doc! { "locale": "de" }));
        assert!(compared(full("de", false), doc! { "locale": "de", "strength": 3.0 }));
        assert!(compared(full("fr_CA", true), doc! { "locale": "fr_CA" }));
        assert!(!compared(full("fr_CA", true), doc! { "locale": "fr_CA", "backwards": false }));
        assert!(!compared(full("de", false), doc! { "locale": "de", "strength": 2 }));
        let mut two = full("de", false);
        two.insert("strength", 2);
        assert!(!compared(two, doc! { "locale": "de" }), "it is not only what is said that counts");
        assert_eq!(short_collation(&full("de", false)), doc! { "locale": "de" });
        assert_eq!(short_collation(&full("fr_CA", true)), doc! { "locale": "fr_CA" });
        let plain = short_collation(&full("fr_CA", false));
        assert_eq!(plain, doc! { "locale": "fr_CA", "backwards": false });
        let simple = doc! { "locale": "simple" };
        assert!(same_collation(None, Some(&simple)) && same_collation(Some(&simple), None));
        assert!(!same_collation(None, Some(&doc! { "locale": "de" })));
        assert!(!same_collation(Some(&full("de", false)), None));
    }

    #[test]
    fn what_is_the_default_need_not_be_stored() {
        for (key, wanted) in [
            ("validator", Bson::from(doc! {})),
            ("validator", Bson::Null),
            ("validationLevel", "strict".into()),
            ("validationAction", "error".into()),
            ("capped", 0.into()),
            ("max", 0.into()),
            ("collation", doc! { "locale": "simple" }.into()),
            ("changeStreamPreAndPostImages", doc! { "enabled": false }.into()),
            ("recordPreImages", false.into()),
            ("storageEngine", doc! {}.into()),
            ("pipeline", Vec::<Bson>::new().into()),
        ] {
            assert!(same(key, None, wanted.clone()), "{key} {wanted}");
        }
        assert!(same("max", Bson::from(i32::MAX), -1) && !same("max", Bson::from(i32::MAX), 5));
        assert!(!same("validationLevel", None, "moderate"));
        assert!(!same("validator", None, doc! { "a": 1 }));
        assert!(same("validator", Bson::from(doc! { "a": 1.0 }), doc! { "a": 1_i64 }));
    }

    #[test]
    fn a_time_series_has_a_span_or_a_granularity() {
        let stored =
            doc! { "timeField": "t", "granularity": "minutes", "bucketMaxSpanSeconds": 86_400 };
        for (wanted, is_same) in [
            (doc! { "timeField": "t", "granularity": "minutes" }, true),
            (doc! { "timeField": "t", "bucketMaxSpanSeconds": 86_400_i64 }, true),
            (doc! { "timeField": "t" }, false),
            (doc! { "timeField": "u", "granularity": "minutes" }, false),
            (doc! { "timeField": "t", "metaField": "m", "granularity": "minutes" }, false),
        ] {
            assert_eq!(
                same("timeseries", Bson::from(stored.clone()), wanted.clone()),
                is_same,
                "{wanted}"
            );
        }
        let custom =
            doc! { "timeField": "t", "bucketMaxSpanSeconds": 900, "bucketRoundingSeconds": 900 };
        assert!(same("timeseries", Bson::from(custom.clone()), custom));
    }

    #[test]
    fn another_collection_is_told_with_a_way_out_that_leads_out() {
        let said = |kind: &str, found: Document, wanted: Document| {
            other_collection(kind, &found, &wanted).unwrap_or_default()
        };
        assert_eq!(said("collection", doc! { "capped": true }, doc! {}), "");
        assert!(
            said("view", doc! { "viewOn": "a" }, doc! {}).contains("as a view, not a collection")
        );
        let capped = said(
            "collection",
            doc! { "capped": true, "size": 4_096 },
            doc! { "capped": true, "size": 8_192 },
        );
        assert!(
            capped.contains("4096 instead of 8192") && capped.contains("`cappedSize`"),
            "{capped}"
        );
        let collated = said("collection", doc! {}, doc! { "collation": { "locale": "de" } });
        assert!(collated.contains("server cannot change it") && !collated.contains("coll_mod"));
        assert_eq!(said("collection", doc! {}, doc! { "comment": "x", "writeConcern": {} }), "");
    }

    #[test]
    fn conditions_are_the_same_in_any_order() {
        let compared = |one: Document, other: Document| {
            same_index_option("partialFilterExpression", Some(&one.into()), Some(&other.into()))
        };
        assert!(compared(doc! { "a": 5, "b": 6 }, doc! { "b": 6.0, "a": { "$eq": 5_i64 } }));
        assert!(compared(doc! { "$and": [{ "a": 5 }, { "b": 6 }] }, doc! { "b": 6, "a": 5 }));
        assert!(compared(doc! { "a": { "$exists": 1 } }, doc! { "a": { "$exists": true } }));
        assert!(compared(
            doc! { "$or": [{ "a": 1 }, { "b": 2 }] },
            doc! { "$or": [{ "b": 2 }, { "a": 1 }] }
        ));
        assert!(!compared(doc! { "a": 5 }, doc! { "a": { "$gt": 5 } }));
        assert!(!compared(doc! { "a": 5 }, doc! { "a": "5" }));
        assert!(!compared(doc! { "a": 5 }, doc! { "a": 5, "b": 6 }));
    }

    #[test]
    fn what_is_listed_without_a_collation_is_sent_with_the_simple_one() {
        let index = || doc! { "v": 2, "key": { "a": 1 }, "name": "a_1", "ns": "x.y" };
        let collated = doc! { "collation": { "locale": "de" } };
        let sent = to_rebuild(index(), &collated);
        assert_eq!(sent.get_document("collation").ok(), Some(&doc! { "locale": "simple" }));
        assert!(!sent.contains_key("ns"));
        assert!(!to_rebuild(index(), &doc! {}).contains_key("collation"));
        let mut old = index();
        old.insert("v", 1);
        assert!(!to_rebuild(old, &collated).contains_key("collation"), "it knows none");
    }
}
