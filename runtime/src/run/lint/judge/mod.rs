//! Pure: an operation and what was read in, lints out. Knows no driver and no clock.

mod found;
mod passed_on;

use mongodb::bson::{Bson, Document};

use self::{found::Found, passed_on::passed_on};
use super::{
    facts::{Facts, NamedBy},
    names::is_within,
};
use crate::{
    kinds::{
        effect::{FieldChange, Index, Operation, Seen, Subject},
        snippet::{self, as_doc},
    },
    model::{
        lint::{Lint, LintLimits, LintName},
        numbers::grouped,
    },
};

/// The lints of one operation.
pub(crate) fn judge(
    subject: &Subject,
    operation: &Operation,
    facts: &Facts,
    limits: LintLimits,
) -> Vec<Lint> {
    let found = match operation {
        Operation::Write { collection, seen: Some(seen) } => {
            vec![written(collection.as_deref(), *seen, limits)]
        }
        Operation::Write { collection: Some(collection), seen: None } => {
            vec![would_write(collection, facts, limits)]
        }
        Operation::Write { collection: None, seen: None }
        | Operation::CreateCollection { .. }
        | Operation::Unknown => Vec::new(),
        Operation::PassedOn { collection, name, value, known } => {
            vec![Some(passed_on(collection, name, value.as_ref(), known))]
        }
        Operation::CreateIndex(index) => vec![
            missing(operation, facts),
            duplicates(index, &index.code(), facts)
                .filter(|_| index.is("unique"))
                .or_else(|| large_index(index, facts, limits)),
        ],
        Operation::MakeUnique { collection, index } => {
            vec![missing(operation, facts), made_unique(collection, index, facts)]
        }
        Operation::DropIndex { .. }
        | Operation::Modify { .. }
        | Operation::Rewrite { .. }
        | Operation::Search { .. } => vec![missing(operation, facts)],
        Operation::DropCollection { name, .. } => {
            vec![missing(operation, facts), views_of_dropped(name, facts)]
        }
        Operation::Field { collection, field, change } => vec![
            missing(operation, facts),
            named(collection, field, change, facts),
            renamed(collection, field, change, facts),
        ],
        Operation::RenameCollection { from, to } => {
            vec![
                missing(operation, facts),
                views_of_renamed(from, to, facts),
                moved(from, to, facts),
            ]
        }
        Operation::SetValidator { collection, validator, strict, chain } => vec![
            missing(operation, facts),
            validator_fails(collection, validator, *strict, chain, facts),
        ],
    };
    let found = found.into_iter().flatten();
    found
        .filter(|found| !subject.allowed.contains(&found.name.as_str()))
        .map(|found| found.of(subject, facts))
        .collect()
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

/// The lint of an operation on a collection that is not there.
fn missing(operation: &Operation, facts: &Facts) -> Option<Found> {
    let near = facts.missing.as_ref()?.as_deref();
    let refused = "the migration would be refused there";
    let (collection, bad, consequence) = match operation {
        Operation::DropCollection { name, is_required: true } => {
            (name, format!("change.drop_collection({name:?});"), refused)
        }
        Operation::RenameCollection { from, to } => {
            (from, format!("change.rename_collection({from:?}, {to:?});"), refused)
        }
        Operation::DropIndex { collection, keys, is_required: true, .. } => {
            (collection, format!("change.drop_index({collection:?}, {});", as_doc(keys)), refused)
        }
        Operation::SetValidator { collection, validator, chain, .. } => (
            collection,
            format!("change.set_validator({collection:?}, {}){chain};", as_doc(validator)),
            refused,
        ),
        Operation::Modify { collection, .. }
        | Operation::MakeUnique { collection, .. }
        | Operation::Search { collection, .. } => {
            (collection, format!("// on `{collection}`"), refused)
        }
        Operation::Rewrite { collection } => {
            (collection, format!("// on `{collection}`"), "nothing would be done")
        }
        // An update with such a stage is reported once, by its own operation.
        Operation::Field { change: FieldChange::Unset, .. } => return None,
        Operation::Field { collection, field, change } => {
            (collection, change.code(collection, field), "nothing would be done")
        }
        // The index may be meant to create the collection.
        Operation::CreateIndex(index) if near.is_some() => {
            (&index.collection, index.code(), "the index would create it")
        }
        _ => return None,
    };
    let good = match near {
        Some(near) => format!("// If `{near}` is meant:\n{}", bad.replacen(collection, near, 1)),
        None => format!(
            "// If it is right: create it first, here or in an earlier migration.\n\
             change.create_collection({collection:?});"
        ),
    };
    let meant = near.map(|near| format!("; there is `{near}`")).unwrap_or_default();
    Some(Found {
        name: LintName::MissingCollection,
        message: format!("there is no collection `{collection}`{meant}: {consequence}"),
        bad,
        good,
        details: Vec::new(),
        estimated: false,
    })
}

/// An index that is there is made unique.
fn made_unique(collection: &str, name: &str, facts: &Facts) -> Option<Found> {
    let Some(NamedBy::Index { listed, .. }) = facts.named_by.first() else { return None };
    let code = format!("change.make_index_unique({collection:?}, {name:?});");
    duplicates(&Index::of(collection, listed), &code, facts)
}

/// Keys that occur several times keep an index from being unique; `code`: what declares that it is.
fn duplicates(index: &Index, code: &str, facts: &Facts) -> Option<Found> {
    let found = facts.duplicates.as_ref().filter(|found| found.keys > 0)?;
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
    let by = match &found.collation {
        Some(collation) => format!(", as its collation {collation} compares them"),
        None => String::new(),
    };
    let with = match &found.collation {
        Some(collation) => format!("    // … run with the collation of the index: {collation} …\n"),
        None => String::new(),
    };
    let only = match index.inner("partialFilterExpression") {
        Some(filter) => format!("        doc! {{ \"$match\": {filter} }},\n"),
        None => String::new(),
    };
    Some(Found {
        name: LintName::UniqueIndexOverDuplicates,
        message: format!(
            "the unique index cannot be built: {many}{} {noun} in several documents of \
             `{collection}`{by}",
            found.keys
        ),
        bad: code.to_owned(),
        good: format!(
            "// In an earlier migration, once it is clear which of them stays: keep one of each.\n\
             on.transaction(\"duplicates\", async |tx| {{\n    \
                 let doubled = vec![\n{only}        \
                     doc! {{ \"$group\": {{ \"_id\": {{ {} }}, \"ids\": {{ \"$push\": \"$_id\" }} }} }},\n        \
                     doc! {{ \"$match\": {{ \"ids.1\": {{ \"$exists\": true }} }} }},\n    \
                 ];\n{with}    \
                 // … delete or merge all but one of each `ids` …\n    \
                 Ok(())\n}})\n.await?;\n\
             // Then:\n\
             {}",
            group.join(", "),
            code
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
        bad: index.code(),
        good: format!(
            "// On each secondary in turn, restarted without `--replSet` on another port, and at \
             last on\n// the former primary:\n\
             {}\n\
             // Then deploy the migration so that it takes the index that is there, with:\n\
             #[migration(…, allow = \"index_on_large_collection\")]\n\
             {};",
            snippet::in_the_shell(collection, keys, &index.options, &index.name),
            index.code_with(true)
        ),
        details: vec![format!("about {} documents in `{collection}`", grouped(facts.documents))],
        estimated: false,
    })
}

/// A field that an index or the validator names is removed, renamed or converted.
fn named(collection: &str, field: &str, change: &FieldChange, facts: &Facts) -> Option<Found> {
    if facts.named_by.is_empty() {
        return None;
    }
    let texts: Vec<String> = facts.named_by.iter().map(NamedBy::text).collect();
    let consequence = match change {
        FieldChange::Remove | FieldChange::Unset => {
            "the index would hold nothing but nulls (a unique one then refuses the second \
             document), and a validator that wants the field would refuse every write"
        }
        FieldChange::Rename { .. } | FieldChange::Move { .. } => {
            "the index stays where the field was, and would hold nothing but nulls (a unique one \
             then refuses the second document, and with it the migration), and a validator that \
             wants the field would refuse every write"
        }
        FieldChange::Convert { .. } => {
            "queries for the old type find nothing in the index any more (one that lets documents \
             expire knows only dates, a text index only strings, a filter may ask for the type), \
             and a validator that wants the old type would refuse every write"
        }
    };
    let mut before = String::new();
    let mut after = String::new();
    for by in &facts.named_by {
        match by {
            NamedBy::Index { listed, of } => {
                let again = match change {
                    FieldChange::Remove | FieldChange::Unset => None,
                    FieldChange::Rename { to } | FieldChange::Move { to } => {
                        Some(under(listed, field, to))
                    }
                    FieldChange::Convert { .. } => {
                        // Nothing of the index has to change unless it asks for the type.
                        if !asks_for_type(listed) {
                            continue;
                        }
                        Some(listed.clone())
                    }
                };
                before += &format!("{}\n", snippet::drop_index(collection, listed, of));
                if let Some(again) = again {
                    after += &format!("\n{}", snippet::create_index(collection, &again, of));
                }
            }
            NamedBy::Validator => match change {
                FieldChange::Remove | FieldChange::Unset => {
                    before += &format!(
                        "change.set_validator({collection:?}, doc! {{ /* without `{field}` */ }});\n"
                    );
                }
                _ => {
                    before += &format!("change.unset_validator({collection:?});\n");
                    let so = match change.target() {
                        Some(to) => format!("as it was, with `{to}` for `{field}`"),
                        None => format!("as it was, with the new type of `{field}`"),
                    };
                    after +=
                        &format!("\nchange.set_validator({collection:?}, doc! {{ /* {so} */ }});");
                }
            },
        }
    }
    let bad = change.code(collection, field);
    let good = if before.is_empty() {
        format!(
            "// Make sure that no query asks for the old type by then, and acknowledge it:\n\
             #[migration(…, allow = \"field_in_use\")]\n{bad}"
        )
    } else {
        format!("// In one migration, in this order:\n{before}{bad}{after}")
    };
    Some(Found {
        name: LintName::FieldInUse,
        message: format!(
            "`{field}` of `{collection}` is named by {}: {consequence}",
            texts.join(", ")
        ),
        bad,
        good,
        details: texts,
        estimated: false,
    })
}

/// Whether an index does something only with values of a type.
fn asks_for_type(listed: &Document) -> bool {
    ["expireAfterSeconds", "partialFilterExpression", "weights"]
        .iter()
        .any(|option| listed.contains_key(option))
}

/// An index as it is listed, with a field under its new name.
fn under(listed: &Document, from: &str, to: &str) -> Document {
    fn renamed(document: &Document, from: &str, to: &str) -> Document {
        let rename = |key: &str| match is_within(key, from) {
            true => format!("{to}{}", key.get(from.len()..).unwrap_or_default()),
            false => key.to_owned(),
        };
        let value = |value: &Bson| match value {
            Bson::Document(inner) => Bson::Document(renamed(inner, from, to)),
            Bson::Array(items) => Bson::Array(
                items
                    .iter()
                    .map(|item| match item {
                        Bson::Document(item) => Bson::Document(renamed(item, from, to)),
                        item => item.clone(),
                    })
                    .collect(),
            ),
            value => value.clone(),
        };
        document.iter().map(|(key, one)| (rename(key), value(one))).collect()
    }
    let mut new = listed.clone();
    for option in ["key", "weights", "partialFilterExpression", "wildcardProjection"] {
        if let Ok(inner) = listed.get_document(option) {
            new.insert(option, renamed(inner, from, to));
        }
    }
    new
}

fn renamed(collection: &str, from: &str, change: &FieldChange, facts: &Facts) -> Option<Found> {
    let to = change.target()?;
    (facts.documents > 0).then(|| Found {
        name: LintName::RenameBreaksRunningApp,
        message: format!(
            "versions of the app that run while this is deployed read and write `{from}` of \
             `{collection}`, which is gone at once: expand first, contract in a later release"
        ),
        bad: change.code(collection, from),
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

/// The views that read a collection which is renamed.
fn views_of_renamed(from: &str, to: &str, facts: &Facts) -> Option<Found> {
    let pointed: String = facts
        .views
        .iter()
        .map(|view| {
            format!(
                "\nchange\n    .coll_mod({view:?})\n    .set(\"viewOn\", {to:?})\n    \
                 .set(\"pipeline\", vec![/* as it is, with `{to}` for `{from}` */]);"
            )
        })
        .collect();
    let bad = format!("change.rename_collection({from:?}, {to:?});");
    let good = format!("// In the same migration, after it:\n{bad}{pointed}");
    broken_views(
        &format!("reads `{from}`, and would read nothing once that is renamed"),
        bad,
        good,
        facts,
    )
}

/// The views that read a collection which is dropped.
fn views_of_dropped(name: &str, facts: &Facts) -> Option<Found> {
    let dropped: String =
        facts.views.iter().map(|view| format!("change.drop_collection({view:?});\n")).collect();
    let bad = format!("change.drop_collection({name:?});");
    let good = format!("// In the same migration, before it:\n{dropped}{bad}");
    broken_views(
        &format!("reads `{name}`, and would read nothing once that is dropped"),
        bad,
        good,
        facts,
    )
}

fn broken_views(what: &str, bad: String, good: String, facts: &Facts) -> Option<Found> {
    let first = facts.views.first()?;
    let more = match facts.views.len() {
        1 => String::new(),
        count => format!(" (and {} more)", count - 1),
    };
    Some(Found {
        name: LintName::BrokenView,
        message: format!("the view `{first}`{more} {what}, without an error"),
        bad,
        good,
        details: facts.views.iter().map(|view| format!("the view {view}")).collect(),
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
    chain: &str,
    facts: &Facts,
) -> Option<Found> {
    let found = facts.failing.as_ref().filter(|found| strict && found.documents > 0)?;
    let many = if found.more { "more than " } else { "" };
    let noun =
        if found.documents == 1 && !found.more { "document fails" } else { "documents fail" };
    let number = grouped(u64::try_from(found.documents).unwrap_or(u64::MAX));
    let mut details = vec![format!("{many}{number} {noun} it")];
    details.extend(found.ids.iter().map(|id| format!("_id: {id}")));
    let unless = match facts.as_of_now {
        true => ", unless what comes before it changes them",
        false => "",
    };
    Some(Found {
        name: LintName::ValidatorFails,
        message: format!(
            "{many}{number} {noun} the new validator of `{collection}`: the app can no longer \
             update them, not even in other fields{unless}"
        ),
        bad: format!("change.set_validator({collection:?}, {}){chain};", as_doc(validator)),
        good: format!(
            "// Either fix them in an earlier migration:\n\
             change.update({collection:?}, forward, backward).filter(doc! {{ \"$nor\": [{}] }});\n\
             // or let those that fail already be updated:\n\
             change.set_validator({collection:?}, {}).level(\"moderate\"){};",
            validator,
            as_doc(validator),
            chain.replace(".level(\"strict\")", "")
        ),
        details,
        estimated: false,
    })
}

#[cfg(test)]
mod tests;
