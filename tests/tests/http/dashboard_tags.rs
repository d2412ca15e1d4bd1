//! Tags in the dashboard: shown, given, moved, removed, and rolled back to. Needs Chromium and its
//! driver: `bash tests/outside`.

use mongrate::http::Api;
use mongrate_tests::TestDb;
use serde_json::json;

use crate::{
    browser::{Browser, InProcess},
    dashboard_use::list,
    support::{HttpClient, READ, auth},
};

const ENTER: &str = "\u{e007}";
const ESCAPE: &str = "\u{e00c}";
const TAB: &str = "\u{e004}";

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs Chromium and its driver: bash tests/outside"]
async fn a_state_is_named_by_keyboard_and_its_name_leads_back_to_it() {
    let fresh = TestDb::new("http_dashboard_tags").await;
    let migrator = fresh.migrator(list(4));
    let api = Api::new(migrator.clone(), auth());
    let client = HttpClient::of(api.clone());
    let served = InProcess::start(api).await;
    let browser = Browser::open(false, 1_200).await;
    browser.sign_in(&served.url).await;
    browser.until("#list", "20250000004").await;
    browser.press("t").await;
    browser.until("dialog[open]", "Nothing is applied yet").await;
    assert_eq!(browser.evaluate("document.getElementById('tag-form')").await, json!(null));
    browser.press(ESCAPE).await;
    migrator.up().steps(2).await.unwrap();
    browser.until("#counts", "2\napplied").await;

    // By keyboard alone: the name, the reason, Enter. Text is text, and turns nothing around.
    let name = "before <b>the</b> \u{202e}sale";
    let shown = "before <b>the</b> \\u{202e}sale";
    browser.press("t").await;
    browser.until_true("document.activeElement.id === 'tag-name'").await;
    let disabled = "document.getElementById('tag-yes').disabled";
    assert_eq!(browser.evaluate(disabled).await, json!(true), "without a name");
    browser.press(&format!("{name}{TAB}release 1.4{ENTER}")).await;
    browser.until("#tag-said", "names the present state").await;
    let there = browser.until("#tag-list", "the present state").await;
    assert!(there.contains(shown) && there.contains("release 1.4"), "{there}");
    assert!(!there.contains('\u{202e}'), "{there}");
    browser.until_true("document.activeElement.id === 'tag-name'").await;
    let tags = client.get("/tags").await.json();
    assert_eq!((&tags["tags"][0]["name"], &tags["tags"][0]["later"]), (&json!(name), &json!(0)));
    // What is refused is said where it was asked for, and what was typed is kept.
    browser.press(&format!("-x{ENTER}")).await;
    browser.until("#tag-said", "is not a name").await;
    assert_eq!(browser.evaluate("document.getElementById('tag-name').value").await, json!("-x"));
    browser.press(ESCAPE).await;
    browser.until_true("!document.getElementById('dialog').open").await;
    // Its migration has it in the list, and is found by it.
    browser.until("#list", shown).await;
    browser.press("/").await;
    browser.press("the</b>").await;
    browser.until("#shown", "1 of 4 migrations").await;
    browser.until("#list", "20250000002").await;
    browser.press(ESCAPE).await;

    // The state changes: the name leads back, or is moved.
    migrator.up().await.unwrap();
    browser.until("#counts", "4\napplied").await;
    browser.click("#tags").await;
    browser.until("#tag-list", "2 migrations applied since").await;
    browser.click("[data-focus^='back ']").await;
    browser.until("dialog[open] #dialog-yes", "Roll back 2").await;
    browser.click("#dialog-no").await;
    browser.click("#tags").await;
    browser.until("#tag-list", "2 migrations applied since").await;
    browser.click("[data-focus^='move ']").await;
    browser.until("#dialog-title", "Move the tag?").await;
    browser.click("#dialog-yes").await;
    browser.until("#tag-list", "the present state").await;
    let tags = client.get("/tags").await.json();
    assert_eq!(tags["tags"][0]["last"]["version"], 20_250_000_004_i64, "{tags}");
    browser.click("[data-focus^='remove ']").await;
    browser.until("#dialog-title", "Remove the tag?").await;
    browser.click("#dialog-no").await;
    browser.until("#tag-list", shown).await;
    browser.click("[data-focus^='remove ']").await;
    browser.until("#dialog-title", "Remove the tag?").await;
    browser.click("#dialog-yes").await;
    browser.until("#tag-list", "No state has a name yet").await;
    assert_eq!(client.get("/tags").await.json()["tags"], json!([]));
    browser.click("#dialog-no").await;

    // What another process names is shown, too.
    migrator.tag("named elsewhere").await.unwrap();
    browser.until("#list", "named elsewhere").await;
    browser.end(served, fresh).await;
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs Chromium and its driver: bash tests/outside"]
async fn a_user_who_may_only_read_sees_tags_and_changes_none() {
    let fresh = TestDb::new("http_dashboard_tags_read").await;
    let migrator = fresh.migrator(list(3));
    migrator.up().await.unwrap();
    migrator.tag("v1").await.unwrap();
    migrator.down().await.unwrap();
    let served = InProcess::start(Api::new(migrator, auth())).await;
    let browser = Browser::open(false, 1_200).await;
    browser.goto(&served.url).await;
    browser.type_into("#token", &format!("{READ}{ENTER}")).await;
    browser.until("#list", "v1").await;
    browser.click("#tags").await;
    browser.until("dialog[open]", "Your token may only read").await;
    // Its newest migration was rolled back.
    browser.until("#tag-list", "out of reach").await;
    let offered = "[...document.querySelectorAll('dialog button, dialog form, dialog input')].map((one) => one.textContent)";
    assert_eq!(browser.evaluate(offered).await, json!(["Close"]));
    // A link leads to the migration, and closes what is in front of it.
    browser.click("#tag-list a").await;
    browser.until("#panel-head", "20250000003").await;
    browser.until_true("!document.getElementById('dialog').open").await;
    browser.end(served, fresh).await;
}
