//! Reads and checks a declaration of the usual form without a syntax tree, in one pass.
//!
//! The compiler expands every attribute again at each check, with macros compiled without
//! optimisation, and a syntax tree per migration would cost more than all other work. A declaration
//! that this module recognises needs no tree. Any other, unusual or wrong, is read and judged by
//! `mongrate_seal::declaration`, which alone reports errors. This module accepts nothing that
//! `declaration` refuses.

use mongrate_seal::{
    built_in,
    checksum::plain::{self, Tokens},
    declaration::{Checked, GROUP_DEFAULT, Kind, Name, Rollback, Version, is_label, writes},
};
use proc_macro::{Delimiter, Group, Literal, Spacing, Span, TokenStream, TokenTree};
use syn::{Ident, Path, PathSegment};

use crate::written;

/// Returns the migration if it is plain, and whether its source has the same body.
pub(crate) fn read(arguments: &TokenStream, item: &TokenStream) -> Option<(Checked, bool)> {
    let Function { name: function, span, is_async, parameter, kind, has_output, body } =
        self::function(item)?;
    let describes = kind == Kind::Change;
    if is_async == describes || has_output == describes || !is_label(&function) {
        return None;
    }
    let arguments = self::arguments(arguments, &function)?;
    let rollback = match (arguments.reversible, describes) {
        (None, _) => Rollback::None,
        (Some(None), true) => Rollback::Derived,
        (Some(Some(path)), false) => Rollback::Function(path),
        _ => return None,
    };
    let (tokens, is_as_written) = row(&body)?;
    // `declaration` judges what may be a mistake.
    if kind == Kind::Online && tokens.has_async_behind_bar() {
        return None;
    }
    let writes = writes::many_in(kind, &tokens);
    let checked = Checked {
        version: arguments.version?,
        repeatable: false,
        labels: Vec::new(),
        after: Vec::new(),
        replaces: None,
        name: arguments.name.unwrap_or_else(|| Name { text: function.clone(), span: span.into() }),
        group: arguments.group.unwrap_or_else(|| GROUP_DEFAULT.to_owned()),
        kind,
        rollback,
        out_of_order: arguments.out_of_order,
        allow: Vec::new(),
        uses: Vec::new(),
        krate: None,
        writes,
        checksum: plain::of(kind.name(), &parameter, &tokens)?,
        function: Ident::new(&function, span.into()),
    };
    Some((checked, is_as_written))
}

/// Returns the tokens of a body, and whether they are for certain those of its source.
fn row(body: &Group) -> Option<(Tokens, bool)> {
    if let Some(tokens) = written::tokens(body) {
        return Some((tokens, true));
    }
    let mut tokens = Tokens::new();
    tokens.open(plain::Delimiter::Brace);
    fill(body.stream(), &mut tokens)?;
    tokens.close();
    Some((tokens, false))
}

/// Reads a body's tokens. `None` if a macro has put invisible groups among them.
fn fill(stream: TokenStream, tokens: &mut Tokens) -> Option<()> {
    for tree in stream {
        match tree {
            TokenTree::Ident(name) => tokens.name(&name.to_string()),
            TokenTree::Literal(literal) => tokens.literal(&literal.to_string()),
            TokenTree::Punct(punct) => {
                tokens.punctuation(punct.as_char(), punct.spacing() == Spacing::Joint);
            }
            TokenTree::Group(group) => {
                tokens.open(match group.delimiter() {
                    Delimiter::Parenthesis => plain::Delimiter::Parenthesis,
                    Delimiter::Brace => plain::Delimiter::Brace,
                    Delimiter::Bracket => plain::Delimiter::Bracket,
                    Delimiter::None => return None,
                });
                fill(group.stream(), tokens)?;
                tokens.close();
            }
        }
    }
    Some(())
}

#[derive(Default)]
struct Arguments {
    version: Option<Version>,
    name: Option<Name>,
    group: Option<String>,
    /// The outer option: whether it is written. The inner option: its value.
    reversible: Option<Option<Path>>,
    out_of_order: bool,
}

