//! `#[migration]`: turns a function into a registered migration.
//!
//! Every pass has a type of its own, so that nothing half-checked reaches the next:
//! `Raw` is what was written, `Checked` is what holds for this function alone (both are
//! `mongrate_seal::declaration`), and `expand::expand` cannot fail. Between the last two, `crate_table`
//! compares it with its crate's other migrations, `written` with its source, and `sealed`
//! with the history that the crate has sealed. `mongrate_seal::checksum` says what
//! a body means, whatever its layout. What is written as most migrations are, `plain` takes
//! to `Checked` by itself, without a syntax tree and at a tenth of the cost.

mod crate_table;
mod expand;
mod names;
mod nearby;
mod place;
mod plain;
mod root;
mod sealed;
mod test;
mod verify;
mod written;

use mongrate_seal::declaration::{Checked, Raw};

/// The type of the function's one parameter decides what kind of migration it is. An `async fn`
/// takes `&mut Transaction<'_>` or `&mut Online<'_>`, and returns `mongrate::Result` or another
/// `Result<(), E>` whose error converts into a boxed one. A plain `fn` takes `&mut Change`, and
/// returns nothing: it describes, and the operations know their inverse.
///
/// | argument | meaning | default |
/// |---|---|---|
/// | `version = 20250122001` | a whole number from 1 to `i64::MAX`, unique in its group | required |
/// | `name = "…"` | 1 to 64 bytes of a-z, 0-9 and `_`, unique in its group | the function's name |
/// | `group = "…"` | an independent history; same letters as `name` | `"default"` |
/// | `reversible = path` | the function that undoes this one, of the same kind | not reversible |
/// | `reversible` | of a `Change`: its operations are undone, the last one first | not reversible |
/// | `out_of_order` | may be older than what is sealed or applied already | may not |
/// | `allow = "…"` | acknowledges a lint, or several: `allow = ["…", "…"]` | none |
/// | `crate = "…"` | where `mongrate` is, if another crate re-exports it | the dependency, whatever it is called |
///
/// # Errors
///
/// All mistakes of a declaration are reported at once, each where it was made. Within a crate it
/// is an error as well to take another migration's version or name, to let versions fall within a
/// file, and to declare another version than the file or directory is named for: `m0002_x.rs`
/// holds version 2. Two crates that declare one version do not link.
///
/// # Sealed history
///
/// A `migrations.sum` beside `Cargo.toml` holds what `cargo mongrate seal` has sealed. A sealed
/// migration that was edited, renamed or removed is an error, and so is a new one that is older
/// than the newest sealed of its group, unless it is `out_of_order`. What is declared in the
/// package's `tests`, `benches` and `examples` is not compared.
///
/// # Checksum
///
/// The migration carries a fingerprint of its body as its source has it, which formatting, comments,
/// line ends, lint attributes and features do not change. It does not see into the functions that
/// the body calls.
///
/// Other attribute macros, such as `#[tracing::instrument]`, go below `#[migration]`: one that stands
/// above it rewrites the body first, and is an error.
#[proc_macro_attribute]
pub fn migration(
    arguments: proc_macro::TokenStream,
    item: proc_macro::TokenStream,
) -> proc_macro::TokenStream {
    let added = run(&arguments, &item).unwrap_or_else(|error| error.into_compile_error().into());
    // The item comes back untouched even when it is wrong: one mistake, one error.
    let mut all = item;
    all.extend(added);
    all
}

/// Expands to a test: `mongrate::verify!();`, once, where the tests of your binary are.
///
/// It fails, naming every problem at once, if the migrations that are linked into the test are no
/// sound set: none at all, a version or a name used twice, or something else than what the
/// `migrations.sum` of their crates, or of the package it is written in, has sealed.
///
/// `mongrate::verify!(reversible);` also wants a rollback for each of them, and
/// `mongrate::verify!(reversible, except = [load_countries, audit::trim_log]);` for all but these,
/// by name, and by group and name where the group is another than the default one. An exception
/// that is not needed any more fails, too: the list is the truth.
///
/// Where another crate re-exports `mongrate`, the last argument says so:
/// `my_crate::mongrate::verify!(crate = "my_crate::mongrate");`
#[proc_macro]
pub fn verify(input: proc_macro::TokenStream) -> proc_macro::TokenStream {
    verify::expand(input.into()).unwrap_or_else(syn::Error::into_compile_error).into()
}

/// A test on a real MongoDB, with a database of its own in which the migrations are applied.
///
/// For an `async fn` with one parameter, `mongrate::testing::Database` (or the driver's), that
/// returns nothing or a `Result`. Needs mongrate's feature `testing`.
///
/// | argument | meaning | default |
/// |---|---|---|
/// | `at = 20250122002` | up to and with this migration; 0: none | all |
/// | `group = "…"` | the migrations of this group | those that name none |
/// | `fixtures("users", …)` | loads `fixtures/users.json` of the package into `users`, and so on | none |
/// | `crate = "…"` | where `mongrate` is, if another crate re-exports it | the dependency, whatever it is called |
///
/// What else there is to know is in the documentation of the module `mongrate::testing`.
#[proc_macro_attribute]
pub fn test(
    arguments: proc_macro::TokenStream,
    item: proc_macro::TokenStream,
) -> proc_macro::TokenStream {
    let package = crate_table::Origin::of_this_crate().directory;
    match test::expand(arguments.into(), item.clone().into(), &package) {
        Ok(test) => test.into(),
        Err(error) => {
            // The item comes back untouched even when it is wrong: one mistake, one error.
            let mut all = item;
            all.extend(proc_macro::TokenStream::from(error.into_compile_error()));
            all
        }
    }
}

/// What to add after the item.
fn run(
    arguments: &proc_macro::TokenStream,
    item: &proc_macro::TokenStream,
) -> syn::Result<proc_macro::TokenStream> {
    let (checked, is_as_written) = match plain::read(arguments, item) {
        Some(read) => read,
        None => {
            let raw = Raw::new(arguments.clone().into(), item.clone().into())?;
            let is_as_written = !plain::is_attributed(item) && written::has_its_body(item);
            (Checked::try_from(raw)?, is_as_written)
        }
    };
    let origin = crate_table::Origin::of_this_crate();
    let place = place::Place::of(checked.version.span);
    nearby::judge(&checked, &place)?;
    let checked = match is_as_written {
        true => checked,
        false => written::as_in_its_source(checked, &place, item.clone())?,
    };
    let mut added = proc_macro::TokenStream::new();
    if crate_table::is_editor() {
        added.extend(proc_macro::TokenStream::from(names::in_crate(
            &checked.group,
            checked.version,
        )));
    } else {
        crate_table::enter(&checked, &place, &origin)?;
    }
    let root = root::path(checked.krate.as_ref())?;
    let sum = sealed::check(&checked, &place, &origin, &root)?;
    added.extend(expand::expand(&checked, &place, &origin, &root));
    added.extend(sum.map(proc_macro::TokenStream::from));
    Ok(added)
}
