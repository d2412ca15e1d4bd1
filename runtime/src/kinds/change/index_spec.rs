//! Pure: an index as it is declared, and as the server stores it.

use mongodb::bson::{Bson, Document, doc};

use super::names;
use crate::mongo::options::{alike, same_collation, same_index_option};

/// The kinds of keys that are not a direction, as far as they are known. Others are passed on, with a
/// lint.
pub(super) const KINDS: [&str; 5] = ["text", "2d", "2dsphere", "hashed", "columnstore"];

/// The options of `createIndexes` besides the keys and the name, as far as they are known. Others are
/// passed on, with a lint.
pub(super) const OPTIONS: [&str; 20] = [
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

/// Fields that the server adds, or that are compared elsewhere.
const OF_THE_SERVER: [&str; 6] = ["v", "key", "name", "ns", "background", "collation"];

/// Options that the server chooses unless they are declared.
const VERSIONS: [&str; 2] = ["textIndexVersion", "2dsphereIndexVersion"];

/// An index as it is declared.
#[derive(Clone, Debug)]
pub(crate) struct Spec {
    pub collection: String,
    pub keys: Document,
    pub name: Option<String>,
    pub options: Document,
    /// The mistake in an option that could not be recorded.
    pub problem: Option<String>,
}

impl Spec {
    pub(crate) fn new(collection: String, keys: Document) -> Self {
        Self { collection, keys, name: None, options: Document::new(), problem: None }
    }

    /// The declared name, or else a name made of the keys, as `email_1_at_-1`.
    pub(crate) fn name(&self) -> String {
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

    /// The index as `createIndexes` takes it.
    pub(crate) fn document(&self) -> Document {
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
                problems.push(format!("`{}` is not a field to index", field.escape_debug()));
            }
            let known = match kind {
                Bson::Int32(number) => *number != 0,
                Bson::Int64(number) => *number != 0,
                Bson::Double(number) => number.is_finite() && number.abs() > 0.0,
                Bson::String(kind) => !kind.is_empty(),
                _ => false,
            };
            if !known {
                problems.push(format!(
                    "`{field}: {kind}` is not a key of an index; a key is 1, -1, \"text\", \
                     \"2dsphere\", \"2d\" or \"hashed\""
                ));
            }
        }
        if self.keys.len() == 1 && self.keys.contains_key("_id") {
            problems.push("every collection has an index on `_id` already".to_owned());
        }
        problems.extend(self.options.keys().filter_map(|key| names::option(key)));
        for (key, way_out) in [("key", "declare the keys"), ("name", "use `.name(…)`")] {
            if self.options.contains_key(key) {
                problems.push(format!("`{key}` is no option of an index: {way_out}"));
            }
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

    /// The collation of the index in a collection with these options: an index without a collation
    /// inherits that of the collection.
    fn collation<'a>(&'a self, of_collection: &'a Document) -> Option<&'a Document> {
        let own = self.options.get_document("collation").ok();
        own.or_else(|| of_collection.get_document("collation").ok())
    }

    /// Whether the index knows only the simple collation, and would inherit another collation.
    pub(super) fn needs_simple(&self, of_collection: &Document) -> bool {
        let is_bytewise = |kind: &Bson| matches!(kind.as_str(), Some("text" | "2d"));
        self.keys.values().any(is_bytewise) && !same_collation(None, self.collation(of_collection))
    }

    /// The names of the options in which the server's index differs from this index, in a
    /// collection with these options.
    pub(crate) fn differences(&self, stored: &Document, of_collection: &Document) -> Vec<String> {
        let mut differences = Vec::new();
        if !self.has_keys(stored) {
            differences.push("key".to_owned());
        }
        let mine = self.stored_options();
        let mut names: Vec<&String> = mine.keys().collect();
        names.extend(stored.keys().filter(|key| !mine.contains_key(key.as_str())));
        for name in names {
            let is_version = VERSIONS.contains(&name.as_str()) && !self.options.contains_key(name);
            if OF_THE_SERVER.contains(&name.as_str()) || is_version {
                continue;
            }
            let same = same_index_option(name, stored.get(name), mine.get(name));
            if !same {
                differences.push(name.clone());
            }
        }
        // An index that is listed without a collation has the simple collation, and inherits none.
        let found = stored.get_document("collation").ok();
        if !same_collation(found, self.collation(of_collection)) {
            differences.push("collation".to_owned());
        }
        differences
    }

    /// Whether the server takes this index for an index that it has under another name: the server
    /// tells indexes apart by keys, collation and filter.
    pub(crate) fn is_rival(&self, stored: &Document, of_collection: &Document) -> bool {
        let filter = "partialFilterExpression";
        self.has_keys(stored)
            && same_collation(stored.get_document("collation").ok(), self.collation(of_collection))
            && same_index_option(filter, stored.get(filter), self.options.get(filter))
    }

    /// Finds this index among the server's indexes: by the declared name, or else by the keys.
    /// Several indexes may have the same keys, with other collations or filters.
    pub(super) fn among<'a>(
        &self,
        all: &'a [Document],
        of_collection: &Document,
    ) -> Option<&'a Document> {
        let named = |name: &str| {
            all.iter().find(|index| index.get_str("name").is_ok_and(|found| found == name))
        };
        if let Some(name) = &self.name {
            return named(name);
        }
        let mut same = all.iter().filter(|index| self.has_keys(index));
        let exact = same.clone().find(|index| self.differences(index, of_collection).is_empty());
        let default = || named(&self.name()).filter(|index| self.has_keys(index));
        exact.or_else(default).or_else(|| same.next())
    }

    fn weights(&self) -> Document {
        let is_field = |field: &str| field != "_fts";
        let text = self
            .keys
            .iter()
            .filter(|(field, kind)| kind.as_str() == Some("text") && is_field(field));
        let mut weights: Document =
            text.map(|(field, _)| (field.clone(), Bson::Int32(1))).collect();
        if self.keys.values().any(|kind| kind.as_str() == Some("text"))
            && let Ok(given) = self.options.get_document("weights")
        {
            weights.extend(given.clone());
        }
        weights
    }

    /// The keys as the server stores them: it replaces the keys of a text index with two of its
    /// own.
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
        assert_eq!(plain.differences(&stored, &doc! {}), Vec::<String>::new());
        let text = spec(doc! { "u": 1, "t": "text", "s": "text" }, doc! { "weights": { "s": 5 } });
        let stored = doc! {
            "v": 2, "key": { "u": 1, "_fts": "text", "_ftsx": 1 }, "name": "x",
            "weights": { "s": 5, "t": 1 }, "default_language": "english",
            "language_override": "language", "textIndexVersion": 3,
        };
        assert_eq!(text.differences(&stored, &doc! {}), Vec::<String>::new());
        let collated = spec(doc! { "a": 1 }, doc! { "collation": { "locale": "de" } });
        let stored = doc! {
            "key": { "a": 1 }, "collation": { "locale": "de", "strength": 3, "version": "57.1" },
        };
        assert_eq!(collated.differences(&stored, &doc! {}), Vec::<String>::new());
    }

    #[test]
    fn what_a_wildcard_index_covers_is_written_in_several_ways() {
        let mine = spec(doc! { "$**": 1 }, doc! { "wildcardProjection": { "x": 1, "a.b": 1 } });
        let key = doc! { "$**": 1 };
        let stored = doc! { "x": true, "_id": false, "a": { "b": true } };
        let same = doc! { "key": key.clone(), "wildcardProjection": stored };
        assert_eq!(mine.differences(&same, &doc! {}), Vec::<String>::new());
        let other = doc! { "key": key, "wildcardProjection": { "x": 0, "a.b": 0 } };
        assert_eq!(mine.differences(&other, &doc! {}), ["wildcardProjection"]);
    }

    #[test]
    fn another_index_is_another() {
        let mine = spec(doc! { "a": 1, "b": 1 }, doc! { "expireAfterSeconds": 5 });
        let stored = doc! { "key": { "b": 1, "a": 1 }, "unique": true, "expireAfterSeconds": 6.0 };
        assert_eq!(mine.differences(&stored, &doc! {}), ["key", "expireAfterSeconds", "unique"]);
        let text = spec(doc! { "t": "text" }, doc! {});
        let stored = doc! { "key": { "_fts": "text", "_ftsx": 1 }, "weights": { "other": 1 } };
        assert!(!text.has_keys(&stored));
    }

    #[test]
    fn a_collation_is_inherited_unless_it_is_given() {
        let full = doc! {
            "locale": "de", "caseLevel": false, "caseFirst": "off", "strength": 2,
            "numericOrdering": false, "alternate": "non-ignorable", "maxVariable": "punct",
            "normalization": false, "backwards": false, "version": "57.1",
        };
        let key = || doc! { "key": { "a": 1 } };
        let collated = || doc! { "key": { "a": 1 }, "collation": full.clone() };
        let german = doc! { "collation": full.clone() };
        let simple = doc! { "collation": { "locale": "simple" } };
        let short = doc! { "collation": { "locale": "de", "strength": 2 } };
        let plain = doc! {};
        for (declared, stored, of, same) in [
            (&plain, collated(), &german, true),
            (&plain, key(), &german, false),
            (&plain, key(), &plain, true),
            (&plain, collated(), &plain, false),
            (&simple, key(), &german, true),
            (&simple, key(), &plain, true),
            (&simple, collated(), &german, false),
            (&short, collated(), &plain, true),
            (&short, key(), &german, false),
        ] {
            let differences = spec(doc! { "a": 1 }, declared.clone()).differences(&stored, of);
            let expected: &[&str] = if same { &[] } else { &["collation"] };
            assert_eq!(differences, expected, "{declared} as {stored} in {of}");
        }
        assert!(spec(doc! { "t": "text" }, plain.clone()).needs_simple(&german));
        assert!(!spec(doc! { "t": "text" }, simple).needs_simple(&german));
        assert!(!spec(doc! { "t": 1 }, plain).needs_simple(&german));
    }

    #[test]
    fn what_is_no_index_is_told() {
        let count = |keys, options| spec(keys, options).problems().len();
        assert_eq!(count(doc! {}, doc! {}), 1);
        assert_eq!(count(doc! { "a": 0 }, doc! {}), 1);
        assert_eq!(count(doc! { "a": "" }, doc! {}), 1);
        assert_eq!(count(doc! { "a": true }, doc! {}), 1);
        assert_eq!(count(doc! { "_id": 1 }, doc! {}), 1);
        assert_eq!(count(doc! { "a": 1 }, doc! { "$uniq": true, "weights": {} }), 2);
        assert_eq!(count(doc! { "a": 1 }, doc! { "key": {}, "name": "x", "lsid": 1 }), 3);
        // What is not known is passed on.
        assert_eq!(count(doc! { "a": "vector" }, doc! { "newInServer9": true }), 0);
        assert_eq!(count(doc! { "a.$**": 1 }, doc! { "hidden": true }), 0);
    }
}
