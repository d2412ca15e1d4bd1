//! Values of arguments, as they are written.

use syn::{Expr, Lit, LitStr};

pub(super) const NAME_BYTES_MAX: usize = 64;

/// Whether a text may be the name of a migration or of a group.
pub fn is_label(text: &str) -> bool {
    let legal = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_';
    (1..=NAME_BYTES_MAX).contains(&text.len()) && text.bytes().all(legal)
}

pub(super) fn string(value: &Expr) -> Option<&LitStr> {
    match value {
        Expr::Lit(lit) => match &lit.lit {
            Lit::Str(text) => Some(text),
            _ => None,
        },
        _ => None,
    }
}

/// Removes the invisible groups in which a `macro_rules!` wraps its input.
pub(super) fn ungrouped(mut expr: &Expr) -> &Expr {
    while let Expr::Group(group) = expr {
        expr = &group.expr;
    }
    expr
}
