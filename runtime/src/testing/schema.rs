//! The schema as stable text, compared with a file: a change of the schema is a change of the text.

use std::{fs, io, path::Path};

use super::{contents::lines_of_difference, error::TestError};
use crate::{
    model::config::Settings,
    protocol::control::Control,
    verbs::schema::{Shown, schema},
};

/// The variable that has the file rewritten (`update`).
const VARIABLE: &str = "MONGRATE_SNAPSHOT";

const DEFAULT_CONTROL: &str = "migrations";

/// The schema as stable text: collections, views and time series with their options, validators
/// and indexes, in the order of their names. Without documents, control collections (of a
/// default name), kept collections, and empty collections without options and indexes.
///
/// ```text
/// collection patients
///   validationLevel "moderate"
///   validator { "$jsonSchema": { "required": ["number", "family"] } }
///   index by_name { "family": 1, "given": 1 }
///   index number_1 { "number": 1 } unique true
/// ```
///
/// [`Database::assert_schema`](super::database::Database::assert_schema) compares it with a file;
/// to a library for snapshot tests, pass this text.
///
/// # Errors
///
/// [`TestError::Migration`] when the server cannot be read.
pub async fn snapshot(database: &mongodb::Database) -> Result<String, TestError> {
    snapshot_without(database, DEFAULT_CONTROL).await
}

/// [`snapshot`] of a database whose control collection is `control`.
async fn snapshot_without(
    database: &mongodb::Database,
    control: &str,
) -> Result<String, TestError> {
    let control = Control::new(database, control.to_owned(), Settings::default().retries);
    let read = |source| TestError::Migration { act: "read the schema".to_owned(), source };
    schema(&control, Shown::default()).await.map_err(read)
}

/// Compares the schema with the file, or writes the file.
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
