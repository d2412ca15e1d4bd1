//! The pictures of the dashboard for the documentation: `docs/pictures/dashboard`.

use std::sync::atomic::{AtomicBool, Ordering};

use futures_util::TryStreamExt as _;
use mongrate::{
    Change, Migration, Migrator,
    bson::{Bson, DateTime, Document, doc},
    http::Api,
};
use mongrate_tests::TestDb;
use serde_json::json;
use tokio::time::Duration;

use crate::{
    browser::{Browser, InProcess},
    support::auth,
};

static HELD: AtomicBool = AtomicBool::new(true);

/// Lets the backfill go, also when the test fails.
struct Release;

impl Drop for Release {
    fn drop(&mut self) {
        HELD.store(false, Ordering::SeqCst);
    }
}

/// A transaction that takes so many milliseconds.
macro_rules! slow {
    ($version:literal, $name:literal, $ms:literal) => {
        Migration::transactional($version, $name, |_| {
            Box::pin(async {
                tokio::time::sleep(Duration::from_millis($ms)).await;
                Ok(())
            })
        })
        .reversible_by(|_| Box::pin(async { Ok(()) }))
    };
}

fn indexes(change: &mut Change) {
    change.create_index("patients", doc! { "familyName": 1, "givenName": 1 });
    change.create_index("patients", doc! { "born": 1 });
    change.rename_field("patients", "zip", "postalCode");
}

fn unique(change: &mut Change) {
    change.create_index("patients", doc! { "insuranceNumber": 1 }).unique(true);
}

fn list() -> Vec<Migration> {
    let walk = Migration::online_steps(20_250_122_005, "backfill_insurance_numbers", |on| {
        Box::pin(async move {
            let walk = on.backfill("patients", "patients").batch_size(500);
            walk.update_each(|patient: Document| {
                if patient.get_i32("_id")? % 500 == 0 && HELD.load(Ordering::SeqCst) {
                    // Progress is told twice a second, and not while a function blocks.
                    std::thread::sleep(Duration::from_millis(150));
                }
                if patient.get_i32("_id")? > 12_000 {
                    while HELD.load(Ordering::SeqCst) {
                        std::thread::sleep(Duration::from_millis(20));
                    }
                }
                Ok(Some(doc! { "$set": { "insured": true } }))
            })
            .await
            .map(drop)
        })
    });
    vec![
        slow!(20_250_108_001, "create_patients", 40),
        slow!(20_250_108_002, "create_visits", 25),
        slow!(20_250_109_001, "seed_countries", 310),
        Migration::declared(20_250_113_001, "index_patients_by_name", indexes),
        slow!(20_250_113_002, "validate_visits", 90),
        slow!(20_250_114_001, "demo_patients", 1).labelled(&["demo"]),
        slow!(20_250_115_001, "split_full_names", 620),
        slow!(20_250_116_001, "archive_visits_before_2020", 480),
        slow!(20_250_120_001, "add_consents", 60),
        slow!(20_250_120_002, "consents_from_forms", 230),
        slow!(20_250_122_004, "add_insurance_numbers", 35),
        walk,
        Migration::declared(20_250_122_006, "unique_insurance_numbers", unique),
        slow!(20_250_122_007, "drop_legacy_sessions", 20),
    ]
}

fn shifted(value: Bson, days: i64) -> Bson {
    match value {
        Bson::DateTime(at) => {
            DateTime::from_millis(at.timestamp_millis() - days * 86_400_000).into()
        }
        Bson::Array(all) => {
            all.into_iter().map(|one| shifted(one, days)).collect::<Vec<_>>().into()
        }
        Bson::Document(all) => {
            all.into_iter().map(|(key, one)| (key, shifted(one, days))).collect::<Document>().into()
        }
        other => other,
    }
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "draws pictures: docs/pictures/dashboard"]
async fn pictures() {
    let _release = Release;
    let fresh = TestDb::new("http_dashboard_pictures").await;
    // Its name is in the pictures.
    let db = fresh.db.client().database("clinic");
    db.drop().await.unwrap();
    let patients = db.collection::<Document>("patients");
    let all =
        (0..20_000).map(|id| doc! { "_id": id, "insuranceNumber": id % 19_997, "zip": "1010" });
    patients.insert_many(all).await.unwrap();
    let control = db.collection::<Document>("migrations");
    let migrator = Migrator::with(&db, list()).app("clinic 1.4.0");
    // As if it had been deployed now and then.
    for (to, days) in
        [(20_250_109_001, 21), (20_250_113_002, 16), (20_250_116_001, 9), (20_250_120_002, 2)]
    {
        migrator.up().to(to).await.unwrap();
        if days == 9 {
            migrator.tag("1.3").why("before consents").await.unwrap();
        }
        let records: Vec<Document> = control
            .find(doc! { "shifted": { "$exists": false } })
            .await
            .unwrap()
            .try_collect()
            .await
            .unwrap();
        for record in records.into_iter().filter(|one| !matches!(one.get_str("_id"), Ok("lock"))) {
            let id = record.get("_id").unwrap().clone();
            let Bson::Document(mut record) = shifted(record.into(), days) else { continue };
            record.insert("shifted", true);
            control.replace_one(doc! { "_id": id }, record).await.unwrap();
        }
    }
    control.update_many(doc! {}, doc! { "$unset": { "shifted": "" } }).await.unwrap();
    let served = InProcess::start(Api::new(migrator, auth()).show_failures(true)).await;
    let browser = Browser::open(false, 1_440).await;
    browser.look(1440, false).await;
    browser.sign_in(&served.url).await;
    browser.until("#list", "drop_legacy_sessions").await;
    browser.click("#up").await;
    browser.until("#plan", "lint").await;
    browser.screenshot("dashboard-plan").await;
    browser.click("#dialog-yes").await;
    browser.until("#strip-now", "of 20,000 documents").await;
    tokio::time::sleep(Duration::from_secs(2)).await;
    browser.evaluate("document.activeElement.blur()").await;
    // The mouse is where it marks nothing.
    let away = json!({ "type": "mouseMoved", "x": 1, "y": 890 });
    browser.command("Input.dispatchMouseEvent", away).await;
    browser.screenshot("dashboard-run").await;
    browser.look(390, true).await;
    browser.screenshot("dashboard-phone").await;
    HELD.store(false, Ordering::SeqCst);
    browser.until("#strip-title", "failed after").await;
    browser.look(1440, true).await;
    browser.click("#strip-dismiss").await;
    browser.evaluate("(location.hash = '#/migrations/20250122006')").await;
    browser.until("#panel-body", "Show the documents").await;
    browser.until("#panel-body", "fence").await;
    browser.evaluate("document.activeElement.blur()").await;
    browser.screenshot("dashboard-failed").await;
    browser.look(1440, false).await;
    browser.evaluate("(location.hash = '#/timeline')").await;
    browser.until("#timeline-note", "runs").await;
    // The fonts and the bars are there.
    browser.until_true("document.querySelectorAll('#picture a').length > 12").await;
    browser.screenshot("dashboard-timeline").await;
    browser.assert_calm().await;
    browser.close().await;
    served.end().await;
    db.drop().await.unwrap();
    fresh.pass().await;
}
