//! Why no migration was written, and the way out.

use std::io;
use std::path::PathBuf;

use crate::sum::Fault;

/// Why no migration was written.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum CreateError {
    /// The name is not one to make a file name and a function name of.
    #[error("`{}` cannot name a migration: {problem}; nothing was written", .name.escape_debug())]
    Name {
        /// The name, shortened if it is long.
        name: String,
        /// What is wrong with it.
        problem: &'static str,
    },

    /// Another migration in the directory has this name.
    #[error("`{file}` is named `{name}` already; take another name; nothing was written")]
    NameTaken {
        /// The name.
        name: String,
        /// The other migration's file.
        file: String,
    },

    /// There is no such directory.
    #[error(
        "there is no directory `{0}`; run this in the package's own directory, name another one \
         with `--dir`, or make it with `mkdir -p {0}`; nothing was written",
        dir.display()
    )]
    NoDirectory {
        /// The directory.
        dir: PathBuf,
    },

    /// The directory could not be read.
    #[error("could not read `{}`: {source}; nothing was written", dir.display())]
    Read {
        /// The directory.
        dir: PathBuf,
        /// What the system said.
        source: io::Error,
    },

    /// The directory could not be locked, so that another process might take the same version.
    #[error("could not lock `{}`: {source}; nothing was written", dir.display())]
    Lock {
        /// The directory.
        dir: PathBuf,
        /// What the system said.
        source: io::Error,
    },

    /// The sum file of the package cannot be trusted, so that the next version is unknown.
    #[error("{}/{fault}; nothing was written", package.display())]
    Sum {
        /// The package's directory.
        package: PathBuf,
        /// What is wrong with it.
        fault: Fault,
    },

    /// No greater version is left.
    #[error("the greatest version in `{}` leaves no room for another; nothing was written", dir.display())]
    NoVersion {
        /// The directory.
        dir: PathBuf,
    },

    /// The file could not be written. One that exists is left alone.
    #[error("could not write `{}`: {source}", path.display())]
    Write {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },

    /// The migration was written, but the `mod` line could not be added.
    #[error(
        "wrote `{}`, but could not change `{}` ({source}); add this line to it: {line}",
        created.display(), mod_file.display()
    )]
    ModFile {
        /// The migration's file.
        created: PathBuf,
        /// The file that the line belongs into.
        mod_file: PathBuf,
        /// The line.
        line: String,
        /// What the system said.
        source: io::Error,
    },
}
