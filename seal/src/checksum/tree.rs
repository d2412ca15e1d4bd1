//! The checksum of a function by its syntax tree.

use quote::ToTokens as _;
use syn::{FnArg, ItemFn, visit_mut::VisitMut as _};

use super::{
    canonical::Canonical,
    digest::{ALGORITHM, digest},
    encode,
};

/// Returns the checksum of a migration's function. `kind` is the name of its parameter's type, such as
/// `Transaction`.
pub fn of(kind: &str, function: ItemFn) -> String {
    digest(&canonical_bytes(kind, function))
}

/// Returns the bytes that are hashed.
pub(super) fn canonical_bytes(kind: &str, mut function: ItemFn) -> Vec<u8> {
    function.attrs.retain(|attribute| {
        // These attributes decide whether the function exists, not what it does.
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
