//! Rewrites the documents of a collection so that they come back exactly.
//!
//! One law holds for all of it. There is a way forward F and a way backward B. In the transaction
//! that changes a batch, every document d for which B(F(d)) is not d is remembered: with what it
//! held before and after, or, where F(d) is d, as one to be left alone. The rollback puts back
//! what is remembered, as long as nobody has changed it since, and applies B to all others. What
//! B would overwrite for good is put aside in the same way.

use std::collections::HashMap;

use mongodb::bson::{Bson, Document, doc};

use super::{
    catalog, expr,
    fields::{Edit, Refusal},
    keep,
    operation::Slot,
    pipelines::Pipelines,
    turn, validators,
};
use crate::{
    BoxError, Direction, Online,
    backfill::{self, Batch, Job, Work, both, ranges_filter, twice},
    refusal,
    report::counted,
};

/// How many documents an error names.
const NAMED_MAX: i32 = 5;
/// Documents per batch where they come to this side.
const HERE: u32 = 500;

/// What is done to the documents of a collection.
#[derive(Clone, Debug)]
pub(super) struct Rewrite {
    pub collection: String,
    pub how: How,
}

#[derive(Clone, Debug)]
pub(super) enum How {
    Field(Edit),
    Pipelines(Pipelines),
}

impl Rewrite {
    pub(super) fn forward_text(&self) -> String {
        match &self.how {
            How::Field(edit) => edit.forward_text(&self.collection),
            How::Pipelines(pipelines) => pipelines.forward_text(&self.collection),
        }
    }

    pub(super) fn undo_text(&self) -> String {
        match &self.how {
            How::Field(edit) => edit.undo_text(&self.collection),
            How::Pipelines(pipelines) => pipelines.undo_text(&self.collection),
        }
    }

    pub(super) fn problems(&self) -> Vec<String> {
        match &self.how {
            How::Field(edit) => edit.problems(&self.collection),
            How::Pipelines(pipelines) => pipelines.problems(&self.collection),
        }
    }

    /// Which documents it changes, for those who count them beforehand.
    pub(super) fn touched(&self, direction: Direction) -> Document {
        match &self.how {
            How::Field(edit) => edit.touched(direction),
            How::Pipelines(pipelines) => pipelines.side(direction).filter.clone(),
        }
    }

    fn refusal(&self, direction: Direction) -> Option<Refusal> {
        match &self.how {
            How::Field(edit) => edit.refusal(direction),
            How::Pipelines(_) => None,
        }
    }

    /// The walk through the documents. `found`: what the operation found, and where its migration
    /// turned round, if it did. `kept`: the collection with the documents that are to be put back.
    fn job(&self, slot: Slot, direction: Direction, found: &Document, kept: Option<&str>) -> Job {
        let mut job = Job::new(&slot.step(), &self.collection);
        job.beside = kept.map(str::to_owned);
        match &self.how {
            How::Field(edit) => job.filter = edit.involved(direction),
            How::Pipelines(pipelines) => {
                if kept.is_none() {
                    job.filter = pipelines.involved(direction, false);
                }
                job.batch = Some(HERE);
            }
        }
        if turn::is_turned(found, direction) {
            job.ranges = turn::parts(found);
        }
        job
    }

    /// Whether the batches are to be written past the validator, and whether this user may.
    async fn bypass(
        &self,
        on: &mut Online<'_>,
        unjudged: bool,
        found: &catalog::Collection,
    ) -> Result<bool, BoxError> {
        Ok(unjudged
            && found.options.contains_key("validator")
            && catalog::may_bypass(on, &self.collection).await?)
    }

