//! What migrations name outside of their files: lists, the lint `uses_app_type`, JSON.

use crate::fixture::{Fixture, MAIN, text};

const HELPERS: &str = r#"
pub const LIMIT: i64 = 10;
pub struct Patient { pub name: String }
impl Patient { pub fn of(name: &str) -> Self { Self { name: name.to_owned() } } }
pub trait Shout { fn shout(&self) -> String; }
impl Shout for str { fn shout(&self) -> String { self.to_uppercase() } }
pub fn page(number: i64) -> i64 { number * LIMIT }
macro_rules! row { ($x:expr) => { Patient::of($x) }; }
"#;

/// A package whose version 1 is this.
fn fixture(one: &str) -> Fixture {
    let fixture = Fixture::new();
    let main = MAIN.replace("mod five;", "#[macro_use]\nmod helpers;\nmod five;");
    fixture.write("src/main.rs", &format!("#![allow(unused)]\n{main}"));
    fixture.write("src/helpers.rs", HELPERS);
    fixture.write("src/one.rs", one);
    fixture
}

fn user(imports: &str, arguments: &str, body: &str, rest: &str) -> String {
    format!(
        "use mongrate::{{Result, Transaction, migration}};\n{imports}\n\
         #[migration(version = 1{arguments})]\n\
         async fn add_users(tx: &mut Transaction<'_>) -> Result {{\n{body}\nOk(())\n}}\n{rest}"
    )
}

#[track_caller]
fn checked(fixture: &Fixture) -> String {
    let output = fixture.mongrate(&["check"]);
    assert!(output.status.success(), "{}", text(&output));
    text(&output)
}

#[test]
fn a_migration_that_names_only_its_own_file_is_not_listed() {
    let fixture = fixture(&user(
        "use std::collections::BTreeMap;",
        "",
        "let page: BTreeMap<i64, shapes::Patient> = BTreeMap::new(); tx.run(\"x\").await; helper();",
        "fn helper() {}\nmod shapes { pub struct Patient { pub page: i64 } }",
    ));
    let text = checked(&fixture);
    assert!(!text.contains("outside of its file") && !text.contains("uses_app_type"), "{text}");
}

#[test]
fn each_way_to_name_something_is_listed_with_its_place() {
    for (imports, body, rest, expected) in [
        (
            "",
            "crate::helpers::page(1);",
            "",
            "crate::helpers::page  function in src/helpers.rs:7, named on line 5",
        ),
        ("use crate::helpers::page;", "page(1);", "", "crate::helpers::page  function"),
        ("use crate::helpers::page as p;", "let p = p(1);", "", "crate::helpers::page  function"),
        (
            "use super::helpers;",
            "let n = 0..helpers::LIMIT;",
            "",
            "crate::helpers::LIMIT  constant",
        ),
        ("use crate::helpers::*;", "Patient::of(\"x\");", "", "crate::helpers::Patient  type"),
        (
            "",
            "use crate::helpers::Patient as P; P::of(\"x\");",
            "",
            "crate::helpers::Patient  type",
        ),
        (
            "use crate::helpers::LIMIT;",
            "let x = format!(\"{LIMIT}\");",
            "",
            "crate::helpers::LIMIT  constant",
        ),
        (
            "use crate::helpers::Shout;",
            "let x = \"x\".shout();",
            "",
            "crate::helpers::Shout  trait",
        ),
        (
            "use crate::helpers::Shout as _;",
            "let x = \"x\".shout();",
            "",
            "crate::helpers::Shout  trait",
        ),
        (
            "use crate::helpers::Patient;",
            "let x = row!(\"x\");",
            "",
            "row  macro in src/helpers.rs:8",
        ),
        (
            "",
            "helper();",
            "fn helper() -> i64 { super::helpers::page(2) }",
            "named on line 8, through `helper`",
        ),
        (
            "",
            "let x: Option<Shape> = None;",
            "struct Shape(crate::helpers::Patient);",
            "through `Shape`",
        ),
    ] {
        let fixture = fixture(&user(imports, "", body, rest));
        let text = checked(&fixture);
        assert!(
            text.contains("1 `add_users` (src/one.rs:3) names outside of its file:"),
            "{body}: {text}"
        );
        assert!(text.contains(expected), "{body}: {text}");
        assert!(text.contains("whose text no checksum sees: keep copies"), "{body}: {text}");
        let built = fixture.cargo(&["check"]);
        assert!(built.status.success(), "{body}: {}", crate::fixture::text(&built));
    }
}

#[test]
fn words_that_are_no_names_are_not_listed() {
    let fixture = fixture(&user(
        "use crate::helpers::{LIMIT, page, Patient};",
        "",
        "let page = 1; struct Row { LIMIT: i64 } let row = Row { LIMIT: page }; row.LIMIT; \
         tx.run(\"crate::helpers::page {page}\").await; // page(1)",
        "",
    ));
    let text = checked(&fixture);
    assert!(!text.contains("names outside of its file"), "{text}");
}

