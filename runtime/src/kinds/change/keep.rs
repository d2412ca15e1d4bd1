//! Kept collections: they hold the values that a rollback needs, beside the control collection,
//! until `purge` removes them.

use mongodb::bson::{Document, doc};

use crate::{
    kinds::{catalog, online::Online},
    model::result::BoxError,
    mongo::code,
    protocol::audit,
};

/// Stands between the control collection's name and the version.
const INFIX: &str = ".kept.";

/// Ends the name of the collection that holds what a rollback itself puts aside.
const BACK: &str = ".back";

/// The most names that are tried for one operation.
const NAMES_MAX: u32 = 1_000;

/// The beginning of every kept collection's name.
pub(crate) fn prefix(control: &str) -> String {
    format!("{control}{INFIX}")
}

/// Whether a collection is Mongrate's own: `control`, a control collection of a default name (also
/// another group's), a kept collection, or an audit log.
pub(crate) fn is_ours(name: &str, control: &str) -> bool {
    name == control
        || name.starts_with(&prefix(control))
        || name == audit::collection(control)
        || name == "migrations"
        || name.starts_with("migrations.")
}

/// The version in the name of a kept collection.
pub(crate) fn version_of(control: &str, name: &str) -> Option<i64> {
    name.strip_prefix(&prefix(control))?.split('.').next()?.parse().ok()
}

/// Returns an unused name for what operation `number` keeps, so that nothing which an earlier run
/// kept is touched.
pub(super) async fn name(on: &mut Online<'_>, number: usize) -> Result<String, BoxError> {
    let version = on.version();
    let base = format!("{}{version}.{number}", prefix(&on.engine().control.collection));
    for again in 1..=NAMES_MAX {
        let name = if again == 1 { base.clone() } else { format!("{base}.{again}") };
        let taken = catalog::collection(on, &name).await?.is_some()
            || catalog::collection(on, &back(&name)).await?.is_some();
        if !taken {
            return Ok(name);
        }
    }
    Err(format!("{NAMES_MAX} collections are called `{base}…`; `purge` removes them").into())
}

/// The name of the collection where the rollback puts what it would overwrite.
pub(super) fn back(name: &str) -> String {
    format!("{name}{BACK}")
}

/// The name that was chosen when the operation began.
pub(super) fn chosen(found: &Document) -> Result<&str, BoxError> {
    found.get_str("kept").map_err(|_| "the record does not say where it kept what was there".into())
}

/// Creates the collection if the transaction of a batch cannot create it. In a replica set the
/// transaction can: the collection then exists only once it holds something, and work that fails
/// before that leaves no collection behind. (Dropping the collection after a failure would not do:
/// nothing holds back a late `drop` of a process that was replaced.)
pub(super) async fn open(on: &mut Online<'_>, name: &str) -> Result<(), BoxError> {
    if on.engine().in_replica_set() {
        return Ok(());
    }
    // NamespaceExists.
    Ok(catalog::forgiving(on.ddl(doc! { "create": name }).await, &[code::NAMESPACE_EXISTS])?)
}

/// Drops the kept collection if it is empty; nothing else writes to it. Returns whether it was
/// empty.
pub(super) async fn close(on: &mut Online<'_>, name: &str) -> Result<bool, BoxError> {
    let is_empty = catalog::is_empty(on, name).await?;
    if is_empty {
        catalog::drop(on, name).await?;
    }
    Ok(is_empty)
}

/// Renames a collection out of the way, and drops it if it is empty. So documents that are written
/// until the last moment are kept.
pub(super) async fn put_aside(
    on: &mut Online<'_>,
    collection: &str,
    kept: &str,
) -> Result<(), BoxError> {
    // If the kept name is taken, the collection was renamed before a crash, and the collection that
    // has the old name is another one.
    if catalog::collection(on, kept).await?.is_none() {
        // NamespaceNotFound: dropped meanwhile.
        catalog::forgiving(
            catalog::rename(on, collection, kept).await,
            &[code::NAMESPACE_NOT_FOUND],
        )?;
    }
    if !close(on, kept).await? {
        tracing::info!(
            target: "mongrate", collection, kept,
            "the collection has documents: it is kept under another name until `purge`"
        );
    }
    Ok(())
}
