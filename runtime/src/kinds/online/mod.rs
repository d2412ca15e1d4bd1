//! What an online migration may touch: idempotent DDL, and named steps that run once.

pub(crate) mod create_index;

use mongodb::{
    ClientSession, Collection, Database,
    bson::{Document, doc},
    options::IndexOptions,
};

use self::create_index::CreateIndex;
use super::{stable_api, transaction::Transaction};
use crate::{
    model::{identity::Identity, result::BoxError, state::Direction, version::Version},
    mongo::{code, options, reply::first_batch, server_error::ServerError},
    protocol::{
        control::{Control, majority},
        engine::Engine,
        record_change::RecordChange,
        retry::Backoff,
        stop::StopReason,
    },
};

/// An online migration at work: index builds, DDL and steps of any size; resumable, but not
/// atomic as a whole.
///
/// The server cannot undo DDL, and cannot refuse the DDL of a process that has lost the lock. So
/// every operation here is idempotent: an operation that was done before is found done. After a
/// crash the body runs again from its start, skips the [`transaction`](Self::transaction) steps
/// that committed, and resumes a [`backfill`](Self::backfill) after its last batch.
///
/// ```
/// use mongrate::{bson::doc, Online, Result};
///
/// async fn plans(on: &mut Online<'_>) -> Result {
///     on.create_collection("plans", doc! {}).await?;
///     on.create_index("plans", doc! { "name": 1 }).unique(true).await?;
///     on.backfill("everybody's plan", "users")
///         .filter(doc! { "plan": { "$exists": false } })
///         .update(vec![doc! { "$set": { "plan": "free" } }])
///         .await?;
///     Ok(())
/// }
/// ```
///
/// # Errors
///
/// If the body returns an error, the migration is recorded as failed. The operations, steps and
/// batches that were finished before stay done: fix the cause and run `up` again, which resumes
/// the migration. Every operation here also fails once the process has lost the lock.
///
/// # Cancel safety
///
/// [`transaction`](Self::transaction) and backfills are not cancel safe. The other operations
/// are: the server may or may not have finished one whose future was dropped, and doing it again
/// finds out.
#[derive(Debug)]
pub struct Online<'c> {
    engine: &'c mut Engine,
    migration: Identity,
    direction: Direction,
    done: Vec<String>,
    seen: Vec<String>,
    /// What the operations of a `Change` found before they began.
    undo: Document,
    started: i64,
    /// Stands before the names of the steps, where the body is a part of a `Change`.
    prefix: String,
}

/// The longest name of a step, in bytes. A backfill is a step, too.
pub(crate) const STEP_NAME_BYTES_MAX: usize = 128;

impl<'c> Online<'c> {
    pub(crate) fn new(
        engine: &'c mut Engine,
        migration: Identity,
        direction: Direction,
        started: i64,
        done: Vec<String>,
        undo: Document,
    ) -> Self {
        let (seen, prefix) = (Vec::new(), String::new());
        Self { engine, migration, direction, done, seen, undo, started, prefix }
    }

    /// Returns the full name of a step, unless another step has the name already.
    pub(crate) fn name_step(&mut self, step: &str) -> Result<String, BoxError> {
        if step.is_empty() || step.len() > STEP_NAME_BYTES_MAX {
            return Err(format!("a step's name is 1 to {STEP_NAME_BYTES_MAX} bytes").into());
        }
        let full = format!("{}{step}", self.prefix);
        if self.seen.contains(&full) {
            return Err(format!(
                "two steps are called `{step}`; the second would be skipped after a crash: \
                 give each step a name of its own"
            )
            .into());
        }
        self.seen.push(full.clone());
        Ok(full)
    }

    pub(crate) fn engine(&mut self) -> &mut Engine {
        self.engine
    }

    /// Waits while the history is paused.
    pub(crate) async fn hold(&self) {
        self.engine.hold().await;
    }

    pub(crate) fn version(&self) -> Version {
        self.migration.version
    }

