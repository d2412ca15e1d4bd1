//! What a caller can do about a migration file that could not be written: one answer for the
//! command line and HTTP.

use mongrate_seal::create::CreateError;

use super::error::kind::Kind;

/// The kind of the error, and its stable name.
pub(crate) fn classify(error: &CreateError) -> (Kind, &'static str) {
    match error {
        CreateError::Name { .. } => (Kind::Usage, "bad_name"),
        CreateError::NameTaken { .. } => (Kind::Usage, "name_taken"),
        CreateError::NoDirectory { .. } => (Kind::Usage, "no_directory"),
        CreateError::NoVersion { .. } => (Kind::Usage, "no_version"),
        CreateError::Sum { .. } => (Kind::BadBuild, "bad_sum"),
        CreateError::Read { .. }
        | CreateError::Lock { .. }
        | CreateError::Write { .. }
        | CreateError::ModFile { .. } => (Kind::Failed, "io"),
        _ => (Kind::Failed, "failed"),
    }
}
