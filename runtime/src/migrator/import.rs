//! `import`: records what another migration tool has applied.

use std::{
    collections::BTreeMap,
    future::{Future, IntoFuture},
    pin::Pin,
};

use super::Migrator;
use crate::{
    model::{error::Error, report::operator::ImportReport, tool::Tool, version::Version},
    verbs::import::source::Source,
};

/// Records what another tool has applied. Made by [`Migrator::import`]; await it to record, or
/// [`preview`](Self::preview) it first.
///
/// The tool's entries are matched with the migrations of this build by name:
/// `20240102-add-users.js`, `app::migrations::AddUsers` and `add_users` are one name; of entries
/// that begin with a number, the number may be the version instead. golang-migrate stores no names,
/// only the last version: all migrations up to and including that version are meant. A
/// [`mapping`](Self::mapping) says what cannot be guessed.
///
/// The tool's collection is only read. Migrations that are recorded here already stay as they are.
/// All records are written in one transaction, or none, each with an event `imported`.
///
/// ```no_run
/// # async fn example(migrator: mongrate::Migrator) -> Result<(), mongrate::Error> {
/// use mongrate::Tool;
///
/// let report = migrator.import(Tool::MigrateMongo).preview().await?;
/// assert!(report.unmatched.is_empty(), "{:?}", report.unmatched);
/// migrator.import(Tool::MigrateMongo).await?;
/// # Ok(())
/// # }
/// ```
///
/// # Errors
///
/// - [`Error::Import`]: an entry matches no migration or several, an entry is half-done, or there is
///   no such collection. Nothing was written.
/// - [`Error::LockHeld`], and those of [`Migrator::status`].
#[derive(Debug)]
#[must_use = "nothing is recorded until it is awaited"]
pub struct Import<'a> {
    migrator: &'a Migrator,
    source: Source,
}

impl<'a> Import<'a> {
    pub(crate) fn new(migrator: &'a Migrator, tool: Tool) -> Self {
        let (collection, mapping) = (None, BTreeMap::new());
        Self { migrator, source: Source { tool, collection, mapping, allow_unmatched: false } }
    }

    /// The other tool's collection, in the same database. Default: [`Tool::collection`].
    pub fn collection(mut self, name: impl Into<String>) -> Self {
        self.source.collection = Some(name.into());
        self
    }

    /// Says which entry is which migration, where the name does not say so; `None` leaves the entry
    /// out. The key is the full name of the entry in the other tool's history.
    pub fn mapping(mut self, mapping: impl IntoIterator<Item = (String, Option<Version>)>) -> Self {
        self.source.mapping.extend(mapping);
        self
    }

    /// Leaves out entries that match no migration of this build. Default: such entries are refused.
    pub fn allow_unmatched(mut self, yes: bool) -> Self {
        self.source.allow_unmatched = yes;
        self
    }

    /// Returns what the import would record, and which entries match no migration. No write, no
    /// lock.
    ///
    /// # Errors
    ///
    /// As for the import itself, but entries that match no migration are in the report.
    pub async fn preview(self) -> Result<ImportReport, Error> {
        Box::pin(async move { self.migrator.runner()?.preview_import(&self.source).await }).await
    }
}

impl<'a> IntoFuture for Import<'a> {
    type Output = Result<ImportReport, Error>;
    type IntoFuture = Pin<Box<dyn Future<Output = Self::Output> + Send + 'a>>;

    fn into_future(self) -> Self::IntoFuture {
        Box::pin(async move { self.migrator.runner()?.import(&self.source).await })
    }
}

impl Migrator {
    /// Records what another migration tool has applied to this database, without running any.
    /// Await it to write, or `preview()` it first.
    pub fn import(&self, from: Tool) -> Import<'_> {
        Import::new(self, from)
    }
}
