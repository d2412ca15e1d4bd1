//! The checksum of a body without its syntax tree, for bodies that are written as most are.
//!
//! The compiler expands every attribute anew at each check, with macros that nobody optimised. A
//! syntax tree of every body made up half of that time, so this walk reads the tokens once and
//! writes at once what `canonical` and `encode` would have made of them. It knows the plain part
//! of the language, and gives up at the first token of anything else: then the tree decides.
//! **It never differs from the tree.** Every checksum that the tests ask for is asked of both.

mod blocks;
mod expressions;
mod invocations;
mod literals;
mod operators;
mod patterns;
mod tokens;
mod types;
mod writer;

pub use tokens::{Delimiter, Tokens};

use super::{digest, encode};
use writer::Writer;

/// The checksum of a migration of this kind, whose parameter has this name; `None` if only the
/// syntax tree can tell. `body` holds one block, with its braces.
pub fn of(kind: &str, parameter: &str, body: &Tokens) -> Option<String> {
    canonical_bytes(kind, parameter, body).map(|bytes| digest(&bytes))
}

pub(super) fn canonical_bytes(kind: &str, parameter: &str, body: &Tokens) -> Option<Vec<u8>> {
    let mut bytes = encode::Bytes::new(super::ALGORITHM);
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
