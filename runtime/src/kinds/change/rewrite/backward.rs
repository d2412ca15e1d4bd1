//! The way back of a rewrite: puts back remembered documents, and computes all other documents.

use std::collections::HashMap;

use mongodb::bson::{Bson, Document, doc};

use super::{
    documents::{find, find_command},
    fields::Edit,
    forward::{Expectation, Way, edit_batch},
    kind::{Rewrite, RewriteKind},
    pipelines::Pipelines,
    restore::{self, Restored},
};
use crate::{
    kinds::backfill::work::{Batch, Work},
    model::{result::BoxError, state::Direction},
    mongo::raw::to_bytes,
    protocol::checkpoint::range::both,
};

/// Puts back the documents that were remembered, and computes the others: as they were before the
/// migration, or, if its rollback is given up, as they were before the rollback.
pub(crate) struct Backward<'a> {
    pub(super) rewrite: &'a Rewrite,
    /// The direction, and where overwritten values are put aside.
    pub(super) way: Way<'a>,
    pub(super) kept: Option<&'a String>,
    pub(super) expectation: Expectation,
}

impl Work for Backward<'_> {
    async fn batch(&self, batch: &mut Batch<'_>) -> Result<(), BoxError> {
        match &self.rewrite.kind {
            RewriteKind::Field(edit) => self.field(batch, edit).await,
            RewriteKind::Pipelines(pipelines) => self.pipelines(batch, pipelines).await,
        }
    }
}

impl Backward<'_> {
    async fn field(&self, batch: &mut Batch<'_>, edit: &Edit) -> Result<(), BoxError> {
        let mut restored = Restored::default();
        if let Some(kept) = self.kept {
            restored = restore::restore(batch, edit, kept, self.way.is_collated).await?;
        }
        let Restored { settled, changed, is_all } = restored;
        if self.way.is_again {
            self.way.forget(batch, &settled).await?;
        }
        if !is_all && (self.way.direction == Direction::Up || !edit.is_one_way()) {
            let mut rest = batch.filter.clone();
            if !settled.is_empty() {
                rest = both(rest, &doc! { "_id": { "$nin": settled } });
            }
            // What was kept is told apart by its entries, and not counted.
            let expected = self.kept.is_none().then_some(&self.expectation);
            edit_batch(batch, self.rewrite, edit, self.way, rest, expected).await?;
        }
        self.mark_changed(batch, changed).await
    }

    async fn pipelines(
        &self,
        batch: &mut Batch<'_>,
        pipelines: &Pipelines,
    ) -> Result<(), BoxError> {
        let mut changed = Vec::new();
        let mut reader = batch.reader(find_command(batch.collection, batch.filter.clone()));
        while let Some(documents) = reader.next(batch).await? {
            let mut rest = Vec::new();
            let mut restored = Vec::new();
            let entries = match self.kept {
                Some(kept) => by_id(entries_of(batch, kept, &documents).await?)?,
                None => HashMap::new(),
            };
            for document in documents {
                let id = document.get("_id").cloned().unwrap_or(Bson::Null);
                match entries.get(&key(&id)?) {
                    Some(entry) if !entry.contains_key("before") => {}
                    Some(entry) => match pipelines.restored(&document, entry) {
                        Some(before) => {
                            let change = doc! { "$replaceWith": { "$literal": before } };
                            restored.push(doc! { "q": { "_id": { "$eq": id } }, "u": [change] });
                        }
                        None => {
                            changed.push(id);
                            rest.push(document);
                        }
                    },
                    None => rest.push(document),
                }
            }
            drop(entries);
            batch.update(restored).await?;
            if self.way.is_again {
                self.way.forget_these(batch, ids_of(&rest)).await?;
            }
            let entries = pipelines.run(batch, rest, self.way.direction).await?;
            batch.insert(self.way.aside, entries).await?;
        }
        self.mark_changed(batch, changed).await
    }

    /// Marks the entries that could not be put back, because their documents were changed.
    async fn mark_changed(
        &self,
        batch: &mut Batch<'_>,
        changed: Vec<Bson>,
    ) -> Result<(), BoxError> {
        if let (Some(kept), false) = (self.kept, changed.is_empty()) {
            let mark = doc! {
                "q": { "_id": { "$in": changed } },
                "u": { "$set": { "changed": true } },
                "multi": true,
            };
            batch.send(doc! { "update": kept, "updates": [mark] }).await?;
        }
        Ok(())
    }
}

/// Returns the remembered entries of these documents.
async fn entries_of(
    batch: &mut Batch<'_>,
    kept: &str,
    documents: &[Document],
) -> Result<Vec<Document>, BoxError> {
    let these = ids_of(documents);
    if these.is_empty() {
        return Ok(Vec::new());
    }
    find(batch, kept, doc! { "_id": { "$in": these } }, doc! {}).await
}

fn ids_of(documents: &[Document]) -> Vec<Bson> {
    documents.iter().filter_map(|document| document.get("_id").cloned()).collect()
}

/// Documents by their `_id`.
fn by_id(documents: Vec<Document>) -> Result<HashMap<Vec<u8>, Document>, BoxError> {
    let keyed = documents.into_iter().map(|document| {
        let key = key(document.get("_id").unwrap_or(&Bson::Null))?;
        Ok((key, document))
    });
    keyed.collect()
}

/// An `_id` of any type, as the key of a map.
pub(crate) fn key(id: &Bson) -> Result<Vec<u8>, BoxError> {
    to_bytes(&doc! { "_id": id.clone() })
}
