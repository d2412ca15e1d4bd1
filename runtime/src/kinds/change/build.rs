//! What can be declared: the methods of `Change`, and the options that chain behind them.

use std::time::Duration;

use mongodb::bson::{Bson, Document};

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
        fields::{Edit, FieldType, Others},
        kind::{How, Rewrite},
        pipelines::{Pipelines, Side},
    },
};
use crate::{kinds::online::Online, model::result::BoxError};

/// Records an operation, and hands it back to be refined.
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
    /// Refused if it is there already; see
    /// [`if_not_exists`](CreateCollection::if_not_exists).
    ///
    /// *Undone* by dropping it. If it has documents by then, it is renamed instead and stays until
    /// `purge`. (The server cannot rename a time series: with documents in it, the rollback is
    /// refused.)
    pub fn create_collection(&mut self, name: impl Into<String>) -> CreateCollection<'_> {
        let create = collections::Create { name: name.into(), ..collections::Create::default() };
        CreateCollection { create: record!(self, CreateCollection, create) }
    }

    /// Drops a collection. It is only renamed: its documents and indexes stay until `purge`. Of a
    /// view the definition is remembered. A time series cannot be renamed, and is refused.
    ///
    /// *Undone* by giving it its name back.
    pub fn drop_collection(&mut self, name: impl Into<String>) -> DropCollection<'_> {
        let drop = collections::Drop { name: name.into(), if_exists: false };
        DropCollection { drop: record!(self, DropCollection, drop) }
    }

    /// Renames a collection. Refused if there is one of the new name.
    ///
    /// *Undone* by renaming it back.
    pub fn rename_collection(&mut self, from: impl Into<String>, to: impl Into<String>) {
        let rename = collections::Rename { from: from.into(), to: to.into() };
        self.operations.push(Operation::RenameCollection(rename));
    }

    /// Builds an index; as the server does it, without holding up reads and writes for long.
    /// After a crash it joins a build that is under way. A collection that is not there is
    /// created.
    ///
    /// Refused if an index of its name is there already; see
    /// [`if_not_exists`](CreateIndex::if_not_exists).
    ///
    /// *Undone* by dropping it; and the collection, if it was created for the index and nothing
    /// is in it.
    pub fn create_index(
        &mut self,
        collection: impl Into<String>,
        keys: Document,
    ) -> CreateIndex<'_> {
        let spec = Spec::new(collection.into(), keys);
        let create = indexes::Create { spec, if_not_exists: false, commit_quorum: None };
        CreateIndex { create: record!(self, CreateIndex, create) }
    }

    /// Drops an index, which is given in full, so that everybody can read what comes back.
    /// Refused if it is not there, or is not what is given here.
    ///
    /// *Undone* by building it again, as the server had it. That fails if it is unique and there
    /// are duplicates by then.
    pub fn drop_index(&mut self, collection: impl Into<String>, keys: Document) -> DropIndex<'_> {
        let drop = indexes::Drop { spec: Spec::new(collection.into(), keys), if_exists: false };
        DropIndex { drop: record!(self, DropIndex, drop) }
    }

    /// Hides an index from the planner of queries: to see what would happen without it. Refused
    /// if it is hidden already.
    ///
    /// *Undone* by showing it.
    pub fn hide_index(&mut self, collection: impl Into<String>, index: impl Into<String>) {
        self.hide(collection.into(), index.into(), true);
    }

    /// Shows a hidden index to the planner of queries. Refused if it is not hidden.
    ///
    /// *Undone* by hiding it.
    pub fn unhide_index(&mut self, collection: impl Into<String>, index: impl Into<String>) {
        self.hide(collection.into(), index.into(), false);
    }

    fn hide(&mut self, collection: String, index: String, hidden: bool) {
        self.operations.push(Operation::HideIndex(indexes::Hide { collection, index, hidden }));
    }

    /// Changes after how long a TTL index lets documents expire; whole seconds.
    ///
    /// *Undone* by setting what it was. Documents that have expired do not come back.
    pub fn expire_after(
        &mut self,
        collection: impl Into<String>,
        index: impl Into<String>,
        after: Duration,
    ) {
        let (collection, index) = (collection.into(), index.into());
        self.operations.push(Operation::ExpireAfter(indexes::Expire { collection, index, after }));
    }

    /// Renames a field, in its place. Both paths are in the same document, as `address.town` and
    /// `address.city`; see [`move_field`](Self::move_field) otherwise. In an array of documents
    /// it is renamed in each of them.
    ///
    /// Refused, with some `_id`s, if a document has both.
    ///
    /// *Undone* by renaming it back, but in documents that had the new name before. Refused if a
    /// document has both by then.
    pub fn rename_field(
        &mut self,
        collection: impl Into<String>,
        from: impl Into<String>,
        to: impl Into<String>,
    ) {
        let edit = Edit::Rename { from: Path::new(from), to: Path::new(to) };
        self.edit(collection, edit);
    }

    /// Adds a field with a value to every document that lacks it, and to each document of an
    /// array on the way. Subdocuments on the way are created where they are missing; where
    /// something else is in their place (also null), the document is left alone.
    ///
    /// *Undone* by removing it where it was added, and in documents that were inserted since.
    /// Values that were changed since are kept aside until `purge`.
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
    /// *Undone* by putting them back, behind the other fields. Where the field, or an array on
    /// the way to it, was written to since, it is left as it is.
    pub fn remove_field(&mut self, collection: impl Into<String>, path: impl Into<String>) {
        self.edit(collection, Edit::Remove { path: Path::new(path) });
    }

    /// Converts a field's values from one type to another, as the server's `$convert` does.
    /// Values of the new type and nulls are left.
    ///
    /// Refused, with some `_id`s, if a value can not be converted; see [`ChangeType`].
    ///
    /// *Undone* by converting back. Where that does not give what was there (`1.5` became `1`;
    /// `"007"` became `7`), the old value is put back, unless it was changed since.
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

    /// Moves a field into a subdocument, out of one, or into another: `city` to `address.city`.
    /// Subdocuments are created where they are missing.
    ///
    /// Refused, with some `_id`s, if something is there already, or if an array is on the way.
    ///
    /// *Undone* by moving it back; subdocuments that were created for it go. Refused if something
    /// is in its old place by then.
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
        let rewrite = Rewrite { collection: collection.into(), how: How::Field(edit) };
        record!(self, Rewrite, rewrite)
    }

    /// Updates documents with aggregation pipelines, one for each way. A pipeline has the stages
    /// of an update: `$set`, `$unset`, `$replaceWith` and their other names.
    ///
    /// The backward pipeline need not be exact: every document that it would not make what it was
    /// is remembered, and put back by the rollback unless it was changed since. If it is empty,
    /// all documents that were changed are remembered. Documents that the forward pipeline left
    /// alone are left alone by the rollback.
    ///
    /// Documents come to this side to be compared, in batches: for a big collection that needs no
    /// rollback, a backfill in an online migration is faster.
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
        let rewrite = Rewrite { collection: collection.into(), how: How::Pipelines(pipelines) };
        Update { rewrite: record!(self, Rewrite, rewrite) }
    }

    /// Sets the validator of a collection. Documents that are there are not checked.
    ///
    /// *Undone* by setting the validator, level and action that were there before.
    pub fn set_validator(
        &mut self,
        collection: impl Into<String>,
        validator: Document,
    ) -> SetValidator<'_> {
        let options = vec![("validator".to_owned(), Some(validator.into()))];
        SetValidator { modify: self.modify(collection.into(), options) }
    }

    /// Takes the validator of a collection away.
    ///
    /// *Undone* by setting the validator, level and action that were there before.
    pub fn unset_validator(&mut self, collection: impl Into<String>) {
        let options = ["validator", "validationLevel", "validationAction"];
        let options = options.map(|option| (option.to_owned(), None)).to_vec();
        self.modify(collection.into(), options);
    }

    /// Changes options of a collection, as the server's `collMod` does: `validator`,
    /// `validationLevel`, `validationAction`, `changeStreamPreAndPostImages`,
    /// `expireAfterSeconds`, `cappedSize`, `cappedMax`, and `viewOn` with `pipeline`.
    ///
    /// *Undone* by setting what they were before. (Where the server shows an option once it was
    /// set, that is its default.)
    pub fn coll_mod(&mut self, collection: impl Into<String>) -> CollMod<'_> {
        CollMod { modify: self.modify(collection.into(), Vec::new()) }
    }

    fn modify(&mut self, collection: String, options: Vec<(String, Option<Bson>)>) -> &mut Modify {
        record!(self, Modify, Modify { collection, options })
    }

    /// Runs functions of an online migration: for what cannot be declared. Both are
    /// `async fn(&mut Online<'_>) -> mongrate::Result`, may run again after a crash, and have
    /// named steps and backfills that do not. Steps of two such operations may have the same
    /// names.
    ///
    /// *Undone* by the second function.
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
