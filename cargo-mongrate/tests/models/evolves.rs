//! A package whose types change: each migration is compared, byte by byte, with the one that a real server
//! runs in `tests/tests/evolves`.

use crate::package::{Package, fixture};

const LIB: &str = "//! A shop.\n\nmod migrations;\npub mod types;\n";
const MOD: &str = "//! The migrations, oldest first.\n\nmod m0001_start;\n";
const FIRST: &str = "src/migrations/m0002_first_year.rs";
const SECOND: &str = "src/migrations/m0003_second_year.rs";
/// The commands, as the guide has them.
pub(crate) const FIRST_YEAR: &str = "diff 'first year'";
pub(crate) const SECOND_YEAR: &str =
    "diff 'second year' --remove drafts --remove customers.fax --becomes customers.plan:Trial=Free";
pub(crate) const DRY_RUN: &str = "diff 'second year' --dry-run --remove drafts --remove customers.fax --becomes \
                                  customers.plan:Trial=Free";
pub(crate) const CHECK: &str = "diff --check";

#[test]
fn types_change_and_migrations_follow() {
    let shop = Package::new(&[
        ("src/lib.rs", LIB),
        ("src/types.rs", &fixture("v1.rs")),
        ("src/migrations/mod.rs", MOD),
        ("src/migrations/m0001_start.rs", &fixture("m0001_start.rs")),
    ]);
    let seen = shop.shell(FIRST_YEAR);
    seen.has(
        0,
        &[
            "create collection `customers` with its validator",
            "wrote src/migrations/m0002_first_year.rs",
            "added `mod m0002_first_year;` to src/migrations/mod.rs",
            "wrote models.snap",
            "if a database has their collections already",
            "next: read the migration",
        ],
    );
    is_as_in_the_fixture(&shop, FIRST, "m0002_first_year.rs");
    is_as_in_the_fixture(&shop, "models.snap", "v1.snap");
    shop.cargo(&["check"]).has(0, &[]);
    shop.mongrate(&["diff"]).has(0, &["shop: nothing to write"]);
    shop.shell(CHECK).has(0, &["shop: nothing to write"]);

    shop.write("src/types.rs", &fixture("v2.rs"));
    shop.cargo(&["check"]).has(101, &["cargo mongrate diff"]);
    shop.mongrate(&["diff", "--check"])
        .has(1, &["package `shop`: its types are not what its migrations lead to"]);
    let questions = shop.mongrate(&["diff", "second year"]);
    questions.has(
        1,
        &[
            "`drafts`: no model has this collection any more: `--remove drafts` drops it",
            "`customers.plan`: the value `Trial` is gone",
            "`--becomes 'customers.plan:Trial=Free'` says which value it becomes",
            "nothing was written",
        ],
    );
    assert!(!shop.has(SECOND) && shop.read("models.snap") == fixture("v1.snap"));

    shop.shell(DRY_RUN).has(0, &["change.rename_field(\"customers\", \"mail\", \"email\");"]);
    assert!(!shop.has(SECOND) && shop.read("models.snap") == fixture("v1.snap"));

    let seen = shop.shell(&format!("{SECOND_YEAR} --json"));
    seen.has(0, &[]);
    let json: serde_json::Value = serde_json::from_str(&seen.out).unwrap();
    assert_eq!(json[0]["migration"], "second_year");
    assert_eq!(json[0]["written"], serde_json::json!([SECOND, "models.snap"]));
    assert_eq!(json[0]["operations"][0]["operation"], "rename_collection");
    assert_eq!(json[0]["questions"], serde_json::json!([]));
    is_as_in_the_fixture(&shop, SECOND, "m0003_second_year.rs");
    is_as_in_the_fixture(&shop, "models.snap", "v2.snap");
    assert!(shop.read("src/migrations/mod.rs").ends_with("mod m0003_second_year;\n"));
    assert!(!shop.has("models.snap.pending"));
    shop.cargo(&["check"]).has(0, &[]);
    shop.mongrate(&["diff", "--check"]).has(0, &[]);
    shop.mongrate(&["seal"]).has(0, &["sealed 3 `second_year`"]);
    shop.mongrate(&["check"]).has(0, &[]);
}

/// With `MONGRATE_FIXTURES=update` the fixture is written.
fn is_as_in_the_fixture(shop: &Package, made: &str, file: &str) {
    let text = shop.read(made);
    if std::env::var_os("MONGRATE_FIXTURES").is_some_and(|value| value == "update") {
        let path = crate::package::repository().join("tests/tests/evolves").join(file);
        std::fs::write(path, &text).expect("the fixture can be written");
    }
    assert_eq!(text, fixture(file), "{file}");
}
