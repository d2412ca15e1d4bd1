//! What a collection with encrypted fields (Queryable Encryption) has beside it: two collections of the
//! server's own data about the fields, and an index. The drivers create them, not the server.
//! <https://github.com/mongodb/specifications/blob/master/source/client-side-encryption/client-side-encryption.md#create-collection-helper>

use mongodb::bson::{Document, doc};

use crate::{
    kinds::{catalog, online::Online},
    model::result::BoxError,
    mongo::{code, reply::number},
};

/// The option of `create`.
const OPTION: &str = "encryptedFields";

/// The wire version of MongoDB 7.0: before, what is beside the collection had another form.
const WIRE_VERSION_MIN: i64 = 21;

/// The names of the collections beside it; none if it has no encrypted fields.
pub(super) fn beside(collection: &str, options: &Document) -> Vec<String> {
    let Ok(fields) = options.get_document(OPTION) else { return Vec::new() };
    let named = |option: &str, end: &str| {
        let given = fields.get_str(option).ok().map(str::to_owned);
        given.unwrap_or_else(|| format!("enxcol_.{collection}.{end}"))
    };
    vec![named("escCollection", "esc"), named("ecocCollection", "ecoc")]
}

/// Refuses a server on which the collection would have another form, and what belongs to it being there
/// already: it would be another collection's.
pub(super) async fn refuse(
    on: &mut Online<'_>,
    collection: &str,
    options: &Document,
) -> Result<(), BoxError> {
    if !options.contains_key(OPTION) {
        return Ok(());
    }
    let hello = on.engine().control.retrying(None, doc! { "hello": 1 }).await?;
    if number(&hello, "maxWireVersion").is_some_and(|version| version < WIRE_VERSION_MIN) {
        return Err("a collection with encrypted fields needs MongoDB 7.0: this server is older, and keeps \
                    their data in another form; nothing was changed"
            .into());
    }
    if catalog::collection(on, collection).await?.is_some() {
        return Ok(());
    }
    for name in beside(collection, options) {
        if catalog::collection(on, &name).await?.is_some() {
            return Err(format!(
                "there is a collection `{name}` already, which `{collection}` would keep its data about \
                 encrypted fields in; nothing was changed: drop it if it is a leftover, or give another \
                 name in `encryptedFields`"
            )
            .into());
        }
    }
    Ok(())
}

/// Creates a collection beside it, or finds it there.
pub(super) async fn create(on: &Online<'_>, name: &str) -> Result<(), BoxError> {
    let by_id = doc! { "key": { "_id": 1 }, "unique": true };
    let created = on.ddl(doc! { "create": name, "clusteredIndex": by_id }).await;
    Ok(catalog::forgiving(created, &[code::NAMESPACE_EXISTS])?)
}

/// Creates the index by which the server finds encrypted values, or finds it there.
pub(super) async fn index(
    on: &Online<'_>,
    collection: &str,
    options: &Document,
) -> Result<(), BoxError> {
    if !options.contains_key(OPTION) {
        return Ok(());
    }
    let index = doc! { "key": { "__safeContent__": 1 }, "name": "__safeContent___1" };
    Ok(on.ddl(doc! { "createIndexes": collection, "indexes": [index] }).await?)
}

/// Drops the collection and those beside it. The server renames no collection with encrypted fields, so
/// it cannot be kept: one with documents is left as it is.
pub(super) async fn drop(
    on: &mut Online<'_>,
    collection: &str,
    beside: Vec<String>,
) -> Result<(), BoxError> {
    if !catalog::is_empty(on, collection).await? {
        return Err(format!(
            "the collection `{collection}` with encrypted fields has documents by now, and the server \
             cannot rename such a collection to keep them; nothing was changed: move them elsewhere, or \
             drop it yourself, and run `down` again"
        )
        .into());
    }
    catalog::drop(on, collection).await?;
    for name in beside {
        catalog::drop(on, &name).await?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_beside_has_names_of_its_own_or_those_that_are_given() {
        let fields = doc! { "fields": [] };
        assert_eq!(beside("a", &doc! {}), Vec::<String>::new());
        let default = beside("a", &doc! { OPTION: fields });
        assert_eq!(default, ["enxcol_.a.esc", "enxcol_.a.ecoc"]);
        let given = doc! { OPTION: { "fields": [], "escCollection": "x" } };
        assert_eq!(beside("a", &given), ["x", "enxcol_.a.ecoc"]);
    }
}
