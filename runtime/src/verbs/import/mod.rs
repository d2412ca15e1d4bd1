//! `import`: records as applied what another tool has applied. Runs nothing.

pub(crate) mod entry;
pub(crate) mod matching;
pub(crate) mod source;
mod tools;

use self::{
    entry::{Entry, Judged},
    source::Source,
};
use crate::{
    model::{error::Error, report::operator::ImportReport},
    protocol::{
        control::Control,
        history::History,
        read::read_all,
        record::{Record, Stored},
        record_change::RecordChange,
    },
    registry::migration::Migration,
    run::{Runner, plan},
};

impl Runner {
    /// What an import would record, and which entries match no migration. No write, no lock.
    pub(crate) async fn preview_import(&self, source: &Source) -> Result<ImportReport, Error> {
        let found = source.read(self).await?;
        self.peek().await?;
        let (history, _) = read_all(&self.control, None).await?;
        plan::refuse_renamed(&self.registry, &history)?;
        Ok(source.judged(self, &history, found)?.report(self, source, false))
    }

    /// Records what another tool has applied.
    pub(crate) async fn import(&self, source: &Source) -> Result<ImportReport, Error> {
        let found = source.read(self).await?;
        self.refuse_caller("import").await?;
        let (engine, history) = self.enter_own_history().await?;
        let judged = match source.judged(self, &history, found) {
            Ok(judged) if judged.unmatched.is_empty() || source.allow_unmatched => judged,
            Ok(judged) => {
                engine.close().await;
                return Err(source.refused(judged.unmatched.iter().map(|entry| {
                    format!(
                        "`{entry}` matches no migration of this build: write a migration of \
                         that name, say in a mapping which it is (null for none), or allow it \
                         (`--allow-unmatched`)"
                    )
                })));
            }
            Err(error) => {
                engine.close().await;
                return Err(error);
            }
        };
        let report = judged.report(self, source, true);
        if judged.chosen.is_empty() {
            engine.close().await;
            return Ok(report);
        }
        let (mut digest, batch) = (engine.applied(), engine.batch);
        for (migration, _) in &judged.chosen {
            digest.add(migration.version(), &migration.checksum());
        }
        let changes = judged.chosen.iter().map(|(migration, _)| {
            (migration.identity(), RecordChange::Applied { batch, event: "imported" })
        });
        self.write(engine, digest, changes.collect()).await?;
        Ok(report)
    }
}

impl Source {
    /// Reads the other tool's entries.
    async fn read(&self, runner: &Runner) -> Result<Vec<Entry>, Error> {
        let collection = self.name();
        if collection == runner.control.collection {
            return Err(self.refused([
                "it is the control collection of mongrate as well: give mongrate another collection \
                 (`--collection`, `Migrator::collection`), now and in the app, or rename the \
                 tool's collection and name it (`--from-collection`)"
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
        tools::entries(self.tool, &found).map_err(|problems| self.refused(problems))
    }

    fn judged(
        &self,
        runner: &Runner,
        history: &History,
        found: Vec<Entry>,
    ) -> Result<Judged, Error> {
        // No tool recorded what is repeatable. Where the old migrations are there, the tool recorded them,
        // and not the squash that stands for them.
        let registry = &runner.registry;
        let kept = registry.squash().filter(|squash| {
            registry.versioned().any(|migration| squash.covers(migration.version()))
        });
        let is_kept = |migration: &Migration| {
            kept.is_some_and(|squash| squash.migration.version() == migration.version())
        };
        let linked = registry.versioned().filter(|migration| !is_kept(migration));
        let linked: Vec<Migration> = linked.copied().collect();
        let matched = matching::judge(&linked, found, &self.mapping);
        let matched = matched.map_err(|problems| self.refused(problems))?;
        let is_there = |record: &Record| record.is_applied() || record.state == Stored::Replaced;
        let applied = |one: &Migration| history.get(one.version()).is_some_and(is_there);
        let (already, chosen) = matched.matched.into_iter().partition(|(one, _)| applied(one));
        let Judged { unmatched, left_out, .. } = matched.rest;
        Ok(Judged { chosen, already, unmatched, left_out })
    }
}
