//! The dashboard with thousands of migrations and ten thousands of events: as quick as with twenty,
//! and no larger afterwards. Needs Chromium and its driver: `bash tests/outside`.

use std::collections::BTreeMap;

use futures_util::StreamExt as _;
use mongrate::http::{
    Api,
    axum::{
        body::Body,
        http::{Method, header},
    },
};
use mongrate_tests::TestDb;
use serde_json::{Value, json};
use tokio::time::{Duration, Instant, sleep};
use tower::ServiceExt as _;

use crate::{
    browser::{Browser, InProcess, PATIENCE},
    dashboard_use::list,
    support::{HttpClient, READ, auth, request},
};

/// Keeps the longest task of each phase, the first paint, and the time until the list is there: from
/// the beginning, and from the answer with the list.
const WATCH: &str = "
    window.phase = 'open';
    window.longest = {};
    new PerformanceObserver((found) => { for (const one of found.getEntries()) window.longest[window.phase] = Math.max(window.longest[window.phase] ?? 0, one.duration); }).observe({ type: 'longtask', buffered: true });
    addEventListener('DOMContentLoaded', () => {
        new MutationObserver(() => { if (!window.rows && document.querySelector('#list .row') && !document.getElementById('board').hidden) { window.rows = true; requestAnimationFrame(() => setTimeout(() => {
            const status = performance.getEntriesByType('resource').find((one) => one.name.endsWith('/status'));
            window.first = { asked: performance.now() - window.asked, answered: performance.now() - status.responseEnd };
        })); } }).observe(document.body, { childList: true, subtree: true, attributes: true });
        document.getElementById('sign-in').addEventListener('submit', () => { window.asked = performance.now(); });
    });";

/// What the page needed, in milliseconds.
struct Figures {
    /// The first paint: the sign-in.
    paint: f64,
    /// From the sign-in to the first row, with the server's time.
    row: f64,
    /// From the server's answer to the first row.
    row_after_answer: f64,
    /// The longest task of each phase.
    longest: BTreeMap<String, f64>,
}

/// The longest task of all; a shorter one than the browser reports counts as that long.
fn max_of(longest: &BTreeMap<String, f64>) -> f64 {
    longest.values().copied().fold(NO_LONG_TASK, f64::max)
}

async fn longest_of(browser: &Browser) -> BTreeMap<String, f64> {
    let longest = browser.evaluate("window.longest").await;
    let mut longest: BTreeMap<String, f64> = serde_json::from_value(longest).unwrap();
    longest.remove("garbage");
    longest
}

impl std::fmt::Display for Figures {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { paint, row, row_after_answer, longest } = self;
        write!(
            f,
            "first paint {paint:.0} ms; first row {row:.0} ms after the sign-in, {row_after_answer:.0} ms \
             after the answer; tasks of more than 50 ms: {longest:.0?}"
        )
    }
}

/// What the browser does not report as a long task may still have taken this long, in milliseconds.
const NO_LONG_TASK: f64 = 50.0;

/// A frame of the screen, in milliseconds: what is quicker than two cannot be told apart.
const FRAME: f64 = 16.7;

async fn phase(browser: &Browser, name: &str) {
    browser.evaluate(&format!("window.phase = {name:?}")).await;
}

/// Waits for the end of a run, however long it takes.
async fn run_ends(browser: &Browser) {
    let begun = Instant::now();
    while !browser.text("#strip-title").await.contains("done after") {
        assert!(begun.elapsed() < 5 * PATIENCE, "{}", browser.text("#strip-title").await);
        sleep(Duration::from_millis(200)).await;
    }
}

