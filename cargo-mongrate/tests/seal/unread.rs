//! The subcommand reports what it does not read, and never advises to renumber a migration that a
//! database may have applied.

use crate::fixture::{Fixture, THREE, text};

/// Expects that `cargo mongrate check` and `seal` succeed with this warning.
#[track_caller]
fn is_warned_of(fixture: &Fixture, expected: &str) {
    for verb in ["check", "seal"] {
        let output = fixture.mongrate(&[verb]);
        assert!(output.status.success(), "{}", text(&output));
        assert!(text(&output).contains(&format!("warning: {expected}")), "{}", text(&output));
    }
    assert!(
        fixture.read("migrations.sum").lines().count() == 3,
        "{}",
        fixture.read("migrations.sum")
    );
}

/// Expects that `cargo check` refuses the migration as older than the newest sealed, and does not
/// advise to renumber it.
#[track_caller]
fn keeps_its_version(fixture: &Fixture) {
    let output = fixture.cargo(&["check"]);
    let text = text(&output);
    assert!(!output.status.success(), "{text}");
    assert!(
        text.contains("error: version 3 is not sealed: `cargo mongrate seal` does not read it")
    );
    assert!(text.contains("so keep its version and its name"), "{text}");
    assert!(!text.contains("declare `version ="), "{text}");
}

const SEAL_IT: &str = ": it is not sealed. To seal it, write it out as a function of a module, and \
                       let it keep its version";

#[test]
fn a_migration_in_a_macro_is_reported_as_not_read() {
    let fixture = Fixture::sealed();
    fixture.write(
        "src/main.rs",
        &format!(
            "mod five;\nmod one;\nmacro_rules! step {{ ($v:literal, $n:ident) => {{\n{}\n}} }}\n\
             step!(3, add_rooms);\nfn main() {{}}\n",
            THREE.trim().replace('3', "$v").replace("add_rooms", "$n")
        ),
    );
    is_warned_of(
        &fixture,
        &format!(
            "src/main.rs:4: the migration is not read, as a `macro_rules!` writes it{SEAL_IT}"
        ),
    );
    keeps_its_version(&fixture);
    fixture.write(
        "src/main.rs",
        &format!(
            "mod five;\nmod one;\nmacro_rules! same {{ ($($t:tt)*) => {{ $($t)* }} }}\nsame! {{\n{}\n}}\n\
             fn main() {{}}\n",
            THREE.trim()
        ),
    );
    is_warned_of(
        &fixture,
        &format!(
            "src/main.rs:5: the migration of version 3 is not read, as it is given to the macro \
             `same!`{SEAL_IT}"
        ),
    );
    keeps_its_version(&fixture);
}

#[test]
fn a_migration_in_an_included_file_is_reported_as_not_read() {
    let fixture = Fixture::sealed();
    fixture.write("src/three.in", THREE.trim());
    fixture.replace("src/main.rs", "fn main", "include!(\"three.in\");\nfn main");
    is_warned_of(
        &fixture,
        &format!(
            "src/three.in:1: the migration of version 3 is not read, as `include!` brings it{SEAL_IT}"
        ),
    );
}

#[test]
fn a_migration_in_a_body_is_reported_as_not_read() {
    let fixture = Fixture::sealed();
    fixture.replace("src/main.rs", "fn main() {", &format!("fn main() {{\n{}", THREE.trim()));
    is_warned_of(
        &fixture,
        &format!(
            "src/main.rs:6: the migration of version 3 is not read, as it is in the body of \
             `main`{SEAL_IT}"
        ),
    );
    keeps_its_version(&fixture);
    // A sealed migration that was moved there is not reported as gone.
    let fixture = Fixture::sealed();
    let source = fixture.read("src/one.rs");
    fixture.replace("src/main.rs", "fn main() {", &format!("fn main() {{\n{}", source.trim()));
    fixture.replace("src/main.rs", "mod one;", "");
    std::fs::remove_file(fixture.path("src/one.rs")).expect("it was there");
    fixture.is_sound();
    let output = fixture.mongrate(&["check"]);
    let expected = "it is in the body of `main`: 1 `add_users` is sealed, and is not compared here";
    assert!(text(&output).contains(expected), "{}", text(&output));
}

