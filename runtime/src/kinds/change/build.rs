//! The operations that can be declared: the methods of `Change`.

use std::time::Duration;

use mongodb::bson::{Bson, Document, doc};

use super::{
    build_options::{
        ChangeType, CollMod, CreateCollection, CreateIndex, DropCollection, DropIndex,
        SetValidator, Update,
    },
    collections,
    custom::Custom,
    declared::Change,
    index_spec::Spec,
    indexes,
    names::Path,
    operation::Operation,
    options::Modify,
    rewrite::{
        convert::{FieldType, Others},
        fields::Edit,
        kind::{Rewrite, RewriteKind},
        pipelines::{Pipelines, Side},
    },
    unique::MakeUnique,
};
use crate::{kinds::online::Online, model::result::BoxError};

/// Records an operation, and returns it so that options can be set on it.
macro_rules! record {
    ($change:expr, $kind:ident, $operation:expr) => {{
        $change.operations.push(Operation::$kind($operation));
        match $change.operations.last_mut() {
            Some(Operation::$kind(recorded)) => recorded,
            _ => unreachable!("it was recorded just now"),
        }
    }};
}

impl Change {
    /// Creates a collection.
    ///
    /// Refused if the collection exists; see [`if_not_exists`](CreateCollection::if_not_exists).
    ///
    /// *Undone* by dropping the collection. If the collection has documents by then, it is renamed
    /// instead, and stays until `purge`. (The server cannot rename a time series: if it has
    /// documents, the rollback is refused.)
    ///
    /// ```
    /// use mongrate::{Change, bson::doc};
    ///
    /// fn plans(change: &mut Change) {
    ///     change
    ///         .create_collection("plans")
    ///         .validator(doc! { "name": { "$type": "string" } })
    ///         .validation_level("moderate");
    /// }
    /// ```
    pub fn create_collection(&mut self, name: impl Into<String>) -> CreateCollection<'_> {
        let create = collections::Create { name: name.into(), ..collections::Create::default() };
        CreateCollection { create: record!(self, CreateCollection, create) }
    }

    /// Drops a collection. Mongrate only renames the collection: its documents and indexes stay
    /// until `purge`. A view is dropped, and its definition is remembered.
    ///
    /// Refused if there is no such collection, see [`if_exists`](DropCollection::if_exists); and
    /// for a time series, which the server cannot rename.
    ///
    /// *Undone* by renaming the collection back, or by creating the view again.
    pub fn drop_collection(&mut self, name: impl Into<String>) -> DropCollection<'_> {
        let drop = collections::Drop { name: name.into(), if_exists: false };
        DropCollection { drop: record!(self, DropCollection, drop) }
    }

    /// Renames a collection. Refused if a collection has the new name already, and for views and
    /// time series.
    ///
    /// *Undone* by renaming the collection back.
    pub fn rename_collection(&mut self, from: impl Into<String>, to: impl Into<String>) {
        let rename = collections::Rename { from: from.into(), to: to.into() };
        self.operations.push(Operation::RenameCollection(rename));
    }

    /// Builds an index. The server does not hold up reads and writes for long meanwhile. After a
    /// crash the operation joins a build that is under way. Creates the collection if there is
    /// none.
    ///
    /// Refused if an index has the name or the keys already; see
    /// [`if_not_exists`](CreateIndex::if_not_exists).
    ///
    /// *Undone* by dropping the index, and also the collection if it was created for the index and
    /// is empty.
    ///
    /// ```
    /// use mongrate::{Change, bson::doc};
    ///
    /// fn one_account_each(change: &mut Change) {
    ///     change.create_index("users", doc! { "email": 1 }).unique(true).sparse(true);
    /// }
    /// ```
    pub fn create_index(
        &mut self,
        collection: impl Into<String>,
        keys: Document,
    ) -> CreateIndex<'_> {
        let spec = Spec::new(collection.into(), keys);
        let create = indexes::Create { spec, if_not_exists: false, commit_quorum: None };
        CreateIndex { create: record!(self, CreateIndex, create) }
    }

    /// Drops an index. Declare the index in full, with its options: they show what a rollback
    /// builds. Refused if there is no such index, see [`if_exists`](DropIndex::if_exists); or if
    /// the index differs from what is declared here.
    ///
    /// *Undone* by building the index as the server had it. That fails for a unique index if there
    /// are duplicates by then.
    pub fn drop_index(&mut self, collection: impl Into<String>, keys: Document) -> DropIndex<'_> {
        let drop = indexes::Drop { spec: Spec::new(collection.into(), keys), if_exists: false };
        DropIndex { drop: record!(self, DropIndex, drop) }
    }

    /// Hides an index from the query planner, to try out what happens without the index. Refused if
    /// the index is hidden already.
    ///
    /// *Undone* by showing the index again.
    pub fn hide_index(&mut self, collection: impl Into<String>, index: impl Into<String>) {
        self.hide(collection.into(), index.into(), true);
    }

    /// Shows a hidden index to the query planner again. Refused if the index is not hidden.
    ///
    /// *Undone* by hiding the index.
    pub fn unhide_index(&mut self, collection: impl Into<String>, index: impl Into<String>) {
        self.hide(collection.into(), index.into(), false);
    }

    fn hide(&mut self, collection: String, index: String, hidden: bool) {
        self.operations.push(Operation::HideIndex(indexes::Hide { collection, index, hidden }));
    }

    /// Changes the time after which a TTL index deletes documents; whole seconds. Refused if the
    /// index is not a TTL index.
    ///
    /// *Undone* by setting the time from before. Documents that have expired do not come back.
    pub fn expire_after(
        &mut self,
        collection: impl Into<String>,
        index: impl Into<String>,
        after: Duration,
    ) {
        let (collection, index) = (collection.into(), index.into());
        self.operations.push(Operation::ExpireAfter(indexes::Expire { collection, index, after }));
    }

    /// Makes an index unique where it is, in two phases: from the first on the server refuses new
    /// duplicates; the second fails if there are any, and the error names some `_id`s. Then change or
    /// remove those documents, and run `up` again: the index keeps refusing new duplicates meanwhile.
    /// Needs MongoDB 6.0.
    ///
    /// Refused if there is no such index, or if the index is unique already.
    ///
    /// *Undone* by dropping the index and building it as it was. Meanwhile queries have no such index.
    ///
    /// ```
    /// use mongrate::Change;
    ///
    /// fn one_account_each(change: &mut Change) {
    ///     change.make_index_unique("users", "email_1");
    /// }
    /// ```
    pub fn make_index_unique(&mut self, collection: impl Into<String>, index: impl Into<String>) {
        let (collection, index) = (collection.into(), index.into());
        self.operations.push(Operation::MakeUnique(MakeUnique { collection, index }));
    }

    /// Sets how many workers change documents at once, 1 to 64, for the operations that are declared
    /// after this call: `rename_field`, `add_field`, `remove_field`, `change_type`, `move_field` and
    /// `update`. Default: 1.
    ///
    /// Several workers are faster, and load the server more. Each holds one batch in memory. The
    /// number is no part of what is recorded: it may be changed for a migration that is half-done.
    ///
    /// ```
    /// use mongrate::Change;
    ///
    /// fn names(change: &mut Change) {
    ///     change.workers(4);
    ///     change.rename_field("users", "fullname", "name");
    /// }
    /// ```
    pub const fn workers(&mut self, workers: usize) {
        self.workers = workers;
    }

    /// Renames a field, which keeps its place. Both paths must be in the same document, such as
    /// `address.town` and `address.city`; use [`move_field`](Self::move_field) otherwise. In an
    /// array of documents, the field is renamed in each document.
    ///
    /// Refused if a document has both fields; the error names some `_id`s.
    ///
    /// *Undone* by renaming the field back, except in documents that had the new field before.
    /// Refused if a document has both fields by then.
    pub fn rename_field(
        &mut self,
        collection: impl Into<String>,
        from: impl Into<String>,
        to: impl Into<String>,
    ) {
        let edit = Edit::Rename { from: Path::new(from), to: Path::new(to) };
        self.edit(collection, edit);
    }

    /// Adds a field with a value to every document that lacks the field, and to each document of an
    /// array on the way. Subdocuments on the way are created if they are missing. If something else
    /// is in the place of a subdocument (also null), the document is left alone.
    ///
    /// *Undone* by removing the field from the documents that it was added to, and from documents
    /// that were inserted since. Values that were changed since are kept until `purge`.
    pub fn add_field(
        &mut self,
        collection: impl Into<String>,
        path: impl Into<String>,
        default: impl Into<Bson>,
    ) {
        let edit = Edit::Add { path: Path::new(path), value: default.into() };
        self.edit(collection, edit);
    }

    /// Removes a field. Its values are kept until `purge`.
    ///
    /// *Undone* by putting the values back, after the other fields. If the field, or an array on
    /// the way to it, was written to since, it is left as it is.
    pub fn remove_field(&mut self, collection: impl Into<String>, path: impl Into<String>) {
        self.edit(collection, Edit::Remove { path: Path::new(path) });
    }

    /// Converts a field's values from one type to another, as the server's `$convert` does. Values
    /// that have the new type already, and nulls, are left alone.
    ///
    /// Refused if a value cannot be converted; the error names some `_id`s. See [`ChangeType`] for
    /// the other choices.
    ///
    /// *Undone* by converting back. If that does not give the old value (`1.5` became `1`; `"007"`
    /// became `7`), the old value is put back, unless the field was changed since.
    pub fn change_type(
        &mut self,
        collection: impl Into<String>,
        path: impl Into<String>,
        from: FieldType,
        to: FieldType,
    ) -> ChangeType<'_> {
        let edit = Edit::Convert { path: Path::new(path), from, to, others: Others::Refuse };
        ChangeType { rewrite: self.edit(collection, edit) }
    }

    /// Moves a field into a subdocument, out of a subdocument, or into another subdocument: `city`
    /// to `address.city`. Subdocuments are created if they are missing.
    ///
    /// Refused if something is at the new path already, or if an array is on the way; the error
    /// names some `_id`s.
    ///
    /// *Undone* by moving the field back, and by removing subdocuments that were created for it.
    /// Refused if something is at the old path by then.
    pub fn move_field(
        &mut self,
        collection: impl Into<String>,
        from: impl Into<String>,
        to: impl Into<String>,
    ) {
        let edit = Edit::Move { from: Path::new(from), to: Path::new(to) };
        self.edit(collection, edit);
    }

    fn edit(&mut self, collection: impl Into<String>, edit: Edit) -> &mut Rewrite {
        let (collection, kind) = (collection.into(), RewriteKind::Field(edit));
        record!(self, Rewrite, Rewrite { collection, kind, workers: self.workers })
    }

    /// Updates documents with aggregation pipelines, one for each direction. A pipeline has the
    /// stages of an update: `$set`, `$unset`, `$project`, `$replaceWith`, and their other names.
    ///
    /// The backward pipeline need not be exact. Every document that it would not restore is
    /// remembered, and put back by the rollback unless the document was changed since. If the
    /// backward pipeline is empty, all documents that the forward pipeline changes are remembered.
    /// The rollback leaves the documents alone that the forward pipeline left alone.
    ///
    /// This process reads the documents in batches, to compare them. For a big collection that
    /// needs no rollback, a backfill in an online migration is faster.
    ///
    /// ```
    /// use mongrate::{Change, bson::doc};
    ///
    /// fn cents(change: &mut Change) {
    ///     change
    ///         .update(
    ///             "orders",
    ///             vec![doc! { "$set": { "total": { "$multiply": ["$total", 100] } } }],
    ///             vec![doc! { "$set": { "total": { "$divide": ["$total", 100] } } }],
    ///         )
    ///         .filter(doc! { "currency": "EUR" })
    ///         .backward_filter(doc! { "currency": "EUR" });
    /// }
    /// ```
    pub fn update(
        &mut self,
        collection: impl Into<String>,
        forward: Vec<Document>,
        backward: Vec<Document>,
    ) -> Update<'_> {
        let side = |pipeline| Side { filter: Document::new(), pipeline };
        let pipelines = Pipelines { forward: side(forward), backward: side(backward) };
        let (collection, kind) = (collection.into(), RewriteKind::Pipelines(pipelines));
        let rewrite = Rewrite { collection, kind, workers: self.workers };
        Update { rewrite: record!(self, Rewrite, rewrite) }
    }

    /// Sets the validator of a collection. The server does not check the documents that are in the
    /// collection. Refused if there is no such collection.
    ///
    /// *Undone* by setting the validator, level and action from before.
    pub fn set_validator(
        &mut self,
        collection: impl Into<String>,
        validator: Document,
    ) -> SetValidator<'_> {
        let options = vec![("validator".to_owned(), Some(validator.into()))];
        SetValidator { modify: self.modify(collection.into(), options) }
    }

    /// Removes the validator of a collection. Refused if there is no such collection.
    ///
    /// *Undone* by setting the validator, level and action from before.
    pub fn unset_validator(&mut self, collection: impl Into<String>) {
        let options = ["validator", "validationLevel", "validationAction"];
        let options = options.map(|option| (option.to_owned(), None)).to_vec();
        self.modify(collection.into(), options);
    }

    /// Changes options of a collection, as the server's `collMod` does: `validator`,
    /// `validationLevel`, `validationAction`, `changeStreamPreAndPostImages`,
    /// `expireAfterSeconds`, `cappedSize`, `cappedMax`, and `viewOn` with `pipeline`.
    ///
    /// Refused if there is no such collection, or if the collection has no such option.
    ///
    /// An option that Mongrate does not know is passed on, with the lint `unknown_option`.
    ///
    /// *Undone* by setting the values from before. An option that was not set before is set to its
    /// default; the server may show it from then on.
    pub fn coll_mod(&mut self, collection: impl Into<String>) -> CollMod<'_> {
        CollMod { modify: self.modify(collection.into(), Vec::new()) }
    }

    fn modify(&mut self, collection: String, options: Vec<(String, Option<Bson>)>) -> &mut Modify {
        record!(self, Modify, Modify { collection, options })
    }

    /// Gives a view another source and another pipeline. Refused if there is no such view.
    ///
    /// *Undone* by giving it those from before.
    ///
    /// ```
    /// use mongrate::{Change, bson::doc};
    ///
    /// fn of_age(change: &mut Change) {
    ///     change.change_view("adults", "people", vec![doc! { "$match": { "age": { "$gte": 21 } } }]);
    /// }
    /// ```
    pub fn change_view(
        &mut self,
        view: impl Into<String>,
        on: impl Into<String>,
        pipeline: Vec<Document>,
    ) {
        let on = ("viewOn".to_owned(), Some(on.into().into()));
        let pipeline = ("pipeline".to_owned(), Some(pipeline.into()));
        self.modify(view.into(), vec![on, pipeline]);
    }

    /// Has change streams see the documents of a collection as they were before a change, and as they
    /// are after it (`fullDocumentBeforeChange`, `fullDocument`). Needs MongoDB 6.0; costs a write to
    /// the server's own collection of images for each change. Refused if there is no such collection.
    ///
    /// *Undone* by setting what was set before.
    pub fn change_stream_images(&mut self, collection: impl Into<String>, enabled: bool) {
        let images = doc! { "enabled": enabled };
        let option = ("changeStreamPreAndPostImages".to_owned(), Some(images.into()));
        self.modify(collection.into(), vec![option]);
    }

    /// Runs functions of an online migration, for changes that cannot be declared. Both functions
    /// are `async fn(&mut Online<'_>) -> mongrate::Result`. After a crash a function runs again
    /// from its start, and skips the named steps and the backfills that are done. Steps of two such
    /// operations may have the same names.
    ///
    /// *Undone* by the second function. If `up` failed half-way, `down` must accept that there is
    /// nothing, or only a part, to undo.
    ///
    /// ```
    /// use mongrate::{Change, Online, Result, bson::{Document, doc}};
    ///
    /// fn seeded(change: &mut Change) {
    ///     change.create_collection("plans");
    ///     change.run(seed, unseed);
    /// }
    ///
    /// async fn seed(on: &mut Online<'_>) -> Result {
    ///     on.transaction("the free plan", async |tx| {
    ///         tx.collection::<Document>("plans").insert_one(doc! { "_id": "free" }).await?;
    ///         Ok(())
    ///     })
    ///     .await
    /// }
    ///
    /// async fn unseed(on: &mut Online<'_>) -> Result {
    ///     on.transaction("the free plan", async |tx| {
    ///         tx.collection::<Document>("plans").delete_one(doc! { "_id": "free" }).await?;
    ///         Ok(())
    ///     })
    ///     .await
    /// }
    /// ```
    pub fn run<U, D, E, F>(&mut self, up: U, down: D)
    where
        U: AsyncFn(&mut Online<'_>) -> Result<(), E> + Send + Sync + 'static,
        D: AsyncFn(&mut Online<'_>) -> Result<(), F> + Send + Sync + 'static,
        E: Into<BoxError>,
        F: Into<BoxError>,
    {
        self.operations.push(Operation::Run(Custom::new(up, down)));
    }
}
