//! A proxy that understands MongoDB's messages: it can cut the connection, or hold back or
//! swallow a reply, *after* the server has executed the command, which no fail point does; and it
//! can refuse a command as a service does that offers less than a server.

use std::{
    collections::HashSet,
    io,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicU32, Ordering},
    },
    time::Duration,
};

use mongrate::{
    CancellationToken,
    bson::{Document, doc},
};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::{
        TcpListener, TcpStream,
        tcp::{OwnedReadHalf, OwnedWriteHalf},
    },
    time::Instant,
};

use crate::point::is_heartbeat;

/// The largest message that the server takes.
const MESSAGE_BYTES_MAX: usize = 48_000_000;
const HEADER_BYTES: usize = 16;
const OP_COMPRESSED: i32 = 2_012;
const OP_MSG: i32 = 2_013;

/// What happens to a command.
#[derive(Clone, Copy, Debug, Hash, PartialEq, Eq)]
pub enum Fault {
    /// The connection is cut before the server gets it.
    CutBefore,
    /// The server executes it; the connection is cut instead of the reply.
    CutAfter,
    /// The server executes it; nothing comes for so long, and then the connection is cut.
    Swallow(Duration),
    /// The server executes it; the reply comes so much later.
    Delay(Duration),
    /// The server gets it only so much later.
    Late(Duration),
    /// The server executes it; from then on nothing passes on any connection for so long.
    Partition(Duration),
}

/// Which command suffers: the monitoring, and the heartbeats of a lease, are not counted.
#[derive(Clone, Copy, Debug, Hash, PartialEq, Eq)]
pub struct Rule {
    /// The how manieth, from 1.
    pub at: u32,
    /// How.
    pub fault: Fault,
}

/// A command that never reaches the server.
#[derive(Clone, Copy, Debug)]
pub struct Refusal {
    /// Its name.
    pub command: &'static str,
    /// The code of the answer.
    pub code: i32,
    /// The name of that code.
    pub name: &'static str,
}

/// A proxy in front of one server, which runs until it is dropped.
#[derive(Debug)]
pub struct Proxy {
    /// Its own address.
    pub address: String,
    shared: Arc<Shared>,
    listener: tokio::task::JoinHandle<()>,
}

#[derive(Debug, Default)]
struct Shared {
    rule: Option<Rule>,
    refusal: Option<Refusal>,
    seen: AtomicU32,
    suffered: CancellationToken,
    silent_until: Mutex<Option<Instant>>,
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.listener.abort();
    }
}

impl Proxy {
    /// Listens on a port of its own, in front of `server` (`host:port`).
    ///
    /// # Errors
    ///
    /// When it cannot listen.
    pub async fn start(server: &str, rule: Option<Rule>) -> io::Result<Self> {
        Self::with(server, Shared { rule, ..Shared::default() }).await
    }

    /// The same for a proxy that refuses a command.
    ///
    /// # Errors
    ///
    /// When it cannot listen.
    pub async fn refusing(server: &str, refusal: Refusal) -> io::Result<Self> {
        Self::with(server, Shared { refusal: Some(refusal), ..Shared::default() }).await
    }

    async fn with(server: &str, shared: Shared) -> io::Result<Self> {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let address = listener.local_addr()?.to_string();
        let shared = Arc::new(shared);
        let (server, state) = (server.to_owned(), Arc::clone(&shared));
        let listener = tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                if let Ok(server) = TcpStream::connect(&server).await {
                    let _ = (client.set_nodelay(true), server.set_nodelay(true));
                    tokio::spawn(join(client, server, Arc::clone(&state)));
                }
            }
        });
        Ok(Self { address, shared, listener })
    }

    /// Cancelled once the command suffers.
    pub fn suffered(&self) -> CancellationToken {
        self.shared.suffered.clone()
    }

    /// How many commands were counted.
    pub fn seen(&self) -> u32 {
        self.shared.seen.load(Ordering::Relaxed)
    }
}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Shared {
    fn fault(&self, command: &Document) -> Option<Fault> {
        let name = command.keys().next()?.as_str();
        let unseen = ["hello", "isMaster", "ismaster", "ping", "endSessions"].contains(&name);
        if unseen || is_heartbeat(command) {
            return None;
        }
        let at = self.seen.fetch_add(1, Ordering::Relaxed) + 1;
        let rule = self.rule.filter(|rule| rule.at == at)?;
        self.suffered.cancel();
        Some(rule.fault)
    }

    /// The answer to a command that is refused.
    fn refused(&self, message: &[u8]) -> Option<Vec<u8>> {
        let refusal = self.refusal?;
        (command(message)?.keys().next()? == refusal.command).then_some(())?;
        let answer = doc! {
            "ok": 0, "code": refusal.code, "codeName": refusal.name,
            "errmsg": format!("{}: this service does not do that", refusal.command),
        };
        Some(reply(word(message, 4), &answer))
    }

    /// Waits until the partition is over.
    async fn passable(&self) {
        let until = *lock(&self.silent_until);
        if let Some(until) = until {
            tokio::time::sleep_until(until).await;
        }
    }
}

