//! The operations of a migration, as the lints see them.

use mongodb::bson::{Bson, Document};

use super::snippet;
use crate::model::version::Version;

/// Returns the field paths that the pipeline of an update removes.
pub(crate) fn unset(pipeline: &[Document]) -> Vec<String> {
    let mut found = Vec::new();
    for (operator, value) in pipeline.iter().flatten() {
        match (operator.as_str(), value) {
            ("$unset", Bson::String(path)) => found.push(path.clone()),
            ("$unset", Bson::Array(paths)) => {
                found.extend(paths.iter().filter_map(Bson::as_str).map(str::to_owned));
            }
            ("$set" | "$addFields", Bson::Document(fields)) => {
                let removed = fields.iter().filter(|(_, value)| value.as_str() == Some("$$REMOVE"));
                found.extend(removed.map(|(path, _)| path.clone()));
            }
            ("$project", Bson::Document(fields)) => {
                let is_out = |value: &Bson| {
                    matches!(value, Bson::Boolean(false) | Bson::Int32(0) | Bson::Int64(0))
                };
                let out = fields.iter().filter(|(path, value)| is_out(value) && *path != "_id");
                found.extend(out.map(|(path, _)| path.clone()));
            }
            _ => {}
        }
    }
    found
}

/// A migration, as the lints see it.
#[derive(Clone, Debug)]
pub(crate) struct Subject {
    pub version: Version,
    pub migration: &'static str,
    /// The lints that its attribute acknowledges.
    pub allowed: Vec<&'static str>,
    pub operations: Vec<Operation>,
}

/// An operation of a migration.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Operation {
    /// Writes documents in one transaction: what a dry run saw, or the collection of which the body
    /// writes many documents.
    Write { collection: Option<String>, seen: Option<Seen> },
    /// Creates a collection, or a view.
    CreateCollection { name: String, options: Document },
    /// Drops a collection. `is_required`: the operation is refused if there is no such collection.
    DropCollection { name: String, is_required: bool },
    /// Renames a collection.
    RenameCollection { from: String, to: String },
    /// Builds an index.
    CreateIndex(Index),
    /// Makes an index unique where it is.
    MakeUnique { collection: String, index: String },
    /// Creates, changes or drops a search index, with this action.
    Search { collection: String, action: &'static str },
    /// Drops an index. `is_required`: the operation is refused if there is no such index.
    DropIndex { collection: String, name: String, keys: Document, is_required: bool },
    /// Changes a field, by its path.
    Field { collection: String, field: String, change: FieldChange },
    /// Sets a validator. `strict`: updates of documents that fail the validator already are
    /// refused, too. `chain`: the calls that set the level and the action, as code.
    SetValidator { collection: String, validator: Document, strict: bool, chain: String },
    /// Sets options of a collection or a view.
    Modify { collection: String, options: Document },
    /// Rewrites documents in another way than by changing one field.
    Rewrite { collection: String },
    /// Passes something on to the server that is not known here: an option with its value, or a kind of
    /// key (no value).
    PassedOn {
        collection: String,
        name: String,
        value: Option<Bson>,
        known: &'static [&'static str],
    },
    /// Runs a function, which may do anything.
    Unknown,
}

impl Operation {
    /// The collection that the operation needs, and whether the operation is refused without it.
    pub(crate) fn needs(&self) -> Option<(&str, bool)> {
        Some(match self {
            Self::DropCollection { name, is_required: true } => (name, true),
            Self::RenameCollection { from, .. } => (from, true),
            Self::DropIndex { collection, is_required: true, .. }
            | Self::SetValidator { collection, .. }
            | Self::MakeUnique { collection, .. }
            | Self::Modify { collection, .. } => (collection, true),
            Self::Field { collection, .. } | Self::Rewrite { collection } => (collection, false),
            Self::Search { collection, .. } => (collection, true),
            Self::CreateIndex(index) => (&index.collection, false),
            Self::DropCollection { is_required: false, .. }
            | Self::DropIndex { is_required: false, .. }
            | Self::Write { .. }
            | Self::CreateCollection { .. }
            | Self::PassedOn { .. }
            | Self::Unknown => return None,
        })
    }
}

