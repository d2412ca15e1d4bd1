//! `cargo mongrate diff` and `cargo mongrate models`: the next migration, from the difference between
//! `models.snap` and the types.
//!
//! `ask` compiles the package and asks it for its models, `file` knows `models.snap`, `pending` finishes what a
//! killed process began. `diff` decides and reports, `written` writes. `init` makes the first file.

pub(crate) mod ask;
pub(crate) mod diff;
pub(crate) mod file;
pub(crate) mod init;
mod json;
mod name;
pub(crate) mod options;
pub(crate) mod pending;
mod schema;
mod written;
