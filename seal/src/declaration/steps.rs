//! The bodies of named steps, `on.transaction("…", async |tx| { … })`. A body that is written as a
//! closure that returns an `async` block cannot lend the transaction to that block, and the compiler
//! would only complain of lifetimes.

use proc_macro2::{Delimiter, TokenStream, TokenTree};
use syn::Error;

use super::broken::Broken;

/// Reports each `|tx| async { … }` that a body passes to `transaction`.
pub(super) fn check(body: &TokenStream, broken: &mut Broken) {
    let trees: Vec<TokenTree> = body.clone().into_iter().collect();
    for (at, tree) in trees.iter().enumerate() {
        let TokenTree::Group(group) = tree else { continue };
        let is_call = group.delimiter() == Delimiter::Parenthesis
            && matches!(at.checked_sub(1).and_then(|before| trees.get(before)),
                Some(TokenTree::Ident(name)) if name == "transaction");
        if is_call {
            let arguments: Vec<TokenTree> = group.stream().into_iter().collect();
            step(&arguments, broken);
        }
        check(&group.stream(), broken);
    }
}

/// Checks for `…, |tx| async move { … }`, or `move |tx: &mut Transaction<'_>| async { … }`.
fn step(arguments: &[TokenTree], broken: &mut Broken) {
    let mut bars = arguments.iter().enumerate().filter(|(_, tree)| is_bar(tree)).map(|(at, _)| at);
    let (Some(open), Some(close)) = (bars.next(), bars.next()) else { return };
    let Some(TokenTree::Ident(name)) = arguments.get(open + 1) else { return };
    let mut rest = arguments[close + 1..].iter();
    let Some(TokenTree::Ident(is_async)) = rest.next() else { return };
    if is_async != "async" {
        return;
    }
    let block = rest.find_map(|tree| match tree {
        TokenTree::Group(group) if group.delimiter() == Delimiter::Brace => Some(group.stream()),
        _ => None,
    });
    let name = name.to_string();
    // Without a type, the parameter has a single lifetime instead of any, even if it is not used.
    let is_bare = close == open + 2;
    if block.is_some_and(|block| is_bare || has(block, &name)) {
        let text = format!(
            "write the step as an async closure, `async |{name}| {{ … }}`: a closure that returns an \
             `async` block cannot lend `{name}` to that block"
        );
        broken.add(Error::new(is_async.span(), text));
    }
}

fn is_bar(tree: &TokenTree) -> bool {
    matches!(tree, TokenTree::Punct(punct) if punct.as_char() == '|')
}

fn has(stream: TokenStream, name: &str) -> bool {
    stream.into_iter().any(|tree| match tree {
        TokenTree::Ident(ident) => ident == name,
        TokenTree::Group(group) => has(group.stream(), name),
        _ => false,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn complaints(body: &str) -> usize {
        let mut broken = Broken::default();
        check(&body.parse().unwrap(), &mut broken);
        broken.into_result().map_or_else(|all| all.into_iter().count(), |()| 0)
    }

    #[test]
    fn a_closure_that_returns_a_block_is_seen() {
        for step in [
            "|tx| async move { tx.f().await }",
            "|tx| async { g(tx).await }",
            "|_| async { Ok(()) }",
            "move |tx: &mut Transaction<'_>| async move { tx.f().await }",
        ] {
            let body = format!("on.transaction(\"x\", {step}).await?; Ok(())");
            assert_eq!(complaints(&body), 1, "{step}");
            assert_eq!(complaints(&format!("if x {{ {body} }}")), 1, "{step}");
        }
        for sound in [
            "on.transaction(\"x\", async |tx| { tx.f().await })",
            "on.transaction(\"x\", |_tx: &mut Transaction<'_>| async { Ok(()) })",
            "on.transaction(\"x\", step)",
            "on.other(\"x\", |tx| async move { tx.f() })",
            "on.transaction(\"x\", |tx| Box::pin(f(tx)))",
        ] {
            assert_eq!(complaints(sound), 0, "{sound}");
        }
    }
}
