//! The subcommand and the compiler read a body alike, however a file is checked out, whatever
//! features are on, and in each edition.

use crate::fixture::{Fixture, text};

/// A macro that rewrites the body, as `#[tracing::instrument]` does.
const TRACING: &str = r#"
    use proc_macro::{Delimiter, Group, TokenStream, TokenTree};

    #[proc_macro_attribute]
    pub fn instrument(_: TokenStream, item: TokenStream) -> TokenStream {
        let mut trees: Vec<TokenTree> = item.into_iter().collect();
        let body = trees.pop().expect("a function has a body");
        let mut inside: TokenStream = "let _span = 1; async move".parse().unwrap();
        inside.extend([body]);
        inside.extend(".await".parse::<TokenStream>().unwrap());
        trees.push(Group::new(Delimiter::Brace, inside).into());
        trees.into_iter().collect()
    }

    /// Hands on what it is given.
    #[proc_macro_attribute]
    pub fn noted(_: TokenStream, item: TokenStream) -> TokenStream {
        item
    }
"#;

/// Prints version and checksum of each migration.
const PRINTS: &str = r#"
mod five;
mod one;

fn main() {
    let mut all: Vec<_> = mongrate::__private::v1::MIGRATIONS.iter().collect();
    all.sort_by_key(|one| one.version());
    all.iter().for_each(|one| println!("{} {}", one.version(), one.checksum()));
}
"#;

fn with_tracing() -> Fixture {
    let fixture = Fixture::new();
    fixture.write("tracing/src/lib.rs", TRACING);
    fixture.write(
        "tracing/Cargo.toml",
        "[package]\nname = \"tracing\"\nversion = \"0.9.0\"\nedition = \"2024\"\n\
         [lib]\nproc-macro = true\n",
    );
    fixture.replace(
        "Cargo.toml",
        "[dependencies]\n",
        "[features]\notel = []\n[dependencies]\ntracing = { path = \"tracing\" }\n",
    );
    fixture.write("src/main.rs", PRINTS);
    fixture
}

/// Expects that the linked versions and checksums are the sealed ones, in a build with these
/// arguments.
#[track_caller]
fn is_linked_as_sealed(fixture: &Fixture, arguments: &[&str]) {
    let output = fixture.cargo(&[&["run"], arguments].concat());
    assert!(output.status.success(), "{}", text(&output));
    let sealed = fixture.read("migrations.sum");
    let sealed: String = sealed.lines().skip(1).fold(String::new(), |all, line| {
        let words: Vec<&str> = line.split(' ').collect();
        all + words[1] + " " + words[3] + "\n"
    });
    assert_eq!(String::from_utf8_lossy(&output.stdout), sealed);
    let output = fixture.mongrate(&["check"]);
    assert!(output.status.success(), "{}", text(&output));
    assert!(text(&output).contains("2 migrations, 2 sealed\n"), "{}", text(&output));
}

/// Seals the migrations, builds, and compares.
#[track_caller]
fn seals(fixture: &Fixture) {
    let output = fixture.mongrate(&["seal"]);
    assert!(output.status.success(), "{}", text(&output));
    is_linked_as_sealed(fixture, &[]);
}

const ATTRIBUTE: &str = "#[migration(version = 1)]";

#[test]
fn a_macro_above_that_rewrites_the_body_is_named_with_what_to_move() {
    let fixture = with_tracing();
    fixture.replace("src/one.rs", ATTRIBUTE, &format!("#[tracing::instrument]\n{ATTRIBUTE}"));
    let output = fixture.cargo(&["check"]);
    assert!(!output.status.success(), "not sealed, it compiles");
    assert!(
        text(&output).contains(
            "error: the compiler gets another body of `add_users` than src/one.rs has, because \
             `#[tracing::instrument]` stands above `#[migration]` and rewrites the function: the \
             checksum would change with that macro's version; put `#[migration]` above \
             `#[tracing::instrument]`\n --> src/one.rs:6:10"
        ),
        "{}",
        text(&output)
    );
    for verb in ["check", "seal"] {
        let output = fixture.mongrate(&[verb]);
        assert!(!output.status.success(), "{}", text(&output));
        let expected = "src/one.rs:5: `#[tracing::instrument]` stands above `#[migration]` and may \
                        rewrite `add_users` before its checksum is taken: put `#[migration]` above \
                        `#[tracing::instrument]`";
        assert!(text(&output).contains(expected), "{}", text(&output));
    }
    fixture.replace(
        "src/one.rs",
        &format!("#[tracing::instrument]\n{ATTRIBUTE}"),
        &format!("{ATTRIBUTE}\n#[tracing::instrument]"),
    );
    seals(&fixture);
}

#[test]
fn what_a_macro_writes_has_one_reading_the_compilers() {
    let fixture = with_tracing();
    let module = format!(
        "macro_rules! replaced {{ ($(#[$a:meta])* async fn $n:ident ($($p:tt)*) -> $r:ty {{ $($b:tt)* \
         }}) => {{ {} }} }}\nreplaced! {{ async fn add(tx: &mut mongrate::Transaction<'_>) -> \
         mongrate::Result {{ tx.run(\"x\").await; Ok(()) }} }}\n",
        "#[mongrate::migration(version = 1)] async fn $n($($p)*) -> $r { let _x = 1; $($b)* }"
    );
    fixture.write("src/one.rs", &module);
    // A macro writes the migration, so only the compiler reads it.
    let output = fixture.cargo(&["run"]);
    assert!(output.status.success(), "{}", text(&output));
    assert!(text(&output).starts_with("1 v1:sha256:"), "{}", text(&output));
}

