//! `update`: aggregation pipelines that the user writes, forward and backward.
//!
//! Documents are compared in this process, not on the server: the server takes 1 and 1.0 for equal,
//! and a pipeline may turn 1 into 1.0.

use mongodb::bson::{Bson, Document, doc};

use super::{
    documents::{aggregate, read},
    expr::{same, same_document},
};
use crate::{
    kinds::{backfill::work::Batch, change::names},
    model::{result::BoxError, state::Direction},
    protocol::checkpoint::range::both,
};

/// The stages that an update may have.
const STAGES: [&str; 6] =
    ["$addFields", "$set", "$project", "$unset", "$replaceRoot", "$replaceWith"];

#[derive(Clone, Debug)]
pub(crate) struct Pipelines {
    pub forward: Side,
    pub backward: Side,
}

/// The filter and the pipeline of one direction.
#[derive(Clone, Debug)]
pub(crate) struct Side {
    pub filter: Document,
    pub pipeline: Vec<Document>,
}

impl Side {
    fn text(&self, collection: &str) -> String {
        let stages: Vec<String> = self.pipeline.iter().map(Document::to_string).collect();
        let mut text = format!("update `{collection}` with [{}]", stages.join(", "));
        if !self.filter.is_empty() {
            text += &format!(" where {}", self.filter);
        }
        text
    }
}

impl Pipelines {
    pub(super) fn forward_text(&self, collection: &str) -> String {
        self.forward.text(collection)
    }

    pub(super) fn undo_text(&self, collection: &str) -> String {
        if self.backward.pipeline.is_empty() {
            return format!("put back what the documents of `{collection}` held");
        }
        self.backward.text(collection)
    }

    pub(super) fn problems(&self, collection: &str) -> Vec<String> {
        let mut problems: Vec<String> = names::collection(collection).into_iter().collect();
        if self.forward.pipeline.is_empty() {
            problems.push("an update needs a pipeline, as `vec![doc! { \"$set\": … }]`".to_owned());
        }
        for stage in self.forward.pipeline.iter().chain(&self.backward.pipeline) {
            let mut keys = stage.keys();
            match (keys.next(), keys.next()) {
                (Some(name), None) if STAGES.contains(&name.as_str()) => {}
                (Some(name), None) => problems.push(format!(
                    "`{name}` is not a stage of an update; the stages are {}",
                    STAGES.join(", ")
                )),
                _ => problems.push(format!("`{stage}` is not a stage: a stage has one name")),
            }
        }
        problems
    }

    pub(super) fn side(&self, direction: Direction) -> &Side {
        match direction {
            Direction::Up => &self.forward,
            Direction::Down => &self.backward,
        }
    }

    /// The filter of the documents that may be changed, or have to be remembered.
    pub(super) fn involved(&self, direction: Direction, has_kept: bool) -> Document {
        let Self { forward, backward } = self;
        let reaches = !backward.pipeline.is_empty();
        match direction {
            Direction::Up if forward.filter.is_empty() || !reaches => forward.filter.clone(),
            Direction::Up if backward.filter.is_empty() => doc! {},
            Direction::Up => {
                doc! { "$or": [forward.filter.clone(), backward.filter.clone()] }
            }
            Direction::Down if has_kept || !reaches => doc! {},
            Direction::Down => backward.filter.clone(),
        }
    }

    /// Updates these documents in one direction, and returns entries for the documents that the
    /// other direction does not restore.
    pub(super) async fn run(
        &self,
        batch: &mut Batch<'_>,
        documents: Vec<Document>,
        direction: Direction,
    ) -> Result<Vec<Document>, BoxError> {
        let other = match direction {
            Direction::Up => Direction::Down,
            Direction::Down => Direction::Up,
        };
        let (there, back) = (self.side(direction), self.side(other));
        if documents.is_empty() || there.pipeline.is_empty() {
            return Ok(Vec::new());
        }
        let these: Vec<Bson> =
            documents.iter().filter_map(|document| document.get("_id").cloned()).collect();
        let these = doc! { "_id": { "$in": these } };
        let changed = both(these.clone(), &there.filter);
        let change = doc! { "q": changed, "u": there.pipeline.clone(), "multi": true };
        batch.update([change]).await?;
        // Read, and not computed again: `$$NOW` is another moment each time.
        let after = read(batch, these.clone()).await?;
        let returned = self.returned(batch, both(these, &back.filter), back).await?;
        let mut returned = returned.into_iter().peekable();
        let mut entries = Vec::new();
        for (before, after) in documents.iter().zip(&after) {
            let id = before.get("_id").cloned().unwrap_or(Bson::Null);
            let comes_back = returned
                .next_if(|document| document.get("_id").is_some_and(|other| same(other, &id)));
            let is_lost = match &comes_back {
                Some(again) => !same_document(again, before),
                None => !same_document(after, before),
            };
            if !is_lost {
                continue;
            }
            entries.push(if same_document(after, before) {
                doc! { "_id": id, "left": true }
            } else {
                entry(id, before, after)
            });
        }
        Ok(entries)
    }

