//! Pure: the names that collections, paths of fields and indexes may have.

/// The most fields of a path.
const DEPTH_MAX: usize = 16;

/// The longest name of a collection, in bytes; the server counts the database's name too.
const COLLECTION_BYTES_MAX: usize = 200;

/// Says what is wrong with the name of a collection.
pub(super) fn collection(name: &str) -> Option<String> {
    let problem = if name.is_empty() {
        "has no name"
    } else if name.contains('$') || name.contains('\0') {
        "may not hold `$` or a zero byte"
    } else if name.starts_with("system.") {
        "belongs to the server"
    } else if name.starts_with('.') || name.ends_with('.') || name.contains("..") {
        "begins or ends with a dot, or has two in a row"
    } else if name.len() > COLLECTION_BYTES_MAX {
        "is too long: 200 bytes at most"
    } else {
        return None;
    };
    Some(format!("the collection `{}` {problem}", name.escape_debug()))
}

/// Arguments that every command takes, or that Mongrate sets: they are no options of what is created.
const ARGUMENTS: [&str; 12] = [
    "$db",
    "apiVersion",
    "autocommit",
    "comment",
    "create",
    "collMod",
    "lsid",
    "maxTimeMS",
    "readConcern",
    "startTransaction",
    "txnNumber",
    "writeConcern",
];

/// Says what is wrong with the name of an option that is not known: it is passed to the server as it is,
/// unless it would be something else there.
pub(super) fn option(name: &str) -> Option<String> {
    let problem = if name.is_empty() {
        "has no name"
    } else if name.contains('\0') || name.starts_with('$') {
        "may not begin with `$` or hold a zero byte"
    } else if ARGUMENTS.contains(&name) {
        "is an argument of the command, and no option"
    } else {
        return None;
    };
    Some(format!("the option `{}` {problem}", name.escape_debug()))
}

/// A path in documents: the names of fields, with dots between them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Path {
    text: String,
    fields: Vec<String>,
}

impl Path {
    pub(super) fn new(text: impl Into<String>) -> Self {
        let text = text.into();
        let fields = text.split('.').map(str::to_owned).collect();
        Self { text, fields }
    }

    pub(super) fn text(&self) -> &str {
        &self.text
    }

    pub(super) fn fields(&self) -> &[String] {
        &self.fields
    }

    /// The last field.
    pub(super) fn last(&self) -> &str {
        self.fields.last().map_or("", String::as_str)
    }

    /// The path without its last field.
    pub(super) fn parent(&self) -> &[String] {
        self.fields.split_last().map_or(&[], |(_, parent)| parent)
    }

    /// Whether the other path is the same path, or lies within this path.
    pub(super) fn holds(&self, other: &Self) -> bool {
        other.fields.starts_with(&self.fields)
    }

    /// Says what is wrong with the path.
    pub(super) fn problem(&self) -> Option<String> {
        let field = |test: fn(&String) -> bool| self.fields.iter().any(test);
        let problem = if field(String::is_empty) {
            "has a field without a name"
        } else if field(|field| field.starts_with('$')) || self.text.contains('\0') {
            "may not hold `$` at the beginning of a name, or a zero byte"
        } else if self.fields.first().is_some_and(|first| first == "_id") {
            "is in `_id`, which never changes"
        } else if field(|field| field.bytes().all(|byte| byte.is_ascii_digit())) {
            "names a position: a path goes through each document of an array, and leaves the \
             position out"
        } else if self.fields.len() > DEPTH_MAX {
            "is too long: 16 fields at most"
        } else {
            return None;
        };
        Some(format!("the path `{}` {problem}", self.text.escape_debug()))
    }
}

/// Says what is wrong with the name of an index.
pub(super) fn index(name: &str) -> Option<String> {
    let problem = if name.is_empty() {
        "has no name"
    } else if name.contains('\0') || name == "*" {
        "is not allowed"
    } else if name == "_id_" {
        "is the name of the index on `_id`"
    } else {
        return None;
    };
    Some(format!("the index `{}` {problem}", name.escape_debug()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_no_path_is_told() {
        for text in ["", ".", "a.", ".a", "a..b", "$a", "a.$b", "_id", "_id.x", "a.0.b", "a\0b"] {
            assert!(Path::new(text).problem().is_some(), "{text:?}");
        }
        for text in ["a", "a.b", "a_id", "a.b-c d", "größe", "a1", "a$b"] {
            assert_eq!(Path::new(text).problem(), None, "{text:?}");
        }
        assert!(Path::new("a.b").holds(&Path::new("a.b.c")));
        assert!(!Path::new("a.b").holds(&Path::new("a.bc")));
    }

    #[test]
    fn what_is_no_collection_is_told() {
        for name in ["", "a$b", "system.users", ".a", "a.", "a..b", "a\0"] {
            assert!(collection(name).is_some(), "{name:?}");
        }
        assert_eq!(collection("a.b"), None);
    }
}
