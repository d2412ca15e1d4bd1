//! Just enough of MongoDB's wire protocol to set a server up: one blocking connection, `OP_MSG`.
//!
//! The driver would work, but it waits half a second between two attempts to reach a server that is
//! not up yet, and users wait for every start.

use std::{
    io::{self, Read, Write},
    net::{Ipv4Addr, SocketAddr, TcpStream},
    time::{Duration, Instant},
};

use bson::{Bson, Document};

use crate::{error::EmbeddedError, task::Cancel};

const OP_MSG: i32 = 2013;
/// The server's own limit for a message.
const MESSAGE_BYTES_MAX: usize = 48_000_000;
const HEADER_BYTES: usize = 16;
/// The flag bits and the section kind.
const PRELUDE_BYTES: usize = 5;
/// How long to wait for an answer: a server that looks for itself under its former port stops after 30 s.
const ANSWER_WAIT_MAX: Duration = Duration::from_secs(60);
/// How often a wait for an answer checks whether it was cancelled.
const PAUSE: Duration = Duration::from_millis(50);

/// A connection to one node.
#[derive(Debug)]
pub(crate) struct Connection {
    port: u16,
    stream: TcpStream,
    cancel: Cancel,
    answer_wait: Duration,
}

/// A server's error; with code 0, an error of the connection.
#[derive(Debug)]
pub(crate) struct Refusal {
    pub(crate) code: i64,
    pub(crate) message: String,
}

impl Refusal {
    pub(crate) fn of(self, command: &'static str) -> EmbeddedError {
        EmbeddedError::Refused { command, message: self.message }
    }
}

impl Connection {
    pub(crate) fn open(port: u16, cancel: &Cancel) -> io::Result<Self> {
        let stream = connect(port)?;
        Ok(Self { port, stream, cancel: cancel.clone(), answer_wait: ANSWER_WAIT_MAX })
    }

    /// Connects again after the server has closed the connection.
    pub(crate) fn reopen(&mut self) -> io::Result<()> {
        self.stream = connect(self.port)?;
        Ok(())
    }

    /// Sets how long to wait for an answer. Default: a minute.
    pub(crate) fn wait_for_answers(&mut self, wait: Duration) {
        self.answer_wait = wait;
    }

    /// Runs `command` on the database `admin`.
    pub(crate) fn run(&mut self, command: Document) -> Result<Document, Refusal> {
        self.run_on("admin", command)
    }

    /// Runs `command` on a database.
    pub(crate) fn run_on(
        &mut self,
        database: &str,
        mut command: Document,
    ) -> Result<Document, Refusal> {
        command.insert("$db", database);
        let reply = self
            .exchange(&command)
            .map_err(|error| Refusal { code: 0, message: error.to_string() })?;
        if number(&reply, "ok") == Some(1) {
            return Ok(reply);
        }
        let message = reply.get_str("errmsg").unwrap_or("it gave no reason").to_owned();
        Err(Refusal { code: number(&reply, "code").unwrap_or(0), message })
    }

    fn exchange(&mut self, command: &Document) -> io::Result<Document> {
        let mut body = Vec::with_capacity(256);
        command.to_writer(&mut body).map_err(io::Error::other)?;
        let bytes =
            i32::try_from(HEADER_BYTES + PRELUDE_BYTES + body.len()).map_err(io::Error::other)?;
        let mut message = Vec::with_capacity(body.len() + HEADER_BYTES + PRELUDE_BYTES);
        for field in [bytes, 1, 0, OP_MSG, 0] {
            message.extend_from_slice(&field.to_le_bytes());
        }
        message.push(0);
        message.append(&mut body);
        self.stream.write_all(&message)?;

        let mut header = [0; HEADER_BYTES];
        self.fill(&mut header)?;
        let [a, b, c, d, ..] = header;
        let bytes = usize::try_from(i32::from_le_bytes([a, b, c, d])).unwrap_or(0);
        if !(HEADER_BYTES + PRELUDE_BYTES..=MESSAGE_BYTES_MAX).contains(&bytes) {
            return Err(io::Error::other("the answer is not MongoDB's"));
        }
        let mut answer = vec![0; bytes - HEADER_BYTES];
        self.fill(&mut answer)?;
        Document::from_reader(&answer[PRELUDE_BYTES..]).map_err(io::Error::other)
    }

    /// Fills the buffer as `read_exact` does, unless it is cancelled. After an error the connection
    /// cannot be used again: an answer may still be on its way.
    fn fill(&mut self, mut buffer: &mut [u8]) -> io::Result<()> {
        let start = Instant::now();
        while !buffer.is_empty() {
            match self.stream.read(buffer) {
                Ok(0) => return Err(io::Error::other("it closed the connection")),
                Ok(bytes) => buffer = &mut buffer[bytes..],
                Err(error)
                    if matches!(
                        error.kind(),
                        io::ErrorKind::WouldBlock
                            | io::ErrorKind::TimedOut
                            | io::ErrorKind::Interrupted
                    ) =>
                {
                    self.cancel.check().map_err(io::Error::other)?;
                    if start.elapsed() >= self.answer_wait {
                        return Err(io::Error::other("it does not answer"));
                    }
                }
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }
}

fn connect(port: u16) -> io::Result<TcpStream> {
    let address = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
    let stream = TcpStream::connect_timeout(&address, Duration::from_secs(5))?;
    stream.set_nodelay(true)?;
    stream.set_read_timeout(Some(PAUSE))?;
    stream.set_write_timeout(Some(ANSWER_WAIT_MAX))?;
    Ok(stream)
}

/// A field's number, of whichever numeric type the server chose.
pub(crate) fn number(document: &Document, key: &str) -> Option<i64> {
    match document.get(key)? {
        Bson::Int32(number) => Some(i64::from(*number)),
        Bson::Int64(number) => Some(*number),
        #[expect(clippy::cast_possible_truncation, reason = "flags, codes and versions are small")]
        Bson::Double(number) => Some(*number as i64),
        Bson::Boolean(truth) => Some(i64::from(*truth)),
        _ => None,
    }
}
