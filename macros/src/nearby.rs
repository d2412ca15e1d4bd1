//! The functions beside a migration in its file. A file is read only when the attribute's own tokens
//! do not answer a question, and then once.

use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
    sync::{Arc, Mutex, PoisonError},
};

use mongrate_seal::declaration::{Checked, Nearby, Rollback, Standing};
use proc_macro2::Span;
use syn::{Error, ext::IdentExt as _};

use crate::{editor::is_editor, place::Place};

/// Returns the functions of the file in which a migration is declared.
pub(crate) fn functions_beside(place: &Place) -> Option<Arc<Nearby>> {
    static FILES: Mutex<BTreeMap<PathBuf, Arc<Nearby>>> = Mutex::new(BTreeMap::new());
    let path = place.path.as_ref()?;
    if is_editor() {
        // An editor's server lives long, and the file changes.
        return read(path);
    }
    let mut files = FILES.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(known) = files.get(path) {
        return Some(Arc::clone(known));
    }
    let nearby = read(path)?;
    files.insert(path.clone(), Arc::clone(&nearby));
    Some(nearby)
}

fn read(path: &Path) -> Option<Arc<Nearby>> {
    fs::read_to_string(path).ok().map(|text| Arc::new(Nearby::parse(&text)))
}

/// Refuses a migration in an `impl` block or a trait, where no item can be added beside it. Only an
/// indented function can be in such a block, so hardly any file is read for this.
pub(crate) fn judge(checked: &Checked, place: &Place) -> syn::Result<()> {
    let name = checked.function.unraw().to_string();
    let stands = || functions_beside(place).and_then(|nearby| nearby.standing(&name));
    if !place.is_indented() || stands() != Some(Standing::Impl) {
        return Ok(());
    }
    let text = "a migration is a free function: move it out of the `impl` block or the trait, into \
                the module";
    Err(Error::new(checked.function.span(), text))
}

/// Returns the segments of a rollback's path, without a redundant `self::`. `None` if the path begins
/// with `::`.
pub(crate) fn segments(rollback: &Rollback) -> Option<Vec<String>> {
    let Rollback::Function(path) = rollback else { return None };
    if path.leading_colon.is_some() {
        return None;
    }
    let segments = path.segments.iter().map(|segment| segment.ident.unraw().to_string());
    Some(segments.skip_while(|segment| segment == "self").collect())
}

/// Returns the place of the function's name in a path.
pub(crate) fn named_at(path: &syn::Path) -> Span {
    path.segments.last().map_or_else(Span::call_site, |last| last.ident.span())
}

/// Returns the checksum of the function that rolls a migration back, if it is in the same file.
pub(crate) fn rollback_checksum(checked: &Checked, place: &Place) -> Option<String> {
    let path = segments(&checked.rollback)?;
    let function = checked.function.unraw().to_string();
    functions_beside(place)?.rollback_checksum(checked.kind, &function, &path)
}
