//! The way forward of a rewrite: changes a batch, and remembers what the way back could not restore.

use mongodb::bson::{Bson, Document, doc};

use super::{
    documents::{NAMED_MAX, aggregate, aggregation, found, ids},
    expr,
    fields::{Edit, Refusal},
    kind::{How, Rewrite},
};
use crate::{
    kinds::backfill::work::{Batch, Work},
    model::{result::BoxError, state::Direction},
    protocol::checkpoint::range::both,
};

/// Changes batches, and remembers what would not come back by itself.
pub(crate) struct Forward<'a> {
    pub(super) rewrite: &'a Rewrite,
    pub(super) kept: &'a str,
    pub(super) is_collated: bool,
}

impl Work for Forward<'_> {
    async fn batch(&self, batch: &mut Batch<'_>) -> Result<(), BoxError> {
        match &self.rewrite.how {
            How::Field(edit) => {
                let filter = batch.filter.clone();
                let Self { kept: aside, is_collated, .. } = *self;
                let way = Way { direction: Direction::Up, is_collated, aside, is_again: false };
                edit_batch(batch, self.rewrite, edit, way, filter).await
            }
            How::Pipelines(pipelines) => {
                let mut reader = batch.reader(found(batch.collection, batch.filter.clone()));
                while let Some(documents) = reader.next(batch).await? {
                    let entries = pipelines.run(batch, documents, Direction::Up).await?;
                    batch.insert(self.kept, entries).await?;
                }
                Ok(())
            }
        }
    }
}

/// Which way documents are changed, and where what is overwritten is remembered.
#[derive(Clone, Copy)]
pub(crate) struct Way<'a> {
    pub(super) direction: Direction,
    /// The server compares strings otherwise than by their bytes.
    pub(super) is_collated: bool,
    pub(super) aside: &'a str,
    /// Something may be remembered of a document already: what it held before is the later one.
    pub(super) is_again: bool,
}

impl Way<'_> {
    /// Remembers what is overwritten.
    pub(crate) async fn put_aside(
        &self,
        batch: &mut Batch<'_>,
        entries: Vec<Document>,
    ) -> Result<(), BoxError> {
        if self.is_again {
            let ids: Vec<Bson> = entries.iter().filter_map(|one| one.get("_id").cloned()).collect();
            if !ids.is_empty() {
                let delete = doc! { "q": { "_id": { "$in": ids } }, "limit": 0 };
                batch.send(doc! { "delete": self.aside, "deletes": [delete] }).await?;
            }
        }
        batch.insert(self.aside, entries).await
    }
}

/// Applies the edit, or its inverse, to what matches, and puts what is to be remembered into
/// another collection.
pub(crate) async fn edit_batch(
    batch: &mut Batch<'_>,
    rewrite: &Rewrite,
    edit: &Edit,
    way: Way<'_>,
    filter: Document,
) -> Result<(), BoxError> {
    let Way { direction, is_collated, .. } = way;
    if let Some(Refusal { filter: may, test, problem }) = rewrite.refusal(direction) {
        let pipeline = vec![
            doc! { "$match": both(filter.clone(), &may) },
            doc! { "$match": { "$expr": test } },
            doc! { "$limit": NAMED_MAX },
            doc! { "$project": { "_id": 1 } },
        ];
        let some = aggregate(batch, pipeline).await?;
        if !some.is_empty() {
            return Err(format!(
                "there are documents of `{}` {problem} ({}), written since it began; the batches \
                 before are done, this one left no trace: mend them, and run `{}` again",
                rewrite.collection,
                ids(&some),
                direction.as_str()
            )
            .into());
        }
    }
    let mut pipeline = entries(edit, direction, filter.clone());
    if is_collated {
        pipeline = compared(pipeline);
    }
    let mut reader = batch.reader(aggregation(batch.collection, pipeline));
    while let Some(found) = reader.next(batch).await? {
        let lost: Vec<Document> = if is_collated {
            found.iter().filter_map(lost).map(entry).collect()
        } else {
            found.into_iter().map(entry).collect()
        };
        way.put_aside(batch, lost).await?;
    }
    let document = edit.apply(direction, expr::ROOT);
    let change = vec![doc! { "$replaceWith": document }];
    batch.update(vec![doc! { "q": filter, "u": change, "multi": true }]).await
}

/// What each document holds, would hold, and would hold once it came back. Where strings are
/// compared by a collation, the server cannot tell which of them differ.
fn compared(mut pipeline: Vec<Document>) -> Vec<Document> {
    pipeline.truncate(2);
    pipeline
}

/// Of what was [`compared`], that which [`entries`] finds where the server compares by bytes.
fn lost(found: &Document) -> Option<Document> {
    let differ = |one: &str, other: &str| match (found.get(one), found.get(other)) {
        (Some(one), Some(other)) => !expr::same(one, other),
        (None, None) => false,
        _ => true,
    };
    let touched = differ("o", "f") || differ("to", "tf");
    let refused = !touched && found.get_bool("refused").unwrap_or(false);
    (differ("o", "b") || differ("to", "tb") || refused).then(|| {
        let at = |key: &str| found.get(key).cloned().unwrap_or(Bson::Null);
        doc! { "_id": at("_id"), "before": at("o"), "after": at("f"), "touched": touched }
    })
}

/// Finds the documents that the way back does not make what they were, or would refuse though the
/// way there left them alone.
pub(crate) fn entries(edit: &Edit, direction: Direction, filter: Document) -> Vec<Document> {
    let other = match direction {
        Direction::Up => Direction::Down,
        Direction::Down => Direction::Up,
    };
    let there = |then: Bson| expr::bind("there", edit.apply(direction, expr::ROOT), then);
    let back = |then: Bson| there(expr::bind("back", edit.apply(other, "there"), then));
    let anchors = |of: &str| -> Bson {
        edit.paths().iter().map(|path| expr::anchor(of, path.fields())).collect()
    };
    let mut shown = doc! {
        "o": anchors(expr::ROOT), "f": there(anchors("there")), "b": back(anchors("back")),
    };
    let mut lost = vec![expr::differ("$o", "$b")];
    let mut touched = vec![expr::differ("$o", "$f")];
    if let Some(path) = edit.typed() {
        let types = |of: &str| expr::signature(of, path.fields());
        shown.extend(doc! {
            "to": types(expr::ROOT), "tf": there(types("there")), "tb": back(types("back")),
        });
        lost.push(expr::differ("$to", "$tb"));
        touched.push(expr::differ("$to", "$tf"));
    }
    if let (Direction::Up, Some(refusal)) = (direction, edit.refusal(other)) {
        shown.insert("refused", refusal.test);
        let left = doc! { "$not": [expr::any_of(touched.clone())] };
        lost.push(expr::all(vec![left.into(), "$refused".into()]));
    }
    vec![
        doc! { "$match": filter },
        doc! { "$project": shown },
        doc! { "$match": { "$expr": expr::any_of(lost) } },
        doc! { "$project": { "before": "$o", "after": "$f", "touched": expr::any_of(touched) } },
    ]
}

/// As it is stored.
pub(crate) fn entry(mut found: Document) -> Document {
    if found.remove("touched").and_then(|touched| touched.as_bool()).unwrap_or(true) {
        return found;
    }
    doc! { "_id": found.remove("_id").unwrap_or(Bson::Null), "left": true }
}
