//! Many tabs of one browser: hidden ones, and more than the browser has connections. Needs Chromium
//! and its driver: `bash tests/outside`.

use std::sync::{Arc, atomic::AtomicUsize};

use mongrate::http::Api;
use mongrate_tests::TestDb;
use serde_json::{Value, json};

use crate::{
    browser::Browser,
    dashboard_use::list,
    streams::{becomes, counting},
    support::auth,
};

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs Chromium and its driver: bash tests/outside"]
async fn a_hidden_tab_has_no_stream_and_reads_again_when_it_is_shown() {
    let fresh = TestDb::new("http_dashboard_hidden").await;
    let migrator = fresh.migrator(list(4));
    let open = Arc::new(AtomicUsize::new(0));
    let (url, serving) = counting(&Api::new(migrator.clone(), auth()), &open).await;
    let browser = Browser::open(false, 1_200).await;
    browser.sign_in(&url).await;
    becomes(&open, 1).await;
    browser.until("#live", "Live").await;
    let first = browser.send("GET", "/session/{}/window", &Value::Null).await;
    let second = browser.send("POST", "/session/{}/window/new", &json!({ "type": "tab" })).await;
    let switch = json!({ "handle": second["handle"] });
    browser.send("POST", "/session/{}/window", &switch).await;
    becomes(&open, 0).await;
    migrator.up().await.unwrap();
    browser.send("POST", "/session/{}/window", &json!({ "handle": first })).await;
    browser.until_true("!document.hidden").await;
    becomes(&open, 1).await;
    browser.until("#counts", "4\napplied").await;
    browser.assert_calm().await;
    browser.close().await;
    serving.abort();
    fresh.pass().await;
}

/// A browser opens six connections to a server; each stream would keep one of them busy.
const WINDOWS: usize = 10;

async fn window(browser: &Browser) -> Value {
    let made = browser.send("POST", "/session/{}/window/new", &json!({ "type": "window" })).await;
    made["handle"].clone()
}

async fn switch(browser: &Browser, handle: &Value) {
    browser.send("POST", "/session/{}/window", &json!({ "handle": handle })).await;
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs Chromium and its driver: bash tests/outside"]
async fn ten_windows_share_one_stream_and_each_of_them_acts() {
    let fresh = TestDb::new("http_dashboard_windows").await;
    let migrator = fresh.migrator(list(6));
    let open = Arc::new(AtomicUsize::new(0));
    let (url, serving) = counting(&Api::new(migrator.clone(), auth()), &open).await;
    let browser = Browser::open(false, 1_200).await;
    let mut windows = vec![browser.send("GET", "/session/{}/window", &Value::Null).await];
    for _ in 1..WINDOWS {
        windows.push(window(&browser).await);
    }
    for handle in &windows {
        switch(&browser, handle).await;
        browser.sign_in(&url).await;
    }
    for handle in &windows {
        switch(&browser, handle).await;
        assert_eq!(browser.evaluate("document.hidden").await, json!(false), "all are to be seen");
        browser.until("#live", "Live").await;
    }
    becomes(&open, 1).await;

    // The tenth applies, and each of them follows the run.
    browser.click("#up").await;
    browser.until("dialog[open] #dialog-yes", "Apply 6").await;
    browser.click("#dialog-yes").await;
    for handle in windows.iter().rev() {
        switch(&browser, handle).await;
        browser.until("#strip-title", "done after").await;
        browser.until("#counts", "6\napplied").await;
        browser.assert_calm().await;
    }

    // Whichever had the stream is gone: another one goes on, and misses nothing.
    let rest = windows.split_off(WINDOWS / 2);
    for handle in &windows {
        switch(&browser, handle).await;
        browser.send("DELETE", "/session/{}/window", &Value::Null).await;
    }
    switch(&browser, &rest[0]).await;
    migrator.down().await.unwrap();
    for handle in &rest {
        switch(&browser, handle).await;
        browser.until("#live", "Live").await;
        browser.until("#counts", "5\napplied").await;
    }
    becomes(&open, 1).await;
    browser.assert_calm().await;
    browser.close().await;
    serving.abort();
    fresh.pass().await;
}
