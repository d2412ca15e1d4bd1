//! Pure: an operation and what was read in, a lint out. Knows no driver and no clock.

use mongodb::bson::{Bson, Document};

use super::{Lint, LintLimits, LintName};
use crate::{Version, report::grouped};

/// A migration, as far as the lints are concerned.
#[derive(Clone, Debug)]
pub(crate) struct Subject {
    pub version: Version,
    pub migration: &'static str,
    /// The lints that its attribute acknowledges.
    pub allowed: &'static [&'static str],
    pub operations: Vec<Operation>,
}

/// Something that a migration does, described.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Operation {
    /// Writes documents in one transaction: seen in a dry run, or many of a collection.
    Write { collection: Option<String>, seen: Option<Seen> },
    /// Builds an index.
    CreateIndex(Index),
    /// Drops an index.
    DropIndex { collection: String, name: String },
    /// Removes a field, by its path.
    RemoveField { collection: String, field: String },
    /// Renames a field, by its paths, or moves it into a subdocument.
    RenameField { collection: String, from: String, to: String, moves: bool },
    /// Renames a collection.
    RenameCollection { from: String, to: String },
    /// Sets a validator. `strict`: updates of documents that fail it already are refused too.
    SetValidator { collection: String, validator: Document, strict: bool },
}

/// What a dry run saw a transaction do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Seen {
    pub documents: u64,
    pub duration_ms: u64,
}

#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Index {
    pub collection: String,
    pub keys: Document,
    pub unique: bool,
    pub sparse: bool,
    pub partial: Option<Document>,
    pub collation: Option<Document>,
}

/// What was read for an operation.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Facts {
    /// How many documents the collection has, about.
    pub documents: u64,
    pub duplicates: Option<Duplicates>,
    /// What names the field: `the index email_1`, `the validator`.
    pub named_by: Vec<String>,
    pub failing: Option<Failing>,
    /// Other operations come first, and may change it.
    pub as_of_now: bool,
}

impl Facts {
    /// What was read is the database as it is now; this is what is left of it once earlier
    /// operations have run.
    pub(crate) fn after(&mut self, earlier: &[Operation], operation: &Operation) {
        match operation {
            Operation::RemoveField { collection, field } => {
                for one in earlier {
                    match one {
                        Operation::DropIndex { collection: of, name } if of == collection => {
                            self.named_by.retain(|by| *by != format!("the index {name}"));
                        }
                        Operation::SetValidator { collection: of, validator, .. }
                            if of == collection =>
                        {
                            self.named_by.retain(|by| by != THE_VALIDATOR);
                            if names(validator, field) {
                                self.named_by.push(THE_VALIDATOR.to_owned());
                            }
                        }
                        _ => {}
                    }
                }
            }
            // Whether an earlier one of them mends it is not known.
            _ => self.as_of_now = !earlier.is_empty(),
        }
    }
}

/// How the validator is called among what names a field.
pub(crate) const THE_VALIDATOR: &str = "the validator";

/// Keys that are there several times.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Duplicates {
    /// How many such keys, at least.
    pub keys: usize,
    /// Whether there are more.
    pub more: bool,
    /// In how many documents the commonest of them are, and the key if it may be shown.
    pub commonest: Vec<(u64, Option<String>)>,
}

/// Documents that fail a validator.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Failing {
    pub documents: usize,
    pub more: bool,
    /// The `_id`s of a few.
    pub ids: Vec<String>,
}

