//! A sound declaration.

use quote::ToTokens as _;
use syn::{Error, Ident, Path};

use super::{
    arguments::ArgumentsByKey,
    broken::Broken,
    kind::Kind,
    parts::{Name, Rollback, Version},
    raw::{Annotated, Raw},
    signature, steps, writes,
};
use crate::{after::After, checksum, replaces::Replaces};

/// A migration that is sound as far as its own text shows.
pub struct Checked {
    /// The version, unique in its group; of a repeatable migration, the number that its name makes.
    pub version: Version,
    /// The name, unique in its group.
    pub name: Name,
    /// The group, a history of its own.
    pub group: String,
    /// The kind.
    pub kind: Kind,
    /// How the migration is rolled back.
    pub rollback: Rollback,
    /// Whether the migration may be older than sealed or applied migrations.
    pub out_of_order: bool,
    /// Whether the migration runs again when its body changes.
    pub repeatable: bool,
    /// The labels that it applies for; those after a `!` exclude it.
    pub labels: Vec<String>,
    /// The migrations of other groups that come first.
    pub after: Vec<After>,
    /// The migrations that it stands for, if it is a squash.
    pub replaces: Option<Replaces>,
    /// The lints that it acknowledges.
    pub allow: Vec<String>,
    /// The items whose text is part of the checksum, as they are named.
    pub uses: Vec<Path>,
    /// The path of `mongrate`, if `crate = "…"` gives it.
    pub krate: Option<Path>,
    /// The collections in which the body of a transaction writes many documents, as far as its tokens
    /// show.
    pub writes: Vec<String>,
    /// The function's name.
    pub function: Ident,
    /// The checksum of the function's body, without the items in `uses`; of a squash, also of what it stands
    /// for.
    pub checksum: String,
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
        let arguments_by_key = ArgumentsByKey::new(arguments, strays, &mut broken);
        let name = arguments_by_key.name(&function.sig.ident, &mut broken);
        let version = arguments_by_key.version(name.as_ref(), &mut broken);
        let group = arguments_by_key.group(&mut broken);
        let out_of_order = arguments_by_key.out_of_order(&mut broken);
        let labels = arguments_by_key.labels(&mut broken);
        let after = arguments_by_key.after(group.as_deref(), &mut broken);
        let replaces = arguments_by_key.replaces(&mut broken);
        let allow = arguments_by_key.allow(&mut broken);
        let uses = arguments_by_key.uses(&mut broken);
        let krate = arguments_by_key.krate(&mut broken);
        let kind = signature::check(&function, &mut broken);
        let repeatable = arguments_by_key.repeatable(kind, &mut broken);
        if kind == Some(Kind::Online) {
            steps::check(&function.block.to_token_stream(), &mut broken);
        }
        let rollback = arguments_by_key.rollback(kind, &function.sig.ident, &mut broken);
        broken.into_result()?;
        match (version, name, group, kind) {
            (Some(version), Some(name), Some(group), Some(kind)) => {
                let writes = writes::many(kind, &function.block.to_token_stream());
                let ident = function.sig.ident.clone();
                let mut checksum = checksum::of(kind.name(), function);
                if let Some(replaces) = &replaces {
                    checksum = Replaces::checksum(&replaces.to_string(), &checksum);
                }
                Ok(Self {
                    version,
                    name,
                    group,
                    kind,
                    rollback,
                    out_of_order,
                    repeatable,
                    labels,
                    after,
                    replaces,
                    allow,
                    uses,
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
