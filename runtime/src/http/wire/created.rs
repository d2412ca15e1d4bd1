//! The answer to a request for a new migration file.

use serde::Serialize;
use utoipa::ToSchema;

/// The file of a new migration.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub(in crate::http) struct Created {
    /// The version of the new migration.
    version: i64,
    /// Its name, in snake case.
    name: String,
    /// The name of the file, in the directory that this server was started with.
    file: String,
    /// The line that makes the file part of the crate.
    mod_line: String,
    /// Whether that line was written; if not, add it by hand.
    mod_line_written: bool,
}

impl From<mongrate_seal::create::Created> for Created {
    fn from(created: mongrate_seal::create::Created) -> Self {
        let file = created.path.file_name();
        Self {
            version: created.version,
            file: file.map(|name| name.to_string_lossy().into_owned()).unwrap_or_default(),
            mod_line_written: created.mod_file.is_some(),
            mod_line: created.mod_line.clone(),
            name: created.name,
        }
    }
}
