//! Whether the compiler was given the function that the source has.
//!
//! There is one reading of a migration: the one of its source, as `cargo mongrate seal` has it. An
//! attribute above `#[migration]` runs first, and what it hands on is another body, whose checksum
//! would change with that macro's version. A `cfg_attr` below it is replaced by what it adds, or by
//! nothing, as the features are. The first is refused, and says what to move; of the second the
//! source is read.
//!
//! To parse a source for each migration would cost more than all else: so the tokens are compared
//! with the text that they come from while they are read anyway, and a source is parsed, once,
//! where that leaves a doubt.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::SystemTime;

use mongrate_seal::attribute::{Reading, readings};
use mongrate_seal::declaration::Checked;
use proc_macro::{Delimiter, Group, TokenStream, TokenTree};
use syn::{Error, ItemFn};

use crate::crate_table;
use crate::place::Place;

/// Compares tokens, one after the other, with the text of a group.
pub(crate) struct Source {
    text: String,
    at: usize,
    /// Whether all tokens so far stood there.
    holds: bool,
}

impl Source {
    /// Of what stands between a group's brackets, and those.
    pub(crate) fn of(group: &Group) -> Self {
        match group.span().source_text() {
            Some(text) => Self { text, at: 0, holds: true },
            None => Self { text: String::new(), at: 0, holds: false },
        }
    }

    /// A token, as it is spelt.
    pub(crate) fn token(&mut self, token: &str) {
        if self.holds {
            self.skip_space();
            self.holds = self.rest().starts_with(token.as_bytes());
            self.at += token.len();
        }
    }

    /// One character of punctuation, or a bracket.
    pub(crate) fn character(&mut self, character: char) {
        self.token(character.encode_utf8(&mut [0; 4]));
    }

    /// Whether all of the text has been compared, and was the same.
    pub(crate) fn ends(mut self) -> bool {
        self.skip_space();
        self.holds && self.rest().is_empty()
    }

    fn rest(&self) -> &[u8] {
        self.text.as_bytes().get(self.at..).unwrap_or_default()
    }

    /// Spaces and comments, but no documentation, which the compiler hands on as an attribute.
    fn skip_space(&mut self) {
        loop {
            let rest = self.rest();
            let step = match rest {
                [b' ' | b'\n' | b'\t' | b'\r', ..] => {
                    let is_space = |byte: &u8| matches!(byte, b' ' | b'\n' | b'\t' | b'\r');
                    rest.iter().position(|byte| !is_space(byte)).unwrap_or(rest.len())
                }
                [b'/', b'/', ..] if !is_documentation(rest) => {
                    rest.iter().position(|byte| *byte == b'\n').unwrap_or(rest.len())
                }
                [b'/', b'*', ..] if !is_documentation(rest) => block_comment(rest),
                _ => return,
            };
            self.at += step;
        }
    }

    /// All tokens of a stream. False, if some do not stand there.
    fn stream(&mut self, stream: TokenStream) {
        let mut trees = stream.into_iter().peekable();
        while let Some(tree) = trees.next() {
            if !self.holds {
                return;
            }
            match tree {
                TokenTree::Ident(name) => self.token(&name.to_string()),
                TokenTree::Literal(literal) => self.token(&literal.to_string()),
                TokenTree::Punct(punct) => {
                    self.skip_space();
                    if punct.as_char() == '#' && is_documentation(self.rest()) {
                        self.documentation();
                        // The `!`, and what is in the brackets.
                        while let Some(TokenTree::Punct(_)) = trees.peek() {
                            trees.next();
                        }
                        trees.next();
                    } else {
                        self.character(punct.as_char());
                    }
                }
                TokenTree::Group(group) => {
                    let (open, close) = match group.delimiter() {
                        Delimiter::Parenthesis => ('(', ')'),
                        Delimiter::Brace => ('{', '}'),
                        Delimiter::Bracket => ('[', ']'),
                        // A macro's doing.
                        Delimiter::None => {
                            self.holds = false;
                            return;
                        }
                    };
                    self.character(open);
                    self.stream(group.stream());
                    self.character(close);
                }
            }
        }
    }

    fn documentation(&mut self) {
        let rest = self.rest();
        self.at += match rest {
            [b'/', b'*', ..] => block_comment(rest),
            _ => rest.iter().position(|byte| *byte == b'\n').unwrap_or(rest.len()),
        };
    }
}

/// `///`, `//!`, `/** … */` and `/*! … */`, but not `////` and `/***`.
fn is_documentation(text: &[u8]) -> bool {
    match text {
        [b'/', b'/', b'!', ..] | [b'/', b'*', b'!', ..] => true,
        [b'/', b'/', b'/', next, ..] => *next != b'/',
        [b'/', b'/', b'/'] => true,
        [b'/', b'*', b'*', next, ..] => *next != b'*' && *next != b'/',
        _ => false,
    }
}

