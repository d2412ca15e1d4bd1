//! A declaration as it is written: its arguments and its item. Syntax only; nothing is judged here.

use proc_macro2::{Span, TokenStream, TokenTree};
use syn::{
    Error, Expr, Ident, Item, ItemFn, Lit, Token, TraitItemFn,
    ext::IdentExt as _,
    parse::{Parse, ParseStream, Parser as _},
    spanned::Spanned as _,
};

use super::broken::Broken;

/// A declaration as it is written.
pub struct Raw {
    /// The arguments, in the order in which they are written.
    pub arguments: Vec<Argument>,
    /// The errors of what is between the commas but is no argument.
    pub strays: Broken,
    /// The item that the attribute is on.
    pub item: Annotated,
}

/// An argument, `key` or `key = value`.
pub struct Argument {
    /// The argument's name.
    pub key: Ident,
    /// The value after its `=`.
    pub value: Option<Expr>,
}

/// The item that the attribute is on.
pub enum Annotated {
    /// A function, as it must be.
    Function(Box<ItemFn>),
    /// Another item.
    Other {
        /// The name of this kind of item, for an error.
        what: &'static str,
        /// The item's name or keyword.
        span: Span,
    },
}

impl Raw {
    /// Reads the arguments and the item.
    ///
    /// # Errors
    ///
    /// If the item cannot be parsed. The errors of arguments are kept as strays.
    pub fn new(arguments: TokenStream, item: TokenStream) -> syn::Result<Self> {
        let item = syn::parse2(item)?;
        let (arguments, strays) = arguments_and_strays.parse2(arguments)?;
        Ok(Self { arguments, strays, item })
    }
}

fn arguments_and_strays(input: ParseStream<'_>) -> syn::Result<(Vec<Argument>, Broken)> {
    let (mut arguments, mut strays) = (Vec::new(), Broken::default());
    while !input.is_empty() {
        let argument = argument(input).or_else(|error| {
            skip_to_comma(input)?;
            Err(error)
        });
        arguments.extend(strays.keep(argument));
        if !input.is_empty() {
            input.parse::<Token![,]>()?;
        }
    }
    Ok((arguments, strays))
}

fn argument(input: ParseStream<'_>) -> syn::Result<Argument> {
    let start = input.span();
    if !input.peek(Ident::peek_any) {
        return Err(Error::new(start, form(input)));
    }
    let key = input.call(Ident::parse_any)?;
    let value = if input.peek(Token![=]) {
        input.parse::<Token![=]>()?;
        if input.is_empty() || input.peek(Token![,]) {
            return Err(Error::new(start, format!("`{key} =` has no value")));
        }
        Some(input.parse()?)
    } else {
        None
    };
    if input.is_empty() || input.peek(Token![,]) {
        Ok(Argument { key, value })
    } else if value.is_some() {
        Err(input.error("missing `,` before this"))
    } else {
        Err(Error::new(start, format!("write `{key} = …`: arguments are `key = value`")))
    }
}

/// Returns how an argument is written, with the value that was written without its key.
fn form(input: ParseStream<'_>) -> String {
    if input.peek(Token![,]) {
        return "one `,` too many".to_owned();
    }
    let example = match input.fork().parse() {
        Ok(Lit::Int(version)) => format!("version = {version}"),
        Ok(Lit::Str(name)) => format!("name = {:?}", name.value()),
        _ => "version = 20250122001".to_owned(),
    };
    format!("arguments are `key = value`, as in `{example}`")
}

fn skip_to_comma(input: ParseStream<'_>) -> syn::Result<()> {
    while !input.is_empty() && !input.peek(Token![,]) {
        input.parse::<TokenTree>()?;
    }
    Ok(())
}

impl Parse for Annotated {
    fn parse(input: ParseStream<'_>) -> syn::Result<Self> {
        let ahead = input.fork();
        let (what, span) = match input.parse()? {
            Item::Fn(function) => return Ok(Self::Function(Box::new(function))),
            Item::Verbatim(_) => match ahead.parse::<TraitItemFn>() {
                Ok(method) => ("a function without a body", method.sig.ident.span()),
                Err(_) => ("something else", ahead.span()),
            },
            other => described(&other),
        };
        Ok(Self::Other { what, span })
    }
}

/// Returns the name of an item's kind, and the item's name or keyword, so that the error points at a
/// single line.
fn described(item: &Item) -> (&'static str, Span) {
    match item {
        Item::Const(item) => ("a constant", item.ident.span()),
        Item::Enum(item) => ("an enum", item.ident.span()),
        Item::ExternCrate(item) => ("an `extern crate`", item.extern_token.span()),
        Item::ForeignMod(item) => ("an `extern` block", item.abi.extern_token.span()),
        Item::Impl(item) => ("an `impl` block", item.impl_token.span()),
        Item::Macro(item) => ("a macro", item.mac.path.span()),
        Item::Mod(item) => ("a module", item.ident.span()),
        Item::Static(item) => ("a static", item.ident.span()),
        Item::Struct(item) => ("a struct", item.ident.span()),
        Item::Trait(item) => ("a trait", item.ident.span()),
        Item::TraitAlias(item) => ("a trait alias", item.ident.span()),
        Item::Type(item) => ("a type alias", item.ident.span()),
        Item::Union(item) => ("a union", item.ident.span()),
        Item::Use(item) => ("a `use`", item.use_token.span()),
        other => ("something else", other.span()),
    }
}
