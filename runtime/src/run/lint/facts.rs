//! What was read for an operation.

use mongodb::bson::Document;

/// What was read for an operation.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Facts {
    /// How many documents the collection has, about.
    pub documents: u64,
    pub duplicates: Option<Duplicates>,
    /// What names the field.
    pub named_by: Vec<NamedBy>,
    pub failing: Option<Failing>,
    /// The views that read the collection.
    pub views: Vec<String>,
    /// Set if there is no such collection; with one whose name is nearly the same, if there is one.
    pub missing: Option<Option<String>>,
    /// Earlier operations run first, and may change these facts.
    pub as_of_now: bool,
}

/// What names a field.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum NamedBy {
    /// An index as it is listed, in a collection with these options.
    Index {
        listed: Document,
        of: Document,
    },
    Validator,
}

impl NamedBy {
    pub(crate) fn index_name(&self) -> Option<&str> {
        match self {
            Self::Index { listed, .. } => listed.get_str("name").ok(),
            Self::Validator => None,
        }
    }

    pub(crate) fn text(&self) -> String {
        match self {
            Self::Index { .. } => format!("the index {}", self.index_name().unwrap_or("?")),
            Self::Validator => "the validator".to_owned(),
        }
    }
}

/// Keys that several documents have.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Duplicates {
    /// How many such keys, at least.
    pub keys: usize,
    /// Whether there are more such keys.
    pub more: bool,
    /// In how many documents the commonest of them are, and the key if it may be shown.
    pub commonest: Vec<(u64, Option<String>)>,
    /// The collation by which they are the same, if it is not the simple one.
    pub collation: Option<Document>,
}

/// Documents that fail a validator.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Failing {
    pub documents: usize,
    pub more: bool,
    /// The `_id`s of a few.
    pub ids: Vec<String>,
}
