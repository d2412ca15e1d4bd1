//! All that a database holds but for the control documents, as text that can be compared.

use std::collections::BTreeMap;

use futures_util::TryStreamExt as _;
use mongrate::{
    bson::{Bson, Document, doc},
    mongodb::Database,
};

/// Options, indexes and documents by collection. Fields in the order of their names, as nobody
/// promises another; types as they are.
///
/// # Panics
///
/// When the server cannot be read.
pub async fn snapshot(db: &Database) -> BTreeMap<String, Vec<String>> {
    let command = doc! { "listCollections": 1, "cursor": { "batchSize": 10_000 } };
    let reply = db.run_command(command).await.unwrap();
    let collections = reply.get_document("cursor").unwrap().get_array("firstBatch").unwrap();
    let mut all = BTreeMap::new();
    for collection in collections.iter().filter_map(Bson::as_document) {
        let name = collection.get_str("name").unwrap();
        if name == "migrations" || name.starts_with("migrations.") || name.starts_with("system.") {
            continue;
        }
        let kind = collection.get_str("type").unwrap();
        let mut options = collection.get_document("options").unwrap().clone();
        // What is no other than its default, and stays once it was set.
        for (key, default) in
            [("validationLevel", "strict"), ("validationAction", "error"), ("max", "2147483647")]
        {
            if options.get(key).is_some_and(|value| text(value, false).trim_matches('"') == default)
            {
                options.remove(key);
            }
        }
        let mut lines = vec![format!("{kind} {}", text(&options.into(), false))];
        if kind == "collection" {
            let mut indexes: Vec<Document> = db
                .run_cursor_command(doc! { "listIndexes": name })
                .await
                .unwrap()
                .try_collect()
                .await
                .unwrap();
            indexes.sort_by_key(|index| index.get_str("name").unwrap().to_owned());
            lines.extend(indexes.into_iter().map(|index| {
                let key = index.get_document("key").unwrap().to_string();
                format!("index {key} {}", text(&index.into(), false))
            }));
        }
        let documents: Vec<Document> =
            db.collection(name).find(doc! {}).await.unwrap().try_collect().await.unwrap();
        let mut documents: Vec<String> =
            documents.into_iter().map(|document| text(&document.into(), true)).collect();
        documents.sort();
        lines.extend(documents);
        all.insert(name.to_owned(), lines);
    }
    all
}

/// Types as they are, unless the server is free to choose one for a number.
fn text(value: &Bson, exact: bool) -> String {
    match value {
        Bson::Document(document) => {
            let mut fields: Vec<String> = document
                .iter()
                .map(|(key, value)| format!("{key}: {}", text(value, exact)))
                .collect();
            fields.sort();
            format!("{{{}}}", fields.join(", "))
        }
        Bson::Array(items) => {
            let items: Vec<String> = items.iter().map(|item| text(item, exact)).collect();
            format!("[{}]", items.join(", "))
        }
        Bson::String(text) => format!("{text:?}"),
        Bson::Int32(number) => number.to_string(),
        Bson::Int64(number) if !exact => number.to_string(),
        Bson::Double(number) if !exact => number.to_string(),
        other => format!("{other:?}"),
    }
}
