//! A server that only speaks MongoDB's wire protocol, for products that cannot be had here: it says
//! what they say of themselves, refuses what they refuse, and notes every command.
//! <https://www.mongodb.com/docs/manual/reference/mongodb-wire-protocol/>

use std::{
    io,
    sync::{Arc, Mutex, PoisonError},
};

use mongrate::bson::{Document, doc};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::{TcpListener, TcpStream},
    task::JoinHandle,
};

const HEADER_BYTES: usize = 16;
const MESSAGE_BYTES_MAX: usize = 48_000_000;
const OP_REPLY: i32 = 1;
const OP_QUERY: i32 = 2_004;
const OP_MSG: i32 = 2_013;

/// A product, as its documentation and its source describe it.
#[derive(Clone, Debug, Default)]
pub struct Product {
    /// What it adds to the usual answer to `hello`.
    pub hello: Document,
    /// What it answers to `buildInfo`.
    pub build_info: Document,
    /// What each answer of it has, as `operationTime`.
    pub every: Document,
    /// Commands, or words in commands, that it refuses, with the code and the text.
    pub refuses: Vec<(&'static str, i32, &'static str)>,
}

/// Such a server, until it is dropped.
#[derive(Debug)]
pub struct Lookalike {
    /// How a client gets to it.
    pub uri: String,
    commands: Arc<Mutex<Vec<String>>>,
    listening: JoinHandle<()>,
}

impl Drop for Lookalike {
    fn drop(&mut self) {
        self.listening.abort();
    }
}

impl Lookalike {
    /// Starts one on a port of its own.
    ///
    /// # Panics
    ///
    /// When the system has no port.
    pub async fn start(product: Product) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let address = listener.local_addr().expect("its address");
        let commands = Arc::new(Mutex::new(Vec::new()));
        let (product, noted) = (Arc::new(product), Arc::clone(&commands));
        let listening = tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                tokio::spawn(serve(client, Arc::clone(&product), Arc::clone(&noted)));
            }
        });
        let uri = format!(
            "mongodb://{address}/?directConnection=true&serverSelectionTimeoutMS=5000&retryReads=false"
        );
        Self { uri, commands, listening }
    }

    /// The names of the commands so far, without those that the driver sends by itself.
    pub fn commands(&self) -> Vec<String> {
        self.commands.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

async fn serve(
    mut client: TcpStream,
    product: Arc<Product>,
    noted: Arc<Mutex<Vec<String>>>,
) -> io::Result<()> {
    loop {
        let mut header = [0; HEADER_BYTES];
        client.read_exact(&mut header).await?;
        let length = usize::try_from(word(&header, 0)).unwrap_or(0);
        if !(HEADER_BYTES..=MESSAGE_BYTES_MAX).contains(&length) {
            return Err(io::Error::other("a message of an impossible length"));
        }
        let mut body = vec![0; length - HEADER_BYTES];
        client.read_exact(&mut body).await?;
        let is_query = word(&header, 12) == OP_QUERY;
        let command = if is_query { query(&body) } else { message(&body) };
        let command = command.ok_or_else(|| io::Error::other("a message without a command"))?;
        let answer = product.answer(&command, &noted);
        let answer = encoded(word(&header, 4), is_query, &answer);
        client.write_all(&answer).await?;
    }
}

impl Product {
    fn answer(&self, command: &Document, noted: &Mutex<Vec<String>>) -> Document {
        let name = command.keys().next().map(String::as_str).unwrap_or_default();
        let is_drivers = ["ping", "endSessions"].contains(&name);
        let is_hello = ["hello", "isMaster", "ismaster"].contains(&name);
        // The driver's own carry its metadata, or say that they may wait.
        let is_monitoring =
            is_hello && (command.contains_key("client") || !command.contains_key("lsid"));
        if !is_drivers && !is_monitoring {
            noted.lock().unwrap_or_else(PoisonError::into_inner).push(name.to_owned());
        }
        let text = command.to_string();
        let refused = self.refuses.iter().find(|(word, ..)| *word == name || text.contains(*word));
        let mut answer = match refused {
            _ if is_hello => self.hello(),
            Some((_, code, message)) => doc! { "ok": 0, "code": code, "errmsg": *message },
            None => match name {
                "buildInfo" => {
                    let mut info = doc! { "version": "5.0.0", "ok": 1 };
                    info.extend(self.build_info.clone());
                    info
                }
                "find" | "aggregate" | "listCollections" => {
                    let namespace = "db.migrations";
                    doc! { "cursor": { "id": 0_i64, "ns": namespace, "firstBatch": [] }, "ok": 1 }
                }
                _ => doc! { "n": 1, "ok": 1 },
            },
        };
        answer.extend(self.every.clone());
        answer
    }

    fn hello(&self) -> Document {
        let mut hello = doc! {
            "isWritablePrimary": true, "ismaster": true, "helloOk": true,
            "maxBsonObjectSize": 16_777_216, "maxMessageSizeBytes": 48_000_000,
            "maxWriteBatchSize": 100_000, "logicalSessionTimeoutMinutes": 30,
            "minWireVersion": 0, "maxWireVersion": 13, "readOnly": false, "ok": 1,
        };
        hello.extend(self.hello.clone());
        hello
    }
}

/// Little-endian; 0 beyond the end.
fn word(bytes: &[u8], at: usize) -> i32 {
    let bytes = bytes.get(at..at + 4).and_then(|bytes| bytes.try_into().ok());
    bytes.map_or(0, i32::from_le_bytes)
}

/// The command of an `OP_QUERY`, with which the driver says hello: flags, a name that ends in 0, two
/// numbers, the command.
fn query(body: &[u8]) -> Option<Document> {
    let name = body.get(4..)?;
    let end = name.iter().position(|byte| *byte == 0)?;
    Document::from_reader(name.get(end + 9..)?).ok()
}

/// The body of an `OP_MSG`, and what its sequences hold: flags, then sections.
fn message(body: &[u8]) -> Option<Document> {
    let mut sections = body.get(4..)?;
    loop {
        let (kind, rest) = sections.split_first()?;
        let length = usize::try_from(word(rest, 0)).ok()?;
        if *kind == 0 {
            return Document::from_reader(rest.get(..length)?).ok();
        }
        sections = rest.get(length..)?;
    }
}

fn encoded(request: i32, is_query: bool, answer: &Document) -> Vec<u8> {
    let answer = answer.to_vec().expect("a small document");
    let mut body = Vec::new();
    if is_query {
        // Flags, a cursor of eight bytes, where it starts, how many documents follow.
        for number in [0, 0, 0, 0, 1_i32] {
            body.extend(number.to_le_bytes());
        }
    } else {
        body.extend([0; 5]);
    }
    body.extend(answer);
    let length = i32::try_from(HEADER_BYTES + body.len()).expect("short");
    let operation = if is_query { OP_REPLY } else { OP_MSG };
    let mut message = Vec::new();
    for number in [length, 0, request, operation] {
        message.extend(number.to_le_bytes());
    }
    message.extend(body);
    message
}
