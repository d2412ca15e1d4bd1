//! What fixes a difference: commands for the MongoDB shell that make the database as expected, and
//! operations of a declared migration after which the database is as expected. Pure.

use std::collections::BTreeMap;

use mongodb::bson::{Bson, Document, doc};
use mongrate_seal::models::{
    Collection, CollectionKind, Index, Json, Validation, default_name, index_options,
};

use super::{
    live::LiveCollection,
    wanted::{spec, validator},
};
use crate::{
    kinds::{change::index_spec::Spec, snippet},
    mongo::json,
};

/// Types of values that JSON has, too: the shell reads others only through `EJSON`.
fn is_json(value: &Bson) -> bool {
    match value {
        Bson::Document(document) => document.values().all(is_json),
        Bson::Array(items) => items.iter().all(is_json),
        Bson::Null | Bson::Boolean(_) | Bson::String(_) | Bson::Int32(_) => true,
        Bson::Int64(number) => number.unsigned_abs() < (1 << 53),
        Bson::Double(number) => number.is_finite(),
        _ => false,
    }
}

/// The document as the shell reads it.
fn in_shell(document: &Document) -> String {
    let text = json::of_document(document);
    match document.values().all(is_json) {
        true => text.to_string(),
        false => format!("EJSON.deserialize({text})"),
    }
}

fn collection(name: &str) -> String {
    format!("db.getCollection({})", Json::text(name))
}

fn command(command: &Document) -> String {
    format!("db.runCommand({})", in_shell(command))
}

pub(super) fn create_collection(name: &str, wanted: &Collection) -> Vec<String> {
    let mut options = match &wanted.kind {
        // A migration defines the view.
        CollectionKind::View => return Vec::new(),
        CollectionKind::Collection => Document::new(),
        CollectionKind::TimeSeries(options) => json::document(options),
    };
    if let Some((validator, validation)) = validator(wanted) {
        options.extend(validation_options(&validator, validation));
    }
    let mut create = doc! { "create": name };
    create.extend(options);
    let indexes = wanted.indexes.values().map(|index| create_index(name, &spec(name, index)));
    std::iter::once(command(&create)).chain(indexes).collect()
}

pub(super) fn drop_collection(name: &str) -> String {
    format!("{}.drop()", collection(name))
}

pub(super) fn create_index(name: &str, spec: &Spec) -> String {
    let mut options = spec.options.clone();
    options.insert("name", spec.name());
    format!("{}.createIndex({}, {})", collection(name), in_shell(&spec.keys), in_shell(&options))
}

pub(super) fn drop_index(name: &str, index: &str) -> String {
    format!("{}.dropIndex({})", collection(name), Json::text(index))
}

/// The commands that make the index as wanted: the server can change two options in place.
pub(super) fn change_index(
    name: &str,
    spec: &Spec,
    live: &Document,
    options: &[String],
) -> Vec<String> {
    let called = live.get_str("name").unwrap_or_default();
    let can_change = |option: &str| match option {
        "hidden" => true,
        "expireAfterSeconds" => spec.options.contains_key(option) && live.contains_key(option),
        _ => false,
    };
    if !options.iter().all(|option| can_change(option)) {
        return vec![drop_index(name, called), create_index(name, spec)];
    }
    let mut index = doc! { "name": called };
    for option in options {
        let value = spec.options.get(option).cloned().unwrap_or(Bson::Boolean(false));
        index.insert(option, value);
    }
    vec![command(&doc! { "collMod": name, "index": index })]
}

fn validation_options(validator: &Document, validation: Validation) -> Document {
    doc! {
        "validator": validator.clone(),
        "validationLevel": validation.level.name(),
        "validationAction": validation.action.name(),
    }
}

pub(super) fn set_validator(name: &str, validator: &Document, validation: Validation) -> String {
    let mut modify = doc! { "collMod": name };
    modify.extend(validation_options(validator, validation));
    command(&modify)
}

pub(super) fn unset_validator(name: &str) -> String {
    let none = doc! {
        "collMod": name, "validator": {}, "validationLevel": "strict", "validationAction": "error",
    };
    command(&none)
}

