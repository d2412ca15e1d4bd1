//! `#[migration]`: turns a function into a registered migration.
//!
//! Every pass has a type of its own, so that nothing half-checked reaches the next pass: `Raw` is
//! what was written, `Checked` is sound as far as this function alone can tell (both are in
//! `mongrate_seal::declaration`), and `expand::expand` cannot fail. Before it expands, `crate_table`
//! compares the migration with the other migrations of its crate, `written` with its source, and
//! `sealed` with the history that the crate has sealed; `policies` reads the
//! crate's `mongrate.toml`. `mongrate_seal::checksum` is the fingerprint
//! of a body, whatever its layout. `plain` reads most migrations without a syntax tree, at a
//! tenth of the cost.

mod crate_table;
mod editor;
mod expand;
mod models;
mod names;
mod nearby;
mod origin;
mod place;
mod plain;
mod policies;
mod root;
mod sealed;
mod test;
mod uses;
mod verify;
mod written;

use mongrate_seal::declaration::{Checked, Raw};

/// Turns a function into a migration. The type of the function's one parameter decides the kind: an
/// `async fn` takes `&mut Transaction<'_>` or `&mut Online<'_>`, and returns `mongrate::Result` or
/// another `Result<(), E>` whose error converts into a boxed error. A plain `fn` takes
/// `&mut Change` and returns nothing: it only describes operations, which know their inverse.
///
/// | argument | meaning | default |
/// |---|---|---|
/// | `version = 20250122001` | a whole number from 1 to `i64::MAX`, unique in its group | required, unless `repeatable` |
/// | `name = "…"` | 1 to 64 bytes of a-z, 0-9 and `_`, unique in its group | the function's name |
/// | `group = "…"` | an independent history; the same characters as `name` | `"default"` |
/// | `reversible = path` | the function that undoes this migration, of the same kind | not reversible |
/// | `reversible` | for a `Change`: its operations are undone, the last operation first | not reversible |
/// | `out_of_order` | the migration may be older than sealed or applied migrations | it may not |
/// | `repeatable` | runs after the versions, and again whenever its body changes; its name stands for it | once |
/// | `labels = ["…", "!…"]` | applies only where one of the labels is selected, and none of those after a `!` | everywhere |
/// | `after = "group::version"` | a migration of another group that comes first, or several: `after = ["…", "…"]` | none |
/// | `uses = [path, …]` | items of this package or workspace whose text is part of the checksum: functions, types with their derives and the `impl` blocks beside them, constants, macros | none |
/// | `allow = "…"` | acknowledges a lint, or several lints: `allow = ["…", "…"]` | none |
/// | `crate = "…"` | where `mongrate` is, if another crate re-exports it | the dependency, whatever it is called |
///
/// # Errors
///
/// The compiler reports all mistakes of a declaration at once, each at its place. Within a crate it
/// is also an error to take another migration's version or name, to let versions fall within a
/// file, and to declare another version than the file or directory is named for: `m0002_x.rs`
/// holds version 2. Two crates that declare the same version do not link.
///
/// # Sealed history
///
/// A `mongrate.toml` beside `Cargo.toml` holds the package's policies for runs; a mistake in it is an
/// error, with its place. The guide `docs/policies.md` of the repository lists its keys.
///
/// A `migrations.sum` beside `Cargo.toml` holds the migrations that `cargo mongrate seal` has sealed.
/// A sealed migration that was edited, renamed or removed is an error. So is a new migration that is
/// older than the newest sealed migration of its group, unless it is `out_of_order`. Migrations in
/// the package's `tests`, `benches` and `examples` are not compared.
///
/// # Checksum
///
/// The migration carries a fingerprint of its body as the source has it. Formatting, comments, line
/// ends, lint attributes and features do not change the fingerprint. The functions that the body
/// calls are not part of it, nor are the types that it names, unless `uses` names them: see
/// `docs/hermetic.md` of the repository.
///
/// Put other attribute macros, such as `#[tracing::instrument]`, below `#[migration]`: a macro above
/// it rewrites the body first, and is an error.
#[proc_macro_attribute]
pub fn migration(
    arguments: proc_macro::TokenStream,
    item: proc_macro::TokenStream,
) -> proc_macro::TokenStream {
    let added = run(&arguments, &item).unwrap_or_else(|error| error.into_compile_error().into());
    // Give the item back unchanged, even if it is wrong: one mistake, one error.
    let mut all = item;
    all.extend(added);
    all
}

