//! The log as the owner of the fence continues it: which documents a guarded transaction adds, and what
//! the fence says of them. Pure.

use chrono::{DateTime, Utc};
use mongodb::bson::Document;

use super::{
    BEGAN, ENDED, REATTACHED, REQUESTS_LOST,
    entry::{self, Circumstances, Note},
    head::Head,
    requests::Requests,
};
use crate::{
    model::{config::AuditSettings, digest::Digest, report::audit::AuditHead, state::Who},
    protocol::fence::Fence,
};

/// The log, as one acquisition of the lock continues it.
#[derive(Debug)]
pub(crate) struct AuditLog {
    settings: AuditSettings,
    head: Head,
    /// Guarded transactions of builds that do not know the log: before the document after this one.
    missed: (i64, i64),
    requests: Requests,
    attached: Option<Attached>,
}

/// A document that the log goes on after, and that the fence does not know.
#[derive(Debug)]
struct Attached {
    number: i64,
    hash: String,
    /// The newest document by the fence.
    former: Option<AuditHead>,
}

/// Which transaction the documents belong to.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Moment<'a> {
    pub at: DateTime<Utc>,
    pub who: &'a Who,
    pub fence: i64,
    pub guard: i64,
    pub before: Digest,
    pub after: Digest,
}

/// What a guarded transaction adds.
#[derive(Clone, Debug)]
pub(crate) struct Addition {
    pub documents: Vec<Document>,
    /// What the fence says once it has committed.
    pub head: Head,
}

impl AuditLog {
    /// The log as the fence has it.
    pub(crate) fn new(settings: AuditSettings, fence: &Fence) -> Self {
        let head = fence.audit.clone().unwrap_or_default();
        let requests = fence.requests.clone();
        let missed = if head.on { fence.guards.saturating_sub(head.guards).max(0) } else { 0 };
        Self { settings, missed: (missed, head.number), head, requests, attached: None }
    }

    /// Whether the next event is written into the log.
    pub(crate) fn is_on(&self) -> bool {
        self.head.on || self.settings.wanted
    }

    /// Whether the log begins with the next event: what is in its collection has to be looked at before.
    pub(crate) fn begins(&self) -> bool {
        self.settings.wanted && !self.head.on
    }

    pub(crate) fn head(&self) -> &Head {
        &self.head
    }

    /// The next event begins the log, or is not needed for it any more.
    pub(crate) fn want(&mut self, wanted: bool) {
        self.settings.wanted = wanted;
    }

    /// Continues after a document that the fence does not know.
    pub(crate) fn attach(&mut self, number: i64, hash: String) {
        let former = self.head.shown();
        self.missed.1 = number;
        self.attached = Some(Attached { number, hash, former });
        self.set(self.head.clone());
    }

    /// The event with which the log begins, or goes on: after documents that the fence did not know, it
    /// says so.
    pub(crate) fn began(&self) -> Note {
        let Some(attached) = &self.attached else { return Note::new(BEGAN) };
        let text = match &attached.former {
            Some(head) => format!("the newest entry by the fence was {head}"),
            None => "the fence knew no entry".to_owned(),
        };
        Note::new(REATTACHED).text(text)
    }

    /// What a transaction with these events adds. `None`: there is no log. Without an event, only the
    /// number of the transaction is noted in the fence.
    ///
    /// The same until the transaction has committed: an attempt that did not commit is made again.
    pub(crate) fn addition(
        &self,
        notes: &[Note],
        moment: Moment<'_>,
    ) -> Result<Option<Addition>, Unwritable> {
        let begins = !self.head.on && !notes.is_empty() && self.settings.wanted;
        if !self.head.on && !begins {
            return Ok(None);
        }
        let mut head = Head { guards: moment.guard, ..self.head.clone() };
        let mut documents = Vec::with_capacity(notes.len());
        if notes.is_empty() {
            return Ok(Some(Addition { documents, head }));
        }
        let Moment { at, who, fence, guard, before, after } = moment;
        let user = self.settings.user.as_deref();
        let own = Circumstances { at, user, by: who, fence, guard, before, after };
        let key = self.settings.key.as_ref();
        let mut add = |note: &Note, around: &Circumstances<'_>| {
            let missed = if head.number == self.missed.1 { self.missed.0 } else { 0 };
            let number = head.number.saturating_add(1);
            let made = entry::document(number, &head.hash, note, around, missed, key);
            let (document, hash) = made.ok_or(Unwritable)?;
            documents.push(document);
            (head.number, head.hash) = (number, hash);
            Ok(())
        };
        let begun = |note: &Note| note.event == BEGAN || note.event == REATTACHED;
        if begins && !notes.first().is_some_and(begun) {
            add(&self.began(), &own)?;
        }
        // Requests that were made before there was a log are in none.
        let former = match &self.attached {
            Some(attached) => attached.former.as_ref().map_or(0, |head| head.number),
            None => self.head.number,
        };
        if former > 0 || self.head.on {
            let (waiting, lost) = self.requests.since(self.head.asked);
            for request in waiting {
                let note = Note { note: request.note.clone(), ..Note::new(&*request.event) };
                let (user, by) = (request.user.as_deref(), &request.by);
                let (at, fence) = (request.at, request.fence);
                // It changed nothing of what is applied.
                add(&note, &Circumstances { at, user, by, fence, guard, before, after: before })?;
            }
            if lost > 0 {
                let text = format!("{lost} requests");
                let around = Circumstances { after: before, ..own.clone() };
                add(&Note::new(REQUESTS_LOST).text(text), &around)?;
            }
        }
        for note in notes {
            add(note, &own)?;
        }
        head.on = notes.last().is_none_or(|note| note.event != ENDED);
        head.asked = self.requests.count;
        Ok(Some(Addition { documents, head }))
    }

    /// The fence says this: a transaction committed, or an election took commits back.
    pub(crate) fn set(&mut self, head: Head) {
        self.head = head;
        // What the log was attached to is there, also if an election took back that it was.
        if let Some(attached) = self.attached.as_ref().filter(|one| one.number > self.head.number) {
            (self.head.number, self.head.hash) = (attached.number, attached.hash.clone());
        }
    }
}

/// A document has no canonical form. (None that is made here.)
#[derive(Clone, Copy, Debug)]
pub(crate) struct Unwritable;
