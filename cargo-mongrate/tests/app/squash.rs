//! `squash`: what it refuses, and the files that it leaves.

use crate::shop::{CLI, Member, Shop, text};

/// An app that says what its migrations lead to, whatever is asked; with `boom`, that they fail.
const APP: &str = r#"
fn main() {
    if std::env::args().any(|one| one == "boom") {
        println!("{{\"error\":{{\"code\":\"x\",\"message\":\"boom: no countries file; nothing was run\"}}}}");
        std::process::exit(1);
    }
    println!("{}", include_str!("led.json"));
}
"#;

const LED: &str = r#"{
    "schema": "collection countries",
    "operations": [
        "change.create_collection(\"countries\");",
        "change.create_index(\"countries\", doc! { \"name\": 1, \"continent\": 1, \"population\": -1 }).option(\"unique\", true).name(\"all\");"
    ],
    "others": { "countries": 1, "users": 2 },
    "collections": ["countries", "users"]
}"#;

fn migration(version: i64) -> String {
    format!(
        "#[mongrate::migration(version = {version})]\nasync fn m{version}(_: &mut \
         mongrate::Transaction<'_>) -> mongrate::Result {{ Ok(()) }}\n"
    )
}

/// An app with the migrations 1, 2, 3 and 5, each in its file, sealed.
fn shop() -> Shop {
    let texts = [1, 2, 3, 5].map(migration);
    let main = format!("#[cfg(any())]\nmod migrations;\n{APP}");
    let list = "//! All.\n\nmod m1_m1;\nmod m2_m2;\nmod m3_m3;\nmod m5_m5;\n";
    let files: [(&str, &str); 7] = [
        ("src/main.rs", &main),
        ("src/led.json", LED),
        ("src/migrations/mod.rs", list),
        ("src/migrations/m1_m1.rs", &texts[0]),
        ("src/migrations/m2_m2.rs", &texts[1]),
        ("src/migrations/m3_m3.rs", &texts[2]),
        ("src/migrations/m5_m5.rs", &texts[3]),
    ];
    let app: Member<'_> = ("shop", CLI, &files);
    let shop = Shop::new("", &[app]);
    shop.succeeds("shop", &["seal"], "sealed 5 `m5`");
    shop
}

#[test]
fn the_cause_and_what_is_misspelt_are_named_once() {
    let shop = shop();
    let said = |arguments: &[&str]| text(&shop.run("shop", arguments));
    let failed = said(&["squash", "--to", "2", "--", "boom"]);
    assert!(
        failed.contains(
            "error: the app's `schema` failed: boom: no countries file; nothing was changed\n"
        ),
        "{failed}"
    );
    let misspelt = said(&["squash", "--to", "2", "--data", "countires"]);
    assert!(
        misspelt.contains("did you mean `countries`?\nthere are: `countries`, `users`"),
        "{misspelt}"
    );
    assert_eq!(misspelt.matches("error: ").count(), 1, "{misspelt}");
    let kept = said(&["squash", "--to", "2", "--keep"]);
    assert!(kept.contains("a free number follows: `--to 3`, `--to 5`;"), "{kept}");
}

#[test]
fn the_file_is_formatted_and_its_line_is_in_order() {
    let shop = shop();
    let written = text(&shop.run("shop", &["squash", "--to", "2"]));
    assert!(written.contains("proved: "), "{written}");
    assert!(written.contains("put 1 document into `countries`"), "{written}");
    let list = shop.read("shop/src/migrations/mod.rs");
    assert_eq!(list, "//! All.\n\nmod m2_squash_to_2;\nmod m3_m3;\nmod m5_m5;\n");
    let file = shop.read("shop/src/migrations/m2_squash_to_2.rs");
    assert!(file.lines().all(|line| line.chars().count() <= 100), "{file}");
    // A squash over one that still has its old files says how they go.
    shop.succeeds("shop", &["squash", "--to", "3", "--keep", "--name", "kept"], "proved: ");
    shop.fails("shop", &["squash", "--to", "5"], "with `cargo mongrate squash --to 3`");
}

#[test]
fn what_cannot_be_taken_away_is_said_before_the_build() {
    let shop = shop();
    std::fs::remove_file(shop.path("shop/src/migrations/m1_m1.rs")).expect("it was there");
    std::fs::remove_file(shop.path("shop/src/migrations/m2_m2.rs")).expect("it was there");
    std::fs::remove_file(shop.path("shop/src/migrations/m3_m3.rs")).expect("it was there");
    let three = migration(1) + &migration(2) + &migration(3);
    shop.write("shop/src/migrations/old.rs", &three);
    shop.write("shop/src/migrations/mod.rs", "mod old;\nmod m5_m5;\n");
    let said = text(&shop.run("shop", &["squash", "--to", "2"]));
    assert!(said.contains("(1, 2) holds other migrations, too"), "{said}");
    assert!(!said.contains("Compiling"), "{said}");
    // As in the quick start.
    let shop = self::shop();
    let main = format!("{}{}\n{APP}", migration(1), migration(2))
        .replace("#[mongrate", "#[cfg(any())]\n#[mongrate");
    shop.write("shop/src/main.rs", &format!("#[cfg(any())]\nmod migrations;\n{main}"));
    shop.write("shop/src/migrations/mod.rs", "mod m3_m3;\nmod m5_m5;\n");
    std::fs::remove_file(shop.path("shop/src/migrations/m1_m1.rs")).expect("it was there");
    std::fs::remove_file(shop.path("shop/src/migrations/m2_m2.rs")).expect("it was there");
    let said = text(&shop.run("shop", &["squash", "--to", "2"]));
    assert!(said.contains("is the root of a crate, which no `mod` line reaches"), "{said}");
    assert!(!said.contains("Compiling"), "{said}");
}
