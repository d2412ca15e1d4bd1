//! The indexes that a model wants.

use std::collections::BTreeMap;

use super::json::Json;

/// The options of an index that are on or off: the words for them in `index(…)`, and what `createIndexes`
/// calls them.
pub const INDEX_FLAGS: [(&str, &str); 4] = [
    ("unique", "unique"),
    ("sparse", "sparse"),
    ("hidden", "hidden"),
    ("prepare_unique", "prepareUnique"),
];

/// The options of an index that have a value, besides its keys and its name.
pub const INDEX_VALUES: [(&str, &str); 13] = [
    ("expire_after_seconds", "expireAfterSeconds"),
    ("partial_filter", "partialFilterExpression"),
    ("collation", "collation"),
    ("weights", "weights"),
    ("default_language", "default_language"),
    ("language_override", "language_override"),
    ("wildcard_projection", "wildcardProjection"),
    ("text_index_version", "textIndexVersion"),
    ("sphere_index_version", "2dsphereIndexVersion"),
    ("storage_engine", "storageEngine"),
    ("bits", "bits"),
    ("min", "min"),
    ("max", "max"),
];

/// Returns the options of an index, flags first: the word in `index(…)`, and the server's name.
pub fn index_options() -> impl Iterator<Item = (&'static str, &'static str)> {
    INDEX_FLAGS.into_iter().chain(INDEX_VALUES)
}

/// An index.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Index {
    /// The name.
    pub name: String,
    /// The paths with their direction or kind: `1`, `-1`, `"text"`, `"2dsphere"`, `"hashed"`, `"2d"`.
    pub keys: Vec<(String, Json)>,
    /// All other options by the names that `createIndexes` has for them.
    pub options: BTreeMap<String, Json>,
}

impl Index {
    /// An index without options. Its name is the one that the server makes, as `email_1`.
    pub fn new(keys: Vec<(String, Json)>) -> Self {
        Self { name: default_name(&keys), keys, options: BTreeMap::new() }
    }

    /// Whether no two documents may have the same values of the keys.
    pub fn is_unique(&self) -> bool {
        self.options.get("unique") == Some(&Json::Bool(true))
    }

    /// Returns the index as `createIndexes` takes it.
    pub fn json(&self) -> Json {
        let mut fields = vec![
            ("key".to_owned(), Json::Object(self.keys.clone())),
            ("name".to_owned(), Json::text(&self.name)),
        ];
        fields.extend(self.options.iter().map(|(name, value)| (name.clone(), value.clone())));
        Json::Object(fields)
    }

    /// Returns a line's text: all but the name.
    pub(super) fn line(&self) -> String {
        let mut fields = vec![("key".to_owned(), Json::Object(self.keys.clone()))];
        fields.extend(self.options.iter().map(|(name, value)| (name.clone(), value.clone())));
        Json::Object(fields).to_string()
    }

    /// Reads a line's text.
    pub(super) fn read(name: String, line: &str) -> Option<Self> {
        let Some(Json::Object(fields)) = Json::parse(line) else { return None };
        let mut fields = fields.into_iter();
        let Some((key, Json::Object(keys))) = fields.next() else { return None };
        let options: BTreeMap<String, Json> = fields.collect();
        let is_sound = key == "key" && !keys.is_empty() && !options.contains_key("key");
        is_sound.then_some(Self { name, keys, options })
    }
}

/// Returns the name that the server makes of the keys, as `plan_1_created_at_-1`.
pub fn default_name(keys: &[(String, Json)]) -> String {
    let parts: Vec<String> = keys
        .iter()
        .map(|(path, kind)| match kind {
            Json::String(kind) => format!("{path}_{kind}"),
            other => format!("{path}_{other}"),
        })
        .collect();
    parts.join("_")
}