pub(crate) fn judge(
    subject: &Subject,
    operation: &Operation,
    facts: &Facts,
    limits: LintLimits,
) -> Option<Lint> {
    let found = match operation {
        Operation::Write { collection, seen: Some(seen) } => {
            written(collection.as_deref(), *seen, limits)
        }
        Operation::Write { collection: Some(collection), seen: None } => {
            would_write(collection, facts, limits)
        }
        Operation::Write { collection: None, seen: None } => None,
        Operation::CreateIndex(index) => {
            duplicates(index, facts).or_else(|| large_index(index, facts, limits))
        }
        Operation::DropIndex { .. } => None,
        Operation::RemoveField { collection, field } => removed(collection, field, facts),
        Operation::RenameField { collection, from, to, moves } => {
            renamed(collection, [from, to], *moves, facts)
        }
        Operation::RenameCollection { from, to } => moved(from, to, facts),
        Operation::SetValidator { collection, validator, strict } => {
            validator_fails(collection, validator, *strict, facts)
        }
    }?;
    if subject.allowed.contains(&found.name.as_str()) {
        return None;
    }
    let mut details = found.details;
    if facts.as_of_now
        && matches!(found.name, LintName::UniqueIndexOverDuplicates | LintName::ValidatorFails)
    {
        details.push("as the database is now, before what comes first has run".to_owned());
    }
    Some(Lint {
        name: found.name,
        version: subject.version,
        migration: subject.migration.to_owned(),
        message: found.message,
        bad: found.bad,
        good: found.good,
        details,
        estimated: found.estimated,
    })
}

/// A lint that does not know yet whose it is.
struct Found {
    name: LintName,
    message: String,
    bad: String,
    good: String,
    details: Vec<String>,
    estimated: bool,
}

fn written(collection: Option<&str>, seen: Seen, limits: LintLimits) -> Option<Found> {
    let Seen { documents, duration_ms } = seen;
    let (many, long) =
        (documents > limits.transaction_documents_max, duration_ms > limits.transaction_ms_max);
    if !many && !long {
        return None;
    }
    let message = match (many, long) {
        (true, false) => format!("it writes {} documents in one transaction", grouped(documents)),
        (true, true) => format!(
            "it writes {} documents in one transaction, and took {} s of the 60 s that the \
             server lets one live by default",
            grouped(documents),
            duration_ms / 1_000
        ),
        (false, _) => format!(
            "its transaction took {} s of the 60 s that the server lets one live by default",
            duration_ms / 1_000
        ),
    };
    let mut details = vec![format!("{} documents, {duration_ms} ms", grouped(documents))];
    if many {
        details.push(format!("more than {}", grouped(limits.transaction_documents_max)));
    }
    let collection = collection.unwrap_or("users");
    Some(Found {
        name: LintName::LargeTransaction,
        message: message + WHY_SMALL,
        bad: bad_update(collection),
        good: good_update(collection),
        details,
        estimated: false,
    })
}

fn would_write(collection: &str, facts: &Facts, limits: LintLimits) -> Option<Found> {
    (facts.documents > limits.transaction_documents_max).then(|| Found {
        name: LintName::LargeTransaction,
        message: format!(
            "it writes many documents of `{collection}` in one transaction, which has {}{WHY_SMALL}",
            grouped(facts.documents)
        ),
        bad: bad_update(collection),
        good: good_update(collection),
        details: vec![
            format!("about {} documents in `{collection}`", grouped(facts.documents)),
            "how many it writes is counted by `up --dry-run`".to_owned(),
        ],
        estimated: true,
    })
}

const WHY_SMALL: &str = ": they are all locked until it commits, it fails once it takes longer \
                         than the server allows, and the secondaries fall behind; a backfill \
                         works in batches";

fn bad_update(collection: &str) -> String {
    format!(
        "async fn fill(tx: &mut Transaction<'_>) -> Result {{\n    \
             tx.collection::<Document>({collection:?}).update_many(filter, update).await?;\n    \
             Ok(())\n}}"
    )
}

fn good_update(collection: &str) -> String {
    format!(
        "async fn fill(on: &mut Online<'_>) -> Result {{\n    \
             on.backfill(\"fill\", {collection:?}).filter(filter).update(vec![pipeline]).await?;\n    \
             Ok(())\n}}"
    )
}

