//! The collections in which a body writes many documents, as far as its tokens show. The lints compare
//! them with the sizes of the collections before anything runs.
//!
//! It is a guess that costs nothing: `collection("users").update_many(…)` counts,
//! `collection("users").find(…)` does not, and `let users = tx.collection("users");` counts if the
//! body writes many documents of any collection.

use proc_macro2::{Delimiter, TokenStream, TokenTree};

use super::kind::Kind;

/// The methods that write many documents.
pub const MANY: [&str; 2] = ["update_many", "delete_many"];

/// Returns the names of the collections in order, each once. Returns none for other kinds than a
/// transaction, as their size is not limited.
pub fn many(kind: Kind, body: &TokenStream) -> Vec<String> {
    let mut writes = Writes::default();
    if kind == Kind::Transaction {
        walk(body.clone(), &mut writes);
    }
    if !writes.any {
        return Vec::new();
    }
    let mut names = Vec::new();
    for name in writes.names {
        if !names.contains(&name) {
            names.push(name);
        }
    }
    names
}

#[derive(Default)]
struct Writes {
    any: bool,
    names: Vec<String>,
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
    use super::{Kind, many};

    fn of(body: &str) -> Vec<String> {
        let body = body.parse().unwrap();
        assert_eq!(many(Kind::Online, &body), [""; 0]);
        many(Kind::Transaction, &body)
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
    }

    #[test]
    fn what_is_no_literal_is_not_known() {
        assert_eq!(
            of(r#"tx.collection::<D>(NAME).update_many(x, y); tx.collection(name("a"), 1)"#),
            [""; 0]
        );
    }
}
