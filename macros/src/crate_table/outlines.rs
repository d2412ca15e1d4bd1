//! What the package's files hold: for the next free version in the text of a complaint, and for
//! what is sealed and nowhere any more. All of them are read once per crate, however many complaints
//! there are; in an editor's server, which lives long, again after a while.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use mongrate_seal::outline::Outline;

use super::declaration::Declaration;
use super::is_editor;
use super::known::{Known, Origin};

/// How old a reading may be in an editor.
const FRESH: Duration = Duration::from_secs(2);

/// When it was read, and what was read, if it could be.
type Entry = (Instant, Option<Arc<Outline>>);

static OUTLINES: Mutex<BTreeMap<Origin, Entry>> = Mutex::new(BTreeMap::new());

/// The crate's files. None, if they cannot be read.
pub(crate) fn of(origin: &Origin) -> Option<Arc<Outline>> {
    if origin.directory.as_os_str().is_empty() {
        return None;
    }
    let mut outlines = OUTLINES.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some((read_at, outline)) = outlines.get(origin)
        && (!is_editor() || read_at.elapsed() < FRESH)
    {
        return outline.clone();
    }
    let outline = Outline::read(&origin.directory).map(Arc::new);
    outlines.insert(origin.clone(), (Instant::now(), outline.clone()));
    outline
}

/// One more than any version in sight: the table holds only what has been expanded so far, and a
/// suggestion must not be taken further down.
pub(super) fn next_free(new: &Declaration, known: &Known, origin: &Origin) -> i64 {
    let declared = known.newest(new).unwrap_or(0).max(new.version);
    let written = of(origin).map_or(0, |outline| outline.newest(&new.group));
    declared.max(written).saturating_add(1)
}
