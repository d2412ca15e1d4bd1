//! Edits that must change a checksum: thousands of small edits of the corpus, one at a time.

use std::collections::BTreeMap;

use proc_macro2::{Group, Ident, Literal, Punct, TokenStream, TokenTree};
use quote::{ToTokens as _, quote};
use syn::{
    Block, Expr, ItemFn, Stmt,
    visit_mut::{self, VisitMut},
};

use super::functions::{checksum, corpus};

/// Tries every edit and returns how many there were.
fn every_edit_shows(edits: impl Fn(&ItemFn) -> Vec<(String, ItemFn)>) -> usize {
    let mut count = 0;
    for function in corpus() {
        let plain = checksum(&function);
        let text = function.to_token_stream().to_string();
        for (what, edited) in edits(&function) {
            if edited.to_token_stream().to_string() == text {
                continue;
            }
            count += 1;
            assert_ne!(
                plain,
                checksum(&edited),
                "{} did not notice: {what}\n{}",
                function.sig.ident,
                edited.to_token_stream(),
            );
        }
    }
    count
}

/// Returns every edit of one token of a body, with its description.
fn token_edits(tokens: TokenStream) -> Vec<(String, TokenStream)> {
    let trees: Vec<TokenTree> = tokens.into_iter().collect();
    let mut edits = Vec::new();
    for (at, tree) in trees.iter().enumerate() {
        if is_attribute(&trees, at) {
            continue;
        }
        let mut put = |what: String, instead: TokenStream| {
            let mut edited: TokenStream = trees[..at].iter().cloned().collect();
            edited.extend(instead);
            edited.extend(trees[at + 1..].iter().cloned());
            edits.push((what, edited));
        };
        match tree {
            TokenTree::Group(group) => {
                for (what, inner) in token_edits(group.stream()) {
                    let group = Group::new(group.delimiter(), inner);
                    put(what, TokenTree::from(group).into());
                }
            }
            TokenTree::Ident(ident) => {
                for instead in ident_edits(ident) {
                    put(format!("`{ident}` is now `{instead}`"), instead);
                }
            }
            TokenTree::Literal(literal) => {
                for instead in literal_edits(literal) {
                    put(format!("`{literal}` is now `{instead}`"), instead);
                }
            }
            TokenTree::Punct(punct) => {
                for instead in punct_edits(punct) {
                    put(format!("`{punct}` is now `{instead}`"), instead);
                }
            }
        }
    }
    edits
}

/// Attributes are not edited: some are advice, which does not change the checksum.
fn is_attribute(trees: &[TokenTree], at: usize) -> bool {
    let is = |index: usize, char| matches!(trees.get(index), Some(TokenTree::Punct(punct)) if punct.as_char() == char);
    is(at, '#')
        || is(at, '!') && at > 0 && is(at - 1, '#')
        || matches!(trees[at], TokenTree::Group(_))
            && at > 0
            && (is(at - 1, '#') || at > 1 && is(at - 1, '!') && is(at - 2, '#'))
}