/// What the replies of one connection are to suffer, by the request they answer.
#[derive(Debug, Default)]
struct Pending {
    cut: Mutex<HashSet<i32>>,
    swallow: Mutex<Vec<(i32, Duration)>>,
    delay: Mutex<Vec<(i32, Duration)>>,
}

async fn join(client: TcpStream, server: TcpStream, shared: Arc<Shared>) {
    let (from_client, to_client) = client.into_split();
    let (from_server, to_server) = server.into_split();
    let pending = Arc::new(Pending::default());
    let to_client = tokio::sync::Mutex::new(to_client);
    let requests = pass_requests(from_client, to_server, &to_client, &shared, &pending);
    let replies = pass_replies(from_server, &to_client, &shared, &pending);
    // Whichever ends takes the other with it: both sockets close.
    tokio::select! {
        _ = requests => {}
        _ = replies => {}
    }
}

async fn pass_requests(
    mut from: OwnedReadHalf,
    mut to: OwnedWriteHalf,
    back: &tokio::sync::Mutex<OwnedWriteHalf>,
    shared: &Shared,
    pending: &Pending,
) -> io::Result<()> {
    loop {
        let message = read(&mut from).await?;
        let id = word(&message, 4);
        if let Some(answer) = shared.refused(&message) {
            back.lock().await.write_all(&answer).await?;
            continue;
        }
        match command(&message).and_then(|command| shared.fault(&command)) {
            None => shared.passable().await,
            Some(Fault::CutBefore) => return Ok(()),
            Some(Fault::CutAfter) => drop(lock(&pending.cut).insert(id)),
            Some(Fault::Swallow(time)) => lock(&pending.swallow).push((id, time)),
            Some(Fault::Partition(time)) => {
                *lock(&shared.silent_until) = Some(Instant::now() + time);
            }
            Some(Fault::Delay(time)) => lock(&pending.delay).push((id, time)),
            Some(Fault::Late(time)) => tokio::time::sleep(time).await,
        }
        to.write_all(&message).await?;
    }
}

async fn pass_replies(
    mut from: OwnedReadHalf,
    to: &tokio::sync::Mutex<OwnedWriteHalf>,
    shared: &Shared,
    pending: &Pending,
) -> io::Result<()> {
    loop {
        let message = read(&mut from).await?;
        let answers = word(&message, 8);
        if lock(&pending.cut).remove(&answers) {
            return Ok(());
        }
        if let Some(time) = taken(&pending.swallow, answers) {
            tokio::time::sleep(time).await;
            return Ok(());
        }
        if let Some(delay) = taken(&pending.delay, answers) {
            tokio::time::sleep(delay).await;
        }
        shared.passable().await;
        to.lock().await.write_all(&message).await?;
    }
}

fn taken(all: &Mutex<Vec<(i32, Duration)>>, id: i32) -> Option<Duration> {
    let mut all = lock(all);
    let at = all.iter().position(|(other, _)| *other == id)?;
    Some(all.swap_remove(at).1)
}

/// A whole message, header included.
async fn read(from: &mut OwnedReadHalf) -> io::Result<Vec<u8>> {
    let mut message = vec![0; HEADER_BYTES];
    from.read_exact(&mut message).await?;
    let length = usize::try_from(word(&message, 0)).unwrap_or(0);
    if !(HEADER_BYTES..=MESSAGE_BYTES_MAX).contains(&length) {
        return Err(io::Error::other("a message of an impossible length"));
    }
    message.resize(length, 0);
    from.read_exact(&mut message[HEADER_BYTES..]).await?;
    Ok(message)
}

/// An `OP_MSG` that answers the request with this id.
fn reply(request: i32, answer: &Document) -> Vec<u8> {
    let body = answer.to_vec().expect("a small document");
    let length = HEADER_BYTES + 5 + body.len();
    let mut message = Vec::with_capacity(length);
    for word in [i32::try_from(length).expect("short"), 0, request, OP_MSG, 0] {
        message.extend(word.to_le_bytes());
    }
    message.push(0);
    message.extend(body);
    message
}

/// Little-endian; 0 beyond the end.
fn word(message: &[u8], at: usize) -> i32 {
    let bytes = message.get(at..at + 4).and_then(|bytes| bytes.try_into().ok());
    bytes.map_or(0, i32::from_le_bytes)
}

/// The body of an `OP_MSG`: the command, with its name as the first key.
fn command(message: &[u8]) -> Option<Document> {
    let code = word(message, 12);
    assert_ne!(code, OP_COMPRESSED, "the suite's clients do not compress");
    if code != OP_MSG {
        return None;
    }
    let mut sections = message.get(HEADER_BYTES + 4..)?;
    loop {
        let (kind, rest) = sections.split_first()?;
        let length = usize::try_from(word(rest, 0)).ok()?;
        let section = rest.get(..length)?;
        if *kind == 0 {
            return Document::from_reader(section).ok();
        }
        sections = rest.get(length..)?;
    }
}
