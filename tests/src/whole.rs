//! Everything that a database holds, to compare before and after.

use std::collections::BTreeMap;

use futures_util::TryStreamExt as _;
use mongrate::{
    bson::{Bson, Document, RawDocumentBuf, doc},
    mongodb::Database,
};

/// Every collection with its options, its uuid, its indexes and every byte of its documents in
/// their natural order; and what the server's own hash of the data says.
///
/// # Panics
///
/// When the server cannot be read.
pub async fn of(db: &Database) -> BTreeMap<String, Vec<String>> {
    let mut all = BTreeMap::new();
    let collections: Vec<Document> = db
        .run_cursor_command(doc! { "listCollections": 1 })
        .await
        .unwrap()
        .try_collect()
        .await
        .unwrap();
    for collection in collections {
        let name = collection.get_str("name").unwrap().to_owned();
        let mut lines = vec![collection.to_string()];
        if collection.get_str("type").unwrap() != "view" && !name.starts_with("system.") {
            let indexes: Vec<Document> = db
                .run_cursor_command(doc! { "listIndexes": &name })
                .await
                .unwrap()
                .try_collect()
                .await
                .unwrap();
            lines.extend(indexes.iter().map(Document::to_string));
            let documents: Vec<RawDocumentBuf> = db
                .collection::<RawDocumentBuf>(&name)
                .find(doc! {})
                .await
                .unwrap()
                .try_collect()
                .await
                .unwrap();
            lines.extend(documents.iter().map(|document| format!("{:?}", document.as_bytes())));
        }
        all.insert(name, lines);
    }
    let hash = db.run_command(doc! { "dbHash": 1 }).await.unwrap();
    all.insert("dbHash".to_owned(), vec![hash.get_str("md5").unwrap().to_owned()]);
    all
}

/// Counts the open transactions of these sessions.
///
/// # Panics
///
/// When the server cannot be asked.
pub async fn open_transactions(db: &Database, sessions: &[Bson]) -> usize {
    let pipeline = [
        doc! { "$currentOp": { "allUsers": true, "idleSessions": true } },
        doc! { "$match": {
            "lsid.id": { "$in": sessions.to_vec() }, "transaction": { "$exists": true },
        } },
    ];
    let admin = db.client().database("admin");
    let found: Vec<Document> =
        admin.aggregate(pipeline).await.unwrap().try_collect().await.unwrap();
    found.len()
}

/// The sessions in which these commands were sent.
pub fn sessions(sent: &[(String, Document)]) -> Vec<Bson> {
    let id = |command: &Document| command.get_document("lsid").ok()?.get("id").cloned();
    sent.iter().filter_map(|(_, command)| id(command)).collect()
}

/// The names of the commands that went to a collection.
pub fn sent_to(sent: &[(String, Document)], collection: &str) -> Vec<String> {
    let is_to =
        |name: &str, command: &Document| command.get_str(name).is_ok_and(|to| to == collection);
    sent.iter()
        .filter(|(name, command)| is_to(name, command))
        .map(|(name, _)| name.clone())
        .collect()
}
