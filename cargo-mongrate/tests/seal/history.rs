//! Migrations that are sealed, edited, renamed, late or gone.

use std::fs;

use crate::fixture::{Fixture, MAIN, ONE, THREE, text};

#[test]
fn seal_then_check_is_clean_and_the_binary_holds_the_sum_once() {
    let fixture = Fixture::new();
    fixture.is_sound();
    let output = fixture.mongrate(&["check"]);
    assert!(text(&output).contains("2 migrations, 0 sealed, 2 new"), "{}", text(&output));
    let output = fixture.mongrate(&["seal"]);
    assert!(text(&output).contains("sealed 1 `add_users`  src/one.rs:4"), "{}", text(&output));
    assert!(text(&fixture.mongrate(&["seal"])).contains("nothing to seal"));
    let output = fixture.mongrate(&["check"]);
    assert!(text(&output).contains("2 migrations, 2 sealed\n"), "{}", text(&output));
    fixture.is_sound();
    let output = fixture.cargo(&["run"]);
    let expected = format!("2 migrations, 1 sums\n{}\n", fixture.read("migrations.sum"));
    assert_eq!(text(&output), expected);
}

#[test]
fn formatting_comments_and_lints_are_no_edit() {
    let fixture = Fixture::sealed();
    fixture.write(
        "src/one.rs",
        "use mongrate::{Result, Transaction, migration};
         /// Documented.
         #[migration(version = 1,)]
         #[allow(clippy::all)]
         pub(crate) async fn add_users(tx: &mut Transaction<'_>) -> Result { // a comment
             (tx.run(\"users\",)).await; Ok(())
         }",
    );
    fixture.is_sound();
}

#[test]
fn an_edited_body_is_refused_until_it_is_resealed() {
    let fixture = Fixture::sealed();
    fixture.replace("src/one.rs", "run(\"users\")", "run(\"people\")");
    fixture.is_refused(
        "
error: version 1 is sealed as v1:sha256:449ad08bbc34…, but its body is now v1:sha256:0227db1672fb…: undo the edit and write a new migration; if no database has applied it yet, run `cargo mongrate reseal 1`
 --> src/one.rs:5:10
  |
5 | async fn add_users(tx: &mut Transaction<'_>) -> Result {
  |          ^^^^^^^^^
",
    );
    let output = fixture.mongrate(&["seal"]);
    assert!(!output.status.success(), "an edit is never sealed in passing");
    let output = fixture.mongrate(&["reseal", "1"]);
    assert!(text(&output).starts_with("resealed 1 `add_users` v1:sha256:"), "{}", text(&output));
    fixture.is_sound();
}

/// `add_users` with a rollback beside it, and `add_visits` with one in another file.
fn reversible() -> Fixture {
    let fixture = Fixture::new();
    fixture.replace("src/one.rs", "version = 1", "version = 1, reversible = undo");
    let undo = "async fn undo(tx: &mut Transaction<'_>) -> Result {\n    tx.run(\"none\").await;\n    \
                Ok(())\n}\n";
    fixture.write("src/one.rs", &format!("{}{undo}", fixture.read("src/one.rs")));
    fixture.replace("src/five.rs", "version = 5", "version = 5, reversible = super::undo_five");
    fixture.write(
        "src/main.rs",
        &format!(
            "{MAIN}\nuse mongrate::{{Result, Transaction}};\n{}",
            undo.replace("undo", "undo_five")
        ),
    );
    let output = fixture.mongrate(&["seal"]);
    assert!(output.status.success(), "{}", text(&output));
    fixture.is_sound();
    fixture
}

#[test]
fn a_rollback_that_was_edited_exchanged_or_lost_is_refused() {
    let fixture = reversible();
    let sum = fixture.read("migrations.sum");
    assert_eq!(sum.matches(" down=v1:sha256:").count(), 2, "{sum}");
    // Another name and another format are no edit.
    fixture.replace("src/one.rs", "reversible = undo", "reversible = self::undo_users");
    fixture.replace("src/one.rs", "fn undo(tx", "fn undo_users(\ntx");
    fixture.is_sound();
    fixture.replace("src/one.rs", "run(\"none\")", "run(\"all\")");
    let output = fixture.cargo(&["check"]);
    let expected = "error: version 1 is sealed with the rollback v1:sha256:";
    assert!(text(&output).contains(expected), "{}", text(&output));
    assert!(text(&output).contains("src/one.rs:4:45"), "at the name: {}", text(&output));
    let output = fixture.mongrate(&["check"]);
    assert!(text(&output).contains("version 1 is sealed with the rollback"), "{}", text(&output));
    assert!(!fixture.mongrate(&["seal"]).status.success(), "an edit is never sealed in passing");
    assert!(fixture.mongrate(&["reseal", "1"]).status.success());
    fixture.is_sound();

    let fixture = reversible();
    fixture.replace("src/one.rs", ", reversible = undo", "");
    fixture.replace("src/one.rs", "async fn undo", "#[allow(dead_code)] async fn undo");
    fixture.is_refused(
        "
error: version 1 is sealed with a rollback, but has lost its `reversible`: restore it, or no database that has applied the migration can be rolled back; to give up the rollback for good, run `cargo mongrate reseal 1`
 --> src/one.rs:4:23
  |
4 | #[migration(version = 1)]
  |                       ^
",
    );

    // The subcommand sees an edit in another file.
    let fixture = reversible();
    fixture.replace("src/main.rs", "run(\"none\")", "run(\"all\")");
    assert!(fixture.cargo(&["check"]).status.success(), "the attribute cannot");
    let output = fixture.mongrate(&["check"]);
    assert!(text(&output).contains("version 5 is sealed with the rollback"), "{}", text(&output));
}

/// Lines that were sealed before rollbacks were have this form.
#[test]
fn a_line_that_says_nothing_of_a_rollback_is_valid() {
    let fixture = Fixture::sealed();
    fixture.replace("src/one.rs", "version = 1", "version = 1, reversible = undo");
    let undo = "async fn undo(_: &mut Transaction<'_>) -> Result { Ok(()) }\n";
    fixture.write("src/one.rs", &format!("{}{undo}", fixture.read("src/one.rs")));
    fixture.is_sound();
    assert!(text(&fixture.mongrate(&["seal"])).contains("nothing to seal"));
    assert!(fixture.mongrate(&["reseal", "1"]).status.success());
    fixture.is_sound();
    assert_eq!(fixture.read("migrations.sum").matches(" down=").count(), 1);
}

#[test]
fn one_rollback_for_two_migrations_is_refused() {
    let fixture = Fixture::new();
    let text_of =
        |name: &str| format!("async fn {name}(_: &mut Transaction<'_>) -> Result {{ Ok(()) }}\n");
    let both = "\n#[migration(version = 2, reversible = undo)]\n".to_owned()
        + &text_of("two")
        + "#[migration(version = 3, reversible = undo)]\n"
        + &text_of("three")
        + &text_of("undo");
    fixture.write("src/one.rs", &format!("{ONE}{both}"));
    let output = fixture.cargo(&["check"]);
    let expected =
        "`undo` rolls back `two` (src/one.rs:10) already, and can undo only one of the two";
    assert!(text(&output).contains(expected), "{}", text(&output));
    let output = fixture.mongrate(&["check"]);
    let expected =
        "`undo` rolls back `two` (src/one.rs:10) already, and can undo only one of the two";
    assert!(text(&output).contains(expected), "{}", text(&output));

    // In several files, and through imports.
    let fixture = reversible();
    fixture.replace("src/five.rs", "reversible = super::undo_five", "reversible = undo");
    fixture.write("src/five.rs", &format!("{}use super::one::*;\n", fixture.read("src/five.rs")));
    fixture.replace("src/one.rs", "async fn undo", "pub async fn undo");
    let output = fixture.mongrate(&["check"]);
    assert!(text(&output).contains("`undo` rolls back `add_users`"), "{}", text(&output));
}

#[test]
fn a_new_name_is_refused() {
    let fixture = Fixture::sealed();
    fixture.replace("src/one.rs", "add_users", "create_users");
    fixture.is_refused(
        "
error: version 1 is sealed as `add_users`, but is now `create_users`: rename it back, or add `name = \"add_users\"`; if no database has applied it yet, run `cargo mongrate reseal 1`
 --> src/one.rs:5:10
  |
5 | async fn create_users(tx: &mut Transaction<'_>) -> Result {
  |          ^^^^^^^^^^^^
",
    );
    fixture.replace("src/one.rs", "version = 1", "version = 1, name = \"add_users\"");
    fixture.is_sound();
}

#[test]
fn a_new_migration_older_than_the_newest_sealed_is_refused() {
    let fixture = Fixture::sealed();
    fixture.write("src/three.rs", THREE);
    fixture.replace("src/main.rs", "mod one;", "mod one;\nmod three;");
    fixture.is_refused(
        "
error: version 3 is new, but older than the newest sealed one, 5 `add_visits`: a database may be past it; run `cargo mongrate rebase`, or declare `version = 6`, the next free version, or add `out_of_order`
 --> src/three.rs:2:33
  |
2 | #[mongrate::migration(version = 3)]
  |                                 ^
",
    );
    fixture.replace("src/three.rs", "version = 3", "version = 3, out_of_order");
    fixture.is_sound();
    fixture.replace("src/three.rs", "version = 3, out_of_order", "version = 6");
    fixture.is_sound();
}

#[test]
fn a_migration_that_is_gone_is_refused() {
    let fixture = Fixture::sealed();
    fs::remove_file(fixture.path("src/one.rs")).expect("it was there");
    fixture.replace("src/main.rs", "mod one;", "");
    fixture.is_refused(
        "
error: 1 `add_users` is sealed but gone from this package: restore it from git, with the `mod` line; if no database has applied it yet, delete its line and all lines below from migrations.sum, and run `cargo mongrate seal`
",
    );
}

#[test]
fn a_file_that_no_mod_reaches_is_found_by_the_subcommand() {
    let fixture = Fixture::new();
    fixture.write("src/three.rs", THREE);
    let output = fixture.mongrate(&["check"]);
    assert!(!output.status.success());
    let expected =
        "error: src/three.rs: holds a migration, and no `mod` reaches it: add `mod three;`";
    assert!(text(&output).contains(expected), "{}", text(&output));
}

#[test]
fn a_corrupt_chain_is_refused() {
    let fixture = Fixture::sealed();
    fixture.replace("migrations.sum", "1 add_users", "1 add_user");
    fixture.is_refused(
        "
error: migrations.sum:2: the chain breaks here: this line or a line above it was edited, removed or moved by hand; if you merged two branches by hand, run `cargo mongrate rebase`; otherwise restore the file from git (`git checkout migrations.sum`), and change it only with `cargo mongrate`
",
    );
}

#[test]
fn conflict_markers_are_refused_with_the_way_out() {
    let fixture = Fixture::sealed();
    let sum = fixture.read("migrations.sum");
    let last = sum.lines().last().expect("two are sealed");
    let conflict = format!("<<<<<<< HEAD\n{last}\n=======\n{last}\n>>>>>>> theirs");
    fixture.replace("migrations.sum", last, &conflict);
    fixture.is_refused(
        "
error: migrations.sum:3: two branches sealed migrations, and git could not merge them: run `cargo mongrate rebase`, which keeps the other branch's lines and renumbers your migrations after them
",
    );
}

/// A change of the sum file alone makes cargo compile again.
#[test]
fn an_edit_of_the_sum_file_alone_checks_again() {
    let fixture = Fixture::sealed();
    fixture.is_sound();
    let sum = fixture.read("migrations.sum");
    fixture.replace("migrations.sum", "5 add_visits", "5 add_visit");
    assert!(!fixture.cargo(&["check"]).status.success());
    fixture.write("migrations.sum", &sum);
    fixture.is_sound();
}

/// Migrations in tests and examples do not belong to the package's history.
#[test]
fn a_test_has_migrations_of_its_own() {
    let fixture = Fixture::sealed();
    let own = THREE.replace("version = 3", "version = 1") + "#[test] fn runs() {}\n";
    fixture.write("tests/own.rs", &own);
    let output = fixture.cargo(&["check", "--tests"]);
    assert!(output.status.success(), "{}", text(&output));
}
