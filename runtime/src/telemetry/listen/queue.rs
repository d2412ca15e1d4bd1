//! The queues between runs and listeners: bounded, one for each listener, emptied by a thread of the
//! listener's own. Putting an event in never waits.

use std::{
    collections::VecDeque,
    fmt,
    panic::{AssertUnwindSafe, catch_unwind},
    sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError},
    thread,
    time::Duration,
};

use tokio::{
    sync::watch,
    time::{Instant, timeout_at},
};
use tracing::dispatcher::{self, Dispatch};

use super::event::{Event, EventKind};
#[cfg(feature = "cli")]
use crate::model::numbers::counted;
use crate::telemetry::metrics;

/// How many events wait for a listener at most.
const WAITING_MAX: usize = 1_024;

/// Further places, for the few events that are about the run or a failure.
const RESERVE: usize = 64;

/// The longest wait: a sum with it is a time.
const WAIT_MAX: Duration = Duration::from_secs(365 * 24 * 60 * 60);

type Call = Box<dyn FnMut(&Event) + Send>;

type Wants = Box<dyn Fn(&Event) -> bool + Send + Sync>;

/// The listeners of a migrator. Clones share them.
#[derive(Clone, Default)]
pub(crate) struct Listeners(Vec<Arc<Handle>>);

/// Ends the listener's thread, once all is delivered, when it is dropped.
struct Handle(Arc<Listener>);

struct Listener {
    /// For people; `None`: it has no name.
    name: Option<String>,
    /// Which events are put in.
    wants: Wants,
    queue: Mutex<Queue>,
    news: Condvar,
    /// How many events are delivered, or counted as missed.
    settled: watch::Sender<u64>,
}

/// A listener that does not have all events.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Late {
    /// For people; `None`: it has no name.
    pub name: Option<String>,
    /// How many events it does not have.
    pub events: u64,
}

#[derive(Default)]
struct Queue {
    /// The function; `None` once its thread has it.
    call: Option<Call>,
    waiting: VecDeque<Event>,
    /// How many events were ever put in.
    put: u64,
    is_closed: bool,
}

impl Queue {
    /// Adds an event, or counts it as missed. Returns `true` at the first of several that are missed.
    fn add(&mut self, event: Event) -> bool {
        self.put += 1;
        let room = if event.kind.is_of_the_run() { WAITING_MAX + RESERVE } else { WAITING_MAX };
        let is_missed = |event: &Event| matches!(event.kind, EventKind::Missed { .. });
        if self.waiting.len() < room {
            self.waiting.push_back(event);
            return false;
        }
        match self.waiting.back_mut() {
            Some(Event { kind: EventKind::Missed { count }, .. }) => {
                *count += 1;
                false
            }
            _ => {
                let is_first = !self.waiting.iter().any(is_missed);
                self.waiting.push_back(Event { kind: EventKind::Missed { count: 1 }, ..event });
                is_first
            }
        }
    }
}

impl Listener {
    fn queue(&self) -> MutexGuard<'_, Queue> {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The listener's thread.
    fn deliver(&self, mut call: Call) {
        let mut queue = self.queue();
        loop {
            let Some(event) = queue.waiting.pop_front() else {
                if queue.is_closed {
                    return;
                }
                queue = self.news.wait(queue).unwrap_or_else(PoisonError::into_inner);
                continue;
            };
            drop(queue);
            // Whatever it left half-done is its own: it is called again with the next event.
            if catch_unwind(AssertUnwindSafe(|| call(&event))).is_err() {
                tracing::warn!(
                    target: "mongrate", event = event.name(),
                    "a listener panicked; the run is not affected, and the listener gets the next event"
                );
            }
            self.settle(&event);
            queue = self.queue();
        }
    }

    fn settle(&self, event: &Event) {
        let count = match event.kind {
            EventKind::Missed { count } => count,
            _ => 1,
        };
        self.settled.send_modify(|settled| *settled += count);
    }
}

impl Listeners {
    /// Adds a listener of all events, without a name.
    pub(crate) fn add(&mut self, call: impl FnMut(&Event) + Send + 'static) {
        self.push(None, Box::new(|_| true), Box::new(call));
    }

    /// Adds a listener of the events that it wants, with a name for people.
    #[cfg(feature = "webhook")]
    pub(crate) fn add_named(
        &mut self,
        name: String,
        wants: impl Fn(&Event) -> bool + Send + Sync + 'static,
        call: impl FnMut(&Event) + Send + 'static,
    ) {
        self.push(Some(name), Box::new(wants), Box::new(call));
    }

    fn push(&mut self, name: Option<String>, wants: Wants, call: Call) {
        let queue = Mutex::new(Queue { call: Some(call), ..Queue::default() });
        let settled = watch::Sender::new(0);
        let listener = Listener { name, wants, queue, news: Condvar::new(), settled };
        self.0.push(Arc::new(Handle(Arc::new(listener))));
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Gives an event to every listener. Does not wait.
    pub(crate) fn put(&self, event: &Event) {
        for Handle(listener) in self.0.iter().map(AsRef::as_ref) {
            if !(listener.wants)(event) {
                continue;
            }
            let mut queue = listener.queue();
            let is_first_missed = queue.add(event.clone());
            if is_first_missed {
                tracing::warn!(
                    target: "mongrate", waiting = WAITING_MAX,
                    "a listener is too slow; events for it are dropped and counted"
                );
            }
            if matches!(queue.waiting.back(), Some(Event { kind: EventKind::Missed { .. }, .. })) {
                metrics::missed(&event.run.group, &event.run.database);
            }
            if let Some(call) = queue.call.take() {
                start(listener, call);
            }
            listener.news.notify_one();
        }
    }

    /// Waits until the listeners have what was put in so far, but not longer than this. Returns those that
    /// do not have all of it.
    pub(crate) async fn flush(&self, at_most: Duration) -> Vec<Late> {
        let until = Instant::now() + at_most.min(WAIT_MAX);
        let mut late = Vec::new();
        for Handle(listener) in self.0.iter().map(AsRef::as_ref) {
            let put = listener.queue().put;
            let mut settled = listener.settled.subscribe();
            let all = settled.wait_for(|settled| *settled >= put);
            // Asked once also if there is no time.
            if timeout_at(until, all).await.is_err() {
                let events = put.saturating_sub(*listener.settled.borrow());
                late.push(Late { name: listener.name.clone(), events });
            }
        }
        late
    }
}

/// Starts the listener's thread. If there can be none, its events stay in the queue, until they are
/// too many.
fn start(listener: &Arc<Listener>, call: Call) {
    let of = Arc::clone(listener);
    // Logs of the thread go where those of the run go.
    let log = dispatcher::get_default(Dispatch::clone);
    let started = thread::Builder::new()
        .name("mongrate-listener".to_owned())
        .spawn(move || dispatcher::with_default(&log, || of.deliver(call)));
    if let Err(error) = started {
        tracing::warn!(target: "mongrate", %error, "no thread for a listener; it gets no events");
    }
}

#[cfg(feature = "cli")]
impl Late {
    /// Who does not have how many events, e.g. `a listener does not have 2 events`.
    pub(crate) fn text(&self) -> String {
        let Self { name, events } = self;
        let events = counted(*events, "event");
        match name {
            Some(name) => format!("{name} has not accepted {events}"),
            None => format!("a listener does not have {events}"),
        }
    }
}

impl Drop for Handle {
    fn drop(&mut self) {
        self.0.queue().is_closed = true;
        self.0.news.notify_one();
    }
}

impl fmt::Debug for Listeners {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Listeners").field(&self.0.len()).finish()
    }
}