/// The length of a `/* … */`, in which others may be.
fn block_comment(text: &[u8]) -> usize {
    let (mut at, mut depth) = (0, 0_usize);
    while at < text.len() {
        match &text[at..] {
            [b'/', b'*', ..] => (at, depth) = (at + 2, depth + 1),
            [b'*', b'/', ..] => (at, depth) = (at + 2, depth.saturating_sub(1)),
            _ => at += 1,
        }
        if depth == 0 {
            return at;
        }
    }
    text.len()
}

/// Whether a function's body stands in the source as the compiler has it. `item` ends with it.
pub(crate) fn has_its_body(item: &TokenStream) -> bool {
    let Some(TokenTree::Group(body)) = item.clone().into_iter().last() else { return false };
    let mut source = Source::of(&body);
    source.stream(TokenStream::from(TokenTree::Group(body)));
    source.ends()
}

/// The migration with the checksum that its source has, or what stands in the way of that.
///
/// Where its source has no such function, because a macro writes it or a file was generated,
/// there is one reading only: the compiler's.
pub(crate) fn as_in_its_source(
    checked: Checked,
    place: &Place,
    item: TokenStream,
) -> syn::Result<Checked> {
    let Some(path) = &place.path else { return Ok(checked) };
    let readings = meant(path, &checked);
    let Some(first) = readings.first() else { return Ok(checked) };
    if readings.iter().any(|reading| reading.checksum == checked.checksum) {
        return Ok(checked);
    }
    let function: ItemFn = syn::parse2(item.into())?;
    let body = mongrate_seal::attribute::body(checked.kind.name(), function);
    if let Some(reading) = readings.iter().find(|reading| reading.body == body) {
        return Ok(Checked { checksum: reading.checksum.clone(), ..checked });
    }
    if crate_table::is_editor() {
        // What is being typed is not in the file yet.
        return Ok(checked);
    }
    Err(Error::new(checked.function.span(), rewritten(&checked, place, &first.above)))
}

/// What to say where the compiler has another body than the source.
fn rewritten(checked: &Checked, place: &Place, above: &[String]) -> String {
    let (by, way_out) = match above {
        [] => (
            "a macro around it rewrites it".to_owned(),
            "move the function out of that macro".to_owned(),
        ),
        [only] => (
            format!("`{only}` stands above `#[migration]` and rewrites it"),
            format!("put `#[migration]` above `{only}`"),
        ),
        [first, ..] => (
            format!("{} stand above `#[migration]` and rewrite it", listed(above)),
            format!("put `#[migration]` above `{first}`"),
        ),
    };
    format!(
        "the compiler is given another body of `{}` than {} has, as {by}: its checksum would \
         change with that macro's version; {way_out}",
        checked.function, place.file
    )
}

fn listed(names: &[String]) -> String {
    let names: Vec<String> = names.iter().map(|name| format!("`{name}`")).collect();
    match names.split_last() {
        Some((last, others)) if !others.is_empty() => format!("{} and {last}", others.join(", ")),
        _ => names.concat(),
    }
}

/// A file's readings, and when it was written.
type File = (Option<SystemTime>, Arc<Vec<Reading>>);

/// The one of the file that is meant; more than one, where a `cfg` decides which is compiled.
fn meant(path: &Path, checked: &Checked) -> Vec<Reading> {
    let is_meant = |one: &&Reading| {
        one.version == checked.version.number
            && one.group == checked.group
            && one.name == checked.name.text
    };
    all(path).iter().flat_map(|all| all.iter()).filter(is_meant).cloned().collect()
}

/// All that a file declares. None, if it cannot be read.
fn all(path: &Path) -> Option<Arc<Vec<Reading>>> {
    static FILES: Mutex<BTreeMap<PathBuf, File>> = Mutex::new(BTreeMap::new());
    let written_at = fs::metadata(path).ok()?.modified().ok();
    let mut files = FILES.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some((at, all)) = files.get(path)
        && *at == written_at
    {
        return Some(Arc::clone(all));
    }
    let all = Arc::new(readings(&fs::read_to_string(path).ok()?));
    files.insert(path.to_owned(), (written_at, Arc::clone(&all)));
    Some(all)
}

#[cfg(test)]
mod tests {
    //! Which tokens stand in a text.

    use super::*;

    fn stands(text: &str, tokens: &[&str]) -> bool {
        let mut source = Source { text: text.to_owned(), at: 0, holds: true };
        tokens.iter().for_each(|token| source.token(token));
        source.ends()
    }

    #[test]
    fn layout_and_comments_are_passed_over() {
        let text = "{ // first\n a /* /* nested */ */.b\t(\"c // d\")\r\n //// no documentation\n}";
        let tokens = ["{", "a", ".", "b", "(", "\"c // d\"", ")", "}"];
        assert!(stands(text, &tokens));
        assert!(!stands(text, &tokens[..7]), "more stands there");
        assert!(!stands(text, &["{", "a", ".", "c"]));
        assert!(!stands("{}", &["{", "}", "x"]), "less stands there");
        assert!(!stands("{ /// documented\n a }", &["{", "a", "}"]), "that is a token");
    }

    #[test]
    fn comments_that_do_not_end_take_the_rest() {
        assert_eq!(block_comment(b"/* a /* b */"), 12);
        assert_eq!(block_comment(b"/**/x"), 4);
    }
}
