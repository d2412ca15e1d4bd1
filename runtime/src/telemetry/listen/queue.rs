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
use crate::telemetry::metrics;

/// How many events wait for a listener at most.
const WAITING_MAX: usize = 1_024;

/// Further places, for the few events that are about the run or a failure.
const RESERVE: usize = 64;

type Call = Box<dyn FnMut(&Event) + Send>;

/// The listeners of a migrator. Clones share them.
#[derive(Clone, Default)]
pub(crate) struct Listeners(Vec<Arc<Handle>>);

/// Ends the listener's thread, once all is delivered, when it is dropped.
struct Handle(Arc<Listener>);

struct Listener {
    queue: Mutex<Queue>,
    news: Condvar,
    /// How many events are delivered, or counted as missed.
    settled: watch::Sender<u64>,
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
    pub(crate) fn add(&mut self, call: impl FnMut(&Event) + Send + 'static) {
        let queue = Queue { call: Some(Box::new(call)), ..Queue::default() };
        let settled = watch::Sender::new(0);
        let listener = Listener { queue: Mutex::new(queue), news: Condvar::new(), settled };
        self.0.push(Arc::new(Handle(Arc::new(listener))));
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Gives an event to every listener. Does not wait.
    pub(crate) fn put(&self, event: &Event) {
        for Handle(listener) in self.0.iter().map(AsRef::as_ref) {
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

    /// Waits until the listeners have what was put in so far, but not longer than this. Returns how
    /// many events are still on their way.
    pub(crate) async fn flush(&self, at_most: Duration) -> u64 {
        let until = Instant::now() + at_most;
        let mut late = 0;
        for Handle(listener) in self.0.iter().map(AsRef::as_ref) {
            let put = listener.queue().put;
            let mut settled = listener.settled.subscribe();
            let all = settled.wait_for(|settled| *settled >= put);
            // Asked once also if there is no time.
            if timeout_at(until, all).await.is_err() {
                late += put.saturating_sub(*listener.settled.borrow());
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
