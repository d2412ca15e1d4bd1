//! How the dashboard is used: by keyboard alone, and over reloads. Needs Chromium and its driver:
//! `bash tests/outside`.

use mongrate::{Migration, http::Api};
use mongrate_tests::TestDb;
use serde_json::json;

use crate::{
    browser::{Browser, InProcess},
    support::{WRITE, auth},
};

fn migration(version: i64) -> Migration {
    // A name lives as long as the process.
    let name = format!("add_field_{version}_to_the_patients_of_the_clinic").leak();
    Migration::transactional(version, name, |_| Box::pin(async { Ok(()) }))
        .reversible_by(|_| Box::pin(async { Ok(()) }))
}

/// That many migrations that do nothing, and can be rolled back.
pub(crate) fn list(count: i64) -> Vec<Migration> {
    (1..=count).map(|n| migration(20_250_000_000 + n)).collect()
}

const UP: &str = "\u{e013}";
const DOWN: &str = "\u{e015}";
const ENTER: &str = "\u{e007}";
const ESCAPE: &str = "\u{e00c}";
const END: &str = "\u{e010}";
const HOME: &str = "\u{e011}";
const TAB: &str = "\u{e004}";

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs Chromium and its driver: bash tests/outside"]
async fn the_keyboard_alone_searches_opens_and_applies() {
    let fresh = TestDb::new("http_dashboard_keys").await;
    let served = InProcess::start(Api::new(fresh.migrator(list(300)), auth())).await;
    let browser = Browser::open(false, 1_200).await;
    browser.goto(&served.url).await;
    browser.until("#sign-in", "Sign in").await;
    // The field has the focus.
    browser.press(&format!("{WRITE}{ENTER}")).await;
    browser.until("#list", "20250000300").await;
    let rows = "document.querySelectorAll('#list .row').length";
    let few = browser.evaluate(rows).await.as_u64().unwrap();
    assert!(few > 5 && few < 80, "only what is to be seen is there: {few}");
    let table = "document.getElementById('table').getAttribute('aria-rowcount')";
    assert_eq!(browser.evaluate(table).await, json!("301"));

    browser.press("/").await;
    browser.until_true("document.activeElement.id === 'search'").await;
    browser.press("0299").await;
    browser.until("#shown", "1 of 300 migrations").await;
    // From the search into the list, and into the row.
    browser.press(DOWN).await;
    browser.press(ENTER).await;
    browser.until("#panel-head", "20250000299").await;
    browser.until_true("location.hash === '#/migrations/20250000299'").await;
    browser.until_true("document.activeElement.id === 'panel-title'").await;
    browser.press(ESCAPE).await;
    browser.until_true("document.getElementById('panel').hidden").await;
    // The focus is back where it was.
    let row = "document.activeElement.getAttribute('aria-label')";
    browser.until_true(&format!("({row} ?? '').includes('20250000299')")).await;
    browser.press("/").await;
    browser.press(ESCAPE).await;
    browser.until("#shown", "300 migrations").await;

    // To the end of the list and back: the focus goes where no row was before.
    browser.press(DOWN).await;
    browser.press(END).await;
    browser.until_true(&format!("({row} ?? '').includes('20250000001')")).await;
    let at = "document.activeElement.getAttribute('aria-rowindex')";
    assert_eq!(browser.evaluate(at).await, json!("301"));
    browser.press(UP).await;
    browser.until_true(&format!("({row} ?? '').includes('20250000002')")).await;
    browser.press(HOME).await;
    browser.until_true(&format!("({row} ?? '').includes('20250000300')")).await;

    // Applied by keys alone; so many need the database's name.
    browser.press("a").await;
    browser.until("dialog[open] #dialog-yes", "Apply 300").await;
    // However long the plan is, it is shown from its top, with the buttons in sight.
    let at_top = "(body => body.scrollTop === 0 && body.scrollHeight > body.clientHeight && document.getElementById('dialog-foot').getBoundingClientRect().bottom <= innerHeight)(document.getElementById('dialog-body'))";
    assert_eq!(browser.evaluate(at_top).await, json!(true));
    let field = "document.activeElement.id === 'confirm-name'";
    for _ in 0..40 {
        if browser.evaluate(field).await == json!(true) {
            break;
        }
        browser.press(TAB).await;
    }
    let yes = "document.getElementById('dialog-yes').disabled";
    browser.press("clinic").await;
    assert_eq!(browser.evaluate(yes).await, json!(true), "that is not the database's name");
    browser.evaluate("document.activeElement.select()").await;
    browser.press(fresh.db.name()).await;
    browser.until_true(&format!("!{yes}")).await;
    for _ in 0..10 {
        if browser.evaluate("document.activeElement.id === 'dialog-yes'").await == json!(true) {
            break;
        }
        browser.press(TAB).await;
    }
    browser.press(ENTER).await;
    browser.until("#strip-title", "done after").await;
    browser.until("#counts", "300\napplied").await;
    browser.end(served, fresh).await;
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs Chromium and its driver: bash tests/outside"]
async fn a_reload_a_link_the_focus_and_a_selection_are_kept() {
    let fresh = TestDb::new("http_dashboard_kept").await;
    let migrator = fresh.migrator(list(12));
    migrator.up().steps(3).await.unwrap();
    let served = InProcess::start(Api::new(migrator.clone(), auth())).await;
    let browser = Browser::open(false, 1_440).await;
    let link = format!("{}#/migrations/20250000002", served.url);
    // Not kept unless the user wants it.
    browser.sign_in(&link).await;
    browser.until("#panel-head", "20250000002").await;
    browser.send("POST", "/session/{}/refresh", &json!({})).await;
    browser.until("#sign-in", "Sign in").await;
    browser.click("#keep").await;
    browser.type_into("#token", &format!("{WRITE}{ENTER}")).await;
    browser.until("#panel-head", "20250000002").await;
    browser.send("POST", "/session/{}/refresh", &json!({})).await;
    browser.until("#panel-head", "20250000002").await;
    let kept = "JSON.stringify([document.cookie, {...localStorage}, location.href])";
    let kept = browser.evaluate(kept).await.to_string();
    assert!(!kept.contains(WRITE), "in the session of the tab, and nowhere else: {kept}");

    // What is selected, and what has the focus, is the same element after others have changed.
    browser.until("#list", "20250000003").await;
    browser.evaluate("(() => {
        const row = [...document.querySelectorAll('#list .row')].find((one) => one.textContent.includes('20250000003'));
        window.text = row.querySelector('.version span').firstChild;
        getSelection().selectAllChildren(window.text.parentElement);
        window.row = [...document.querySelectorAll('#list .row')].find((one) => one.textContent.includes('20250000002'));
        window.row.focus();
        getSelection().selectAllChildren(window.text.parentElement);
    })()").await;
    migrator.up().await.unwrap();
    browser.until("#counts", "12\napplied").await;
    assert_eq!(browser.evaluate("String(getSelection())").await, json!("20250000003"));
    assert_eq!(browser.evaluate("document.activeElement === window.row").await, json!(true));
    let there = "window.text.isConnected && window.row.isConnected";
    assert_eq!(browser.evaluate(there).await, json!(true));
    // Signed out, nothing of it is left.
    browser.click("#sign-out").await;
    browser.until("#sign-in", "Sign in").await;
    let left = "JSON.stringify({...sessionStorage}) + document.body.textContent";
    let left = browser.evaluate(left).await.to_string();
    assert!(!left.contains(WRITE) && !left.contains("20250000002"), "{left}");
    browser.send("POST", "/session/{}/refresh", &json!({})).await;
    browser.until("#sign-in", "Sign in").await;
    browser.end(served, fresh).await;
}
