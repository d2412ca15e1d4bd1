//! What becomes of the databases: in processes of their own, as each test runner starts them.

use std::{
    env,
    process::{Command, Output},
};

use mongrate::{
    bson::{Document, doc},
    testing::Database,
};
use mongrate_tests::TestDb;

/// One test of this binary in a process of its own, as nextest runs it.
pub(crate) fn alone(test: &str) -> Command {
    let mut command = Command::new(env::current_exe().unwrap());
    command.args(["--exact", test, "--ignored", "--nocapture"]);
    command
}

/// All that it printed.
pub(crate) fn text(output: &Output) -> String {
    let (out, err) =
        (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    format!("{out}{err}")
}

/// The databases of a server whose names begin so.
async fn databases(fresh: &TestDb, prefix: &str) -> Vec<String> {
    let names = fresh.db.client().list_database_names().await.unwrap();
    names.into_iter().filter(|name| name.starts_with(prefix)).collect()
}

#[mongrate::test]
#[ignore = "started by `a_failed_test_keeps_its_database_and_a_passed_one_does_not`"]
async fn kept(db: Database) {
    db.collection::<Document>("traces").insert_one(doc! { "it": "was here" }).await.unwrap();
    assert!(env::var_os("KIT_PASSES").is_some(), "made to fail");
}

#[tokio::test]
async fn a_failed_test_keeps_its_database_and_a_passed_one_does_not() {
    let fresh = TestDb::new("kept").await;
    let output = alone("outcomes::kept").output().unwrap();
    assert!(!output.status.success());
    let said = text(&output);
    let (_, name) = said.split_once("the database is kept as `").expect(&said);
    let (name, _) = name.split_once('`').unwrap();
    assert!(name.starts_with("test_kept_"), "{said}");
    let traces = fresh.db.client().database(name).collection::<Document>("traces");
    assert_eq!(traces.count_documents(doc! {}).await.unwrap(), 1);
    // The same test fails again: there is still one, and a new one.
    assert!(!alone("outcomes::kept").output().unwrap().status.success());
    assert_eq!(databases(&fresh, "test_kept_").await, [name]);
    assert_eq!(traces.count_documents(doc! {}).await.unwrap(), 1);
    let output = alone("outcomes::kept").env("KIT_PASSES", "1").output().unwrap();
    assert!(output.status.success(), "{}", text(&output));
    assert_eq!(databases(&fresh, "test_kept_").await, [""; 0]);
    fresh.pass().await;
}

#[mongrate::test(at = 3_000)]
#[ignore = "started by `a_version_that_does_not_exist_is_named`"]
async fn unknown(_db: Database) {}

#[test]
fn a_version_that_does_not_exist_is_named() {
    let output = alone("outcomes::unknown").output().unwrap();
    assert!(!output.status.success());
    let said = text(&output);
    assert!(said.contains("cannot migrate to 3000 (`at`)"), "{said}");
    assert!(said.contains("1 open, 2 guests_by_name"), "{said}");
}

/// As a user would write it 200 times.
async fn one_of_many(db: Database) {
    let guests = db.collection::<Document>("guests");
    assert_eq!(guests.count_documents(doc! {}).await.unwrap(), 0, "it is ours alone");
    guests.insert_one(doc! { "fullname": db.name() }).await.unwrap();
    assert!(db.migrate().await.unwrap().is_empty());
}

macro_rules! ten {
    ($($module:ident)*) => {
        mod many {
            $(mod $module {
                use super::super::one_of_many;
                use mongrate::testing::Database;

                ten!(@one a b c d e f g h i j);
            })*
        }
    };
    (@one $($name:ident)*) => {
        $(#[mongrate::test]
        #[ignore = "started by `two_hundred_tests_at_a_time`"]
        async fn $name(db: Database) {
            one_of_many(db).await;
        })*
    };
}

ten!(m1 m2 m3 m4 m5 m6 m7 m8 m9 m10 m11 m12 m13 m14 m15 m16 m17 m18 m19 m20);

#[tokio::test]
async fn two_hundred_tests_at_a_time() {
    let fresh = TestDb::new("two_hundred").await;
    // Each from an image, and some by migrating: their last figures are in the guide to testing.
    for (image, tests, passed) in [("on", "many::", "200 passed"), ("off", "many::m7", "10 passed")]
    {
        let begun = std::time::Instant::now();
        let output = Command::new(env::current_exe().unwrap())
            .args([&format!("outcomes::{tests}"), "--ignored", "--test-threads=200"])
            .env("MONGRATE_TEST_IMAGE", image)
            .output()
            .unwrap();
        assert!(output.status.success(), "{}", text(&output));
        assert!(text(&output).contains(passed), "{}", text(&output));
        println!("{passed}, image {image}: {:?}", begun.elapsed());
    }
    fresh.pass().await;
}

/// As nextest does: a process for each test, all of them on one server.
#[tokio::test]
async fn a_process_for_each_test() {
    let fresh = TestDb::new("a_process_each").await;
    let begun = std::time::Instant::now();
    let tests = ["a", "b", "c", "d", "e", "f", "g", "h", "i", "j"];
    let children: Vec<_> = ["m1", "m2", "m3"]
        .into_iter()
        .flat_map(|module| tests.map(|test| format!("outcomes::many::{module}::{test}")))
        .map(|test| alone(&test).stdout(std::process::Stdio::piped()).spawn().unwrap())
        .collect();
    for child in children {
        let output = child.wait_with_output().unwrap();
        assert!(output.status.success(), "{}", text(&output));
        assert!(text(&output).contains("1 passed"), "{}", text(&output));
    }
    println!("30 processes: {:?}", begun.elapsed());
    fresh.pass().await;
}