    /// The group of this migration, which is the group of the run.
    pub(crate) fn group(&self) -> &'static str {
        self.migration.group
    }

    /// The guarded transaction that began this migration; it stays the same when the migration is
    /// resumed.
    pub(crate) fn started(&self) -> i64 {
        self.started
    }

    /// Sets what stands before the names of the steps from here on.
    pub(crate) fn set_prefix(&mut self, prefix: String) {
        self.prefix = prefix;
    }

    /// Sends DDL to the migrated database. The DDL must do no harm when it is sent twice.
    pub(crate) async fn ddl(&self, command: Document) -> Result<(), ServerError> {
        self.send(self.database(), command).await
    }

    /// Sends DDL to the `admin` database, for commands that the server takes only there.
    pub(crate) async fn ddl_as_admin(&self, command: Document) -> Result<(), ServerError> {
        self.send(&self.database().client().database("admin"), command).await
    }

    /// The direction in which the migration runs.
    pub(crate) fn direction(&self) -> Direction {
        self.direction
    }

    /// Whether a step committed, in this attempt or in an earlier one.
    pub(crate) fn is_done(&self, step: &str) -> bool {
        self.done.iter().any(|done| done == step)
    }

    /// What the operation with this key found before it began.
    pub(crate) fn found(&self, key: &str) -> Option<&Document> {
        self.undo.get_document(key).ok()
    }

    /// Commits a checkpoint under the fence: the step that is done, what the next operation found,
    /// and what the body writes. Unlike [`transaction`](Self::transaction) it checks no names.
    pub(crate) async fn checkpoint<F>(
        &mut self,
        done: Option<&str>,
        undo: Option<(&str, &Document)>,
        mut body: F,
    ) -> Result<(), BoxError>
    where
        F: AsyncFnMut(&mut Transaction<'_>) -> Result<(), BoxError>,
    {
        let change = RecordChange::Step { done, undo };
        let database = self.database().clone();
        let operations = async |session: &mut ClientSession| {
            body(&mut Transaction::new(session, &database)).await
        };
        match self.engine.step(self.migration.clone(), &change, operations).await {
            Ok(()) => {
                self.done.extend(done.map(str::to_owned));
                if let Some((key, found)) = undo {
                    self.undo.insert(key, found.clone());
                }
                Ok(())
            }
            Err(StopReason::Body(error)) => Err(error),
            Err(stop) => Err(self.stop(stop, done.or(undo.map(|(key, _)| key)).unwrap_or("step"))),
        }
    }

    /// Stops the migration, whatever the body does with the error that this returns.
    pub(crate) fn stop(&mut self, stop: StopReason, step: &str) -> BoxError {
        self.engine.stopped = Some(stop);
        format!("the step `{step}` was stopped").into()
    }

    /// Returns the migrated database, for commands that have no method here. What you do through
    /// it is neither fenced nor recorded: keep it idempotent.
    pub fn database(&self) -> &Database {
        &self.engine.control.database
    }

    /// Returns a collection of the migrated database. What you do through it is neither fenced nor
    /// recorded: keep it idempotent.
    pub fn collection<T: Send + Sync>(&self, name: &str) -> Collection<T> {
        self.database().collection(name)
    }

    /// Runs a named step at most once: the step's writes commit together with its checkpoint,
    /// under the fence. A later attempt of this migration skips the step. The name has 1 to 128
    /// bytes, and is unique within the migration.
    ///
    /// # Errors
    ///
    /// The error of the body; nothing of the step is in the database then. Pass the error on.
    ///
    /// # Cancel safety
    ///
    /// Not cancel safe: if the migration drops this future before its end, as with a timeout
    /// around it, the migration fails. The next attempt finds out whether the step committed.
    ///
    /// ```
    /// use mongrate::{bson::{doc, Document}, Online, Result};
    ///
    /// async fn seed(on: &mut Online<'_>) -> Result {
    ///     on.create_index("plans", doc! { "name": 1 }).unique(true).await?;
    ///     on.transaction("the free plan", async |tx| {
    ///         tx.collection::<Document>("plans").insert_one(doc! { "name": "free" }).await?;
    ///         Ok(())
    ///     })
    ///     .await
    /// }
    /// ```
    pub async fn transaction<F>(&mut self, step: &str, body: F) -> Result<(), BoxError>
    where
        F: AsyncFnMut(&mut Transaction<'_>) -> Result<(), BoxError>,
    {
        let step = self.name_step(step)?;
        if self.is_done(&step) {
            tracing::info!(target: "mongrate", version = %self.migration.version, step, "step was done before");
            return Ok(());
        }
        self.engine.hold().await;
        self.checkpoint(Some(&step), None, body).await
    }

    /// Builds an index, or joins a build of the same index that is under way. Does nothing if the
    /// index exists.
    ///
    /// # Errors
    ///
    /// The server's: 85 and 86 if an index with that name or those keys exists with other options,
    /// 11000 for a unique index over duplicates. No index is left half-built.
    pub fn create_index(&mut self, collection: &str, keys: Document) -> CreateIndex<'_> {
        CreateIndex {
            database: self.database().clone(),
            engine: &*self.engine,
            collection: collection.to_owned(),
            keys,
            options: IndexOptions::default(),
        }
    }

    /// Drops an index by its name (as `email_1`). Does nothing if there is no such index.
    ///
    /// # Errors
    ///
    /// The server's; the index is as it was.
    pub async fn drop_index(&mut self, collection: &str, name: &str) -> Result<(), BoxError> {
        let command = doc! { "dropIndexes": collection, "index": name };
        self.idempotent(command, &[code::NAMESPACE_NOT_FOUND, code::INDEX_NOT_FOUND]).await
    }

    /// Creates a collection. Does nothing if the collection exists with these options, as the
    /// server stores them: the server rounds the size of a capped collection up, and fills in
    /// what a collation does not say.
    ///
    /// `options` are those of the server's `create` command, such as
    /// `doc! { "capped": true, "size": 1_000_000 }`; empty for none.
    ///
    /// # Errors
    ///
    /// If the collection exists with other options; it is left as it is.
    pub async fn create_collection(
        &mut self,
        name: &str,
        options: Document,
    ) -> Result<(), BoxError> {
        let mut command = doc! { "create": name };
        command.extend(options.clone());
        let database = self.database().clone();
        match self.send(&database, command).await {
            Ok(()) => return Ok(()),
            Err(error) if error.code() == Some(code::NAMESPACE_EXISTS) => {}
            Err(error) => return Err(error.into()),
        }
        let Some((kind, found)) = self.existing_collection(name).await? else { return Ok(()) };
        match options::other_collection(&kind, &found, &options) {
            None => Ok(()),
            Some(other) => Err(format!("the collection `{name}` exists already {other}").into()),
        }
    }

    /// Drops a collection with its documents and indexes. Does nothing if there is no such
    /// collection.
    ///
    /// # Errors
    ///
    /// The server's; the collection is as it was.
    pub async fn drop_collection(&mut self, name: &str) -> Result<(), BoxError> {
        self.idempotent(doc! { "drop": name }, &[code::NAMESPACE_NOT_FOUND]).await
    }

    /// Renames a collection. Does nothing if there is a collection `to`, and none `from`.
    ///
    /// # Errors
    ///
    /// If neither collection exists, or both do; nothing is changed.
    pub async fn rename_collection(&mut self, from: &str, to: &str) -> Result<(), BoxError> {
        let database = self.database().name().to_owned();
        let command = doc! {
            "renameCollection": format!("{database}.{from}"),
            "to": format!("{database}.{to}"),
        };
        let admin = self.database().client().database("admin");
        match self.send(&admin, command).await {
            Ok(()) => Ok(()),
            // The collection was renamed before, if it has the new name.
            Err(error)
                if error.code() == Some(code::NAMESPACE_NOT_FOUND)
                    && self.existing_collection(to).await?.is_some() =>
            {
                Ok(())
            }
            Err(error) if error.code() == Some(code::API_STRICT_ERROR) => {
                let what = format!("`renameCollection` (`{from}` to `{to}`)");
                Err(stable_api::beyond_api(&what, self.direction).into())
            }
            Err(error) => Err(error.into()),
        }
    }

    /// Changes a collection's options, with those of the server's `collMod` command, such as
    /// `doc! { "validator": { "age": { "$gte": 0 } }, "validationLevel": "moderate" }`.
    ///
    /// # Errors
    ///
    /// The server's; the collection is as it was.
    pub async fn coll_mod(&mut self, collection: &str, changes: Document) -> Result<(), BoxError> {
        let mut command = doc! { "collMod": collection };
        command.extend(changes);
        self.idempotent(command, &[]).await
    }

    /// Returns the kind and the options of a collection; `None` if there is no such collection.
    async fn existing_collection(
        &self,
        name: &str,
    ) -> Result<Option<(String, Document)>, BoxError> {
        let reply = self
            .database()
            .run_command(doc! { "listCollections": 1, "filter": { "name": name } })
            .await?;
        Ok(first_batch(&reply).next().map(|found| {
            let kind = found.get_str("type").unwrap_or("collection").to_owned();
            (kind, found.get_document("options").cloned().unwrap_or_default())
        }))
    }

    /// Sends DDL; an error with one of the codes in `done` says that it was done before.
    async fn idempotent(&mut self, command: Document, done: &[i32]) -> Result<(), BoxError> {
        let database = self.database().clone();
        match self.send(&database, command).await {
            Err(error) if error.code().is_some_and(|code| done.contains(&code)) => Ok(()),
            other => other.map_err(Into::into),
        }
    }

    async fn send(&self, database: &Database, command: Document) -> Result<(), ServerError> {
        send(self.engine, database, command).await
    }
}

