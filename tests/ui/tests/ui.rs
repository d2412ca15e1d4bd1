//! What the compiler says to each mistake: one file per mistake in `cases/`, named for it.
//!
//! After a deliberate change, `TRYBUILD=overwrite cargo test -p mongrate-ui` writes
//! the texts again; read the difference before you commit it.

use std::{env, process::Command};

/// Set by an editor's language server, for the macros that it runs.
const EDITOR: &str = "RUST_ANALYZER_INTERNALS_DO_NOT_USE";

#[test]
fn every_mistake_has_an_error_that_says_what_to_do() {
    let cases = trybuild::TestCases::new();
    cases.compile_fail("cases/*.rs");
}

/// There the macros cannot compare migrations, and the compiler itself shows both places.
#[test]
fn a_duplicate_is_an_error_in_an_editor_too() {
    let status = Command::new(env::current_exe().expect("tests have a path"))
        .args(["--exact", "in_an_editor", "--ignored"])
        .env(EDITOR, "this is unstable")
        .status()
        .expect("tests can be started");
    assert!(status.success());
}

#[test]
#[ignore = "started by `a_duplicate_is_an_error_in_an_editor_too`"]
fn in_an_editor() {
    if env::var_os(EDITOR).is_some() {
        let cases = trybuild::TestCases::new();
        cases.compile_fail("cases/editor/*.rs");
    }
}
