//! The `mongrate.toml` of a package: the same reading as the attribute's, and what the attribute cannot
//! see.

use std::{fs, io::ErrorKind};

use mongrate_seal::policies::{FILE, Placed, read};

use crate::{package::Package, places::shown, state::PackageState};

/// How many rules a package has. `None`: it has no such file.
///
/// # Errors
///
/// Every mistake in the file, with its place.
pub(crate) fn rules(package: &Package) -> Result<Option<Vec<Placed>>, Vec<String>> {
    let path = package.directory.join(FILE);
    let text = match fs::read_to_string(&path) {
        Ok(text) => text,
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(vec![format!("cannot read {}: {error}", shown(&path))]),
    };
    let directory = shown(&package.directory);
    let place = if directory.is_empty() { directory } else { format!("{directory}/") };
    let faults = |faults: Vec<read::Fault>| {
        faults.iter().map(|fault| format!("{place}{fault}")).collect::<Vec<_>>()
    };
    read::read(&text).map(Some).map_err(faults)
}

/// What is wrong with the file of a package.
pub(crate) fn problems(state: &PackageState<'_>) -> Vec<String> {
    match rules(state.package) {
        Err(problems) => problems,
        Ok(Some(_)) if state.sources.migrations.is_empty() && state.sources.hidden.is_empty() => {
            vec![format!(
                "{}: no migration is declared in package `{}`, so nothing reads its policies: move the \
                 file to the package that declares the migrations",
                shown(&state.package.directory.join(FILE)),
                state.package.name
            )]
        }
        Ok(_) => Vec::new(),
    }
}
