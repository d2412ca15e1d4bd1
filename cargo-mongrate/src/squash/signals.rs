//! Ctrl-C during the proof: it ends the app that proves, and not this process, which has files to put back.

use std::sync::{
    Arc,
    atomic::{AtomicBool, Ordering},
};

/// From now on, SIGINT and SIGTERM do not end this process. Returns what says whether one came.
pub(super) fn noted() -> Result<impl Fn() -> bool, String> {
    let came = Arc::new(AtomicBool::new(false));
    let noted = Arc::clone(&came);
    ctrlc::set_handler(move || noted.store(true, Ordering::SeqCst))
        .map_err(|error| format!("cannot handle Ctrl-C: {error}"))?;
    Ok(move || came.load(Ordering::SeqCst))
}
