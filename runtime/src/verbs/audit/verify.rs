//! `audit --verify`: reads the whole log, a page at a time, and the fence.

use super::{judge::Judge, waiting};
use crate::{
    model::{
        audit_key::AuditPublicKey,
        error::Error,
        report::audit::{AuditHead, AuditVerification},
    },
    mongo::reply::number,
    protocol::{
        audit::{
            head::Head,
            read::{self, LogReader},
        },
        read::read_fence,
    },
    run::Runner,
    telemetry::metrics,
};

/// How often the end is looked for where the newest entry is not there.
const LOOKS_MAX: u32 = 3;

impl Runner {
    pub(crate) async fn verify_audit(
        &self,
        kept: Option<AuditHead>,
        keys: Vec<AuditPublicKey>,
    ) -> Result<AuditVerification, Error> {
        self.peek().await?;
        let reader = LogReader::new(&self.control);
        let signatures_checked = !keys.is_empty();
        let wants_log = signatures_checked || self.settings.audit.key.is_some();
        let mut judge = Judge::new(kept, keys);
        walk(&reader, &mut judge, None).await?;
        // Entry and fence are committed together: so the fence, which is read later, is not older than the
        // entries so far. What it knows beyond them was written meanwhile.
        let mut fence;
        let mut looks = 0;
        loop {
            fence = read_fence(&self.control).await?;
            let newest = fence.audit.as_ref().map_or(0, |head| head.number);
            walk(&reader, &mut judge, Some(newest)).await?;
            looks += 1;
            // What the fence knew may have been pruned since, and a newer entry says so.
            if judge.last().unwrap_or(0) >= newest || looks == LOOKS_MAX {
                break;
            }
        }
        for stray in reader.strays().await? {
            let id = stray.get("_id").map_or_else(|| "none".to_owned(), ToString::to_string);
            judge.stray(0, &format!("the document with `_id` {id}"));
        }
        judge.end(&fence);
        if wants_log {
            judge.refuse_none(&fence);
        }
        let database = self.control.database.name();
        metrics::verified(&self.settings.group, database, judge.breaks.len(), judge.gaps.len());
        Ok(AuditVerification {
            group: self.settings.group.clone(),
            database: self.database_name(),
            collection: reader.collection,
            on: fence.audit.as_ref().is_some_and(|head| head.on),
            entries: judge.entries,
            first: judge.first,
            head: fence.audit.as_ref().and_then(Head::shown),
            pruned_to: judge.pruned_to,
            signed: judge.signed,
            signatures_checked,
            breaks: judge.breaks,
            gaps: judge.gaps,
            waiting: waiting(&fence).len() as u64,
        })
    }
}

/// Gives the judge the entries after those that it has seen.
async fn walk(reader: &LogReader, judge: &mut Judge, to: Option<i64>) -> Result<(), Error> {
    let mut after = judge.last();
    loop {
        let page = reader.page(after, to).await?;
        let Some(last) = page.last().and_then(|last| number(last, "_id")) else { return Ok(()) };
        for document in &page {
            match read::parse(document) {
                Some(read) => judge.entry(read),
                None => judge.stray(number(document, "_id").unwrap_or(0), "the document"),
            }
        }
        after = Some(last);
    }
}