/// Whether the value is code when it is written into `doc!`.
fn is_code(value: &Bson) -> bool {
    let is_quotable = |text: &str| !text.contains(['"', '\\']) && !text.contains(char::is_control);
    match value {
        Bson::Document(document) => {
            document.iter().all(|(key, value)| is_quotable(key) && is_code(value))
        }
        Bson::Array(items) => items.iter().all(is_code),
        Bson::String(text) => is_quotable(text),
        Bson::Null | Bson::Boolean(_) | Bson::Int32(_) => true,
        Bson::Int64(number) => i32::try_from(*number).is_ok(),
        Bson::Double(number) => number.is_finite() && number.abs() < 1e9,
        _ => false,
    }
}

/// Ends the operation with a call that accepts what is there already. The same migration has to run on
/// databases that have it, and on databases that do not.
fn accepting(operation: &str, call: &str) -> String {
    let operation = operation.trim_end_matches(';');
    let operation = operation.replace("(Duration::", "(std::time::Duration::");
    format!("{operation}{call};")
}

pub(super) fn adopt_index(name: &str, index: &Document, of_collection: &Document) -> Vec<String> {
    if !index.values().all(is_code) {
        return Vec::new();
    }
    let create = snippet::create_index(name, index, of_collection);
    vec![accepting(&create, ".if_not_exists()")]
}

pub(super) fn adopt_no_index(
    name: &str,
    index: &Document,
    of_collection: &Document,
) -> Vec<String> {
    if !index.values().all(is_code) {
        return Vec::new();
    }
    let drop = snippet::drop_index(name, index, of_collection);
    vec![accepting(&drop, ".if_exists()")]
}

pub(super) fn adopt_collection(found: &LiveCollection) -> Vec<String> {
    if !found
        .options
        .values()
        .chain(found.indexes.iter().flat_map(|index| index.values()))
        .all(is_code)
    {
        return Vec::new();
    }
    let mut create = format!("change.create_collection({:?})", found.name);
    for (option, value) in &found.options {
        let value = match value {
            Bson::Document(value) => snippet::as_doc(value),
            value @ Bson::Array(_) => format!("mongrate::bson::bson!({value})"),
            value => value.to_string(),
        };
        create += &format!(".option({option:?}, {value})");
    }
    let mut operations = vec![accepting(&create, ".if_not_exists()")];
    for index in &found.indexes {
        operations.extend(adopt_index(&found.name, index, &found.options));
    }
    operations
}

pub(super) fn adopt_no_validator(name: &str) -> String {
    format!("change.unset_validator({name:?});")
}

pub(super) fn adopt_validator(
    name: &str,
    validator: &Document,
    level: &str,
    action: &str,
) -> Vec<String> {
    if !validator.values().all(is_code) {
        return Vec::new();
    }
    let validator = snippet::as_doc(validator);
    let set =
        format!("change.set_validator({name:?}, {validator}).level({level:?}).action({action:?});");
    vec![set]
}

pub(super) fn adopt_validation(name: &str, level: &str, action: &str) -> Vec<String> {
    let set = format!(
        "change.coll_mod({name:?}).set(\"validationLevel\", {level:?}).set(\"validationAction\", \
         {action:?});"
    );
    vec![set]
}

pub(super) fn validate_attribute(level: &str, action: &str) -> String {
    match action {
        "error" => format!("validate = {level:?}"),
        action => format!("validate = {level:?}, action = {action:?}"),
    }
}

/// The argument of `#[model(…)]` that declares the index.
pub(super) fn index_attribute(index: &Document, of_collection: &Document) -> Option<String> {
    let index = declared(index, of_collection)?;
    let mut parts: Vec<String> = Vec::new();
    for (path, kind) in &index.keys {
        let mut words = path.split('.');
        let is_word = |word: &str| {
            word.starts_with(|letter: char| letter.is_ascii_alphabetic() || letter == '_')
                && word.chars().all(|letter| letter.is_ascii_alphanumeric() || letter == '_')
                && word != "_"
        };
        // Such a word means an option, and a field only in quotes.
        let is_option = index_options().any(|(word, _)| word == path) || path == "name";
        let field = match words.all(is_word) && !is_option {
            true => path.clone(),
            false => format!("{path:?}"),
        };
        parts.push(match kind {
            Json::Number(one) if one == "1" => field,
            kind => format!("{field} = {kind}"),
        });
    }
    for (option, value) in &index.options {
        let (word, _) = index_options().find(|(_, server)| server == option)?;
        parts.push(match value {
            Json::Bool(true) => word.to_owned(),
            value => format!("{word} = {value}"),
        });
    }
    if index.name != default_name(&index.keys) {
        parts.push(format!("name = {:?}", index.name));
    }
    Some(format!("index({})", parts.join(", ")))
}

