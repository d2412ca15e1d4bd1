//! The outline of the package's files: it gives the next free version for the text of an error, and
//! finds sealed migrations that no file declares any more.
//!
//! The files are read once per crate, however many errors there are. An editor's server lives long
//! and reads them again when the outline is older than two seconds.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, Instant},
};

use mongrate_seal::outline::Outline;

use super::{declaration::Declaration, known::Known};
use crate::{editor::is_editor, origin::Origin};

/// The greatest age of an outline in an editor.
const AGE_MAX: Duration = Duration::from_secs(2);

/// When the files were read, and their outline unless a file could not be read.
type Entry = (Instant, Option<Arc<Outline>>);

static OUTLINES: Mutex<BTreeMap<Origin, Entry>> = Mutex::new(BTreeMap::new());

/// Returns the outline of a crate's files, or `None` if a file cannot be read.
pub(crate) fn outline(origin: &Origin) -> Option<Arc<Outline>> {
    if origin.directory.as_os_str().is_empty() {
        return None;
    }
    let mut outlines = OUTLINES.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some((read_at, outline)) = outlines.get(origin)
        && (!is_editor() || read_at.elapsed() < AGE_MAX)
    {
        return outline.clone();
    }
    let outline = Outline::read(&origin.directory).map(Arc::new);
    outlines.insert(origin.clone(), (Instant::now(), outline.clone()));
    outline
}

/// Returns one more than every version of the group, expanded or only written: the table holds only
/// the migrations expanded so far, and the suggested version must not be taken further down.
pub(super) fn next_free(new: &Declaration, known: &Known, origin: &Origin) -> i64 {
    let declared = known.newest(new).unwrap_or(0).max(new.version);
    let written = outline(origin).map_or(0, |outline| outline.newest(&new.group));
    declared.max(written).saturating_add(1)
}

#[cfg(test)]
mod tests {
    //! The files are read once.

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
        let first = outline(&origin).unwrap();
        // A second reading would not find the files.
        fs::remove_dir_all(&directory).unwrap();
        for _ in 0..2_000 {
            assert_eq!(next(), 21);
            assert!(Arc::ptr_eq(&first, &outline(&origin).unwrap()));
        }
        let other_group = Declaration { group: "audit".to_owned(), ..new };
        assert_eq!(next_free(&other_group, &Known::default(), &origin), 4);
    }
}