fn duplicates(index: &Index, facts: &Facts) -> Option<Found> {
    let found = facts.duplicates.as_ref().filter(|found| index.unique && found.keys > 0)?;
    let Index { collection, keys, .. } = index;
    let many = if found.more { "more than " } else { "" };
    let noun = if found.keys == 1 && !found.more { "key is" } else { "keys are" };
    let commonest = found.commonest.iter().map(|(count, key)| match key {
        Some(key) => format!("{key}: in {} documents", grouped(*count)),
        None => format!("one key is in {} documents", grouped(*count)),
    });
    let group: Vec<String> = keys
        .keys()
        .map(|key| format!("{:?}: {:?}", key.replace('.', "_"), format!("${key}")))
        .collect();
    Some(Found {
        name: LintName::UniqueIndexOverDuplicates,
        message: format!(
            "the unique index cannot be built: {many}{} {noun} in several documents of \
             `{collection}`",
            found.keys
        ),
        bad: format!("change.create_index({collection:?}, {}).unique(true);", as_doc(keys)),
        good: format!(
            "// In an earlier migration, once it is clear which of them stays: keep one of each.\n\
             on.transaction(\"duplicates\", async |tx| {{\n    \
                 let doubled = vec![\n        \
                     doc! {{ \"$group\": {{ \"_id\": {{ {} }}, \"ids\": {{ \"$push\": \"$_id\" }} }} }},\n        \
                     doc! {{ \"$match\": {{ \"ids.1\": {{ \"$exists\": true }} }} }},\n    \
                 ];\n    \
                 // … delete or merge all but one of each `ids` …\n    \
                 Ok(())\n}})\n.await?;\n\
             // Then:\n\
             change.create_index({collection:?}, {}).unique(true);",
            group.join(", "),
            as_doc(keys)
        ),
        details: commonest.collect(),
        estimated: false,
    })
}

fn large_index(index: &Index, facts: &Facts, limits: LintLimits) -> Option<Found> {
    let Index { collection, keys, .. } = index;
    (facts.documents > limits.index_documents_max).then(|| Found {
        name: LintName::IndexOnLargeCollection,
        message: format!(
            "an index on {} documents of `{collection}` takes long, and slows every node of the \
             replica set at the same time: build it when the load is low, or node after node \
             (a rolling build); the migration then finds it there, and is done at once",
            grouped(facts.documents)
        ),
        bad: format!("change.create_index({collection:?}, {});", as_doc(keys)),
        good: format!(
            "// On each secondary in turn, restarted without `--replSet` on another port, and at \
             last on\n// the former primary:\n\
             db.{collection}.createIndex({})\n\
             // Then deploy the migration as it is, with:\n\
             #[migration(…, allow = \"index_on_large_collection\")]",
            as_json(keys)
        ),
        details: vec![format!("about {} documents in `{collection}`", grouped(facts.documents))],
        estimated: false,
    })
}

fn removed(collection: &str, field: &str, facts: &Facts) -> Option<Found> {
    if facts.named_by.is_empty() {
        return None;
    }
    let indexes: Vec<&str> =
        facts.named_by.iter().filter_map(|by| by.strip_prefix("the index ")).collect();
    let mut good = String::from("// In the same migration, before it:\n");
    for index in &indexes {
        good +=
            &format!("change.drop_index({collection:?}, doc! {{ /* the keys of {index} */ }});\n");
    }
    if facts.named_by.len() > indexes.len() {
        good +=
            &format!("change.set_validator({collection:?}, doc! {{ /* without the field */ }});\n");
    }
    good += &format!("change.remove_field({collection:?}, {field:?});");
    Some(Found {
        name: LintName::FieldInUse,
        message: format!(
            "`{field}` of `{collection}` is named by {}: the index would hold nothing but nulls (a \
             unique one then refuses the second document), and a validator that wants the field \
             would refuse every write",
            facts.named_by.join(", ")
        ),
        bad: format!("change.remove_field({collection:?}, {field:?});"),
        good,
        details: facts.named_by.clone(),
        estimated: false,
    })
}

