//! `audit --prune`: removes the oldest entries, and says in the log up to which.

use chrono::{DateTime, Utc};
use mongodb::bson::{self, Document, doc};

use super::read::{self, LogReader};
use crate::{
    model::{
        error::Error,
        report::audit::{AuditHead, AuditPruned},
    },
    mongo::reply::number,
    protocol::{
        audit::{
            PRUNED,
            entry::{Note, Read},
        },
        control::majority,
        documents::is_count,
        read::read_fence,
    },
    run::{Runner, own_thread::on_own_thread},
};

/// How many entries one command removes.
const CHUNK: i64 = 10_000;

const ACT: &str = "prune the audit log";

/// What is to be removed.
struct Target {
    /// The oldest entry.
    first: i64,
    /// The last entry that is removed.
    to: AuditHead,
    entries: u64,
}

impl Runner {
    /// Removes the entries that are older than this (`write`), or only counts them.
    pub(crate) async fn prune_audit(
        &self,
        before: DateTime<Utc>,
        write: bool,
    ) -> Result<AuditPruned, Error> {
        self.peek().await?;
        let reader = LogReader::new(&self.control);
        if !write {
            let fence = read_fence(&self.control).await?;
            let target = target(&reader, before).await?;
            let head = fence.audit.and_then(|head| head.shown());
            return Ok(self.pruned(&reader, target.as_ref(), head, false));
        }
        // Refuses a user that may not remove anything, before the log says that it was.
        self.remove(&reader, doc! { "$type": "long", "$lt": i64::MIN }).await?;
        let (engine, _) = self.enter_to_record().await?;
        let target = match target(&reader, before).await {
            Ok(Some(target)) if engine.is_log_on() => target,
            // An entry could not say so.
            Ok(Some(_)) => {
                engine.close().await;
                return Err(Error::Audit {
                    collection: reader.collection,
                    problem: "it is switched off, and an entry has to say what is pruned"
                        .to_owned(),
                });
            }
            Ok(None) => {
                let report = self.pruned(&reader, None, engine.audit_head(), true);
                engine.close().await;
                return Ok(report);
            }
            Err(error) => {
                engine.give_up(&error).await;
                return Err(error);
            }
        };
        let text = format!(
            "{} entries older than {}",
            target.entries,
            before.to_rfc3339_opts(chrono::SecondsFormat::Secs, true)
        );
        let note = Note { pruned_to: Some(target.to.clone()), ..Note::new(PRUNED) }.text(text);
        let (engine, ended) = on_own_thread(move || async move {
            let mut engine = engine;
            let ended = engine.note(note).await;
            (engine, ended)
        })
        .await;
        if let Err(stop) = ended {
            engine.close().await;
            return Err(self.stopped(stop));
        }
        let head = engine.audit_head();
        let removed = self.remove_to(&reader, &target, &engine).await;
        engine.close().await;
        removed?;
        Ok(self.pruned(&reader, Some(&target), head, true))
    }

    /// Removes the oldest entries first: whatever ends this, the rest follows each other.
    async fn remove_to(
        &self,
        reader: &LogReader,
        target: &Target,
        engine: &crate::protocol::engine::Engine,
    ) -> Result<(), Error> {
        let mut from = target.first;
        while from <= target.to.number {
            engine.refuse_when_lost().map_err(|error| Error::server(ACT, error))?;
            let to = from.saturating_add(CHUNK - 1).min(target.to.number);
            self.remove(reader, doc! { "$type": "long", "$lte": to }).await?;
            from = to + 1;
        }
        Ok(())
    }

    async fn remove(&self, reader: &LogReader, id: Document) -> Result<(), Error> {
        let command = doc! {
            "delete": &reader.collection,
            "deletes": [{ "q": { "_id": id }, "limit": 0 }],
            "writeConcern": majority(),
        };
        let removed = self.control.retrying(None, command).await;
        removed.map(drop).map_err(|error| Error::server(ACT, error))
    }

    fn pruned(
        &self,
        reader: &LogReader,
        target: Option<&Target>,
        head: Option<AuditHead>,
        pruned: bool,
    ) -> AuditPruned {
        AuditPruned {
            group: self.settings.group.clone(),
            database: self.database_name(),
            collection: reader.collection.clone(),
            entries: target.map_or(0, |target| target.entries),
            pruned_to: target.map(|target| target.to.clone()),
            head,
            pruned,
        }
    }
}

/// The entries before the first one that is not older. (A request of an operator may be older than the
/// entry before it.)
async fn target(reader: &LogReader, before: DateTime<Utc>) -> Result<Option<Target>, Error> {
    let long = || doc! { "$type": "long" };
    let Some(first) = reader.oldest(doc! { "_id": long() }).await? else { return Ok(None) };
    let at = bson::DateTime::from_millis(before.timestamp_millis());
    let newer = reader.oldest(doc! { "_id": long(), "at": { "$gte": at } }).await?;
    let mut older = long();
    if let Some(newer) = newer.as_ref().and_then(|newer| number(newer, "_id")) {
        older.insert("$lt", newer);
    }
    let last = reader.newest(doc! { "_id": older }, 1).await?;
    let Some(last) = last.first() else { return Ok(None) };
    let corrupt = || Error::Audit {
        collection: reader.collection.clone(),
        problem: "the document up to which it would be pruned is no entry".to_owned(),
    };
    let last = read::raw(last).and_then(|raw| Read::parse(&raw)).ok_or_else(corrupt)?;
    let first = number(&first, "_id").filter(is_count).ok_or_else(corrupt)?;
    let entries = u64::try_from(last.number - first + 1).unwrap_or(0);
    Ok(Some(Target { first, to: AuditHead::new(last.number, last.hash), entries }))
}
