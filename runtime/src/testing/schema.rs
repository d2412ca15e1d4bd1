//! The schema as text: what a migration does to it is the difference of two such texts.

use std::{fs, io, path::Path};

use super::{
    collections::{self, is_ours},
    contents::lines_of_difference,
    error::TestError,
    schema_text::collection_text,
};

/// Says what to do with the file.
const VARIABLE: &str = "MONGRATE_SNAPSHOT";

const DEFAULT_CONTROL: &str = "migrations";

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
    snapshot_without(database, DEFAULT_CONTROL).await
}

/// The same, where the control collection is `control`.
async fn snapshot_without(
    database: &mongodb::Database,
    control: &str,
) -> Result<String, TestError> {
    let mut all = collections::collections(database).await?;
    all.retain(|collection| !is_ours(&collection.name, control));
    all.sort_by(|collection, other| collection.name.cmp(&other.name));
    let mut texts = Vec::with_capacity(all.len());
    for collection in all {
        if collection.is_plain()
            && collections::documents(database, &collection.name).await?.is_empty()
        {
            continue;
        }
        texts.push(collection_text(&collection));
    }
    Ok(texts.join("\n"))
}

/// Compares with the file, or writes it.
pub(super) async fn assert(
    database: &mongodb::Database,
    control: &str,
    path: &Path,
) -> Result<(), TestError> {
    let now = snapshot_without(database, control).await?;
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
