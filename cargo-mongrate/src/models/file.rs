//! The file `models.snap` of a package.

use std::{fs, io::ErrorKind, path::PathBuf};

use mongrate_seal::models::{self, Collection, Snapshot};

use crate::{package::Package, places::shown};

/// Returns where the file is, or would be.
pub(crate) fn path(package: &Package) -> PathBuf {
    package.directory.join(models::FILE)
}

/// Reads the file. `None` if there is none.
pub(crate) fn read(package: &Package) -> Result<Option<Snapshot>, String> {
    match text(package)? {
        None => Ok(None),
        Some(text) => Snapshot::parse(&text).map(Some).map_err(|fault| {
            let directory = shown(&package.directory);
            let place = if directory.is_empty() { directory } else { format!("{directory}/") };
            format!("{place}{fault}")
        }),
    }
}

/// Returns the text of the file, with the line ends of Unix. `None` if there is none.
pub(crate) fn text(package: &Package) -> Result<Option<String>, String> {
    let path = path(package);
    match fs::read_to_string(&path) {
        Ok(text) => Ok(Some(text.replace("\r\n", "\n"))),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
        Err(error) => Err(format!("cannot read {}: {error}", shown(&path))),
    }
}

/// Adds the models that another target of the package has.
pub(crate) fn merge(snapshot: &mut Snapshot, other: Snapshot) -> Result<(), String> {
    for (name, collection) in other.collections {
        match snapshot.collections.get_mut(&name) {
            None => {
                snapshot.collections.insert(name, collection);
            }
            Some(known) => add(&name, known, collection)?,
        }
    }
    Ok(())
}

fn add(name: &str, known: &mut Collection, other: Collection) -> Result<(), String> {
    let refuse = |what: &str| {
        Err(format!(
            "the targets of the package disagree about {what} of the collection `{name}`: declare it in one \
             of them, or in both alike"
        ))
    };
    if known.kind != other.kind {
        return refuse("the kind");
    }
    match (known.validation, other.validation) {
        (Some(one), Some(other)) if one != other => return refuse("the validation"),
        (known_validation, other) => known.validation = known_validation.or(other),
    }
    known.was = known.was.take().or(other.was);
    for (index, about) in other.indexes {
        if known.indexes.get(&index).is_some_and(|known| *known != about) {
            return refuse(&format!("the index `{index}`"));
        }
        known.indexes.insert(index, about);
    }
    for (model, about) in other.models {
        if known.models.get(&model).is_some_and(|known| !known.shape.is_same(&about.shape)) {
            return refuse(&format!("the model `{model}`"));
        }
        known.models.insert(model, about);
    }
    Ok(())
}
