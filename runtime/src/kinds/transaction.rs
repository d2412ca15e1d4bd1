//! What a transactional migration may touch: collections whose operations are all bound to the
//! transaction's session.

use std::borrow::Borrow;

use mongodb::{
    ClientSession, Collection, Database, IndexModel,
    action::{
        Aggregate, CountDocuments, CreateCollection, CreateIndex, Delete, Distinct,
        ExplicitSession, Find, FindOne, FindOneAndDelete, FindOneAndReplace, FindOneAndUpdate,
        InsertMany, InsertOne, ReplaceOne, RunCommand, Update,
    },
    bson::Document,
    options::UpdateModifications,
};
use serde::{Serialize, de::DeserializeOwned};

/// A transaction under the fence: everything that a migration does through it commits together
/// with the migration's history record, or not at all.
///
/// The server allows no DDL on existing collections in a transaction (`drop`, `rename`,
/// `collMod`, indexes): use a [`Change`](crate::Change) or [`Online`](crate::Online) for that.
/// The server also ends a transaction after 60 s (`transactionLifetimeLimitSeconds`).
///
/// The body may run more than once when the server asks for a retry: after a write conflict, or
/// after an election, also one that takes back what only the former primary had. In the database
/// the body counts once. Keep side effects outside the database out of it.
///
/// # Errors
///
/// If the body returns an error, the transaction is aborted: nothing that the body wrote is in
/// the database, and the migration is not recorded as applied. Pass the driver's errors on with
/// `?`, so that Mongrate can retry those that are worth a retry.
#[derive(Debug)]
pub struct Transaction<'c> {
    session: &'c mut ClientSession,
    database: &'c Database,
}

impl<'c> Transaction<'c> {
    pub(crate) fn new(session: &'c mut ClientSession, database: &'c Database) -> Self {
        Self { session, database }
    }

    /// Returns a collection of the migrated database, bound to this transaction.
    ///
    /// ```
    /// use mongrate::{bson::{doc, Document}, Result, Transaction};
    ///
    /// async fn rename_plans(tx: &mut Transaction<'_>) -> Result {
    ///     let mut users = tx.collection::<Document>("users");
    ///     users.update_many(doc! { "plan": "basic" }, doc! { "$set": { "plan": "free" } }).await?;
    ///     Ok(())
    /// }
    /// ```
    pub fn collection<T: Send + Sync>(&mut self, name: &str) -> TransactionCollection<'_, T> {
        TransactionCollection {
            collection: self.database.collection(name),
            session: &mut *self.session,
        }
    }

    /// Creates a collection as part of the transaction. (An insert creates its collection, too.)
    ///
    /// # Errors
    ///
    /// The server refuses a collection that exists already (48), and views and time series (263).
    pub fn create_collection(&mut self, name: impl Into<String>) -> CreateCollection<'_> {
        self.database.create_collection(name).session(&mut *self.session)
    }

    /// Runs a command on the migrated database, as part of the transaction.
    pub fn run_command(&mut self, command: Document) -> RunCommand<'_> {
        self.database.run_command(command).session(&mut *self.session)
    }

    /// Returns the transaction's session, which advances a cursor:
    ///
    /// ```
    /// use mongrate::{Result, Transaction, bson::{Document, doc}};
    ///
    /// async fn split_names(tx: &mut Transaction<'_>) -> Result {
    ///     let mut users = tx.collection::<Document>("users").find(doc! {}).await?;
    ///     while let Some(user) = users.next(tx.session()).await {
    ///         let user = user?;
    ///         let (given, family) = user.get_str("name")?.split_once(' ').unwrap_or_default();
    ///         let parts = doc! { "$set": { "given": given, "family": family } };
    ///         let this = doc! { "_id": user.get("_id") };
    ///         tx.collection::<Document>("users").update_one(this, parts).await?;
    ///     }
    ///     Ok(())
    /// }
    /// ```
    ///
    /// The cursor does not borrow the transaction, so the loop can write, too.
    ///
    /// Do not commit or abort the session's transaction: Mongrate does that, together with the
    /// migration's record.
    pub fn session(&mut self) -> &mut ClientSession {
        self.session
    }
}

/// A collection whose operations are all bound to a transaction. The methods return the driver's
/// own actions, so all of their options chain.
#[derive(Debug)]
pub struct TransactionCollection<'a, T: Send + Sync> {
    collection: Collection<T>,
    session: &'a mut ClientSession,
}

