//! Macros: a formatter rewrites input that it can read as a list, and leaves other input as it is.
//!
//! This file and `canonical` need each other: a macro's input may hold expressions, types and
//! patterns, and these may hold macros.

use proc_macro2::{Delimiter, Group, Ident, Span, TokenStream, TokenTree};
use quote::{ToTokens as _, quote};
use syn::{
    Block, Expr, ItemMacro, Macro, MacroDelimiter, Pat, Token,
    parse::{ParseStream, Parser as _, discouraged::Speculative as _},
    token,
    visit_mut::VisitMut as _,
};

use super::canonical::{Canonical, fence};

/// Gives an invocation one spelling. No macro can see its delimiter, so the delimiter tells how the
/// input was read.
pub(super) fn settle(invocation: &mut Macro) {
    let tokens = std::mem::take(&mut invocation.tokens);
    if let Ok(arguments) = arguments.parse2(tokens.clone()) {
        invocation.delimiter = MacroDelimiter::Paren(token::Paren::default());
        invocation.tokens = quote!(#(#arguments),*);
    } else if let Ok((value, count)) = repetition.parse2(tokens.clone()) {
        invocation.delimiter = MacroDelimiter::Bracket(token::Bracket::default());
        invocation.tokens = quote!(#value; #count);
    } else {
        invocation.delimiter = MacroDelimiter::Brace(token::Brace::default());
        invocation.tokens = without_trailing_commas(tokens, true);
    }
}

/// Reads `a, b, c`, each an expression, a type or a pattern.
fn arguments(input: ParseStream<'_>) -> syn::Result<Vec<TokenStream>> {
    let mut arguments = Vec::new();
    while !input.is_empty() {
        arguments.push(argument(input)?);
        if !input.is_empty() {
            input.parse::<Token![,]>()?;
        }
    }
    Ok(arguments)
}

fn argument(input: ParseStream<'_>) -> syn::Result<TokenStream> {
    let ends = |input: ParseStream<'_>| input.is_empty() || input.peek(Token![,]);
    let ahead = input.fork();
    if let Ok(expr) = ahead.parse()
        && ends(&ahead)
    {
        input.advance_to(&ahead);
        return Ok(expression(expr));
    }
    let ahead = input.fork();
    if let Ok(mut ty) = ahead.parse()
        && ends(&ahead)
    {
        input.advance_to(&ahead);
        Canonical.visit_type_mut(&mut ty);
        return Ok(ty.into_token_stream());
    }
    let mut pattern = input.call(Pat::parse_multi_with_leading_vert)?;
    Canonical.visit_pat_mut(&mut pattern);
    Ok(pattern.into_token_stream())
}

/// Reads `x; n`.
fn repetition(input: ParseStream<'_>) -> syn::Result<(TokenStream, TokenStream)> {
    let value = expression(input.parse()?);
    input.parse::<Token![;]>()?;
    let count = expression(input.parse()?);
    input.parse::<Option<Token![,]>>()?;
    Ok((value, count))
}

/// Spells an expression. A macro can tell `(a)` and `{ a }` from `a`, so the outermost brackets count
/// here.
fn expression(mut expr: Expr) -> TokenStream {
    let fences = match &expr {
        Expr::Paren(_) => 1,
        Expr::Block(_) => 2,
        _ => 0,
    };
    Canonical.visit_expr_mut(&mut expr);
    for _ in 0..fences {
        fence(&mut expr);
    }
    expr.into_token_stream()
}

/// Makes `[a, b,]` and `{ a, b, }` into `[a, b]` and `{ a, b }`. `(a,)` may be a tuple, and stays.
pub(super) fn without_trailing_commas(tokens: TokenStream, outermost: bool) -> TokenStream {
    let mut trees: Vec<TokenTree> = tokens.into_iter().collect();
    if outermost && trees.last().is_some_and(is_comma) {
        trees.pop();
    }
    for tree in &mut trees {
        if let TokenTree::Group(group) = tree {
            let drops = group.delimiter() != Delimiter::Parenthesis;
            let stream = without_trailing_commas(group.stream(), drops);
            *tree = TokenTree::Group(Group::new(group.delimiter(), stream));
        }
    }
    trees.into_iter().collect()
}

fn is_comma(tree: &TokenTree) -> bool {
    matches!(tree, TokenTree::Punct(punct) if punct.as_char() == ',')
}

/// Gives a macro's definition one spelling: formatters rewrite the bodies of its rules.
pub(super) fn settle_definition(item: &mut ItemMacro) {
    let tokens = std::mem::take(&mut item.mac.tokens);
    item.mac.tokens = rules.parse2(tokens.clone()).unwrap_or(tokens);
    item.mac.delimiter = MacroDelimiter::Brace(token::Brace::default());
    item.semi_token = None;
}

/// Reads `(matcher) => { body };`, any number of times.
fn rules(input: ParseStream<'_>) -> syn::Result<TokenStream> {
    let mut rules = TokenStream::new();
    while !input.is_empty() {
        let matcher: Group = input.parse()?;
        let arrow: Token![=>] = input.parse()?;
        let body: Group = input.parse()?;
        let matcher = Group::new(Delimiter::Parenthesis, matcher.stream());
        let body = Group::new(Delimiter::Brace, transcribed(body.stream()));
        rules.extend(quote!(#matcher #arrow #body ;));
        if !input.is_empty() {
            input.parse::<Token![;]>()?;
        }
    }
    Ok(rules)
}

/// Spells the body of a rule: as statements if it can be read as statements.
fn transcribed(tokens: TokenStream) -> TokenStream {
    let readable = with_plain_variables(tokens.clone())
        .and_then(|plain| Block::parse_within.parse2(plain).ok());
    let Some(stmts) = readable else { return tokens };
    let mut block = Block { brace_token: token::Brace::default(), stmts };
    Canonical.visit_block_mut(&mut block);
    block.into_token_stream()
}

/// Replaces `$name` by an identifier. `None` if the rule repeats, as the body is then not Rust.
fn with_plain_variables(tokens: TokenStream) -> Option<TokenStream> {
    let mut plain = TokenStream::new();
    let mut trees = tokens.into_iter();
    while let Some(tree) = trees.next() {
        plain.extend([match tree {
            TokenTree::Punct(punct) if punct.as_char() == '$' => match trees.next()? {
                TokenTree::Ident(name) => {
                    Ident::new(&format!("__dollar_{name}"), Span::call_site()).into()
                }
                _ => return None,
            },
            TokenTree::Group(group) => {
                Group::new(group.delimiter(), with_plain_variables(group.stream())?).into()
            }
            other => other,
        }]);
    }
    Some(plain)
}
