//! The dashboard in a real browser: `bash tests/outside`, which needs Chromium and its
//! driver. Screenshots go where `SCREENSHOTS` says.

use std::{net::SocketAddr, path::PathBuf, process::Stdio};

use mongrate::{
    CancellationToken, Migration,
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
use serde_json::{Value, json};
use tokio::{
    io::{AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _, BufReader},
    net::{TcpListener, TcpStream},
    process::{Child, Command},
    time::{Duration, Instant, sleep, timeout},
};

use crate::{
    support::{PREFIX, READ, WRITE, auth},
    wire::{Served, command, split},
};

/// How long something may take to show.
const PATIENCE: Duration = Duration::from_secs(60);

/// A browser, and its one window.
struct Browser {
    driver: Child,
    address: SocketAddr,
    session: String,
}

impl Browser {
    async fn open(dark: bool, width: u32) -> Self {
        let mut driver = Command::new("chromedriver")
            .args(["--port=0"])
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .process_group(0)
            .spawn()
            .expect("chromedriver is there: apt-get install chromium-driver");
        let mut lines = BufReader::new(driver.stdout.take().unwrap()).lines();
        let port: u16 = loop {
            let line = lines.next_line().await.unwrap().expect("it says its port");
            if let Some((_, port)) = line.split_once("successfully on port ") {
                break port.trim_end_matches('.').parse().unwrap();
            }
        };
        tokio::spawn(async move { while let Ok(Some(_)) = lines.next_line().await {} });
        let address = SocketAddr::from(([127, 0, 0, 1], port));
        let mut args = vec![
            "--headless=new".to_owned(),
            "--no-sandbox".to_owned(),
            "--disable-dev-shm-usage".to_owned(),
            format!("--window-size={width},1000"),
        ];
        if dark {
            args.push("--force-dark-mode".to_owned());
            args.push("--blink-settings=preferredColorScheme=0".to_owned());
        }
        let mut options = json!({ "args": args });
        if width < 500 {
            // A window is not made that narrow.
            let metrics = json!({ "width": width, "height": 844, "pixelRatio": 1, "touch": true });
            options["mobileEmulation"] = json!({ "deviceMetrics": metrics });
        }
        let wanted = json!({ "capabilities": { "alwaysMatch": {
            "goog:chromeOptions": options,
            "goog:loggingPrefs": { "browser": "ALL" },
        } } });
        let mut browser = Self { driver, address, session: String::new() };
        let made = browser.send("POST", "/session", &wanted).await;
        browser.session = made["sessionId"].as_str().unwrap_or_else(|| panic!("{made}")).to_owned();
        browser
    }

    async fn send(&self, method: &str, path: &str, body: &Value) -> Value {
        let body = if method == "POST" { body.to_string() } else { String::new() };
        let path = path.replace("{}", &self.session);
        let head = format!(
            "{method} {path} HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n\
             Content-Length: {}\r\nConnection: close\r\n\r\n{body}",
            body.len()
        );
        let mut stream = TcpStream::connect(self.address).await.unwrap();
        stream.write_all(head.as_bytes()).await.unwrap();
        // The driver keeps its connections open, whatever it is asked.
        let mut bytes = Vec::new();
        let (status, answer) = loop {
            let read = timeout(PATIENCE, stream.read_buf(&mut bytes)).await;
            let read = read.unwrap_or_else(|_| panic!("{path} is not answered")).unwrap();
            let text = String::from_utf8_lossy(&bytes);
            let length = text
                .lines()
                .filter_map(|line| line.split_once(':'))
                .find(|(name, _)| name.eq_ignore_ascii_case("content-length"))
                .and_then(|(_, length)| length.trim().parse::<usize>().ok());
            if let (Some(length), Some(at)) = (length, text.find("\r\n\r\n"))
                && bytes.len() >= at + 4 + length
            {
                break split(&text);
            }
            assert!(read > 0, "{path} is answered in part: {text}");
        };
        assert_eq!(status, 200, "{path} {body}: {answer}");
        serde_json::from_str::<Value>(&answer).unwrap()["value"].take()
    }

    async fn goto(&self, url: &str) {
        self.send("POST", "/session/{}/url", &json!({ "url": url })).await;
    }

    async fn element(&self, selector: &str) -> String {
        let wanted = json!({ "using": "css selector", "value": selector });
        let found = self.send("POST", "/session/{}/element", &wanted).await;
        let id = found.as_object().and_then(|one| one.values().next()?.as_str().map(str::to_owned));
        id.unwrap_or_else(|| panic!("{selector}: {found}"))
    }

    /// Once it may be clicked: a button that is disabled, as all that write are until a run's
    /// end is known, takes a click and does nothing.
    async fn click(&self, selector: &str) {
        let script = format!("document.querySelector({selector:?})?.disabled === false");
        let begun = Instant::now();
        while self.evaluate(&script).await != json!(true) {
            assert!(begun.elapsed() < PATIENCE, "{selector} is never there to be clicked");
            sleep(Duration::from_millis(50)).await;
        }
        let id = self.element(selector).await;
        self.send("POST", &format!("/session/{{}}/element/{id}/click"), &json!({})).await;
    }

    async fn type_into(&self, selector: &str, text: &str) {
        let id = self.element(selector).await;
        let keys = json!({ "text": text });
        self.send("POST", &format!("/session/{{}}/element/{id}/value"), &keys).await;
    }

    async fn evaluate(&self, script: &str) -> Value {
        let body = json!({ "script": format!("return {script}"), "args": [] });
        self.send("POST", "/session/{}/execute/sync", &body).await
    }

    /// What is to be seen of an element.
    async fn text(&self, selector: &str) -> String {
        let script = format!("document.querySelector({selector:?})?.innerText");
        self.evaluate(&script).await.as_str().unwrap_or_default().to_owned()
    }

    /// Until the element shows this.
    async fn until(&self, selector: &str, text: &str) -> String {
        let begun = Instant::now();
        loop {
            let shown = self.text(selector).await;
            if shown.contains(text) {
                return shown;
            }
            assert!(begun.elapsed() < PATIENCE, "{selector} never shows {text:?}, but {shown:?}");
            sleep(Duration::from_millis(50)).await;
        }
    }

    async fn screenshot(&self, name: &str) {
        let Some(dir) = std::env::var_os("SCREENSHOTS") else { return };
        let taken = self.send("GET", "/session/{}/screenshot", &Value::Null).await;
        let path = PathBuf::from(dir).join(format!("{name}.png"));
        // Base64, which the standard library does not read.
        let mut child = Command::new("base64")
            .arg("-d")
            .stdin(Stdio::piped())
            .stdout(std::fs::File::create(&path).unwrap())
            .spawn()
            .unwrap();
        let mut stdin = child.stdin.take().unwrap();
        stdin.write_all(taken.as_str().unwrap().as_bytes()).await.unwrap();
        drop(stdin);
        child.wait().await.unwrap();
    }

    /// That nothing was refused by the policy, and no script failed.
    async fn assert_calm(&self) {
        let body = json!({ "type": "browser" });
        let log = self.send("POST", "/session/{}/se/log", &body).await;
        let wrong: Vec<&Value> = log
            .as_array()
            .unwrap()
            .iter()
            .filter(|entry| entry["level"] == "SEVERE")
            // What is answered with a problem is logged as well.
            .filter(|entry| entry["source"] != "network")
            .collect();
        assert!(wrong.is_empty(), "{wrong:?}");
    }

    async fn close(mut self) {
        self.send("DELETE", "/session/{}", &Value::Null).await;
        let _ = self.driver.start_kill();
        let _ = timeout(PATIENCE, self.driver.wait()).await;
    }
}

impl Drop for Browser {
    /// Also after a failure: the driver, and the browser that it started.
    fn drop(&mut self) {
        if let Some(pid) = self.driver.id() {
            let group = format!("-{pid}");
            let _ = std::process::Command::new("kill").args(["-s", "KILL", "--", &group]).status();
        }
    }
}

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
    browser.evaluate("document.getElementById('token').value = ''").await;
    browser.type_into("#token", &format!("{WRITE}\u{e007}")).await;
    browser.until("#who", "write, may write").await;
    browser.until("#list", "mark_visits").await;
    let address = browser.evaluate("location.href + document.cookie + JSON.stringify({...sessionStorage, ...localStorage})").await;
    assert!(!address.to_string().contains(WRITE), "{address}");
    browser.screenshot("2-pending").await;

    // The plan, and the dry run's report.
    browser.click("#up-plan").await;
    browser.until("dialog[open] #dialog-body", "apply 2 mark_visits").await;
    browser.click("#dialog-no").await;
    browser.click("#up-dry").await;
    browser.until("#run-report", "nothing was written").await;
    browser.until("#run-steps", "insert").await;
    browser.screenshot("3-dry-run").await;

    // What will happen is shown before it does; Escape is a no.
    browser.click("#up").await;
    browser.until("dialog[open] #dialog-body", "apply 3 last_one").await;
    browser.screenshot("4-confirm").await;
    browser.type_into("#dialog-no", "\u{e00c}").await;
    browser.click("#up").await;
    browser.until("dialog[open] #dialog-yes", "Apply 3").await;
    browser.click("#dialog-yes").await;
    browser.until("#run-steps", "of 2,000 documents").await;
    browser.screenshot("5-running").await;
    browser.until("#run-summary", "done after").await;
    browser.until("#counts", "3\napplied").await;
    browser.until("#timeline", "mark_visits").await;
    browser.until("#lock", "The lock is free").await;
    browser.screenshot("6-done").await;

    browser.click("#down").await;
    browser.until("dialog[open] #dialog-body", "roll back 3 last_one").await;
    browser.click("#dialog-yes").await;
    browser.until("#counts", "2\napplied").await;
    browser.until("#timeline", "reverted").await;
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
    browser.until("#run-summary", "failed after").await;
    browser.until("#counts", "1\nfailed").await;
    // Text is text, whatever it is.
    browser.until("#run-steps", "<b>the last one</b> fails as it was told to").await;
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
    let api = Api::new(fresh.migrator(list), auth());
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}{PREFIX}", listener.local_addr().unwrap());
    let stop = CancellationToken::new();
    let until = stop.clone();
    let serving = tokio::spawn(async move { api.serve(listener, until).await });
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
    let choose = |select: &str, value: String| {
        format!("(document.querySelector('{select}').value = '{value}')")
    };
    browser.evaluate(&choose("#up-to", (GREAT + 2).to_string())).await;
    browser.click("#up").await;
    let body = browser.until("dialog[open] #dialog-body", "second").await;
    assert!(body.contains(&format!("apply {GREAT} ")), "{body}");
    assert!(!body.contains("the_last") && !body.contains('\u{202e}'), "{body}");
    browser.click("#dialog-yes").await;
    browser.until("#run-summary", "done after").await;
    browser.until("#counts", "2\napplied").await;
    let steps = browser.until("#run-steps", &(GREAT + 2).to_string()).await;
    assert!(steps.contains(&GREAT.to_string()), "{steps}");
    browser.evaluate(&choose("#up-to", GREATER.to_string())).await;
    browser.click("#up").await;
    browser.until("dialog[open] #dialog-body", &GREATER.to_string()).await;
    browser.click("#dialog-yes").await;
    browser.until("#counts", "3\napplied").await;
    browser.evaluate(&choose("#down-to", format!("to:{GREAT}"))).await;
    browser.click("#down").await;
    browser.until("dialog[open] #dialog-yes", "Roll back 2").await;
    browser.click("#dialog-yes").await;
    browser.until("#counts", "1\napplied").await;
    let timeline = browser.until("#timeline", "reverted").await;
    assert!(timeline.contains(&GREATER.to_string()), "{timeline}");
    // Paused with a reason, and resumed.
    browser.click("#pause").await;
    browser.until("dialog[open] #dialog-yes", "Pause").await;
    browser.type_into("#why", "the <b>sale</b>").await;
    browser.click("#dialog-yes").await;
    let shown = browser.until("#steering", "nothing more begins").await;
    assert!(shown.contains("the <b>sale</b>"), "{shown}");
    browser.screenshot("9-paused").await;
    browser.click("#resume").await;
    browser.until("#timeline", "resumed").await;
    assert_eq!(browser.text("#steering").await, "");
    // A fence is as great as it gets, too.
    let control = fresh.db.collection::<Document>("migrations");
    let held = doc! { "$set": {
        "owner": "nobody", "fence": GREATER - 10,
        "expiresAt": mongrate::bson::DateTime::from_millis(4_102_444_800_000),
        "by": { "host": "go\u{202e}ne", "pid": 1_i64, "app": "test" },
    } };
    control.update_one(doc! { "_id": "lock" }, held).await.unwrap();
    let shown = browser.until("#lock", &format!("fence {}", GREATER - 10)).await;
    assert!(shown.contains("go\\u{202e}ne"), "{shown}");
    browser.click("#unlock").await;
    browser.until("dialog[open] #dialog-yes", &format!("Release fence {}", GREATER - 10)).await;
    browser.click("#dialog-yes").await;
    browser.until("#lock", "The lock is free").await;
    browser.assert_calm().await;
    browser.close().await;
    stop.cancel();
    serving.await.unwrap().unwrap();
    fresh.pass().await;
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
    browser.until("#run-summary", "done after").await;
    browser.until("#counts", "2\napplied").await;
    browser.until("#timeline", "HTTP token anna@shop.test").await;
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
    let open = "[...document.querySelectorAll('[data-writes]')].some((one) => !one.disabled)";
    assert_eq!(browser.evaluate(open).await, json!(false));
    browser.click("#sign-out").await;
    browser.until("#sign-in", "Sign in").await;
    assert_eq!(browser.evaluate("document.getElementById('board').hidden").await, json!(true));
    // Every control has a name, for users who cannot see it.
    let nameless = "[...document.querySelectorAll('button, select, input, progress')].filter((one) => \
        !(one.labels?.length || one.textContent.trim() || one.ariaLabel || one.getAttribute('aria-labelledby'))).map((one) => one.outerHTML)";
    assert_eq!(
        browser.evaluate(nameless).await,
        json!(["<button type=\"button\" id=\"dialog-yes\" class=\"main\"></button>"])
    );
    browser.assert_calm().await;
    browser.close().await;
    served.end("TERM").await;
    fresh.pass().await;
}
