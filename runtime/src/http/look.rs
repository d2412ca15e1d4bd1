//! Notices what changes in the database, while somebody listens: a cheap look every two seconds, whoever
//! caused the change, and at once after a change that was made here.

use std::{sync::Arc, time::Duration};

use serde_json::json;
use tokio::time::{Instant, sleep_until, timeout};

use super::{answer, etag, shared::Shared, wire::status::Status};
use crate::{Error, telemetry::visible::Line};

/// How often it is looked while streams are open.
const LOOK_EVERY: Duration = Duration::from_secs(2);

/// How often it is looked at most, after changes that were made here.
const LOOK_NOT_BEFORE: Duration = Duration::from_millis(250);

/// How long a look may take.
const LOOK_MAX: Duration = Duration::from_secs(20);

/// Looks from now on, until no stream is open. To be called after a stream has been opened.
pub(super) fn start(shared: &Arc<Shared>) {
    if !shared.runs.watch.begins() {
        return;
    }
    let shared = Arc::clone(shared);
    tokio::spawn(async move {
        let stop = shared.migrator.cancel_token().clone();
        tokio::select! {
            () = look(&shared) => {}
            () = stop.cancelled() => {
                shared.runs.watch.ends(|| false);
            }
        }
    });
}

async fn look(shared: &Shared) {
    let runs = &shared.runs;
    let mut seen = None;
    loop {
        let began = Instant::now();
        match timeout(LOOK_MAX, shared.migrator.pulse()).await {
            Ok(Ok(pulse)) if seen.as_ref() != Some(&pulse) => match tell(shared).await {
                Ok(()) => seen = Some(pulse),
                Err(error) => failed(&error),
            },
            Ok(Ok(_)) | Err(_) => {}
            Ok(Err(error)) => failed(&error),
        }
        tokio::select! {
            () = sleep_until(began + LOOK_EVERY) => {}
            () = runs.watch.change() => sleep_until(began + LOOK_NOT_BEFORE).await,
        }
        if runs.watch.ends(|| runs.feed.is_heard()) {
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
    if shared.runs.watch.sees(&tag) {
        shared.runs.feed.publish("changed", &json!({ "etag": tag }));
    }
    Ok(())
}
