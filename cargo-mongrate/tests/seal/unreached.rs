//! Files that no `mod` line reaches any more, and cases that only look like that.

use crate::fixture::{Fixture, text};

const GONE: &str = "1 `add_users` is sealed but gone from this package";

#[test]
fn a_mod_line_that_was_removed_is_an_error_of_the_compiler() {
    let fixture = Fixture::sealed();
    fixture.replace("src/main.rs", "mod one;", "");
    fixture.is_refused(
        "
error: 1 `add_users` is sealed and in src/one.rs, but no `mod` reaches that file, so the binary does not link it: add `mod one;` to src/main.rs
",
    );
    fixture.replace("src/main.rs", "mod five;", "mod five;\nmod one;");
    fixture.is_sound();
}

#[test]
fn a_directory_that_no_mod_reaches_is_named_by_its_own_line() {
    let fixture = Fixture::new();
    let source = fixture.read("src/one.rs");
    std::fs::remove_file(fixture.path("src/one.rs")).expect("it was there");
    fixture.write("src/one/mod.rs", &source);
    assert!(fixture.mongrate(&["seal"]).status.success());
    fixture.replace("src/main.rs", "mod one;", "");
    fixture.is_refused(
        "
error: 1 `add_users` is sealed and in src/one/mod.rs, but no `mod` reaches that file, so the binary does not link it: add `mod one;` to src/main.rs
",
    );
}

/// However the attribute is written, and whatever else looks like an attribute.
#[test]
fn what_is_there_is_found_and_what_only_looks_like_it_is_not() {
    let fixture = Fixture::sealed();
    let source = fixture.read("src/one.rs");
    for attribute in [
        "#[migration(version = 0x1)]",
        "#[migration{version = 1}]",
        "#[migration[version = 1,]]",
        "#[migration /* the first */ ( /* of all */ version /* is */ = 0b1 )]",
        "#[mongrate::migration(name = \"add_users\", version = 1)]",
        "#[cfg_attr(all(), migration(version = 1_))]",
    ] {
        fixture.write("src/one.rs", &source.replace("#[migration(version = 1)]", attribute));
        fixture.is_sound();
    }
    // Text that looks like a migration does not hide that a migration is gone.
    std::fs::remove_file(fixture.path("src/one.rs")).expect("it was there");
    fixture.replace(
        "src/main.rs",
        "mod one;",
        "/// #[migration(version = 1)]
         #[allow(dead_code)]
         fn run_migration(_version: u8) { run_migration(2); let _ = \"#[migration(version = 1)]\"; }
         // #[migration(version = 1)]
         #[cfg(test)]
         mod tests { #[mongrate::migration(version = 1, group = \"tests\")]
         async fn add_users(_: &mut mongrate::Transaction<'_>) -> mongrate::Result { Ok(()) } }",
    );
    let output = fixture.cargo(&["check"]);
    assert!(text(&output).contains(GONE), "{}", text(&output));
    let output = fixture.mongrate(&["check"]);
    assert!(text(&output).contains(GONE), "{}", text(&output));
}

/// Neither compiler nor subcommand reports a migration as missing if a macro reaches it.
#[test]
fn a_file_that_a_macro_reaches_is_not_said_to_be_gone() {
    let fixture = Fixture::sealed();
    fixture.replace(
        "src/main.rs",
        "mod one;",
        "macro_rules! modules { ($($name:ident)*) => { $(mod $name;)* } }\nmodules! { one }",
    );
    fixture.is_sound();
    let output = fixture.mongrate(&["check"]);
    assert!(text(&output).contains("warning: src/one.rs: holds a migration, and is not read"));
    // A migration that no macro names is missing all the same.
    fixture.replace("src/main.rs", "modules! { one }", "");
    let output = fixture.cargo(&["check"]);
    assert!(text(&output).contains("but no `mod` reaches that file"), "{}", text(&output));
}

#[test]
fn files_elsewhere_are_followed() {
    let fixture = Fixture::sealed();
    let source = fixture.read("src/one.rs");
    std::fs::remove_file(fixture.path("src/one.rs")).expect("it was there");
    fixture.write("history/first.rs", &source);
    fixture.replace("src/main.rs", "mod one;", "#[path = \"../history/first.rs\"]\nmod one;");
    fixture.is_sound();
    fixture.write("src/history/one.rs", &source);
    fixture.replace(
        "src/main.rs",
        "#[path = \"../history/first.rs\"]\nmod one;",
        "mod history { pub mod one; }",
    );
    fixture.is_sound();
}

/// Another target of the package has the migration: its library, or a binary with a name of its
/// own.
#[test]
fn what_another_target_has_is_not_gone() {
    let fixture = Fixture::sealed();
    fixture.replace("src/main.rs", "mod one;", "");
    fixture.replace(
        "Cargo.toml",
        "[dependencies]",
        "[[bin]]\nname = \"other\"\npath = \"other/start.rs\"\n[[bin]]\nname = \"main\"\npath = \
         \"src/main.rs\"\n[dependencies]",
    );
    fixture.write("other/start.rs", "#[path = \"../src/one.rs\"]\nmod one;\nfn main() {}\n");
    fixture.is_sound();
}
