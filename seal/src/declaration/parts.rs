//! The parts of a declaration, with the places where they are written.

use proc_macro2::Span;
use syn::Path;

/// A version, and where it is written.
#[derive(Clone, Copy)]
pub struct Version {
    /// The number, from 1 to `i64::MAX`.
    pub number: i64,
    /// Where it is written.
    pub span: Span,
}

/// A migration's name, and where it is written: the function's name unless `name = "…"` is given.
pub struct Name {
    /// The name: 1 to 64 bytes of a-z, 0-9 and `_`.
    pub text: String,
    /// Where it is written.
    pub span: Span,
}

/// How a migration is rolled back.
pub enum Rollback {
    /// Not at all.
    None,
    /// By the inverse of each of its operations.
    Derived,
    /// By this function.
    Function(Path),
}
