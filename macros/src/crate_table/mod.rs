//! The migrations of a crate, compared with each other.
//!
//! The compiler expands a whole crate in one process, so a static can hold all its migrations. The
//! order of expansion is usually the order of the source, but not always: so the rules compare
//! places. A broken rule is an error that names the other declaration. `names` catches the clashes
//! that this table cannot see.

mod declaration;
mod file_name;
mod known;
mod outlines;
mod rules;

use std::{
    collections::BTreeMap,
    sync::{Mutex, PoisonError},
};

use mongrate_seal::declaration::{Broken, Checked, Rollback};
use syn::Error;

use crate::{nearby, origin::Origin, place::Place};
use declaration::Declaration;
use known::Known;

pub(crate) use outlines::outline;

/// The known migrations by crate: one process may expand several crates.
static TABLE: Mutex<BTreeMap<Origin, Known>> = Mutex::new(BTreeMap::new());

/// Returns one more than every version of the group in the crate, for the text of an error.
pub(crate) fn next_free(checked: &Checked, place: &Place, origin: &Origin) -> i64 {
    let mut table = TABLE.lock().unwrap_or_else(PoisonError::into_inner);
    let known = table.entry(origin.clone()).or_default();
    outlines::next_free(&Declaration::new(checked, place), known, origin)
}

/// Reports migrations of other groups that come first, and that the package has not, although it has
/// their groups.
pub(crate) fn judge_after(checked: &Checked, origin: &Origin) -> syn::Result<()> {
    let mut broken = Broken::default();
    for after in &checked.after {
        let outline = outline(origin);
        let newest =
            outline.and_then(|outline| outline.newest_without(&after.group, after.version));
        if let Some(newest) = newest {
            let text = format!(
                "no migration of group `{}` has version {}; its newest version in this package is \
                 {newest}",
                after.group, after.version
            );
            broken.add(Error::new(checked.version.span, text));
        }
    }
    broken.into_result()
}

/// Enters a migration, or reports the rules that it breaks. Must not be called in an editor.
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
