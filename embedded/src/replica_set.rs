//! Turns `mongod` processes that listen into a replica set that takes writes.

use std::{
    io,
    path::Path,
    time::{Duration, Instant},
};

use bson::{Bson, Document, doc};

use crate::{
    error::EmbeddedError,
    keeper, run_dir,
    task::Cancel,
    wire::{Connection, number},
};

pub(crate) const NAME: &str = "mongrate";
/// Start-up takes under a second; recovery after a crash, and a busy machine, take longer.
pub(crate) const READY_WAIT_MAX: Duration = Duration::from_secs(90);
/// A server that is up answers within a millisecond; after half a minute it is frozen.
const ALIVE_WAIT_MAX: Duration = Duration::from_secs(30);
/// How long to wait for an answer of a node in the first round; twice as long in each further round.
const ALIVE_WAIT_MIN: Duration = Duration::from_secs(1);
const PAUSE: Duration = Duration::from_millis(2);
const ALREADY_INITIALIZED: i64 = 23;

/// Waits until node `index` answers, and makes sure that no other server does.
pub(crate) fn connect(
    run: &Path,
    index: usize,
    port: u16,
    cancel: &Cancel,
) -> Result<Connection, EmbeddedError> {
    let marker = marker(run, index);
    let began = Instant::now();
    let mut last = String::from("it does not listen");
    let connection = cancel.poll(READY_WAIT_MAX, PAUSE, || {
        if run_dir::has_ended(run, index) {
            return Err(EmbeddedError::Exited { tail: tail(run, index) });
        }
        if !keeper::has_keeper(run) {
            // The keeper ends after its server, which may have ended since the check above.
            if run_dir::has_ended(run, index) {
                return Err(EmbeddedError::Exited { tail: tail(run, index) });
            }
            let last = "its keeper was killed".to_owned();
            return Err(EmbeddedError::NotReady { waited: began.elapsed(), last });
        }
        let Ok(mut connection) = Connection::open(port, cancel) else { return Ok(None) };
        // Another server may have taken the port meanwhile; then the node ends, as it cannot listen.
        match connection.run(doc! { "getCmdLineOpts": 1 }) {
            Ok(reply) if names(&reply, &marker) => Ok(Some(connection)),
            Ok(_) => {
                last = format!("another server listens on port {port}");
                Ok(None)
            }
            Err(refusal) => {
                last = refusal.message;
                Ok(None)
            }
        }
    })?;
    connection.ok_or(EmbeddedError::NotReady { waited: READY_WAIT_MAX, last })
}

/// Whether a node of the server in `run`, which the caller has joined, is alive.
///
/// Only an answer proves that a node is alive: the kernel accepts connections for a process that has
/// been killed until the last of its threads has ended, and only then does its parent learn of it.
/// Those connections are reset in the end, so this function waits for an answer or a reset. `false`
/// is as certain: a server that lives and does not answer is an error, and is not taken for dead.
pub(crate) fn is_alive(run: &Path, ports: &[u16], cancel: &Cancel) -> Result<bool, EmbeddedError> {
    let began = Instant::now();
    let mut answer_wait = ALIVE_WAIT_MIN;
    let mut last = String::new();
    let alive = cancel.poll(ALIVE_WAIT_MAX, PAUSE, || {
        if !keeper::has_keeper(run) {
            return Ok(Some(false));
        }
        let mut dead = 0;
        for (index, port) in ports.iter().enumerate() {
            let mut connection = match Connection::open(*port, cancel) {
                Ok(connection) => connection,
                Err(error) => {
                    dead += usize::from(error.kind() == io::ErrorKind::ConnectionRefused);
                    last = error.to_string();
                    continue;
                }
            };
            let left = ALIVE_WAIT_MAX.saturating_sub(began.elapsed());
            connection.wait_for_answers(answer_wait.min(left));
            match connection.run(doc! { "getCmdLineOpts": 1 }) {
                Ok(reply) if names(&reply, &marker(run, index)) => return Ok(Some(true)),
                // Another server has taken the port, so this node no longer listens.
                Ok(_) => dead += 1,
                Err(refusal) => last = refusal.message,
            }
        }
        answer_wait *= 2;
        Ok((dead == ports.len()).then_some(false))
    })?;
    alive.ok_or(EmbeddedError::NotReady { waited: began.elapsed(), last })
}

/// The path that the arguments of node `index` name, and those of no other process.
fn marker(run: &Path, index: usize) -> String {
    run.join(format!("node.{index}.conf")).to_string_lossy().into_owned()
}

