//! That the dashboard shows what is so: each state with its badge and its count, each time in the
//! reader's zone, each run while it goes on, and nothing that is known is loaded again. Needs Chromium
//! and its driver: `bash tests/outside`.

use std::sync::{
    Arc, Mutex,
    atomic::{AtomicBool, Ordering},
};

use mongrate::{
    Migration,
    http::{
        Api,
        axum::{
            self, Router,
            extract::Request,
            http::header,
            middleware::{Next, from_fn},
        },
    },
};
use mongrate_tests::TestDb;
use serde_json::{Value, json};
use tokio::{
    net::TcpListener,
    time::{Duration, sleep},
};

use crate::{
    browser::{Browser, InProcess},
    dashboard_use::list,
    support::{HttpClient, PREFIX, WRITE, auth},
};

fn harmless(version: i64, name: &'static str) -> Migration {
    Migration::transactional(version, name, |_| Box::pin(async { Ok(()) }))
        .reversible_by(|_| Box::pin(async { Ok(()) }))
}

/// A migration that takes so many milliseconds.
macro_rules! taking {
    ($version:literal, $name:literal, $ms:literal) => {
        Migration::transactional($version, $name, |_| {
            Box::pin(async {
                sleep(Duration::from_millis($ms)).await;
                Ok(())
            })
        })
    };
}

