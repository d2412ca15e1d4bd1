//! The function that the compiler passes to the attribute, compared with the function in the source.
//!
//! A migration's checksum is always that of its source, as `cargo mongrate seal` reads it. A macro
//! above `#[migration]` runs first and passes on another body, whose checksum would change with that
//! macro's version: this is refused, and the error says what to move. The compiler replaces a
//! `cfg_attr` below `#[migration]` by what it adds, or by nothing, depending on the features: then
//! the checksum is taken from the source.
//!
//! To parse a source for each migration would cost more than all other work, and so would asking the
//! compiler for one token after the other. So the text of the source is compared with what the compiler
//! prints of its tokens, and a source is parsed, once, only if that leaves a doubt.

use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
    sync::{Arc, Mutex, PoisonError},
    time::SystemTime,
};

use mongrate_seal::{
    attribute::{Reading, readings},
    checksum::plain::{
        Tokens,
        comments::{comment, is_documentation},
    },
    declaration::Checked,
};
use proc_macro::{Delimiter, Group, TokenStream, TokenTree};
use syn::{Error, ItemFn};

use crate::{editor::is_editor, place::Place};

/// The text of a group in the source, with which tokens are compared one after the other.
struct Source {
    text: String,
    at: usize,
    /// Whether all tokens so far were in the text.
    holds: bool,
}

impl Source {
    /// Takes the text of a group, with its brackets.
    fn of(group: &Group) -> Self {
        match group.span().source_text() {
            Some(text) => Self { text, at: 0, holds: true },
            None => Self { text: String::new(), at: 0, holds: false },
        }
    }

    /// Compares the next token, as it is spelt.
    fn token(&mut self, token: &str) {
        if self.holds {
            self.skip_space();
            self.holds = self.rest().starts_with(token.as_bytes());
            self.at += token.len();
        }
    }

    /// Compares one character of punctuation, or a bracket.
    fn character(&mut self, character: char) {
        self.token(character.encode_utf8(&mut [0; 4]));
    }

    /// Whether the whole text has been compared and was the same.
    fn ends(mut self) -> bool {
        self.skip_space();
        self.holds && self.rest().is_empty()
    }

    fn rest(&self) -> &[u8] {
        self.text.as_bytes().get(self.at..).unwrap_or_default()
    }

    /// Skips spaces and comments, but not documentation, which the compiler passes on as an attribute.
    fn skip_space(&mut self) {
        loop {
            let rest = self.rest();
            let step = match rest {
                [b' ' | b'\n' | b'\t' | b'\r', ..] => {
                    let is_space = |byte: &u8| matches!(byte, b' ' | b'\n' | b'\t' | b'\r');
                    rest.iter().position(|byte| !is_space(byte)).unwrap_or(rest.len())
                }
                [b'/', ..] if !is_documentation(rest) && comment(rest) > 0 => comment(rest),
                _ => return,
            };
            self.at += step;
        }
    }

    /// Compares all tokens of a stream.
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
                        // Only a macro makes invisible groups.
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
        self.at += comment(self.rest());
    }
}

/// Returns the tokens of a group if they are those of its source. They are cut from the source's text, which is
/// quicker than [`Source`]; that one compares bodies that are not cut, such as those with other letters than ASCII.
pub(crate) fn tokens(group: &Group) -> Option<Tokens> {
    let tokens = group.span().source_text().and_then(Tokens::of_text)?;
    tokens.are_those_of(&group.to_string()).then_some(tokens)
}

/// Whether the source has the same body as the compiler. `item` ends with the body.
pub(crate) fn has_its_body(item: &TokenStream) -> bool {
    let Some(TokenTree::Group(body)) = item.clone().into_iter().last() else { return false };
    if body.delimiter() == Delimiter::Brace && tokens(&body).is_some() {
        return true;
    }
    let mut source = Source::of(&body);
    source.stream(TokenStream::from(TokenTree::Group(body)));
    source.ends()
}

/// Returns the migration with the checksum of its source, or the error that prevents it.
///
/// If the source has no such function, because a macro writes it or a file was generated, the
/// compiler's function counts.
pub(crate) fn as_in_its_source(
    checked: Checked,
    place: &Place,
    item: TokenStream,
) -> syn::Result<Checked> {
    let Some(path) = &place.path else { return Ok(checked) };
    let readings = readings_of(path, &checked);
    let Some(first) = readings.first() else { return Ok(checked) };
    if readings.iter().any(|reading| reading.checksum == checked.checksum) {
        return Ok(checked);
    }
    let function: ItemFn = syn::parse2(item.into())?;
    let body = mongrate_seal::attribute::body(checked.kind.name(), function);
    if let Some(reading) = readings.iter().find(|reading| reading.body == body) {
        return Ok(Checked { checksum: reading.checksum.clone(), ..checked });
    }
    if is_editor() {
        // The file does not have yet what the user is typing.
        return Ok(checked);
    }
    Err(Error::new(checked.function.span(), rewritten(&checked, place, &first.above)))
}

/// Returns the error text if the compiler has another body than the source.
fn rewritten(checked: &Checked, place: &Place, above: &[String]) -> String {
    let (by, way_out) = match above {
        [] => (
            "a macro around the function rewrites it".to_owned(),
            "move the function out of that macro".to_owned(),
        ),
        [only] => (
            format!("`{only}` stands above `#[migration]` and rewrites the function"),
            format!("put `#[migration]` above `{only}`"),
        ),
        [first, ..] => (
            format!("{} stand above `#[migration]` and rewrite the function", listed(above)),
            format!("put `#[migration]` above `{first}`"),
        ),
    };
    format!(
        "the compiler gets another body of `{}` than {} has, because {by}: the checksum would \
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

/// The time when a file was written, and its migrations.
type FileReadings = (Option<SystemTime>, Arc<Vec<Reading>>);

/// Returns the migration in the file; more than one if a `cfg` decides which one is compiled.
fn readings_of(path: &Path, checked: &Checked) -> Vec<Reading> {
    let is_wanted = |reading: &&Reading| {
        reading.version == checked.version.number
            && reading.group == checked.group
            && reading.name == checked.name.text
    };
    all_readings(path).iter().flat_map(|all| all.iter()).filter(is_wanted).cloned().collect()
}

/// Returns all migrations that a file declares, or `None` if it cannot be read.
fn all_readings(path: &Path) -> Option<Arc<Vec<Reading>>> {
    static FILES: Mutex<BTreeMap<PathBuf, FileReadings>> = Mutex::new(BTreeMap::new());
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
    //! Which tokens are in a text.

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
}