    /// Refuses documents of which something would be lost, as they have a field twice.
    async fn refuse_twice(
        &self,
        on: &mut Online<'_>,
        direction: Direction,
        part: &Document,
    ) -> Result<(), BoxError> {
        let (involved, test) = match &self.how {
            How::Field(edit) => {
                let mut tests = vec![twice::here(expr::ROOT)];
                for path in edit.paths() {
                    // With all that is beside the path: an array is remembered as a whole.
                    let first = path.fields().first().map_or("", String::as_str);
                    let depth = twice::DEPTH.max(path.fields().len());
                    let value = expr::member(expr::ROOT, first);
                    tests.push(expr::bind("first", value, twice::within("first", depth)));
                }
                (edit.involved(direction), expr::any_of(tests))
            }
            How::Pipelines(pipelines) => {
                let test = twice::within(expr::ROOT, twice::DEPTH);
                (pipelines.involved(direction, false), test)
            }
        };
        let pipeline = twice::pipeline(both(involved, part), test);
        let found = catalog::aggregate(on, &self.collection, pipeline).await?;
        match twice::refusal(&self.collection, &found) {
            None => Ok(()),
            Some(problem) => Err(problem.into()),
        }
    }

    pub(super) async fn observe(
        &self,
        on: &mut Online<'_>,
        slot: Slot,
    ) -> Result<Document, BoxError> {
        if let Some(found) = catalog::collection(on, &self.collection).await? {
            if let Some(problem) = found.unwalkable(&self.collection) {
                return Err(problem.into());
            }
            self.refuse(on, Direction::Up, None, &doc! {}).await?;
            self.refuse_twice(on, Direction::Up, &doc! {}).await?;
        }
        Ok(doc! { "kept": keep::name(on, slot.number).await? })
    }

    /// Refuses, before anything is changed, what cannot be done exactly.
    async fn refuse(
        &self,
        on: &mut Online<'_>,
        direction: Direction,
        kept: Option<&str>,
        part: &Document,
    ) -> Result<(), BoxError> {
        let Some(Refusal { filter, test, problem }) = self.refusal(direction) else {
            return Ok(());
        };
        let mut pipeline =
            vec![doc! { "$match": both(filter, part) }, doc! { "$match": { "$expr": test } }];
        if let Some(kept) = kept {
            // Those will be put back, or left alone.
            pipeline.push(doc! { "$lookup": {
                "from": kept, "localField": "_id", "foreignField": "_id", "as": "kept",
            } });
            pipeline.push(doc! { "$match": { "kept": { "$size": 0 } } });
        }
        let mut some = pipeline.clone();
        some.extend([doc! { "$limit": NAMED_MAX }, doc! { "$project": { "_id": 1 } }]);
        let some = catalog::aggregate(on, &self.collection, some).await?;
        if some.is_empty() {
            return Ok(());
        }
        pipeline.push(doc! { "$count": "n" });
        let count = catalog::aggregate(on, &self.collection, pipeline).await?;
        let count = count.first().and_then(|found| crate::command::number(found, "n"));
        let verb = direction.as_str();
        Err(format!(
            "{} of `{}` {problem} ({}); nothing was changed: mend them, and run `{verb}` again",
            many(count.unwrap_or(0)),
            self.collection,
            ids(&some)
        )
        .into())
    }

    pub(super) async fn forward(
        &self,
        on: &mut Online<'_>,
        slot: Slot,
        found: &Document,
    ) -> Result<(), BoxError> {
        let kept = keep::chosen(found)?;
        let mut count = 0;
        if let Some(now) = catalog::collection(on, &self.collection).await? {
            if !on.is_done(&slot.step()) {
                keep::open(on, kept).await?;
            }
            let unjudged = found.get_bool(validators::UNJUDGED).unwrap_or(false);
            let bypass = self.bypass(on, unjudged, &now).await?;
            let is_collated = now.is_collated();
            let walked = if turn::is_turned(found, Direction::Up) {
                self.again(on, slot, found, (bypass, is_collated)).await
            } else {
                let job = Job { bypass, ..self.job(slot, Direction::Up, found, None) };
                let work = Forward { rewrite: self, kept, is_collated };
                backfill::run(on, job, &work).await.map(drop)
            };
            walked.map_err(|error| {
                validators::explain(&self.collection, Direction::Up, unjudged, error)
            })?;
            count = catalog::count(on, kept, doc! {}).await?;
        }
        let mut found = found.clone();
        found.insert("documents", count);
        found.remove(turn::TURNED);
        found.remove(turn::REACHED);
        on.checkpoint(None, Some((&slot.key(), &found)), async |_| Ok(())).await?;
        if count == 0 {
            catalog::drop(on, kept).await?;
        }
        Ok(())
    }

