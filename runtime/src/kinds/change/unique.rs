//! Makes an index unique where it is, in two phases: from the first on no new duplicate gets in, the
//! second finds those that are there.
//! <https://www.mongodb.com/docs/manual/core/index-unique/convert-to-unique/>

use mongodb::bson::{Document, doc};

use super::{indexes, names};
use crate::{
    kinds::{catalog, online::Online},
    model::result::BoxError,
    mongo::{code, options, server_error::ServerError},
};

#[derive(Clone, Debug)]
pub(super) struct MakeUnique {
    pub collection: String,
    pub index: String,
}

impl MakeUnique {
    pub(super) fn forward_text(&self) -> String {
        format!("make index `{}` of `{}` unique", self.index, self.collection)
    }

    pub(super) fn undo_text(&self) -> String {
        format!("build index `{}` of `{}` again, not unique", self.index, self.collection)
    }

    pub(super) fn problems(&self) -> Vec<String> {
        let mut problems: Vec<String> = names::collection(&self.collection).into_iter().collect();
        problems.extend(names::index(&self.index));
        if self.index == "_id_" {
            problems.push("the index on `_id` is unique already".to_owned());
        }
        problems
    }

    pub(super) async fn observe(&self, on: &mut Online<'_>) -> Result<Document, BoxError> {
        let Self { collection, index } = self;
        let found = indexes::existing(on, collection, index).await?;
        if options::is_true(found.get("unique")) {
            return Err(format!("the index `{index}` of `{collection}` is unique already").into());
        }
        let of_collection = catalog::options(on, collection).await?;
        Ok(doc! { "spec": options::to_rebuild(found, &of_collection) })
    }

    /// What a rollback assumes of a migration that was recorded as applied: the index as it is, not
    /// unique.
    pub(super) async fn assume(&self, on: &mut Online<'_>) -> Result<Option<Document>, BoxError> {
        let Self { collection, index } = self;
        let Some(now) = catalog::index(on, collection, index).await? else { return Ok(None) };
        let of_collection = catalog::options(on, collection).await?;
        let mut spec = options::to_rebuild(now, &of_collection);
        spec.remove("unique");
        Ok(Some(doc! { "spec": spec }))
    }

    pub(super) async fn forward(
        &self,
        on: &mut Online<'_>,
        found: &Document,
    ) -> Result<(), BoxError> {
        let Self { collection, index } = self;
        let mut now = catalog::index(on, collection, index).await?;
        if now.is_none()
            && let Ok(before) = found.get_document("spec")
        {
            // A rollback dropped it, and could not build it again.
            indexes::build(on, collection, before.clone(), None).await?;
            now = catalog::index(on, collection, index).await?;
        }
        let now = now.ok_or_else(|| format!("there is no index `{index}` on `{collection}`"))?;
        if options::is_true(now.get("unique")) {
            return Ok(());
        }
        if !options::is_true(now.get("prepareUnique")) {
            self.set(on, "prepareUnique", true).await.map_err(|error| self.unknown(error))?;
        }
        self.set(on, "unique", true).await.map_err(|error| self.violated(error))
    }

    /// A unique index cannot be made another one: it is dropped, and built again.
    pub(super) async fn backward(
        &self,
        on: &mut Online<'_>,
        found: &Document,
    ) -> Result<(), BoxError> {
        let Self { collection, index } = self;
        let now = catalog::index(on, collection, index).await?;
        let (is_unique, is_prepared) = now.as_ref().map_or((true, false), |now| {
            let is = |option: &str| options::is_true(now.get(option));
            (is("unique"), is("prepareUnique"))
        });
        let before = found.get_document("spec").ok();
        if !is_unique {
            // It was prepared at most.
            let was_prepared = before.is_some_and(|it| options::is_true(it.get("prepareUnique")));
            return match is_prepared && !was_prepared {
                true => Ok(self.set(on, "prepareUnique", false).await?),
                false => Ok(()),
            };
        }
        let spec = match (before, &now) {
            (Some(before), Some(now)) if before.get("key") != now.get("key") => {
                return Err(format!(
                    "the index `{index}` of `{collection}` is another index by now, on {}; it was left \
                     as it is: give it another name, and run `down` again",
                    now.get_document("key").cloned().unwrap_or_default()
                )
                .into());
            }
            (Some(before), _) => before.clone(),
            (None, _) => {
                return Err(format!(
                    "the record does not say what the index `{index}` of `{collection}` was before; \
                     nothing was changed: build it by hand, and record that with `resolve`"
                )
                .into());
            }
        };
        if now.is_some() {
            indexes::drop_index(on, collection, index).await?;
        }
        indexes::build(on, collection, spec, None).await
    }

    async fn set(&self, on: &Online<'_>, option: &str, value: bool) -> Result<(), ServerError> {
        let index = doc! { "name": &self.index, option: value };
        on.ddl(doc! { "collMod": &self.collection, "index": index }).await
    }

    /// A server that does not know the first phase has changed nothing. Before 5.0 it does not name what it does
    /// not know.
    fn unknown(&self, error: ServerError) -> BoxError {
        let words = ["prepareUnique", "no expireAfterSeconds or hidden field"];
        if !words.iter().any(|words| error.message().contains(words)) {
            return error.into();
        }
        format!(
            "the index `{}` of `{}` cannot be made unique where it is: that needs MongoDB 6.0, and its \
             feature compatibility version ({error}); nothing was changed: declare `drop_index` and \
             `create_index(…).unique(true)` instead",
            self.index, self.collection
        )
        .into()
    }

    fn violated(&self, error: ServerError) -> BoxError {
        if error.code() != Some(code::CANNOT_CONVERT_INDEX_TO_UNIQUE) {
            return error.into();
        }
        let ids = error.details().map(|details| details.ids.join(", ")).unwrap_or_default();
        format!(
            "documents of `{}` have the same keys in the index `{}`: their `_id`s are {ids}, and perhaps \
             more; the index is not unique yet, but takes no new duplicates any more: change or remove \
             these documents, and run `up` again; `down` takes it back",
            self.collection, self.index
        )
        .into()
    }
}
