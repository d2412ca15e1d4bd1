//! Whether an editor's server expands the macros, instead of the compiler.

use std::env;

/// Set by editors' servers for the macros that they run.
const EDITOR: &str = "RUST_ANALYZER_INTERNALS_DO_NOT_USE";

/// Whether an editor's server runs the macros. It expands a crate again after each edit, in one
/// process: a table of migrations would report that a migration clashes with its own past.
pub(crate) fn is_editor() -> bool {
    env::var_os(EDITOR).is_some()
}
