//! Puts back the values that were remembered, unless they were changed since.

use std::collections::HashMap;

use mongodb::bson::{Bson, Document, RawBsonRef, RawDocument, doc};

use super::{
    documents::{aggregate_command, find_command},
    expr::{self, literal},
    fields::Edit,
};
use crate::{
    kinds::{backfill::work::Batch, change::names::Path},
    model::result::BoxError,
    mongo::{fields::raw, raw::to_bytes},
    protocol::checkpoint::range::both,
};

/// How many documents one statement puts back: the server looks up each of them in a list.
const TOGETHER_MAX: usize = 100;

/// How many bytes of values one statement has; a single value may have more.
const BYTES_MAX: usize = 1 << 20;

/// What became of the remembered documents of a batch.
#[derive(Debug, Default)]
pub(super) struct Restored {
    /// The `_id`s of the documents that are as they were.
    pub settled: Vec<Bson>,
    /// The `_id`s of the documents whose values were changed since.
    pub changed: Vec<Bson>,
    /// The batch has no other documents.
    pub is_all: bool,
}

/// A remembered document.
struct Entry {
    id: Bson,
    /// As BSON, what the edit's paths held afterwards. `None`: the document was left alone.
    after: Option<Vec<u8>>,
    /// An array, as BSON: decoded, the values of a batch take many times its bytes.
    before: Vec<u8>,
    bytes: usize,
}

/// Puts back the old values of the documents of this batch.
pub(super) async fn restore(
    batch: &mut Batch<'_>,
    edit: &Edit,
    kept: &str,
    is_collated: bool,
) -> Result<Restored, BoxError> {
    let entries = entries(batch, kept, is_collated).await?;
    let now = Now::read(batch, edit, &entries).await?;
    let mut restored = Restored { is_all: now.is_all, ..Restored::default() };
    let mut groups: Vec<Group> = Vec::new();
    for entry in entries {
        let Some(now) = now.documents.get(&key(&entry.id)?) else { continue };
        match &entry.after {
            None => {}
            // The same to the last bit, which the server's comparison does not tell.
            Some(after) if after == now => add(&mut groups, &entry)?,
            Some(_) => {
                restored.is_all = false;
                restored.changed.push(entry.id);
                continue;
            }
        }
        restored.settled.push(entry.id);
    }
    restored.is_all &= restored.settled.len() == now.documents.len();
    let paths = edit.paths();
    batch.update(groups.into_iter().map(|group| group.statement(&paths))).await?;
    Ok(restored)
}

/// The entries of the batch's documents, and maybe of others.
async fn entries(
    batch: &mut Batch<'_>,
    kept: &str,
    is_collated: bool,
) -> Result<Vec<Entry>, BoxError> {
    let mut entries = Vec::new();
    let mut these = batch.range.clone();
    if is_collated {
        // The kept collection has no collation: there, other `_id`s are in the range.
        these = doc! { "_id": { "$in": read_ids(batch, batch.filter.clone()).await? } };
    }
    batch
        .each(find_command(kept, these), |found| {
            entries.push(Entry::read(found)?);
            Ok(())
        })
        .await?;
    Ok(entries)
}

/// The `_id`s of these documents of the batch's collection.
pub(super) async fn read_ids(
    batch: &mut Batch<'_>,
    these: Document,
) -> Result<Vec<Bson>, BoxError> {
    let mut ids = Vec::new();
    let mut command = find_command(batch.collection, these);
    command.insert("projection", doc! { "_id": 1 });
    let add = |found: &RawDocument| {
        ids.push(id(found)?);
        Ok(())
    };
    batch.each(command, add).await?;
    Ok(ids)
}

impl Entry {
    fn read(found: &RawDocument) -> Result<Self, BoxError> {
        Ok(Self {
            id: id(found)?,
            after: raw(found, "before").map(|_| array(found, "after")),
            before: array(found, "before"),
            bytes: found.as_bytes().len(),
        })
    }

    /// For each path of the edit, the value and its place.
    fn before(&self) -> Result<Vec<Document>, BoxError> {
        let mut before = Vec::new();
        if !self.before.is_empty() {
            for item in RawDocument::from_bytes(&self.before)? {
                if let (_, RawBsonRef::Document(item)) = item? {
                    before.push(Document::try_from(item)?);
                }
            }
        }
        Ok(before)
    }
}

/// What the documents hold now at the paths of the edit.
struct Now {
    /// By `_id`, as BSON.
    documents: HashMap<Vec<u8>, Vec<u8>>,
    /// All documents of the batch are there, not only those with an entry.
    is_all: bool,
}

