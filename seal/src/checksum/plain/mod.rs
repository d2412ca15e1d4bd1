//! The checksum of a body without its syntax tree, for bodies that are written as most are.
//!
//! The compiler expands every attribute again at each check, with macros compiled without
//! optimisation. A syntax tree of every body was half of that time, so this walk reads the tokens
//! once and directly writes the bytes that `canonical` and `encode` would make of them. It knows the
//! plain part of the language, and gives up at the first token of anything else: then the tree
//! decides. **It never differs from the tree.** The tests compute every checksum both ways, also of random
//! bodies.
//!
//! The tokens are cut from a text (`lexer`), or come from the caller one by one (`tokens`). Each file with
//! an `impl Writer` knows one part of the language.

mod attributes;
mod blocks;
pub mod comments;
mod expressions;
mod functions;
mod imports;
mod invocations;
mod items;
mod lexer;
mod literals;
mod operators;
mod paths;
mod patterns;
mod tokens;
mod types;
mod writer;

use super::{
    digest::{ALGORITHM, digest},
    encode,
};
pub(crate) use tokens::TokenKind;
pub use tokens::{Delimiter, Tokens};
use writer::Writer;

/// Returns the checksum of a migration of this kind, whose parameter has this name. `None` if only the
/// syntax tree can tell. `body` holds one block, with its braces.
pub fn of(kind: &str, parameter: &str, body: &Tokens) -> Option<String> {
    written(kind, parameter, body).map(|writer| digest(writer.finish()))
}

#[cfg(test)]
pub(super) fn canonical_bytes(kind: &str, parameter: &str, body: &Tokens) -> Option<Vec<u8>> {
    written(kind, parameter, body).map(|writer| writer.finish().to_vec())
}

fn written<'t>(kind: &str, parameter: &str, body: &'t Tokens) -> Option<Writer<'t>> {
    let mut bytes = encode::Bytes::new(ALGORITHM);
    bytes.text(kind);
    let mut writer = Writer::new(body, &bytes.finish());
    writer.byte(b'<');
    writer.piece(b'i', parameter.as_bytes());
    writer.byte(b'>');
    writer.byte(b'<');
    writer.block()?;
    if !writer.is_at_end() {
        return None;
    }
    writer.byte(b'>');
    Some(writer)
}
