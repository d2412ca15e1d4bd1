//! The way forward of a rewrite: changes a batch, and remembers what the way back cannot restore.

use std::cell::Cell;

use mongodb::bson::{Bson, Document, RawDocument, doc};

use super::{
    convert,
    direct::{self, Direct, Expected, Kept},
    documents::{aggregate, aggregate_command, find_command, ids},
    expr,
    fields::{Edit, Refusal},
    kind::{Rewrite, RewriteKind},
    restore,
};
use crate::{
    kinds::{
        backfill::{
            work::{Again, Batch, Work},
            worker::worth_another,
        },
        online::Online,
    },
    model::{result::BoxError, state::Direction},
    mongo::{refusal, reply},
    protocol::checkpoint::range::both,
};

/// Changes batches, and remembers the documents that the way back would not restore.
pub(crate) struct Forward<'a> {
    pub(super) rewrite: &'a Rewrite,
    pub(super) kept: &'a str,
    pub(super) is_collated: bool,
    pub(super) expectation: Expectation,
}

impl Work for Forward<'_> {
    async fn batch(&self, batch: &mut Batch<'_>) -> Result<(), BoxError> {
        match &self.rewrite.kind {
            RewriteKind::Field(edit) => {
                let filter = batch.filter.clone();
                let Self { kept: aside, is_collated, .. } = *self;
                let way = Way { direction: Direction::Up, is_collated, aside, is_again: false };
                edit_batch(batch, self.rewrite, edit, way, filter, Some(&self.expectation)).await
            }
            RewriteKind::Pipelines(pipelines) => {
                let mut reader = batch.reader(find_command(batch.collection, batch.filter.clone()));
                while let Some(documents) = reader.next(batch).await? {
                    let entries = pipelines.run(batch, documents, Direction::Up).await?;
                    batch.insert(self.kept, entries).await?;
                }
                Ok(())
            }
        }
    }
}

/// What the batches of a run expect of their documents.
#[derive(Debug)]
pub(crate) struct Expectation {
    /// It only ever becomes less.
    expected: Cell<Expected>,
    /// The statement that matched the last documents of a batch: mostly it matches all of the next one.
    first: Cell<usize>,
}

impl Expectation {
    /// Behind a router nothing is expected: some servers count documents that a shard no longer owns as matched.
    pub(super) fn of(on: &mut Online<'_>) -> Self {
        let is_known = on.engine().in_replica_set();
        let expected = if is_known { Expected::Shorter } else { Expected::Nothing };
        Self { expected: Cell::new(expected), first: Cell::new(0) }
    }

    /// Changes the documents of the batch, if they are all as expected. `false`: nothing is expected.
    ///
    /// The update leaves all others out; if it matches as many documents as there are, there are no others.
    /// Where there are, less is expected from then on, and the batch begins again ([`Again`]).
    async fn change(&self, batch: &mut Batch<'_>, direct: &Direct) -> Result<bool, BoxError> {
        let expected = self.expected.get();
        let statements = direct.of_expected(&batch.range, expected);
        let Some(statements) = statements.filter(|_| batch.may_begin_again) else {
            return Ok(false);
        };
        let all = count(batch).await?;
        let (first, of) = (self.first.get(), statements.len());
        let in_order = statements.into_iter().enumerate().cycle().skip(first).take(of);
        for (number, statement) in in_order {
            match batch.update([statement]).await {
                Ok(()) if batch.matched == all => {
                    self.first.set(number);
                    return Ok(true);
                }
                Ok(()) => {}
                Err(error) if worth_another(error.as_ref()).is_some() => return Err(error),
                // Other documents, changed at another time, may have been in the way. If it comes again, it comes
                // where each document is known.
                Err(_) => {
                    self.expected.set(Expected::Nothing);
                    return Err(Again.into());
                }
            }
        }
        // Another worker may have seen that before.
        if self.expected.get() == expected {
            self.expected.set(direct.expected_after(expected));
        }
        Err(Again.into())
    }
}

/// The direction in which documents are changed, and where overwritten values are remembered.
#[derive(Clone, Copy)]
pub(crate) struct Way<'a> {
    pub(super) direction: Direction,
    /// The server compares the collection's strings otherwise than by their bytes.
    pub(super) is_collated: bool,
    pub(super) aside: &'a str,
    /// Documents may have entries of an earlier run, which are forgotten first.
    pub(super) is_again: bool,
}

