//! What a server's refusal says of documents and of rights, without the documents' values. Pure.

use mongodb::bson::{Bson, Document, doc};

use super::reply::number;

/// The most `_id`s that an error names.
pub(crate) const NAMED_MAX: u8 = 5;

/// What the server says of the document that a refused write is about.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Details {
    /// The place of the refused statement in its command; the first is 0.
    pub index: Option<usize>,
    /// The `_id`s that the server names, as text.
    pub ids: Vec<String>,
    /// The fields that break a validator's rules.
    pub fields: Vec<String>,
    /// The key that a unique index already has: the fields with their values. Never shown.
    pub key: Option<Document>,
}

impl Details {
    /// Reads an element of `writeErrors`, or a whole reply that refuses a command.
    pub(crate) fn read(reply: &Document) -> Self {
        let in_array = reply.get_array("writeErrors").ok().and_then(|errors| errors.first());
        let error = in_array.and_then(Bson::as_document).unwrap_or(reply);
        let message = error.get_str("errmsg").unwrap_or_default();
        let info = error.get_document("errInfo").ok();
        let mut details = Self {
            index: number(error, "index").and_then(|index| usize::try_from(index).ok()),
            // If the index has a collation, the server reports comparison keys, not the strings.
            key: error
                .get_document("keyValue")
                .ok()
                .filter(|_| !message.contains(" collation: {"))
                .cloned(),
            ..Self::default()
        };
        if let Some(id) = info.and_then(|info| info.get("failingDocumentId")) {
            details.ids.push(id.to_string());
        }
        // CannotConvertIndexToUnique: `violations: [{ ids: […] }]`.
        let violations = error.get_array("violations").map(Vec::as_slice).unwrap_or_default();
        for violation in violations.iter().filter_map(Bson::as_document) {
            let ids = violation.get_array("ids").map(Vec::as_slice).unwrap_or_default();
            details.ids.extend(ids.iter().map(Bson::to_string));
        }
        if details.ids.is_empty() {
            details.ids.extend(id_in(message));
        }
        details.ids.truncate(usize::from(NAMED_MAX));
        if let Some(rules) = info.and_then(|info| info.get("details")) {
            gather_fields(rules, &mut details.fields);
        }
        details
    }

    /// The text to append to the server's message: the fields, and the `_id`s that the message does
    /// not name.
    pub(crate) fn suffix(&self, message: &str) -> String {
        let mut text = String::new();
        if !self.fields.is_empty() {
            text += &format!("; the rule for {} does not hold", quoted(&self.fields));
        }
        if !self.ids.is_empty() && !self.ids.iter().all(|id| message.contains(id.as_str())) {
            text += &format!("; `_id` {}", self.ids.join(", "));
        }
        text
    }
}

/// The fields that a validator's report names; never the values beside them.
fn gather_fields(rules: &Bson, fields: &mut Vec<String>) {
    let mut add = |name: &str| {
        if !fields.iter().any(|field| field == name) {
            fields.push(name.to_owned());
        }
    };
    match rules {
        Bson::Array(rules) => rules.iter().for_each(|rule| gather_fields(rule, fields)),
        Bson::Document(rules) => {
            let is_query = rules.get_str("operatorName").is_ok_and(|name| name.starts_with('$'));
            for (key, value) in rules {
                match (key.as_str(), value) {
                    ("propertyName", Bson::String(name)) => add(name),
                    ("missingProperties" | "additionalProperties", Bson::Array(names)) => {
                        names.iter().filter_map(Bson::as_str).for_each(&mut add);
                    }
                    // A validator of query operators: `{ age: { $gte: 0 } }`.
                    ("specifiedAs", Bson::Document(rule)) if is_query => {
                        rule.keys().filter(|key| !key.starts_with('$')).for_each(|key| add(key));
                    }
                    _ => {}
                }
            }
            for (key, value) in rules {
                if !matches!(key.as_str(), "specifiedAs" | "consideredValue" | "consideredValues") {
                    gather_fields(value, fields);
                }
            }
        }
        _ => {}
    }
}

