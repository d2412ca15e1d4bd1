//! `schema`, and `drift`, as the guide to models shows it.

use mongrate::bson::{Document, doc};
use serde_json::Value;

use super::{Clinic, text};

#[tokio::test]
async fn schema_prints_what_the_tests_compare_with() {
    let clinic = Clinic::new("schema").await;
    clinic.run(&["up"]).await.ends(0);
    // Where schema.snap is compared, fixtures fill these two; empty ones do not count.
    for name in ["countries", "settings"] {
        clinic.fresh.db.collection::<Document>(name).insert_one(doc! { "_id": 1 }).await.unwrap();
    }
    clinic.fresh.db.run_command(doc! { "create": "empty" }).await.unwrap();
    let file = concat!(env!("CARGO_MANIFEST_DIR"), "/schema.snap");
    let expected = std::fs::read_to_string(file).unwrap();
    assert_eq!(clinic.run(&["schema"]).await.ends(0).stdout, expected);
    let json = clinic.json(&["schema"]).await.ends(0).json();
    assert_eq!(text(&json, "schema"), expected);
    let odd = doc! { "createIndexes": "odd\nname", "indexes": [{ "key": { "a": 1 }, "name": "a\u{1b}[31m" }] };
    clinic.fresh.db.run_command(odd).await.unwrap();
    let shown = clinic.run(&["schema"]).await.ends(0).stdout;
    assert!(
        shown.contains("collection odd\\nname\n  index a\\u{1b}[31m { \"a\": 1 }\n"),
        "{shown}"
    );
}

#[tokio::test]
async fn drift_is_shown_with_what_fixes_it() {
    let clinic = Clinic::new("drift").await;
    let before = clinic.run(&["drift", "--strict"]).await.ends(3);
    before.says("migrations are pending, so differences are to be expected; `clinic up`");
    clinic.run(&["up"]).await.ends(0);
    let clean = clinic.run(&["drift", "--strict", "--sample", "500"]).await.ends(0);
    let clean = clean.says("✓ 0 differences · 2 collections with models · database ");
    clean.says("✓ patients: 0 of 500 sampled documents do not have the shape of the model");

    let db = &clinic.fresh.db;
    for command in [
        doc! { "dropIndexes": "patients", "index": "number_1" },
        doc! { "createIndexes": "visits", "indexes": [{ "key": { "month": 1 }, "name": "hotfix" }] },
        doc! { "collMod": "patients", "validationLevel": "strict" },
    ] {
        db.run_command(command).await.unwrap();
    }
    let patients = db.collection::<Document>("patients");
    let secret = doc! { "number": 7, "given": "canary" };
    patients.insert_one(secret).bypass_document_validation(true).await.unwrap();

    let shown = clinic.run(&["drift", "--sample", "5000"]).await.ends(0);
    for line in [
        "~ patients: the validator is another one\n    differs in validationLevel\n",
        "- patients: the index `number_1` is missing\n",
        "    fix      db.getCollection(\"patients\").createIndex({\"number\":1}, \
         {\"unique\":true,\"name\":\"number_1\"})\n",
        "+ visits: the index `hotfix` is in no migration\n",
        "    fix      db.getCollection(\"visits\").dropIndex(\"hotfix\")\n",
        "`clinic drift --adopt NAME`",
        "! patients: 1 of 2,001 sampled documents do not have the shape of the model\n",
        "            1  number\n",
        "            1  family\n",
        "! 3 differences · 2 collections with models · database ",
    ] {
        assert!(shown.stdout.contains(line), "{line}\n{}", shown.stdout);
    }
    clinic.run(&["drift", "--strict"]).await.ends(65);
    clinic.run(&["drift", "--ignore", "visits/*"]).await.ends(0).says("! 2 differences · 2 coll");
    clinic.run(&["drift", "--ignore", "patients"]).await.ends(0).says("! 1 difference · 2 coll");
    let json = clinic.json(&["drift"]).await.ends(0).json();
    let differences = json.get("differences").and_then(Value::as_array).unwrap();
    let kinds: Vec<String> = differences.iter().map(|found| text(found, "kind")).collect();
    assert_eq!(kinds, ["validator_changed", "index_missing", "index_extra"]);
    for (wrong, code) in [
        (&["drift", "--sample", "0"][..], "settings"),
        (&["drift", "--ignore", "a/b/c"], "settings"),
        (&["drift", "--strict", "--adopt", "x"], "usage"),
        (&["drift", "--dir", "x"], "usage"),
    ] {
        let refused = clinic.json(wrong).await.ends(64);
        assert_eq!(refused.error_code(), code, "{wrong:?}");
    }
    clinic.pass().await;
}