impl Way<'_> {
    /// Remembers values that are overwritten: what this pipeline finds, as it is.
    async fn carry(&self, batch: &mut Batch<'_>, pipeline: Vec<Document>) -> Result<(), BoxError> {
        let command = aggregate_command(batch.collection, pipeline);
        batch.carry(command, self.aside).await
    }

    /// Forgets what an earlier run remembered of the documents of the batch, but for those that are settled: the
    /// others are judged anew, as they are now.
    pub(super) async fn forget(
        &self,
        batch: &mut Batch<'_>,
        settled: &[Bson],
    ) -> Result<(), BoxError> {
        let these = if self.is_collated {
            // Strings are in another order than in the collection with the entries.
            doc! { "_id": { "$in": restore::read_ids(batch, batch.range.clone()).await? } }
        } else {
            batch.range.clone()
        };
        let others = doc! { "_id": { "$nin": settled.to_vec() } };
        self.delete(batch, both(these, &others)).await
    }

    /// Forgets what an earlier run remembered of these documents.
    pub(super) async fn forget_these(
        &self,
        batch: &mut Batch<'_>,
        ids: Vec<Bson>,
    ) -> Result<(), BoxError> {
        if ids.is_empty() {
            return Ok(());
        }
        self.delete(batch, doc! { "_id": { "$in": ids } }).await
    }

    async fn delete(&self, batch: &mut Batch<'_>, entries: Document) -> Result<(), BoxError> {
        let delete = doc! { "q": entries, "limit": 0 };
        batch.send(doc! { "delete": self.aside, "deletes": [delete] }).await?;
        Ok(())
    }
}

/// Applies the edit, or its inverse, to the documents that match, and remembers entries in another
/// collection.
pub(crate) async fn edit_batch(
    batch: &mut Batch<'_>,
    rewrite: &Rewrite,
    edit: &Edit,
    way: Way<'_>,
    filter: Document,
    expectation: Option<&Expectation>,
) -> Result<(), BoxError> {
    let Way { direction, is_collated, .. } = way;
    if is_collated {
        refuse(batch, rewrite, direction, &filter).await?;
        return general(batch, edit, way, filter).await;
    }
    let direct = direct::of(edit, direction);
    if let Some(expectation) = expectation
        && expectation.change(batch, &direct).await?
    {
        return Ok(());
    }
    // One look shows whether there is such a document.
    let mut strange = direct.unusual.clone();
    strange.extend(direct.changes.iter().filter_map(direct::Change::needs_longer));
    let is_strange = any(batch, &filter, &strange).await?;
    if is_strange && any(batch, &filter, &direct.unusual).await? {
        refuse(batch, rewrite, direction, &filter).await?;
        for Kept { filter: kept, before, after } in direct.kept {
            let found = doc! { "$match": both(filter.clone(), &kept) };
            let entry = doc! { "$project": { "before": before, "after": after } };
            way.carry(batch, vec![found, entry]).await?;
        }
        for left in &direct.left {
            let found = doc! { "$match": both(filter.clone(), left) };
            let entry = doc! { "$project": { "left": { "$literal": true } } };
            way.carry(batch, vec![found, entry]).await?;
        }
        // Before the others are changed, which may match then.
        if any(batch, &filter, &direct.rest).await? {
            let rest = both(filter.clone(), &doc! { "$or": direct.rest });
            general(batch, edit, way, rest).await?;
        }
    }
    let mut statements = Vec::new();
    for change in direct.changes {
        let is_long = match change.needs_longer() {
            Some(these) if is_strange => any(batch, &filter, &[these]).await?,
            _ => false,
        };
        let direct::Change { filter: these, update, shorter } = change;
        let update = match shorter {
            Some(shorter) if !is_long => shorter.update,
            _ => update,
        };
        statements.push(doc! { "q": both(filter.clone(), &these), "u": update, "multi": true });
    }
    batch.update(statements).await
}

/// Refuses documents that were written since the operation began, and cannot be changed.
async fn refuse(
    batch: &mut Batch<'_>,
    rewrite: &Rewrite,
    direction: Direction,
    filter: &Document,
) -> Result<(), BoxError> {
    let Some(Refusal { filter: may, test, problem }) = rewrite.refusal(direction) else {
        return Ok(());
    };
    let these = doc! { "$match": both(filter.clone(), &may) };
    let pipeline = refusal::naming([these, doc! { "$match": { "$expr": test } }]);
    let named = aggregate(batch, pipeline).await?;
    if named.is_empty() {
        return Ok(());
    }
    Err(format!(
        "there are documents of `{}` {problem} ({}), written since it began; the batches before are \
         done, this batch left no trace: fix these documents, and run `{}` again",
        rewrite.collection,
        ids(&named),
        direction.as_str()
    )
    .into())
}