#[test]
fn a_macro_that_a_feature_adds_changes_no_checksum() {
    let fixture = with_tracing();
    let with = format!("{ATTRIBUTE}\n#[cfg_attr(feature = \"otel\", tracing::instrument)]");
    fixture.replace("src/one.rs", ATTRIBUTE, &with);
    seals(&fixture);
    is_linked_as_sealed(&fixture, &["--features", "otel"]);
    // Nor the checksum of a migration that is not sealed: a database may have recorded it.
    let other = with_tracing();
    other.replace("src/one.rs", ATTRIBUTE, &with);
    let (off, on) = (other.cargo(&["run"]), other.cargo(&["run", "--features", "otel"]));
    assert!(text(&on).starts_with("1 v1:sha256:"), "{}", text(&on));
    assert_eq!(text(&off), text(&on));

    let above = format!("#[cfg_attr(feature = \"otel\", tracing::instrument)]\n{ATTRIBUTE}");
    fixture.replace("src/one.rs", &with, &above);
    let output = fixture.cargo(&["check", "--features", "otel"]);
    let expected = "put `#[migration]` above `#[cfg_attr(…, tracing::instrument)]`";
    assert!(text(&output).contains(expected), "{}", text(&output));
    assert!(fixture.cargo(&["check"]).status.success(), "without the feature it does nothing");
}

#[test]
fn a_migration_under_a_feature_is_read() {
    let fixture = with_tracing();
    fixture.replace(
        "src/one.rs",
        ATTRIBUTE,
        "#[cfg_attr(all(), migration(version = 1), tracing::noted)]",
    );
    seals(&fixture);
}

/// A body with everything that can have line ends in it.
const LINES: &str = r##"
use mongrate::{Result, Transaction, migration};

macro_rules! counted { ($($t:tt)*) => { [$(stringify!($t)),*].len() } }

/**
 * Documented.
 */
#[migration(version = 1)]
async fn add_users(tx: &mut Transaction<'_>) -> Result {
    let raw = r#"a
b"#;
    let bytes = br"a
b";
    let c = cr"a
b";
    let continued = "a \
        b
c";
    let byte_lines = b"a\
        b
c";
    /* a comment
       of lines */
    let documented = counted! {
        /// a line
        /** several
            lines */
        struct X;
    };
    #[doc = "x"]
    #[cfg(feature = "otel")]
    tx.run("otel").await;
    #[cfg(not(feature = "otel"))]
    tx.run("plain").await;
    /// On a statement.
    let all = (raw, bytes, c, continued, byte_lines, documented);
    tx.run(all.0).await;
    #[cfg_attr(feature = "otel", allow(unused))]
    if all.5 > 0 { tx.run("x").await }
    Ok(())
}
"##;

#[test]
fn line_ends_and_a_byte_order_mark_are_no_edit() {
    let with_carriage_returns = LINES.replace('\n', "\r\n");
    let marked = format!("\u{feff}{with_carriage_returns}");
    for (sealed, checked_out) in
        [(LINES, &*with_carriage_returns), (&*with_carriage_returns, LINES), (&*marked, LINES)]
    {
        let fixture = with_tracing();
        fixture.write("src/one.rs", sealed);
        seals(&fixture);
        fixture.write("src/one.rs", checked_out);
        is_linked_as_sealed(&fixture, &[]);
        is_linked_as_sealed(&fixture, &["--features", "otel"]);
    }
}

#[test]
fn a_reseal_holds_whatever_the_line_ends_are() {
    let fixture = with_tracing();
    fixture.write("src/one.rs", LINES);
    seals(&fixture);
    fixture.write("src/one.rs", &LINES.replace("r#\"a", "r#\"aa").replace('\n', "\r\n"));
    let output = fixture.cargo(&["check"]);
    assert!(text(&output).contains("undo the edit"), "{}", text(&output));
    let output = fixture.mongrate(&["reseal", "1"]);
    assert!(output.status.success(), "{}", text(&output));
    is_linked_as_sealed(&fixture, &[]);
}

#[test]
fn what_the_next_edition_reserves_is_no_edit() {
    let fixture = with_tracing();
    fixture.replace("Cargo.toml", "edition = \"2024\"", "edition = \"2021\"");
    let body = |call: &str| {
        format!(
            "use mongrate::{{Result, Transaction, migration}};\n\
             trait Draws {{ fn gen(&self) -> u8 {{ 1 }} }}\nimpl Draws for u8 {{}}\n\
             macro_rules! doc {{ ($($t:tt)*) => {{ [$(stringify!($t)),*] }} }}\n\
             #[migration(version = 1)]\n\
             async fn add_users(tx: &mut Transaction<'_>) -> Result {{\n    {call}\n    \
             tx.run(\"x\").await;\n    Ok(())\n}}\n"
        )
    };
    let call = "let x = 1_u8.gen(); let _ = doc! { \"a\": gen };";
    fixture.write("src/one.rs", &body(call));
    seals(&fixture);
    let fixed = body(&call.replace("gen", "r#gen")).replace("fn gen", "fn r#gen");
    fixture.write("src/one.rs", &fixed);
    is_linked_as_sealed(&fixture, &[]);
    fixture.replace("Cargo.toml", "edition = \"2021\"", "edition = \"2024\"");
    is_linked_as_sealed(&fixture, &[]);
}

/// The compiler composes the letters of a name, however a file system or an editor wrote them.
#[test]
fn names_are_composed_as_the_compiler_does() {
    let fixture = with_tracing();
    let (apart, composed) = ("caf\u{65}\u{301}", "caf\u{e9}");
    let line = |name: &str| format!("let {name} = \"users\"; tx.run({name}).await;");
    fixture.replace("src/one.rs", "tx.run(\"users\").await;", &line(apart));
    seals(&fixture);
    fixture.replace("src/one.rs", &line(apart), &line(composed));
    is_linked_as_sealed(&fixture, &[]);
}
