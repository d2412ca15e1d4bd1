//! Compares the checksum by tokens with the checksum by the syntax tree.

use proc_macro2::{Spacing, TokenStream, TokenTree};
use quote::ToTokens as _;
use syn::{FnArg, ItemFn, Pat};

use crate::checksum::{
    plain::{self, Delimiter, Tokens},
    tree,
};

/// Fails if the tokens alone give another checksum than the tree. Returns whether they give one.
pub(super) fn compare(kind: &str, function: &ItemFn) -> bool {
    let Some(bytes) = bytes(kind, function) else { return false };
    same(kind, function, &bytes);
    true
}

/// Fails if the text alone gives another checksum than the tree, or one where there is no tree. Returns
/// whether it gives one. `body` is a block.
pub(super) fn compare_text(body: &str) -> bool {
    let bytes = Tokens::of_text(body.to_owned())
        .and_then(|tokens| plain::canonical_bytes("Transaction", "tx", &tokens));
    let Some(bytes) = bytes else { return false };
    let function = format!("async fn up(tx: &mut Transaction<'_>) {body}");
    match syn::parse_str(&function) {
        Ok(function) => same("Transaction", &function, &bytes),
        Err(error) => panic!("there is no tree: {error}\n{body}"),
    }
    true
}

fn same(kind: &str, function: &ItemFn, bytes: &[u8]) {
    let tree = tree::canonical_bytes(kind, function.clone());
    assert!(
        *bytes == tree,
        "{}\n  tokens: {}\n  tree:   {}",
        function.to_token_stream(),
        readable(bytes),
        readable(&tree)
    );
}

fn readable(mut bytes: &[u8]) -> String {
    let mut text = String::new();
    while let [tag, rest @ ..] = bytes {
        bytes = rest;
        if tag.is_ascii_lowercase()
            && *tag != b'l'
            && let [a, b, c, d, rest @ ..] = bytes
        {
            let length = u32::from_le_bytes([*a, *b, *c, *d]) as usize;
            text += &String::from_utf8_lossy(&rest[..length]);
            bytes = &rest[length..];
        } else {
            text.push(char::from(*tag));
        }
        text.push(' ');
    }
    text
}

fn bytes(kind: &str, function: &ItemFn) -> Option<Vec<u8>> {
    let parameter = match function.sig.inputs.first()? {
        FnArg::Typed(parameter) => match &*parameter.pat {
            Pat::Ident(name) if name.to_token_stream().into_iter().count() == 1 => {
                name.ident.to_string()
            }
            Pat::Wild(_) => "_".to_owned(),
            _ => return None,
        },
        FnArg::Receiver(_) => return None,
    };
    if function.sig.inputs.len() != 1 || !function.attrs.is_empty() {
        return None;
    }
    let mut tokens = Tokens::new();
    read(function.block.to_token_stream(), &mut tokens)?;
    plain::canonical_bytes(kind, &parameter, &tokens)
}

/// Reads tokens one after the other. `None` if there are invisible groups among them.
pub(super) fn read(stream: TokenStream, tokens: &mut Tokens) -> Option<()> {
    for tree in stream {
        match tree {
            TokenTree::Ident(name) => tokens.name(&name.to_string()),
            TokenTree::Literal(literal) => tokens.literal(&literal.to_string()),
            TokenTree::Punct(punct) => {
                tokens.punctuation(punct.as_char(), punct.spacing() == Spacing::Joint);
            }
            TokenTree::Group(group) => {
                tokens.open(match group.delimiter() {
                    proc_macro2::Delimiter::Parenthesis => Delimiter::Parenthesis,
                    proc_macro2::Delimiter::Brace => Delimiter::Brace,
                    proc_macro2::Delimiter::Bracket => Delimiter::Bracket,
                    proc_macro2::Delimiter::None => return None,
                });
                read(group.stream(), tokens)?;
                tokens.close();
            }
        }
    }
    Some(())
}
