//! The way back of a rewrite: puts back remembered documents, and computes all other documents.

use std::collections::HashMap;

use mongodb::bson::{Bson, Document, doc};

use super::{
    documents::{aggregate, find, find_command, to_bytes},
    expr,
    fields::Edit,
    forward::{Way, edit_batch},
    kind::{Rewrite, RewriteKind},
    pipelines::Pipelines,
};
use crate::{
    kinds::backfill::work::{Batch, Work},
    model::{result::BoxError, state::Direction},
    protocol::checkpoint::range::both,
};

/// Puts back the documents that were remembered, and computes the others: as they were before the
/// migration, or, if its rollback is given up, as they were before the rollback.
pub(crate) struct Backward<'a> {
    pub(super) rewrite: &'a Rewrite,
    /// The direction, and where overwritten values are put aside.
    pub(super) way: Way<'a>,
    pub(super) kept: Option<&'a String>,
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
        let filter = batch.filter.clone();
        let mut settled = Vec::new();
        let mut changed = Vec::new();
        if let Some(kept) = self.kept {
            let here = find(batch, batch.collection, filter.clone(), doc! { "_id": 1 }).await?;
            let mut here = here.as_slice();
            let mut portions = batch.portions.clone().into_iter();
            while !here.is_empty() {
                let size = portions.next().map_or(here.len(), |size| size as usize);
                let (some, others) = here.split_at(size.min(here.len()));
                here = others;
                self.restore_entries(batch, edit, kept, some, &mut settled, &mut changed).await?;
            }
        }
        if self.way.direction == Direction::Up || !edit.is_one_way() {
            let rest = both(filter, &doc! { "_id": { "$nin": settled } });
            edit_batch(batch, self.rewrite, edit, self.way, rest).await?;
        }
        self.mark_changed(batch, changed).await
    }

    /// Puts back the old values of the documents that were not changed since.
    async fn restore_entries(
        &self,
        batch: &mut Batch<'_>,
        edit: &Edit,
        kept: &str,
        some: &[Document],
        settled: &mut Vec<Bson>,
        changed: &mut Vec<Bson>,
    ) -> Result<(), BoxError> {
        let mut restored = Vec::new();
        let mut remembered = Vec::new();
        for entry in entries_of(batch, kept, some).await? {
            let id = entry.get("_id").cloned().unwrap_or(Bson::Null);
            if entry.contains_key("before") {
                remembered.push((id, entry));
            } else {
                settled.push(id);
            }
        }
        let now = by_id(self.anchors(batch, edit, &remembered).await?)?;
        for (id, entry) in remembered {
            let now = now.get(&key(&id)?).and_then(|now| now.get("now"));
            let same = matches!(
                (now, entry.get("after")),
                (Some(now), Some(after)) if expr::same(now, after)
            );
            if same {
                restored.push(restore_statement(edit, &id, &entry));
                settled.push(id);
            } else {
                changed.push(id);
            }
        }
        batch.update_all(restored).await
    }

    /// Returns what documents hold now at the paths of the edit.
    async fn anchors(
        &self,
        batch: &mut Batch<'_>,
        edit: &Edit,
        remembered: &[(Bson, Document)],
    ) -> Result<Vec<Document>, BoxError> {
        if remembered.is_empty() {
            return Ok(Vec::new());
        }
        let these: Vec<Bson> = remembered.iter().map(|(id, _)| id.clone()).collect();
        let now: Bson =
            edit.paths().iter().map(|path| expr::anchor(expr::ROOT, path.fields())).collect();
        let pipeline = vec![
            doc! { "$match": { "_id": { "$in": these } } },
            doc! { "$project": { "now": now } },
        ];
        aggregate(batch, pipeline).await
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
            batch.update_all(restored).await?;
            let entries = pipelines.run(batch, rest, self.way.direction).await?;
            self.way.put_aside(batch, entries).await?;
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

/// The statement that puts back the old values of a document.
fn restore_statement(edit: &Edit, id: &Bson, entry: &Document) -> Document {
    let before = entry.get_array("before").map(Vec::as_slice).unwrap_or_default();
    let stages: Vec<Document> = edit
        .paths()
        .iter()
        .zip(before)
        .filter_map(|(path, before)| expr::restore_anchor(path.fields(), before.as_document()?))
        .collect();
    doc! { "q": { "_id": { "$eq": id.clone() } }, "u": stages }
}

/// Returns the remembered entries of these documents.
async fn entries_of(
    batch: &mut Batch<'_>,
    kept: &str,
    documents: &[Document],
) -> Result<Vec<Document>, BoxError> {
    let these: Vec<Bson> =
        documents.iter().filter_map(|document| document.get("_id").cloned()).collect();
    if these.is_empty() {
        return Ok(Vec::new());
    }
    find(batch, kept, doc! { "_id": { "$in": these } }, doc! {}).await
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
