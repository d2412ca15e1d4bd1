//! `drift --adopt`: a migration that declares what is in the database, and the `models.snap` that it
//! leads to.

use std::{
    fs,
    io::{self, ErrorKind},
    path::Path,
};

use chrono::NaiveDateTime;
use mongodb::bson::Document;
use mongrate_seal::{
    create::{self, CreateError, NewMigration},
    models::{FILE, Json, Snapshot, Validation, ValidationAction, ValidationLevel},
};

use super::{code, fix::declared, wanted};
use crate::{
    model::{
        error::Error,
        report::schema_drift::{
            SchemaAdoptionReport, SchemaDifference, SchemaDifferenceKind as Kind, SchemaDriftReport,
        },
    },
    mongo::{json, validator},
};

/// What the doc comment of the migration says.
const ABOUT: &str = "Declares what was in the database and in no migration (`drift --adopt`).";

/// Why nothing was adopted, or not all.
#[derive(Debug)]
pub(crate) enum AdoptError {
    /// The database is not where the migrations of this build lead to, or the file is broken.
    Library(Error),
    /// The migration could not be written.
    Create(CreateError),
    /// The file could not be read or written. Says what became of the migration.
    Io(String),
}

/// Writes the migration into `dir`, and the package's `models.snap` if it changes.
pub(crate) fn write(
    report: &SchemaDriftReport,
    name: &str,
    dir: &Path,
    now: NaiveDateTime,
) -> Result<SchemaAdoptionReport, AdoptError> {
    let migration = NewMigration::named(name).map_err(AdoptError::Create)?;
    if !report.pending.is_empty() {
        let versions = report.pending.clone();
        return Err(AdoptError::Library(Error::Pending { versions }));
    }
    if !report.ahead.is_empty() {
        let versions = report.ahead.clone();
        return Err(AdoptError::Library(Error::Ahead { versions }));
    }
    let file = create::package(dir).map(|package| package.join(FILE));
    let snapshot = match &file {
        Some(file) => read(file)?,
        None => None,
    };
    let adoption = adopt(&report.differences, snapshot.as_ref());
    let (mut created, mut models) = (None, None);
    if !adoption.operations.is_empty() {
        let imports = code::imports(&adoption.operations);
        let migration = migration.declares(ABOUT, imports, &code::body(&adoption.operations));
        let next = file.zip(adoption.snapshot);
        let before = next.as_ref().map(|(file, _)| fs::read_to_string(file)).transpose();
        let before = before.map_err(|error| AdoptError::Io(error.to_string()))?;
        // The file first: if it cannot be written, there is no migration without it.
        let written = migration.write_after(dir, now, &mut |_| match &next {
            Some((file, next)) => rewrite(file, &next.render()),
            None => Ok(()),
        });
        let written = written.map_err(|error| {
            let is_undone = !matches!(error, CreateError::ModFile { .. });
            if let (true, Some((file, _)), Some(before)) = (is_undone, &next, &before) {
                let _ = rewrite(file, before);
            }
            AdoptError::Create(error)
        })?;
        models = next.map(|(file, _)| file);
        created = Some(written);
    }
    Ok(SchemaAdoptionReport {
        database: report.database.clone(),
        adopted: adoption.adopted,
        left: adoption.left,
        created,
        models,
    })
}

fn read(file: &Path) -> Result<Option<Snapshot>, AdoptError> {
    match fs::read_to_string(file) {
        Ok(text) => Snapshot::parse(&text).map(Some).map_err(|fault| {
            AdoptError::Library(Error::Registry { problems: vec![fault.to_string()] })
        }),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
        Err(error) => {
            let text = format!("cannot read {}: {error}; nothing was written", file.display());
            Err(AdoptError::Io(text))
        }
    }
}

/// Replaces the file as a whole, so that it is never cut off.
fn rewrite(file: &Path, text: &str) -> io::Result<()> {
    create::replace(file, text)
        .map_err(|error| io::Error::new(error.kind(), format!("{}: {error}", file.display())))
}

/// The differences that a migration declares, and the snapshot that it leads to.
#[derive(Clone, Debug)]
struct Adoption {
    /// The operations of the migration.
    operations: Vec<String>,
    /// The differences that the migration declares.
    adopted: Vec<SchemaDifference>,
    /// The differences that cannot be declared.
    left: Vec<SchemaDifference>,
    /// The snapshot, if it changes.
    snapshot: Option<Snapshot>,
}

/// Adopts what can be declared. `snapshot`: what the package's `models.snap` holds.
fn adopt(differences: &[SchemaDifference], snapshot: Option<&Snapshot>) -> Adoption {
    let mut next = snapshot.cloned().unwrap_or_default();
    let (mut operations, mut adopted, mut left) = (Vec::new(), Vec::new(), Vec::new());
    for difference in differences {
        if !difference.change.is_empty() && in_snapshot(&mut next, difference) {
            operations.extend(difference.change.iter().cloned());
            adopted.push(difference.clone());
        } else {
            left.push(difference.clone());
        }
    }
    let is_changed = snapshot.is_some_and(|snapshot| *snapshot != next);
    Adoption { operations, adopted, left, snapshot: is_changed.then_some(next) }
}

/// Changes the snapshot as the migration changes the database. Whether it could.
fn in_snapshot(snapshot: &mut Snapshot, difference: &SchemaDifference) -> bool {
    // A collection without a model is in no snapshot: the migration itself names it.
    let Some(collection) = snapshot.collections.get_mut(&difference.collection) else {
        return matches!(difference.kind, Kind::CollectionExtra | Kind::IndexExtra);
    };
    let found = difference.found.as_deref().and_then(Json::parse);
    match difference.kind {
        Kind::IndexMissing => {
            let name = difference.index.as_deref().unwrap_or_default();
            collection.indexes.remove(name).is_some()
        }
        Kind::IndexExtra => {
            let options = Document::new();
            let index = found.map(|found| json::document(&found));
            let Some(index) = index.and_then(|index| declared(&index, &options)) else {
                return false;
            };
            collection.indexes.insert(index.name.clone(), index);
            true
        }
        Kind::ValidatorMissing => {
            collection.validation = None;
            true
        }
        Kind::ValidatorExtra | Kind::ValidatorChanged => {
            let Some((live, validation)) = found.as_ref().and_then(validation) else {
                return false;
            };
            let mut next = collection.clone();
            next.validation = Some(validation);
            // The shapes stay, so the validator must be theirs.
            let is_theirs = wanted::validator(&next)
                .is_some_and(|(wanted, _)| validator::differences(&live, &wanted).is_empty());
            if is_theirs {
                *collection = next;
            }
            is_theirs
        }
        Kind::CollectionMissing
        | Kind::CollectionExtra
        | Kind::CollectionChanged
        | Kind::IndexChanged => false,
    }
}

/// Reads what a report says of a live validator.
fn validation(found: &Json) -> Option<(Document, Validation)> {
    let word = |name| match found.get(name) {
        Some(Json::String(word)) => Some(word.as_str()),
        _ => None,
    };
    let level = ValidationLevel::named(word("validationLevel")?)?;
    let action = ValidationAction::named(word("validationAction")?)?;
    Some((json::document(found.get("validator")?), Validation { level, action }))
}
