//! The checksum of a body without its syntax tree, for bodies that are written as most are.
//!
//! The compiler expands every attribute again at each check, with macros compiled without
//! optimisation. A syntax tree of every body was half of that time, so this walk reads the tokens
//! once and directly writes the bytes that `canonical` and `encode` would make of them. It knows the
//! plain part of the language, and gives up at the first token of anything else: then the tree
//! decides. **It never differs from the tree.** The tests compute every checksum both ways.

mod blocks;
mod expressions;
mod invocations;
mod literals;
mod operators;
mod patterns;
mod tokens;
mod types;
mod writer;

use super::{
    digest::{ALGORITHM, digest},
    encode,
};
pub use tokens::{Delimiter, Tokens};
use writer::Writer;

/// Returns the checksum of a migration of this kind, whose parameter has this name. `None` if only the
/// syntax tree can tell. `body` holds one block, with its braces.
pub fn of(kind: &str, parameter: &str, body: &Tokens) -> Option<String> {
    canonical_bytes(kind, parameter, body).map(|bytes| digest(&bytes))
}

pub(super) fn canonical_bytes(kind: &str, parameter: &str, body: &Tokens) -> Option<Vec<u8>> {
    let mut bytes = encode::Bytes::new(ALGORITHM);
    bytes.text(kind);
    let mut writer = Writer::new(body, bytes.finish());
    writer.byte(b'<');
    writer.piece(b'i', parameter.as_bytes());
    writer.byte(b'>');
    writer.byte(b'<');
    writer.block()?;
    if !writer.is_at_end() {
        return None;
    }
    writer.byte(b'>');
    Some(writer.finish())
}
