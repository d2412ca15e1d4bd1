//! How the dashboard looks: in each state, at three widths, nothing is wider than what it is in, and
//! axe finds nothing. Needs Chromium, its driver and axe: `bash tests/outside`.

use std::sync::atomic::{AtomicBool, Ordering};

use mongrate::{
    Change, Migration,
    bson::{DateTime, Document, doc},
    http::Api,
};
use mongrate_tests::TestDb;
use serde_json::{Value, json};
use tokio::time::Duration;

use crate::{
    browser::{Browser, InProcess},
    support::auth,
};

const WIDTHS: [u32; 3] = [1440, 1024, 390];

/// The elements that are wider than the element that they are in.
const WIDER: &str = "(() => {
    const found = [];
    for (const one of document.querySelectorAll('body *')) {
        if (one.closest('.unseen, .skip') || one.tagName === 'DIALOG' || one.closest('.picture svg') && one.tagName !== 'svg') continue;
        const [inner, outer] = [one.getBoundingClientRect(), one.parentElement.getBoundingClientRect()];
        if (!inner.width || !inner.height) continue;
        if (inner.left < outer.left - 1 || inner.right > outer.right + 1) {
            found.push(`${one.tagName}#${one.id}.${one.getAttribute('class')} ${inner.left}..${inner.right} in ${one.parentElement.tagName}#${one.parentElement.id}.${one.parentElement.className} ${outer.left}..${outer.right}`);
        }
    }
    if (document.documentElement.scrollWidth > innerWidth) found.push('the page is wider than its window');
    return found;
})()";

/// What axe finds, as texts.
const AXE: &str = "axe.run(document, { resultTypes: ['violations'] }).then((found) => found.violations.map((one) => `${one.id}: ${one.help}: ${one.nodes.map((node) => `${node.html} ${node.failureSummary}`).slice(0, 3).join(' | ')}`))";

/// The source of axe, which `tests/outside` installs.
fn axe() -> String {
    let path = std::env::var("AXE").unwrap_or_else(|_| {
        concat!(env!("CARGO_MANIFEST_DIR"), "/../target/outside/node_modules/axe-core/axe.min.js")
            .to_owned()
    });
    std::fs::read_to_string(&path)
        .unwrap_or_else(|error| panic!("{path}: {error}: bash tests/outside --install"))
}

struct Looks {
    browser: Browser,
    axe: String,
    failures: Vec<String>,
    states: usize,
}

impl Looks {
    /// Looks at a state at each width, in light and in dark.
    async fn at(&mut self, state: &str) {
        self.states += 1;
        for width in WIDTHS {
            let dark = width == 1024;
            self.browser.look(width, dark).await;
            for wider in self.browser.evaluate(WIDER).await.as_array().unwrap() {
                self.failures.push(format!("{state} at {width}: {wider}"));
            }
            if self.browser.evaluate("typeof axe").await == json!("undefined") {
                let install = json!({ "script": self.axe, "args": [] });
                self.browser.send("POST", "/session/{}/execute/sync", &install).await;
            }
            let found = self.browser.wait_for(AXE).await;
            let found = found.as_array().unwrap_or_else(|| panic!("{state}: {found}"));
            self.failures.extend(found.iter().map(|one| format!("{state} at {width}: axe: {one}")));
            self.browser.screenshot(&format!("{state}-{width}")).await;
        }
        self.browser.look(1440, false).await;
    }

    async fn open(&mut self, address: &str, state: &str, selector: &str, text: &str) {
        self.browser.evaluate(&format!("(location.hash = '{address}')")).await;
        self.browser.until(selector, text).await;
        self.at(state).await;
    }
}

/// While it is set, a backfill that begins takes its time.
static SLOW: AtomicBool = AtomicBool::new(false);

const LONG: &str = "backfill_the_insurance_numbers_of_all_patients_from_the_forms_that_they_have_sent_us_by_letter";
const TO_THE_LEFT: &str = "إضافة_أرقام_التأمين_لجميع_المرضى_في_السجل_الطبي_للعيادة_الجديدة";