fn names(reply: &Document, marker: &str) -> bool {
    reply.get_array("argv").is_ok_and(|argv| argv.iter().any(|word| word.as_str() == Some(marker)))
}

/// Initiates the set if it is new, adapts the set if its port has changed, and waits until one node
/// takes writes and the others follow that node.
pub(crate) fn make_ready(
    connections: &mut [Connection],
    ports: &[u16],
    cancel: &Cancel,
) -> Result<(), EmbeddedError> {
    let hosts = hosts(ports);
    let Some((first, rest)) = connections.split_first_mut() else { return Ok(()) };
    let mut last = String::from("it has no primary");
    let ready = cancel.poll(READY_WAIT_MAX, PAUSE, || {
        let Some(hello) = hello(first)? else { return Ok(None) };
        if is(&hello, "isreplicaset") {
            initiate_or_adapt(first, &hosts, &mut last)?;
            return Ok(None);
        }
        let moved = hello
            .get_array("hosts")
            .is_ok_and(|known| !known.iter().filter_map(Bson::as_str).eq(hosts.iter()));
        if moved {
            adapt(first, &hosts, &mut last)?;
            return Ok(None);
        }
        // Three nodes would wait for the election timeout first; a single node does not.
        if hosts.len() > 1 && is(&hello, "secondary") && !hello.contains_key("primary") {
            let _ = first.run(doc! { "replSetStepUp": 1 });
        }
        let (mut primary, mut members) = (None, 0);
        for (node, hello) in std::iter::once(Ok((&mut *first, Some(hello))))
            .chain(rest.iter_mut().map(|node| self::hello(node).map(|hello| (node, hello))))
            .collect::<Result<Vec<_>, _>>()?
        {
            let Some(hello) = hello else { return Ok(None) };
            let leads = is(&hello, "isWritablePrimary");
            members += usize::from(leads || is(&hello, "secondary"));
            if leads {
                primary = Some(node);
            }
        }
        let Some(primary) = primary.filter(|_| members == hosts.len()) else { return Ok(None) };
        if members == 1 {
            return Ok(Some(()));
        }
        // The others may still be looking for the primary: wait until a majority has a write.
        let note = doc! {
            "appendOplogNote": 1,
            "data": { "mongrate": "ready" },
            "writeConcern": { "w": "majority", "wtimeout": 10_000 },
        };
        Ok(primary
            .run(note)
            .is_ok_and(|reply| !reply.contains_key("writeConcernError"))
            .then_some(()))
    })?;
    ready.ok_or(EmbeddedError::NotReady { waited: READY_WAIT_MAX, last })
}

/// Makes every node write its data to its files.
pub(crate) fn checkpoint(connections: &mut [Connection]) -> Result<(), EmbeddedError> {
    connections.iter_mut().try_for_each(|node| {
        node.run(doc! { "fsync": 1 }).map(drop).map_err(|refusal| refusal.of("fsync"))
    })
}

/// Waits until a node that was started again is a secondary or the primary.
pub(crate) fn rejoin(connection: &mut Connection, cancel: &Cancel) -> Result<(), EmbeddedError> {
    let ready = cancel.poll(READY_WAIT_MAX, PAUSE, || {
        let Some(hello) = hello(connection)? else { return Ok(None) };
        let alone = hello.get_array("hosts").is_ok_and(|hosts| hosts.len() == 1);
        let following = !alone && is(&hello, "secondary");
        Ok((is(&hello, "isWritablePrimary") || following).then_some(()))
    })?;
    let last = "it has not found its primary".to_owned();
    ready.ok_or(EmbeddedError::NotReady { waited: READY_WAIT_MAX, last })
}

/// Sends `hello`. `None` if the node closed the connection and accepted a new one.
fn hello(node: &mut Connection) -> Result<Option<Document>, EmbeddedError> {
    match node.run(doc! { "hello": 1 }) {
        Ok(reply) => Ok(Some(reply)),
        Err(refusal) if refusal.code == 0 && node.reopen().is_ok() => Ok(None),
        Err(refusal) => Err(refusal.of("hello")),
    }
}

pub(crate) fn uri(ports: &[u16], standalone: bool) -> String {
    let hosts = hosts(ports).join(",");
    if standalone {
        format!("mongodb://{hosts}/?directConnection=true")
    } else {
        format!("mongodb://{hosts}/?replicaSet={NAME}")
    }
}

fn hosts(ports: &[u16]) -> Vec<String> {
    ports.iter().map(|port| format!("127.0.0.1:{port}")).collect()
}

