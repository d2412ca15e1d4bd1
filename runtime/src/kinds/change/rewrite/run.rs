//! Runs a rewrite in both directions: walks over the documents, keeps values, refuses documents.

use mongodb::bson::{Document, doc};

use super::{
    backward::Backward,
    direct,
    documents::{counted_documents, ids},
    expr,
    fields::Refusal,
    forward::{Expectation, Forward, Way},
    kind::{Rewrite, RewriteKind},
};
use crate::{
    kinds::{
        backfill::{self, job::Job, scout::Scout, twice},
        catalog,
        change::{keep, names::Path, reached, slot::Slot, unjudged},
        online::Online,
    },
    model::{result::BoxError, state::Direction},
    mongo::{code, refusal, reply::first_batch},
    protocol::checkpoint::{range::both, reach::filter as ranges_filter},
};

/// The documents of a batch that this process reads.
const BATCH_WHEN_READ_HERE: u32 = 500;

impl Rewrite {
    /// The walk over the documents. `found`: what the operation found, and where its migration
    /// turned round, if it did. `kept`: the collection with the entries that are to be put back.
    fn job(&self, slot: Slot, direction: Direction, found: &Document, kept: Option<&str>) -> Job {
        let mut job = Job::new(&slot.step(), &self.collection);
        job.workers = self.workers;
        job.beside = kept.map(str::to_owned);
        match &self.kind {
            RewriteKind::Field(edit) => job.filter = edit.involved(direction),
            RewriteKind::Pipelines(pipelines) => {
                if kept.is_none() {
                    job.filter = pipelines.involved(direction, false);
                }
                job.batch = Some(BATCH_WHEN_READ_HERE);
            }
        }
        if reached::is_turned(found, direction) {
            job.ranges = reached::parts(found);
        }
        job
    }

    /// Whether the batches are written past the validator: they are to be, and this user may.
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

    /// The filter of the documents that are looked at, and the filters that find those among them that
    /// have a field twice.
    fn twice(&self, direction: Direction) -> (Document, Vec<Document>) {
        match &self.kind {
            RewriteKind::Field(edit) => {
                let mut any_of = vec![doc! { "$expr": twice::root() }];
                for path in edit.paths() {
                    // With the fields beside the path, because an array is remembered as a whole.
                    let first = path.fields().first().map_or("", String::as_str);
                    // An array is a level of its own.
                    let depth = (2 * path.fields().len()).clamp(twice::DEPTH, twice::DEPTH_MAX);
                    any_of.push(twice::within_field(first, depth));
                }
                (edit.involved(direction), any_of)
            }
            RewriteKind::Pipelines(pipelines) => {
                let test = doc! { "$expr": twice::within(expr::ROOT, twice::DEPTH) };
                (pipelines.involved(direction, false), vec![test])
            }
        }
    }

    /// Refuses documents that have a field twice: one of its values would be lost.
    async fn refuse_twice(
        &self,
        on: &mut Online<'_>,
        direction: Direction,
        part: &Document,
    ) -> Result<(), BoxError> {
        let (involved, any_of) = self.twice(direction);
        let pipeline = twice::pipeline(both(involved, part), any_of);
        let found = catalog::aggregate(on, &self.collection, pipeline).await?;
        match twice::refusal(&self.collection, &found) {
            None => Ok(()),
            Some(problem) => Err(problem.into()),
        }
    }

    pub(crate) async fn observe(
        &self,
        on: &mut Online<'_>,
        slot: Slot,
    ) -> Result<Document, BoxError> {
        if let Some(found) = catalog::collection(on, &self.collection).await? {
            if let Some(problem) = found.unwalkable(&self.collection) {
                return Err(problem.into());
            }
            self.refuse_shard_key(on).await?;
            let all = doc! {};
            self.refuse(on, Direction::Up, (None, &all), found.is_collated()).await?;
        }
        Ok(doc! { "kept": keep::name(on, slot.number).await? })
    }

    /// Refuses to change a field of the shard key: the server moves such a document to another shard, and
    /// does that for one document at a time.
    async fn refuse_shard_key(&self, on: &mut Online<'_>) -> Result<(), BoxError> {
        let RewriteKind::Field(edit) = &self.kind else { return Ok(()) };
        let found = match catalog::sharded(on, &self.collection).await {
            // Who may not look gets the server's refusal, if there is one.
            Err(error) if error.code() == Some(code::UNAUTHORIZED) => None,
            found => found?,
        };
        let key = found.as_ref().and_then(|found| found.get_document("key").ok());
        let parts = key.into_iter().flat_map(Document::keys).map(Path::new);
        for part in parts {
            if edit.paths().iter().any(|path| path.holds(&part) || part.holds(path)) {
                return Err(format!(
                    "`{}` is in the shard key of `{}`, and the server changes the shard key of one \
                     document at a time only; nothing was changed: change it in an online migration, one \
                     document after the other",
                    part.text(),
                    self.collection
                )
                .into());
            }
        }
        Ok(())
    }

    /// Refuses, before anything is changed, what cannot be done exactly. One pass over the collection
    /// shows whether there may be such documents at all.
    async fn refuse(
        &self,
        on: &mut Online<'_>,
        direction: Direction,
        (kept, part): (Option<&str>, &Document),
        is_collated: bool,
    ) -> Result<(), BoxError> {
        if let (RewriteKind::Field(edit), false) = (&self.kind, is_collated) {
            let (involved, twice) = self.twice(direction);
            let mut these = direct::of(edit, direction).refused;
            these.extend(twice);
            let there_may_be = self.there_may_be(on, both(involved, part), these);
            if !there_may_be.await? {
                return Ok(());
            }
        }
        self.refuse_inexact(on, direction, kept, part).await?;
        self.refuse_twice(on, direction, part).await
    }

