//! A browser that is driven over the WebDriver protocol: Chromium, without a window.

use std::{net::SocketAddr, path::PathBuf, process::Stdio};

use mongrate::{CancellationToken, http::Api};
use mongrate_tests::TestDb;
use serde_json::{Value, json};
use tokio::{
    io::{AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _, BufReader},
    net::{TcpListener, TcpStream},
    process::{Child, Command},
    task::JoinHandle,
    time::{Duration, Instant, sleep, timeout},
};

use crate::{
    support::{PREFIX, WRITE},
    wire::split,
};

/// How long something may take to show.
pub(crate) const PATIENCE: Duration = Duration::from_secs(60);

/// A browser, and its one window.
pub(crate) struct Browser {
    driver: Child,
    address: SocketAddr,
    session: String,
}

impl Browser {
    pub(crate) async fn open(dark: bool, width: u32) -> Self {
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

    pub(crate) async fn send(&self, method: &str, path: &str, body: &Value) -> Value {
        let (status, answer) = self.ask(method, path, body).await;
        assert_eq!(status, 200, "{path} {body}: {answer}");
        serde_json::from_str::<Value>(&answer).unwrap()["value"].take()
    }

    async fn ask(&self, method: &str, path: &str, body: &Value) -> (u16, String) {
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
        loop {
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
                return split(&text);
            }
            assert!(read > 0, "{path} is answered in part: {text}");
        }
    }

    pub(crate) async fn goto(&self, url: &str) {
        self.send("POST", "/session/{}/url", &json!({ "url": url })).await;
    }

    pub(crate) async fn element(&self, selector: &str) -> String {
        let wanted = json!({ "using": "css selector", "value": selector });
        let found = self.send("POST", "/session/{}/element", &wanted).await;
        let id = found.as_object().and_then(|one| one.values().next()?.as_str().map(str::to_owned));
        id.unwrap_or_else(|| panic!("{selector}: {found}"))
    }

    /// Once it may be clicked: a button that is disabled, as all that write are until a run's
    /// end is known, takes a click and does nothing.
    pub(crate) async fn click(&self, selector: &str) {
        let script = format!(
            "(one => Boolean(one) && !one.disabled && one.checkVisibility())(document.querySelector({selector:?}))"
        );
        let begun = Instant::now();
        loop {
            if self.evaluate(&script).await == json!(true) {
                let id = self.element(selector).await;
                let path = format!("/session/{{}}/element/{id}/click");
                let (status, answer) = self.ask("POST", &path, &json!({})).await;
                // It may have been drawn again in between.
                if status == 200 {
                    return;
                }
                assert!(answer.contains("stale element"), "{selector}: {answer}");
            }
            assert!(begun.elapsed() < PATIENCE, "{selector} is never there to be clicked");
            sleep(Duration::from_millis(50)).await;
        }
    }

    pub(crate) async fn type_into(&self, selector: &str, text: &str) {
        let id = self.element(selector).await;
        let keys = json!({ "text": text });
        self.send("POST", &format!("/session/{{}}/element/{id}/value"), &keys).await;
    }

    pub(crate) async fn evaluate(&self, script: &str) -> Value {
        let body = json!({ "script": format!("return {script}"), "args": [] });
        self.send("POST", "/session/{}/execute/sync", &body).await
    }

    /// Opens the page, and signs in with the token that may write.
    pub(crate) async fn sign_in(&self, url: &str) {
        self.goto(url).await;
        self.type_into("#token", &format!("{WRITE}\u{e007}")).await;
        self.until_true("!document.getElementById('board').hidden").await;
    }

    /// Waits until the script's value is true.
    pub(crate) async fn until_true(&self, script: &str) {
        let begun = Instant::now();
        while self.evaluate(script).await != json!(true) {
            assert!(begun.elapsed() < PATIENCE, "never: {script}");
            sleep(Duration::from_millis(50)).await;
        }
    }

    /// Presses keys, whatever has the focus.
    pub(crate) async fn press(&self, keys: &str) {
        let actions: Vec<Value> = keys
            .chars()
            .flat_map(|key| {
                let key = key.to_string();
                [
                    json!({ "type": "keyDown", "value": key }),
                    json!({ "type": "keyUp", "value": key }),
                ]
            })
            .collect();
        let body = json!({ "actions": [{ "type": "key", "id": "keys", "actions": actions }] });
        self.send("POST", "/session/{}/actions", &body).await;
    }

    /// A command of the browser's own protocol.
    pub(crate) async fn command(&self, command: &str, parameters: Value) -> Value {
        let body = json!({ "cmd": command, "params": parameters });
        self.send("POST", "/session/{}/goog/cdp/execute", &body).await
    }

    /// Makes the window this wide, light or dark, and without motion.
    pub(crate) async fn look(&self, width: u32, dark: bool) {
        let height = if width < 500 { 844 } else { 900 };
        let size = json!({ "width": width, "height": height, "deviceScaleFactor": 1, "mobile": width < 500 });
        self.command("Emulation.setDeviceMetricsOverride", size).await;
        let scheme = if dark { "dark" } else { "light" };
        let features = json!([
            { "name": "prefers-color-scheme", "value": scheme },
            { "name": "prefers-reduced-motion", "value": "reduce" },
        ]);
        self.command("Emulation.setEmulatedMedia", json!({ "features": features })).await;
        // Two frames: what depends on the width is drawn again.
        self.wait_for("new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(() => done(true))))").await;
    }

    /// The value of a promise.
    pub(crate) async fn wait_for(&self, script: &str) -> Value {
        let script = format!(
            "const done = arguments[arguments.length - 1]; Promise.resolve({script}).then(done, (error) => done({{ failed: String(error) }}))"
        );
        let body = json!({ "script": script, "args": [] });
        self.send("POST", "/session/{}/execute/async", &body).await
    }

    /// What is to be seen of an element.
    pub(crate) async fn text(&self, selector: &str) -> String {
        let script = format!("document.querySelector({selector:?})?.innerText");
        self.evaluate(&script).await.as_str().unwrap_or_default().to_owned()
    }

    /// Until the element shows this.
    pub(crate) async fn until(&self, selector: &str, text: &str) -> String {
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

    pub(crate) async fn screenshot(&self, name: &str) {
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
    pub(crate) async fn assert_calm(&self) {
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

    /// The end of a test that went well: of the browser, the server and the database.
    pub(crate) async fn end(self, served: InProcess, fresh: TestDb) {
        self.assert_calm().await;
        self.close().await;
        served.end().await;
        fresh.pass().await;
    }

    pub(crate) async fn close(mut self) {
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

/// A server of this process.
pub(crate) struct InProcess {
    pub(crate) url: String,
    pub(crate) address: SocketAddr,
    stop: CancellationToken,
    serving: JoinHandle<std::io::Result<()>>,
}

impl InProcess {
    pub(crate) async fn start(api: Api) -> Self {
        Self::start_at(api, SocketAddr::from(([127, 0, 0, 1], 0))).await
    }

    /// At an address that it had before, say.
    pub(crate) async fn start_at(api: Api, address: SocketAddr) -> Self {
        let listener = TcpListener::bind(address).await.unwrap();
        let address = listener.local_addr().unwrap();
        let url = format!("http://{address}{PREFIX}");
        let stop = CancellationToken::new();
        let until = stop.clone();
        let serving = tokio::spawn(async move { api.serve(listener, until).await });
        Self { url, address, stop, serving }
    }

    pub(crate) async fn end(self) {
        self.stop.cancel();
        self.serving.await.unwrap().unwrap();
    }
}
