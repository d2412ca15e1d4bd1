//! The walk without a syntax tree: the same checksum as with one, or none.

use std::{env, fs, path::Path};

use proc_macro2::{Spacing, TokenStream, TokenTree};
use quote::ToTokens as _;
use syn::visit::Visit;
use syn::{FnArg, ItemFn, Pat};

use crate::checksum::plain::{self, Delimiter, Tokens};

/// Fails if the tokens alone say anything else than the tree. Gives whether they say something.
pub(super) fn compare(kind: &str, function: &ItemFn) -> bool {
    let Some(bytes) = bytes(kind, function) else { return false };
    let tree = super::super::canonical_bytes(kind, function.clone());
    assert!(
        bytes == tree,
        "{}\n  tokens: {}\n  tree:   {}",
        function.to_token_stream(),
        readable(&bytes),
        readable(&tree)
    );
    true
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

fn read(stream: TokenStream, tokens: &mut Tokens) -> Option<()> {
    for tree in stream {
        match tree {
            TokenTree::Ident(name) => tokens.name(name.to_string()),
            TokenTree::Literal(literal) => tokens.literal(literal.to_string()),
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

/// How many functions there were, and of how many the tokens alone could tell.
#[derive(Default)]
struct Tally {
    all: usize,
    plain: usize,
}

impl<'ast> Visit<'ast> for Tally {
    /// Every block of every function, as if it were a migration's body.
    fn visit_block(&mut self, block: &'ast syn::Block) {
        let function: ItemFn = syn::parse_quote!(async fn up(tx: &mut Transaction<'_>) #block);
        self.all += 1;
        self.plain += usize::from(compare("Transaction", &function));
        syn::visit::visit_block(self, block);
    }
}

fn search(directory: &Path, tally: &mut Tally) {
    for entry in fs::read_dir(directory).expect("it can be read").flatten() {
        let (path, about) = (entry.path(), entry.metadata().expect("it has some"));
        if about.is_dir() {
            search(&path, tally);
        } else if path.extension().is_some_and(|extension| extension == "rs")
            && let Ok(text) = fs::read_to_string(&path)
            && let Ok(file) = syn::parse_file(&text)
        {
            tally.visit_file(&file);
        }
    }
}

/// All the Rust that there is here. `MONGRATE_SOURCES` names more: a directory of crates, say.
#[test]
fn the_tokens_say_what_the_tree_says() {
    let mut tally = Tally::default();
    let own = Path::new(env!("CARGO_MANIFEST_DIR"));
    search(own, &mut tally);
    if let Some(more) = env::var_os("MONGRATE_SOURCES") {
        search(Path::new(&more), &mut tally);
    }
    println!("{} of {} blocks are plain", tally.plain, tally.all);
    assert!(tally.plain * 3 > tally.all, "{} of {} blocks are plain", tally.plain, tally.all);
}

/// What migrations consist of.
#[test]
fn bodies_as_people_write_them_need_no_tree() {
    for body in [
        r#"{
            let mut users = tx.collection::<Document>("users");
            // Those that signed up before there were plans.
            let without = doc! { "plan": null, "cohort": 7 };
            users.update_many(without, doc! { "$set": { "plan": "free", "seats": 3, }, }).await?;
            for plan in ["trial", "beta"] {
                users.delete_many(doc! { "plan": plan, "n": { "$in": [1, 2,] } }).await?;
            }
            Ok(())
        }"#,
        r#"{
            let mut cursor = tx.collection::<Document>("a").find(doc! {}).await?;
            while let Some(user) = cursor.next().await {
                let Ok(name) = user?.get_str("name") else { continue; };
                if name.len() > 3 && !name.is_empty() || name == "x" {
                    tracing::info!(name, count = 1 + 2 * n as i64, "seen {}", name);
                } else if let Some((first, _)) = name.split_once(' ') { log(&mut list, first)?; }
            }
            match kind { Kind::A | Kind::B(..) => {} Kind::C { id, .. } => return Ok(()), _ => {} }
            let list: Vec<Vec<&str>> = rows.iter().map(|row| row.0[1]).collect::<Vec<_>>();
            on.step("index", async |db| { db.create(Options { unique: true, ..d }).await }).await
        }"#,
        "{ change.create_index(\"users\", doc! { \"email\": 1 }).unique(true); }",
    ] {
        let block: syn::Block = syn::parse_str(body).expect("it parses");
        let function: ItemFn = syn::parse_quote!(async fn up(tx: &mut Transaction<'_>) #block);
        assert!(compare("Transaction", &function), "{body}");
    }
}
