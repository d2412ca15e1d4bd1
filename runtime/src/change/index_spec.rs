//! Pure: an index as it is declared, and as the server stores it.

use mongodb::bson::{Bson, Document, doc};

use super::{catalog::alike, names};

/// What `createIndexes` knows of an index besides its keys and its name.
const OPTIONS: [&str; 20] = [
    "2dsphereIndexVersion",
    "background",
    "bits",
    "bucketSize",
    "clustered",
    "collation",
    "default_language",
    "expireAfterSeconds",
    "hidden",
    "language_override",
    "max",
    "min",
    "partialFilterExpression",
    "prepareUnique",
    "sparse",
    "storageEngine",
    "textIndexVersion",
    "unique",
    "weights",
    "wildcardProjection",
];

/// What the server adds, or takes and forgets.
const OF_THE_SERVER: [&str; 6] = ["v", "key", "name", "ns", "background", "2dsphereIndexVersion"];

/// An index as it is declared.
#[derive(Clone, Debug)]
pub(super) struct Spec {
    pub collection: String,
    pub keys: Document,
    pub name: Option<String>,
    pub options: Document,
    /// Of an option that could not be written down.
    pub problem: Option<String>,
}

impl Spec {
    pub(super) fn new(collection: String, keys: Document) -> Self {
        Self { collection, keys, name: None, options: Document::new(), problem: None }
    }

    /// Its name: that of its keys, as `email_1_at_-1`, unless it has one of its own.
    pub(super) fn name(&self) -> String {
        self.name.clone().unwrap_or_else(|| {
            let parts: Vec<String> = self
                .keys
                .iter()
                .map(|(field, kind)| match kind {
                    Bson::String(kind) => format!("{field}_{kind}"),
                    Bson::Double(number) if number.fract() == 0.0 => format!("{field}_{number:.0}"),
                    number => format!("{field}_{number}"),
                })
                .collect();
            parts.join("_")
        })
    }

    /// As `createIndexes` takes it.
    pub(super) fn document(&self) -> Document {
        let mut document = doc! { "key": self.keys.clone(), "name": self.name() };
        document.extend(self.options.clone());
        document
    }

    pub(super) fn text(&self) -> String {
        let Self { collection, keys, options, .. } = self;
        let mut text = format!("index `{}` on `{collection}` {keys}", self.name());
        if !options.is_empty() {
            text += &format!(" {options}");
        }
        text
    }

    pub(super) fn problems(&self) -> Vec<String> {
        let mut problems: Vec<String> = names::collection(&self.collection).into_iter().collect();
        problems.extend(self.problem.clone());
        if self.keys.is_empty() {
            problems.push("an index needs keys, as `doc! { \"email\": 1 }`".to_owned());
        } else {
            problems.extend(names::index(&self.name()));
        }
        for (field, kind) in &self.keys {
            let is_wildcard = field == "$**" || field.ends_with(".$**");
            if field.is_empty() || field.contains('\0') || (field.contains('$') && !is_wildcard) {
                problems.push(format!("`{}` is no field to index", field.escape_debug()));
            }
            let known = match kind {
                Bson::Int32(number) => *number != 0,
                Bson::Int64(number) => *number != 0,
                Bson::Double(number) => number.is_finite() && number.abs() > 0.0,
                Bson::String(kind) => {
                    matches!(kind.as_str(), "text" | "2d" | "2dsphere" | "hashed" | "columnstore")
                }
                _ => false,
            };
            if !known {
                problems.push(format!(
                    "`{field}: {kind}` is no key of an index: 1, -1, \"text\", \"2dsphere\", \
                     \"2d\" or \"hashed\""
                ));
            }
        }
        if self.keys.len() == 1 && self.keys.contains_key("_id") {
            problems.push("every collection has an index on `_id`".to_owned());
        }
        for key in self.options.keys().filter(|key| !OPTIONS.contains(&key.as_str())) {
            problems.push(format!("`{key}` is no option of an index"));
        }
        let is_text = self.keys.values().any(|kind| kind.as_str() == Some("text"));
        for key in ["weights", "default_language", "language_override", "textIndexVersion"] {
            if self.options.contains_key(key) && !is_text {
                problems.push(format!("`{key}` is for a text index"));
            }
        }
        let is_wildcard = self.keys.keys().any(|field| field.ends_with("$**"));
        if self.options.contains_key("wildcardProjection") && !is_wildcard {
            problems.push("`wildcardProjection` is for a wildcard index".to_owned());
        }
        problems
    }

