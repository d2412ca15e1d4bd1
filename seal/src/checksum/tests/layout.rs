//! Layout, which must never change a checksum.

use std::{
    io::Write as _,
    process::{Command, Stdio},
};

use proc_macro2::{Spacing, TokenStream, TokenTree};
use quote::{ToTokens as _, quote};
use syn::{
    Attribute, Block, Expr, ExprArray, ExprCall, ExprMethodCall, ExprParen, ExprTuple, ItemFn,
    Local, parse_quote, token,
    visit_mut::{self, VisitMut},
};

use super::functions::{CORPUS, checksum, checksums, corpus};

/// Widths from unreadable to unbroken, and every stable setting that touches tokens.
const CONFIGURATIONS: [&str; 14] = [
    "max_width=30",
    "max_width=40",
    "max_width=60",
    "max_width=80",
    "max_width=100",
    "max_width=120",
    "max_width=200",
    "max_width=1000",
    "max_width=100,use_small_heuristics=Max",
    "max_width=100,use_small_heuristics=Off",
    "max_width=70,match_block_trailing_comma=true,use_field_init_shorthand=true",
    "max_width=90,force_explicit_abi=false,merge_derives=false,remove_nested_parens=false",
    "max_width=90,match_arm_leading_pipes=Always,reorder_imports=false,reorder_modules=false",
    "max_width=50,hard_tabs=true,newline_style=Windows,chain_width=20,fn_call_width=20",
];

fn formatted(source: &str, configuration: &str, edition: &str) -> String {
    let mut rustfmt = Command::new("rustfmt")
        .args(["--edition", edition, "--config", configuration])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("rustfmt is part of every toolchain that this is tested with");
    let mut input = rustfmt.stdin.take().expect("piped");
    input.write_all(source.as_bytes()).expect("rustfmt reads");
    drop(input);
    let output = rustfmt.wait_with_output().expect("rustfmt ends");
    assert!(output.status.success(), "rustfmt refused the corpus under {configuration}");
    String::from_utf8(output.stdout).expect("UTF-8")
}

#[test]
fn rustfmt_at_any_width() {
    for source in CORPUS {
        let plain = checksums(source);
        for configuration in CONFIGURATIONS {
            for edition in ["2021", "2024"] {
                if edition == "2021" && source.contains("async |") {
                    continue;
                }
                let formatted = formatted(source, configuration, edition);
                assert_ne!(formatted, source, "nothing was formatted");
                compare(&plain, &formatted, configuration);
                // A second pass may format what the first pass left.
                let again = self::formatted(&formatted, "max_width=100", edition);
                compare(&plain, &again, &format!("{configuration}, then the default"));
            }
        }
    }
}

fn compare(plain: &[(String, String)], formatted: &str, how: &str) {
    for (before, after) in plain.iter().zip(checksums(formatted)) {
        assert_eq!(*before, after, "changed by {how}:\n{formatted}");
    }
}