/// Of each row its version, the classes and texts of its badges, and its own tone.
const ROWS: &str = "Object.fromEntries([...document.querySelectorAll('#list .row')].map((row) => [
    row.querySelector('.version').textContent,
    [row.dataset.tone, ...[...row.querySelectorAll('.badge')].map((one) => `${one.className}: ${one.textContent}`)].join(', ')]))";

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs Chromium and its driver: bash tests/outside"]
async fn each_state_has_its_badge_its_count_and_its_filter() {
    let fresh = TestDb::new("http_dashboard_states").await;
    let fails = Migration::transactional(5, "e_fails", |_| Box::pin(async { Err("no".into()) }));
    let all = [
        harmless(1, "f_first"),
        harmless(2, "d_second"),
        harmless(3, "c_newer"),
        harmless(4, "b_demo").labelled(&["demo"]),
        fails,
        harmless(6, "a_last"),
    ];
    fresh.migrator(all).up().await.unwrap_err();
    // Another build: one has changed, and one is not in it.
    let [first, second, _, demo, fails, last] = all;
    let build = [first, second.with_checksum("v1:edited"), demo, fails, last];
    let served = InProcess::start(Api::new(fresh.migrator(build), auth())).await;
    let browser = Browser::open(false, 1_440).await;
    browser.sign_in(&served.url).await;
    browser.until("#list", "a_last").await;
    let expected = json!({
        "1": "good, badge good: applied",
        "2": "good, badge good sign: applied, badge bad: drifted",
        "3": "good, badge good sign: applied, badge warn: not in build",
        "4": "calm, badge calm: skipped",
        "5": "bad, badge bad: failed",
        "6": "warn, badge warn: pending",
    });
    assert_eq!(browser.evaluate(ROWS).await, expected);
    let counts = "Object.fromEntries([...document.querySelectorAll('[data-count]')].map((one) => [one.dataset.count, Number(one.querySelector('b').textContent)]))";
    let expected = json!({ "all": 6, "applied": 3, "pending": 1, "failed": 1, "skipped": 1, "drifted": 1, "ahead": 1 });
    assert_eq!(browser.evaluate(counts).await, expected);
    for (name, number) in expected.as_object().unwrap() {
        let count = format!("[data-count={name}]");
        browser.evaluate(&format!("document.querySelector('{count}').click()")).await;
        browser.until_true(&format!("document.querySelector('{count}').ariaPressed === 'true' && document.getElementById('table').getAttribute('aria-rowcount') === '{}'", number.as_u64().unwrap() + 1)).await;
        browser.evaluate(&format!("document.querySelector('{count}').click()")).await;
        let whole = "document.getElementById('shown').textContent === '6 migrations'";
        browser.until_true(whole).await;
    }
    // A click on a heading sorts, another one the other way round.
    let versions =
        "[...document.querySelectorAll('#list .version')].map((one) => one.textContent).join('')";
    assert_eq!(browser.evaluate(versions).await, json!("654321"));
    browser.click("[data-sort=name]").await;
    browser.until_true(&format!("{versions} === '643251'")).await;
    browser.click("[data-sort=name]").await;
    browser.until_true(&format!("{versions} === '152346'")).await;
    let sorted = "document.querySelector('[data-sort=name]').parentElement.ariaSort";
    assert_eq!(browser.evaluate(sorted).await, json!("descending"));
    // Each banner is there once, the most urgent first.
    let banners =
        "[...document.querySelectorAll('[data-banner]')].map((one) => one.dataset.banner)";
    assert_eq!(browser.evaluate(banners).await, json!(["failed", "drifted", "ahead"]));
    browser.end(served, fresh).await;
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs Chromium and its driver: bash tests/outside"]
async fn times_are_in_the_zone_of_the_reader_and_bars_as_wide_as_they_took() {
    let fresh = TestDb::new("http_dashboard_times").await;
    let slow = [taking!(1, "quick", 100), taking!(2, "slow", 600), taking!(3, "last", 100)];
    let migrator = fresh.migrator(slow);
    migrator.up().await.unwrap();
    let served = InProcess::start(Api::new(migrator, auth())).await;
    let browser = Browser::open(false, 1_440).await;
    let zone = json!({ "timezoneId": "Asia/Kolkata" });
    browser.command("Emulation.setTimezoneOverride", zone).await;
    browser.sign_in(&format!("{}#/migrations/2", served.url)).await;
    browser.until("#panel-body", "GMT+5:30").await;
    let times = browser.evaluate("(time => { const at = new Date(time.dateTime); return {
        shown: time.textContent, title: time.title, all: time.parentElement.textContent,
        here: new Intl.DateTimeFormat(undefined, { dateStyle: 'medium', timeStyle: 'medium', timeZone: 'Asia/Kolkata' }).format(at),
        utc: at.toISOString().slice(0, 19).replace('T', ' ') + ' UTC' }; })(document.querySelector('#panel-body .facts time'))").await;
    let text = |name: &str| times[name].as_str().unwrap().to_owned();
    assert_eq!(text("shown"), format!("{} GMT+5:30", text("here")), "{times}");
    assert!(text("all").contains(&text("utc")), "{times}");
    assert_eq!(text("title"), format!("{} · {}", text("shown"), text("utc")), "{times}");
    browser.click("#panel-close").await;
    browser.click("#to-timeline").await;
    browser.until("#timeline-note", "1 run").await;
    let wide = "document.querySelector('#picture svg').getBoundingClientRect().width";
    let wide = browser.evaluate(wide).await.as_f64().unwrap();
    assert!(wide > 1_300.0, "the picture fills the window: {wide}");
    let widths = "[...document.querySelectorAll('#picture rect')].map((one) => Number(one.getAttribute('width')))";
    let widths = browser.evaluate(widths).await;
    let wide = |at: usize| widths[at].as_f64().unwrap();
    assert!(wide(1) > 3.0 * wide(0) && wide(1) > 3.0 * wide(2), "{widths}");
    browser.end(served, fresh).await;
}

/// While it is set, the migration that is held waits.
static HELD: AtomicBool = AtomicBool::new(true);

fn held() -> Vec<Migration> {
    let waits = Migration::transactional(2, "held", |_| {
        Box::pin(async {
            while HELD.load(Ordering::SeqCst) {
                sleep(Duration::from_millis(20)).await;
            }
            Ok(())
        })
    });
    vec![harmless(1, "first"), waits, harmless(3, "last")]
}