/// Goes through the page with that many migrations, and applies all of them.
async fn measured(name: &str, count: i64) -> Figures {
    let fresh = TestDb::new(name).await;
    let migrator = fresh.migrator(list(count));
    let served = InProcess::start(Api::new(migrator, auth())).await;
    let browser = Browser::open(false, 1_440).await;
    let watch = json!({ "source": WATCH });
    browser.command("Page.addScriptToEvaluateOnNewDocument", watch).await;
    browser.sign_in(&served.url).await;
    browser.until_true("Boolean(window.first)").await;
    let first = browser.evaluate("window.first").await;
    let paint = "performance.getEntriesByName('first-contentful-paint')[0].startTime";
    let paint = browser.evaluate(paint).await.as_f64().unwrap();
    phase(&browser, "plan").await;
    browser.click("#up").await;
    browser.until("dialog[open] #dialog-yes", &format!("Apply {count}")).await;
    browser.type_into("#confirm-name", fresh.db.name()).await;
    phase(&browser, "run").await;
    browser.click("#dialog-yes").await;
    run_ends(&browser).await;
    browser.until("#counts", &format!("{}\napplied", shown(count))).await;
    phase(&browser, "timeline").await;
    browser.click("#to-timeline").await;
    browser.until("#timeline-note", "run").await;
    browser.until_true("document.querySelectorAll('#picture a').length > 0").await;
    phase(&browser, "runs").await;
    browser.click("#to-runs").await;
    browser.until("#run-list", "done").await;
    browser.click("#run-list .row").await;
    browser.until("#panel-body", "finished").await;
    browser.click("#panel-body summary").await;
    browser.until("#panel-body", "add_field_20250000001_").await;
    phase(&browser, "rollback").await;
    browser.click("#down").await;
    browser.until("dialog[open] #dialog-yes", "Roll back 1").await;
    browser.click("#dialog-no").await;
    phase(&browser, "list").await;
    browser.click("#to-migrations").await;
    browser.type_into("#search", "patients 2025000001").await;
    browser.until("#shown", " of ").await;
    browser.click("[data-sort=name]").await;
    let rows = browser.evaluate("document.querySelectorAll('#list .row').length").await;
    assert!(rows.as_u64().unwrap() < 80, "{rows}");
    let longest = longest_of(&browser).await;
    browser.end(served, fresh).await;
    let number = |value: &Value| value.as_f64().unwrap();
    Figures {
        paint,
        row: number(&first["asked"]),
        row_after_answer: number(&first["answered"]),
        longest,
    }
}

/// A number as the page writes it.
fn shown(number: i64) -> String {
    match number / 1000 {
        0 => number.to_string(),
        thousands => format!("{thousands},{:03}", number % 1000),
    }
}

/// Other work on the machine makes a measurement longer, never shorter: the best of these counts.
const TRIES: usize = 3;

/// How much longer the page may take for a hundred times as many migrations, or more events.
const FACTOR_MAX: f64 = 2.0;

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs Chromium and its driver: bash tests/outside"]
async fn two_thousand_migrations_are_as_quick_as_twenty() {
    let (mut task, mut row, mut paint) = (f64::MAX, f64::MAX, f64::MAX);
    for _ in 0..TRIES {
        let few = measured("http_dashboard_few", 20).await;
        println!("20 migrations: {few}");
        let many = measured("http_dashboard_many", 2_000).await;
        println!("2,000 migrations: {many}");
        task = task.min(max_of(&many.longest) / max_of(&few.longest));
        row = row.min(many.row_after_answer / few.row_after_answer.max(2.0 * FRAME));
        paint = paint.min(many.paint / few.paint);
        if task < FACTOR_MAX && row < FACTOR_MAX && paint < FACTOR_MAX {
            return;
        }
    }
    panic!("longest task × {task:.1}, first row × {row:.1}, first paint × {paint:.1}");
}

/// So many events the runs tell of, at least: each migration begins and ends, and is applied twice and
/// rolled back once.
const EVENTS: i64 = 10_000;
const MANY: i64 = 2_000;

/// The memory of the page's script in bytes and the elements of the page, without what is garbage.
async fn kept(browser: &Browser) -> (f64, f64) {
    phase(browser, "garbage").await;
    // What the first one frees lets go of elements, which the second one frees.
    for _ in 0..2 {
        browser.command("HeapProfiler.collectGarbage", json!({})).await;
    }
    let metrics = browser.command("Performance.getMetrics", json!({})).await;
    let find = |name: &str| {
        let all = metrics["metrics"].as_array().unwrap();
        all.iter().find(|one| one["name"] == name).unwrap()["value"].as_f64().unwrap()
    };
    (find("JSHeapUsedSize"), find("Nodes"))
}

/// Applies everything that is pending, or rolls everything back. The driver keeps each element that it
/// is given, so it is given none.
async fn change(browser: &Browser, fresh: &TestDb, count: i64, up: bool) {
    let (id, verb, state) =
        if up { ("up", "Apply", "applied") } else { ("down", "Roll back", "pending") };
    phase(browser, &format!("plan of {id}")).await;
    browser.evaluate(&format!("document.getElementById('{id}').click()")).await;
    browser.until("dialog[open] #target", "all").await;
    if !up {
        browser.evaluate("(select => { select.value = 'all'; select.dispatchEvent(new Event('change')); })(document.getElementById('target'))").await;
    }
    browser.until("dialog[open] #dialog-yes", &format!("{verb} {count}")).await;
    let name = fresh.db.name();
    browser.evaluate(&format!("(field => {{ if (!field) return; field.value = '{name}'; field.dispatchEvent(new Event('input')); }})(document.getElementById('confirm-name'))")).await;
    phase(browser, id).await;
    browser.evaluate("document.getElementById('dialog-yes').click()").await;
    let over =
        format!("document.getElementById('strip-title').innerText.startsWith('{verb} done')");
    let begun = Instant::now();
    while browser.evaluate(&over).await != json!(true) {
        assert!(begun.elapsed() < 5 * PATIENCE, "{}", browser.text("#strip-title").await);
        sleep(Duration::from_millis(200)).await;
    }
    browser.until("#counts", &format!("{}\n{state}", shown(count))).await;
}

