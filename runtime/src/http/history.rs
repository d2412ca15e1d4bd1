//! One page of the history, as a pure function of the report.

use crate::{HistoryEvent, HistoryReport};

/// The last event of a page. The next page begins after it, even if newer events have come since.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Cursor {
    at_ms: i64,
    fence: i64,
    version: i64,
    event: String,
}

impl Cursor {
    fn of(event: &HistoryEvent) -> Self {
        Self {
            at_ms: event.at.timestamp_millis(),
            fence: event.fence,
            version: event.version.map_or(0, crate::Version::get),
            event: event.event.clone(),
        }
    }

    pub(super) fn parse(text: &str) -> Option<Self> {
        let mut parts = text.splitn(4, '.');
        let mut number = || parts.next()?.parse::<i64>().ok();
        let (at_ms, fence, version) = (number()?, number()?, number()?);
        let event = parts.next()?;
        let is_legal = event.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'_');
        is_legal.then(|| Self { at_ms, fence, version, event: event.to_owned() })
    }
}

impl std::fmt::Display for Cursor {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}.{}.{}.{}", self.at_ms, self.fence, self.version, self.event)
    }
}

/// Returns the newest events, those before a cursor if there is one, newest first; and the cursor of the
/// next page.
pub(super) fn page(
    report: HistoryReport,
    before: Option<&Cursor>,
    limit: usize,
) -> (Vec<HistoryEvent>, Option<Cursor>) {
    let is_wanted = |event: &HistoryEvent| before.is_none_or(|before| Cursor::of(event) < *before);
    let mut events: Vec<HistoryEvent> = report.events.into_iter().filter(is_wanted).collect();
    events.sort_by_cached_key(|event| std::cmp::Reverse(Cursor::of(event)));
    let more = events.len() > limit;
    events.truncate(limit);
    let next = events.last().filter(|_| more).map(Cursor::of);
    (events, next)
}

#[cfg(test)]
mod tests {
    use chrono::DateTime;

    use super::*;
    use crate::model::{state::Who, version::Version};

    fn report() -> HistoryReport {
        let event = |n: i64| HistoryEvent {
            version: (n % 5 != 0).then(|| Version::new(n % 3 + 1)),
            name: String::new(),
            at: DateTime::from_timestamp_millis(n / 2).unwrap(),
            event: if n % 2 == 0 { "applied" } else { "failed" }.to_owned(),
            direction: None,
            fence: n,
            by: Who::default(),
            failure: None,
            note: None,
            plan: None,
            tags: Vec::new(),
        };
        let events = (1..=20).map(event).collect();
        HistoryReport { group: String::new(), database: String::new(), events }
    }

    #[test]
    fn the_pages_are_the_whole() {
        for limit in [1, 3, 20, 50] {
            let mut before: Option<Cursor> = None;
            let mut fences = Vec::new();
            loop {
                let (events, next) = page(report(), before.as_ref(), limit);
                assert!(events.len() <= limit);
                fences.extend(events.iter().map(|event| event.fence));
                let Some(next) = next else { break };
                assert_eq!(Cursor::parse(&next.to_string()).as_ref(), Some(&next));
                before = Some(next);
            }
            assert_eq!(fences, (1..=20).rev().collect::<Vec<_>>(), "{limit}");
        }
    }

    #[test]
    fn a_cursor_that_is_none() {
        for text in ["", "1.2.3", "a.2.3.x", "1.2.3.X", "1.2.3.a b", "1.2.3.a.b"] {
            assert_eq!(Cursor::parse(text), None, "{text}");
        }
    }
}
