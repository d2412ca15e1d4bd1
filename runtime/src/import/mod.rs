//! Takes over the history of another tool: what it has applied is recorded as applied here,
//! without running anything.

mod matching;
mod tools;

use std::{
    collections::BTreeMap,
    future::{Future, IntoFuture},
    pin::Pin,
};

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use crate::{
    Error, Migration, Migrator, Version,
    command::Control,
    engine::read_all,
    error::Named,
    history::{Change, History, Record},
    plan,
    runner::Runner,
};
pub use tools::Tool;

/// Records what another tool has applied. Made by [`Migrator::import`]; await it to record, or
/// [`preview`](Self::preview) it first.
///
/// Its entries are matched with the migrations of this build by name: `20240102-add-users.js`,
/// `app::migrations::AddUsers` and `add_users` are one name; of entries that begin with a number,
/// the number may be the version instead. golang-migrate stores no names, only the last version:
/// the migrations up to and with that are meant. A [`mapping`](Self::mapping) says what cannot be
/// guessed.
///
/// Their collection is only read. What is applied here already stays as it is. The records are
/// written in one transaction, or none, each with an event `imported`.
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
/// - [`Error::Import`]: an entry matches no migration or several, one is half-done, or there is
///   no such collection. Nothing was written.
/// - [`Error::LockHeld`], and those of [`Migrator::status`].
#[derive(Debug)]
#[must_use = "nothing is recorded until it is awaited"]
pub struct Import<'a> {
    migrator: &'a Migrator,
    tool: Tool,
    collection: Option<String>,
    mapping: BTreeMap<String, Option<Version>>,
    allow_unmatched: bool,
}

impl<'a> Import<'a> {
    pub(crate) fn new(migrator: &'a Migrator, tool: Tool) -> Self {
        let (collection, mapping) = (None, BTreeMap::new());
        Self { migrator, tool, collection, mapping, allow_unmatched: false }
    }

    /// The other tool's collection, in the same database. Default: as the tool calls it,
    /// [`Tool::collection`].
    pub fn collection(mut self, name: impl Into<String>) -> Self {
        self.collection = Some(name.into());
        self
    }

    /// Which entry is which migration, where the name does not say so; `None`: none of them, it
    /// is left out. The key is the entry as the other tool names it, in full.
    pub fn mapping(mut self, mapping: impl IntoIterator<Item = (String, Option<Version>)>) -> Self {
        self.mapping.extend(mapping);
        self
    }

    /// Leaves out entries that match no migration of this build. Default: they are refused.
    pub fn allow_unmatched(mut self, yes: bool) -> Self {
        self.allow_unmatched = yes;
        self
    }

    /// What it would record, and what would stand in its way. No write, no lock.
    ///
    /// # Errors
    ///
    /// As awaiting it, but entries that match nothing are in the report.
    pub async fn preview(self) -> Result<ImportReport, Error> {
        let runner = self.migrator.runner()?;
        let found = self.read(&runner).await?;
        runner.peek().await?;
        let (history, _) = read_all(&runner.control, None).await?;
        plan::refuse_renamed(&runner.registry, &history)?;
        Ok(self.judged(&runner, &history, found)?.report(&runner, &self, false))
    }

    async fn write(self) -> Result<ImportReport, Error> {
        let runner = self.migrator.runner()?;
        let found = self.read(&runner).await?;
        let (engine, history) = runner.enter_own_history().await?;
        let judged = match self.judged(&runner, &history, found) {
            Ok(judged) if judged.unmatched.is_empty() || self.allow_unmatched => judged,
            Ok(judged) => {
                engine.close().await;
                return Err(self.refused(judged.unmatched.iter().map(|entry| {
                    format!(
                        "`{entry}` matches no migration of this build: write one of that name, \
                         say in a mapping which it is (or null: none), or allow it \
                         (--allow-unmatched)"
                    )
                })));
            }
            Err(error) => {
                engine.close().await;
                return Err(error);
            }
        };
        let report = judged.report(&runner, &self, true);
        if judged.chosen.is_empty() {
            engine.close().await;
            return Ok(report);
        }
        let (mut digest, batch) = (engine.applied(), engine.batch);
        for (one, _) in &judged.chosen {
            digest.add(one.version(), &one.checksum());
        }
        let change =
            |(one, _): &(Migration, Entry)| (*one, Change::Applied { batch, event: "imported" });
        runner.write(engine, digest, judged.chosen.iter().map(change).collect()).await?;
        Ok(report)
    }

    fn source(&self) -> &str {
        self.collection.as_deref().unwrap_or(self.tool.collection())
    }