fn renamed(collection: &str, [from, to]: [&str; 2], moves: bool, facts: &Facts) -> Option<Found> {
    let verb = if moves { "move_field" } else { "rename_field" };
    (facts.documents > 0).then(|| Found {
        name: LintName::RenameBreaksRunningApp,
        message: format!(
            "versions of the app that run while this is deployed read and write `{from}` of \
             `{collection}`, which is gone at once: expand first, contract in a later release"
        ),
        bad: format!("change.{verb}({collection:?}, {from:?}, {to:?});"),
        good: format!(
            "// Release 1: the app writes both fields and reads `{from}`. Then copy what is there:\n\
             on.backfill({:?}, {collection:?})\n    \
                 .filter(doc! {{ {to:?}: {{ \"$exists\": false }}, {from:?}: {{ \"$exists\": true }} }})\n    \
                 .update(vec![doc! {{ \"$set\": {{ {to:?}: {:?} }} }}])\n    \
                 .await?;\n\
             // Release 2: the app reads and writes `{to}` only.\n\
             // Release 3, when no older one runs any more:\n\
             change.remove_field({collection:?}, {from:?});",
            format!("copy {from}"),
            format!("${from}")
        ),
        details: vec![format!("about {} documents in `{collection}`", grouped(facts.documents))],
        estimated: false,
    })
}

fn moved(from: &str, to: &str, facts: &Facts) -> Option<Found> {
    (facts.documents > 0).then(|| Found {
        name: LintName::RenameBreaksRunningApp,
        message: format!(
            "versions of the app that run while this is deployed use `{from}`, which is gone at \
             once; what they insert makes a new, empty `{from}`"
        ),
        bad: format!("change.rename_collection({from:?}, {to:?});"),
        good: format!(
            "// Release 1: the app reads `{to}`, a view of `{from}`, and writes `{from}`:\n\
             change.create_collection({to:?}).view_on({from:?}, vec![]);\n\
             // Release 2, with the writers stopped for a moment: the app knows only `{to}`.\n\
             change.drop_collection({to:?});\n\
             change.rename_collection({from:?}, {to:?});"
        ),
        details: vec![format!("about {} documents in `{from}`", grouped(facts.documents))],
        estimated: false,
    })
}

fn validator_fails(
    collection: &str,
    validator: &Document,
    strict: bool,
    facts: &Facts,
) -> Option<Found> {
    let found = facts.failing.as_ref().filter(|found| strict && found.documents > 0)?;
    let many = if found.more { "more than " } else { "" };
    let noun =
        if found.documents == 1 && !found.more { "document fails" } else { "documents fail" };
    let number = grouped(u64::try_from(found.documents).unwrap_or(u64::MAX));
    let mut details = vec![format!("{many}{number} {noun} it")];
    details.extend(found.ids.iter().map(|id| format!("_id: {id}")));
    Some(Found {
        name: LintName::ValidatorFails,
        message: format!(
            "{many}{number} {noun} the new validator of `{collection}`: the app can no longer \
             update them, not even in other fields"
        ),
        bad: format!("change.set_validator({collection:?}, {});", as_doc(validator)),
        good: format!(
            "// Either mend them in an earlier migration:\n\
             change.update({collection:?}, forward, backward).filter(doc! {{ \"$nor\": [{}] }});\n\
             // or let those that fail already be updated:\n\
             change.set_validator({collection:?}, {}).level(\"moderate\");",
            as_expr(validator),
            as_doc(validator)
        ),
        details,
        estimated: false,
    })
}

/// Whether a validator or a filter of an index names a field.
pub(crate) fn names(document: &Document, field: &str) -> bool {
    document.iter().any(|(key, value)| match (key.as_str(), value) {
        ("$jsonSchema", Bson::Document(schema)) => schema_names(schema, field),
        ("$expr", value) => value_names(value, field),
        (key, _) if is_within(key, field) => true,
        (key, Bson::Array(items)) if key.starts_with('$') => {
            items.iter().filter_map(Bson::as_document).any(|item| names(item, field))
        }
        _ => false,
    })
}