/// Commands that take no write concern, and are refused with one: those of search, and those of a cluster
/// for which a mongos asks the config servers for a majority itself.
const WITHOUT_CONCERN: [&str; 7] = [
    "addShardToZone",
    "createSearchIndexes",
    "dropSearchIndex",
    "removeShardFromZone",
    "unshardCollection",
    "updateSearchIndex",
    "updateZoneKeyRange",
];

/// Sends DDL, and sends it again after a network error or an election: DDL here does no harm when
/// it is sent twice.
async fn send(
    engine: &Engine,
    database: &Database,
    mut command: Document,
) -> Result<(), ServerError> {
    if !command.keys().next().is_some_and(|name| WITHOUT_CONCERN.contains(&name.as_str())) {
        command.insert("writeConcern", majority());
    }
    let control = Control { database: database.clone(), ..engine.control.clone() };
    let mut backoff = Backoff::new(control.retries);
    engine.hold().await;
    engine.refuse_when_cancelled()?;
    loop {
        engine.refuse_when_lost()?;
        match control.once(None, command.clone()).await {
            Err(error) if error.is_retryable() && backoff.again().await => {}
            // An operation of the same kind is under way: an index build that joins it, or a drop
            // that waits for it.
            Err(error)
                if matches!(
                    error.code(),
                    Some(
                        code::BACKGROUND_OPERATION_IN_PROGRESS_FOR_NAMESPACE
                            | code::INDEX_BUILD_ALREADY_IN_PROGRESS
                            | code::CONFLICTING_OPERATION_IN_PROGRESS
                    )
                ) && backoff.again().await => {}
            outcome => return outcome.map(drop),
        }
    }
}
