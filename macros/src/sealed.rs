//! A migration, compared with the history that its crate has sealed in `migrations.sum`.
//!
//! The file is read once per process and crate. An editor's server lives long and reads it again
//! when it has changed. An error of the file itself is reported at the crate's first migration.

use std::{
    collections::BTreeMap,
    fs,
    io::ErrorKind,
    path::Path,
    sync::{Arc, Mutex, PoisonError},
    time::SystemTime,
};

use mongrate_seal::{
    declaration::{Checked, Rollback},
    outline::Missing,
    sum::{self, About, Declared, Sum, Undo, Uses},
};
use proc_macro2::{Span, TokenStream};
use quote::quote;
use syn::Error;

use crate::{
    crate_table,
    editor::is_editor,
    nearby,
    origin::Origin,
    place::Place,
    uses::{self, Used},
};

/// The sum files by crate: one process may expand several crates.
static FILES: Mutex<BTreeMap<Origin, KnownFile>> = Mutex::new(BTreeMap::new());

/// A sum file as it was last read.
struct KnownFile {
    stamp: Option<Stamp>,
    /// The content or the text of an error; `None` if there is no such file.
    sum: Option<ReadSum>,
}

/// Time and size, by which a change is noticed.
type Stamp = (Option<SystemTime>, u64);

/// Compares a migration with the sealed history. Returns the tokens to add after it.
pub(crate) fn check(
    checked: &Checked,
    used: &Used,
    place: &Place,
    origin: &Origin,
    root: &str,
) -> syn::Result<Option<TokenStream>> {
    let Used::Known(used) = used else { return Ok(None) };
    if origin.directory.as_os_str().is_empty() || is_aside(place, &origin.directory) {
        return Ok(None);
    }
    let path = origin.directory.join(sum::FILE);
    let is_editor = is_editor();
    let (sum, is_first) = read(origin, &path);
    let Some(sum) = sum else {
        // The compiler cannot watch for a file that does not exist; the app looks when it starts.
        return Ok(path.to_str().filter(|_| is_first && !is_editor).map(|path| absent(path, root)));
    };
    let sum = match sum {
        Ok(sum) => sum,
        Err(text) if is_first || is_editor => return Err(Error::new(Span::call_site(), text)),
        Err(_) => return Ok(None),
    };
    // The source file is read only if the rollback is sealed.
    let sealed = sum.get(&checked.group, checked.version.number);
    let is_compared = sealed.is_some_and(|sealed| sealed.rollback.is_some());
    let rollback = if is_compared { rollback_of(checked, place) } else { None };
    let declared = Declared {
        group: &checked.group,
        version: checked.version.number,
        name: &checked.name.text,
        checksum: &checked.checksum,
        rollback: match (&checked.rollback, &rollback) {
            (Rollback::None, _) => Undo::None,
            (_, None) => Undo::Unseen,
            (_, Some(text)) => Undo::Seen(text),
        },
        uses: Uses::Seen(used),
        out_of_order: checked.out_of_order,
    };
    let next_free = |next: i64| next.max(crate_table::next_free(checked, place, origin));
    // A repeatable migration may change at any time, and is not sealed.
    let complaint = if checked.repeatable { None } else { sum.judge(declared, next_free) };
    if let Some(complaint) = complaint {
        let complaint = match is_unread(&sum, declared, origin) {
            true => sum::unread(declared, &complaint),
            false => complaint,
        };
        let span = match &complaint.about {
            About::Version => checked.version.span,
            About::Name => checked.name.span,
            About::Body => checked.function.span(),
            About::Rollback => match &checked.rollback {
                Rollback::Function(path) => nearby::named_at(path),
                Rollback::None | Rollback::Derived => checked.version.span,
            },
            About::Uses(name) => uses::named_at(checked, name.as_deref()),
        };
        return Err(Error::new(span, complaint.text));
    }
    if !is_first || is_editor {
        return Ok(None);
    }
    if let Some(text) = missing(&sum, place, origin) {
        return Err(Error::new(Span::call_site(), text));
    }
    Ok(path.to_str().map(|path| linked(path, root)))
}

/// Returns how a migration is rolled back, in the sum file's form. `None` if its own source file does
/// not show it; `cargo mongrate check` reads all files.
fn rollback_of(checked: &Checked, place: &Place) -> Option<String> {
    match &checked.rollback {
        Rollback::None => None,
        Rollback::Derived => Some(sum::derived()),
        Rollback::Function(_) => nearby::rollback_checksum(checked, place),
    }
}

/// The content of a sum file, or the text of an error.
type ReadSum = Result<Arc<Sum>, String>;

