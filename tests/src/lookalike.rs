//! A server that only speaks MongoDB's wire protocol, for products that cannot be had here: it says
//! what they say of themselves, refuses what they refuse, and notes every command.

use std::{
    io,
    sync::{Arc, Mutex, PoisonError},
};

use mongrate::bson::{Document, doc};
use tokio::{
    io::AsyncWriteExt as _,
    net::{TcpListener, TcpStream},
    task::JoinHandle,
};

use crate::wire::Message;

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
        let message = Message::read(&mut client).await?;
        let command = message.document();
        let command = command.ok_or_else(|| io::Error::other("a message without a command"))?;
        let answer = product.answer(&command, &noted);
        client.write_all(&message.answered(&answer).bytes()).await?;
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
