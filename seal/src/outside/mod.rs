//! What a migration names outside of its own file: the types, functions, constants and macros of its
//! package and of the packages beside it. When they change, the migration changes its meaning, and
//! the checksum of its body does not.
//!
//! `scan` reads names from tokens, so that the input of macros counts, and `Outside`
//! follows them: through imports, and through the functions and types in the migration's own file. What
//! cannot be read is reported as such. A type that no code names, because the compiler infers it, is
//! not seen.

mod find;
mod scan;

pub use find::{Finder, Outside, OutsideName};