    /// Does again what a rollback undid that was given up: the law with both ways exchanged. What
    /// the rollback put aside is put back, and everything else goes forward. What was kept before
    /// is still there, as a rollback only marks it.
    async fn again(
        &self,
        on: &mut Online<'_>,
        slot: Slot,
        found: &Document,
        (bypass, is_collated): (bool, bool),
    ) -> Result<(), BoxError> {
        let kept = keep::chosen(found)?.to_owned();
        let back = keep::back(&kept);
        let has_back = catalog::collection(on, &back).await?.is_some();
        let kept_here = has_back.then_some(back.as_str());
        let job = Job { bypass, ..self.job(slot, Direction::Up, found, kept_here) };
        if !on.is_done(&slot.step()) {
            let part = job.ranges.as_deref().map(ranges_filter).unwrap_or_default();
            self.refuse_twice(on, Direction::Up, &part).await?;
        }
        let work = Return {
            rewrite: self,
            way: Way { direction: Direction::Up, is_collated, aside: &kept, is_again: true },
            kept: has_back.then_some(&back),
        };
        backfill::run(on, job, &work).await?;
        self.settle(on, &back).await
    }

    /// Drops what was put back; keeps what somebody has changed since.
    async fn settle(&self, on: &mut Online<'_>, kept: &str) -> Result<(), BoxError> {
        let changed = catalog::count(on, kept, doc! { "changed": true }).await?;
        if changed == 0 {
            return Ok(catalog::drop(on, kept).await?);
        }
        tracing::warn!(
            target: "mongrate", collection = self.collection, kept, documents = changed,
            "some documents had been changed since: they were not set back to what they held \
             before, which is kept until `purge`"
        );
        Ok(())
    }

    /// Whether what was kept is still there.
    pub(super) async fn ready(
        &self,
        on: &mut Online<'_>,
        slot: Slot,
        found: &Document,
    ) -> Result<(), BoxError> {
        let count = crate::command::number(found, "documents").unwrap_or(0);
        if count == 0 || on.is_done(&slot.step()) {
            return Ok(());
        }
        let kept = keep::chosen(found)?;
        if catalog::collection(on, kept).await?.is_some() {
            return Ok(());
        }
        Err(format!(
            "what {} of `{}` held before was kept in `{kept}`, which is gone (`purge`?); they \
             cannot be brought back; nothing was changed: restore `{kept}` from a backup, and run \
             `down` again",
            many(count),
            self.collection
        )
        .into())
    }

