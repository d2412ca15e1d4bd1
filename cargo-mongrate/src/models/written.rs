//! Writes a migration together with `models.snap`: both, or none.

use std::{
    fs, io,
    path::{Path, PathBuf},
};

use chrono::Utc;
use mongrate_seal::{
    create::{CreateError, NewMigration, Upcoming},
    models::{Difference, Operation, Snapshot},
    sum,
};

use super::{file, name, pending};
use crate::{
    new::{beside_others, description, directory, readable},
    package::Package,
    places::shown,
    write,
};

/// How often a name that is taken gets another number at its end.
const TRIES_MAX: usize = 1000;

/// What the migration's file says about itself.
const ABOUT: &str = "Written by `cargo mongrate diff`: from what the migrations before it lead to, to what the \
                     models want.";

/// What was written.
pub(super) struct Written {
    /// The name of the migration, if there is one.
    pub(super) migration: Option<String>,
    pub(super) lines: Vec<String>,
    pub(super) files: Vec<PathBuf>,
}

/// Writes `models.snap`, where documents and server need no migration.
pub(super) fn snapshot_only(package: &Package, wanted: &Snapshot) -> Result<Written, String> {
    let path = file::path(package);
    write::replace(&path, &wanted.render())
        .map_err(|error| format!("cannot write {}: {error}", shown(&path)))?;
    let lines = vec![format!("wrote {}", shown(&path))];
    Ok(Written { migration: None, lines, files: vec![path] })
}

/// Writes the migration into `target`, and `models.snap` into `package`.
pub(super) fn both(
    package: &Package,
    target: &Package,
    wanted: &Snapshot,
    difference: &Difference,
    given_name: Option<&str>,
    given_directory: Option<&Path>,
) -> Result<Written, Vec<String>> {
    let single = |problem: String| vec![problem];
    let state = readable(target)?;
    let mut lines = Vec::new();
    let directory = directory(&state, given_directory, &mut lines).map_err(single)?;
    let (before, after) = (file::text(package).map_err(single)?, wanted.render());
    let code = difference.code();
    for number in 1..TRIES_MAX {
        let name = match given_name {
            Some(name) => name.to_owned(),
            None => numbered(&difference.operations, number),
        };
        let migration = NewMigration::named(&name).map_err(|error| single(error.to_string()))?;
        let migration =
            beside_others(&state, migration.declares(&doc_text(ABOUT), &code.imports, &code.body));
        let mut undo = Undo::of(target);
        let mut begin = |upcoming: &Upcoming| {
            undo.remember(upcoming)?;
            pending::begin(package, before.as_deref(), &after, upcoming)
        };
        let created = match migration.write_after(&directory, Utc::now().naive_utc(), &mut begin) {
            Ok(created) => created,
            Err(CreateError::NameTaken { .. }) if given_name.is_none() => continue,
            Err(error) => {
                undo.run();
                let _ = pending::end(package);
                return Err(single(not_written(&error)));
            }
        };
        let path = file::path(package);
        let ended = write::replace(&path, &after).and_then(|()| pending::end(package));
        if let Err(error) = ended {
            undo.run();
            let _ = pending::end(package);
            return Err(single(format!(
                "cannot write {}: {error}; nothing was written",
                shown(&path)
            )));
        }
        lines.extend(description(target, &directory, &created));
        lines.push(format!("wrote {}", shown(&path)));
        let files = vec![created.path.clone(), path];
        return Ok(Written { migration: Some(created.name), lines, files });
    }
    Err(single("too many migrations have the name that this one would get: give it one".to_owned()))
}

fn numbered(operations: &[Operation], number: usize) -> String {
    let name = name::of(operations);
    if number == 1 { name } else { format!("{name}_{number}") }
}

/// A paragraph of a doc comment, in lines.
fn doc_text(text: &str) -> String {
    const WIDTH: usize = 94;
    let mut lines: Vec<String> = Vec::new();
    for word in text.split_whitespace() {
        match lines.last_mut() {
            Some(line) if line.len() + word.len() + 5 <= WIDTH => {
                line.push(' ');
                line.push_str(word);
            }
            _ => lines.push(word.to_owned()),
        }
    }
    lines.join("\n/// ")
}

/// The error of a migration that was taken back.
fn not_written(error: &CreateError) -> String {
    let text = error.to_string();
    match error {
        CreateError::ModFile { mod_file, source, .. } => {
            format!("could not change {} ({source}); nothing was written", shown(mod_file))
        }
        _ if text.ends_with("nothing was written") => text,
        _ => format!("{text}; nothing was written"),
    }
}

/// The files as they were before.
#[derive(Default)]
struct Undo {
    created: Option<PathBuf>,
    mod_file: Option<(PathBuf, Vec<u8>)>,
    /// The sum file, if there was none.
    sum_file: Option<PathBuf>,
}

impl Undo {
    fn of(target: &Package) -> Self {
        let sum_file = target.directory.join(sum::FILE);
        Self { sum_file: (!sum_file.exists()).then_some(sum_file), ..Self::default() }
    }

    fn remember(&mut self, upcoming: &Upcoming) -> io::Result<()> {
        if upcoming.path.exists() {
            return Err(io::ErrorKind::AlreadyExists.into());
        }
        self.created = Some(upcoming.path.clone());
        self.mod_file = match &upcoming.mod_file {
            Some(path) => Some((path.clone(), fs::read(path)?)),
            None => None,
        };
        Ok(())
    }

    fn run(self) {
        // Nothing was created before a migration was about to be.
        let Some(path) = self.created else { return };
        let _ = fs::remove_file(path);
        if let Some(path) = self.sum_file {
            let _ = fs::remove_file(path);
        }
        if let Some((path, bytes)) = self.mod_file
            && fs::read(&path).is_ok_and(|now| now != bytes)
        {
            let _ = fs::write(path, bytes);
        }
    }
}