fn ident_edits(ident: &Ident) -> Vec<TokenStream> {
    let text = ident.to_string();
    let other = Ident::new(&format!("{}_x", text.trim_start_matches("r#")), ident.span());
    let mut edits = vec![quote!(#other)];
    match text.as_str() {
        "true" => edits.push(quote!(false)),
        "false" => edits.push(quote!(true)),
        "mut" | "move" | "ref" | "async" | "unsafe" => edits.push(quote!()),
        "break" => edits.push(quote!(continue)),
        "while" => edits.push(quote!(if)),
        _ => {}
    }
    edits
}

fn literal_edits(literal: &Literal) -> Vec<TokenStream> {
    let text = literal.to_string();
    let edited = match text.as_bytes() {
        [b'0'..=b'9', ..] if text.contains('.') => format!("1{text}"),
        [b'0', b'x' | b'b', ..] => text.replacen(['x', 'b'], "x1", 1),
        [b'0'..=b'9', ..] => format!("1{text}"),
        [.., b'\''] => text.replacen('\'', "'\\u{1F600}", 1).replace("\\u{1F600}", "\0"),
        _ => text.replacen('"', "\"more ", 1),
    };
    if text.ends_with('\'') {
        let other = if text.starts_with('b') { quote!(b'\0') } else { quote!('\0') };
        return vec![other];
    }
    vec![edited.parse().expect("still a literal")]
}

fn punct_edits(punct: &Punct) -> Vec<TokenStream> {
    let others: &[char] = match punct.as_char() {
        '+' => &['-'],
        '-' => &['+'],
        '*' => &['/'],
        '/' | '%' => &['*'],
        '<' => &['>'],
        '>' => &['<'],
        '&' => &['^', '*'],
        '|' => &['&'],
        '^' => &['&'],
        '=' => &['<'],
        '.' => &[','],
        _ => &[],
    };
    let spacing = punct.spacing();
    let mut edits: Vec<TokenStream> =
        others.iter().map(|other| TokenTree::from(Punct::new(*other, spacing)).into()).collect();
    if matches!(punct.as_char(), '!' | '?' | '*' | '&' | '-') {
        edits.push(quote!());
    }
    edits
}

#[test]
fn any_token_of_the_body() {
    let count = every_edit_shows(|function| {
        token_edits(function.block.to_token_stream())
            .into_iter()
            .filter_map(|(what, tokens)| {
                let block = syn::parse2::<Block>(tokens).ok()?;
                let edited = ItemFn { block: Box::new(block), ..function.clone() };
                Some((what, edited))
            })
            .collect()
    });
    assert!(count > 2_500, "only {count} edits");
}

/// An edit of the tree, made at one of the places where it could be made.
struct EditAt<F> {
    left: usize,
    edit: F,
}

/// The part of the tree that an edit changes.
enum Place<'a> {
    Block(&'a mut Block),
    Expr(&'a mut Expr),
}

impl<F: FnMut(Place<'_>, usize) -> Option<usize>> VisitMut for EditAt<F> {
    fn visit_attribute_mut(&mut self, _: &mut syn::Attribute) {}

    fn visit_block_mut(&mut self, block: &mut Block) {
        visit_mut::visit_block_mut(self, block);
        self.offer(Place::Block(block));
    }

    fn visit_expr_mut(&mut self, expr: &mut Expr) {
        visit_mut::visit_expr_mut(self, expr);
        self.offer(Place::Expr(expr));
    }
}

impl<F: FnMut(Place<'_>, usize) -> Option<usize>> EditAt<F> {
    /// The edit gets the number of chances to skip, and returns how many chances this place had.
    fn offer(&mut self, place: Place<'_>) {
        if self.left == usize::MAX {
            return;
        }
        self.left = match (self.edit)(place, self.left) {
            None => usize::MAX,
            Some(chances) => self.left - chances,
        };
    }
}

/// Makes the edit once for every chance that the body offers.
fn tree_edits(
    function: &ItemFn,
    what: &str,
    edit: fn(Place<'_>, usize) -> Option<usize>,
) -> Vec<(String, ItemFn)> {
    let mut edits = Vec::new();
    for chance in 0.. {
        let mut edited = function.clone();
        let mut at = EditAt { left: chance, edit };
        at.visit_block_mut(&mut edited.block);
        if at.left != usize::MAX {
            return edits;
        }
        edits.push((format!("{what} {chance}"), edited));
    }
    unreachable!("every chance is tried")
}

/// Does the `skip`-th of `chances` things, or returns that there were not enough.
fn choose(chances: usize, skip: usize, edit: impl FnOnce(usize)) -> Option<usize> {
    if skip < chances {
        edit(skip);
        None
    } else {
        Some(chances)
    }
}

fn is_idle(statement: &Stmt) -> bool {
    matches!(statement, Stmt::Expr(Expr::Verbatim(_), _))
}

/// `use a; use b;` is `use b; use a;`, and so with other imports.
fn is_import(statement: &Stmt) -> bool {
    matches!(statement, Stmt::Item(syn::Item::Use(_) | syn::Item::ExternCrate(_)))
}

#[test]
fn a_statement_dropped_doubled_or_moved() {
    let dropped = every_edit_shows(|function| {
        tree_edits(function, "drop statement", |place, skip| match place {
            Place::Block(block) => {
                block.stmts.retain(|statement| !is_idle(statement));
                choose(block.stmts.len(), skip, |at| drop(block.stmts.remove(at)))
            }
            Place::Expr(_) => Some(0),
        })
    });
    let doubled = every_edit_shows(|function| {
        tree_edits(function, "double statement", |place, skip| match place {
            Place::Block(block) => {
                let lasting = block
                    .stmts
                    .iter()
                    .filter(|each| matches!(each, Stmt::Local(_) | Stmt::Expr(_, Some(_))))
                    .filter(|each| !is_idle(each))
                    .count();
                choose(lasting, skip, |at| {
                    let index = (0..block.stmts.len())
                        .filter(|index| {
                            let each = &block.stmts[*index];
                            matches!(each, Stmt::Local(_) | Stmt::Expr(_, Some(_)))
                                && !is_idle(each)
                        })
                        .nth(at)
                        .expect("counted");
                    let copy = block.stmts[index].clone();
                    block.stmts.insert(index, copy);
                })
            }
            Place::Expr(_) => Some(0),
        })
    });
    let moved = every_edit_shows(|function| {
        tree_edits(function, "swap statements", |place, skip| match place {
            Place::Block(block) => {
                block.stmts.retain(|statement| !is_idle(statement) && !is_import(statement));
                choose(block.stmts.len().saturating_sub(1), skip, |at| {
                    block.stmts.swap(at, at + 1);
                })
            }
            Place::Expr(_) => Some(0),
        })
    });
    assert!(dropped > 200 && doubled > 100 && moved > 100, "{dropped} {doubled} {moved}");
}

#[test]
fn operands_and_arguments_swapped_or_dropped() {
    let count = every_edit_shows(|function| {
        tree_edits(function, "swap operands", |place, skip| {
            let Place::Expr(expr) = place else { return Some(0) };
            match expr {
                Expr::Binary(binary) => choose(1, skip, |_| {
                    std::mem::swap(&mut binary.left, &mut binary.right);
                }),
                Expr::Call(call) => swap(&mut call.args, skip),
                Expr::MethodCall(call) => swap(&mut call.args, skip),
                Expr::Tuple(tuple) => swap(&mut tuple.elems, skip),
                Expr::Array(array) => swap(&mut array.elems, skip),
                Expr::Match(matching) => {
                    choose(matching.arms.len().saturating_sub(1), skip, |at| {
                        matching.arms.swap(at, at + 1);
                        for arm in &mut matching.arms {
                            arm.comma = Some(Default::default());
                        }
                    })
                }
                Expr::Struct(literal) => {
                    choose(literal.fields.len().saturating_sub(1), skip, |at| {
                        let mut fields: Vec<_> = literal.fields.iter().cloned().collect();
                        fields.swap(at, at + 1);
                        literal.fields = fields.into_iter().collect();
                    })
                }
                _ => Some(0),
            }
        })
    });
    assert!(count > 100, "only {count} edits");
}

fn swap(
    list: &mut syn::punctuated::Punctuated<Expr, syn::Token![,]>,
    skip: usize,
) -> Option<usize> {
    choose(list.len().saturating_sub(1), skip, |at| {
        let mut elements: Vec<_> = list.iter().cloned().collect();
        elements.swap(at, at + 1);
        *list = elements.into_iter().collect();
    })
}

#[test]
fn structure_regrouped_unwrapped_or_wrapped() {
    let unwrapped = every_edit_shows(|function| {
        tree_edits(function, "unwrap", |place, skip| {
            let Place::Expr(expr) = place else { return Some(0) };
            let inner = match expr {
                Expr::Await(inner) => &inner.base,
                Expr::Try(inner) => &inner.expr,
                Expr::Unary(inner) => &inner.expr,
                Expr::Reference(inner) => &inner.expr,
                Expr::Cast(inner) => &inner.expr,
                Expr::MethodCall(inner) => &inner.receiver,
                Expr::Field(inner) => &inner.base,
                Expr::Index(inner) => &inner.expr,
                Expr::Binary(inner) => &inner.left,
                Expr::Closure(inner) => &inner.body,
                _ => return Some(0),
            };
            let inner = (**inner).clone();
            choose(1, skip, |_| *expr = inner)
        })
    });
    let wrapped = every_edit_shows(|function| {
        tree_edits(function, "wrap", |place, skip| {
            let Place::Expr(expr) = place else { return Some(0) };
            if matches!(expr, Expr::Verbatim(_) | Expr::Block(_) | Expr::If(_) | Expr::Let(_)) {
                return Some(0);
            }
            choose(3, skip, |way| {
                let inner = expr.clone();
                *expr = match way {
                    0 => syn::parse_quote!((#inner)?),
                    1 => syn::parse_quote!(&(#inner)),
                    _ => syn::parse_quote!(f(#inner)),
                };
            })
        })
    });
    let regrouped = every_edit_shows(|function| {
        tree_edits(function, "regroup", |place, skip| {
            // `(a + b) - c` becomes `a + (b - c)`.
            let Place::Expr(Expr::Binary(outer)) = place else { return Some(0) };
            let Expr::Binary(inner) = &*outer.left else { return Some(0) };
            let inner = inner.clone();
            choose(1, skip, |_| {
                let mut rest = outer.clone();
                rest.left = inner.right;
                outer.op = inner.op;
                outer.left = inner.left;
                *outer.right = syn::parse_quote!((#rest));
            })
        })
    });
    assert!(
        unwrapped > 300 && wrapped > 1_000 && regrouped > 10,
        "{unwrapped} {wrapped} {regrouped}"
    );
}

#[test]
fn edits_never_meet() {
    // No edit has the checksum of the original, and no two edits of a body have the same checksum.
    for function in corpus() {
        let mut seen: BTreeMap<String, (String, String)> = BTreeMap::new();
        for (what, tokens) in token_edits(function.block.to_token_stream()) {
            if what.ends_with("is now ``") {
                // `&(&a)` gives the same result, whichever `&` is removed.
                continue;
            }
            let Ok(block) = syn::parse2::<Block>(tokens) else { continue };
            let text = block.to_token_stream().to_string();
            let edited = ItemFn { block: Box::new(block), ..function.clone() };
            if let Some((other, same)) =
                seen.insert(checksum(&edited), (what.clone(), text.clone()))
                && same != text
            {
                panic!("{}: `{what}` and `{other}` share a checksum", function.sig.ident);
            }
        }
    }
}