/// Whether a path is the field, or lies in it.
pub(crate) fn is_within(path: &str, field: &str) -> bool {
    path.strip_prefix(field).is_some_and(|rest| rest.is_empty() || rest.starts_with('.'))
}

/// Whether a schema wants something of a field. It may name its parent alone, which is no
/// reason to keep the field.
fn schema_names(schema: &Document, field: &str) -> bool {
    let (first, rest) = match field.split_once('.') {
        Some((first, rest)) => (first, Some(rest)),
        None => (field, None),
    };
    let inner = schema
        .get_document("properties")
        .ok()
        .and_then(|properties| properties.get_document(first).ok());
    let required = schema
        .get_array("required")
        .is_ok_and(|required| required.iter().any(|name| name.as_str() == Some(first)));
    let here = match rest {
        None => required || inner.is_some(),
        Some(rest) => inner.is_some_and(|inner| schema_names(inner, rest)),
    };
    here || ["allOf", "anyOf", "oneOf"].iter().any(|key| {
        schema.get_array(key).is_ok_and(|schemas| {
            schemas.iter().filter_map(Bson::as_document).any(|one| schema_names(one, field))
        })
    })
}

fn value_names(value: &Bson, field: &str) -> bool {
    match value {
        Bson::String(text) => text
            .strip_prefix("$$ROOT.")
            .or_else(|| text.strip_prefix('$'))
            .is_some_and(|path| is_within(path, field)),
        Bson::Array(items) => items.iter().any(|item| value_names(item, field)),
        Bson::Document(inner) => inner.values().any(|item| value_names(item, field)),
        _ => false,
    }
}

/// As it is written in Rust.
fn as_doc(document: &Document) -> String {
    format!("doc! {}", as_expr(document))
}

/// What stands in `doc!`.
fn as_expr(document: &Document) -> String {
    document.to_string()
}

/// As it is written in the shell.
fn as_json(document: &Document) -> String {
    as_expr(document)
}

#[cfg(test)]
mod tests {
    use mongodb::bson::doc;

    use super::*;

