//! The schema as text, and its file.

use std::{env, fs, path::Path};

use mongrate::{
    bson::doc,
    testing::{self, Database, TestError},
};

const SCHEMA: &str = "tests/testing/schema.snap";

#[mongrate::test]
async fn the_schema_is_as_the_file_says(db: Database) {
    let text = testing::snapshot(&db).await.unwrap();
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(SCHEMA);
    if env::var_os("MONGRATE_SNAPSHOT").is_some() {
        fs::write(&path, &text).unwrap();
    }
    assert_eq!(text, fs::read_to_string(path).unwrap());
}

/// Run by the test below, as the working of one package: in a directory of its own.
#[mongrate::test]
#[ignore = "started by `a_schema_that_changes_is_shown`"]
async fn one_line(db: Database) -> Result<(), TestError> {
    if env::var_os("KIT_CHANGES").is_some() {
        db.run_command(doc! { "createIndexes": "guests", "indexes": [
            { "key": { "vip": 1 }, "name": "vip_1", "sparse": true },
        ] })
        .await
        .unwrap();
    }
    let path = env::var("KIT_SCHEMA").unwrap();
    db.assert_schema_in(path).await
}

#[test]
fn a_schema_that_changes_is_shown() {
    let place = tempfile::tempdir().unwrap();
    let path = place.path().join("schema.snap");
    let run = |changes: &[(&str, &str)]| {
        let mut command = super::outcomes::alone("files::one_line");
        command.env_remove("MONGRATE_SNAPSHOT").env("KIT_SCHEMA", &path).envs(changes.to_vec());
        let output = command.output().unwrap();
        (output.status.success(), super::outcomes::text(&output))
    };
    let (passed, text) = run(&[]);
    assert!(!passed && text.contains("was written: look at it"), "{text}");
    assert!(run(&[]).0, "it is what was written");
    let written = fs::read_to_string(&path).unwrap();
    let (passed, text) = run(&[("KIT_CHANGES", "1")]);
    assert!(!passed, "{text}");
    assert!(text.contains("+   index vip_1 { \"vip\": 1 } sparse true"), "{text}");
    assert!(text.contains("MONGRATE_SNAPSHOT=update"), "{text}");
    assert_eq!(fs::read_to_string(&path).unwrap(), written, "it was only compared");
    assert!(run(&[("KIT_CHANGES", "1"), ("MONGRATE_SNAPSHOT", "update")]).0);
    assert!(run(&[("KIT_CHANGES", "1")]).0);
    assert!(!run(&[]).0);
}
