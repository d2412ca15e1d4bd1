//! The audit log: shows it, switches it on and off, exports it, removes its oldest entries.

pub(crate) mod judge;
pub(crate) mod prune;
pub(crate) mod switch;
pub(crate) mod verify;

use chrono::{DateTime, Utc};
use mongodb::bson::{self, Document, doc};

use crate::{
    model::{
        error::Error,
        report::audit::{AuditHead, AuditPage},
        version::Version,
    },
    mongo::reply::number,
    protocol::{
        audit::{
            self, entry,
            read::{self, LogReader},
            requests::Waiting,
        },
        fence::Fence,
        read::read_fence,
    },
    run::Runner,
    verbs::history::known_event,
};

/// The verb of policies: what changes the log, and does not only read it.
const VERB: &str = "audit";

/// Which entries are shown.
#[derive(Clone, Debug)]
pub(crate) struct AuditFilter {
    pub version: Option<Version>,
    pub event: Option<String>,
    pub since: Option<DateTime<Utc>>,
    pub until: Option<DateTime<Utc>>,
    /// The user, the host or the app.
    pub by: Option<String>,
    /// Only entries with smaller numbers.
    pub before: Option<i64>,
    pub limit: u32,
}

impl AuditFilter {
    pub(crate) const LIMIT: u32 = 50;
    pub(crate) const LIMIT_MAX: u32 = 1_000;

    pub(crate) fn new() -> Self {
        let (version, event, by, before) = (None, None, None, None);
        Self { version, event, since: None, until: None, by, before, limit: Self::LIMIT }
    }

    fn check(&self) -> Result<(), Error> {
        let refuse = |setting, problem: String| Err(Error::Settings { setting, problem });
        if !(1..=Self::LIMIT_MAX).contains(&self.limit) {
            return refuse("limit", format!("is not between 1 and {}", Self::LIMIT_MAX));
        }
        if let Some(event) = &self.event {
            known_event(event)?;
        }
        if let (Some(since), Some(until)) = (self.since, self.until)
            && since >= until
        {
            return refuse("since", "is not before `until`".to_owned());
        }
        Ok(())
    }

    fn document(&self) -> Document {
        let Self { version, event, since, until, by, before, limit: _ } = self;
        let mut id = doc! { "$type": "long" };
        if let Some(before) = before {
            id.insert("$lt", *before);
        }
        let mut filter = doc! { "_id": id };
        if let Some(version) = version {
            filter.insert("version", version.get());
        }
        if let Some(event) = event {
            filter.insert("event", doc! { "$eq": event });
        }
        let time = |at: DateTime<Utc>| bson::DateTime::from_millis(at.timestamp_millis());
        let mut at = Document::new();
        at.extend(since.map(|since| ("$gte".to_owned(), time(since).into())));
        at.extend(until.map(|until| ("$lt".to_owned(), time(until).into())));
        if !at.is_empty() {
            filter.insert("at", at);
        }
        if let Some(by) = by {
            let paths = ["user", "by.host", "by.app"];
            let any: Vec<Document> =
                paths.iter().map(|path| doc! { *path: { "$eq": by } }).collect();
            filter.insert("$or", any);
        }
        filter
    }
}

impl Runner {
    /// The newest entries that the filter lets through.
    pub(crate) async fn audit(&self, filter: AuditFilter) -> Result<AuditPage, Error> {
        filter.check()?;
        let (fence, reader) = self.audit_log().await?;
        let limit = usize::try_from(filter.limit).unwrap_or(usize::MAX);
        // One more shows whether there are others.
        let mut found = reader.newest(filter.document(), i64::from(filter.limit) + 1).await?;
        if let (Some(version), true) = (filter.version, found.is_empty())
            && reader.oldest(doc! { "version": version.get() }).await?.is_none()
        {
            self.refuse_unknown(version).await?;
        }
        let more = found.len() > limit;
        found.truncate(limit);
        let next = found.last().filter(|_| more).and_then(|oldest| number(oldest, "_id"));
        let entries = found.iter().rev().filter_map(read::raw);
        Ok(AuditPage {
            group: self.settings.group.clone(),
            database: self.database_name(),
            collection: reader.collection,
            on: fence.audit.as_ref().is_some_and(|head| head.on),
            head: fence.audit.as_ref().and_then(audit::head::Head::shown),
            entries: entries.filter_map(|document| entry::shown(&document)).collect(),
            next,
            waiting: waiting(&fence).into_iter().map(Waiting::shown).collect(),
        })
    }

    /// The number and hash of the newest entry.
    pub(crate) async fn audit_head(&self) -> Result<Option<AuditHead>, Error> {
        let (fence, _) = self.audit_log().await?;
        Ok(fence.audit.and_then(|head| head.shown()))
    }

    /// Gives each entry to `line`, oldest first, as its canonical text. Returns how many there were.
    pub(crate) async fn export_audit(
        &self,
        mut line: impl FnMut(&str) -> std::io::Result<()>,
    ) -> Result<u64, Error> {
        let (_, reader) = self.audit_log().await?;
        let (mut after, mut count) = (None, 0);
        loop {
            let page = reader.page(after, None).await?;
            let Some(last) = page.last().and_then(|last| number(last, "_id")) else {
                return Ok(count);
            };
            for document in &page {
                let text = read::raw(document).and_then(|raw| crate::mongo::canonical::text(&raw));
                let text = text.ok_or_else(|| Error::Audit {
                    collection: reader.collection.clone(),
                    problem: format!(
                        "the document {} is no entry, and cannot be exported",
                        number(document, "_id").unwrap_or(0)
                    ),
                })?;
                line(&text).map_err(|error| Error::Settings {
                    setting: "export",
                    problem: format!("cannot be written: {error}"),
                })?;
                count += 1;
            }
            after = Some(last);
        }
    }

    /// The fence and the log. Refuses a control collection that is not Mongrate's.
    async fn audit_log(&self) -> Result<(Fence, LogReader), Error> {
        self.peek().await?;
        let fence = read_fence(&self.control).await?;
        Ok((fence, LogReader::new(&self.control)))
    }
}

/// The requests that the next run writes into the log. Without a log, they wait for none.
fn waiting(fence: &Fence) -> Vec<&Waiting> {
    match &fence.audit {
        Some(head) => fence.requests.since(head.asked).0,
        None => Vec::new(),
    }
}