/// The stream of events is not opened before `start` is called: what happens until then is no event.
const LATE_STREAM: &str = "(window.fetch = ((send, late) => async (...asked) => {
    if (String(asked[0]).includes('/events')) await late;
    return send(...asked);
})(window.fetch, new Promise((done) => { window.start = done; })), true)";

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs Chromium and its driver: bash tests/outside"]
async fn a_stream_that_opens_in_the_middle_of_a_run_and_a_reload_show_the_run() {
    let fresh = TestDb::new("http_dashboard_midway").await;
    let api = Api::new(fresh.migrator(held()), auth());
    let client = HttpClient::of(api.clone());
    let served = InProcess::start(api).await;
    let browser = Browser::open(false, 1_200).await;
    browser.goto(&served.url).await;
    browser.evaluate(LATE_STREAM).await;
    browser.click("#keep").await;
    browser.type_into("#token", &format!("{WRITE}\u{e007}")).await;
    browser.click("#up").await;
    browser.until("dialog[open] #dialog-yes", "Apply 3").await;
    browser.click("#dialog-yes").await;
    while client.get("/runs/current").await.json()["steps"][1]["state"] != "running" {
        sleep(Duration::from_millis(20)).await;
    }
    browser.evaluate("window.start()").await;
    browser.until("#strip-title", "Apply · 1 of 3 migrations").await;
    let turning =
        "document.getAnimations().filter((one) => one.playState === 'running').length > 0";
    browser.until_true(turning).await;
    browser.send("POST", "/session/{}/refresh", &json!({})).await;
    browser.until("#strip-title", "Apply · 1 of 3 migrations").await;
    browser.until("#strip-at", "2 held").await;
    browser.until_true("/^33 % · /.test(document.title)").await;
    // What is unfolded stays so while the run goes on.
    browser.click("#strip-steps summary").await;
    browser.click("#strip-list summary").await;
    browser.until("#strip-list", "1 first").await;
    // Nothing moves for users who want no motion.
    browser.look(1200, false).await;
    browser.until_true(&format!("!({turning})")).await;
    // Meanwhile nothing is offered that would be refused.
    let offered = "[...document.querySelectorAll('#up, #down')].map((one) => one.innerText)";
    assert_eq!(browser.evaluate(offered).await, json!(["Roll back…", "Apply…"]));
    browser.click("#up").await;
    browser.until("dialog[open] #plan", "3 last").await;
    let yes = "document.getElementById('dialog-yes').disabled";
    assert_eq!(browser.evaluate(yes).await, json!(true));
    browser.click("#dialog-no").await;
    HELD.store(false, Ordering::SeqCst);
    browser.until("#strip-title", "Apply done after").await;
    browser.until("#counts", "3\napplied").await;
    browser.until("#strip-list", "3 finished").await;
    browser.until("#strip-list", "3 last").await;
    browser.end(served, fresh).await;
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs Chromium and its driver: bash tests/outside"]
async fn a_server_that_is_away_and_a_network_that_is_away_are_said_and_got_over() {
    let fresh = TestDb::new("http_dashboard_away").await;
    let migrator = fresh.migrator(list(4));
    let served = InProcess::start(Api::new(migrator.clone(), auth())).await;
    let browser = Browser::open(false, 1_200).await;
    browser.sign_in(&served.url).await;
    browser.until("#live", "Live").await;
    let address = served.address;
    served.end().await;
    browser.until("#live", "Reconnecting").await;
    browser.until("#alert", "What is shown is as it was; this page tries again").await;
    // What fails is said, and the page keeps what it has.
    browser.click("#up").await;
    browser.until("#plan", "The server does not answer").await;
    browser.click("#dialog-no").await;
    assert!(browser.text("#list").await.contains("20250000004"));
    // Another process has gone on meanwhile.
    let other = fresh.again().await;
    other.migrator(list(4)).up().steps(3).await.unwrap();
    let api = Api::new(fresh.again().await.migrator(list(4)), auth());
    let served = InProcess::start_at(api, address).await;
    browser.until("#live", "Live").await;
    browser.until("#counts", "3\napplied").await;
    browser.until_true("document.getElementById('alert').hidden").await;

    let network = |offline: bool| json!({ "offline": offline, "latency": 0, "downloadThroughput": -1, "uploadThroughput": -1 });
    browser.command("Network.emulateNetworkConditions", network(true)).await;
    browser.evaluate("dispatchEvent(new Event('offline'))").await;
    browser.until("#live", "Offline").await;
    other.migrator(list(4)).up().await.unwrap();
    browser.command("Network.emulateNetworkConditions", network(false)).await;
    browser.evaluate("dispatchEvent(new Event('online'))").await;
    browser.until("#live", "Live").await;
    browser.until("#counts", "4\napplied").await;
    browser.close().await;
    served.end().await;
    fresh.pass().await;
}

/// A request: its path and query, whether it named a tag, and the status and length of the answer.
type Seen = Arc<Mutex<Vec<(String, bool, u16)>>>;

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs Chromium and its driver: bash tests/outside"]
async fn what_the_page_has_is_not_loaded_again() {
    let fresh = TestDb::new("http_dashboard_loaded").await;
    let migrator = fresh.migrator(list(50));
    let seen = Seen::default();
    let writes = Arc::clone(&seen);
    let record = move |request: Request, next: Next| {
        let writes = Arc::clone(&writes);
        async move {
            let path = request.uri().path_and_query().map(ToString::to_string).unwrap_or_default();
            let names = request.headers().contains_key(header::IF_NONE_MATCH);
            let response = next.run(request).await;
            writes.lock().unwrap().push((path, names, response.status().as_u16()));
            response
        }
    };
    let api = Api::new(migrator.clone(), auth());
    let app = Router::new().merge(api.router()).layer(from_fn(record));
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}{PREFIX}", listener.local_addr().unwrap());
    let serving = tokio::spawn(async move { axum::serve(listener, app).await });
    let browser = Browser::open(false, 1_200).await;
    browser.sign_in(&url).await;
    browser.until("#live", "Live").await;
    for number in 1..=3 {
        migrator.up().steps(1).await.unwrap();
        browser.until("#counts", &format!("{number}\napplied")).await;
    }
    // Away, and back: nothing has changed.
    let first = browser.send("GET", "/session/{}/window", &Value::Null).await;
    let second = browser.send("POST", "/session/{}/window/new", &json!({ "type": "tab" })).await;
    for handle in [&second["handle"], &first] {
        browser.send("POST", "/session/{}/window", &json!({ "handle": handle })).await;
    }
    browser.until("#live", "Live").await;
    let asked = |part: &str| -> Vec<(String, bool, u16)> {
        seen.lock().unwrap().iter().filter(|(path, ..)| path.contains(part)).cloned().collect()
    };
    let begun = tokio::time::Instant::now();
    while !asked("/status").iter().any(|(.., status)| *status == 304) {
        assert!(begun.elapsed() < crate::browser::PATIENCE, "{:?}", asked("/status"));
        sleep(Duration::from_millis(50)).await;
    }
    let status = asked("/status");
    let whole: Vec<_> = status.iter().filter(|(path, ..)| !path.contains("since=")).collect();
    assert_eq!(whole.len(), 1, "only the first is whole: {status:?}");
    assert!(status.iter().skip(1).all(|(_, names, _)| *names), "each names its tag: {status:?}");
    // Each of three changes is loaded once, or, if it is told of in two parts, twice.
    assert!(status.len() <= 10, "{status:?}");
    let tags = asked("/tags");
    assert!(tags.iter().skip(1).all(|(_, names, status)| *names && *status == 304), "{tags:?}");
    browser.assert_calm().await;
    browser.close().await;
    serving.abort();
    fresh.pass().await;
}
