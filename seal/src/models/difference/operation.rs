//! Declared operations, as data.

use super::{
    super::{
        collection::{Collection, CollectionKind, Validation},
        index::Index,
        json::Json,
        shape::Shape,
    },
    place::Step,
    update::Fill,
};

/// An operation of a declared migration.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Operation {
    /// Gives a collection another name.
    RenameCollection {
        /// The name before.
        from: String,
        /// The new name.
        to: String,
    },
    /// Creates a collection with its validator.
    CreateCollection {
        /// The name.
        name: String,
        /// The validator, with its level and action.
        validator: Option<(Json, Validation)>,
        /// The options of a time series.
        time_series: Option<Json>,
    },
    /// Drops a collection. Mongrate keeps it aside until `purge`.
    DropCollection {
        /// The name.
        name: String,
    },
    /// Drops an index.
    DropIndex {
        /// The collection.
        collection: String,
        /// The index as it is.
        index: Index,
    },
    /// Removes the validator, so that no document is judged while fields change.
    UnsetValidator {
        /// The collection.
        collection: String,
    },
    /// Gives a field another name in the same document.
    RenameField {
        /// The collection.
        collection: String,
        /// The path before.
        from: String,
        /// The new path.
        to: String,
    },
    /// Moves a field into another document.
    MoveField {
        /// The collection.
        collection: String,
        /// The path before.
        from: String,
        /// The new path.
        to: String,
    },
    /// Converts the values of a field.
    ChangeType {
        /// The collection.
        collection: String,
        /// The path.
        path: String,
        /// The name of the type before, as the server has it.
        from: &'static str,
        /// The name of the new type.
        to: &'static str,
        /// Whether values of other types stay. An operation after this one converts them.
        leaves_others: bool,
    },
    /// Adds a field to the documents that lack it.
    AddField {
        /// The collection.
        collection: String,
        /// The path.
        path: String,
        /// The value.
        value: Json,
        /// The shape of the field, for the type of numbers.
        shape: Shape,
    },
    /// Puts values where declared operations on fields do not reach, with an update.
    Update {
        /// The collection.
        collection: String,
        /// Where.
        steps: Vec<Step>,
        /// Which values.
        fill: Fill,
    },
    /// Removes a field. Mongrate keeps its values until `purge`.
    RemoveField {
        /// The collection.
        collection: String,
        /// The path.
        path: String,
    },
    /// Sets the validator.
    SetValidator {
        /// The collection.
        collection: String,
        /// The validator.
        validator: Json,
        /// Which documents it checks, and what becomes of those that do not fit.
        validation: Validation,
    },
    /// Builds an index.
    CreateIndex {
        /// The collection.
        collection: String,
        /// The index.
        index: Index,
    },
    /// Changes when documents expire: the only change of an index that needs no new one, besides the next.
    ExpireAfter {
        /// The collection.
        collection: String,
        /// The name of the index.
        index: String,
        /// Whole seconds.
        seconds: u32,
    },
    /// Hides an index from queries, or shows it again.
    HideIndex {
        /// The collection.
        collection: String,
        /// The name of the index.
        index: String,
        /// Whether it is hidden.
        is_hidden: bool,
    },
    /// Changes when the documents of a time series expire. `None`: never.
    ExpireSeries {
        /// The collection.
        collection: String,
        /// Whole seconds.
        seconds: Option<Json>,
    },
}

/// What a rollback of an operation restores.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Undone {
    /// All there was.
    Exactly,
    /// All there was, until `purge` removes what Mongrate keeps for it.
    UntilPurge,
    /// All there was, except what is gone because of the operation, such as expired documents.
    ButWhatExpired,
}

impl Operation {
    /// Returns the collection.
    pub fn collection(&self) -> &str {
        match self {
            Self::CreateCollection { name, .. } | Self::DropCollection { name } => name,
            Self::RenameCollection { from, .. } => from,
            Self::DropIndex { collection, .. }
            | Self::UnsetValidator { collection }
            | Self::RenameField { collection, .. }
            | Self::MoveField { collection, .. }
            | Self::ChangeType { collection, .. }
            | Self::AddField { collection, .. }
            | Self::Update { collection, .. }
            | Self::RemoveField { collection, .. }
            | Self::SetValidator { collection, .. }
            | Self::CreateIndex { collection, .. }
            | Self::ExpireAfter { collection, .. }
            | Self::HideIndex { collection, .. }
            | Self::ExpireSeries { collection, .. } => collection,
        }
    }

