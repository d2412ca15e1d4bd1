//! How the dashboard is used: by keyboard alone, in hidden tabs, over reloads, and with thousands of
//! migrations. Needs Chromium and its driver: `bash tests/outside`.

use std::{
    pin::Pin,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    task::{Context, Poll},
};

use futures_util::Stream;
use mongrate::{
    Migration,
    http::{
        Api,
        axum::{
            self, Router,
            body::{Body, BodyDataStream, Bytes},
            extract::Request,
            middleware::{Next, from_fn},
            response::Response,
        },
    },
};
use mongrate_tests::TestDb;
use serde_json::{Value, json};
use tokio::{
    net::TcpListener,
    task::JoinHandle,
    time::{Duration, Instant, sleep},
};

use crate::{
    browser::{Browser, InProcess, PATIENCE},
    support::{PREFIX, WRITE, auth},
};

fn migration(version: i64) -> Migration {
    // A name lives as long as the process.
    let name = format!("add_field_{version}_to_the_patients_of_the_clinic").leak();
    Migration::transactional(version, name, |_| Box::pin(async { Ok(()) }))
        .reversible_by(|_| Box::pin(async { Ok(()) }))
}

fn list(count: i64) -> Vec<Migration> {
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
    browser.assert_calm().await;
    browser.close().await;
    served.end().await;
    fresh.pass().await;
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
    browser.assert_calm().await;
    browser.close().await;
    served.end().await;
    fresh.pass().await;
}

/// A body that counts itself as long as it is there.
struct Counted {
    body: BodyDataStream,
    open: Arc<AtomicUsize>,
}

impl Stream for Counted {
    type Item = Result<Bytes, axum::Error>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        Pin::new(&mut self.body).poll_next(cx)
    }
}

impl Drop for Counted {
    fn drop(&mut self) {
        self.open.fetch_sub(1, Ordering::SeqCst);
    }
}

/// A server that counts its open streams of events.
async fn counting(api: &Api, open: &Arc<AtomicUsize>) -> (String, JoinHandle<std::io::Result<()>>) {
    let open = Arc::clone(open);
    let count = move |request: Request, next: Next| {
        let open = Arc::clone(&open);
        async move {
            let is_stream = request.uri().path().ends_with("/events");
            let response: Response = next.run(request).await;
            if !is_stream {
                return response;
            }
            open.fetch_add(1, Ordering::SeqCst);
            response.map(|body| Body::from_stream(Counted { body: body.into_data_stream(), open }))
        }
    };
    let app = Router::new().merge(api.router()).layer(from_fn(count));
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}{PREFIX}", listener.local_addr().unwrap());
    (url, tokio::spawn(async move { axum::serve(listener, app).await }))
}

async fn becomes(open: &AtomicUsize, wanted: usize) {
    let begun = Instant::now();
    while open.load(Ordering::SeqCst) != wanted {
        assert!(begun.elapsed() < PATIENCE, "{open:?} streams, and not {wanted}");
        sleep(Duration::from_millis(50)).await;
    }
}

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

/// Keeps the longest task, and the time until the list is there.
const WATCH: &str = "
    window.longest = 0;
    new PerformanceObserver((found) => { for (const one of found.getEntries()) window.longest = Math.max(window.longest, one.duration); }).observe({ type: 'longtask', buffered: true });
    addEventListener('DOMContentLoaded', () => {
        new MutationObserver(() => { if (!window.first && document.querySelector('#list .row') && !document.getElementById('board').hidden) requestAnimationFrame(() => { window.first ??= performance.now() - window.asked; }); }).observe(document.body, { childList: true, subtree: true, attributes: true });
        document.getElementById('sign-in').addEventListener('submit', () => { window.asked = performance.now(); window.longest = 0; });
    });";

/// The time until the first row is there, and the longest task of a run of all migrations.
async fn measured(name: &str, count: i64) -> (f64, f64) {
    let fresh = TestDb::new(name).await;
    let migrator = fresh.migrator(list(count));
    let served = InProcess::start(Api::new(migrator, auth())).await;
    let browser = Browser::open(false, 1_440).await;
    let watch = json!({ "source": WATCH });
    browser.command("Page.addScriptToEvaluateOnNewDocument", watch).await;
    browser.sign_in(&served.url).await;
    browser.until_true("window.first > 0").await;
    let first = browser.evaluate("window.first").await.as_f64().unwrap();
    browser.click("#up").await;
    browser.until("dialog[open] #dialog-yes", &format!("Apply {count}")).await;
    browser.type_into("#confirm-name", fresh.db.name()).await;
    browser.click("#dialog-yes").await;
    let begun = Instant::now();
    while !browser.text("#strip-title").await.contains("done after") {
        assert!(begun.elapsed() < 5 * PATIENCE, "{}", browser.text("#strip-title").await);
        sleep(Duration::from_millis(200)).await;
    }
    let applied = shown(count);
    browser.until("#counts", &format!("{applied}\napplied")).await;
    browser.click("#to-timeline").await;
    browser.until("#timeline-note", "run").await;
    browser.click("#to-runs").await;
    browser.until("#run-list", "done").await;
    browser.click("#to-migrations").await;
    let longest = browser.evaluate("window.longest").await.as_f64().unwrap();
    let rows = browser.evaluate("document.querySelectorAll('#list .row').length").await;
    assert!(rows.as_u64().unwrap() < 80, "{rows}");
    browser.assert_calm().await;
    browser.close().await;
    served.end().await;
    fresh.pass().await;
    (first, longest)
}

/// A number as the page writes it.
fn shown(number: i64) -> String {
    match number / 1000 {
        0 => number.to_string(),
        thousands => format!("{thousands},{:03}", number % 1000),
    }
}

/// What the browser does not report as a long task may still have taken this long, in milliseconds.
const NO_LONG_TASK: f64 = 50.0;

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs Chromium and its driver: bash tests/outside"]
async fn two_thousand_migrations_are_as_quick_as_twenty() {
    let (first_few, longest_few) = measured("http_dashboard_few", 20).await;
    let (first_many, longest_many) = measured("http_dashboard_many", 2_000).await;
    println!(
        "first row: {first_few:.0} and {first_many:.0} ms; longest task: {longest_few:.0} and {longest_many:.0} ms"
    );
    let longest = longest_many / longest_few.max(NO_LONG_TASK);
    // A page that draws every row and every step has a factor of hundreds; the rest is the machine.
    assert!(longest < 8.0, "the longest task is {longest:.1} times as long with 2,000 migrations");
    let first = first_many / first_few;
    assert!(first < 12.0, "the first row comes {first:.1} times as late with 2,000 migrations");
}
