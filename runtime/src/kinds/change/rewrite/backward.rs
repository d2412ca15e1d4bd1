//! The way back of a rewrite: puts back remembered documents, and computes all others.

use std::collections::HashMap;

use mongodb::bson::{Bson, Document, doc};

use super::{
    documents::{aggregate, bytes, find, found},
    expr,
    fields::Edit,
    forward::{Way, edit_batch},
    kind::{How, Rewrite},
    pipelines::Pipelines,
};
use crate::{
    kinds::backfill::work::{Batch, Work},
    model::{result::BoxError, state::Direction},
    protocol::checkpoint::range::both,
};

/// Puts back what was remembered, and goes back with the rest: to what was there before the
/// migration, or, where its rollback is given up, to what was there before that.
pub(crate) struct Return<'a> {
    pub(super) rewrite: &'a Rewrite,
    /// It puts aside what it overwrites.
    pub(super) way: Way<'a>,
    pub(super) kept: Option<&'a String>,
}

impl Work for Return<'_> {
    async fn batch(&self, batch: &mut Batch<'_>) -> Result<(), BoxError> {
        match &self.rewrite.how {
            How::Field(edit) => self.field(batch, edit).await,
            How::Pipelines(pipelines) => self.pipelines(batch, pipelines).await,
        }
    }
}

impl Return<'_> {
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
                self.put_back(batch, edit, kept, some, &mut settled, &mut changed).await?;
            }
        }
        if self.way.direction == Direction::Up || !edit.is_one_way() {
            let rest = both(filter, &doc! { "_id": { "$nin": settled } });
            edit_batch(batch, self.rewrite, edit, self.way, rest).await?;
        }
        self.note(batch, changed).await
    }

    /// Puts back what some documents held, where they are as they were left.
    async fn put_back(
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
                restored.push(put_back(edit, &id, &entry));
                settled.push(id);
            } else {
                changed.push(id);
            }
        }
        batch.update_all(restored).await
    }

    /// What documents hold now at the paths of the edit.
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
        let mut reader = batch.reader(found(batch.collection, batch.filter.clone()));
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
                    Some(entry) => match pipelines.put_back(&document, entry) {
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
        self.note(batch, changed).await
    }

    /// Marks what could not be put back.
    async fn note(&self, batch: &mut Batch<'_>, changed: Vec<Bson>) -> Result<(), BoxError> {
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

/// The statement that puts back what a document held.
fn put_back(edit: &Edit, id: &Bson, entry: &Document) -> Document {
    let before = entry.get_array("before").map(Vec::as_slice).unwrap_or_default();
    let stages: Vec<Document> = edit
        .paths()
        .iter()
        .zip(before)
        .filter_map(|(path, before)| expr::put_back(path.fields(), before.as_document()?))
        .collect();
    doc! { "q": { "_id": { "$eq": id.clone() } }, "u": stages }
}

/// What was remembered of these documents.
async fn entries_of(
    batch: &mut Batch<'_>,
    kept: &str,
    documents: &[Document],
) -> Result<Vec<Document>, BoxError> {
    let these: Vec<Bson> = documents.iter().filter_map(|one| one.get("_id").cloned()).collect();
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

/// An `_id` of any type, to look it up by.
pub(crate) fn key(id: &Bson) -> Result<Vec<u8>, BoxError> {
    bytes(&doc! { "_id": id.clone() })
}