fn harmless(version: i64, name: &'static str) -> Migration {
    Migration::transactional(version, name, |_| Box::pin(async { Ok(()) }))
        .reversible_by(|_| Box::pin(async { Ok(()) }))
}

fn indexes(change: &mut Change) {
    change.create_index("patients", doc! { "familyName": 1, "givenName": 1 });
    change.rename_field("patients", "zip", "postalCode");
}

fn unique(change: &mut Change) {
    change.create_index("patients", doc! { "insuranceNumber": 1 }).unique(true);
}

fn list() -> Vec<Migration> {
    let walk = Migration::online_steps(20_250_122_005, LONG, |on| {
        Box::pin(async move {
            let rest = if SLOW.load(Ordering::SeqCst) { 700 } else { 0 };
            on.backfill("insurance_numbers_of_all_patients", "patients")
                .batch_size(2)
                .pause(Duration::from_millis(rest))
                .update_each(|_: Document| Ok(Some(doc! { "$set": { "insured": true } })))
                .await
                .map(drop)
        })
    });
    vec![
        harmless(20_250_122_001, "create_patients"),
        Migration::declared(20_250_122_002, "index_patients_by_name", indexes),
        harmless(20_250_122_003, TO_THE_LEFT),
        harmless(20_250_122_004, "demo_data").labelled(&["demo", "europe-and-the-middle-east"]),
        walk,
        Migration::declared(20_250_122_006, "unique_insurance_numbers", unique),
        harmless(20_250_122_007, "the_last"),
        Migration::repeatable("refresh_views", |_| Box::pin(async { Ok(()) })),
    ]
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs Chromium, its driver and axe: bash tests/outside"]
async fn nothing_is_wider_than_what_it_is_in_and_axe_finds_nothing() {
    let fresh = TestDb::new("http_dashboard_looks").await;
    let patients = fresh.db.collection::<Document>("patients");
    let all = (0..200).map(|id| doc! { "_id": id, "insuranceNumber": id % 199, "zip": "1010" });
    patients.insert_many(all).await.unwrap();
    let migrator = fresh.migrator(list()).app("clinic 1.4.0-rc.1+20250122");
    let served = InProcess::start(Api::new(migrator, auth()).show_failures(true)).await;
    let browser = Browser::open(false, 1_440).await;
    let mut looks = Looks { browser, axe: axe(), failures: Vec::new(), states: 0 };
    looks.browser.goto(&served.url).await;
    looks.browser.until("#sign-in", "Sign in").await;
    looks.at("signed-out").await;
    looks.browser.sign_in(&served.url).await;
    looks.browser.until("#list", "create_patients").await;
    looks.at("pending").await;
    looks.browser.click("#up").await;
    looks.browser.until("#plan", "create_patients").await;
    looks.browser.until("#plan", "lint").await;
    looks.at("plan").await;
    looks.browser.click("#shadow-run").await;
    // It ends before the next run, which is slow.
    let ended = "/done|failed/.test(document.getElementById('panel-head').innerText)";
    looks.browser.until_true(ended).await;
    looks.at("shadow-run").await;
    looks.browser.click("#panel-close").await;
    looks.browser.press("?").await;
    looks.browser.until("dialog[open]", "search").await;
    looks.at("keys").await;
    looks.browser.click("#dialog-no").await;

    // A run under way, tuned and cancelled.
    looks.browser.click("#up").await;
    looks.browser.until("#plan", "the_last").await;
    SLOW.store(true, Ordering::SeqCst);
    looks.browser.click("#dialog-yes").await;
    looks.browser.until("#strip-now", "of 200 documents").await;
    looks.at("running").await;
    looks.browser.click("#strip-steps summary").await;
    looks.browser.click("#strip-list summary").await;
    looks.at("running-steps").await;
    looks.browser.click("#tune").await;
    looks.browser.until("dialog[open]", "Workers").await;
    looks.at("tune").await;
    looks.browser.type_into("#tune-per_second", "500").await;
    looks.browser.type_into("#why", "checkout is slow").await;
    looks.browser.click("#dialog-yes").await;
    looks.browser.until("[data-banner=tuned]", "per second 500").await;
    looks.browser.click("#pause").await;
    looks.browser.until("dialog[open]", "nothing more begins").await;
    looks.browser.type_into("#why", "the sale").await;
    looks.browser.click("#dialog-yes").await;
    looks.browser.until("[data-banner=paused]", "the sale").await;
    looks.at("paused").await;
    looks.browser.click("#resume").await;
    looks.browser.until_true("!document.querySelector('[data-banner=paused]')").await;
    looks.browser.click("#cancel").await;
    looks.browser.until("dialog[open]", "goes on from there").await;
    looks.at("cancel").await;
    looks.browser.click("#dialog-yes").await;
    looks.browser.until("[data-banner=cancel]", "Asked to end").await;
    SLOW.store(false, Ordering::SeqCst);
    looks.browser.until("#strip-title", "cancelled after").await;
    looks.browser.until("[data-banner=interrupted]", "Resume 20250122005").await;
    looks.at("interrupted").await;
    let address = "#/migrations/20250122005";
    looks.open(address, "interrupted-detail", "#panel-body", "Resume 20250122005").await;
    looks.browser.click("#panel-close").await;

    // Resumed by one click, it fails at the next.
    looks.browser.click("[data-banner=interrupted] [data-focus=resume]").await;
    looks.browser.until("#plan", "the_last").await;
    looks.browser.click("#dialog-yes").await;
    looks.browser.until("#strip-title", "failed after").await;
    looks.browser.until("#strip-now", "Try again from 20250122006").await;
    looks.at("failed").await;
    looks.browser.click("#strip-dismiss").await;
    looks.browser.until("[data-banner=failed]", "Try again from 20250122006").await;
    let address = "#/migrations/20250122006";
    looks.open(address, "failed-detail", "#panel-body", "Try again from").await;
    looks.open("#/migrations/20250122002", "declared-detail", "#panel-body", "familyName").await;
    looks.open("#/runs", "runs", "#run-list", "failed").await;
    looks.browser.click("#run-list .row").await;
    looks.browser.until("#panel-body", "20250122006").await;
    looks.at("run").await;
    looks.open("#/timeline", "timeline", "#timeline-note", "runs").await;
    looks.browser.click("#events-title").await;
    looks.browser.until("#events", "create_patients").await;
    looks.at("events").await;
    looks.open("#/checks", "checks", "#doctor", "MongoDB").await;
    looks.browser.click("#down").await;
    looks.browser.until("dialog[open] #dialog-title", "Roll migrations back").await;
    looks.browser.evaluate("(select => { select.value = 'all'; select.dispatchEvent(new Event('change')); })(document.getElementById('target'))").await;
    looks
        .browser
        .until_true("document.getElementById('plan').getAttribute('aria-busy') === 'false'")
        .await;
    looks.at("rollback").await;
    looks.browser.click("#dialog-no").await;
    looks.browser.assert_calm().await;
    served.end().await;

    // Another build, and another process that holds the lock.
    let mut other = list();
    other.remove(2);
    if let Some(first) = other.first_mut() {
        *first = harmless(20_250_122_001, "create_patients").with_checksum("v1:edited");
    }
    let served = InProcess::start(Api::new(fresh.migrator(other), auth())).await;
    looks.browser.sign_in(&served.url).await;
    looks.browser.until("[data-banner=ahead]", "not in this build").await;
    looks.browser.until("[data-banner=drifted]", "Changed after it was applied").await;
    looks.at("drifted-and-ahead").await;
    looks.open("#/migrations/20250122001", "drifted-detail", "#panel-body", "Changed after").await;
    looks.browser.click("#panel-close").await;
    let control = fresh.db.collection::<Document>("migrations");
    let by = |ms: i64| {
        doc! { "$set": {
            "owner": "nobody", "expiresAt": DateTime::from_millis(ms),
            "by": { "host": "a-host-with-a-name-that-is-rather-long-7f9c6d5b4-x2k8p.internal", "pid": 1_i64, "app": "clinic 1.5.0" },
        } }
    };
    control.update_one(doc! { "_id": "lock" }, by(4_102_444_800_000)).await.unwrap();
    looks.browser.until("[data-banner=held]", "a-host-with-a-name").await;
    looks.at("held").await;
    looks.browser.click("[data-banner=held] button").await;
    looks.browser.until("dialog[open]", "Release fence").await;
    looks.at("unlock").await;
    looks.browser.click("#dialog-no").await;
    control.update_one(doc! { "_id": "lock" }, by(1_000)).await.unwrap();
    looks.browser.until("[data-banner=abandoned]", "did not release the lock").await;
    looks.at("abandoned").await;
    looks.browser.assert_calm().await;
    served.end().await;
    looks.browser.close().await;
    assert!(looks.failures.is_empty(), "{} states: {:#?}", looks.states, looks.failures);
    fresh.pass().await;
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs Chromium, its driver and axe: bash tests/outside"]
async fn tags_look_as_good_with_long_names_and_with_names_from_right_to_left() {
    let fresh = TestDb::new("http_dashboard_tag_looks").await;
    let migrator = fresh.migrator(list()).app("clinic 1.4.0-rc.1+20250122");
    migrator.up().to(20_250_122_004).await.unwrap();
    migrator.tag("out of reach").await.unwrap();
    migrator.down().await.unwrap();
    migrator.tag("إصدار ١٫٤").why("قبل التخفيضات").await.unwrap();
    let long = "before-the-release-of-the-version-with-all-the-insurance-numbers-of-all-the-patients-of-the-clinic";
    migrator.tag(long).why(&*"a reason that is rather long, ".repeat(4)).await.unwrap();
    migrator.up().to(20_250_122_004).await.unwrap();
    let served = InProcess::start(Api::new(migrator, auth())).await;
    let browser = Browser::open(false, 1_440).await;
    let mut looks = Looks { browser, axe: axe(), failures: Vec::new(), states: 0 };
    looks.browser.sign_in(&served.url).await;
    looks.browser.until("#list", "إصدار").await;
    looks.at("tagged").await;
    looks.browser.click("#tags").await;
    looks.browser.until("#tag-list", "applied since").await;
    looks.at("tags").await;
    looks.browser.type_into("#tag-name", long).await;
    looks.browser.click("#tag-yes").await;
    looks.browser.until("#tag-said", "names another state").await;
    looks.at("tag-refused").await;
    looks.browser.click("[data-focus^='move ']").await;
    looks.browser.until("#dialog-title", "Move the tag?").await;
    looks.at("tag-move").await;
    looks.browser.click("#dialog-no").await;
    looks.browser.until("#tag-list", "applied since").await;
    looks.browser.click("#dialog-no").await;
    looks.open("#/migrations/20250122002", "tagged-detail", "#panel-body", "إصدار").await;
    looks.browser.assert_calm().await;
    looks.browser.close().await;
    served.end().await;
    assert!(looks.failures.is_empty(), "{} states: {:#?}", looks.states, looks.failures);
    fresh.pass().await;
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs Chromium, its driver and axe: bash tests/outside"]
async fn what_is_wider_and_what_axe_finds_is_found() {
    let browser = Browser::open(false, 390).await;
    browser.goto("about:blank").await;
    browser.evaluate("(document.body.innerHTML = `<p style='width: 9rem; color: #eee'><b style='display: block; width: 20rem'>c</b></p>`)").await;
    assert!(browser.evaluate(WIDER).await.to_string().contains("B#"));
    let install = json!({ "script": axe(), "args": [] });
    browser.send("POST", "/session/{}/execute/sync", &install).await;
    let found: Value = browser.wait_for(AXE).await;
    assert!(found.to_string().contains("document-title"), "{found}");
    browser.close().await;
}
