//! The dashboard in a real browser: `bash tests/outside`, which needs Chromium and its
//! driver. Screenshots go where `SCREENSHOTS` says.

use mongrate::{
    Migration,
    bson::{Document, doc},
    http::{
        Api, Auth, Identity, Scope,
        axum::{
            self, Router,
            body::Body,
            http::Request,
            middleware::{Next, from_fn},
            routing::get,
        },
    },
};
use mongrate_tests::{TestDb, effect};
use serde_json::json;
use tokio::{
    net::TcpListener,
    time::{Duration, sleep},
};

use crate::{
    browser::{Browser, InProcess},
    support::{PREFIX, READ, WRITE, auth},
    wire::{Served, command},
};

async fn start(fresh: &TestDb, fails: bool) -> (Served, String) {
    let mut command = command(fresh, &["--show-failures"]);
    command.env("SERVED_VISITS", "2000").env("SERVED_SLOW_MS", "60");
    if fails {
        command.env("SERVED_FAILS", "<b>the last one</b> fails as it was told to");
    }
    let served = Served::start(command).await;
    let url = format!("http://{}{PREFIX}", served.address);
    (served, url)
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs Chromium and its driver: bash tests/outside"]
async fn a_run_is_watched_rolled_back_and_seen_to_fail() {
    let fresh = TestDb::new("http_dashboard").await;
    let (served, url) = start(&fresh, false).await;
    let browser = Browser::open(false, 1_200).await;
    browser.goto(&url).await;
    browser.until("#sign-in", "Sign in").await;
    browser.screenshot("1-sign-in").await;

    // A token that is none; by keyboard, as the field has the focus.
    browser.type_into("#token", "this-token-is-not-known\u{e007}").await;
    browser.until("#alert", "not known").await;
    browser.until("#alert", "Next: Check the token").await;
    // What is pasted next replaces it, also with the name of its header.
    browser.press(&format!("Bearer {WRITE}\u{e007}")).await;
    browser.until("#who", "write, may write").await;
    browser.until("#list", "mark_visits").await;
    let address = browser.evaluate("location.href + document.cookie + JSON.stringify({...sessionStorage, ...localStorage})").await;
    assert!(!address.to_string().contains(WRITE), "{address}");
    browser.screenshot("2-pending").await;

    // The plan, and the dry run's report.
    browser.click("#up").await;
    browser.until("dialog[open] #plan", "apply 2 mark_visits").await;
    browser.click("#dry-run").await;
    browser.until("#panel-body", "Nothing was written").await;
    browser.until("#panel-body", "3 inserted").await;
    browser.screenshot("3-dry-run").await;
    browser.click("#panel-close").await;
    browser.click("#to-migrations").await;

    // What will happen is shown before it does; Escape is a no.
    browser.click("#up").await;
    browser.until("dialog[open] #plan", "apply 3 last_one").await;
    // It opens at its top, and its foot is to be seen.
    let fits = "(body => body.scrollTop === 0 && document.getElementById('dialog-foot').getBoundingClientRect().bottom <= innerHeight)(document.getElementById('dialog-body'))";
    assert_eq!(browser.evaluate(fits).await, json!(true));
    browser.screenshot("4-confirm").await;
    browser.type_into("#dialog-no", "\u{e00c}").await;
    browser.click("#up").await;
    browser.until("dialog[open] #dialog-yes", "Apply 3").await;
    browser.click("#dialog-yes").await;
    browser.until("#strip-now", "of 2,000 documents").await;
    browser.until("#strip-title", "of 3 migrations").await;
    browser.until_true("/^\\d+ % · /.test(document.title)").await;
    browser.screenshot("5-running").await;
    browser.until("#strip-title", "done after").await;
    browser.until("#counts", "3\napplied").await;
    browser.until("#lock", "Lock free").await;
    browser.screenshot("6-done").await;
    browser.until_true("document.title.startsWith('✓')").await;

    browser.click("#down").await;
    browser.until("dialog[open] #plan", "roll back 3 last_one").await;
    browser.click("#dialog-yes").await;
    browser.until("#counts", "2\napplied").await;
    browser.click("#to-timeline").await;
    browser.click("#events-title").await;
    let events = browser.until("#events", "reverted").await;
    assert!(events.contains("mark_visits"), "{events}");
    let bars = browser.evaluate("document.querySelectorAll('#picture a').length").await;
    assert_eq!(bars, json!(4), "three were applied, and one rolled back");
    browser.screenshot("7-rolled-back").await;
    browser.assert_calm().await;
    browser.close().await;
    served.end("TERM").await;

    let (served, url) = start(&fresh, true).await;
    let browser = Browser::open(true, 390).await;
    browser.goto(&url).await;
    browser.type_into("#token", &format!("{WRITE}\u{e007}")).await;
    browser.until("#list", "last_one").await;
    browser.click("#up").await;
    browser.until("dialog[open] #dialog-yes", "Apply 1").await;
    browser.click("#dialog-yes").await;
    browser.until("#strip-title", "failed after").await;
    browser.until("#counts", "1\nfailed").await;
    browser.until_true("document.title.startsWith('✗')").await;
    // The next step is one click. Text is text, whatever it is.
    browser.until("#strip-now", "Try again from 3").await;
    browser.click("#strip-now [data-focus=again]").await;
    browser.until("dialog[open] #dialog-yes", "Apply 1").await;
    browser.click("#dialog-no").await;
    browser.click("#strip-now [data-focus=show]").await;
    browser.until("#panel-body", "<b>the last one</b> fails as it was told to").await;
    browser.screenshot("8-failed-dark-phone").await;
    let wide = browser.evaluate("document.documentElement.scrollWidth > innerWidth").await;
    assert_eq!(wide, json!(false), "nothing sticks out");
    assert_eq!(browser.evaluate("innerWidth").await, json!(390));
    browser.assert_calm().await;
    browser.close().await;
    served.end("TERM").await;
    fresh.pass().await;
}

/// Greater than the numbers that a script holds exactly, and rounded, the one before.
const GREAT: i64 = 9_007_199_254_740_993;
const GREATER: i64 = 9_223_372_036_854_775_807;

/// Lets the page see the answers to what it sends one second later than they come.
const LATE_ANSWERS: &str = "(window.fetch = (send => async (...asked) => {
    const answer = await send(...asked);
    if (asked[1]?.method === 'POST') await new Promise((done) => setTimeout(done, 1000));
    return answer;
})(window.fetch), true)";

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs Chromium and its driver: bash tests/outside"]
async fn great_versions_are_shown_and_sent_exactly_and_names_turn_nothing_around() {
    let fresh = TestDb::new("http_dashboard_great").await;
    let named = |version, name| {
        Migration::transactional(version, name, |_| Box::pin(async { Ok(()) }))
            .reversible_by(|_| Box::pin(async { Ok(()) }))
    };
    let list = [
        named(GREAT, "turned\u{202e}around\u{2066}<b>"),
        named(GREAT + 2, "second"),
        named(GREATER, "the_last"),
    ];
    let served = InProcess::start(Api::new(fresh.migrator(list), auth())).await;
    let url = served.url.clone();
    let browser = Browser::open(false, 1_200).await;
    browser.goto(&url).await;
    browser.type_into("#token", &format!("{WRITE}\u{e007}")).await;
    let shown = browser.until("#list", "the_last").await;
    assert!(shown.contains(&GREAT.to_string()) && shown.contains(&GREATER.to_string()), "{shown}");
    assert!(shown.contains("turned\\u{202e}around\\u{2066}<b>"), "{shown}");
    assert!(!shown.contains(['\u{202e}', '\u{2066}']), "{shown}");
    // A run as quick as these may be over before the answer that it has begun.
    browser.evaluate(LATE_ANSWERS).await;
    // Up to one of them: that one, and not a neighbour.
    let choose = |value: String| {
        format!(
            "(select => {{ select.value = '{value}'; select.dispatchEvent(new Event('change')); }})(document.getElementById('target'))"
        )
    };
    browser.click("#up").await;
    browser.until("dialog[open] #plan", "the_last").await;
    browser.evaluate(&choose(format!("to:{}", GREAT + 2))).await;
    browser.until("dialog[open] #dialog-yes", "Apply 2").await;
    let body = browser.text("#plan").await;
    assert!(body.contains(&format!("apply {GREAT} ")), "{body}");
    assert!(!body.contains("the_last") && !body.contains('\u{202e}'), "{body}");
    browser.click("#dialog-yes").await;
    browser.until("#strip-title", "done after").await;
    browser.until("#counts", "2\napplied").await;
    browser.click("#strip-open").await;
    let steps = browser.until("#panel-body", &(GREAT + 2).to_string()).await;
    assert!(steps.contains(&GREAT.to_string()), "{steps}");
    browser.click("#panel-close").await;
    browser.click("#to-migrations").await;
    browser.click("#up").await;
    browser.until("dialog[open] #plan", &GREATER.to_string()).await;
    browser.click("#dialog-yes").await;
    browser.until("#counts", "3\napplied").await;
    browser.click("#down").await;
    browser.until("dialog[open] #dialog-yes", "Roll back 1").await;
    browser.evaluate(&choose(format!("to:{GREAT}"))).await;
    browser.until("dialog[open] #dialog-yes", "Roll back 2").await;
    browser.click("#dialog-yes").await;
    browser.until("#counts", "1\napplied").await;
    browser.click("#to-timeline").await;
    browser.click("#events-title").await;
    let events = browser.until("#events", "reverted").await;
    assert!(events.contains(&GREATER.to_string()), "{events}");
    // The address of a migration whose number is too great for a script works, too.
    browser.goto(&format!("{url}#/migrations/{GREATER}")).await;
    browser.until("#panel-head", "the_last").await;
    browser.until("#panel-body", "reverted").await;
    browser.click("#panel-close").await;
    // Paused with a reason, while nothing runs, and resumed.
    browser.click("#hold").await;
    browser.until("dialog[open] #dialog-yes", "Pause").await;
    browser.type_into("#why", "the <b>sale</b>").await;
    browser.click("#dialog-yes").await;
    let shown = browser.until("[data-banner=paused]", "Nothing more begins").await;
    assert!(shown.contains("the <b>sale</b>"), "{shown}");
    browser.screenshot("9-paused").await;
    browser.click("[data-banner=paused] button").await;
    browser.until_true("!document.querySelector('[data-banner=paused]')").await;
    // A fence is as great as it gets, too.
    let control = fresh.db.collection::<Document>("migrations");
    let held = doc! { "$set": {
        "owner": "nobody", "fence": GREATER - 10,
        "expiresAt": mongrate::bson::DateTime::from_millis(4_102_444_800_000),
        "by": { "host": "go\u{202e}ne", "pid": 1_i64, "app": "test" },
    } };
    control.update_one(doc! { "_id": "lock" }, held).await.unwrap();
    let shown = browser.until("[data-banner=held]", &format!("fence {}", GREATER - 10)).await;
    assert!(shown.contains("go\\u{202e}ne"), "{shown}");
    // Its lease runs: the database's name is asked for.
    browser.click("[data-banner=held] button").await;
    browser.until("dialog[open] #dialog-yes", &format!("Release fence {}", GREATER - 10)).await;
    let disabled = "document.getElementById('dialog-yes').disabled";
    assert_eq!(browser.evaluate(disabled).await, json!(true));
    browser.type_into("#confirm-name", fresh.db.name()).await;
    browser.click("#dialog-yes").await;
    browser.until("#lock", "Lock free").await;
    browser.end(served, fresh).await;
}

