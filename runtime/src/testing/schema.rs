//! The schema as text: what a migration does to it is the difference of two such texts.

use std::{fs, io, path::Path};

use super::{
    collections::{self, is_ours},
    contents::lines_of_difference,
    error::TestError,
    schema_text::text,
};

/// Says what to do with the file.
const VARIABLE: &str = "MONGRATE_SNAPSHOT";

/// The schema as stable text: collections, views and time series with their options, validators
/// and indexes, in the order of their names. Without documents, control collections, what is
/// kept for rollbacks, and empty collections that have nothing of their own.
///
/// ```text
/// collection patients
///   validationLevel "moderate"
///   validator { "$jsonSchema": { "required": ["number", "family"] } }
///   index by_name { "family": 1, "given": 1 }
///   index number_1 { "number": 1 } unique true
/// ```
///
/// [`Database::assert_schema`](super::database::Database::assert_schema) keeps it in a file; with a library
/// for snapshot tests, hand it this.
///
/// # Errors
///
/// [`TestError::SetUp`] when the server cannot be read.
pub async fn snapshot(database: &mongodb::Database) -> Result<String, TestError> {
    let mut all = collections::collections(database).await?;
    all.retain(|one| !is_ours(&one.name));
    all.sort_by(|one, other| one.name.cmp(&other.name));
    let mut texts = Vec::with_capacity(all.len());
    for one in all {
        if one.is_plain() && collections::documents(database, &one.name).await?.is_empty() {
            continue;
        }
        texts.push(text(&one));
    }
    Ok(texts.join("\n"))
}

/// Compares with the file, or writes it.
pub(super) async fn assert(database: &mongodb::Database, path: &Path) -> Result<(), TestError> {
    let now = snapshot(database).await?;
    let update = std::env::var_os(VARIABLE).is_some_and(|value| value == "update");
    let file =
        |act: &str, error: io::Error| TestError::set_up(format!("{act} {}", path.display()), error);
    let before = match fs::read_to_string(path) {
        Ok(text) => Some(text.replace("\r\n", "\n")),
        Err(error) if error.kind() == io::ErrorKind::NotFound => None,
        Err(error) => return Err(file("read", error)),
    };
    if before.as_ref() == Some(&now) {
        return Ok(());
    }
    if update || before.is_none() {
        fs::write(path, &now).map_err(|error| file("write", error))?;
    }
    let difference = before.map(|before| lines_of_difference(&before, &now).join("\n"));
    if update { Ok(()) } else { Err(TestError::Stale { path: path.to_owned(), difference }) }
}
