//! A proxy between the tests and a real server that answers some commands itself, and changes others on
//! their way: for what the server here cannot be, such as a mongos, or a deployment with search.

use std::{
    collections::HashMap,
    io,
    sync::{Arc, Mutex, PoisonError},
};

use mongrate::bson::Document;
use tokio::{
    io::AsyncWriteExt as _,
    net::{
        TcpListener, TcpStream,
        tcp::{OwnedReadHalf, OwnedWriteHalf},
    },
    task::JoinHandle,
};

use crate::wire::Message;

/// What stands between.
pub trait Between: Send + Sync + 'static {
    /// The answer to a command that does not go to the server.
    fn answer(&self, _command: &Document) -> Option<Document> {
        None
    }

    /// The command as the server gets it; `None`: as it is.
    fn command(&self, _command: &Document) -> Option<Document> {
        None
    }

    /// The answer as the client gets it; `None`: as it is. The command is not known for what the server
    /// sends without being asked again.
    fn reply(&self, _command: Option<&Document>, _reply: &Document) -> Option<Document> {
        None
    }
}

/// The proxy, until it is dropped.
#[derive(Debug)]
pub struct Proxy {
    /// Host and port to connect to.
    pub address: String,
    listening: JoinHandle<()>,
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.listening.abort();
    }
}

impl Proxy {
    /// Starts one in front of the server at `host:port`.
    ///
    /// # Panics
    ///
    /// When the system has no port.
    pub async fn start(server: &str, between: impl Between) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let address = listener.local_addr().expect("its address").to_string();
        let (server, between) = (server.to_owned(), Arc::new(between));
        let listening = tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                tokio::spawn(connect(client, server.clone(), Arc::clone(&between)));
            }
        });
        Self { address, listening }
    }
}

/// The commands that are on their way, by their numbers.
type OnTheWay = Mutex<HashMap<i32, Document>>;

type Client = Arc<tokio::sync::Mutex<OwnedWriteHalf>>;

async fn connect(client: TcpStream, server: String, between: Arc<impl Between>) -> io::Result<()> {
    let server = TcpStream::connect(server).await?;
    client.set_nodelay(true)?;
    server.set_nodelay(true)?;
    let ((from_client, to_client), (from_server, to_server)) =
        (client.into_split(), server.into_split());
    let to_client = Arc::new(tokio::sync::Mutex::new(to_client));
    let on_the_way = OnTheWay::default();
    tokio::select! {
        end = ask(from_client, to_server, &to_client, &*between, &on_the_way) => end,
        end = tell(from_server, &to_client, &*between, &on_the_way) => end,
    }
}

async fn ask(
    mut client: OwnedReadHalf,
    mut server: OwnedWriteHalf,
    to_client: &Client,
    between: &impl Between,
    on_the_way: &OnTheWay,
) -> io::Result<()> {
    loop {
        let mut message = Message::read(&mut client).await?;
        if let Some(command) = message.document() {
            if let Some(answer) = between.answer(&command) {
                to_client.lock().await.write_all(&message.answered(&answer).bytes()).await?;
                continue;
            }
            if let Some(other) = between.command(&command) {
                message = message.with(&other);
            }
            let mut on_the_way = on_the_way.lock().unwrap_or_else(PoisonError::into_inner);
            on_the_way.insert(message.id, command);
        }
        server.write_all(&message.bytes()).await?;
    }
}

async fn tell(
    mut server: OwnedReadHalf,
    to_client: &Client,
    between: &impl Between,
    on_the_way: &OnTheWay,
) -> io::Result<()> {
    loop {
        let mut message = Message::read(&mut server).await?;
        let command = {
            let mut on_the_way = on_the_way.lock().unwrap_or_else(PoisonError::into_inner);
            on_the_way.remove(&message.answers)
        };
        let changed = message.document().and_then(|reply| between.reply(command.as_ref(), &reply));
        if let Some(reply) = changed {
            message = message.with(&reply);
        }
        to_client.lock().await.write_all(&message.bytes()).await?;
    }
}
