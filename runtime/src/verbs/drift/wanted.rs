//! What the models want, as BSON: pure.

use mongodb::bson::Document;
use mongrate_seal::models::{Collection, Index, Validation};

use crate::{kinds::change::index_spec::Spec, mongo::json};

/// An index of a snapshot, for comparing.
pub(super) fn spec(collection: &str, index: &Index) -> Spec {
    let keys = index.keys.iter().map(|(path, kind)| (path.clone(), json::bson(kind))).collect();
    let options = index.options.iter().map(|(name, value)| (name.clone(), json::bson(value)));
    Spec {
        collection: collection.to_owned(),
        keys,
        name: Some(index.name.clone()),
        options: options.collect(),
        problem: None,
    }
}

/// The validator that the models want, unless it accepts everything.
pub(super) fn validator(wanted: &Collection) -> Option<(Document, Validation)> {
    let validator = json::document(&wanted.validator()?);
    Some((validator, wanted.validation?))
}