fn quoted(names: &[String]) -> String {
    let names: Vec<String> = names.iter().map(|name| format!("`{name}`")).collect();
    names.join(", ")
}

/// The `_id` at the beginning of a document that a message quotes.
fn id_in(message: &str) -> Option<String> {
    let opens = ["{ _id: ", "{_id: ", "First element: _id: "];
    let at = opens.iter().find_map(|open| message.find(open).map(|at| at + open.len()))?;
    let rest = message.get(at..)?;
    let end = match rest.chars().next()? {
        '"' => rest.get(1..)?.find('"')? + 2,
        _ if rest.starts_with("ObjectId('") || rest.starts_with("UUID(") => rest.find(')')? + 1,
        '{' | '[' => return None,
        _ => rest.find([',', '}']).unwrap_or(rest.len()),
    };
    rest.get(..end).map(|id| id.trim().to_owned()).filter(|id| !id.is_empty())
}

/// A pipeline that finds the `_id`s of some of the documents that pass these stages, for an error
/// to name them with [`ids`].
pub(crate) fn naming(stages: impl IntoIterator<Item = Document>) -> Vec<Document> {
    let named = [doc! { "$limit": i32::from(NAMED_MAX) }, doc! { "$project": { "_id": 1 } }];
    stages.into_iter().chain(named).collect()
}

/// The `_id`s of these documents, for people: `1, "odd"`.
pub(crate) fn ids(documents: &[Document]) -> String {
    let ids = documents.iter().filter_map(|document| document.get("_id"));
    ids.map(Bson::to_string).collect::<Vec<_>>().join(", ")
}

/// Where a message quotes a document: how the quote begins, how it ends (the last such place counts,
/// as a value may hold anything), and the text to show instead.
const QUOTES: [(&str, &str, &str); 10] = [
    ("dup key: {", "}", "dup key: {…}"),
    ("Can't extract geo keys: { ", "", "Can't extract geo keys: {…}"),
    ("Can't extract geo keys from object", "", "Can't extract geo keys from an object"),
    ("longitude/latitude is out of bounds", "", "a longitude or latitude is out of bounds"),
    ("Failed to parse number '", "' in $convert", "Failed to parse number '…' in $convert"),
    ("Failed to parse objectId '", "' in $convert", "Failed to parse objectId '…' in $convert"),
    ("Failed to parse UUID '", "' in $convert", "Failed to parse UUID '…' in $convert"),
    ("Failed to parse BinData '", "' in $convert", "Failed to parse BinData '…' in $convert"),
    ("Error parsing date string '", "", "Error parsing a date string"),
    ("with no onError value: -", "", "with no onError value: …"),
];

/// The same for messages of serde; only if the end is found, as users write such words, too.
const TYPES: [(&str, &str, &str); 3] = [
    ("invalid type: ", ", expected", "invalid type, expected"),
    ("invalid value: ", ", expected", "invalid value, expected"),
    ("unknown variant `", "`, expected", "unknown variant, expected"),
];

/// Cuts the values that the server quotes from documents: `E11000 … dup key: { email: "anna@…" }`.
/// Idempotent.
pub(crate) fn without_values(text: &str) -> String {
    let mut text = text.to_owned();
    let quotes = QUOTES.iter().map(|quote| (quote, true));
    for ((open, close, instead), is_open_ended) in
        quotes.chain(TYPES.iter().map(|quote| (quote, false)))
    {
        let Some(at) = text.find(open) else { continue };
        let begin = at + open.len();
        let rest = text.get(begin..).unwrap_or_default();
        if rest.starts_with('…') {
            continue;
        }
        let closes = rest.rfind(close).filter(|_| !close.is_empty());
        let end = match closes {
            Some(end) => end + close.len(),
            None if is_open_ended => rest.len(),
            None => continue,
        };
        text.replace_range(at..begin + end, instead);
    }
    for open in ["in element {", "First element: "] {
        if let Some(at) = text.find(open) {
            cut_element(&mut text, at + open.len());
        }
    }
    // A number that the target type of a conversion cannot hold.
    const NUMBER: &str = "with no onError value: ";
    if let Some(at) = text.find(NUMBER).map(|at| at + NUMBER.len())
        && text.get(at..).is_some_and(|rest| rest.starts_with(|first: char| first.is_ascii_digit()))
    {
        text.replace_range(at.., "…");
    }
    text
}