/// Expands to a test. Write `mongrate::verify!();` once, where the tests of your binary are.
///
/// The test fails, and names every problem at once, if the migrations that are linked into it are
/// not sound: if there are none, if two have the same version or name, or if they differ from what
/// the `migrations.sum` of their crates, or of the package with the test, has sealed.
///
/// `mongrate::verify!(reversible);` also requires a rollback for each migration, and
/// `mongrate::verify!(reversible, except = [load_countries, audit::trim_log]);` for all but these.
/// An exception is a name, or a group and a name where the group is not the default group. An
/// exception that is no longer needed fails the test too, so that the list stays true.
///
/// `mongrate::verify!(models);` also makes a second test, on a real MongoDB, which needs mongrate's
/// feature `testing`: the migrations of all groups, applied to an empty database, give exactly the
/// validators and the indexes that the linked models want. `models` goes with the other arguments:
/// `mongrate::verify!(reversible, models);`
///
/// If another crate re-exports `mongrate`, give its path in the last argument:
/// `my_crate::mongrate::verify!(crate = "my_crate::mongrate");`
#[proc_macro]
pub fn verify(input: proc_macro::TokenStream) -> proc_macro::TokenStream {
    verify::expand(input.into()).unwrap_or_else(syn::Error::into_compile_error).into()
}

/// Turns an `async fn` into a test on a real MongoDB, with a database of its own in which the
/// migrations are applied.
///
/// The function takes one parameter, `mongrate::testing::Database` (or the driver's database), and
/// returns nothing or a `Result`. Needs mongrate's feature `testing`.
///
/// | argument | meaning | default |
/// |---|---|---|
/// | `at = 20250122002` | applies the migrations up to and including this version; 0: none | all |
/// | `group = "…"` | applies the migrations of this group | the default group |
/// | `fixtures("users", …)` | loads the package's `fixtures/users.json` into the collection `users`, and so on | none |
/// | `crate = "…"` | where `mongrate` is, if another crate re-exports it | the dependency, whatever it is called |
///
/// The documentation of the module `mongrate::testing` says the rest.
#[proc_macro_attribute]
pub fn test(
    arguments: proc_macro::TokenStream,
    item: proc_macro::TokenStream,
) -> proc_macro::TokenStream {
    let package = origin::Origin::of_this_crate().directory;
    match test::expand(arguments.into(), item.clone().into(), &package) {
        Ok(test) => test.into(),
        Err(error) => {
            // Give the item back unchanged, even if it is wrong: one mistake, one error.
            let mut all = item;
            all.extend(proc_macro::TokenStream::from(error.into_compile_error()));
            all
        }
    }
}

/// At the type, `#[model(…)]` takes `collection`, `validate`, `action`, `additional_properties`, `index(…)`, `was`,
/// `name`, `view`, `time_series(…)`, `bson`, `unchecked` and `crate`; at a field, `was`, `default` and `bson`. The guide
/// `docs/models.md` of the repository has the tables: what each type of Rust becomes, what each attribute
/// of serde means, the options of indexes.
///
/// # Errors
///
/// The compiler reports what BSON cannot hold, a path of an index that documents do not have, a default
/// that does not fit its field, and a field that a function of the user's writes (`with`) without
/// `#[model(bson = "…")]`.
///
/// # `models.snap`
///
/// If the package has a `models.snap`, a model with another shape than the file's is an error which names
/// the field, and the command that writes the migration. The variable `MONGRATE_MODELS` in the environment
/// lifts that.
#[proc_macro_derive(Model, attributes(model, serde))]
pub fn model(input: proc_macro::TokenStream) -> proc_macro::TokenStream {
    models::derive(input.into()).unwrap_or_else(syn::Error::into_compile_error).into()
}

/// Returns the tokens to add after the item.
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
    let origin = origin::Origin::of_this_crate();
    let place = place::Place::of(checked.version.span);
    nearby::judge(&checked, &place)?;
    // The checksum of a squash also covers what it stands for, which no other reading knows.
    let checked = match is_as_written || checked.replaces.is_some() {
        true => checked,
        false => written::as_in_its_source(checked, &place, item.clone())?,
    };
    let mut added = proc_macro::TokenStream::new();
    if editor::is_editor() {
        added.extend(proc_macro::TokenStream::from(names::in_crate(&checked)));
    } else {
        crate_table::enter(&checked, &place, &origin)?;
    }
    crate_table::judge_after(&checked, &origin)?;
    let root = root::path(checked.krate.as_ref())?;
    let (checked, used, watch) = uses::enter(checked, &place, &origin)?;
    added.extend(proc_macro::TokenStream::from(watch));
    let sum = sealed::check(&checked, &used, &place, &origin, &root)?;
    added.extend(expand::expand(&checked, &place, &origin, &root));
    added.extend(sum.map(proc_macro::TokenStream::from));
    let policies = policies::check(&place, &origin, &root)?;
    added.extend(policies.map(proc_macro::TokenStream::from));
    Ok(added)
}