impl Now {
    async fn read(batch: &mut Batch<'_>, edit: &Edit, entries: &[Entry]) -> Result<Self, BoxError> {
        let mut now = Self { documents: HashMap::new(), is_all: false };
        if entries.is_empty() {
            return Ok(now);
        }
        let mut these = batch.filter.clone();
        // Of a few documents, only these are read.
        let documents: u32 = batch.portions.iter().sum();
        now.is_all = entries.len() * 4 >= documents as usize;
        if !now.is_all {
            let ids: Vec<Bson> = entries.iter().map(|entry| entry.id.clone()).collect();
            these = both(these, &doc! { "_id": { "$in": ids } });
        }
        let anchors = edit.paths().into_iter();
        let anchors: Bson = anchors.map(|path| expr::anchor(expr::ROOT, path.fields())).collect();
        let pipeline = vec![doc! { "$match": these }, doc! { "$project": { "now": anchors } }];
        batch
            .each(aggregate_command(batch.collection, pipeline), |found| {
                now.documents.insert(key(&id(found)?)?, array(found, "now"));
                Ok(())
            })
            .await?;
        Ok(now)
    }
}

/// Documents that one statement puts back: their values go to the same places.
struct Group {
    /// For each path, how many of its fields there were, and whether there was a value.
    places: Vec<(i64, bool)>,
    ids: Vec<Bson>,
    /// The old values, for each path in which there was one.
    values: Vec<Vec<Bson>>,
    bytes: usize,
}

fn add(groups: &mut Vec<Group>, entry: &Entry) -> Result<(), BoxError> {
    let depth = |anchor: &Document, key| crate::mongo::reply::number(anchor, key);
    let place = |anchor: &Document| match depth(anchor, "m") {
        Some(there) => (there, false),
        None => (depth(anchor, "d").unwrap_or(0), true),
    };
    let before = entry.before()?;
    let places: Vec<(i64, bool)> = before.iter().map(place).collect();
    let fits = |group: &&mut Group| {
        group.places == places
            && group.ids.len() < TOGETHER_MAX
            && group.bytes + entry.bytes <= BYTES_MAX
    };
    let values = before.into_iter().map(|mut anchor| anchor.remove("v").unwrap_or(Bson::Null));
    match groups.iter_mut().rev().take(4).find(fits) {
        Some(group) => {
            group.ids.push(entry.id.clone());
            group.bytes += entry.bytes;
            for (all, value) in group.values.iter_mut().zip(values) {
                all.push(value);
            }
        }
        None => groups.push(Group {
            places,
            ids: vec![entry.id.clone()],
            values: values.map(|value| vec![value]).collect(),
            bytes: entry.bytes,
        }),
    }
    Ok(())
}

impl Group {
    fn statement(self, paths: &[&Path]) -> Document {
        let Self { places, ids, values, .. } = self;
        let places = paths.iter().zip(places).zip(values);
        let stages: Vec<Document> = places
            .filter_map(|((path, (depth, has_value)), values)| {
                let value = has_value.then(|| value_of(&ids, values));
                expr::restore_anchor(path.fields(), usize::try_from(depth).ok()?, value)
            })
            .collect();
        match <[Bson; 1]>::try_from(ids) {
            Ok([id]) => doc! { "q": { "_id": { "$eq": id } }, "u": stages },
            Err(ids) => doc! { "q": { "_id": { "$in": ids } }, "u": stages, "multi": true },
        }
    }
}

/// The old value of the document that is updated.
fn value_of(ids: &[Bson], mut values: Vec<Bson>) -> Bson {
    if values.len() == 1 {
        return values.pop().map_or(Bson::Null, literal);
    }
    let at = doc! { "$indexOfArray": [literal(ids.to_vec()), "$_id"] };
    doc! { "$arrayElemAt": [literal(values), at] }.into()
}

/// A field that is an array, as BSON. Empty: it is not there.
fn array(found: &RawDocument, key: &str) -> Vec<u8> {
    match raw(found, key) {
        Some(RawBsonRef::Array(items)) => items.as_bytes().to_vec(),
        _ => Vec::new(),
    }
}

fn id(found: &RawDocument) -> Result<Bson, BoxError> {
    Ok(Bson::try_from(raw(found, "_id").ok_or("a document without an `_id`")?)?)
}

/// An `_id` of any type, as the key of a map.
fn key(id: &Bson) -> Result<Vec<u8>, BoxError> {
    to_bytes(&doc! { "_id": id.clone() })
}