#[test]
fn what_is_in_uses_or_allowed_is_no_lint_but_what_it_names_is() {
    let fixture = fixture(&user(
        "use crate::helpers::page;",
        ", uses = [page, crate::helpers::LIMIT]",
        "page(1);",
        "",
    ));
    let text = checked(&fixture);
    assert!(text.contains("crate::helpers::LIMIT  constant in src/helpers.rs:2"), "{text}");
    assert_eq!(text.matches(", in `uses`").count(), 2, "{text}");
    assert!(!text.contains("uses_app_type"), "{text}");

    fixture.replace("src/one.rs", "[page, crate::helpers::LIMIT]", "[page]");
    let text = checked(&fixture);
    assert!(text.contains("uses `crate::helpers::LIMIT`, whose text no checksum sees"), "{text}");
    assert!(text.contains("named on line 7, through `page`"), "{text}");
    assert!(!fixture.mongrate(&["check", "--strict"]).status.success());

    fixture.replace("src/one.rs", "uses = [page]", "uses = [page], allow = \"uses_app_type\"");
    let text = checked(&fixture);
    assert!(
        text.contains("crate::helpers::LIMIT  constant") && !text.contains("no checksum"),
        "{text}"
    );
    assert!(fixture.mongrate(&["check", "--strict"]).status.success());
    assert!(fixture.cargo(&["check"]).status.success(), "the attribute knows the lint's name");
}

#[test]
fn seal_lists_what_is_new_and_check_sums_up_what_is_sealed() {
    let fixture = fixture(&user("use crate::helpers::page;", "", "page(1);", ""));
    let output = fixture.mongrate(&["seal"]);
    let said = text(&output);
    assert!(output.status.success(), "{said}");
    assert!(
        said.contains("sealed 1 `add_users`  src/one.rs:3\n1 `add_users` (src/one.rs:3) names"),
        "{said}"
    );
    assert!(
        said.contains("warning: src/one.rs:3: 1 `add_users` uses `crate::helpers::page`"),
        "{said}"
    );
    assert!(said.contains("`uses = [crate::helpers::page]`"), "{said}");
    let said = checked(&fixture);
    assert!(said.contains("sealed migration 1 uses items whose text no checksum sees"), "{said}");
    // A copy in the migration's file: the body, and so the checksum, stays.
    fixture.write(
        "src/one.rs",
        &user("", "", "page(1);", "fn page(number: i64) -> i64 { number * 10 }"),
    );
    let said = checked(&fixture);
    assert!(!said.contains("no checksum sees"), "{said}");
    assert!(text(&fixture.mongrate(&["seal"])).contains("nothing to seal"));
}

#[test]
fn what_cannot_be_read_is_said() {
    let fixture = fixture(&user("use crate::written::*;", "", "crate::gone::x(); made();", ""));
    let main = fixture.read("src/main.rs");
    fixture.write(
        "src/main.rs",
        &format!(
            "{main}\nmod written {{ thread_local! {{ static A: i64 = 1; }} pub fn made() {{}} }}"
        ),
    );
    let text = checked(&fixture);
    assert!(
        text.contains(
            "src/one.rs:2: cannot be read: glob import `use crate::written::*`: the macro \
             `thread_local!` may write items of src/main.rs"
        ),
        "{text}"
    );
    assert!(
        text.contains("src/one.rs:5: cannot be read: `crate::gone::x`: src/main.rs does not"),
        "{text}"
    );
    assert!(text.contains("crate::written::made  function"), "what is read is listed: {text}");
}

#[test]
fn names_of_another_package_of_the_workspace_are_listed_and_published_ones_are_not() {
    let fixture = fixture(&user(
        "use coins::mint;",
        "",
        "mint(); let x = linkme::DistributedSlice::<[u8]>::len;",
        "",
    ));
    let manifest = fixture.read("Cargo.toml").replace("[\"runtime\"]", "[\"runtime\", \"coins\"]");
    fixture.write("Cargo.toml", &format!("{manifest}coins.path = \"coins\"\nlinkme = \"0.3\"\n"));
    fixture.write(
        "coins/Cargo.toml",
        "[package]\nname = \"coins\"\nversion = \"0.1.0\"\nedition = \"2024\"\n",
    );
    fixture.write("coins/src/lib.rs", "mod inner;\npub use inner::mint;\n");
    fixture.write("coins/src/inner.rs", "pub fn mint() {}\n");
    let output = fixture.mongrate(&["-p", &fixture.name, "check"]);
    let text = text(&output);
    assert!(text.contains("  coins::inner::mint  function in coins/src/inner.rs:1"), "{text}");
    assert!(!text.contains("linkme"), "{text}");
}

#[test]
fn check_prints_one_json_document_whatever_happens() {
    let fixture = fixture(&user("use crate::helpers::page;", "", "page(1);", ""));
    let document = |arguments: &[&str]| {
        let output = fixture.mongrate(arguments);
        assert!(output.stderr.is_empty(), "{}", text(&output));
        let document: serde_json::Value = serde_json::from_slice(&output.stdout).expect("JSON");
        assert_eq!(document["ok"], output.status.success());
        document
    };
    let found = document(&["check", "--json"]);
    let named = &found["packages"][0]["outside"][0];
    assert_eq!((&named["version"], &named["file"]), (&1.into(), &"src/one.rs".into()));
    let name = &named["names"][0];
    assert_eq!(name["path"], "crate::helpers::page");
    assert_eq!((&name["kind"], &name["line"]), (&"function".into(), &7.into()));
    assert_eq!((&name["in_uses"], &name["through"]), (&false.into(), &serde_json::Value::Null));
    assert_eq!(found["lints"][0]["name"], "uses_app_type");
    assert_eq!(found["packages"][0]["new"], 2);
    let strict = document(&["check", "--json", "--strict"]);
    assert!(strict["problems"][0].as_str().unwrap().contains("uses_app_type"), "{strict}");
    fixture.write("migrations.sum", "what is this?\n");
    let broken = document(&["check", "--json"]);
    assert!(broken["problems"][0].as_str().unwrap().contains("the first line is not"), "{broken}");
    let output = fixture.mongrate(&["check", "--json", "--server"]);
    assert_eq!(output.status.code(), Some(64), "{}", text(&output));
}