    /// Whether the server's index has these keys.
    pub(super) fn has_keys(&self, stored: &Document) -> bool {
        let keys = Bson::Document(self.stored_keys());
        if !alike(stored.get("key"), Some(&keys)) {
            return false;
        }
        // The fields of a text index are in its weights.
        let mine = self.weights();
        match stored.get_document("weights") {
            Ok(theirs) => {
                theirs.len() == mine.len() && mine.keys().all(|field| theirs.contains_key(field))
            }
            Err(_) => mine.is_empty(),
        }
    }

    /// What the server's index has otherwise than this one.
    pub(super) fn differences(&self, stored: &Document) -> Vec<String> {
        let mut differences = Vec::new();
        if !self.has_keys(stored) {
            differences.push("key".to_owned());
        }
        let mine = self.stored_options();
        let mut names: Vec<&String> = mine.keys().collect();
        names.extend(stored.keys().filter(|key| !mine.contains_key(key.as_str())));
        for name in names {
            let is_version = name == "textIndexVersion" && !self.options.contains_key(name);
            if OF_THE_SERVER.contains(&name.as_str()) || is_version {
                continue;
            }
            let same = match (name.as_str(), stored.get(name), mine.get(name)) {
                // The server fills in what is not said.
                ("collation", Some(Bson::Document(found)), Some(Bson::Document(wanted))) => {
                    wanted.iter().all(|(key, wanted)| alike(found.get(key), Some(wanted)))
                }
                ("weights", Some(Bson::Document(found)), Some(Bson::Document(wanted))) => {
                    found.len() == wanted.len()
                        && wanted.iter().all(|(key, wanted)| alike(found.get(key), Some(wanted)))
                }
                // Some servers make booleans of it, and say that `_id` is not in it.
                ("wildcardProjection", found, wanted) => covered(found) == covered(wanted),
                (_, found, wanted) => alike(found, wanted),
            };
            if !same {
                differences.push(name.clone());
            }
        }
        differences
    }

    fn weights(&self) -> Document {
        let text = self.keys.iter().filter(|(_, kind)| kind.as_str() == Some("text"));
        let mut weights: Document =
            text.map(|(field, _)| (field.clone(), Bson::Int32(1))).collect();
        if !weights.is_empty()
            && let Ok(given) = self.options.get_document("weights")
        {
            weights.extend(given.clone());
        }
        weights
    }

    /// The keys as the server stores them: those of a text index become two of its own.
    fn stored_keys(&self) -> Document {
        let mut keys = Document::new();
        for (field, kind) in &self.keys {
            if kind.as_str() == Some("text") {
                keys.insert("_fts", "text");
                keys.insert("_ftsx", 1);
            } else {
                keys.insert(field, kind.clone());
            }
        }
        keys
    }

    fn stored_options(&self) -> Document {
        let mut options = self.options.clone();
        let weights = self.weights();
        if !weights.is_empty() {
            options.insert("weights", weights);
            for (key, value) in [("default_language", "english"), ("language_override", "language")]
            {
                if !options.contains_key(key) {
                    options.insert(key, value);
                }
            }
        }
        options
    }
}