/// The change of a field.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum FieldChange {
    Remove,
    /// A stage of an update removes the field.
    Unset,
    Rename {
        to: String,
    },
    /// Moves the field into another subdocument.
    Move {
        to: String,
    },
    Convert {
        from: &'static str,
        to: &'static str,
    },
}

impl FieldChange {
    /// The field's new path, if the change gives it another path.
    pub(crate) fn target(&self) -> Option<&str> {
        match self {
            Self::Rename { to } | Self::Move { to } => Some(to),
            Self::Remove | Self::Unset | Self::Convert { .. } => None,
        }
    }

    /// The call that declares the change.
    pub(crate) fn code(&self, collection: &str, field: &str) -> String {
        match self {
            Self::Remove => format!("change.remove_field({collection:?}, {field:?});"),
            Self::Unset => format!(
                "change.update({collection:?}, vec![doc! {{ \"$unset\": {field:?} }}], backward);"
            ),
            Self::Rename { to } => {
                format!("change.rename_field({collection:?}, {field:?}, {to:?});")
            }
            Self::Move { to } => format!("change.move_field({collection:?}, {field:?}, {to:?});"),
            Self::Convert { from, to } => {
                let name = |kind: &str| {
                    let mut letters = kind.chars();
                    let first = letters.next().map(|letter| letter.to_ascii_uppercase());
                    format!("FieldType::{}{}", first.unwrap_or_default(), letters.as_str())
                };
                let (from, to) = (name(from), name(to));
                format!("change.change_type({collection:?}, {field:?}, {from}, {to});")
            }
        }
    }
}

/// What a transaction did in a dry run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Seen {
    pub documents: u64,
    pub duration_ms: u64,
}

/// An index that is to be built.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Index {
    pub collection: String,
    pub keys: Document,
    pub options: Document,
    /// The name that the declaration gives; `None` if the name is made of the keys.
    pub given_name: Option<String>,
    /// The name of the index.
    pub name: String,
    pub if_not_exists: bool,
}

impl Index {
    /// The index that is listed like this, as if it were to be created.
    pub(crate) fn of(collection: &str, listed: &Document) -> Self {
        let mut options = listed.clone();
        let keys = options.remove("key").and_then(|keys| keys.as_document().cloned());
        options.remove("v");
        let name = options.remove("name").and_then(|name| name.as_str().map(str::to_owned));
        let name = name.unwrap_or_default();
        Self {
            collection: collection.to_owned(),
            keys: keys.unwrap_or_default(),
            options,
            given_name: Some(name.clone()),
            name,
            if_not_exists: false,
        }
    }

    pub(crate) fn is(&self, option: &str) -> bool {
        crate::mongo::options::is_true(self.options.get(option))
    }

    pub(crate) fn inner(&self, option: &str) -> Option<&Document> {
        self.options.get_document(option).ok()
    }

    /// The call that declares the index, with all of its options.
    pub(crate) fn code(&self) -> String {
        format!("{};", self.code_with(self.if_not_exists))
    }

    pub(crate) fn code_with(&self, if_not_exists: bool) -> String {
        format!(
            "change.create_index({:?}, {}){}{}",
            self.collection,
            snippet::as_doc(&self.keys),
            snippet::chain(&self.options, self.given_name.as_deref()),
            if if_not_exists { ".if_not_exists()" } else { "" }
        )
    }

    /// The index as the server would list it.
    pub(crate) fn listed(&self) -> Document {
        let mut listed = self.options.clone();
        listed.insert("key", self.keys.clone());
        listed.insert("name", self.name.as_str());
        listed
    }
}

#[cfg(test)]
mod tests {
    use mongodb::bson::doc;

    use super::*;

    #[test]
    fn the_fields_that_a_pipeline_removes_are_found() {
        let pipeline = [
            doc! { "$unset": ["a", "b.c"] },
            doc! { "$set": { "x": 1, "d": "$$REMOVE" } },
            doc! { "$unset": "e" },
            doc! { "$project": { "f": 0, "_id": 0 } },
        ];
        assert_eq!(unset(&pipeline), ["a", "b.c", "d", "e", "f"]);
    }
}