/// Adopts into a copy of the package's folder of migrations.
#[tokio::test]
async fn what_is_adopted_names_the_attribute_to_write() {
    let clinic = Clinic::new("adopt").await;
    clinic.run(&["up"]).await.ends(0);
    let index = doc! { "key": { "month": 1, "at": -1 }, "name": "hotfix", "sparse": true };
    let command = doc! { "createIndexes": "visits", "indexes": [index] };
    clinic.fresh.db.run_command(command).await.unwrap();
    let package = tempfile::tempdir().unwrap();
    let migrations = package.path().join("src/migrations");
    std::fs::create_dir_all(&migrations).unwrap();
    std::fs::write(package.path().join("Cargo.toml"), "").unwrap();
    std::fs::write(migrations.join("mod.rs"), "").unwrap();
    let snapshot = package.path().join("models.snap");
    let own = concat!(env!("CARGO_MANIFEST_DIR"), "/models.snap");
    std::fs::copy(own, &snapshot).unwrap();
    let dir = migrations.to_str().unwrap();
    let adopted = clinic.run(&["drift", "--adopt", "month of hotfix", "--dir", dir]).await.ends(0);
    let adopted = adopted.says("+ visits: the index `hotfix` is in no migration\n");
    let attribute = "    model    #[model(index(month, at = -1, sparse, name = \"hotfix\"))]\n";
    let adopted = adopted.says(attribute).says("1 difference adopted · database ");
    adopted.says("change the types as shown");
    let line = "visits index hotfix {\"key\":{\"month\":1,\"at\":-1},\"sparse\":true}\n";
    assert!(std::fs::read_to_string(&snapshot).unwrap().contains(line));
    clinic.pass().await;
}

/// Runs each command of the guide, as it is written, and expects the exit code that it names.
#[tokio::test]
async fn the_commands_of_the_guide_run() {
    const GUIDE: &str = include_str!("../../../docs/models.md");
    let clinic = Clinic::new("drift_guide").await;
    clinic.run(&["up"]).await.ends(0);
    let index = doc! { "key": { "month": 1 }, "name": "hotfix" };
    let command = doc! { "createIndexes": "visits", "indexes": [index] };
    clinic.fresh.db.run_command(command).await.unwrap();
    let command = doc! { "dropIndexes": "patients", "index": "number_1" };
    clinic.fresh.db.run_command(command).await.unwrap();
    let package = tempfile::tempdir().unwrap();
    std::fs::write(package.path().join("Cargo.toml"), "").unwrap();
    std::fs::write(package.path().join("lib.rs"), "").unwrap();
    let mut count = 0;
    for line in GUIDE.lines().filter_map(|line| line.strip_prefix("clinic ")) {
        let (arguments, code) = line.split_once('#').unwrap();
        // Words, and words in quotes.
        let parts = arguments.split('"').enumerate();
        let mut arguments: Vec<&str> = parts
            .flat_map(|(at, part)| match at % 2 {
                0 => part.split_whitespace().collect(),
                _ => vec![part],
            })
            .collect();
        if arguments.contains(&"--adopt") {
            arguments.extend(["--dir", package.path().to_str().unwrap()]);
        }
        let ran = clinic.run(&arguments).await.ends(code.trim().parse().unwrap());
        if arguments == ["drift"] {
            let (_, below) = GUIDE.split_once("clinic drift ").unwrap();
            let (_, shown) = below.split_once("```text\n").unwrap();
            ran.says(shown.split("```").next().unwrap());
        }
        count += 1;
    }
    assert_eq!(count, 6);
    clinic.pass().await;
}
