//! What the tools of others have in common: where they are installed, and files of migrations.

use std::{
    fs, io,
    path::{Path, PathBuf},
    process::Command,
};

use mongodb::bson::{DateTime, Document};

use super::{
    Tool, migrate_mongo::MigrateMongo, mongodb_migrations::MongodbMigrations,
    mongodb_migrator::MongodbMigrator, pymongo_migrate::PymongoMigrate,
    ts_migrate_mongoose::TsMigrateMongoose,
};
use crate::{Problem, place::Place};

/// Those that are installed, and a line for each that is not.
pub fn find(place: &Place) -> (Vec<Box<dyn Tool>>, Vec<String>) {
    let installed = place.peers();
    let files = place.scratch.join("files");
    let tried: [(&str, Option<Box<dyn Tool>>); 5] = [
        ("migrate-mongo", MigrateMongo::find(&installed, &files).map(boxed)),
        ("ts-migrate-mongoose", TsMigrateMongoose::find(&installed, &files).map(boxed)),
        ("pymongo-migrate", PymongoMigrate::find(&installed, &files).map(boxed)),
        ("mongodb-migrations", MongodbMigrations::find(&installed, &files).map(boxed)),
        ("mongodb-migrator", MongodbMigrator::find(&installed, place).map(boxed)),
    ];
    let (mut found, mut missing) = (Vec::new(), Vec::new());
    for (name, tool) in tried {
        match tool {
            Some(tool) => found.push(tool),
            None => missing.push(format!("{name} is not installed (`--install-peers`)")),
        }
    }
    (found, missing)
}

fn boxed<T: Tool + 'static>(tool: T) -> Box<dyn Tool> {
    Box::new(tool)
}

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

/// A directory of `count` migrations, written anew: `name(n)` and `text(n)` are those of the nth,
/// from 1 up.
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

/// Where the files of a tool for so many migrations are.
pub(super) fn directory(files: &Path, tool: &str, count: u32) -> PathBuf {
    files.join(tool).join(count.to_string())
}

/// The server's URI with a database in it.
pub(super) fn uri_with(uri: &str, database: &str) -> String {
    uri.replacen("/?", &format!("/{database}?"), 1)
}

/// A document for each of `count`.
pub(super) fn records(count: u32, record: impl Fn(u32) -> Document) -> Vec<Document> {
    (1..=count).map(record).collect()
}

/// When the nth was applied, or made: they go by it.
pub(super) fn moment(n: u32) -> DateTime {
    DateTime::from_millis(millis(n))
}

/// The same in milliseconds since 1970.
pub(super) fn millis(n: u32) -> i64 {
    1_577_836_800_000 + i64::from(n)
}

/// A number of 14 digits, as times are written.
pub(super) fn stamp(n: u32) -> u64 {
    20_200_101_000_000 + u64::from(n)
}
