//! An index build that an online migration awaits.

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

/// Builds an index. Made by [`Online::create_index`]; await it.
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
    /// No two documents may have the same keys. Default: they may.
    pub fn unique(mut self, unique: bool) -> Self {
        self.options.unique = Some(unique);
        self
    }

    /// Leaves out documents that lack the fields. Default: they are in.
    pub fn sparse(mut self, sparse: bool) -> Self {
        self.options.sparse = Some(sparse);
        self
    }

    /// Its name. Default: made of the keys, as `email_1`.
    pub fn name(mut self, name: impl Into<String>) -> Self {
        self.options.name = Some(name.into());
        self
    }

    /// Deletes documents so long after the date in the key (a TTL index); whole seconds.
    pub fn expire_after(mut self, after: Duration) -> Self {
        self.options.expire_after = Some(after);
        self
    }

    /// Only documents that match.
    pub fn partial_filter(mut self, filter: Document) -> Self {
        self.options.partial_filter_expression = Some(filter);
        self
    }

    /// How strings are compared. Default: as the collection says. Text and 2d indexes know only
    /// the simple collation; in a collection with another one say so:
    /// `Collation::builder().locale("simple").build()`.
    pub fn collation(mut self, collation: Collation) -> Self {
        self.options.collation = Some(collation);
        self
    }

    /// All options at once, in the driver's type. Those set before are lost.
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
            loop {
                engine.refuse_when_lost()?;
                match collection.create_index(model.clone()).await {
                    Err(error) if driver::is_retryable(&error) && backoff.again().await => {}
                    Err(error) => {
                        let wanted = index_refusal::Wanted::of(&model);
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
