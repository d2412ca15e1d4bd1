//! `cargo mongrate models init`: the first `models.snap` of a project that begins to use models late.

use crate::package::Package;

const TYPES: &str = "//! A shop.\n\nuse mongrate::Model;\n\n#[derive(Model)]\n#[model(collection = \"users\", validate \
                     = \"moderate\", index(name), index(mail, unique))]\npub struct User {\n    pub name: String,\n    \
                     pub mail: String,\n}\n\n#[derive(Model)]\n#[model(collection = \"orders\")]\npub struct Order {\n    \
                     pub total: i32,\n}\n";

const SCHEMA: &str = "collection logs\n  capped true\n  size 4096\n\ncollection users\n  index mail_1 { \"mail\": 1 } \
                      unique true\n  index old_1 { \"old\": 1 }\n";

/// The commands, as the guide has them.
pub(crate) const INIT: &str = "models init";
pub(crate) const AS_APPLIED: &str = "models init --as-applied";
pub(crate) const LIVE: &str = "models init --live";

#[test]
fn what_the_schema_has_is_there_and_diff_writes_the_rest() {
    let package = Package::new(&[("src/lib.rs", TYPES)]);
    package
        .shell(INIT)
        .has(1, &["cannot read schema.snap", "`--from`", "`--as-applied`", "nothing was written"]);
    package.write("schema.snap", "table users\n");
    package.shell(INIT).has(1, &["schema.snap:1: this is no line of a schema"]);
    package.write("schema.snap", SCHEMA);
    package.shell(INIT).has(
        0,
        &[
            "logs: no model has it: it is left alone",
            "orders: not in the schema: it counts as new",
            "users: the index `old_1` is in no model: it is left alone",
            "wrote models.snap",
            "next: `cargo mongrate diff`",
        ],
    );
    let expected = "mongrate-models v1\nusers options collection\nusers index mail_1 \
                    {\"key\":{\"mail\":1},\"unique\":true}\nusers User root object@User\nusers User field mail \
                    string\nusers User field name string\nend\n";
    assert_eq!(package.read("models.snap"), expected);
    package.shell(INIT).has(1, &["models.snap exists"]);
    let seen = package.mongrate(&["diff", "--dry-run"]);
    seen.has(
        0,
        &[
            "create collection `orders`",
            "set the validator of `users` (moderate/error)",
            "create index `name_1` of `users`",
        ],
    );
    assert!(!seen.out.contains("mail_1") && !seen.out.contains("old_1"), "{}", seen.out);
}

/// The app of the package prints the live schema, as every app with mongrate's command line does.
#[test]
fn the_app_reads_the_live_database() {
    let package = Package::new(&[("src/lib.rs", TYPES)]);
    package.shell(LIVE).has(1, &["package `shop` has no binary", "nothing was written"]);
    package.manifest("", "shop", "[package.metadata.mongrate]\nbin = \"shop\"\n");
    let app = |body: &str| format!("//! The app.\n\nfn main() {{\n{body}\n}}\n");
    package.write("src/main.rs", &app("std::process::exit(69)"));
    package
        .shell(LIVE)
        .has(1, &["the app's `schema` failed (exit status: 69)", "nothing was written"]);
    package.write("src/main.rs", &app("println!(\"connected\")"));
    package
        .shell(LIVE)
        .has(1, &["line 1 of what the app's `schema` printed is no line of a schema"]);
    assert!(!package.has("models.snap"));
    let asked = "let asked: Vec<String> = std::env::args().skip(1).collect();\nassert_eq!(asked.join(\" \"), \
                 \"schema --database shop\");\n";
    package.write("src/main.rs", &app(&format!("{asked}print!(\"{{}}\", {SCHEMA:?})")));
    package
        .shell("models init --live -- --database shop")
        .has(0, &["users: the index `old_1` is in no model", "wrote models.snap"]);
    assert!(package.read("models.snap").contains("users index mail_1"));
}

#[test]
fn a_database_that_has_it_all_needs_no_migration() {
    let package = Package::new(&[("src/lib.rs", TYPES)]);
    package
        .shell(AS_APPLIED)
        .has(0, &["wrote models.snap", "from now on, `cargo mongrate diff` writes what changes"]);
    package.mongrate(&["diff"]).has(0, &["nothing to write"]);
}

/// A validator in the schema is the types' own, or another one.
#[test]
fn a_validator_is_known_again() {
    let package = Package::new(&[("src/lib.rs", TYPES)]);
    let own = "collection orders\n\ncollection users\n  validationLevel \"moderate\"\n  validator {\n    \
               \"$jsonSchema\": {\n      \"bsonType\": \"object\",\n      \"required\": [\n        \"mail\",\n        \
               \"name\"\n      ],\n      \"properties\": {\n        \"mail\": {\n          \"bsonType\": \
               \"string\"\n        },\n        \"name\": {\n          \"bsonType\": \"string\"\n        }\n      \
               }\n    }\n  }\n  index mail_1 { \"mail\": 1 } unique true\n  index name_1 { \"name\": 1 }\n";
    package.write("there.txt", own);
    package
        .mongrate(&["models", "init", "--from", "there.txt"])
        .has(0, &["the types are what it holds"]);
    std::fs::remove_file(package.path("models.snap")).unwrap();
    package.write("there.txt", &own.replace("\"bsonType\": \"string\"", "\"bsonType\": \"int\""));
    package
        .mongrate(&["models", "init", "--from", "there.txt"])
        .has(0, &["users: its validator is another one in the schema: `diff` sets it"]);
    std::fs::remove_file(package.path("models.snap")).unwrap();
    package.write("there.txt", &own.replace("collection users", "view users"));
    package
        .mongrate(&["models", "init", "--from", "there.txt"])
        .has(1, &["`users` is a view in the schema, and a collection for its model"]);
}