fn is(hello: &Document, key: &str) -> bool {
    number(hello, key) == Some(1)
}

fn members(hosts: &[String]) -> Vec<Bson> {
    (0_i32..)
        .zip(hosts)
        .map(|(id, host)| Bson::Document(doc! { "_id": id, "host": host.as_str() }))
        .collect()
}

fn initiate_or_adapt(
    node: &mut Connection,
    hosts: &[String],
    last: &mut String,
) -> Result<(), EmbeddedError> {
    let config = doc! {
        "_id": NAME,
        "members": members(hosts),
        // Quick failovers: the default of 10 s is for networks, and this is one machine.
        "settings": { "electionTimeoutMillis": 2_000, "heartbeatIntervalMillis": 100 },
    };
    match node.run(doc! { "replSetInitiate": config }) {
        Ok(_) => Ok(()),
        // The node has a configuration in which it does not find itself.
        Err(refusal) if refusal.code == ALREADY_INITIALIZED => adapt(node, hosts, last),
        // The node has not read its configuration yet.
        Err(refusal) => {
            *last = refusal.message;
            Ok(())
        }
    }
}

/// Writes the new port into the set's configuration, while the node runs as a standalone.
///
/// [`adapt`] would work as well, but a node that does not find itself in its configuration looks for
/// itself for 30 s first.
pub(crate) fn move_to(node: &mut Connection, ports: &[u16]) -> Result<(), EmbeddedError> {
    let update = doc! {
        "update": "system.replset",
        "updates": [{ "q": { "_id": NAME }, "u": { "$set": { "members": members(&hosts(ports)) } } }],
        // So that the update is on disk before the answer.
        "writeConcern": { "w": 1, "j": true },
    };
    node.run_on("local", update).map_err(|refusal| refusal.of("update"))?;
    Ok(())
}

/// Gives the set of a data directory its new port, by force, because there is no primary to ask.
///
/// The fallback of [`move_to`], for data directories whose former port is not known.
fn adapt(node: &mut Connection, hosts: &[String], last: &mut String) -> Result<(), EmbeddedError> {
    let Ok(mut reply) = node.run(doc! { "replSetGetConfig": 1 }) else { return Ok(()) };
    let Some(Bson::Document(mut config)) = reply.remove("config") else { return Ok(()) };
    let version = number(&config, "version").unwrap_or(0) + 1;
    let known: Vec<_> = match config.get_array("members") {
        Ok(members) => members
            .iter()
            .filter_map(|member| member.as_document()?.get_str("host").ok().map(str::to_owned))
            .collect(),
        Err(_) => Vec::new(),
    };
    if known == hosts {
        return Ok(());
    }
    config.insert("version", version);
    config.insert("members", members(hosts));
    if let Err(refusal) = node.run(doc! { "replSetReconfig": config, "force": true }) {
        *last = refusal.message;
    }
    Ok(())
}

/// The last lines that a node wrote before it ended: its output, and its log without information.
pub(crate) fn tail(run: &Path, index: usize) -> String {
    const BYTES_MAX: usize = 4_000;
    const LINES_MAX: usize = 8;
    let read = |path: &Path| std::fs::read(path).unwrap_or_default();
    let output = read(&run.join(format!("out.{index}")));
    let log = std::fs::read_link(run.join(format!("log.{index}"))).unwrap_or_default();
    let log = read(&log);
    let log = String::from_utf8_lossy(&log);
    let output = String::from_utf8_lossy(&output);
    // Lines of the severity `I` (information) do not say why it ended.
    let said = |line: &&str| !line.is_empty() && !line.contains("\"s\":\"I\"");
    let lines: Vec<_> = output.lines().chain(log.lines()).filter(said).collect();
    let mut text = lines[lines.len().saturating_sub(LINES_MAX)..].join("\n");
    let mut excess = text.len().saturating_sub(BYTES_MAX);
    while !text.is_char_boundary(excess) {
        excess += 1;
    }
    text.drain(..excess);
    if text.is_empty() { "(it wrote nothing)".to_owned() } else { text }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn uris_say_what_they_lead_to() {
        assert_eq!(uri(&[7], false), "mongodb://127.0.0.1:7/?replicaSet=mongrate");
        assert_eq!(uri(&[7, 8], false), "mongodb://127.0.0.1:7,127.0.0.1:8/?replicaSet=mongrate");
        assert_eq!(uri(&[7], true), "mongodb://127.0.0.1:7/?directConnection=true");
    }
}
