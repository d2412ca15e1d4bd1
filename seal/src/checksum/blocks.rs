//! Blocks and statements: what a formatter adds or removes between braces.

use proc_macro2::TokenStream;
use syn::{Block, Expr, ExprMacro, Stmt, StmtMacro, Token};

use super::imports;

/// Gives a block one spelling. Its statements are already canonical.
pub(super) fn settle(block: &mut Block) {
    let count = block.stmts.len();
    for (index, statement) in block.stmts.iter_mut().enumerate() {
        settle_statement(statement, index + 1 == count);
    }
    imports::sort(&mut block.stmts);
    while let [Stmt::Expr(only, None)] = block.stmts.as_mut_slice()
        && let Expr::Block(inner) = bare_mut(only)
        && inner.attrs.is_empty()
        && inner.label.is_none()
    {
        block.stmts = std::mem::take(&mut inner.block.stmts);
    }
}

/// Removes empty statements, and puts all macros into the same node of the tree. Called before the
/// statements are visited.
pub(super) fn unify(block: &mut Block) {
    block.stmts.retain(|statement| !is_empty(statement));
    for statement in &mut block.stmts {
        if let Stmt::Macro(StmtMacro { attrs, mac, semi_token }) = statement {
            let mac = ExprMacro { attrs: std::mem::take(attrs), mac: mac.clone() };
            *statement = Stmt::Expr(Expr::Macro(mac), *semi_token);
        }
    }
}

/// Whether a statement is a `;` with nothing before it.
fn is_empty(statement: &Stmt) -> bool {
    matches!(statement, Stmt::Expr(Expr::Verbatim(tokens), _) if tokens.is_empty())
}

fn settle_statement(statement: &mut Stmt, is_last: bool) {
    let Stmt::Expr(expr, semicolon) = statement else { return };
    match bare(expr) {
        Expr::Return(_) | Expr::Break(_) | Expr::Continue(_) if is_last => *semicolon = None,
        Expr::While(_) | Expr::ForLoop(_) | Expr::Loop(_) => *semicolon = None,
        Expr::If(_) | Expr::Match(_) | Expr::Block(_) | Expr::Unsafe(_) if !is_last => {
            *semicolon = None;
        }
        Expr::Macro(_) if !is_last => *semicolon = Some(<Token![;]>::default()),
        _ => {}
    }
}

/// Whether a block is only a literal: `{ 5 }`.
pub(super) fn is_literal(block: &Block) -> bool {
    matches!(block.stmts.as_slice(), [Stmt::Expr(Expr::Lit(_), None)])
}

/// Takes `x` out of `{ x }`, if the block has neither a label nor attributes.
pub(super) fn unbrace(expr: &mut Expr) {
    while let Expr::Block(outer) = bare_mut(expr)
        && outer.attrs.is_empty()
        && outer.label.is_none()
        && let [Stmt::Expr(tail, None)] = outer.block.stmts.as_mut_slice()
    {
        let tail = std::mem::replace(tail, Expr::Verbatim(TokenStream::new()));
        *expr = tail;
    }
}

/// Removes the parentheses that the walk has put around an operand.
fn bare(mut expr: &Expr) -> &Expr {
    while let Expr::Paren(paren) = expr
        && paren.attrs.is_empty()
    {
        expr = &paren.expr;
    }
    expr
}

fn bare_mut(mut expr: &mut Expr) -> &mut Expr {
    while matches!(expr, Expr::Paren(paren) if paren.attrs.is_empty()) {
        let Expr::Paren(paren) = expr else { unreachable!("just matched") };
        expr = &mut paren.expr;
    }
    expr
}
