//! An index build that an online migration awaits, and its options.

use std::{
    future::{Future, IntoFuture},
    pin::Pin,
    time::Duration,
};

use mongodb::{
    Database, IndexModel,
    bson::Document,
    options::{Collation, IndexOptions},
};

use crate::{
    kinds::index_refusal,
    model::result::BoxError,
    mongo::driver,
    protocol::{engine::Engine, retry::Backoff},
};

/// An index build with its options; await it to build the index. Made by
/// [`Online::create_index`](crate::Online::create_index), which names the errors.
///
/// # Cancel safety
///
/// Cancel safe: the server may build the index although the future was dropped; a second call
/// joins that build, or finds the index.
#[derive(Debug)]
#[must_use = "nothing is built until it is awaited"]
pub struct CreateIndex<'a> {
    pub(super) database: Database,
    pub(super) engine: &'a Engine,
    pub(super) collection: String,
    pub(super) keys: Document,
    pub(super) options: IndexOptions,
}

impl CreateIndex<'_> {
    /// Allows no two documents with the same keys. Default: allowed.
    pub fn unique(mut self, unique: bool) -> Self {
        self.options.unique = Some(unique);
        self
    }

    /// Leaves out documents that have none of the fields. Default: all documents are in the index.
    pub fn sparse(mut self, sparse: bool) -> Self {
        self.options.sparse = Some(sparse);
        self
    }

    /// Names the index. Default: a name made of the keys, as `email_1`.
    pub fn name(mut self, name: impl Into<String>) -> Self {
        self.options.name = Some(name.into());
        self
    }

    /// Deletes each document this long after the date in its key (a TTL index); whole seconds.
    /// Default: never.
    pub fn expire_after(mut self, after: Duration) -> Self {
        self.options.expire_after = Some(after);
        self
    }

    /// Indexes only the documents that match. Default: all.
    pub fn partial_filter(mut self, filter: Document) -> Self {
        self.options.partial_filter_expression = Some(filter);
        self
    }

    /// Sets how strings are compared. Default: the collation of the collection. Text and 2d indexes
    /// know only the simple collation. In a collection with another collation, set it:
    /// `Collation::builder().locale("simple").build()`.
    pub fn collation(mut self, collation: Collation) -> Self {
        self.options.collation = Some(collation);
        self
    }

    /// Sets all options at once, in the driver's type. Replaces the options that were set before.
    pub fn options(mut self, options: IndexOptions) -> Self {
        self.options = options;
        self
    }
}

impl<'a> IntoFuture for CreateIndex<'a> {
    type Output = Result<(), BoxError>;
    type IntoFuture = Pin<Box<dyn Future<Output = Self::Output> + Send + 'a>>;

    fn into_future(self) -> Self::IntoFuture {
        Box::pin(async move {
            let Self { database, engine, collection, keys, options } = self;
            let model = IndexModel::builder().keys(keys).options(options).build();
            let collection = database.collection::<Document>(&collection);
            let mut backoff = Backoff::new(engine.control.retries);
            engine.hold().await;
            engine.refuse_when_cancelled()?;
            loop {
                engine.refuse_when_lost()?;
                match collection.create_index(model.clone()).await {
                    Err(error) if driver::is_retryable(&error) && backoff.again().await => {}
                    Err(error) => {
                        let wanted = index_refusal::Wanted::from_model(&model);
                        let name = collection.name();
                        return Err(
                            index_refusal::named(&database, name, wanted, error.into()).await
                        );
                    }
                    Ok(_) => return Ok(()),
                }
            }
        })
    }
}
