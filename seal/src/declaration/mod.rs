//! One annotated function, read and judged: the words of every mistake that can be seen without
//! its neighbours, for the attribute and for the cargo subcommand alike.
//!
//! [`Raw`] is what was written; [`Checked`] is what holds. Every broken rule is reported at once.

mod arguments;
mod broken;
mod nearby;
mod raw;
mod signature;
mod steps;
mod suggest;
pub mod writes;

use proc_macro2::Span;
use quote::ToTokens as _;
use syn::{Error, Expr, Ident, Path};

pub use arguments::{is_label, krate};
pub use broken::Broken;
pub use nearby::{Nearby, Standing};
pub use raw::{Annotated, Argument, Raw};

use crate::checksum;

/// The group of a migration that names none.
pub const GROUP_DEFAULT: &str = "default";

/// One migration that is sound as far as its own text can tell.
pub struct Checked {
    /// Unique in its group.
    pub version: Version,
    /// Unique in its group.
    pub name: Name,
    /// The history that it belongs to.
    pub group: String,
    /// What it may touch.
    pub kind: Kind,
    /// How it is undone.
    pub rollback: Rollback,
    /// May be older than what is sealed or applied.
    pub out_of_order: bool,
    /// Lints that it acknowledges.
    pub allow: Vec<String>,
    /// Where `mongrate` is, if that is said: `crate = "…"`.
    pub krate: Option<Path>,
    /// Collections of which the body of a transaction writes many documents, as far as it shows.
    pub writes: Vec<String>,
    /// The function's name.
    pub function: Ident,
    /// Of the function's body.
    pub checksum: String,
}

/// 1 to `i64::MAX`, and where it is written.
#[derive(Clone, Copy)]
pub struct Version {
    /// The number.
    pub number: i64,
    /// Where it is written.
    pub span: Span,
}

/// Unique in its group, and where it is written: the function's name if nowhere else.
pub struct Name {
    /// 1 to 64 bytes of a-z, 0-9 and `_`.
    pub text: String,
    /// Where it is written.
    pub span: Span,
}

/// What a migration may touch, named by the type of its parameter.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Data, in one transaction with its record.
    Transaction,
    /// Anything, in idempotent steps.
    Online,
    /// Describes operations, and touches nothing.
    Change,
}

impl Kind {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Transaction, Self::Online, Self::Change];

    /// The name of the parameter's type.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Transaction => "Transaction",
            Self::Online => "Online",
            Self::Change => "Change",
        }
    }

    /// The parameter's type, as it is written.
    pub const fn parameter(self) -> &'static str {
        match self {
            Self::Transaction => "&mut Transaction<'_>",
            Self::Online => "&mut Online<'_>",
            Self::Change => "&mut Change",
        }
    }
}

/// How a migration is undone.
pub enum Rollback {
    /// Not at all.
    None,
    /// By the inverse of each of its operations.
    Derived,
    /// By this function.
    Function(Path),
}

impl TryFrom<Raw> for Checked {
    type Error = Error;

    fn try_from(Raw { arguments, strays, item }: Raw) -> syn::Result<Self> {
        let function = match item {
            Annotated::Function(function) => *function,
            Annotated::Other { what, span } => {
                return Err(Error::new(
                    span,
                    format!("`#[migration]` goes on a function; this is {what}"),
                ));
            }
        };
        let mut broken = Broken::default();
        let sorted = arguments::Sorted::new(arguments, strays, &mut broken);
        let version = sorted.version(&mut broken);
        let name = sorted.name(&function.sig.ident, &mut broken);
        let group = sorted.group(&mut broken);
        let out_of_order = sorted.out_of_order(&mut broken);
        let allow = sorted.allow(&mut broken);
        let krate = sorted.krate(&mut broken);
        let kind = signature::check(&function, &mut broken);
        if kind == Some(Kind::Online) {
            steps::check(&function.block.to_token_stream(), &mut broken);
        }
        let rollback = sorted.rollback(kind, &function.sig.ident, &mut broken);
        broken.into_result()?;
        match (version, name, group, kind) {
            (Some(version), Some(name), Some(group), Some(kind)) => {
                let writes = writes::many(kind, &function.block.to_token_stream());
                let ident = function.sig.ident.clone();
                let checksum = checksum::of(kind.name(), function);
                Ok(Self {
                    version,
                    name,
                    group,
                    kind,
                    rollback,
                    out_of_order,
                    allow,
                    krate,
                    writes,
                    function: ident,
                    checksum,
                })
            }
            _ => unreachable!("a missing part always records an error"),
        }
    }
}

/// Looks through the invisible groups in which a `macro_rules!` wraps what it was given.
fn ungrouped(mut expr: &Expr) -> &Expr {
    while let Expr::Group(group) = expr {
        expr = &group.expr;
    }
    expr
}