impl<T: Send + Sync> TransactionCollection<'_, T> {
    /// Returns the collection's name.
    pub fn name(&self) -> &str {
        self.collection.name()
    }

    /// Updates at most one document.
    pub fn update_one(
        &mut self,
        filter: Document,
        update: impl Into<UpdateModifications>,
    ) -> Update<'_> {
        self.collection.update_one(filter, update).session(&mut *self.session)
    }

    /// Updates all documents that match. The whole update has to fit one transaction (60 s by
    /// default): for a big collection, write an online migration with a backfill.
    pub fn update_many(
        &mut self,
        filter: Document,
        update: impl Into<UpdateModifications>,
    ) -> Update<'_> {
        self.collection.update_many(filter, update).session(&mut *self.session)
    }

    /// Deletes at most one document.
    pub fn delete_one(&mut self, filter: Document) -> Delete<'_> {
        self.collection.delete_one(filter).session(&mut *self.session)
    }

    /// Deletes all documents that match.
    pub fn delete_many(&mut self, filter: Document) -> Delete<'_> {
        self.collection.delete_many(filter).session(&mut *self.session)
    }

    /// Counts the documents that match.
    pub fn count_documents(&mut self, filter: Document) -> CountDocuments<'_> {
        self.collection.count_documents(filter).session(&mut *self.session)
    }

    /// Returns the distinct values of a field.
    pub fn distinct(&mut self, field: impl AsRef<str>, filter: Document) -> Distinct<'_> {
        self.collection.distinct(field, filter).session(&mut *self.session)
    }

    /// Runs an aggregation. Advance its cursor with the transaction's
    /// [session](Transaction::session):
    ///
    /// ```
    /// use mongrate::{Result, Transaction, bson::{Document, doc}};
    ///
    /// async fn count_users(tx: &mut Transaction<'_>) -> Result {
    ///     let by_plan = [doc! { "$group": { "_id": "$plan", "users": { "$sum": 1 } } }];
    ///     let mut plans = tx.collection::<Document>("users").aggregate(by_plan).await?;
    ///     while let Some(plan) = plans.next(tx.session()).await {
    ///         tx.collection::<Document>("plans").insert_one(plan?).await?;
    ///     }
    ///     Ok(())
    /// }
    /// ```
    ///
    /// The server refuses `$out` and `$merge` in a transaction (263).
    pub fn aggregate(
        &mut self,
        pipeline: impl IntoIterator<Item = Document>,
    ) -> Aggregate<'_, ExplicitSession<'_>> {
        self.collection.aggregate(pipeline).session(&mut *self.session)
    }

    /// Finds documents. Advance the cursor with the transaction's
    /// [session](Transaction::session):
    ///
    /// ```
    /// use mongrate::{Result, Transaction, bson::{Document, doc}};
    ///
    /// async fn trim_names(tx: &mut Transaction<'_>) -> Result {
    ///     let mut users = tx.collection::<Document>("users").find(doc! {}).await?;
    ///     while let Some(user) = users.next(tx.session()).await {
    ///         let user = user?;
    ///         let trimmed = doc! { "$set": { "name": user.get_str("name")?.trim() } };
    ///         let this = doc! { "_id": user.get("_id") };
    ///         tx.collection::<Document>("users").update_one(this, trimmed).await?;
    ///     }
    ///     Ok(())
    /// }
    /// ```
    pub fn find(&mut self, filter: Document) -> Find<'_, T, ExplicitSession<'_>> {
        self.collection.find(filter).session(&mut *self.session)
    }

    /// Creates an index on an empty collection that this transaction created. The server refuses
    /// indexes on other collections (263).
    pub fn create_index(&mut self, index: IndexModel) -> CreateIndex<'_> {
        self.collection.create_index(index).session(&mut *self.session)
    }
}

impl<T: Serialize + Send + Sync> TransactionCollection<'_, T> {
    /// Inserts a document.
    pub fn insert_one(&mut self, document: impl Borrow<T>) -> InsertOne<'_> {
        self.collection.insert_one(document).session(&mut *self.session)
    }

    /// Inserts documents.
    pub fn insert_many(
        &mut self,
        documents: impl IntoIterator<Item = impl Borrow<T>>,
    ) -> InsertMany<'_> {
        self.collection.insert_many(documents).session(&mut *self.session)
    }

    /// Replaces at most one document.
    pub fn replace_one(&mut self, filter: Document, with: impl Borrow<T>) -> ReplaceOne<'_> {
        self.collection.replace_one(filter, with).session(&mut *self.session)
    }
}

impl<T: DeserializeOwned + Send + Sync> TransactionCollection<'_, T> {
    /// Finds one document.
    pub fn find_one(&mut self, filter: Document) -> FindOne<'_, T> {
        self.collection.find_one(filter).session(&mut *self.session)
    }

    /// Deletes one document and returns it.
    pub fn find_one_and_delete(&mut self, filter: Document) -> FindOneAndDelete<'_, T> {
        self.collection.find_one_and_delete(filter).session(&mut *self.session)
    }

    /// Updates one document and returns it.
    pub fn find_one_and_update(
        &mut self,
        filter: Document,
        update: impl Into<UpdateModifications>,
    ) -> FindOneAndUpdate<'_, T> {
        self.collection.find_one_and_update(filter, update).session(&mut *self.session)
    }
}

impl<T: Serialize + DeserializeOwned + Send + Sync> TransactionCollection<'_, T> {
    /// Replaces one document and returns it.
    pub fn find_one_and_replace(
        &mut self,
        filter: Document,
        with: impl Borrow<T>,
    ) -> FindOneAndReplace<'_, T> {
        self.collection.find_one_and_replace(filter, with).session(&mut *self.session)
    }
}
