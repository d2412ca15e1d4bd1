//! `purge`: removes the collections that declared migrations have kept for their rollback.

use std::time::Duration;

use chrono::{DateTime, Utc};
use mongodb::bson::{Document, doc};

use crate::{
    kinds::change::keep,
    model::{
        clock,
        error::Error,
        report::operator::{KeptCollection, PurgeReport},
        version::Version,
    },
    mongo::{
        code,
        reply::{first_batch, number},
    },
    protocol::{
        audit::{self, entry::Note},
        documents,
        engine::Engine,
        history::History,
        read::read_all,
        record::{self, Stored},
    },
    run::{Runner, plan},
};

/// How many collections the audit log names.
const NAMED_MAX: usize = 20;

/// Which kept collections to remove.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct PurgeTarget {
    pub version: Option<Version>,
    pub older_than: Option<Duration>,
}

impl Runner {
    /// Removes kept collections under the lock (`write`), or only shows them.
    pub(crate) async fn purge(
        &self,
        target: PurgeTarget,
        write: bool,
    ) -> Result<PurgeReport, Error> {
        self.peek().await?;
        if !write {
            let (history, _) = read_all(&self.control, None).await?;
            plan::refuse_renamed(&self.registry, &history)?;
            let collections = self.kept(target, &history).await?;
            return Ok(self.purge_report(collections, false));
        }
        self.refuse_caller("purge").await?;
        let (mut engine, history) = self.enter_own_history().await?;
        let ended = self.kept(target, &history).await;
        let mut failed = None;
        let mut gone = Vec::new();
        let kept = ended.unwrap_or_else(|error| {
            failed = Some(error);
            Vec::new()
        });
        let kept = match self.note_purge(&mut engine, &kept).await {
            Ok(()) => kept,
            Err(error) => {
                failed = Some(error);
                Vec::new()
            }
        };
        for one in kept {
            let mut command = doc! { "drop": &one.name };
            command.insert("writeConcern", crate::protocol::control::majority());
            let dropped = match engine.refuse_when_lost() {
                Ok(()) => self.control.retrying(None, command).await.map(drop),
                Err(error) => Err(error),
            };
            match dropped {
                Ok(()) => gone.push(one),
                // It is gone already.
                Err(error) if error.code() == Some(code::NAMESPACE_NOT_FOUND) => {}
                Err(error) => {
                    failed = Some(Error::server("remove a kept collection", error));
                    break;
                }
            }
        }
        engine.close().await;
        match failed {
            Some(error) => Err(error),
            None => Ok(self.purge_report(gone, true)),
        }
    }

    /// Says in the audit log, if there is one, what is about to be removed.
    async fn note_purge(&self, engine: &mut Engine, kept: &[KeptCollection]) -> Result<(), Error> {
        if kept.is_empty() || !engine.is_audited() {
            return Ok(());
        }
        let named: Vec<&str> = kept.iter().take(NAMED_MAX).map(|one| one.name.as_str()).collect();
        let mut text = format!("{} collections: {}", kept.len(), named.join(", "));
        if kept.len() > named.len() {
            text.push_str(", …");
        }
        let noted = engine.note(Note::new(audit::PURGED).text(text)).await;
        noted.map_err(|stop| self.stopped(stop))
    }

    fn purge_report(&self, collections: Vec<KeptCollection>, purged: bool) -> PurgeReport {
        let group = self.settings.group.clone();
        PurgeReport { group, database: self.database_name(), collections, purged }
    }

    /// The kept collections, without those that an interrupted migration still needs.
    async fn kept(
        &self,
        target: PurgeTarget,
        history: &History,
    ) -> Result<Vec<KeptCollection>, Error> {
        let act = "look for kept collections";
        let control = &self.control.collection;
        let prefix = keep::prefix(control);
        // `/` is the character after `.`.
        let end = format!("{}/", prefix.trim_end_matches('.'));
        let command = doc! {
            "listCollections": 1,
            "filter": { "name": { "$gte": &prefix, "$lt": end } },
            "nameOnly": true,
            "cursor": { "batchSize": 100_000 },
        };
        let reply = self.control.retrying(None, command).await;
        let reply = reply.map_err(|error| Error::server(act, error))?;
        let names: Vec<String> = first_batch(&reply)
            .filter_map(|found| found.get_str("name").ok().map(str::to_owned))
            .collect();
        let ages = self.ages().await?;
        let mut kept = Vec::new();
        for name in names {
            let Some(version) = keep::version_of(control, &name).map(Version::new) else {
                continue;
            };
            let interrupted = history
                .get(version)
                .is_some_and(|record| matches!(record.state, Stored::Running | Stored::Failed));
            let age = ages.iter().find(|age| age.version == version);
            let is_old = target
                .older_than
                .is_none_or(|limit| age.is_some_and(|age| age.ms >= clock::ms(limit)));
            if interrupted || !is_old || target.version.is_some_and(|wanted| wanted != version) {
                continue;
            }
            let count = self.control.retrying(None, doc! { "count": &name }).await;
            let count = count.map_err(|error| Error::server(act, error))?;
            kept.push(KeptCollection {
                documents: number(&count, "n").and_then(|n| u64::try_from(n).ok()).unwrap_or(0),
                applied: history.get(version).is_some_and(record::Record::is_applied),
                since: age.and_then(|age| age.since),
                name,
                version,
            });
        }
        kept.sort_by(|one, other| (one.version, &one.name).cmp(&(other.version, &other.name)));
        Ok(kept)
    }

    /// How long ago each migration was last applied or rolled back, by the server's clock.
    async fn ages(&self) -> Result<Vec<Age>, Error> {
        let last = doc! { "$arrayElemAt": ["$events.at", -1] };
        let projection = doc! { "last": last.clone(), "ms": { "$subtract": ["$$NOW", last] } };
        let filter = doc! { "events": { "$exists": true } };
        let found = self.control.find(None, filter, projection).await;
        let found = found.map_err(|error| Error::server("read the history", error))?;
        Ok(found.iter().filter_map(Age::parse).collect())
    }
}

struct Age {
    version: Version,
    ms: u64,
    since: Option<DateTime<Utc>>,
}

impl Age {
    fn parse(document: &Document) -> Option<Self> {
        let version = number(document, "_id").map(Version::new)?;
        let ms = u64::try_from(number(document, "ms")?).unwrap_or(0);
        Some(Self { version, ms, since: documents::date(document, "last") })
    }
}