/// Writes tokens with `between` between every two of them.
fn spaced(tokens: TokenStream, between: &str) -> String {
    let mut text = String::new();
    for tree in tokens {
        match &tree {
            TokenTree::Group(group) => {
                let open = quote!(#group).to_string();
                let inner = spaced(group.stream(), between);
                let (open, close) = (&open[..1], &open[open.len() - 1..]);
                text.push_str(&format!("{open}{between}{inner}{close}{between}"));
            }
            TokenTree::Punct(punct) if punct.spacing() == Spacing::Joint => {
                text.push(punct.as_char());
            }
            other => text.push_str(&format!("{other}{between}")),
        }
    }
    text
}

#[test]
fn comments_and_spaces_between_any_two_tokens() {
    for between in [" ", "\n", " /* a comment, with { braces */ ", " // a comment\n", "\t\r\n"] {
        for function in corpus() {
            let text = spaced(function.to_token_stream(), between);
            let again: ItemFn = syn::parse_str(&text).expect("spaces change nothing");
            assert_eq!(checksum(&function), checksum(&again), "{}", function.sig.ident);
        }
    }
}

/// Adds documentation and lint attributes wherever they are allowed.
struct Advise;

impl VisitMut for Advise {
    fn visit_local_mut(&mut self, local: &mut Local) {
        visit_mut::visit_local_mut(self, local);
        local.attrs.extend::<[Attribute; 2]>([
            parse_quote!(#[allow(unused, clippy::all)]),
            parse_quote!(#[rustfmt::skip]),
        ]);
    }

    fn visit_item_fn_mut(&mut self, function: &mut ItemFn) {
        visit_mut::visit_item_fn_mut(self, function);
        let attributes: [Attribute; 8] = [
            parse_quote!(#[doc = " More."]),
            parse_quote!(#[warn(missing_docs)]),
            parse_quote!(#[deny(unsafe_code)]),
            parse_quote!(#[forbid(unsafe_code)]),
            parse_quote!(#[expect(unused)]),
            parse_quote!(#[inline(always)]),
            parse_quote!(#[must_use = "really"]),
            parse_quote!(#[mongrate::migration(version = 9)]),
        ];
        function.attrs.splice(0..0, attributes);
    }
}

#[test]
fn advice_to_people_and_lints() {
    for function in corpus() {
        let mut advised = function.clone();
        Advise.visit_item_fn_mut(&mut advised);
        assert_ne!(function.to_token_stream().to_string(), advised.to_token_stream().to_string());
        assert_eq!(checksum(&function), checksum(&advised), "{}", function.sig.ident);
    }
}

/// Puts parentheses around operands and a comma at the end of lists.
struct Clutter;

fn parenthesise(expr: &mut Expr) {
    let inner = std::mem::replace(expr, Expr::Verbatim(quote!()));
    *expr = Expr::Paren(ExprParen {
        attrs: Vec::new(),
        paren_token: token::Paren::default(),
        expr: Box::new(inner),
    });
}

impl VisitMut for Clutter {
    fn visit_expr_array_mut(&mut self, array: &mut ExprArray) {
        visit_mut::visit_expr_array_mut(self, array);
        array.elems.iter_mut().for_each(parenthesise);
        if !array.elems.empty_or_trailing() {
            array.elems.push_punct(Default::default());
        }
    }

    fn visit_expr_call_mut(&mut self, call: &mut ExprCall) {
        visit_mut::visit_expr_call_mut(self, call);
        parenthesise(&mut call.func);
        call.args.iter_mut().for_each(parenthesise);
        if !call.args.empty_or_trailing() {
            call.args.push_punct(Default::default());
        }
    }

    fn visit_expr_method_call_mut(&mut self, call: &mut ExprMethodCall) {
        visit_mut::visit_expr_method_call_mut(self, call);
        parenthesise(&mut call.receiver);
        parenthesise(&mut call.receiver);
        call.args.iter_mut().for_each(parenthesise);
    }

    fn visit_expr_tuple_mut(&mut self, tuple: &mut ExprTuple) {
        visit_mut::visit_expr_tuple_mut(self, tuple);
        tuple.elems.iter_mut().for_each(parenthesise);
        if !tuple.elems.empty_or_trailing() {
            tuple.elems.push_punct(Default::default());
        }
    }

    fn visit_local_init_mut(&mut self, init: &mut syn::LocalInit) {
        visit_mut::visit_local_init_mut(self, init);
        parenthesise(&mut init.expr);
    }

    fn visit_expr_binary_mut(&mut self, binary: &mut syn::ExprBinary) {
        visit_mut::visit_expr_binary_mut(self, binary);
        if !matches!(*binary.left, Expr::Let(_)) && !matches!(*binary.right, Expr::Let(_)) {
            parenthesise(&mut binary.right);
        }
    }

    fn visit_block_mut(&mut self, block: &mut Block) {
        visit_mut::visit_block_mut(self, block);
        block.stmts.insert(0, syn::Stmt::Expr(Expr::Verbatim(quote!()), Some(Default::default())));
    }
}

#[test]
fn redundant_parentheses_commas_and_semicolons() {
    for function in corpus() {
        let mut cluttered = function.clone();
        Clutter.visit_block_mut(&mut cluttered.block);
        let text = cluttered.to_token_stream().to_string();
        assert_ne!(function.to_token_stream().to_string(), text);
        let cluttered: ItemFn = syn::parse_str(&text).expect("clutter parses");
        assert_eq!(checksum(&function), checksum(&cluttered), "{}\n{text}", function.sig.ident);
    }
}

#[test]
fn the_name_and_how_types_are_reached() {
    for function in corpus() {
        let mut moved = function.clone();
        moved.sig.ident = syn::Ident::new("renamed", moved.sig.ident.span());
        moved.vis = parse_quote!(pub(in crate::migrations));
        moved.sig.output = parse_quote!(-> ::mongrate::Result<(), crate::Error>);
        moved.attrs.push(parse_quote!(#[cfg(feature = "mongo")]));
        assert_eq!(checksum(&function), checksum(&moved), "{}", function.sig.ident);
    }
}
