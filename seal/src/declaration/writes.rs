//! The collections in which a body writes many documents, as far as its tokens show. The lints compare
//! them with the sizes of the collections before anything runs.
//!
//! It is a guess that costs nothing: `collection("users").update_many(…)` counts,
//! `collection("users").find(…)` does not, and `let users = tx.collection("users");` counts if the
//! body writes many documents of any collection.

use proc_macro2::{Delimiter, TokenStream, TokenTree};

use super::kind::Kind;
use crate::checksum::plain::{Delimiter as PlainDelimiter, TokenKind, Tokens};

/// The methods that write many documents.
const MANY: [&str; 2] = ["update_many", "delete_many"];

/// Returns the names of the collections in order, each once. Returns none for other kinds than a
/// transaction, as their size is not limited.
pub fn many(kind: Kind, body: &TokenStream) -> Vec<String> {
    let mut writes = Writes::default();
    if kind == Kind::Transaction {
        walk(body.clone(), &mut writes);
    }
    writes.each_once()
}

/// Does the same for a body whose tokens are in a row.
pub fn many_in(kind: Kind, body: &Tokens) -> Vec<String> {
    let mut writes = Writes::default();
    if kind != Kind::Transaction {
        return Vec::new();
    }
    let mut at = 0;
    while at < body.row.len() {
        let token = body.row[at];
        at += 1;
        // No other name has a length that needs a look.
        if !matches!(token.end - token.start, 10 | 11) || token.kind != TokenKind::Name {
            continue;
        }
        match body.word(at - 1) {
            b"update_many" | b"delete_many" => writes.any = true,
            b"collection" => {
                if let Some((name, after)) = named_in(body, at)
                    && !reads_in(body, after)
                {
                    writes.names.push(name);
                }
            }
            _ => {}
        }
    }
    writes.each_once()
}

#[derive(Default)]
struct Writes {
    any: bool,
    names: Vec<String>,
}

impl Writes {
    fn each_once(self) -> Vec<String> {
        let mut names = Vec::new();
        if self.any {
            for name in self.names {
                if !names.contains(&name) {
                    names.push(name);
                }
            }
        }
        names
    }
}

fn walk(stream: TokenStream, writes: &mut Writes) {
    let trees: Vec<TokenTree> = stream.into_iter().collect();
    for (at, tree) in trees.iter().enumerate() {
        match tree {
            TokenTree::Group(group) => walk(group.stream(), writes),
            TokenTree::Ident(word) => {
                writes.any |= MANY.iter().any(|many| word == many);
                if word == "collection"
                    && let Some((name, after)) = named(&trees, at + 1)
                    && !reads(&trees, after)
                {
                    writes.names.push(name);
                }
            }
            TokenTree::Punct(_) | TokenTree::Literal(_) => {}
        }
    }
}

/// Reads `("name")`, perhaps after `::<Type>`. Returns the name and the index after it.
fn named(trees: &[TokenTree], from: usize) -> Option<(String, usize)> {
    let mut at = from;
    if is_punctuation(trees.get(at), ':') {
        while !matches!(trees.get(at)?, TokenTree::Group(group) if group.delimiter() == Delimiter::Parenthesis)
        {
            if is_punctuation(trees.get(at), ';') {
                return None;
            }
            at += 1;
        }
    }
    let TokenTree::Group(arguments) = trees.get(at)? else { return None };
    let mut arguments = arguments.stream().into_iter();
    let TokenTree::Literal(text) = arguments.next()? else { return None };
    if arguments.next().is_some() {
        return None;
    }
    let text = text.to_string();
    let text = text.strip_prefix('"')?.strip_suffix('"')?;
    (!text.contains('\\')).then(|| (text.to_owned(), at + 1))
}

/// What [`named`] returns, of tokens in a row.
fn named_in(body: &Tokens, from: usize) -> Option<(String, usize)> {
    let mut at = from;
    if let TokenKind::Operator(operator) = body.row.get(at)?.kind
        && operator.to_le_bytes()[0] == b':'
    {
        loop {
            let token = body.row.get(at)?;
            match token.kind {
                TokenKind::Open(PlainDelimiter::Parenthesis) => break,
                TokenKind::Open(_) => at = token.other,
                TokenKind::Close => return None,
                TokenKind::Operator(operator) if operator == u32::from(b';') => return None,
                _ => {}
            }
            at += 1;
        }
    }
    let open = body.row.get(at)?;
    let is_literal = body.row.get(at + 1)?.kind == TokenKind::Literal && open.other == at + 2;
    if !is_literal || !matches!(open.kind, TokenKind::Open(_)) {
        return None;
    }
    let text = std::str::from_utf8(body.word(at + 1)).ok()?;
    let text = text.strip_prefix('"')?.strip_suffix('"')?;
    (!text.contains('\\')).then(|| (text.to_owned(), at + 3))
}

/// What [`reads`] returns, of tokens in a row.
fn reads_in(body: &Tokens, at: usize) -> bool {
    let kind = |at: usize| body.row.get(at).map(|token| token.kind);
    kind(at) == Some(TokenKind::Operator(u32::from(b'.')))
        && matches!(kind(at + 1), Some(TokenKind::Name | TokenKind::Keyword(_)))
        && !MANY.iter().any(|many| many.as_bytes() == body.word(at + 1))
}

/// Whether the method called on the collection is not one that writes many documents.
fn reads(trees: &[TokenTree], at: usize) -> bool {
    match (trees.get(at), trees.get(at + 1)) {
        (Some(dot), Some(TokenTree::Ident(method))) if is_punctuation(Some(dot), '.') => {
            !MANY.iter().any(|many| method == many)
        }
        _ => false,
    }
}

fn is_punctuation(tree: Option<&TokenTree>, character: char) -> bool {
    matches!(tree, Some(TokenTree::Punct(punct)) if punct.as_char() == character)
}

#[cfg(test)]
mod tests {
    use super::{Kind, Tokens, many, many_in};

    fn of(text: &str) -> Vec<String> {
        let body = text.parse().unwrap();
        let row = Tokens::of_text(text.to_owned()).unwrap();
        assert_eq!((many(Kind::Online, &body), many_in(Kind::Online, &row)), (vec![], vec![]));
        let found = many(Kind::Transaction, &body);
        assert_eq!(many_in(Kind::Transaction, &row), found, "{text}");
        found
    }

    #[test]
    fn what_is_written_at_once_counts() {
        assert_eq!(
            of(r#"tx.collection::<Document>("a").update_many(x, y).await?;
                  tx.collection::<Vec<u8>>("b").find(x).await?;
                  if z { tx.collection("c").delete_many(x).await?; tx.collection("a").insert_one(x); }"#),
            ["a", "c"]
        );
    }

    #[test]
    fn what_is_named_first_counts_where_anything_is_written() {
        assert_eq!(of(r#"let mut a = tx.collection("a"); a.delete_many(x).await?;"#), ["a"]);
        assert_eq!(of(r#"let mut a = tx.collection("a"); a.delete_one(x).await?;"#), [""; 0]);
        assert_eq!(of(r#"f(tx.collection["a"], tx.collection("b").await, delete_many)"#), ["a"]);
        assert_eq!(of(r#"S { collection: f[("a")] ("b") }; update_many"#), ["b"]);
        assert_eq!(of(r#"delete_many; tx.collection("a\"b"); [collection: x; ("c")]"#), [""; 0]);
    }

    #[test]
    fn what_is_no_literal_is_not_known() {
        assert_eq!(
            of(r#"tx.collection::<D>(NAME).update_many(x, y); tx.collection(name("a"), 1)"#),
            [""; 0]
        );
    }
}
