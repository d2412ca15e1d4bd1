//! What stands beside a migration in its file, read when a question comes up that the attribute's
//! own tokens do not answer. Each file is read once.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use mongrate_seal::checksum;
use mongrate_seal::declaration::{Checked, Nearby, Rollback, Standing};
use proc_macro2::Span;
use syn::Error;
use syn::ext::IdentExt as _;

use crate::crate_table;
use crate::place::Place;

/// The functions of the file that a migration is declared in.
pub(crate) fn of(place: &Place) -> Option<Arc<Nearby>> {
    static FILES: Mutex<BTreeMap<PathBuf, Arc<Nearby>>> = Mutex::new(BTreeMap::new());
    let path = place.path.as_ref()?;
    if crate_table::is_editor() {
        // Its server lives long, and the file changes.
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
    fs::read_to_string(path).ok().map(|text| Arc::new(Nearby::of(&text)))
}

/// Refuses a migration that stands in an `impl` block or a trait, where nothing can be put beside it.
/// Only what is indented may stand in one, so hardly any file is read for this.
pub(crate) fn judge(checked: &Checked, place: &Place) -> syn::Result<()> {
    let name = checked.function.unraw().to_string();
    let stands = || of(place).and_then(|nearby| nearby.standing(&name));
    if !place.is_indented() || stands() != Some(Standing::Impl) {
        return Ok(());
    }
    let text = "a migration is a free function: move it out of the `impl` block or the trait, into \
                the module";
    Err(Error::new(checked.function.span(), text))
}

/// The segments of a rollback's path, without a `self::` that says nothing. `None` if it begins
/// with `::`.
pub(crate) fn segments(rollback: &Rollback) -> Option<Vec<String>> {
    let Rollback::Function(path) = rollback else { return None };
    if path.leading_colon.is_some() {
        return None;
    }
    let segments = path.segments.iter().map(|segment| segment.ident.unraw().to_string());
    Some(segments.skip_while(|segment| segment == "self").collect())
}

/// Where a path names its function.
pub(crate) fn named_at(path: &syn::Path) -> Span {
    path.segments.last().map_or_else(Span::call_site, |last| last.ident.span())
}

/// The checksum of the function that rolls a migration back, if it stands in the same file.
pub(crate) fn rollback_checksum(checked: &Checked, place: &Place) -> Option<String> {
    let path = segments(&checked.rollback)?;
    let function = of(place)?.named(&checked.function.unraw().to_string(), &path)?;
    Some(checksum::of(checked.kind.name(), function))
}
