//! Listeners of runs, and the webhooks that are listeners: what they are told, and that nothing they do
//! harms a run.

mod guide;
mod listeners;
mod misbehaving;
mod webhooks;

use std::sync::{Arc, Mutex};

use mongrate::{Event, Migration};

/// What a listener was told.
#[derive(Clone, Default)]
struct Heard(Arc<Mutex<Vec<Event>>>);

impl Heard {
    fn listener(&self) -> impl FnMut(&Event) + Send + 'static {
        let heard = self.clone();
        move |event| heard.0.lock().unwrap().push(event.clone())
    }

    fn take(&self) -> Vec<Event> {
        std::mem::take(&mut *self.0.lock().unwrap())
    }

    fn names(&self) -> Vec<&'static str> {
        self.take().iter().map(Event::name).collect()
    }
}

/// A migration that fails, with a text of its own.
fn failing(version: i64) -> Migration {
    Migration::transactional(version, "failing", |_| {
        Box::pin(async { Err("it does not fit".into()) })
    })
}