    fn refused(&self, problems: impl IntoIterator<Item = String>) -> Error {
        Error::Import {
            tool: self.tool,
            collection: self.source().to_owned(),
            problems: problems.into_iter().collect(),
        }
    }

    /// The other tool's entries.
    async fn read(&self, runner: &Runner) -> Result<Vec<Entry>, Error> {
        let collection = self.source();
        if collection == runner.control.collection {
            return Err(self.refused([
                "it is the control collection of mongrate as well: give ours another name \
                 (`--collection`, `Migrator::collection`), now and in the app, or rename theirs \
                 and say so (`--from-collection`)"
                    .to_owned(),
            ]));
        }
        let theirs = Control { collection: collection.to_owned(), ..runner.control.clone() };
        let none = mongodb::bson::Document::new;
        let found = theirs.find(None, none(), none()).await;
        let found = found.map_err(|error| Error::server("read the other tool's history", error))?;
        if found.is_empty() {
            return Err(self.refused(["it is empty, or not there: is it another database, or \
                                      was it given another name (`--from-collection`)?"
                .to_owned()]));
        }
        self.tool.entries(&found).map_err(|problems| self.refused(problems))
    }

    fn judged(
        &self,
        runner: &Runner,
        history: &History,
        found: Vec<Entry>,
    ) -> Result<Judged, Error> {
        let linked: Vec<Migration> = runner.registry.iter().copied().collect();
        let matched = matching::judge(&linked, found, &self.mapping);
        let matched = matched.map_err(|problems| self.refused(problems))?;
        let applied = |one: &Migration| history.get(one.version()).is_some_and(Record::is_applied);
        let (already, chosen) = matched.matched.into_iter().partition(|(one, _)| applied(one));
        let Judged { unmatched, left_out, .. } = matched.rest;
        Ok(Judged { chosen, already, unmatched, left_out })
    }
}

impl<'a> IntoFuture for Import<'a> {
    type Output = Result<ImportReport, Error>;
    type IntoFuture = Pin<Box<dyn Future<Output = Self::Output> + Send + 'a>>;

    fn into_future(self) -> Self::IntoFuture {
        Box::pin(self.write())
    }
}

/// What another tool says of one migration.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Entry {
    /// As that tool names it; for golang-migrate, the last version.
    pub(crate) name: String,
    /// Of everything up to and with it.
    pub(crate) up_to: Option<i64>,
    pub(crate) applied_at: Option<DateTime<Utc>>,
}

/// What becomes of the entries.
#[derive(Clone, Debug, Default)]
pub(crate) struct Judged {
    chosen: Vec<(Migration, Entry)>,
    already: Vec<(Migration, Entry)>,
    unmatched: Vec<String>,
    left_out: Vec<String>,
}

impl Judged {
    fn report(&self, runner: &Runner, import: &Import<'_>, written: bool) -> ImportReport {
        let show = |all: &[(Migration, Entry)]| {
            let one = |(one, entry): &(Migration, Entry)| Imported {
                version: one.version(),
                name: one.name().to_owned(),
                entry: entry.name.clone(),
                applied_at: entry.applied_at,
            };
            all.iter().map(one).collect()
        };
        ImportReport {
            group: runner.settings.group.clone(),
            database: runner.database_name(),
            from: import.tool,
            collection: import.source().to_owned(),
            imported: show(&self.chosen),
            already: show(&self.already),
            unmatched: self.unmatched.clone(),
            left_out: self.left_out.clone(),
            written,
        }
    }
}

/// What [`Migrator::import`] recorded, or would record.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct ImportReport {
    /// The group.
    pub group: String,
    /// The database.
    pub database: String,
    /// The other tool.
    pub from: Tool,
    /// Its collection.
    pub collection: String,
    /// What is recorded, or would be.
    pub imported: Vec<Imported>,
    /// What is applied here already.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub already: Vec<Imported>,
    /// Entries that match no migration of this build.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub unmatched: Vec<String>,
    /// Entries that the mapping leaves out.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub left_out: Vec<String>,
    /// Whether it was written; a preview was not.
    pub written: bool,
}

/// One migration that another tool has applied.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Imported {
    /// Its version here.
    pub version: Version,
    /// Its name here.
    pub name: String,
    /// What the other tool calls it; for golang-migrate, its last version.
    pub entry: String,
    /// When the other tool applied it, if it says so.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub applied_at: Option<DateTime<Utc>>,
}

impl Imported {
    /// Version and name.
    pub fn named(&self) -> Named {
        Named { version: self.version, name: self.name.clone() }
    }
}
