//! The two promises of the checksum, on a corpus: layout never shows, meaning always does.

mod layout;
mod meaning;
mod pairs;
mod sealed;

use quote::ToTokens as _;
use syn::{FnArg, Item, ItemFn};

use crate::validate::Kind;

/// Everything that the promises are tried on.
const CORPUS: [&str; 4] = [
    include_str!("corpus/control.rs"),
    include_str!("corpus/data.rs"),
    include_str!("corpus/items.rs"),
    include_str!("corpus/online.rs"),
];

fn parsed(source: &str) -> Vec<ItemFn> {
    let file = syn::parse_file(source).expect("the corpus parses");
    file.items
        .into_iter()
        .filter_map(|item| match item {
            Item::Fn(function) => Some(function),
            _ => None,
        })
        .collect()
}

fn corpus() -> Vec<ItemFn> {
    CORPUS.into_iter().flat_map(parsed).collect()
}

fn checksum(function: &ItemFn) -> String {
    let kind = match function.sig.inputs.first() {
        Some(FnArg::Typed(parameter))
            if parameter.ty.to_token_stream().to_string().contains("Online") =>
        {
            Kind::Online
        }
        _ => Kind::Transaction,
    };
    super::of(kind, function.clone())
}

/// Name and checksum of every function in a source.
fn checksums(source: &str) -> Vec<(String, String)> {
    parsed(source).iter().map(|each| (each.sig.ident.to_string(), checksum(each))).collect()
}

#[test]
fn the_corpus_is_large_enough_and_all_different() {
    let mut all: Vec<_> = corpus().iter().map(checksum).collect();
    let count = all.len();
    assert!(count >= 40, "{count}");
    all.sort();
    all.dedup();
    assert_eq!(all.len(), count, "two functions of the corpus share a checksum");
}

#[test]
#[ignore]
fn tmp_speed() {
    let text = std::fs::read_to_string("/tmp/ws/bench/src/migrations/m00500_x.rs").unwrap();
    let f = parsed(&text).remove(0);
    let tokens = f.to_token_stream();
    let n = 300;
    let t = std::time::Instant::now();
    for _ in 0..n { std::hint::black_box(syn::parse2::<ItemFn>(tokens.clone()).unwrap()); }
    eprintln!("parse {:?}", t.elapsed() / n);
    let t = std::time::Instant::now();
    for _ in 0..n { std::hint::black_box(checksum(&f)); }
    eprintln!("checksum {:?}", t.elapsed() / n);
    let mut block = f.block.clone();
    let t = std::time::Instant::now();
    for _ in 0..n { let mut b = f.block.clone(); syn::visit_mut::VisitMut::visit_block_mut(&mut super::canonical::Canonical, &mut b); std::hint::black_box(b); }
    eprintln!("canonical {:?}", t.elapsed() / n);
    syn::visit_mut::VisitMut::visit_block_mut(&mut super::canonical::Canonical, &mut block);
    let t = std::time::Instant::now();
    for _ in 0..n { std::hint::black_box(block.to_token_stream()); }
    eprintln!("print {:?}", t.elapsed() / n);
    let tk = block.to_token_stream();
    let t = std::time::Instant::now();
    for _ in 0..n { let mut b = super::encode::Bytes::new(""); b.tokens(tk.clone()); std::hint::black_box(b.finish()); }
    eprintln!("encode {:?}", t.elapsed() / n);
    let mut b = super::encode::Bytes::new(""); b.tokens(tk.clone()); let by = b.finish();
    let t = std::time::Instant::now();
    for _ in 0..n { std::hint::black_box(<sha2::Sha256 as sha2::Digest>::digest(&by)); }
    eprintln!("sha {:?} {}", t.elapsed() / n, by.len());
}
