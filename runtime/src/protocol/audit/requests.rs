//! Requests of operators (a pause, a forced unlock), which are made without the fence: they wait in the
//! events of the lock, each with a number, until the next owner of the fence writes them into the log.

use chrono::{DateTime, Utc};
use mongodb::bson::{Bson, Document, RawDocument, doc};

use crate::{
    model::{report::history::HistoryEvent, state::Who},
    mongo::{
        fields::Fields as _,
        reply::{number, stored_count},
    },
    protocol::documents::{LOCK_ID, date, literal, parse_who},
};

/// The field of the lock that counts its events, and the field of an event that says which one it is.
const COUNT: &str = "asked";

/// A request that is not yet in the log.
#[derive(Clone, Debug)]
pub(crate) struct Waiting {
    number: i64,
    pub at: DateTime<Utc>,
    pub event: String,
    pub fence: i64,
    pub by: Who,
    pub user: Option<String>,
    pub note: Option<String>,
}

/// The requests that the lock holds, oldest first.
#[derive(Clone, Debug, Default)]
pub(crate) struct Requests {
    waiting: Vec<Waiting>,
    /// How many there have ever been.
    pub count: i64,
}

/// Adds to an event that a pipeline puts into the lock: its number, and who asked.
pub(crate) fn number_event(event: &mut Document, user: Option<&str>) {
    event.insert(COUNT, next());
    if let Some(user) = user {
        event.insert("user", literal(user));
    }
}

/// The number of the next event, as an expression; it is also the new value of [`counter`].
fn next() -> Document {
    doc! { "$add": [{ "$ifNull": [format!("${COUNT}"), 0_i64] }, 1_i64] }
}

/// The field of the lock that the same pipeline sets where the event is new: with `news`, only if that
/// is true.
pub(crate) fn counter(news: Option<&Document>) -> (&'static str, Bson) {
    let value = match news {
        None => next().into(),
        Some(news) => {
            let same = doc! { "$ifNull": [format!("${COUNT}"), "$$REMOVE"] };
            doc! { "$cond": [news, next(), same] }.into()
        }
    };
    (COUNT, value)
}

impl Requests {
    /// Reads them from the lock. A lock of which nobody has asked anything yet is not decoded.
    pub(crate) fn read(lock: &RawDocument) -> Self {
        let decoded = lock.number(COUNT).and_then(|_| Document::try_from(lock).ok());
        decoded.as_ref().map_or_else(Self::default, Self::parse)
    }

    fn parse(lock: &Document) -> Self {
        let count = stored_count(lock, COUNT).unwrap_or(0);
        let events = lock.get_array("events").map(Vec::as_slice).unwrap_or_default();
        let mut waiting: Vec<Waiting> = events
            .iter()
            .filter_map(Bson::as_document)
            .filter_map(Waiting::parse)
            .filter(|one| (1..=count).contains(&one.number))
            .collect();
        waiting.sort_by_key(|one| one.number);
        waiting.dedup_by_key(|one| one.number);
        Self { waiting, count }
    }

    /// The requests that a log with so many does not have, and how many others the lock no longer holds.
    pub(crate) fn since(&self, asked: i64) -> (Vec<&Waiting>, i64) {
        let waiting: Vec<&Waiting> = self.waiting.iter().filter(|one| one.number > asked).collect();
        let held = i64::try_from(waiting.len()).unwrap_or(i64::MAX);
        (waiting, self.count.saturating_sub(asked).saturating_sub(held).max(0))
    }
}

impl Waiting {
    fn parse(event: &Document) -> Option<Self> {
        Some(Self {
            number: number(event, COUNT)?,
            at: date(event, "at")?,
            event: event.get_str("event").ok()?.to_owned(),
            fence: number(event, "fence").unwrap_or(0),
            by: event.get_document("by").map(parse_who).unwrap_or_default(),
            user: event.get_str("user").ok().map(str::to_owned),
            note: event.get_str("note").ok().map(str::to_owned),
        })
    }

    pub(crate) fn shown(&self) -> HistoryEvent {
        HistoryEvent {
            version: None,
            name: LOCK_ID.to_owned(),
            at: self.at,
            event: self.event.clone(),
            direction: None,
            fence: self.fence,
            by: self.by.clone(),
            failure: None,
            note: self.note.clone(),
            plan: None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lock(numbers: &[i64], count: i64) -> Document {
        let at = mongodb::bson::DateTime::from_millis(1_700_000_000_000);
        let events: Vec<Document> = numbers
            .iter()
            .map(|number| doc! { "at": at, "event": "paused", "asked": *number, "fence": 1_i64 })
            .collect();
        doc! { "asked": count, "events": events }
    }

    #[test]
    fn what_the_log_has_is_not_read_again_and_what_is_gone_is_counted() {
        // Numbers in the lock, count, how many the log has; waiting, lost.
        let table: [(&[i64], i64, i64, usize, i64); 6] = [
            (&[1, 2, 3], 3, 0, 3, 0),
            (&[1, 2, 3], 3, 2, 1, 0),
            (&[2, 1], 2, 0, 2, 0),
            (&[4, 5], 5, 1, 2, 2),
            // Somebody set the count back, or added events that nobody counted.
            (&[1, 2], 1, 2, 0, 0),
            (&[7, 7], 2, 0, 0, 2),
        ];
        for (numbers, count, asked, waiting, lost) in table {
            let found = Requests::parse(&lock(numbers, count));
            let (found, gone) = found.since(asked);
            assert_eq!((found.len(), gone), (waiting, lost), "{numbers:?} {asked}");
        }
        assert_eq!(Requests::parse(&doc! { "events": "no" }).count, 0);
    }
}