    /// Whether one of the filters finds a document among these. Looks at parts of the collection at the same
    /// time: as many as there are workers, and two for one worker, who reads beside its writing later, too.
    async fn there_may_be(
        &self,
        on: &mut Online<'_>,
        these: Document,
        any_of: Vec<Document>,
    ) -> Result<bool, BoxError> {
        let control = on.engine().control.clone();
        let scout = Scout::new(&control, &Job::new("", &self.collection), self.workers);
        let parts = scout.parts(self.workers.max(2)).await?;
        let looks = parts.iter().map(|part| {
            let pipeline = vec![
                doc! { "$match": both(part.filter(), &these) },
                doc! { "$match": { "$or": any_of.clone() } },
                doc! { "$limit": 1 },
                doc! { "$project": { "_id": 1 } },
            ];
            control.retrying(None, catalog::aggregate_command(&self.collection, pipeline))
        });
        let replies = futures_util::future::try_join_all(looks).await?;
        Ok(replies.iter().any(|reply| first_batch(reply).next().is_some()))
    }

    /// Refuses what the edit cannot do exactly.
    async fn refuse_inexact(
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
            // Documents with an entry are put back, or left alone.
            pipeline.push(doc! { "$lookup": {
                "from": kept, "localField": "_id", "foreignField": "_id", "as": "kept",
            } });
            pipeline.push(doc! { "$match": { "kept": { "$size": 0 } } });
        }
        let named =
            catalog::aggregate(on, &self.collection, refusal::naming(pipeline.clone())).await?;
        if named.is_empty() {
            return Ok(());
        }
        pipeline.push(doc! { "$count": "n" });
        let count = catalog::aggregate(on, &self.collection, pipeline).await?;
        let count = count.first().and_then(|found| crate::mongo::reply::number(found, "n"));
        let verb = direction.as_str();
        Err(format!(
            "{} of `{}` {problem} ({}); nothing was changed: fix these documents, and run \
             `{verb}` again",
            counted_documents(count.unwrap_or(0)),
            self.collection,
            ids(&named)
        )
        .into())
    }

    pub(crate) async fn forward(
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
            let unjudged = found.get_bool(unjudged::UNJUDGED).unwrap_or(false);
            let bypass = self.bypass(on, unjudged, &now).await?;
            let is_collated = now.is_collated();
            let walked = if reached::is_turned(found, Direction::Up) {
                self.again(on, slot, found, (bypass, is_collated)).await
            } else {
                let job = Job { bypass, ..self.job(slot, Direction::Up, found, None) };
                let expectation = Expectation::of(on);
                let work = Forward { rewrite: self, kept, is_collated, expectation };
                backfill::run::run(on, job, &work).await.map(drop)
            };
            walked.map_err(|error| {
                unjudged::explain(&self.collection, Direction::Up, unjudged, error)
            })?;
            count = catalog::count(on, kept, doc! {}).await?;
        }
        let mut found = found.clone();
        found.insert("documents", count);
        found.remove(reached::TURNED);
        found.remove(reached::REACHED);
        on.checkpoint(None, Some((&slot.key(), &found)), async |_| Ok(())).await?;
        if count == 0 {
            catalog::drop(on, kept).await?;
        }
        Ok(())
    }

    /// Does again what a rollback undid before it was given up: the law of rewrites with both ways
    /// exchanged. The values that the rollback put aside are put back, and all other documents go
    /// forward. The entries from before are still there, because a rollback only marks them.
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
        let work = Backward {
            rewrite: self,
            way: Way { direction: Direction::Up, is_collated, aside: &kept, is_again: true },
            kept: has_back.then_some(&back),
            expectation: Expectation::of(on),
        };
        backfill::run::run(on, job, &work).await?;
        self.settle(on, &back).await
    }

    /// Drops the kept collection, unless some documents were changed since and not put back.
    async fn settle(&self, on: &mut Online<'_>, kept: &str) -> Result<(), BoxError> {
        let changed = catalog::count(on, kept, doc! { "changed": true }).await?;
        if changed == 0 {
            return Ok(catalog::drop(on, kept).await?);
        }
        tracing::warn!(
            target: "mongrate", collection = self.collection, kept, documents = changed,
            "some documents were changed since, so their old values were not put back; the old \
             values are kept until `purge`"
        );
        Ok(())
    }

    /// Refuses a rollback whose kept collection is gone.
    pub(crate) async fn ready(
        &self,
        on: &mut Online<'_>,
        slot: Slot,
        found: &Document,
    ) -> Result<(), BoxError> {
        let count = crate::mongo::reply::number(found, "documents").unwrap_or(0);
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
            counted_documents(count),
            self.collection
        )
        .into())
    }

    pub(crate) async fn backward(
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
                self.refuse(on, Direction::Down, (kept, &part), now.is_collated()).await?;
                keep::open(on, &back).await?;
            }
            // The rollback restores what was there, so no validator may stop it.
            let bypass = self.bypass(on, true, &now).await?;
            let work = Backward {
                rewrite: self,
                way: Way {
                    direction: Direction::Down,
                    is_collated: now.is_collated(),
                    aside: &back,
                    is_again: false,
                },
                kept: has_kept.then_some(&kept),
                expectation: Expectation::of(on),
            };
            backfill::run::run(on, Job { bypass, ..job }, &work).await.map_err(|error| {
                unjudged::explain(&self.collection, Direction::Down, true, error)
            })?;
        }
        if !keep::close(on, &back).await? {
            tracing::info!(
                target: "mongrate", collection = self.collection, kept = back,
                "the values that the rollback had to overwrite are kept until `purge`"
            );
        }
        self.settle(on, &kept).await
    }
}