    /// Returns what the other direction makes of the documents that match, in the order of their
    /// `_id`.
    async fn returned(
        &self,
        batch: &mut Batch<'_>,
        filter: Document,
        side: &Side,
    ) -> Result<Vec<Document>, BoxError> {
        if side.pipeline.is_empty() {
            return Ok(Vec::new());
        }
        let sorted = [doc! { "$match": filter }, doc! { "$sort": { "_id": 1 } }];
        let mut pipeline = sorted.to_vec();
        pipeline.push(doc! { "$project": { "_id": 1 } });
        let ids = aggregate(batch, pipeline).await?;
        let mut pipeline = sorted.to_vec();
        pipeline.extend(side.pipeline.iter().cloned());
        let made = aggregate(batch, pipeline).await?;
        // An update keeps the `_id`, whatever its pipeline makes of it, and keeps it first.
        let documents = ids.into_iter().zip(made).map(|(mut document, mut made)| {
            made.remove("_id");
            document.extend(made);
            document
        });
        Ok(documents.collect())
    }

    /// Returns the document as it was; `None` if one of the fields that the update changed was
    /// changed since.
    pub(super) fn restored(&self, now: &Document, entry: &Document) -> Option<Document> {
        let fields = |key: &str| entry.get_array(key).map(Vec::as_slice).unwrap_or_default();
        let unchanged = fields("after").iter().all(|field| {
            let Some((name, value)) = named(field) else { return false };
            match (now.get(name), value) {
                (Some(now), Some(then)) => same(now, then),
                (None, None) => true,
                _ => false,
            }
        });
        if !unchanged {
            return None;
        }
        let mut document = now.clone();
        for field in fields("before") {
            match named(field)? {
                (name, Some(value)) => {
                    document.insert(name, value.clone());
                }
                (name, None) => {
                    document.remove(name);
                }
            }
        }
        Some(document)
    }
}

/// The entry of a document: the fields that the change concerns, before and after it.
fn entry(id: Bson, before: &Document, after: &Document) -> Document {
    let added = after.keys().filter(|key| !before.contains_key(key.as_str()));
    let concerned: Vec<&String> = before
        .keys()
        .chain(added)
        .filter(|key| match (before.get(key.as_str()), after.get(key.as_str())) {
            (Some(before), Some(after)) => !same(before, after),
            _ => true,
        })
        .collect();
    let fields_of = |document: &Document| -> Vec<Document> {
        concerned
            .iter()
            .map(|key| {
                let mut field = doc! { "k": key.as_str() };
                if let Some(value) = document.get(key.as_str()) {
                    field.insert("v", value.clone());
                }
                field
            })
            .collect()
    };
    doc! { "_id": id, "before": fields_of(before), "after": fields_of(after) }
}

fn named(field: &Bson) -> Option<(&str, Option<&Bson>)> {
    let field = field.as_document()?;
    Some((field.get_str("k").ok()?, field.get("v")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_remembered_is_what_was_changed() {
        let (before, after) =
            (doc! { "_id": 1, "a": 1, "b": 2 }, doc! { "_id": 1, "b": 3, "c": 4 });
        let entry = entry(1.into(), &before, &after);
        let pipelines = Pipelines {
            forward: Side { filter: doc! {}, pipeline: vec![] },
            backward: Side { filter: doc! {}, pipeline: vec![] },
        };
        let now = doc! { "_id": 1, "b": 3, "c": 4, "d": 5 };
        let back = pipelines.restored(&now, &entry).unwrap();
        assert_eq!(back, doc! { "_id": 1, "b": 2, "d": 5, "a": 1 });
        let changed = doc! { "_id": 1, "b": 3, "c": 4_i64 };
        assert_eq!(pipelines.restored(&changed, &entry), None);
    }

    #[test]
    fn what_is_no_update_is_told() {
        let side = |pipeline| Side { filter: doc! {}, pipeline };
        let problems = |forward, backward| {
            Pipelines { forward: side(forward), backward: side(backward) }.problems("a").len()
        };
        let set = vec![doc! { "$set": { "a": 1 } }];
        assert_eq!(problems(set.clone(), vec![]), 0);
        assert_eq!(problems(vec![], set.clone()), 1);
        assert_eq!(
            problems(vec![doc! { "$out": "x" }], vec![doc! { "$set": {}, "$unset": "a" }]),
            2
        );
        assert_eq!(problems(vec![doc! {}], set), 1);
    }
}
