//! A server that webhooks are sent to: it answers as the test says, and keeps what arrives.

use std::{
    collections::VecDeque,
    io::{BufRead as _, BufReader, Read as _, Write as _},
    net::{TcpListener, TcpStream},
    sync::{Arc, Mutex},
    thread,
    time::{Duration, Instant},
};

use serde_json::Value;

/// A request as it arrived.
#[derive(Clone, Debug)]
pub struct Received {
    /// The first line, as `POST /hook HTTP/1.1`.
    pub line: String,
    /// Names in lower case, and values.
    pub headers: Vec<(String, String)>,
    /// The bytes of the body.
    pub body: Vec<u8>,
}

impl Received {
    /// The value of a header; empty if there is none.
    pub fn header(&self, name: &str) -> &str {
        let found = self.headers.iter().find(|(header, _)| header == name);
        found.map_or("", |(_, value)| value.as_str())
    }

    /// The body as JSON.
    ///
    /// # Panics
    ///
    /// When it is none.
    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.body).expect("a JSON body")
    }

    /// The field `type` of the body.
    pub fn name(&self) -> String {
        self.json().get("type").and_then(Value::as_str).unwrap_or_default().to_owned()
    }
}

/// What the server does with a request.
#[derive(Clone, Debug)]
pub enum Reply {
    /// This status.
    Status(u16),
    /// This status, and a header.
    With(u16, &'static str, String),
    /// It reads the request, and never answers.
    Hang,
    /// It does not even read.
    Deaf,
}

#[derive(Debug, Default)]
struct State {
    script: VecDeque<Reply>,
    received: Vec<Received>,
    /// Connections that are never answered; open until the end.
    held: Vec<TcpStream>,
}

/// The server. Each connection has one request.
#[derive(Clone, Debug)]
pub struct Receiver {
    state: Arc<Mutex<State>>,
    /// Its port, on 127.0.0.1.
    pub port: u16,
}

impl Receiver {
    /// Starts one that answers with the script, and with 200 after that.
    ///
    /// # Panics
    ///
    /// When no port can be had.
    pub fn start(script: impl IntoIterator<Item = Reply>) -> Self {
        let listener = TcpListener::bind(("127.0.0.1", 0)).expect("a port");
        let port = listener.local_addr().expect("an address").port();
        let script = script.into_iter().collect();
        let state = Arc::new(Mutex::new(State { script, ..State::default() }));
        let of = Arc::clone(&state);
        thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let state = Arc::clone(&of);
                thread::spawn(move || serve(stream, &state));
            }
        });
        Self { state, port }
    }

    /// The address of a path.
    pub fn url(&self, path: &str) -> String {
        format!("http://127.0.0.1:{}{path}", self.port)
    }

    /// What has arrived so far.
    ///
    /// # Panics
    ///
    /// Never.
    pub fn received(&self) -> Vec<Received> {
        self.state.lock().unwrap().received.clone()
    }

    /// The names of the events that have arrived.
    pub fn names(&self) -> Vec<String> {
        self.received().iter().map(Received::name).collect()
    }

    /// What has arrived, once it is so much.
    ///
    /// # Panics
    ///
    /// When it is not so much within a minute.
    pub async fn wait(&self, count: usize) -> Vec<Received> {
        let begun = Instant::now();
        loop {
            let received = self.received();
            if received.len() >= count {
                return received;
            }
            assert!(begun.elapsed() < Duration::from_secs(60), "{} of {count}", received.len());
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }
}

fn serve(mut stream: TcpStream, state: &Mutex<State>) {
    let reply = state.lock().unwrap().script.pop_front().unwrap_or(Reply::Status(200));
    if matches!(reply, Reply::Deaf) {
        state.lock().unwrap().held.push(stream);
        return;
    }
    let Some(received) = read(&stream) else { return };
    state.lock().unwrap().received.push(received);
    let (status, more) = match reply {
        Reply::Status(status) => (status, String::new()),
        Reply::With(status, name, value) => (status, format!("{name}: {value}\r\n")),
        Reply::Hang | Reply::Deaf => {
            state.lock().unwrap().held.push(stream);
            return;
        }
    };
    let answer =
        format!("HTTP/1.1 {status} x\r\n{more}content-length: 4\r\nconnection: close\r\n\r\nseen");
    let _ = stream.write_all(answer.as_bytes());
}

fn read(stream: &TcpStream) -> Option<Received> {
    let mut reader = BufReader::new(stream);
    let mut line = String::new();
    reader.read_line(&mut line).ok()?;
    let mut headers = Vec::new();
    loop {
        let mut header = String::new();
        reader.read_line(&mut header).ok()?;
        let Some((name, value)) = header.trim_end().split_once(':') else { break };
        headers.push((name.to_ascii_lowercase(), value.trim().to_owned()));
    }
    let length = headers.iter().find(|(name, _)| name == "content-length");
    let mut body = vec![0; length.and_then(|(_, value)| value.parse().ok()).unwrap_or(0)];
    reader.read_exact(&mut body).ok()?;
    Some(Received { line: line.trim_end().to_owned(), headers, body })
}