/// `name: "value"` becomes `name: …`. An `_id` stays, and so does the first field of a command.
fn cut_element(text: &mut String, at: usize) {
    let Some((name, rest)) = text.get(at..).and_then(|rest| rest.split_once(": ")) else { return };
    let commands = ["_id", "insert", "update", "delete", "find", "aggregate", "findAndModify"];
    if rest.starts_with('…') || commands.contains(&name) {
        return;
    }
    let closes = text.get(..at).is_some_and(|before| before.ends_with('{'));
    let shown = format!("{name}: …{}", if closes { "}" } else { "" });
    text.replace_range(at.., &shown);
}

/// What the user may not do: a refusal with the code 13 (Unauthorized).
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Denied {
    database: String,
    command: String,
    /// The collection of the command, if the message names it.
    collection: Option<String>,
}

impl Denied {
    /// Reads `not authorized on shop to execute command { collMod: "users", … }`. The rest of the
    /// command, which holds documents, is not kept.
    pub(crate) fn read(message: &str) -> Option<Self> {
        let rest = message.split_once("not authorized on ")?.1;
        let (database, rest) = rest.split_once(" to execute command { ")?;
        let (command, rest) = rest.split_once(": ")?;
        let collection = rest.strip_prefix('"').and_then(|name| name.split('"').next());
        Some(Self {
            database: database.to_owned(),
            command: command.to_owned(),
            collection: collection.map(str::to_owned),
        })
    }
}

/// The action that a command needs, and a role that includes it.
fn needed(command: &str) -> Option<(&'static str, &'static str)> {
    Some(match command {
        "collMod" => ("collMod", "dbAdmin"),
        "create" => ("createCollection", "readWrite"),
        "createIndexes" => ("createIndex", "readWrite"),
        "drop" => ("dropCollection", "readWrite"),
        "dropIndexes" | "deleteIndexes" => ("dropIndex", "readWrite"),
        "renameCollection" => ("renameCollectionSameDB", "readWrite"),
        "insert" => ("insert", "readWrite"),
        "update" => ("update", "readWrite"),
        "findAndModify" | "findandmodify" => ("update", "readWrite"),
        "delete" => ("remove", "readWrite"),
        "find" | "aggregate" | "count" | "distinct" | "getMore" => ("find", "read"),
        "listCollections" => ("listCollections", "read"),
        "listIndexes" => ("listIndexes", "read"),
        "collStats" => ("collStats", "read"),
        "dbStats" => ("dbStats", "read"),
        "convertToCapped" => ("convertToCapped", "readWrite"),
        "compact" => ("compact", "dbAdmin"),
        "validate" => ("validate", "dbAdmin"),
        "dropDatabase" => ("dropDatabase", "dbAdmin"),
        "createUser" => ("createUser", "userAdmin"),
        "createRole" => ("createRole", "userAdmin"),
        "shardCollection" | "enableSharding" => ("enableSharding", "clusterManager"),
        _ => return None,
    })
}

