//! What one function alone cannot know: the other migrations of its crate.
//!
//! The compiler expands a whole crate in one process, so a static can see them all. Arrival means
//! nothing (it is only usually the order of the source): the rules compare places. What they find
//! is an error that names the other declaration; what they cannot see, [`crate::names`] catches.

mod declaration;
mod file_name;
mod known;
mod outlines;
mod rules;

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};

use declaration::Declaration;
use known::Known;
pub(crate) use known::Origin;
pub(crate) use outlines::of as outline;
use syn::Error;

use crate::nearby;
use crate::place::Place;
use mongrate_seal::declaration::Broken;
use mongrate_seal::declaration::{Checked, Rollback};

/// Set by editors' servers for the macros that they run.
const EDITOR: &str = "RUST_ANALYZER_INTERNALS_DO_NOT_USE";

/// By crate, for a process that is handed several.
static TABLE: Mutex<BTreeMap<Origin, Known>> = Mutex::new(BTreeMap::new());

/// One more than any version in sight, for the text of a complaint.
pub(crate) fn next_free(checked: &Checked, place: &Place, origin: &Origin) -> i64 {
    let mut table = TABLE.lock().unwrap_or_else(PoisonError::into_inner);
    let known = table.entry(origin.clone()).or_default();
    outlines::next_free(&Declaration::new(checked, place), known, origin)
}

/// Whether one process expands the same crate over and over, while it is being edited: there the
/// table would accuse a migration of clashing with its own past, and nobody may ask it.
pub(crate) fn is_editor() -> bool {
    std::env::var_os(EDITOR).is_some()
}

/// Enters a migration, or says what stands in its way. Not in an editor.
pub(crate) fn enter(checked: &Checked, place: &Place, origin: &Origin) -> syn::Result<()> {
    let declaration = Declaration::new(checked, place);
    let mut table = TABLE.lock().unwrap_or_else(PoisonError::into_inner);
    let known = table.entry(origin.clone()).or_default();

    let mut broken = Broken::default();
    for complaint in rules::complaints(&declaration, known, origin) {
        let span = match complaint.about {
            rules::About::Version => checked.version.span,
            rules::About::Name => checked.name.span,
            rules::About::Rollback => match &checked.rollback {
                Rollback::Function(path) => nearby::named_at(path),
                Rollback::None | Rollback::Derived => checked.function.span(),
            },
        };
        broken.add(Error::new(span, complaint.text));
    }
    known.enter(declaration);
    broken.into_result()
}
