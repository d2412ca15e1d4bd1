//! The packages beside a package: which crates its code may name, and where their roots are.

use std::path::{Path, PathBuf};

use crate::manifest;

/// Crates of the language, which no manifest names.
const LANGUAGE: [&str; 4] = ["std", "core", "alloc", "proc_macro"];

/// A crate that code may name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Crate {
    /// Its root is on the disk.
    Here(PathBuf),
    /// It comes from elsewhere, or is Mongrate.
    Foreign,
}

/// Returns the directory of the package that a root belongs to.
pub(super) fn directory(root: &Path, read: &dyn Fn(&Path) -> Option<String>) -> Option<PathBuf> {
    let mut above = root.ancestors().skip(1);
    above.find(|directory| read(&directory.join("Cargo.toml")).is_some()).map(Path::to_owned)
}

/// Returns the crates that the code of a package may name.
pub(super) fn crates(
    package: &Path,
    read: &dyn Fn(&Path) -> Option<String>,
) -> Vec<(String, Crate)> {
    let mut crates: Vec<(String, Crate)> =
        LANGUAGE.iter().map(|name| ((*name).to_owned(), Crate::Foreign)).collect();
    for dependency in manifest::dependencies(package, read) {
        let path = dependency.path.filter(|_| dependency.package != "mongrate");
        let Some((named, root)) = path.and_then(|path| library(&path, read)) else {
            crates.push((dependency.name, Crate::Foreign));
            continue;
        };
        let is_renamed = dependency.name != dependency.package.replace('-', "_");
        let name = named.filter(|_| !is_renamed).unwrap_or(dependency.name);
        crates.push((name, Crate::Here(root)));
    }
    // The package's own library, which its binaries name.
    if let Some(text) = read(&package.join("Cargo.toml"))
        && let Some((named, root)) = library(package, read)
        && let Some(name) = named.or_else(|| manifest::name(&text))
    {
        crates.push((name.replace('-', "_"), Crate::Here(root)));
    }
    crates
}

/// Returns the name, if the manifest says it, and the root of a package's library.
fn library(
    package: &Path,
    read: &dyn Fn(&Path) -> Option<String>,
) -> Option<(Option<String>, PathBuf)> {
    let text = read(&package.join("Cargo.toml"))?;
    let (path, name) = manifest::library(&text);
    let root = package.join(path.unwrap_or_else(|| "src/lib.rs".to_owned()));
    read(&root)?;
    Some((name, root.canonicalize().unwrap_or(root)))
}
