//! What the other tools have in common: installed versions, and files of migrations.

use std::{
    fs, io,
    path::{Path, PathBuf},
    process::Command,
};

use mongodb::bson::{DateTime, Document};

use crate::problem::Problem;

/// The version of a package that npm has installed.
pub(super) fn npm_version(installed: &Path, package: &str) -> Option<String> {
    let manifest = installed.join("node/node_modules").join(package).join("package.json");
    let manifest: serde_json::Value = serde_json::from_slice(&fs::read(manifest).ok()?).ok()?;
    Some(manifest.get("version")?.as_str()?.to_owned())
}

/// The version of a package that pip has installed.
pub(super) fn pip_version(installed: &Path, package: &str) -> Option<String> {
    let ask = format!("from importlib.metadata import version; print(version({package:?}))");
    let python = installed.join("python/bin/python");
    let output = Command::new(python).args(["-c", &ask]).output().ok()?;
    let text = String::from_utf8(output.stdout).ok()?;
    output.status.success().then(|| text.trim().to_owned())
}

/// Writes a directory of `count` migrations anew. `name(n)` and `text(n)` are name and text of the
/// nth file, from 1 up.
pub(super) fn write_files(
    directory: &Path,
    count: u32,
    name: impl Fn(u32) -> String,
    text: impl Fn(u32) -> String,
) -> Result<(), Problem> {
    match fs::remove_dir_all(directory) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error.into()),
        _ => fs::create_dir_all(directory)?,
    }
    for n in 1..=count {
        fs::write(directory.join(name(n)), text(n))?;
    }
    Ok(())
}

/// The directory of a tool's files for so many migrations.
pub(super) fn directory(files: &Path, tool: &str, count: u32) -> PathBuf {
    files.join(tool).join(count.to_string())
}

/// The URI with a database in it.
pub(super) fn uri_with(uri: &str, database: &str) -> String {
    uri.replacen("/?", &format!("/{database}?"), 1)
}

/// A document for each of `count` migrations.
pub(super) fn records(count: u32, record: impl Fn(u32) -> Document) -> Vec<Document> {
    (1..=count).map(record).collect()
}

/// The time of the nth migration, by which tools order it.
pub(super) fn time(n: u32) -> DateTime {
    DateTime::from_millis(millis(n))
}

/// The time of the nth migration in milliseconds since 1970.
pub(super) fn millis(n: u32) -> i64 {
    1_577_836_800_000 + i64::from(n)
}

/// The version of the nth migration: 14 digits, written as a time.
pub(super) fn version(n: u32) -> u64 {
    20_200_101_000_000 + u64::from(n)
}
