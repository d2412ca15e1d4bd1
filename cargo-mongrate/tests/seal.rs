//! Sealed history as a user meets it: small crates are built against the real attribute and a
//! stand-in for the runtime, and sealed and checked by the real subcommand.

use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::sync::atomic::{AtomicU32, Ordering};
use std::{env, fs};

use tempfile::TempDir;

#[path = "seal/packaged.rs"]
mod packaged;
#[path = "seal/readings.rs"]
mod readings;
#[path = "seal/unreached.rs"]
mod unreached;
#[path = "seal/unread.rs"]
mod unread;

/// What the attribute's expansion needs of `mongrate`.
const RUNTIME: &str = r"
    pub use mongrate_macros::migration;
    pub struct Transaction<'a>(pub &'a ());
    impl Transaction<'_> { pub async fn run(&mut self, _: &str) {} }
    pub type Result = std::result::Result<(), ()>;
    pub mod __private { pub mod v1 {
        pub use linkme;
        type Text = &'static str;
        pub struct Migration(
            pub i64, pub Text, pub Text, pub Text, pub Text, pub Text, pub u32, pub Text, pub bool
        );
        pub struct SumFile {
            pub crate_name: &'static str, pub text: &'static str, pub absent: Option<&'static str>
        }
        #[linkme::distributed_slice] pub static MIGRATIONS: [Migration];
        #[linkme::distributed_slice] pub static SUMS: [SumFile];
    } }

    #[macro_export]
    macro_rules! __migration_v1 {
        ($symbol:ident $register:ident $descriptor:tt $hints:tt $functions:tt) => {
            const _: () = {
                use $crate::__private::v1::{MIGRATIONS, Migration, linkme};
                #[linkme::distributed_slice(MIGRATIONS)]
                #[linkme(crate = linkme)]
                static MIGRATION: Migration = { let _ = $functions; Migration $descriptor };
                #[unsafe(no_mangle)]
                fn $symbol() {}
            };
        };
    }
";

const ONE: &str = r#"
use mongrate::{Result, Transaction, migration};

#[migration(version = 1)]
async fn add_users(tx: &mut Transaction<'_>) -> Result {
    tx.run("users").await;
    Ok(())
}
"#;

const FIVE: &str = r#"
use mongrate::{Result, Transaction, migration};

#[migration(version = 5)]
async fn add_visits(tx: &mut Transaction<'_>) -> Result {
    tx.run("visits").await;
    Ok(())
}
"#;

/// Prints what is linked: the sum files, and the versions.
const MAIN: &str = r#"
mod five;
mod one;

fn main() {
    use mongrate::__private::v1::{MIGRATIONS, SUMS};
    let seen = SUMS.iter().filter(|sum| sum.absent.is_none()).count();
    println!("{} migrations, {seen} sums", MIGRATIONS.len());
    println!("{}", SUMS.iter().map(|sum| sum.text).collect::<String>());
}
"#;

/// A package of two migrations, not sealed yet.
struct Fixture {
    /// Its own: cargo tells packages of one name in one target directory apart by nothing else.
    name: String,
    root: TempDir,
}

impl Fixture {
    fn new() -> Self {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let name = format!("my-shop-{}", COUNT.fetch_add(1, Ordering::Relaxed));
        let root = tempfile::tempdir().expect("a directory");
        let workspace = Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("a workspace");
        let fixture = Self { name, root };
        let macros = workspace.join("macros");
        fixture.write(
            "runtime/Cargo.toml",
            &format!(
                "[package]\nname = \"mongrate\"\nversion = \"0.1.0\"\nedition = \"2024\"\n\
                 [dependencies]\nlinkme = \"0.3.37\"\nmongrate-macros = {{ path = {macros:?} }}\n"
            ),
        );
        fixture.write("runtime/src/lib.rs", RUNTIME);
        fixture.write(
            "Cargo.toml",
            &format!(
                "[workspace]\nmembers = [\"runtime\"]\n[package]\nname = \"{}\"\n\
                 version = \"0.1.0\"\nedition = \"2024\"\n[dependencies]\n\
                 mongrate = {{ path = \"runtime\" }}\n",
                fixture.name
            ),
        );
        fixture.write("src/main.rs", MAIN);
        fixture.write("src/one.rs", ONE);
        fixture.write("src/five.rs", FIVE);
        // The versions that the workspace was tested with, and no network.
        fs::copy(workspace.join("Cargo.lock"), fixture.path("Cargo.lock")).expect("a lock file");
        fixture
    }

