//! The reasons why no migration was written, and the ways out.

use std::{io, path::PathBuf};

use crate::sum::Fault;

/// Why no migration was written.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum CreateError {
    /// The name cannot become the name of a file and a function.
    #[error("`{}` cannot name a migration: {problem}; nothing was written", .name.escape_debug())]
    Name {
        /// The name, shortened if it is long.
        name: String,
        /// What is wrong with the name.
        problem: &'static str,
    },

    /// Another migration has this name.
    #[error(
        "the name `{name}` is already taken by `{file}`; choose another name; nothing was written"
    )]
    NameTaken {
        /// The name.
        name: String,
        /// The other migration's file.
        file: String,
    },

    /// There is no such directory.
    #[error(
        "there is no directory `{0}`; run the command in the package's own directory, name another \
         directory with `--dir`, or create this one with `mkdir -p {0}`; nothing was written",
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
        /// The system's error.
        source: io::Error,
    },

    /// The directory could not be locked, so another process might take the same version.
    #[error("could not lock `{}`: {source}; nothing was written", dir.display())]
    Lock {
        /// The directory.
        dir: PathBuf,
        /// The system's error.
        source: io::Error,
    },

    /// The sum file of the package cannot be trusted, so the next version is unknown.
    #[error("{}/{fault}; nothing was written", package.display())]
    Sum {
        /// The package's directory.
        package: PathBuf,
        /// What is wrong with the sum file.
        fault: Fault,
    },

    /// No greater version is left.
    #[error("the greatest version in `{}` leaves no room for a greater one; nothing was written", dir.display())]
    NoVersion {
        /// The directory.
        dir: PathBuf,
    },

    /// The file could not be written. A file that exists is not changed.
    #[error("could not write `{}`: {source}", path.display())]
    Write {
        /// The file.
        path: PathBuf,
        /// The system's error.
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
        /// The file that needs the line.
        mod_file: PathBuf,
        /// The line.
        line: String,
        /// The system's error.
        source: io::Error,
    },
}