/// Returns an index that the server lists as a model declares it. `None` if a model cannot.
pub(super) fn declared(listed: &Document, of_collection: &Document) -> Option<Index> {
    let (keys, options) = snippet::declared(listed, of_collection);
    let keys: Vec<(String, Json)> =
        keys.iter().map(|(path, kind)| (path.clone(), json::json(kind))).collect();
    let options: BTreeMap<String, Json> = options
        .iter()
        .map(|(option, value)| (option.clone(), json::json(value)))
        .filter(|(_, value)| *value != Json::Bool(false))
        .collect();
    let is_known = options.keys().all(|option| index_options().any(|(_, server)| server == option));
    let name = listed.get_str("name").ok()?.to_owned();
    (is_known && !keys.is_empty()).then_some(Index { name, keys, options })
}

#[cfg(test)]
mod tests {
    use mongodb::bson::DateTime;

    use super::*;

    fn listed() -> Document {
        doc! {
            "v": 2, "key": { "plan": 1, "address.city": -1, "unique": 1 }, "name": "by_plan",
            "unique": true, "partialFilterExpression": { "age": { "$gt": 18.0 } },
            "expireAfterSeconds": 60,
        }
    }

    #[test]
    fn an_index_is_adopted_with_all_that_it_is() {
        let change = adopt_index("users", &listed(), &doc! {});
        assert_eq!(
            change,
            [
                "change.create_index(\"users\", doc! { \"plan\": 1, \"address.city\": -1, \"unique\": \
              1 }).unique(true).partial_filter(doc! { \"age\": { \"$gt\": 18 } })\
              .expire_after(std::time::Duration::from_secs(60)).name(\"by_plan\")\
              .if_not_exists();"
            ]
        );
        let attribute = index_attribute(&listed(), &doc! {}).unwrap();
        assert_eq!(
            attribute,
            "index(plan, address.city = -1, \"unique\", expire_after_seconds = 60, partial_filter \
             = {\"age\":{\"$gt\":18}}, unique, name = \"by_plan\")"
        );
    }

    #[test]
    fn what_is_no_code_is_not_declared() {
        let mut index = listed();
        let filter = doc! { "at": { "$gt": DateTime::from_millis(0) } };
        index.insert("partialFilterExpression", filter);
        assert!(adopt_index("users", &index, &doc! {}).is_empty());
        let quoted = doc! { "key": { "a\"b": 1 }, "name": "x" };
        assert!(adopt_index("users", &quoted, &doc! {}).is_empty());
        let large = doc! { "key": { "a": 1 }, "name": "x", "max": 5_000_000_000_i64 };
        assert!(adopt_index("users", &large, &doc! {}).is_empty());
    }

    #[test]
    fn the_shell_reads_every_type() {
        let plain = doc! { "a": { "$gt": 5_i64 }, "b": "it's \"x\"" };
        assert_eq!(in_shell(&plain), "{\"a\":{\"$gt\":5},\"b\":\"it's \\\"x\\\"\"}");
        let dated = doc! { "a": DateTime::from_millis(0) };
        assert!(in_shell(&dated).starts_with("EJSON.deserialize({\"a\":{\"$date\":"));
    }

    #[test]
    fn an_index_is_changed_in_place_where_the_server_can() {
        let mut spec = Spec::new("users".to_owned(), doc! { "at": 1 });
        spec.options = doc! { "expireAfterSeconds": 60 };
        let live = doc! { "name": "at_1", "expireAfterSeconds": 5, "hidden": true };
        let options = ["expireAfterSeconds".to_owned(), "hidden".to_owned()];
        assert_eq!(
            change_index("users", &spec, &live, &options),
            ["db.runCommand({\"collMod\":\"users\",\"index\":{\"name\":\"at_1\",\
              \"expireAfterSeconds\":60,\"hidden\":false}})"]
        );
        let never = doc! { "name": "at_1" };
        let commands = change_index("users", &spec, &never, &options[..1]);
        assert_eq!(commands[0], "db.getCollection(\"users\").dropIndex(\"at_1\")");
        assert_eq!(commands.len(), 2);
    }
}