impl std::fmt::Display for Denied {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { database, command, collection } = self;
        write!(f, "not authorized: the command `{command}`")?;
        if let Some(collection) = collection {
            write!(f, " on `{collection}`")?;
        }
        match needed(command) {
            Some((action, role)) => write!(
                f,
                " needs the action `{action}` in the database `{database}`, which the role \
                 `{role}` has; grant the user one of them, and try again"
            ),
            None => write!(
                f,
                " in the database `{database}` needs a right that the user lacks; grant the user \
                 a role that has it, and try again"
            ),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_cut_and_what_is_wrong_stays() {
        let cases = [
            (
                "E11000 duplicate key error collection: a.b index: u_1 dup key: { u: \"sec}ret\" }",
                "E11000 duplicate key error collection: a.b index: u_1 dup key: {…}",
            ),
            (
                "Failed to parse number 'sec'ret' in $convert with no onError value: Bad digit",
                "Failed to parse number '…' in $convert with no onError value: Bad digit",
            ),
            (
                "Conversion would overflow target type in $convert with no onError value: 123456",
                "Conversion would overflow target type in $convert with no onError value: …",
            ),
            ("Error parsing date string 'secret'; 0: Odd 's'", "Error parsing a date string"),
            (
                "Cannot create field 'b' in element {name: \"secret\"}",
                "Cannot create field 'b' in element {name: …}",
            ),
            (
                "x :: caused by :: Can't extract geo keys: { _id: 1, at: \"secret\" }  Point at: 1",
                "x :: caused by :: Can't extract geo keys: {…}",
            ),
            ("size is invalid. First element: _id: 7", "size is invalid. First element: _id: 7"),
            (
                "size is invalid. First element: a: \"secret\"",
                "size is invalid. First element: a: …",
            ),
            ("invalid type: string \"secret\", expected i32", "invalid type, expected i32"),
            (
                "{_id: 0} has the field 'name' of non-numeric type string",
                "{_id: 0} has the field 'name' of non-numeric type string",
            ),
        ];
        for (text, expected) in cases {
            assert_eq!(without_values(text), expected);
            let more = format!("{expected}; `_id` {{}}");
            assert_eq!(without_values(&more), more, "twice");
        }
    }

    #[test]
    fn the_document_is_read_from_what_the_server_reports() {
        let reply = doc! { "writeErrors": [{
            "index": 3, "code": 121, "errmsg": "Document failed validation",
            "errInfo": { "failingDocumentId": 5, "details": {
                "operatorName": "$jsonSchema", "schemaRulesNotSatisfied": [
                    { "operatorName": "properties", "propertiesNotSatisfied": [
                        { "propertyName": "age", "details": [{
                            "operatorName": "minimum", "specifiedAs": { "minimum": 0 },
                            "consideredValue": -77,
                        }] },
                    ] },
                    { "operatorName": "required", "missingProperties": ["name"] },
                ],
            } },
        }] };
        let details = Details::read(&reply);
        assert_eq!((details.index, details.fields.join(" ")), (Some(3), "age name".to_owned()));
        assert_eq!(details.ids, ["5"]);
        let told = details.suffix("Document failed validation");
        assert_eq!(told, "; the rule for `age`, `name` does not hold; `_id` 5");

        for (message, id) in [
            ("Can't extract geo keys: { _id: ObjectId('6a'), at: 1 }", "ObjectId('6a')"),
            ("must be an array but is of type string in document {_id: \"a, b\"}", "\"a, b\""),
            ("is invalid. First element: _id: 5", "5"),
        ] {
            assert_eq!(Details::read(&doc! { "errmsg": message }).ids, [id], "{message}");
        }
        let operators = doc! { "errInfo": { "details": {
            "operatorName": "$gte", "specifiedAs": { "age": { "$gte": 0 } }, "consideredValue": -1,
        } } };
        assert_eq!(Details::read(&operators).fields, ["age"]);
        let violations = doc! { "violations": [{ "ids": [1, 2] }, { "ids": [3] }] };
        assert_eq!(Details::read(&violations).ids, ["1", "2", "3"]);
    }

    #[test]
    fn a_missing_right_is_named_without_the_command() {
        let message = "not authorized on shop to execute command { insert: \"users\", documents: \
                       [ { name: \"secret\" } ] }";
        let told = Denied::read(message).unwrap().to_string();
        assert!(!told.contains("secret"), "{told}");
        for word in ["`insert`", "`users`", "`shop`", "`readWrite`"] {
            assert!(told.contains(word), "{word}: {told}");
        }
        let message = "not authorized on admin to execute command { frobnicate: 1 }";
        let told = Denied::read(message).unwrap().to_string();
        assert!(told.contains("`frobnicate` in the database `admin`"), "{told}");
        assert_eq!(Denied::read("something else"), None);
    }
}