/// Reads `key` and `key = value`, each once, with commas between them.
fn arguments(stream: &TokenStream, function: &str) -> Option<Arguments> {
    let mut arguments = Arguments::default();
    let mut trees = stream.clone().into_iter().peekable();
    while let Some(tree) = trees.next() {
        let TokenTree::Ident(key) = tree else { return None };
        let mut value = Vec::new();
        let mut has_value = false;
        for tree in trees.by_ref() {
            match &tree {
                TokenTree::Punct(punct) if punct.as_char() == ',' => break,
                TokenTree::Punct(punct)
                    if punct.as_char() == '='
                        && !has_value
                        && punct.spacing() == Spacing::Alone =>
                {
                    has_value = true;
                    continue;
                }
                _ if !has_value => return None,
                _ => value.push(tree),
            }
        }
        if has_value == value.is_empty() {
            return None;
        }
        let is_first = match (key.to_string().as_str(), value.as_slice()) {
            ("version", [TokenTree::Literal(number)]) => {
                arguments.version.replace(version(number)?).is_none()
            }
            ("name", [TokenTree::Literal(text)]) => {
                let span = text.span().into();
                arguments.name.replace(Name { text: label(text)?, span }).is_none()
            }
            ("group", [TokenTree::Literal(text)]) => {
                arguments.group.replace(label(text)?).is_none()
            }
            ("reversible", []) => arguments.reversible.replace(None).is_none(),
            ("reversible", value) => {
                let path = Some(path(value, function)?);
                arguments.reversible.replace(path).is_none()
            }
            ("out_of_order", []) => !std::mem::replace(&mut arguments.out_of_order, true),
            _ => return None,
        };
        if !is_first {
            return None;
        }
    }
    Some(arguments)
}

fn version(literal: &Literal) -> Option<Version> {
    let text = literal.to_string();
    let mut number: i64 = 0;
    for byte in text.bytes() {
        match byte {
            b'0'..=b'9' => {
                number = number.checked_mul(10)?.checked_add(i64::from(byte - b'0'))?;
            }
            b'_' => {}
            _ => return None,
        }
    }
    (number > 0).then(|| Version { number, span: literal.span().into() })
}

fn label(literal: &Literal) -> Option<String> {
    let text = literal.to_string();
    let label = text.strip_prefix('"')?.strip_suffix('"')?;
    is_label(label).then(|| label.to_owned())
}

/// Reads names with `::` between them. None of them may be the function's own name.
fn path(trees: &[TokenTree], function: &str) -> Option<Path> {
    let mut segments = syn::punctuated::Punctuated::new();
    for (index, tree) in trees.iter().enumerate() {
        match (index % 3, tree) {
            (0, TokenTree::Ident(name)) => {
                let text = name.to_string();
                if text == function
                    || text.starts_with("r#")
                    || syn::parse_str::<Ident>(&text).is_err()
                        && !matches!(text.as_str(), "self" | "super" | "crate")
                {
                    return None;
                }
                let ident = Ident::new(&text, name.span().into());
                segments.push_value(PathSegment::from(ident));
            }
            (1, TokenTree::Punct(punct))
                if punct.as_char() == ':' && punct.spacing() == Spacing::Joint => {}
            (2, TokenTree::Punct(punct)) if punct.as_char() == ':' => {
                segments.push_punct(syn::token::PathSep::default());
            }
            _ => return None,
        }
    }
    (trees.len() % 3 == 1).then_some(Path { leading_colon: None, segments })
}

struct Function {
    name: String,
    span: Span,
    is_async: bool,
    /// The parameter's name.
    parameter: String,
    kind: Kind,
    has_output: bool,
    body: Group,
}

