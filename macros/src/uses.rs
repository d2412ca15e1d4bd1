//! The items that a migration names in `uses`: their text becomes part of its checksum.
//!
//! Only a migration with `uses` pays for this. The files are read as `cargo mongrate seal` reads them,
//! by the same code, and each is read once per crate. What is kept of a file is plain data, because
//! tokens do not outlive the call that made them. The compiler is told of each file that has an item,
//! so that it compiles again when only that file changes: a module that a `cfg` leaves out is no
//! source of the crate.

use std::{
    collections::BTreeSet,
    path::{Path, PathBuf},
    sync::{Mutex, PoisonError},
};

use mongrate_seal::{code::Code, declaration::Checked, outline, uses};
use proc_macro2::TokenStream;
use quote::quote;
use syn::{Error, ext::IdentExt as _};

use crate::{editor::is_editor, nearby, origin::Origin, place::Place};

/// What has been read in this process.
static KNOWN: Mutex<Option<Known>> = Mutex::new(None);

#[derive(Default)]
struct Known {
    code: Code,
    /// The files that the compiler knows of, by crate.
    watched: BTreeSet<(String, String, PathBuf)>,
}

/// The items that a migration uses, as far as they are known.
pub(crate) enum Used {
    /// An editor's server does not tell where the source is.
    Unknown,
    /// The items, as the sum file has them; empty if there are none.
    Known(String),
}

/// Adds the items to the checksum. Returns them, and the tokens that name their files to the compiler.
pub(crate) fn enter(
    checked: Checked,
    place: &Place,
    origin: &Origin,
) -> syn::Result<(Checked, Used, TokenStream)> {
    if checked.uses.is_empty() {
        return Ok((checked, Used::Known(String::new()), TokenStream::new()));
    }
    let Some(file) = &place.path else {
        return match is_editor() {
            true => Ok((checked, Used::Unknown, TokenStream::new())),
            false => Err(Error::new(
                checked.function.span(),
                "the compiler does not say in which file this migration is, so `uses` cannot be \
                 followed: write the migration into a file of the package",
            )),
        };
    };
    let mut known = KNOWN.lock().unwrap_or_else(PoisonError::into_inner);
    if is_editor() {
        // An editor's server lives long, and the files change.
        *known = None;
    }
    let Known { code, watched } = known.get_or_insert_default();
    let function = checked.function.unraw().to_string();
    let paths: Vec<Vec<String>> = checked.uses.iter().map(uses::parts).collect();
    let shown = |path: &Path| shown(path, &origin.directory);
    let roots = roots(file, &origin.directory);
    let used = uses::Used::find(code, &roots, file, &function, &paths, &shown).map_err(|all| {
        let mut errors = all.into_iter().map(|unusable| {
            let path = checked.uses.get(unusable.index);
            let span = path.map_or(checked.function.span(), nearby::named_at);
            Error::new(span, unusable.text)
        });
        let first = errors.next().unwrap_or_else(|| Error::new(checked.function.span(), "`uses`"));
        errors.fold(first, |mut all, error| {
            all.combine(error);
            all
        })
    })?;
    let mut watch = TokenStream::new();
    for file in used.items.iter().flat_map(|item| &item.files) {
        let key = (origin.package.clone(), origin.krate.clone(), file.clone());
        let is_new = watched.insert(key) || is_editor();
        if let Some(file) = file.canonicalize().ok().as_deref().and_then(Path::to_str)
            && is_new
        {
            watch.extend(quote!(
                const _: &[u8] = ::core::include_bytes!(#file);
            ));
        }
    }
    let checksum = used.checksum(&checked.checksum);
    Ok((Checked { checksum, ..checked }, Used::Known(used.sealed()), watch))
}

/// Returns the roots from which a file may be reached: those of the package, or, for a file of its
/// tests, benchmarks and examples, theirs.
fn roots(file: &Path, package: &Path) -> Vec<PathBuf> {
    let mut roots = outline::roots(package);
    for aside in ["tests", "benches", "examples"] {
        let directory = package.join(aside);
        if let (Ok(file), Ok(directory)) = (file.canonicalize(), directory.canonicalize())
            && file.starts_with(&directory)
        {
            roots.extend(outline::roots_in(&directory));
        }
    }
    roots
}

/// Returns a path as the compiler shows paths, relative to the package.
fn shown(path: &Path, package: &Path) -> String {
    let package = package.canonicalize().unwrap_or_else(|_| package.to_owned());
    path.strip_prefix(&package).unwrap_or(path).display().to_string()
}

/// Returns the place of the item's path in `uses` that ends with a name; an item may be imported under
/// another name.
pub(crate) fn named_at(checked: &Checked, name: Option<&str>) -> proc_macro2::Span {
    let is_it = |path: &&syn::Path| {
        path.segments.last().is_some_and(|last| name.is_some_and(|name| last.ident.unraw() == name))
    };
    let found = checked.uses.iter().find(is_it).or(checked.uses.first());
    found.map_or(checked.function.span(), nearby::named_at)
}