/// Returns the crate's sum file, if it has one, and whether this is the first call for the crate.
fn read(origin: &Origin, path: &Path) -> (Option<ReadSum>, bool) {
    let mut files = FILES.lock().unwrap_or_else(PoisonError::into_inner);
    let known = files.get(origin);
    if !is_editor()
        && let Some(file) = known
    {
        return (file.sum.clone(), false);
    }
    let stamp = fs::metadata(path).ok().map(|about| (about.modified().ok(), about.len()));
    if let Some(file) = known
        && file.stamp == stamp
    {
        return (file.sum.clone(), false);
    }
    let sum = match fs::read_to_string(path) {
        Ok(text) => Some(Sum::parse(&text).map(Arc::new).map_err(|fault| fault.to_string())),
        Err(error) if error.kind() == ErrorKind::NotFound => None,
        Err(error) => Some(Err(format!("cannot read {}: {error}", path.display()))),
    };
    let is_first = files.insert(origin.clone(), KnownFile { stamp, sum: sum.clone() }).is_none();
    (sum, is_first)
}

/// Whether a migration belongs to a test, a benchmark or an example, not to the history.
pub(crate) fn is_aside(place: &Place, directory: &Path) -> bool {
    const ASIDE: [&str; 3] = ["tests", "benches", "examples"];
    let Some(path) = &place.path else { return false };
    if !path.components().any(|part| ASIDE.iter().any(|aside| part.as_os_str() == *aside)) {
        return false;
    }
    ASIDE.iter().any(|aside| is_below(path, &directory.join(aside)))
}

fn is_below(path: &Path, directory: &Path) -> bool {
    match (path.canonicalize(), directory.canonicalize()) {
        (Ok(path), Ok(directory)) => path.starts_with(directory),
        _ => false,
    }
}

/// Whether a migration is not sealed, and is where `cargo mongrate seal` does not read it: a database
/// may have applied it, although it is not in the file.
fn is_unread(sum: &Sum, declared: Declared<'_>, origin: &Origin) -> bool {
    sum.get(declared.group, declared.version).is_none()
        && crate_table::outline(origin)
            .is_some_and(|outline| !outline.declares(declared.group, declared.version))
}

/// Returns an error text for sealed migrations that are not linked, as far as the files show it. If
/// this migration itself is in no file that the roots are seen to reach, the files show nothing. The
/// binary's own registry finds the rest.
fn missing(sum: &Sum, place: &Place, origin: &Origin) -> Option<String> {
    let path = place.path.as_ref()?;
    let outline = crate_table::outline(origin).filter(|outline| outline.reaches(path))?;
    let Missing { gone, unreached } = outline.missing(sum);
    let mut texts: Vec<String> = (!gone.is_empty()).then(|| sum::gone(&gone)).into_iter().collect();
    texts.extend(sum::unreached_by_file(&unreached, &origin.directory));
    (!texts.is_empty()).then(|| texts.join("\n"))
}

/// Gives the file's text to the binary's registry, once per crate. Because the text is included, the
/// compiler compiles again when only the file changes.
fn linked(path: &str, root: &str) -> TokenStream {
    registered(&file(path), root)
}

/// Tells the binary's registry where the compiler found no sum file, once per crate. Only in builds
/// with debug assertions, such as those of `cargo run` and `cargo test`: other binaries should not
/// name the directory of their build.
fn absent(path: &str, root: &str) -> TokenStream {
    let file = quote! {
        __mongrate::SumFile {
            crate_name: ::core::env!("CARGO_PKG_NAME"),
            text: "",
            absent: ::core::option::Option::Some(#path),
        }
    };
    let registered = registered(&file, root);
    quote!(#[cfg(debug_assertions)] #registered)
}

fn registered(file: &TokenStream, root: &str) -> TokenStream {
    let root: TokenStream = root.parse().unwrap_or_default();
    quote! {
        const _: () = {
            use #root::__private::v1 as __mongrate;

            #[__mongrate::linkme::distributed_slice(__mongrate::SUMS)]
            #[linkme(crate = __mongrate::linkme)]
            static __MONGRATE_SUM: __mongrate::SumFile = #file;
        };
    }
}

/// Returns the sum file of the compiled package, as the tokens of an `Option`.
pub(crate) fn own_sum_file() -> TokenStream {
    let path = Origin::of_this_crate().directory.join(sum::FILE);
    match path.to_str().filter(|_| path.is_file()) {
        None => quote!(::core::option::Option::None),
        Some(path) => {
            let file = file(path);
            quote!(::core::option::Option::Some(#file))
        }
    }
}

fn file(path: &str) -> TokenStream {
    quote! {
        __mongrate::SumFile {
            crate_name: ::core::env!("CARGO_PKG_NAME"),
            text: ::core::include_str!(#path),
            absent: ::core::option::Option::None,
        }
    }
}