    fn subject(allowed: &'static [&'static str]) -> Subject {
        Subject { version: 7.into(), migration: "seven", allowed, operations: Vec::new() }
    }

    fn judged(operation: &Operation, facts: &Facts) -> Option<Lint> {
        judge(&subject(&[]), operation, facts, LintLimits::default())
    }

    fn email() -> Operation {
        Operation::CreateIndex(Index {
            collection: "users".to_owned(),
            keys: doc! { "email": 1 },
            unique: true,
            sparse: false,
            partial: None,
            collation: None,
        })
    }

    #[test]
    fn what_fits_a_transaction_is_fine() {
        let write = |documents, duration_ms| Operation::Write {
            collection: Some("users".to_owned()),
            seen: Some(Seen { documents, duration_ms }),
        };
        assert_eq!(judged(&write(10_000, 20_000), &Facts::default()), None);
        let lint = judged(&write(1_234_567, 1), &Facts::default()).unwrap();
        assert_eq!(lint.name, LintName::LargeTransaction);
        assert!(lint.message.contains("1,234,567 documents"), "{lint}");
        assert!(lint.good.contains("on.backfill(\"fill\", \"users\")"), "{}", lint.good);
        let lint = judged(&write(1, 31_000), &Facts::default()).unwrap();
        assert!(lint.message.contains("took 31 s"), "{lint}");
        assert!(!lint.estimated);
    }

    #[test]
    fn a_guess_says_that_it_is_one() {
        let write = Operation::Write { collection: Some("users".to_owned()), seen: None };
        let facts = |documents| Facts { documents, ..Facts::default() };
        assert_eq!(judged(&write, &facts(10_000)), None);
        assert!(judged(&write, &facts(10_001)).unwrap().estimated);
    }

    #[test]
    fn duplicates_are_counted_and_not_shown() {
        let facts = Facts {
            documents: 3_000_000,
            duplicates: Some(Duplicates {
                keys: 2,
                more: false,
                commonest: vec![(3, None), (2, Some("\"a@example.org\"".to_owned()))],
            }),
            ..Facts::default()
        };
        let lint = judged(&email(), &facts).unwrap();
        assert_eq!(lint.name, LintName::UniqueIndexOverDuplicates, "before the size");
        assert!(lint.message.contains("2 keys are"), "{lint}");
        assert_eq!(lint.details[0], "one key is in 3 documents");
        assert_eq!(lint.details[1], "\"a@example.org\": in 2 documents");
        let none = Facts { duplicates: Some(Duplicates::default()), ..facts };
        assert_eq!(judged(&email(), &none).unwrap().name, LintName::IndexOnLargeCollection);
    }

    #[test]
    fn what_the_attribute_acknowledges_is_not_said() {
        let facts = Facts { documents: 3_000_000, ..Facts::default() };
        let allowed = subject(&["index_on_large_collection"]);
        assert_eq!(judge(&allowed, &email(), &facts, LintLimits::default()), None);
    }

    #[test]
    fn an_empty_collection_may_be_renamed() {
        let rename = Operation::RenameField {
            collection: "users".to_owned(),
            from: "fullname".to_owned(),
            to: "name".to_owned(),
            moves: false,
        };
        assert_eq!(judged(&rename, &Facts::default()), None);
        let lint = judged(&rename, &Facts { documents: 1, ..Facts::default() }).unwrap();
        assert_eq!(lint.name, LintName::RenameBreaksRunningApp);
        assert!(
            lint.good.contains("change.remove_field(\"users\", \"fullname\")"),
            "{}",
            lint.good
        );
    }

    #[test]
    fn a_moderate_validator_hurts_nobody() {
        let facts = Facts {
            failing: Some(Failing { documents: 2, more: false, ids: vec!["1".to_owned()] }),
            ..Facts::default()
        };
        let set = |strict| Operation::SetValidator {
            collection: "users".to_owned(),
            validator: doc! { "age": { "$gte": 0 } },
            strict,
        };
        assert_eq!(judged(&set(false), &facts), None);
        let lint = judged(&set(true), &facts).unwrap();
        assert_eq!(lint.details, ["2 documents fail it", "_id: 1"]);
    }

    #[test]
    fn a_field_is_found_where_it_is_named() {
        let schema = doc! { "$jsonSchema": { "required": ["name"], "properties": {
            "address": { "properties": { "city": { "bsonType": "string" } } },
        } } };
        for (field, named) in [
            ("name", true),
            ("address", true),
            ("address.city", true),
            ("address.zip", false),
            ("nam", false),
        ] {
            assert_eq!(names(&schema, field), named, "{field}");
        }
        let query =
            doc! { "$and": [{ "age": { "$gte": 0 } }, { "$expr": { "$gt": ["$a.b", 1] } }] };
        for (field, named) in
            [("age", true), ("a", true), ("a.b", true), ("a.b.c", false), ("b", false)]
        {
            assert_eq!(names(&query, field), named, "{field}");
        }
    }

    #[test]
    fn what_is_dropped_before_is_in_nobodys_way() {
        let users = || "users".to_owned();
        let remove = Operation::RemoveField { collection: users(), field: "age".to_owned() };
        let facts = || Facts {
            named_by: vec!["the index age_1".to_owned(), THE_VALIDATOR.to_owned()],
            ..Facts::default()
        };
        let lint = judged(&remove, &facts()).unwrap();
        assert_eq!(lint.name, LintName::FieldInUse);
        assert!(lint.good.contains("/* the keys of age_1 */"), "{}", lint.good);
        let drop = Operation::DropIndex { collection: users(), name: "age_1".to_owned() };
        let set =
            |validator| Operation::SetValidator { collection: users(), validator, strict: true };
        for (validator, left) in [(doc! { "name": "x" }, 0), (doc! { "age": { "$gte": 0 } }, 1)] {
            let mut facts = facts();
            facts.after(&[drop.clone(), set(validator)], &remove);
            assert_eq!(facts.named_by.len(), left, "{facts:?}");
        }
    }
}
