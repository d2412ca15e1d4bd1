//! Notices what changes in the database, while somebody listens: a cheap look every two seconds, whoever
//! caused the change, and at once after a change that was made here.

use std::{
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use serde_json::json;
use tokio::{
    sync::Notify,
    time::{Instant, sleep_until, timeout},
};

use super::{answer, etag, shared::Shared, wire::status::Status};
use crate::{Error, telemetry::visible::Line};

/// How often it is looked while streams are open.
const LOOK_EVERY: Duration = Duration::from_secs(2);

/// How often it is looked at most, after changes that were made here.
const LOOK_NOT_BEFORE: Duration = Duration::from_millis(250);

/// How long a look may take.
const LOOK_MAX: Duration = Duration::from_secs(20);

/// What the streams of this process are told of changes.
#[derive(Debug, Default)]
pub(super) struct Watch {
    state: Mutex<State>,
    changed_here: Notify,
}

#[derive(Debug, Default)]
struct State {
    /// Whether a task looks.
    looks: bool,
    /// The tag of the status as it was seen last; none while no task looks.
    tag: Option<String>,
}

impl Watch {
    /// The tag of the status as it was seen last, if somebody listens.
    pub(super) fn tag(&self) -> Option<String> {
        self.state().tag.clone()
    }

    /// Something was changed here: the next look comes at once.
    pub(super) fn changed_here(&self) {
        self.changed_here.notify_one();
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Looks from now on, until no stream is open. To be called after a stream has been opened.
pub(super) fn start(shared: &Arc<Shared>) {
    let watch = &shared.runs.watch;
    if std::mem::replace(&mut watch.state().looks, true) {
        return;
    }
    let shared = Arc::clone(shared);
    tokio::spawn(async move {
        let stop = shared.migrator.cancel_token().clone();
        tokio::select! {
            () = look(&shared) => {}
            () = stop.cancelled() => *shared.runs.watch.state() = State::default(),
        }
    });
}

async fn look(shared: &Shared) {
    let runs = &shared.runs;
    let mut seen = None;
    loop {
        let began = Instant::now();
        let pulse = timeout(LOOK_MAX, shared.migrator.pulse()).await;
        match pulse {
            Ok(Ok(pulse)) if seen.as_ref() != Some(&pulse) => match tell(shared).await {
                Ok(()) => seen = Some(pulse),
                Err(error) => failed(&error),
            },
            Ok(Ok(_)) | Err(_) => {}
            Ok(Err(error)) => failed(&error),
        }
        tokio::select! {
            () = sleep_until(began + LOOK_EVERY) => {}
            () = runs.watch.changed_here.notified() => sleep_until(began + LOOK_NOT_BEFORE).await,
        }
        let mut state = runs.watch.state();
        if !runs.feed.is_heard() {
            *state = State::default();
            return;
        }
    }
}

/// The status cannot be read: who asks for it is told why.
fn failed(error: &Error) {
    tracing::debug!(target: "mongrate", error = %Line(error), "the state cannot be watched");
}

/// Tells all streams the tag of the status, if it is another one.
async fn tell(shared: &Shared) -> Result<(), Error> {
    let report = shared.migrator.status().await?;
    let Some(mut status) = answer::value(&Status::new(report, shared.texts)) else { return Ok(()) };
    let tag = etag::of(&status);
    // Who loads the changes since this state later gets only these.
    shared.runs.deltas.apply(&tag, &mut status, None);
    let mut state = shared.runs.watch.state();
    if state.tag.as_ref() != Some(&tag) {
        state.tag = Some(tag.clone());
        drop(state);
        shared.runs.feed.publish("changed", &json!({ "etag": tag }));
    }
    Ok(())
}
