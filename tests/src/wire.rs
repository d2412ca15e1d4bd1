//! MongoDB's wire protocol, as far as a server or a proxy of the tests speaks it: messages without
//! compression and without checksums.
//! <https://www.mongodb.com/docs/manual/reference/mongodb-wire-protocol/>

use std::io;

use mongrate::bson::{Bson, Document};
use tokio::io::{AsyncRead, AsyncReadExt as _};

const HEADER_BYTES: usize = 16;
const MESSAGE_BYTES_MAX: usize = 48_000_000;
const OP_REPLY: i32 = 1;
const OP_QUERY: i32 = 2_004;
const OP_MSG: i32 = 2_013;

/// What the driver and the server send each other.
#[derive(Clone, Debug)]
pub struct Message {
    /// The sender's number of the message.
    pub id: i32,
    /// The number of the message that this one answers; 0 if it answers none.
    pub answers: i32,
    kind: i32,
    body: Vec<u8>,
}

impl Message {
    /// Reads the next one.
    ///
    /// # Errors
    ///
    /// When the connection ends, or what comes is no message.
    pub async fn read(from: &mut (impl AsyncRead + Unpin)) -> io::Result<Self> {
        let mut header = [0; HEADER_BYTES];
        from.read_exact(&mut header).await?;
        let length = usize::try_from(word(&header, 0)).unwrap_or(0);
        if !(HEADER_BYTES..=MESSAGE_BYTES_MAX).contains(&length) {
            return Err(io::Error::other("a message of an impossible length"));
        }
        let mut body = vec![0; length - HEADER_BYTES];
        from.read_exact(&mut body).await?;
        let (id, answers, kind) = (word(&header, 4), word(&header, 8), word(&header, 12));
        Ok(Self { id, answers, kind, body })
    }

    /// An answer to this message.
    pub fn answered(&self, answer: &Document) -> Self {
        let document = answer.to_vec().expect("a small document");
        let mut body = Vec::new();
        let kind = if self.kind == OP_QUERY {
            // Flags, a cursor of eight bytes, where it starts, how many documents follow.
            for number in [0, 0, 0, 0, 1_i32] {
                body.extend(number.to_le_bytes());
            }
            OP_REPLY
        } else {
            body.extend([0; 5]);
            OP_MSG
        };
        body.extend(document);
        Self { id: 0, answers: self.id, kind, body }
    }

    /// The message in bytes.
    pub fn bytes(&self) -> Vec<u8> {
        let length = i32::try_from(HEADER_BYTES + self.body.len()).expect("short");
        let mut bytes = Vec::with_capacity(HEADER_BYTES + self.body.len());
        for number in [length, self.id, self.answers, self.kind] {
            bytes.extend(number.to_le_bytes());
        }
        bytes.extend(&self.body);
        bytes
    }

    /// The command or the answer in it, with the documents of its sequences in their places; `None` if
    /// there is none.
    pub fn document(&self) -> Option<Document> {
        match self.kind {
            OP_QUERY => query(&self.body),
            OP_REPLY => Document::from_reader(self.body.get(20..)?).ok(),
            OP_MSG => message(&self.body),
            _ => None,
        }
    }

    /// The same message with another document. Sequences become a part of the document.
    #[must_use]
    pub fn with(mut self, document: &Document) -> Self {
        let bytes = document.to_vec().expect("a document as it was");
        match self.kind {
            OP_MSG => {
                self.body.truncate(4);
                self.body.push(0);
            }
            OP_REPLY => self.body.truncate(20),
            _ => return self,
        }
        self.body.extend(bytes);
        self
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

/// The document of an `OP_MSG`: flags, then sections.
fn message(body: &[u8]) -> Option<Document> {
    let mut sections = body.get(4..)?;
    let mut whole = None;
    let mut sequences = Vec::new();
    while let Some((kind, rest)) = sections.split_first() {
        let length = usize::try_from(word(rest, 0)).ok()?;
        let section = rest.get(..length)?;
        match kind {
            0 => whole = Document::from_reader(section).ok(),
            _ => sequences.push(sequence(section)?),
        }
        sections = rest.get(length..)?;
    }
    let mut whole = whole?;
    for (name, documents) in sequences {
        whole.insert(name, documents);
    }
    Some(whole)
}

/// A sequence: its size, a name that ends in 0, documents.
fn sequence(section: &[u8]) -> Option<(String, Vec<Bson>)> {
    let named = section.get(4..)?;
    let end = named.iter().position(|byte| *byte == 0)?;
    let name = String::from_utf8(named.get(..end)?.to_vec()).ok()?;
    let mut rest = named.get(end + 1..)?;
    let mut documents = Vec::new();
    while !rest.is_empty() {
        let length = usize::try_from(word(rest, 0)).ok()?;
        documents.push(Bson::Document(Document::from_reader(rest.get(..length)?).ok()?));
        rest = rest.get(length..)?;
    }
    Some((name, documents))
}