#[test]
fn a_migration_under_another_name_is_read_or_reported() {
    let fixture = Fixture::new();
    for (imports, attribute) in [
        ("use mongrate::migration as m;", "#[m(version = 1)]"),
        ("use mongrate as db;", "#[db::migration(version = 1)]"),
        ("use ::mongrate::{self as db, Result as _};", "#[db::migration(version = 1)]"),
    ] {
        fixture.write(
            "src/one.rs",
            &format!(
                "{imports}\n{attribute}\nasync fn add_users(tx: &mut mongrate::Transaction<'_>) -> \
                 mongrate::Result {{ tx.run(\"users\").await; Ok(()) }}\n"
            ),
        );
        let output = fixture.mongrate(&["seal"]);
        assert!(output.status.success(), "{}", text(&output));
        fixture.is_sound();
        let output = fixture.mongrate(&["check"]);
        assert!(text(&output).contains("2 migrations, 2 sealed\n"), "{}", text(&output));
    }
    // Without an import that tells, the warning is shown.
    fixture.write("src/kit.rs", "pub use mongrate::*;\npub use mongrate::migration as step;\n");
    let three = THREE.replace("mongrate::migration", "crate::kit::step");
    fixture.write("src/three.rs", &three.replace("version = 3", "version = 7"));
    fixture.replace("src/main.rs", "mod one;", "mod one;\nmod three;\nmod kit;");
    let output = fixture.mongrate(&["check"]);
    let expected = "src/three.rs:2: the migration of version 7 is not read, as no import of \
                    this crate gives `#[migration]` the name `#[crate::kit::step]`";
    assert!(text(&output).contains(expected), "{}", text(&output));
}

#[test]
fn another_crates_attribute_is_none_of_ours() {
    let fixture = Fixture::sealed();
    fixture.write(
        "src/one.rs",
        &(fixture.read("src/one.rs")
            + "#[other::migration(\"2024\")]\nfn f() {}\n#[sea::migration]\nstruct X;\n\
               mod inner { use other::migration; #[migration] fn g(x: u8) {} }\n"),
    );
    let output = fixture.mongrate(&["check"]);
    assert!(output.status.success(), "{}", text(&output));
    assert!(text(&output).contains(": 2 migrations, 2 sealed\n"), "{}", text(&output));
    assert!(!text(&output).contains("warning:"), "{}", text(&output));
}

#[test]
fn what_is_for_tests_alone_is_no_history() {
    let fixture = Fixture::sealed();
    fixture.write("src/inner.rs", &format!("#![cfg(test)]\n{}", THREE.replace('3', "2")));
    fixture.write("src/three.rs", THREE);
    fixture.replace(
        "src/main.rs",
        "mod one;",
        &format!(
            "mod one;\nmod inner;\n#[cfg(all(test, unix))]\nmod three;\n#[cfg(any(test, all(test, \
             unix)))]\nmod tests {{ {} }}\n#[cfg(all(unix, test))] {}",
            THREE.replace('3', "4").trim(),
            THREE.replace("version = 3", "version = 3, name = \"x\"").trim(),
        ),
    );
    fixture.is_sound();
    let output = fixture.mongrate(&["check"]);
    assert!(text(&output).contains("2 migrations, 2 sealed\n"), "{}", text(&output));
    // What is for tests or for something else is history.
    fixture.replace("src/main.rs", "#[cfg(all(test, unix))]", "#[cfg(any(test, unix))]");
    let output = fixture.mongrate(&["check"]);
    assert!(text(&output).contains("version 3 is new, but older"), "{}", text(&output));
}
