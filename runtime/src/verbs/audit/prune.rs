//! `audit --prune`: removes the oldest entries, and says in the log up to which.

use chrono::{DateTime, Utc};
use mongodb::bson::{self, Document, doc};

use super::VERB;
use crate::{
    model::{
        error::Error,
        report::audit::{AuditHead, AuditPruned},
    },
    mongo::reply::number,
    protocol::{
        audit::{
            PRUNED,
            entry::Note,
            read::{self, LogReader},
        },
        control::majority,
        read::read_fence,
    },
    run::{Runner, own_thread::on_own_thread},
};

/// How many entries one command removes.
const CHUNK: i64 = 10_000;

const ACT: &str = "prune the audit log";

/// What is to be removed.
struct Target {
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
            let head = fence.audit.and_then(|head| head.shown());
            let target = target(&reader, before, head.as_ref()).await?;
            return Ok(self.pruned(&reader, target.as_ref(), head, false));
        }
        self.refuse_caller(VERB).await?;
        // Refuses a user that may not remove anything, before the log says that it was.
        self.remove(&reader, doc! { "$type": "long", "$lt": i64::MIN }).await?;
        let (engine, _) = self.enter_to_record().await?;
        let target = match target(&reader, before, engine.audit_head().as_ref()).await {
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
        let last = target.to.number;
        // The numbers may have holes, of whatever size.
        while let Some(first) = oldest(reader, last).await? {
            engine.refuse_when_lost().map_err(|error| Error::server(ACT, error))?;
            let to = first.saturating_add(CHUNK - 1).min(last);
            self.remove(reader, doc! { "$type": "long", "$gte": first, "$lte": to }).await?;
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

/// The number of the oldest document up to and with this number.
async fn oldest(reader: &LogReader, last: i64) -> Result<Option<i64>, Error> {
    let found = reader.oldest(doc! { "_id": numbers(last) }).await?;
    Ok(found.and_then(|found| number(&found, "_id")))
}

/// The numbers of entries up to and with this one.
fn numbers(last: i64) -> Document {
    doc! { "$type": "long", "$gte": 1_i64, "$lte": last }
}

/// The entries before the first one that is not older: of those up to the head. (A request of an operator
/// may be older than the entry before it.)
async fn target(
    reader: &LogReader,
    before: DateTime<Utc>,
    head: Option<&AuditHead>,
) -> Result<Option<Target>, Error> {
    let Some(head) = head else { return Ok(None) };
    let Some(first) = oldest(reader, head.number).await? else { return Ok(None) };
    let at = bson::DateTime::from_millis(before.timestamp_millis());
    let newer = doc! { "_id": numbers(head.number), "at": { "$gte": at } };
    let newer = reader.oldest(newer).await?;
    let mut older = numbers(head.number);
    if let Some(newer) = newer.as_ref().and_then(|newer| number(newer, "_id")) {
        older.insert("$lt", newer);
    }
    let last = reader.newest(doc! { "_id": older }, 1).await?;
    let Some(last) = last.first() else { return Ok(None) };
    let last = read::parse(last).ok_or_else(|| Error::Audit {
        collection: reader.collection.clone(),
        problem: "the document up to which it would be pruned is no entry".to_owned(),
    })?;
    let entries = last.number.saturating_sub(first).saturating_add(1);
    let entries = u64::try_from(entries).unwrap_or(0);
    Ok(Some(Target { to: AuditHead::new(last.number, last.hash), entries }))
}