/// `/// …  pub async fn name(parameter: &mut Kind<'_>) -> Type { … }`
fn function(item: &TokenStream) -> Option<Function> {
    let mut trees = item.clone().into_iter();
    let mut tree = trees.next()?;
    while matches!(&tree, TokenTree::Punct(punct) if punct.as_char() == '#') {
        let TokenTree::Group(attribute) = trees.next()? else { return None };
        if !is_advice(&attribute) {
            return None;
        }
        tree = trees.next()?;
    }
    let mut word = ident(&tree)?;
    if word == "pub" {
        tree = trees.next()?;
        if matches!(tree, TokenTree::Group(_)) {
            tree = trees.next()?;
        }
        word = ident(&tree)?;
    }
    let is_async = word == "async";
    if is_async {
        word = ident(&trees.next()?)?;
    }
    if word != "fn" {
        return None;
    }
    let TokenTree::Ident(name) = trees.next()? else { return None };
    let TokenTree::Group(parameters) = trees.next()? else { return None };
    if parameters.delimiter() != Delimiter::Parenthesis {
        return None;
    }
    let (parameter, kind) = self::parameter(parameters.stream())?;
    let mut has_output = false;
    let mut tree = trees.next()?;
    if matches!(&tree, TokenTree::Punct(punct) if punct.as_char() == '-') {
        trees.next()?;
        has_output = true;
        // The compiler has parsed the type already. `declaration` judges `()` and unusual types.
        tree = trees.next()?;
        ident(&tree)?;
        loop {
            match &tree {
                TokenTree::Ident(word) => {
                    if matches!(word.to_string().as_str(), "where" | "impl" | "dyn" | "fn" | "for")
                    {
                        return None;
                    }
                }
                TokenTree::Punct(_) => {}
                TokenTree::Group(group) if group.delimiter() == Delimiter::Parenthesis => {}
                TokenTree::Group(group) if group.delimiter() == Delimiter::Brace => break,
                _ => return None,
            }
            tree = trees.next()?;
        }
    }
    let TokenTree::Group(body) = tree else { return None };
    if body.delimiter() != Delimiter::Brace || trees.next().is_some() {
        return None;
    }
    let span = name.span();
    Some(Function { name: name.to_string(), span, is_async, parameter, kind, has_output, body })
}

fn ident(tree: &TokenTree) -> Option<String> {
    match tree {
        TokenTree::Ident(ident) => Some(ident.to_string()),
        _ => None,
    }
}

/// Whether a function has an attribute that may change its checksum. `item` begins with its
/// attributes.
pub(crate) fn is_attributed(item: &TokenStream) -> bool {
    let mut trees = item.clone().into_iter();
    while let (Some(TokenTree::Punct(_)), Some(TokenTree::Group(attribute))) =
        (trees.next(), trees.next())
    {
        if !is_advice(&attribute) {
            return true;
        }
    }
    false
}

/// Whether an attribute is documentation or advice, and changes nothing that the function does.
fn is_advice(attribute: &Group) -> bool {
    let mut trees = attribute.stream().into_iter();
    let Some(TokenTree::Ident(word)) = trees.next() else { return false };
    let is_known = built_in::is_advice(&word.to_string());
    let is_path = matches!(trees.next(), Some(TokenTree::Punct(punct)) if punct.as_char() == ':');
    is_known && !is_path && attribute.delimiter() == Delimiter::Bracket
}

/// `name: &mut path::Kind<'_>`
fn parameter(stream: TokenStream) -> Option<(String, Kind)> {
    let mut trees = stream.into_iter();
    let name = ident(&trees.next()?)?;
    let mut is = |character: char| match trees.next() {
        Some(TokenTree::Punct(punct)) => punct.as_char() == character,
        _ => false,
    };
    if !is(':')
        || !is('&')
        || name == "self"
        || name == "mut"
        || name == "ref"
        || name.starts_with("r#")
    {
        return None;
    }
    if ident(&trees.next()?)? != "mut" {
        return None;
    }
    let mut kind = ident(&trees.next()?)?;
    let mut rest = trees.next();
    while let Some(TokenTree::Punct(punct)) = &rest
        && punct.as_char() == ':'
    {
        trees.next()?;
        kind = ident(&trees.next()?)?;
        rest = trees.next();
    }
    let kind = Kind::ALL.into_iter().find(|known| known.name() == kind)?;
    if rest.is_some() {
        // `<'_>` alone.
        let mut anonymous = true;
        anonymous &= matches!(&rest, Some(TokenTree::Punct(punct)) if punct.as_char() == '<');
        anonymous &= matches!(trees.next(), Some(TokenTree::Punct(p)) if p.as_char() == '\'');
        anonymous &= ident(&trees.next()?)? == "_";
        anonymous &= matches!(trees.next(), Some(TokenTree::Punct(p)) if p.as_char() == '>');
        if !anonymous || trees.next().is_some() {
            return None;
        }
    }
    Some((name, kind))
}
