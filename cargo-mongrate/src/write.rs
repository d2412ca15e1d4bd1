//! Writes files so that a crash leaves the old text or the new one, never a part.

use std::{
    fs, io,
    path::{Path, PathBuf},
};

pub(crate) use mongrate_seal::create::replace;
use mongrate_seal::{sources::Overlay, sum};

/// Writes the overlay to disk, and copies `copies` unchanged. New files are written first, then the
/// files that name them, then the sum file, and old files are removed last. So a run that is killed
/// loses nothing, and can be repeated. After a failure, the changes are undone. Returns what undoes them
/// later.
pub(crate) fn apply(overlay: &Overlay, copies: &[(PathBuf, PathBuf)]) -> Result<Undo, String> {
    let mut undo = Undo::default();
    match apply_in_order(overlay, copies, &mut undo) {
        Ok(()) => Ok(undo),
        Err((path, error)) => {
            Err(format!("cannot write {}: {error}; {}", path.display(), undo.run()))
        }
    }
}

fn apply_in_order(
    overlay: &Overlay,
    copies: &[(PathBuf, PathBuf)],
    undo: &mut Undo,
) -> Result<(), (PathBuf, io::Error)> {
    let at = |path: &Path| {
        let path = path.to_owned();
        move |error| (path, error)
    };
    for (from, to) in copies {
        make_parent(to).map_err(at(to))?;
        undo.remember(to).map_err(at(to))?;
        fs::copy(from, to).map_err(at(to))?;
    }
    let mut texts: Vec<(&Path, &str)> =
        overlay.changes().filter_map(|(path, text)| Some((path, text?))).collect();
    let last = |path: &Path| path.file_name().is_some_and(|name| name == sum::FILE);
    texts.sort_by_key(|(path, _)| (last(path), path.exists()));
    for (path, text) in texts {
        make_parent(path).map_err(at(path))?;
        undo.remember(path).map_err(at(path))?;
        replace(path, text).map_err(at(path))?;
    }
    let gone = overlay.changes().filter(|(_, text)| text.is_none()).map(|(path, _)| path);
    for path in gone.chain(copies.iter().map(|(from, _)| from.as_path())) {
        undo.remember(path).map_err(at(path))?;
        fs::remove_file(path).map_err(at(path))?;
        // A directory that moved is removed once it is empty.
        let mut above = path.parent();
        while let Some(directory) = above
            && fs::remove_dir(directory).is_ok()
        {
            above = directory.parent();
        }
    }
    Ok(())
}

fn make_parent(path: &Path) -> io::Result<()> {
    path.parent().map_or(Ok(()), fs::create_dir_all)
}

/// The files as they were before.
#[derive(Default)]
pub(crate) struct Undo(Vec<(PathBuf, Option<Vec<u8>>)>);

impl Undo {
    fn remember(&mut self, path: &Path) -> io::Result<()> {
        let before = match fs::read(path) {
            Ok(bytes) => Some(bytes),
            Err(error) if error.kind() == io::ErrorKind::NotFound => None,
            Err(error) => return Err(error),
        };
        self.0.push((path.to_owned(), before));
        Ok(())
    }

    /// Puts them back, and says what came of it.
    pub(crate) fn run(self) -> String {
        let put_back = |(path, before): &(PathBuf, Option<Vec<u8>>)| match before {
            Some(bytes) => make_parent(path).and_then(|()| fs::write(path, bytes)),
            None if path.exists() => fs::remove_file(path),
            None => Ok(()),
        };
        let newest_first = self.0.iter().rev();
        let left: Vec<String> = newest_first
            .filter(|file| put_back(file).is_err())
            .map(|(path, _)| path.display().to_string())
            .collect();
        if left.is_empty() {
            return "the files are as they were".to_owned();
        }
        format!("could not be put back: {}: look at `git diff`", left.join(", "))
    }
}