    /// Both sealed.
    fn sealed() -> Self {
        let fixture = Self::new();
        let output = fixture.mongrate(&["seal"]);
        assert!(output.status.success(), "{}", text(&output));
        fixture
    }

    fn path(&self, file: &str) -> PathBuf {
        self.root.path().join(file)
    }

    fn write(&self, file: &str, text: &str) {
        let path = self.path(file);
        fs::create_dir_all(path.parent().expect("below the root")).expect("a directory");
        fs::write(path, text).expect("a file");
    }

    fn read(&self, file: &str) -> String {
        fs::read_to_string(self.path(file)).expect("a file")
    }

    fn replace(&self, file: &str, from: &str, to: &str) {
        let text = self.read(file);
        assert!(text.contains(from), "{text}");
        self.write(file, &text.replace(from, to));
    }

    fn cargo(&self, arguments: &[&str]) -> Output {
        // One directory for all, so that dependencies are built once.
        let target = Path::new(env!("CARGO_TARGET_TMPDIR")).join("seal");
        Command::new(env!("CARGO"))
            .args(arguments)
            .args(["--offline", "--quiet", "--color=never"])
            .current_dir(self.root.path())
            .env("CARGO_TARGET_DIR", target)
            .env_remove("RUSTFLAGS")
            .output()
            .expect("cargo runs")
    }

    fn mongrate(&self, arguments: &[&str]) -> Output {
        Command::new(env!("CARGO_BIN_EXE_cargo-mongrate"))
            .arg("mongrate")
            .args(arguments)
            .current_dir(self.root.path())
            .env("CARGO_NET_OFFLINE", "true")
            .output()
            .expect("the subcommand runs")
    }

    /// Both the compiler and `cargo mongrate check` are content.
    #[track_caller]
    fn is_sound(&self) {
        let output = self.mongrate(&["check"]);
        assert!(output.status.success(), "{}", text(&output));
        let output = self.cargo(&["check"]);
        assert!(output.status.success(), "{}", text(&output));
    }

    /// The compiler's errors are these, and `cargo mongrate check` says the same.
    #[track_caller]
    fn is_refused(&self, expected: &str) {
        let output = self.cargo(&["check"]);
        assert!(!output.status.success(), "it compiles");
        let text_of_compiler = text(&output);
        assert!(text_of_compiler.contains(expected.trim()), "{text_of_compiler}");
        assert_eq!(text_of_compiler.matches("error: ").count(), 2, "{text_of_compiler}");
        let first = expected.trim().lines().next().unwrap_or_default();
        let first = first.trim_start_matches("error: ");
        let output = self.mongrate(&["check"]);
        assert!(!output.status.success());
        assert!(text(&output).contains(first), "{}\n{first}", text(&output));
    }
}

fn text(output: &Output) -> String {
    String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr)
}

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
    // Its name, and how it is written, are no edit.
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

    // In another file, the subcommand sees it.
    let fixture = reversible();
    fixture.replace("src/main.rs", "run(\"none\")", "run(\"all\")");
    assert!(fixture.cargo(&["check"]).status.success(), "the attribute cannot");
    let output = fixture.mongrate(&["check"]);
    assert!(text(&output).contains("version 5 is sealed with the rollback"), "{}", text(&output));
}

/// As every line was before a rollback was sealed with it.
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

    // Over files, and over imports.
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

const THREE: &str = r#"
#[mongrate::migration(version = 3)]
async fn add_rooms(tx: &mut mongrate::Transaction<'_>) -> mongrate::Result {
    tx.run("rooms").await;
    Ok(())
}
"#;

#[test]
fn a_new_one_older_than_the_newest_sealed_is_refused() {
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
fn one_that_is_gone_is_refused() {
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

/// The file alone is a reason to compile again.
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

/// What tests and examples declare is their own.
#[test]
fn a_test_has_migrations_of_its_own() {
    let fixture = Fixture::sealed();
    let own = THREE.replace("version = 3", "version = 1") + "#[test] fn runs() {}\n";
    fixture.write("tests/own.rs", &own);
    let output = fixture.cargo(&["check", "--tests"]);
    assert!(output.status.success(), "{}", text(&output));
}