/// How many documents there are in the range of the batch, whether the operation is about them or not.
async fn count(batch: &mut Batch<'_>) -> Result<u64, BoxError> {
    let these = doc! { "$match": batch.range.clone() };
    let found = aggregate(batch, vec![these, doc! { "$count": "n" }]).await?;
    Ok(found.first().map_or(0, |found| reply::count(found, "n")))
}

/// Whether a document of the batch matches one of the filters.
async fn any(
    batch: &mut Batch<'_>,
    filter: &Document,
    these: &[Document],
) -> Result<bool, BoxError> {
    if these.is_empty() {
        return Ok(false);
    }
    let command = doc! {
        "find": batch.collection,
        "filter": both(filter.clone(), &doc! { "$or": these.to_vec() }),
        "projection": { "_id": 1 },
        "limit": 1,
        "singleBatch": true,
    };
    let mut found = false;
    let see = |_: &RawDocument| {
        found = true;
        Ok(())
    };
    batch.each(command, see).await?;
    Ok(found)
}

/// The general form: rebuilds each document, and has the server find the documents that do not come
/// back.
async fn general(
    batch: &mut Batch<'_>,
    edit: &Edit,
    way: Way<'_>,
    filter: Document,
) -> Result<(), BoxError> {
    let Way { direction, is_collated, .. } = way;
    let pipeline = entries(edit, direction, filter.clone());
    if is_collated {
        let command = aggregate_command(batch.collection, compared(pipeline));
        let mut reader = batch.reader(command);
        while let Some(found) = reader.next(batch).await? {
            let lost = found.iter().filter_map(lost).map(entry).collect();
            batch.insert(way.aside, lost).await?;
        }
    } else {
        way.carry(batch, pipeline).await?;
    }
    let document = edit.apply(direction, expr::ROOT);
    let change = vec![doc! { "$replaceWith": document }];
    batch.update([doc! { "q": filter, "u": change, "multi": true }]).await
}

/// Keeps only the stages that compute what each document holds, would hold after the way there, and
/// would hold after the way back. Under a collation the server cannot tell which strings differ.
fn compared(mut pipeline: Vec<Document>) -> Vec<Document> {
    pipeline.truncate(2);
    pipeline
}

/// Finds in a document of [`compared`] what [`entries`] finds if the server compares by bytes.
fn lost(found: &Document) -> Option<Document> {
    let differ = |left: &str, right: &str| match (found.get(left), found.get(right)) {
        (Some(left), Some(right)) => !expr::same(left, right),
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

/// The pipeline that finds the documents which the way back does not restore, or which it would
/// refuse although the way there left them alone.
pub(crate) fn entries(edit: &Edit, direction: Direction, filter: Document) -> Vec<Document> {
    let other = match direction {
        Direction::Up => Direction::Down,
        Direction::Down => Direction::Up,
    };
    let there = |then: Bson| expr::bind("there", edit.apply(direction, expr::ROOT), then);
    // What the way back refuses is not restored by it.
    let failed = convert::failed();
    let returned =
        |then: Bson| expr::bind("back", edit.apply_or(other, "there", Some(&failed)), then);
    let back = |then: Bson| there(returned(then));
    let anchors = |holder: &str| -> Bson {
        edit.paths().iter().map(|path| expr::anchor(holder, path.fields())).collect()
    };
    let mut shown = doc! {
        "o": anchors(expr::ROOT), "f": there(anchors("there")), "b": back(anchors("back")),
    };
    let mut lost = vec![expr::differ("$o", "$b")];
    let mut touched = vec![expr::differ("$o", "$f")];
    if let Some(path) = edit.typed() {
        let types = |holder: &str| expr::signature(holder, path.fields());
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
        doc! { "$project": {
            "before": expr::cond("$touched", "$before", "$$REMOVE"),
            "after": expr::cond("$touched", "$after", "$$REMOVE"),
            "left": expr::cond("$touched", "$$REMOVE", true),
        } },
    ]
}

/// The entry of a document, as it is stored.
pub(crate) fn entry(mut found: Document) -> Document {
    if found.remove("touched").and_then(|touched| touched.as_bool()).unwrap_or(true) {
        return found;
    }
    doc! { "_id": found.remove("_id").unwrap_or(Bson::Null), "left": true }
}
