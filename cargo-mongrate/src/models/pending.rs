//! What `diff` is about to write: a migration, its `mod` line and `models.snap`. It is written down first, so
//! that a process that is killed in between leaves something that the next one finishes.

use std::{
    fs, io,
    path::{Path, PathBuf},
};

use mongrate_seal::create::{Upcoming, add_mod_line};
use serde_json::{Value, json};

use super::file;
use crate::{cargo::text, package::Package, places::shown, write};

/// The name of the file in the package.
const FILE: &str = "models.snap.pending";

/// Returns where the file is, or would be.
pub(crate) fn path(package: &Package) -> PathBuf {
    package.directory.join(FILE)
}

/// Whether a process was killed while it wrote.
pub(crate) fn is_there(package: &Package) -> bool {
    path(package).exists()
}

/// What to say to those who only look.
pub(crate) fn problem(package: &Package) -> String {
    format!(
        "a `cargo mongrate diff` was killed while it wrote: {} says what it had begun; `cargo mongrate diff` \
         finishes it",
        shown(&path(package))
    )
}

/// Writes down what is about to be written.
pub(super) fn begin(
    package: &Package,
    before: Option<&str>,
    snapshot: &str,
    upcoming: &Upcoming,
) -> io::Result<()> {
    let value = json!({
        "before": before,
        "snapshot": snapshot,
        "migration": upcoming.path.canonical(),
        "module": upcoming.module,
        "mod_file": upcoming.mod_file.as_ref().map(|path| path.canonical()),
        "text": upcoming.text,
    });
    write::replace(&path(package), &format!("{value:#}\n"))
}

/// A path that means the same in every working directory.
trait Canonical {
    fn canonical(&self) -> String;
}

impl Canonical for PathBuf {
    fn canonical(&self) -> String {
        let parent = self.parent().filter(|parent| !parent.as_os_str().is_empty());
        let parent = parent.unwrap_or(Path::new(".")).canonicalize();
        let path = parent.ok().zip(self.file_name()).map(|(parent, name)| parent.join(name));
        path.unwrap_or_else(|| self.clone()).display().to_string()
    }
}

/// Everything is written.
pub(super) fn end(package: &Package) -> io::Result<()> {
    fs::remove_file(path(package))
}

/// Finishes what a killed process began, and says what it did. `None` if there is nothing to finish.
pub(super) fn finish(package: &Package) -> Result<Option<Vec<String>>, String> {
    let path = path(package);
    let written = match fs::read_to_string(&path) {
        Ok(text) => text,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(format!("cannot read {}: {error}", shown(&path))),
    };
    let pending: Value = serde_json::from_str(&written).unwrap_or_default();
    let (Some(snapshot), Some(migration), Some(module), Some(code)) = (
        text(&pending, "snapshot"),
        text(&pending, "migration").map(PathBuf::from),
        text(&pending, "module"),
        text(&pending, "text"),
    ) else {
        return Err(format!(
            "{} is damaged: look at `git status`, delete what you do not want, and delete that file",
            shown(&path)
        ));
    };
    let before = text(&pending, "before");
    let now = file::text(package)?;
    if now != before && now.as_ref() != Some(&snapshot) {
        return Err(format!(
            "a `cargo mongrate diff` was killed while it wrote, and models.snap was changed since: keep {} \
             and what belongs to it, or delete it, and delete {}; then run `cargo mongrate diff` again",
            shown(&migration),
            shown(&path)
        ));
    }
    let failed = |path: &Path| {
        let path = shown(path);
        move |error: io::Error| format!("cannot write {path}: {error}")
    };
    // A file that has more or something else was edited since.
    let is_part = match fs::read_to_string(&migration) {
        Ok(found) => found.len() < code.len() && code.starts_with(&found),
        Err(error) => error.kind() == io::ErrorKind::NotFound,
    };
    if is_part {
        write::replace(&migration, &code).map_err(failed(&migration))?;
    }
    let mut lines = vec![
        "a `cargo mongrate diff` was killed while it wrote: finished what it had begun".to_owned(),
        format!("wrote {}", shown(&migration)),
    ];
    if let Some(mod_file) = text(&pending, "mod_file").map(PathBuf::from) {
        add_mod_line(&mod_file, &module).map_err(failed(&mod_file))?;
        lines.push(format!("added `mod {module};` to {}", shown(&mod_file)));
    }
    let snap = file::path(package);
    write::replace(&snap, &snapshot).map_err(failed(&snap))?;
    lines.push(format!("wrote {}", shown(&snap)));
    end(package).map_err(failed(&path))?;
    Ok(Some(lines))
}
