//! What a migration does, as a fingerprint: `v1:sha256:<hex>`.
//!
//! Two functions have one checksum when they differ only in layout, in comments, in attributes
//! that only advise people or lints, or in what a formatter adds and removes. The walk knows
//! three steps: `canonical` gives the syntax tree one spelling, `encode` turns its tokens
//! into bytes that depend on no other crate's way of printing, and SHA-256 shortens them.
//! [`plain`] writes the same bytes without the tree, for the bodies that it can read.
//!
//! The function's name, its visibility and its return type are left out, and so is how the
//! parameter's type is reached. What a called function does cannot be seen from here.

mod blocks;
mod canonical;
mod encode;
mod imports;
mod invocations;
pub mod plain;
#[cfg(test)]
mod tests;

use quote::ToTokens as _;
use sha2::{Digest as _, Sha256};
use syn::visit_mut::VisitMut as _;
use syn::{FnArg, ItemFn};

use canonical::Canonical;

/// Changes whenever the walk changes: a sealed checksum says which one made it.
pub const ALGORITHM: &str = "v1:sha256";

/// The checksum of a function that is a migration of this kind: `Transaction`, say, the name of
/// its parameter's type.
pub fn of(kind: &str, function: ItemFn) -> String {
    digest(&canonical_bytes(kind, function))
}

fn canonical_bytes(kind: &str, mut function: ItemFn) -> Vec<u8> {
    function.attrs.retain(|attribute| {
        // Whether the function exists is decided elsewhere; this is about what it does.
        !attribute.path().is_ident("cfg") && !attribute.path().is_ident("cfg_attr")
    });
    Canonical.visit_attributes_mut(&mut function.attrs);
    Canonical.visit_block_mut(&mut function.block);

    let mut bytes = encode::Bytes::new(ALGORITHM);
    bytes.text(kind);
    for attribute in &function.attrs {
        bytes.tokens(attribute.to_token_stream());
    }
    for argument in &mut function.sig.inputs {
        if let FnArg::Typed(parameter) = argument {
            Canonical.visit_pat_mut(&mut parameter.pat);
            bytes.tokens(parameter.pat.to_token_stream());
        }
    }
    bytes.tokens(function.block.to_token_stream());
    bytes.finish()
}

/// The checksum of canonical bytes.
fn digest(bytes: &[u8]) -> String {
    format!("{ALGORITHM}:{}", crate::sum::hex(&Sha256::digest(bytes)))
}
