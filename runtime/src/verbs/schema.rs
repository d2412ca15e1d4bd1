//! `schema`: the live schema as text.

use mongodb::bson::doc;

use super::drift::live::{LiveCollection, collections};
use crate::{
    model::{error::Error, ignore::IgnoreList},
    mongo::schema_text::{Described, collection_text},
    protocol::control::Control,
    run::Runner,
};

impl Runner {
    pub(crate) async fn schema(&self) -> Result<String, Error> {
        schema(&self.control, Shown::default()).await
    }
}

/// What is shown of a schema.
#[derive(Clone, Debug, Default)]
pub(crate) struct Shown {
    pub ignored: IgnoreList,
    /// Whether empty collections without options and indexes are shown, too.
    pub empty: bool,
}

/// Returns the schema, without control collections and kept collections.
pub(crate) async fn schema(control: &Control, shown: Shown) -> Result<String, Error> {
    let mut texts = Vec::new();
    for collection in collections(control, &shown.ignored).await? {
        if !shown.empty && is_plain(&collection) && is_empty(control, &collection.name).await? {
            continue;
        }
        texts.push(collection_text(Described {
            kind: &collection.kind,
            name: &collection.name,
            options: &collection.options,
            indexes: &collection.indexes,
        }));
    }
    Ok(texts.join("\n"))
}

fn is_plain(collection: &LiveCollection) -> bool {
    let LiveCollection { kind, options, indexes, .. } = collection;
    kind == "collection" && options.is_empty() && indexes.is_empty()
}

async fn is_empty(control: &Control, name: &str) -> Result<bool, Error> {
    let command = doc! { "find": name, "limit": 1, "projection": { "_id": 1 } };
    let found = super::drift::live::all(control, command).await;
    Ok(found.map_err(|error| Error::server("read the schema", error))?.is_empty())
}