    /// Returns the name of the declared operation: the method of `Change`.
    pub const fn name(&self) -> &'static str {
        match self {
            Self::RenameCollection { .. } => "rename_collection",
            Self::CreateCollection { .. } => "create_collection",
            Self::DropCollection { .. } => "drop_collection",
            Self::DropIndex { .. } => "drop_index",
            Self::UnsetValidator { .. } => "unset_validator",
            Self::RenameField { .. } => "rename_field",
            Self::MoveField { .. } => "move_field",
            Self::ChangeType { .. } => "change_type",
            Self::AddField { .. } => "add_field",
            Self::Update { .. } => "update",
            Self::RemoveField { .. } => "remove_field",
            Self::SetValidator { .. } => "set_validator",
            Self::CreateIndex { .. } => "create_index",
            Self::ExpireAfter { .. } => "expire_after",
            Self::HideIndex { is_hidden: true, .. } => "hide_index",
            Self::HideIndex { is_hidden: false, .. } => "unhide_index",
            Self::ExpireSeries { .. } => "coll_mod",
        }
    }

    /// Returns the operation in words.
    pub fn text(&self) -> String {
        match self {
            Self::RenameCollection { from, to } => format!("rename collection `{from}` to `{to}`"),
            Self::CreateCollection { name, validator, time_series } => {
                let what = if time_series.is_some() { "time series" } else { "collection" };
                let with = if validator.is_some() { " with its validator" } else { "" };
                format!("create {what} `{name}`{with}")
            }
            Self::DropCollection { name } => format!("drop collection `{name}`"),
            Self::DropIndex { collection, index } => {
                format!("drop index `{}` of `{collection}`", index.name)
            }
            Self::UnsetValidator { collection } => {
                format!("remove the validator of `{collection}` while its fields change")
            }
            Self::RenameField { collection, from, to } => {
                format!("rename field `{from}` of `{collection}` to `{to}`")
            }
            Self::MoveField { collection, from, to } => {
                format!("move field `{from}` of `{collection}` to `{to}`")
            }
            Self::ChangeType { collection, path, from, to, .. } => {
                format!("convert field `{path}` of `{collection}` from {from} to {to}")
            }
            Self::AddField { collection, path, value, .. } => {
                format!("add field `{path}` to `{collection}`, default {value}")
            }
            Self::Update { collection, steps, fill } => fill.text(collection, steps),
            Self::RemoveField { collection, path } => {
                format!("remove field `{path}` of `{collection}`")
            }
            Self::SetValidator { collection, validation, .. } => {
                format!("set the validator of `{collection}` ({validation})")
            }
            Self::CreateIndex { collection, index } => {
                let unique = if index.is_unique() { "unique index" } else { "index" };
                format!("create {unique} `{}` of `{collection}`", index.name)
            }
            Self::ExpireAfter { collection, index, seconds } => format!(
                "let documents of `{collection}` expire after {seconds} s by index `{index}`"
            ),
            Self::HideIndex { collection, index, is_hidden } => {
                let verb = if *is_hidden { "hide" } else { "show" };
                format!("{verb} index `{index}` of `{collection}`")
            }
            Self::ExpireSeries { collection, seconds: Some(seconds) } => {
                format!("let documents of `{collection}` expire after {seconds} s")
            }
            Self::ExpireSeries { collection, seconds: None } => {
                format!("let documents of `{collection}` never expire")
            }
        }
    }

    /// Returns what a rollback restores.
    pub const fn undone(&self) -> Undone {
        match self {
            Self::DropCollection { .. }
            | Self::RemoveField { .. }
            | Self::ChangeType { .. }
            | Self::Update { .. } => Undone::UntilPurge,
            Self::ExpireAfter { .. } | Self::ExpireSeries { .. } => Undone::ButWhatExpired,
            _ => Undone::Exactly,
        }
    }

    /// Whether the operation changes documents.
    pub(super) const fn rewrites(&self) -> bool {
        matches!(
            self,
            Self::RenameField { .. }
                | Self::MoveField { .. }
                | Self::ChangeType { .. }
                | Self::AddField { .. }
                | Self::Update { .. }
                | Self::RemoveField { .. }
        )
    }

    /// The operation that creates a collection.
    pub(super) fn create(name: &str, collection: &Collection) -> Self {
        let time_series = match &collection.kind {
            CollectionKind::TimeSeries(options) => Some(options.clone()),
            _ => None,
        };
        Self::CreateCollection {
            name: name.to_owned(),
            validator: collection.validator().zip(collection.validation),
            time_series,
        }
    }
}