/// The fields that a wildcard index covers, or leaves out.
fn covered(projection: Option<&Bson>) -> Vec<(String, bool)> {
    fn flat(document: &Document, prefix: &str, found: &mut Vec<(String, bool)>) {
        for (field, value) in document {
            let path = format!("{prefix}{field}");
            let number = match value {
                Bson::Document(inner) => {
                    flat(inner, &format!("{path}."), found);
                    continue;
                }
                Bson::Boolean(covered) => i64::from(*covered),
                _ => crate::command::number(document, field).unwrap_or(1),
            };
            if path != "_id" || number != 0 {
                found.push((path, number != 0));
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

    fn spec(keys: Document, options: Document) -> Spec {
        Spec { options, ..Spec::new("users".to_owned(), keys) }
    }

    #[test]
    fn names_are_the_servers() {
        let name = |keys| spec(keys, doc! {}).name();
        assert_eq!(name(doc! { "a": 1, "b.c": -1_i64, "d": 1.0 }), "a_1_b.c_-1_d_1");
        assert_eq!(name(doc! { "$**": 1, "t": "text" }), "$**_1_t_text");
    }

    #[test]
    fn what_the_server_makes_of_an_index_is_the_same_index() {
        let plain = spec(doc! { "a": 1 }, doc! { "unique": true, "sparse": false });
        let stored = doc! { "v": 2, "key": { "a": 1_i64 }, "name": "a_1", "unique": true };
        assert_eq!(plain.differences(&stored), Vec::<String>::new());
        let text = spec(doc! { "u": 1, "t": "text", "s": "text" }, doc! { "weights": { "s": 5 } });
        let stored = doc! {
            "v": 2, "key": { "u": 1, "_fts": "text", "_ftsx": 1 }, "name": "x",
            "weights": { "s": 5, "t": 1 }, "default_language": "english",
            "language_override": "language", "textIndexVersion": 3,
        };
        assert_eq!(text.differences(&stored), Vec::<String>::new());
        let collated = spec(doc! { "a": 1 }, doc! { "collation": { "locale": "de" } });
        let stored = doc! {
            "key": { "a": 1 }, "collation": { "locale": "de", "strength": 3, "version": "57.1" },
        };
        assert_eq!(collated.differences(&stored), Vec::<String>::new());
    }

    #[test]
    fn what_a_wildcard_index_covers_is_written_in_several_ways() {
        let mine = spec(doc! { "$**": 1 }, doc! { "wildcardProjection": { "x": 1, "a.b": 1 } });
        let key = doc! { "$**": 1 };
        let stored = doc! { "x": true, "_id": false, "a": { "b": true } };
        let same = doc! { "key": key.clone(), "wildcardProjection": stored };
        assert_eq!(mine.differences(&same), Vec::<String>::new());
        let other = doc! { "key": key, "wildcardProjection": { "x": 0, "a.b": 0 } };
        assert_eq!(mine.differences(&other), ["wildcardProjection"]);
    }

    #[test]
    fn another_index_is_another() {
        let mine = spec(doc! { "a": 1, "b": 1 }, doc! { "expireAfterSeconds": 5 });
        let stored = doc! { "key": { "b": 1, "a": 1 }, "unique": true, "expireAfterSeconds": 6.0 };
        assert_eq!(mine.differences(&stored), ["key", "expireAfterSeconds", "unique"]);
        let text = spec(doc! { "t": "text" }, doc! {});
        let stored = doc! { "key": { "_fts": "text", "_ftsx": 1 }, "weights": { "other": 1 } };
        assert!(!text.has_keys(&stored));
    }

    #[test]
    fn what_is_no_index_is_told() {
        let count = |keys, options| spec(keys, options).problems().len();
        assert_eq!(count(doc! {}, doc! {}), 1);
        assert_eq!(count(doc! { "a": 0 }, doc! {}), 1);
        assert_eq!(count(doc! { "a": "test" }, doc! {}), 1);
        assert_eq!(count(doc! { "_id": 1 }, doc! {}), 1);
        assert_eq!(count(doc! { "a": 1 }, doc! { "uniq": true, "weights": {} }), 2);
        assert_eq!(count(doc! { "a.$**": 1 }, doc! { "hidden": true }), 0);
    }
}
