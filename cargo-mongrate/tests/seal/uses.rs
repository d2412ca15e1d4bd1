//! `uses = […]`: items whose text is part of a migration's checksum.

use std::fs;

use crate::fixture::{Fixture, MAIN, text};

const MONEY: &str = r#"
/// Rounds to ten cents.
pub fn round(cents: i64) -> i64 {
    cents / STEP * STEP
}

pub const STEP: i64 = 10;

#[derive(Clone)]
pub struct Price {
    pub cents: i64,
}

impl Price {
    pub fn of(cents: i64) -> Self {
        Self { cents: round(cents) }
    }
}

macro_rules! prices {
    ($($cents:expr),*) => { [$(Price::of($cents)),*] };
}
pub(crate) use prices;
"#;

const USER: &str = r#"
use mongrate::{Result, Transaction, migration};

use crate::money::{Price, round};

#[migration(version = 1, uses = [round, Price])]
async fn add_users(tx: &mut Transaction<'_>) -> Result {
    let price = Price::of(round(7));
    tx.run(&price.cents.to_string()).await;
    Ok(())
}
"#;

/// A sealed package in which version 1 uses `round` and `Price` of another file.
fn fixture() -> Fixture {
    let fixture = Fixture::new();
    fixture.write("src/main.rs", &format!("#![allow(dead_code, unused)]\nmod money;\n{MAIN}"));
    fixture.write("src/money.rs", MONEY);
    fixture.write("src/one.rs", USER);
    let output = fixture.mongrate(&["seal"]);
    assert!(output.status.success(), "{}", text(&output));
    fixture.is_sound();
    fixture
}

#[test]
fn the_line_names_each_item_and_layout_is_no_edit() {
    let fixture = fixture();
    let sum = fixture.read("migrations.sum");
    let line = sum.lines().nth(1).unwrap();
    let uses = line.split(' ').find_map(|field| field.strip_prefix("uses=")).expect("a field");
    let names: Vec<&str> = uses.split(',').map(|item| item.split_once(':').unwrap().0).collect();
    assert_eq!(names, ["Price", "round"], "{line}");
    assert!(!sum.lines().nth(2).unwrap().contains("uses="), "as it was without");
    fixture.replace("src/money.rs", "/// Rounds to ten cents.\npub fn", "#[inline]\npub(crate) fn");
    fixture.replace("src/money.rs", "cents / STEP * STEP", "// Down.\n (cents / STEP)*STEP");
    // Neither what an item names, nor what is beside it, is part of it.
    fixture.replace("src/money.rs", "i64 = 10", "i64 = 100");
    fixture.is_sound();
}

#[test]
fn an_edited_item_is_refused_by_name_until_it_is_copied_or_resealed() {
    let fixture = fixture();
    fixture.replace("src/money.rs", "cents / STEP * STEP", "cents");
    let sum = fixture.read("migrations.sum");
    let output = fixture.cargo(&["check"]);
    let expected = "error: version 1 uses `round`, which has changed since it was sealed (";
    assert!(text(&output).contains(expected), "{}", text(&output));
    assert!(text(&output).contains("src/one.rs:6:34"), "at the path: {}", text(&output));
    let output = fixture.mongrate(&["check"]);
    assert!(text(&output).contains(expected.trim_start_matches("error: ")), "{}", text(&output));
    assert!(!fixture.mongrate(&["seal"]).status.success(), "an edit is never sealed in passing");

    // The old text beside the migration: nothing is sealed again, and the app's text is free.
    let copy = "mod shapes {\n    pub(super) fn round(cents: i64) -> i64 { cents / STEP * STEP }\n    \
                const STEP: i64 = 10;\n}\n";
    fixture.write(
        "src/one.rs",
        &USER.replace(
            "use crate::money::{Price, round};",
            &format!("use crate::money::Price;\nuse shapes::round;\n{copy}"),
        ),
    );
    fixture.is_sound();
    assert_eq!(fixture.read("migrations.sum"), sum);

    fixture.write("src/one.rs", USER);
    let output = fixture.mongrate(&["reseal", "1"]);
    assert!(output.status.success(), "{}", text(&output));
    fixture.is_sound();
}

#[test]
fn the_impl_blocks_beside_a_type_come_with_it() {
    let fixture = fixture();
    fixture.replace("src/money.rs", "Self { cents: round(cents) }", "Self { cents }");
    fixture.is_refused("error: version 1 uses `Price`, which has changed since it was sealed (");
}

#[test]
fn an_edited_body_and_another_list_are_told_apart() {
    let fixture = fixture();
    fixture.replace("src/one.rs", "round(7)", "round(8)");
    fixture.is_refused("error: version 1 is sealed as v1:sha256:");
    fixture.write("src/one.rs", &USER.replace("[round, Price]", "[Price, crate::money::STEP]"));
    fixture.is_refused(
        "error: the `uses` of version 1 no longer names `round`, and now names `STEP`, which the \
         sealed one did not: name `round` in `uses` again, and take `STEP` out;",
    );
    fixture.write("src/one.rs", &USER.replace(", uses = [round, Price]", ""));
    let output = fixture.mongrate(&["check"]);
    assert!(text(&output).contains("no longer names `Price` and `round`"), "{}", text(&output));
}