/// An app with a session in a cookie; `/login` begins it.
fn app_with_session(api: &Api) -> Router {
    let session = async |mut request: Request<Body>, next: Next| {
        let cookies = request.headers().get("cookie").and_then(|cookies| cookies.to_str().ok());
        if cookies.is_some_and(|cookies| cookies.contains("session=anna-0123456789")) {
            let name = "anna@shop.test".to_owned();
            request.extensions_mut().insert(Identity { name, scope: Scope::Write });
        }
        next.run(request).await
    };
    let login = async || {
        let cookie = "session=anna-0123456789; Path=/; HttpOnly; SameSite=Strict";
        ([("set-cookie", cookie), ("content-type", "text/html")], "<title>in</title>signed in")
    };
    Router::new().route("/login", get(login)).nest("/admin", api.router().layer(from_fn(session)))
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs Chromium and its driver: bash tests/outside"]
async fn a_user_signed_in_to_the_app_is_signed_in() {
    let fresh = TestDb::new("http_dashboard_app").await;
    let api = Api::new(fresh.migrator([effect!(1), effect!(2)]), Auth::external());
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let app = app_with_session(&api);
    let serving = tokio::spawn(async move { axum::serve(listener, app).await });
    let browser = Browser::open(false, 1_200).await;
    let url = format!("http://{address}/admin{PREFIX}");
    // A stranger is told where to sign in, and is asked for no token.
    browser.goto(&url).await;
    browser.until("#sign-in", "Sign in to the app").await;
    browser.until("#alert", "sign in to the app").await;
    let by_token = "document.getElementById('by-token').hidden";
    assert_eq!(browser.evaluate(by_token).await, json!(true));
    // Signed in meanwhile, as in another tab.
    browser.evaluate("fetch('/login').then(() => document.title = 'back')").await;
    let back = "document.title === 'back'";
    while browser.evaluate(back).await != json!(true) {
        sleep(Duration::from_millis(50)).await;
    }
    browser.click("#sign-in-button").await;
    browser.until("#who", "anna@shop.test, may write").await;
    assert_eq!(browser.text("#alert").await, "");
    browser.click("#up").await;
    browser.until("dialog[open] #dialog-yes", "Apply 2").await;
    browser.click("#dialog-yes").await;
    // The stream of events works, too.
    browser.until("#strip-title", "done after").await;
    browser.until("#counts", "2\napplied").await;
    browser.click("#to-timeline").await;
    browser.click("#events-title").await;
    browser.until("#events", "HTTP token anna@shop.test").await;
    // A user who is already signed in sees the board at once.
    browser.goto(&url).await;
    browser.until("#list", "effect").await;
    browser.assert_calm().await;
    browser.close().await;
    serving.abort();
    fresh.pass().await;
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs Chromium and its driver: bash tests/outside"]
async fn a_user_who_may_only_read_is_offered_nothing_else() {
    let fresh = TestDb::new("http_dashboard_read").await;
    let (served, url) = start(&fresh, false).await;
    let browser = Browser::open(false, 1_200).await;
    // The slash at the end makes no difference.
    browser.goto(&format!("{url}/")).await;
    browser.type_into("#token", &format!("{READ}\u{e007}")).await;
    browser.until("#who", "read, may read").await;
    browser.until("#act", "may only read").await;
    let open = "[...document.querySelectorAll('[data-writes], #pause, #resume, #tune, #cancel, #hold')].some((one) => !one.disabled && one.checkVisibility())";
    assert_eq!(browser.evaluate(open).await, json!(false));
    // The plan is shown, and nothing else is offered.
    browser.click("#up").await;
    browser.until("dialog[open] #plan", "apply 3 last_one").await;
    let open = "[...document.querySelectorAll('#dialog-foot button')].filter((one) => !one.disabled).map((one) => one.textContent)";
    assert_eq!(browser.evaluate(open).await, json!(["Close"]));
    browser.click("#dialog-no").await;
    browser.click("#sign-out").await;
    browser.until("#sign-in", "Sign in").await;
    assert_eq!(browser.evaluate("document.getElementById('board').hidden").await, json!(true));
    // Every control has a name, for users who cannot see it.
    let nameless = "[...document.querySelectorAll('button, select, input, progress')].filter((one) => \
        !(one.labels?.length || one.textContent.trim() || one.ariaLabel || one.getAttribute('aria-labelledby'))).map((one) => one.outerHTML)";
    assert_eq!(browser.evaluate(nameless).await, json!([]));
    browser.assert_calm().await;
    browser.close().await;
    served.end("TERM").await;
    fresh.pass().await;
}
