//! Collections, as their models want them.

use std::{collections::BTreeMap, fmt};

use super::{index::Index, json::Json, shape::Shape};

/// What a collection is.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum CollectionKind {
    /// A collection.
    #[default]
    Collection,
    /// A view: a model of it describes what is read. It has no validator and no indexes, and
    /// migrations define it.
    View,
    /// A time series, with the options of `create`: `timeseries`, and perhaps `expireAfterSeconds`.
    /// It has no validator: the server takes none.
    TimeSeries(Json),
}

/// Which documents a validator checks, and what becomes of those that do not fit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Validation {
    /// Which documents are checked.
    pub level: ValidationLevel,
    /// What happens to a write that does not fit.
    pub action: ValidationAction,
}

/// Which documents a validator checks, as `validationLevel`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ValidationLevel {
    /// None.
    Off,
    /// All but those that did not fit before.
    Moderate,
    /// All.
    Strict,
}

/// What happens to a write that does not fit, as `validationAction`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ValidationAction {
    /// The server refuses it.
    Error,
    /// The server logs it.
    Warn,
}

impl ValidationLevel {
    /// All levels.
    pub const ALL: [Self; 3] = [Self::Off, Self::Moderate, Self::Strict];

    /// Returns the server's name.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Off => "off",
            Self::Moderate => "moderate",
            Self::Strict => "strict",
        }
    }

    /// Returns the level with this name.
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|level| level.name() == name)
    }
}

impl ValidationAction {
    /// All actions.
    pub const ALL: [Self; 2] = [Self::Error, Self::Warn];

    /// Returns the server's name.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Error => "error",
            Self::Warn => "warn",
        }
    }

    /// Returns the action with this name.
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|action| action.name() == name)
    }
}

impl fmt::Display for Validation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.level.name(), self.action.name())
    }
}

/// A collection with all its models.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Collection {
    /// What it is.
    pub kind: CollectionKind,
    /// How it is validated. `None`: it has no validator.
    pub validation: Option<Validation>,
    /// The indexes by their names, without the one on `_id`.
    pub indexes: BTreeMap<String, Index>,
    /// The models by their names. More than one: variants, and each document fits one of them.
    pub models: BTreeMap<String, ModelShape>,
    /// The name that the collection had before. It is in no snapshot.
    pub was: Option<String>,
}

/// A model in its collection.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ModelShape {
    /// The shape of the documents.
    pub shape: Shape,
    /// The path of the type, as `shop::people::User`. It is in no snapshot, and empty when it comes from
    /// one.
    pub path: String,
}

impl Collection {
    /// Returns the schema of the documents, for `$jsonSchema`. `None` if the collection has no validator.
    pub fn schema(&self) -> Option<Json> {
        self.validation?;
        let mut schemas: Vec<Json> =
            self.models.values().map(|model| model.shape.root_schema()).collect();
        match schemas.len() {
            0 => None,
            1 => Some(schemas.remove(0)),
            _ => Some(Json::object([("anyOf", Json::Array(schemas))])),
        }
    }

    /// Returns the validator, `{"$jsonSchema": …}`. `None` if the collection has none.
    pub fn validator(&self) -> Option<Json> {
        Some(Json::object([("$jsonSchema", self.schema()?)]))
    }

    /// Returns the collection as a snapshot holds it.
    #[must_use]
    pub fn without_hints(self) -> Self {
        let models = self.models.into_iter().map(|(name, model)| {
            let shape = model.shape.without_hints();
            (name, ModelShape { shape, path: String::new() })
        });
        Self { models: models.collect(), was: None, ..self }
    }

    /// Whether both are the same for the server: names of types and hints do not count.
    pub fn is_same(&self, other: &Self) -> bool {
        self.kind == other.kind
            && self.validation == other.validation
            && self.indexes == other.indexes
            && self.models.len() == other.models.len()
            && self.models.iter().all(|(name, model)| {
                other.models.get(name).is_some_and(|other| other.shape.is_same(&model.shape))
            })
    }
}
