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

#[cfg(test)]
mod tests {
    //! However many ask.

    use std::fs;

    use super::*;
    use crate::place::Place;

    #[test]
    fn the_files_are_read_once_for_all_complaints() {
        let name = format!("mongrate-macros-outlines-{}", std::process::id());
        let directory = std::env::temp_dir().join(name);
        fs::create_dir_all(directory.join("src")).unwrap();
        let file = directory.join("src/lib.rs");
        fs::write(&file, "#[migration(version = 0x10)] fn a() {} mod unread;").unwrap();
        fs::write(directory.join("src/elsewhere.rs"), "m! { #[migration(version = 20)] }").unwrap();
        let origin = Origin { directory: directory.clone(), ..Origin::of_this_crate() };
        let new = Declaration {
            version: 3,
            name: String::new(),
            group: "default".to_owned(),
            function: String::new(),
            rollback: None,
            place: Place { file: String::new(), path: None, line: 1, column: 1 },
        };
        let next = || next_free(&new, &Known::default(), &origin);
        assert_eq!(next(), 21);
        let outline = of(&origin).unwrap();
        // Were they read again, they would not be found.
        fs::remove_dir_all(&directory).unwrap();
        for _ in 0..2_000 {
            assert_eq!(next(), 21);
            assert!(Arc::ptr_eq(&outline, &of(&origin).unwrap()));
        }
        let other_group = Declaration { group: "audit".to_owned(), ..new };
        assert_eq!(next_free(&other_group, &Known::default(), &origin), 4);
    }
}
