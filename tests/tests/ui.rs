//! What the compiler says to each mistake: one file per mistake in `ui/`, named for it.
//!
//! After a deliberate change, `TRYBUILD=overwrite cargo test -p mongrate-tests --test ui` writes
//! the texts again; read the difference before you commit it.

#[test]
fn every_mistake_has_an_error_that_says_what_to_do() {
    let cases = trybuild::TestCases::new();
    cases.compile_fail("ui/*.rs");
}