#[test]
fn what_is_gone_renamed_or_elsewhere_is_an_error_with_the_way_out() {
    let fixture = fixture();
    let refused = |uses: &str, expected: &str| {
        fixture.write("src/one.rs", &USER.replace("[round, Price]", uses));
        fixture.is_refused(&format!("error: {expected}"));
        let output = fixture.mongrate(&["reseal", "1"]);
        assert!(!output.status.success(), "{uses}: what cannot be read is not sealed");
    };
    refused(
        "[crate::money::floor]",
        "`crate::money::floor` leads to nothing: src/money.rs has no `floor`. If it was renamed, write \
         the new name; if it is gone, keep it in the migration's own file, and name that",
    );
    refused(
        "[crate::coins::round]",
        "`crate::coins::round` leads to nothing: src/main.rs has no `coins`",
    );
    refused(
        "[std::time::Duration]",
        "`std::time::Duration` is in `std`, whose source is no part of this workspace, so no",
    );
    refused(
        "[mongrate::Transaction]",
        "`mongrate::Transaction` is in `mongrate`, whose source is no",
    );
    refused(
        "[crate::money]",
        "`money` is a module: name the items in it that the migration uses, as in `uses = [crate::money::…]`",
    );
    refused("[Price::of]", "`Price::of` is inside of `Price`: name `Price`; the `impl` blocks");
    refused("[round, crate::money::round]", "`round` is in `uses` twice: remove one");
    refused("[add_users]", "`add_users` is the migration itself: take it out of `uses`");
}

#[test]
fn macros_constants_and_what_they_include_are_followed() {
    let fixture = fixture();
    fixture.write("data/list.csv", "a,b\n");
    fixture.write(
        "src/money.rs",
        &format!("{MONEY}\npub const LIST: &str = include_str!(\"../data/list.csv\");\n"),
    );
    fixture.write(
        "src/one.rs",
        &USER.replace("[round, Price]", "[crate::money::prices, crate::money::LIST]"),
    );
    assert!(fixture.mongrate(&["reseal", "1"]).status.success());
    fixture.is_sound();
    fixture.write("data/list.csv", "a,c\n");
    fixture.is_refused("error: version 1 uses `LIST`, which has changed since it was sealed (");
    fixture.write("data/list.csv", "a,b\n");
    fixture.replace("src/money.rs", "Price::of($cents)", "Price::of($cents + 1)");
    fixture.is_refused("error: version 1 uses `prices`, which has changed since it was sealed (");
    fixture.replace(
        "src/money.rs",
        "include_str!(\"../data/list.csv\")",
        "include_str!(concat!(\"../data/\", \"list.csv\"))",
    );
    fixture.is_refused(
        "error: `crate::money::LIST` cannot be read: src/money.rs: the name of the file in \
         `include_str!` is not a literal, so the file is not found",
    );
}

#[test]
fn another_package_of_the_workspace_is_read_under_any_name() {
    let fixture = Fixture::new();
    fixture.write(
        "money/Cargo.toml",
        &format!(
            "[package]\nname = \"money-of-{}\"\nversion = \"0.1.0\"\nedition = \"2024\"\n",
            fixture.name
        ),
    );
    fixture.write("money/src/lib.rs", "mod inner;\npub use inner::*;\n");
    fixture.write("money/src/inner.rs", &MONEY.replace("pub(crate) use prices;", ""));
    let manifest = fixture.read("Cargo.toml").replace("[\"runtime\"]", "[\"runtime\", \"money\"]");
    fixture.write(
        "Cargo.toml",
        &format!(
            "{manifest}coins = {{ package = \"money-of-{}\", path = \"money\" }}\n",
            fixture.name
        ),
    );
    fixture.write("src/one.rs", &USER.replace("crate::money", "coins"));
    let output = fixture.mongrate(&["-p", &fixture.name, "seal"]);
    assert!(output.status.success(), "{}", text(&output));
    assert!(fixture.read("migrations.sum").contains(" uses=Price:"));
    fixture.is_sound();
    fixture.replace("money/src/inner.rs", "cents / STEP * STEP", "cents");
    fixture.is_refused("error: version 1 uses `round`, which has changed since it was sealed (");
}

/// The compiler alone does not watch a file of a module that a feature leaves out.
#[test]
fn an_edit_of_a_file_that_is_not_compiled_is_noticed() {
    let fixture = Fixture::new();
    let manifest = fixture.read("Cargo.toml");
    fixture.write(
        "Cargo.toml",
        &manifest.replace("[dependencies]", "[features]\nold = []\n[dependencies]"),
    );
    fixture.write("src/main.rs", &format!("#[cfg(feature = \"old\")]\nmod money;\n{MAIN}"));
    fixture.write("src/money.rs", MONEY);
    fixture.replace("src/one.rs", "version = 1", "version = 1, uses = [crate::money::round]");
    assert!(fixture.mongrate(&["seal"]).status.success());
    fixture.is_sound();
    fixture.replace("src/money.rs", "cents / STEP * STEP", "cents");
    fixture.is_refused("error: version 1 uses `round`, which has changed since it was sealed (");
    fs::remove_file(fixture.path("src/money.rs")).unwrap();
    let output = fixture.mongrate(&["check"]);
    assert!(
        text(&output).contains("leads to nothing: src/main.rs has no `money`"),
        "{}",
        text(&output)
    );
}

#[test]
fn imports_of_everything_that_disagree_are_refused() {
    let fixture = fixture();
    fixture.replace("src/main.rs", "mod money;", "mod money;\nmod coins { pub fn round() {} }");
    fixture.write(
        "src/one.rs",
        &USER.replace("use crate::money::{Price, round};", "use crate::{coins::*, money::*};"),
    );
    let output = fixture.mongrate(&["check"]);
    assert!(
        text(&output).contains("several imports of everything (`use …::*`) give `round`"),
        "{}",
        text(&output)
    );
}
