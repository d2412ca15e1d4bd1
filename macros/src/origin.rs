//! The crate that the compiler compiles.

use std::{env, path::PathBuf};

/// The identity of a crate.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Origin {
    pub(crate) package: String,
    pub(crate) krate: String,
    /// The directory of the package's manifest.
    pub(crate) directory: PathBuf,
}

impl Origin {
    pub(crate) fn of_this_crate() -> Self {
        Self {
            package: env::var("CARGO_PKG_NAME").unwrap_or_default(),
            krate: env::var("CARGO_CRATE_NAME").unwrap_or_default(),
            directory: env::var_os("CARGO_MANIFEST_DIR").unwrap_or_default().into(),
        }
    }
}
