//! The feed of events for clients: the last thousand, numbered, so that a client that reconnects
//! gets the events that it missed.

use std::{
    collections::VecDeque,
    pin::Pin,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use axum::response::sse::Event;
use futures_util::stream::{self, Stream};
use mongodb::bson::Uuid;
use serde::Serialize;
use serde_json::json;
use tokio::{
    sync::{OwnedSemaphorePermit, watch},
    time::Instant,
};

use super::answer;

/// How many events are kept for clients that reconnect.
const KEPT_MAX: usize = 1_000;

/// How long a stream lives at most; a client then reconnects and resumes after its last event.
const STREAM_MAX: Duration = Duration::from_secs(3_600);

/// Numbers the events, and keeps the last of them.
#[derive(Debug)]
pub(super) struct Feed {
    /// Distinguishes the numbers of this process from the numbers of an earlier process.
    instance: String,
    ring: Mutex<Ring>,
    newest: watch::Sender<u64>,
}

#[derive(Debug, Default)]
struct Ring {
    /// The number of the newest event; 0 before the first.
    newest: u64,
    events: VecDeque<Entry>,
}

#[derive(Clone, Debug)]
struct Entry {
    number: u64,
    name: &'static str,
    data: Arc<str>,
}

impl Feed {
    pub(super) fn new() -> Self {
        let instance = Uuid::new().to_string();
        Self {
            instance: instance.split('-').next().unwrap_or("0").to_owned(),
            ring: Mutex::default(),
            newest: watch::Sender::new(0),
        }
    }

    /// Sends an event to all streams.
    pub(super) fn publish(&self, name: &'static str, data: &impl Serialize) {
        let Some(text) = answer::text(data) else { return };
        let mut ring = self.ring();
        ring.newest += 1;
        let number = ring.newest;
        ring.events.push_back(Entry { number, name, data: text.into() });
        if ring.events.len() > KEPT_MAX {
            ring.events.pop_front();
        }
        self.newest.send_replace(number);
    }

    /// Whether a stream is open.
    pub(super) fn is_heard(&self) -> bool {
        self.newest.receiver_count() > 0
    }

    fn ring(&self) -> MutexGuard<'_, Ring> {
        self.ring.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The number in a `Last-Event-ID`, if this process gave it out.
    fn number(&self, id: &str) -> Option<u64> {
        let (instance, number) = id.trim().split_once('-')?;
        let number = number.parse().ok()?;
        (instance == self.instance && number <= self.ring().newest).then_some(number)
    }

    fn event(&self, entry: &Entry) -> Event {
        Event::default()
            .id(format!("{}-{}", self.instance, entry.number))
            .event(entry.name)
            .data(&*entry.data)
    }

    /// Returns how many events after `after` are no longer kept, and the events that are.
    fn since(&self, after: u64) -> (u64, Vec<Entry>) {
        let ring = self.ring();
        let first = ring.events.front().map_or(ring.newest + 1, |entry| entry.number);
        let gone = first.saturating_sub(after + 1);
        let entries = ring.events.iter().filter(|entry| entry.number > after);
        (gone, entries.cloned().collect())
    }
}

/// One client's stream of events.
pub(super) struct Subscription {
    pub(super) feed: Arc<Feed>,
    /// The id of the last event that the client has, as the client sent it.
    pub(super) last: Option<String>,
    /// Returns the current state, for a client that is new or missed events.
    pub(super) snapshot: Box<dyn Fn() -> Option<String> + Send + Sync>,
    /// Ends the stream, after the events that are published by then.
    pub(super) closing: Pin<Box<dyn Future<Output = ()> + Send>>,
    /// The stream's place among the open streams.
    pub(super) permit: OwnedSemaphorePermit,
}

impl Subscription {
    /// Returns the stream of events, from the client's last event on.
    pub(super) fn stream(self) -> impl Stream<Item = Result<Event, std::convert::Infallible>> {
        let Self { feed, last, snapshot, closing, permit } = self;
        let mut news = feed.newest.subscribe();
        let mut ready: VecDeque<Event> = VecDeque::new();
        let state = |number: u64, feed: &Feed| {
            let data = snapshot().unwrap_or_else(|| "{}".to_owned());
            let entry = Entry { number, name: "state", data: data.into() };
            feed.event(&entry)
        };
        let at = match last.as_deref().and_then(|id| feed.number(id)) {
            Some(number) => number,
            None => {
                // First the number, then the state: an event in between is sent twice rather than
                // never.
                let newest = feed.ring().newest;
                ready.push_back(state(newest, &feed));
                newest
            }
        };
        let until = Instant::now() + STREAM_MAX;
        let begin = (feed, news.borrow_and_update().to_owned(), at, ready);
        stream::unfold(
            (begin, news, snapshot, Some(closing), permit),
            move |((feed, seen, mut at, mut ready), mut news, snapshot, mut closing, permit)| async move {
                loop {
                    if let Some(event) = ready.pop_front() {
                        let next = (feed, seen, at, ready);
                        return Some((Ok(event), (next, news, snapshot, closing, permit)));
                    }
                    let (gone, entries) = feed.since(at);
                    if gone > 0 {
                        let entry = Entry {
                            number: at + gone,
                            name: "gap",
                            data: json!({ "missed": gone }).to_string().into(),
                        };
                        ready.push_back(feed.event(&entry));
                        let data = snapshot().unwrap_or_else(|| "{}".to_owned());
                        let entry = Entry { number: at + gone, name: "state", data: data.into() };
                        ready.push_back(feed.event(&entry));
                    }
                    if let Some(newest) = entries.last() {
                        at = newest.number;
                        ready.extend(entries.iter().map(|entry| feed.event(entry)));
                        continue;
                    }
                    let Some(close) = &mut closing else { return None };
                    tokio::select! {
                        changed = news.changed() => if changed.is_err() { return None },
                        // One more turn of the loop sends the last events.
                        () = close => closing = None,
                        () = tokio::time::sleep_until(until) => return None,
                    }
                }
            },
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_was_away_too_long_is_told_how_much_is_gone() {
        let feed = Feed::new();
        assert_eq!(feed.since(0).0, 0);
        for n in 1..=1_100 {
            feed.publish("run", &n);
        }
        let (gone, entries) = feed.since(50);
        assert_eq!((gone, entries.len()), (50, KEPT_MAX));
        assert_eq!(entries.first().map(|entry| entry.number), Some(101));
        let (gone, entries) = feed.since(1_099);
        assert_eq!((gone, entries.len()), (0, 1));
        assert_eq!(feed.since(1_100).1.len(), 0);
    }

    #[test]
    fn only_numbers_of_this_process_are_known() {
        let feed = Feed::new();
        feed.publish("run", &1);
        assert_eq!(feed.number(&format!("{}-1", feed.instance)), Some(1));
        assert_eq!(feed.number(&format!("{}-0", feed.instance)), Some(0));
        for strange in ["other-1", "1", "", "-1"] {
            assert_eq!(feed.number(strange), None, "{strange}");
        }
        assert_eq!(feed.number(&format!("{}-2", feed.instance)), None);
    }
}