/// What a page with that many migrations needs while they are applied, rolled back and applied again.
struct Told {
    /// The longest task of each phase.
    longest: BTreeMap<String, f64>,
    /// What the page keeps after the first run, and after the last one.
    once: (f64, f64),
    at_last: (f64, f64),
}

async fn told(name: &str, count: i64) -> Told {
    let fresh = TestDb::new(name).await;
    let api = Api::new(fresh.migrator(list(count)), auth());
    let client = HttpClient::of(api.clone());
    let served = InProcess::start(api).await;
    let browser = Browser::open(false, 1_440).await;
    browser.command("Performance.enable", json!({})).await;
    let watch = json!({ "source": WATCH });
    browser.command("Page.addScriptToEvaluateOnNewDocument", watch).await;
    browser.sign_in(&served.url).await;
    browser.until("#live", "Live").await;
    change(&browser, &fresh, count, true).await;
    let once = kept(&browser).await;
    change(&browser, &fresh, count, false).await;
    change(&browser, &fresh, count, true).await;
    let longest = longest_of(&browser).await;
    let at_last = kept(&browser).await;
    if count == MANY {
        the_server_keeps_few(&client).await;
    }
    browser.end(served, fresh).await;
    Told { longest, once, at_last }
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs Chromium and its driver: bash tests/outside"]
async fn ten_thousand_events_leave_the_page_as_quick_and_as_small() {
    let mut factor = f64::MAX;
    for _ in 0..TRIES {
        let few = told("http_dashboard_told", 20).await;
        let many = told("http_dashboard_flood", MANY).await;
        let Told { longest, once, at_last } = many;
        println!(
            "tasks of more than 50 ms: {:.0?} with 20 migrations, {longest:.0?} with {MANY}; bytes and elements after one run {once:?}, after three {at_last:?}",
            few.longest
        );
        assert!(at_last.0 < 1.2 * once.0, "the memory of the page: {once:?}, {at_last:?}");
        assert!(at_last.1 < 1.2 * once.1, "the elements of the page: {once:?}, {at_last:?}");
        factor = factor.min(max_of(&longest) / max_of(&few.longest));
        if factor < FACTOR_MAX {
            return;
        }
    }
    panic!("the longest task is {factor:.1} times as long with {MANY} migrations");
}

/// Of all events that were sent, the server keeps the last thousand; it tells how many it has not.
async fn the_server_keeps_few(client: &HttpClient) {
    let asked = |last: Option<String>| {
        let asked = request(Method::GET, "/events?steps=none", READ);
        let asked = match last {
            Some(last) => asked.header("last-event-id", last),
            None => asked,
        };
        let router = client.router.clone();
        async move {
            let response = router.oneshot(asked.body(Body::empty()).unwrap()).await.unwrap();
            assert_eq!(response.headers()[header::CONTENT_TYPE], "text/event-stream");
            response.into_body().into_data_stream()
        }
    };
    let first = asked(None).await.next().await.unwrap().unwrap();
    let first = String::from_utf8_lossy(&first).into_owned();
    let id = first.lines().find_map(|line| line.strip_prefix("id: ")).unwrap();
    let (instance, newest) = id.rsplit_once('-').unwrap();
    let newest: i64 = newest.parse().unwrap();
    assert!(newest > EVENTS, "{newest} events");
    let mut stream = asked(Some(format!("{instance}-1"))).await;
    let mut text = String::new();
    while !text.contains(&format!("id: {id}\n")) {
        text += &String::from_utf8_lossy(&stream.next().await.unwrap().unwrap());
    }
    let missed = text.lines().find_map(|line| line.strip_prefix("data: {\"missed\":"));
    let missed: i64 = missed.unwrap().trim_end_matches('}').parse().unwrap();
    assert!(newest - missed <= 1_001, "{newest} events, {missed} of them are gone");
    assert!(text.matches("\nevent: step\n").count() <= 1_000);
}