    pub(super) async fn backward(
        &self,
        on: &mut Online<'_>,
        slot: Slot,
        found: &Document,
    ) -> Result<(), BoxError> {
        // After a baseline nothing was kept, as nothing was run.
        let Ok(kept) = keep::chosen(found).map(str::to_owned) else {
            return Err("it was recorded as applied without being run: what its documents held \
                        before is not known"
                .into());
        };
        let back = keep::back(&kept);
        if let Some(now) = catalog::collection(on, &self.collection).await? {
            let has_kept = catalog::collection(on, &kept).await?.is_some();
            let job = self.job(slot, Direction::Down, found, has_kept.then_some(kept.as_str()));
            if !on.is_done(&slot.step()) {
                let part = job.ranges.as_deref().map(ranges_filter).unwrap_or_default();
                let kept = has_kept.then_some(kept.as_str());
                self.refuse(on, Direction::Down, kept, &part).await?;
                self.refuse_twice(on, Direction::Down, &part).await?;
                keep::open(on, &back).await?;
            }
            // It brings back what was there, under whatever validator: none may be in its way.
            let bypass = self.bypass(on, true, &now).await?;
            let work = Return {
                rewrite: self,
                way: Way {
                    direction: Direction::Down,
                    is_collated: now.is_collated(),
                    aside: &back,
                    is_again: false,
                },
                kept: has_kept.then_some(&kept),
            };
            backfill::run(on, Job { bypass, ..job }, &work).await.map_err(|error| {
                validators::explain(&self.collection, Direction::Down, true, error)
            })?;
        }
        if !keep::close(on, &back).await? {
            tracing::info!(
                target: "mongrate", collection = self.collection, kept = back,
                "what the rollback had to overwrite is kept until `purge`"
            );
        }
        self.settle(on, &kept).await
    }
}

/// Changes batches, and remembers what would not come back by itself.
struct Forward<'a> {
    rewrite: &'a Rewrite,
    kept: &'a str,
    is_collated: bool,
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
struct Way<'a> {
    direction: Direction,
    /// The server compares strings otherwise than by their bytes.
    is_collated: bool,
    aside: &'a str,
    /// Something may be remembered of a document already: what it held before is the later one.
    is_again: bool,
}

impl Way<'_> {
    /// Remembers what is overwritten.
    async fn put_aside(
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
async fn edit_batch(
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
fn entries(edit: &Edit, direction: Direction, filter: Document) -> Vec<Document> {
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
fn entry(mut found: Document) -> Document {
    if found.remove("touched").and_then(|touched| touched.as_bool()).unwrap_or(true) {
        return found;
    }
    doc! { "_id": found.remove("_id").unwrap_or(Bson::Null), "left": true }
}

/// Puts back what was remembered, and goes back with the rest: to what was there before the
/// migration, or, where its rollback is given up, to what was there before that.
struct Return<'a> {
    rewrite: &'a Rewrite,
    /// It puts aside what it overwrites.
    way: Way<'a>,
    kept: Option<&'a String>,
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

/// The documents of the batch's collection that match, in the order of their `_id`.
pub(super) async fn read(
    batch: &mut Batch<'_>,
    filter: Document,
) -> Result<Vec<Document>, BoxError> {
    find(batch, batch.collection, filter, doc! {}).await
}

async fn find(
    batch: &mut Batch<'_>,
    collection: &str,
    filter: Document,
    projection: Document,
) -> Result<Vec<Document>, BoxError> {
    let mut command = found(collection, filter);
    command.insert("projection", projection);
    batch.read(command).await
}

/// The documents that match, in the order of their `_id`.
fn found(collection: &str, filter: Document) -> Document {
    doc! { "find": collection, "filter": filter, "sort": { "_id": 1 } }
}

fn aggregation(collection: &str, pipeline: Vec<Document>) -> Document {
    doc! { "aggregate": collection, "pipeline": pipeline, "cursor": {} }
}

/// Over the documents of the batch's collection.
pub(super) async fn aggregate(
    batch: &mut Batch<'_>,
    pipeline: Vec<Document>,
) -> Result<Vec<Document>, BoxError> {
    batch.read(aggregation(batch.collection, pipeline)).await
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
fn key(id: &Bson) -> Result<Vec<u8>, BoxError> {
    bytes(&doc! { "_id": id.clone() })
}

fn bytes(document: &Document) -> Result<Vec<u8>, BoxError> {
    let mut bytes = Vec::new();
    document.to_writer(&mut bytes)?;
    Ok(bytes)
}

fn many(count: i64) -> String {
    counted(u64::try_from(count).unwrap_or(0), "document")
}

/// Some `_id`s, for people.
fn ids(documents: &[Document]) -> String {
    format!("_id {}", refusal::ids(documents))
}
