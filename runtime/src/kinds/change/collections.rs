//! Operations on collections: create, drop, rename.

use mongodb::bson::{Bson, Document, doc};

use super::{encrypted, keep, names, slot::Slot};
use crate::{
    kinds::{catalog, online::Online},
    model::result::BoxError,
    mongo::{code, options},
};

/// The options of the server's `create` command that are known. Others are passed on, with a lint.
pub(super) const OPTIONS: [&str; 16] = [
    "capped",
    "changeStreamPreAndPostImages",
    "clusteredIndex",
    "collation",
    "encryptedFields",
    "expireAfterSeconds",
    "indexOptionDefaults",
    "max",
    "pipeline",
    "size",
    "storageEngine",
    "timeseries",
    "validationAction",
    "validationLevel",
    "validator",
    "viewOn",
];

#[derive(Clone, Debug, Default)]
pub(super) struct Create {
    pub name: String,
    pub options: Document,
    pub if_not_exists: bool,
}

impl Create {
    pub(super) fn forward_text(&self) -> String {
        let mut text = format!("create collection `{}`", self.name);
        if !self.options.is_empty() {
            text += &format!(" {}", self.options);
        }
        if self.if_not_exists {
            text += " if it does not exist";
        }
        text
    }

    pub(super) fn undo_text(&self) -> String {
        format!("drop collection `{}`, or keep it aside if it has documents by then", self.name)
    }

    pub(super) fn is_encrypted(&self) -> bool {
        !encrypted::beside(&self.name, &self.options).is_empty()
    }

    pub(super) fn problems(&self) -> Vec<String> {
        let mut problems: Vec<String> = names::collection(&self.name).into_iter().collect();
        let has = |key: &str| self.options.contains_key(key);
        problems.extend(self.options.keys().filter_map(|key| names::option(key)));
        let is_capped = options::is_true(self.options.get("capped"));
        if (has("size") || has("max")) && !is_capped {
            problems.push("a size or a number of documents is for a capped collection".to_owned());
        }
        if is_capped && !has("size") {
            problems.push("a capped collection needs its size in bytes".to_owned());
        }
        if is_capped && has("timeseries") {
            problems.push("a time series cannot be capped".to_owned());
        }
        if let Ok(series) = self.options.get_document("timeseries")
            && series.get_str("timeField").unwrap_or_default().is_empty()
        {
            problems.push("a time series needs the name of its time field".to_owned());
        }
        if has("pipeline") && !has("viewOn") {
            problems.push("a pipeline is for a view: use `.view_on(…)`".to_owned());
        }
        problems
    }

    pub(super) async fn observe(
        &self,
        on: &mut Online<'_>,
        slot: Slot,
    ) -> Result<Document, BoxError> {
        Box::pin(encrypted::refuse(on, &self.name, &self.options)).await?;
        let existed = match catalog::collection(on, &self.name).await? {
            None => false,
            Some(found) => {
                // Refused first, because `.if_not_exists()` would not help.
                self.refuse_other(&found)?;
                if !self.if_not_exists {
                    return Err(format!(
                        "the collection `{}` is there already, as it is declared; say \
                         `.if_not_exists()` to accept it: a rollback then leaves it as it is",
                        self.name
                    )
                    .into());
                }
                true
            }
        };
        Ok(doc! { "existed": existed, "kept": keep::name(on, slot.number).await? })
    }

    pub(super) async fn forward(
        &self,
        on: &mut Online<'_>,
        found: &Document,
    ) -> Result<(), BoxError> {
        if found.get_bool("existed").unwrap_or(false) {
            return Ok(());
        }
        for name in encrypted::beside(&self.name, &self.options) {
            Box::pin(encrypted::create(on, &name)).await?;
        }
        let mut command = doc! { "create": &self.name };
        command.extend(self.options.clone());
        match on.ddl(command).await {
            Ok(()) => return Box::pin(encrypted::index(on, &self.name, &self.options)).await,
            // Created before a crash, or by an app that wrote to it first.
            Err(error) if error.code() == Some(code::NAMESPACE_EXISTS) => {
                Box::pin(encrypted::index(on, &self.name, &self.options)).await?;
            }
            Err(error) => return Err(error.into()),
        }
        match catalog::collection(on, &self.name).await? {
            Some(found) => self.refuse_other(&found),
            None => Err(format!("the collection `{}` was dropped meanwhile", self.name).into()),
        }
    }

    pub(super) async fn backward(
        &self,
        on: &mut Online<'_>,
        found: &Document,
    ) -> Result<(), BoxError> {
        if found.get_bool("existed").unwrap_or(false) {
            return Ok(());
        }
        let name = &self.name;
        let beside = encrypted::beside(name, &self.options);
        if !beside.is_empty() {
            return Box::pin(encrypted::drop(on, name, beside)).await;
        }
        match catalog::collection(on, name).await? {
            None => keep::close(on, keep::chosen(found)?).await.map(drop),
            Some(collection) if collection.kind == "view" => Ok(catalog::drop(on, name).await?),
            Some(collection) if collection.is_plain() => {
                keep::put_aside(on, name, keep::chosen(found)?).await
            }
            Some(_) if catalog::is_empty(on, name).await? => Ok(catalog::drop(on, name).await?),
            Some(_) => Err(format!(
                "the time series `{name}` has documents by now, and the server cannot rename a \
                 time series to keep them; nothing was changed: move them elsewhere, or drop it \
                 yourself, and run `down` again"
            )
            .into()),
        }
    }

    fn refuse_other(&self, found: &catalog::Collection) -> Result<(), BoxError> {
        match options::other_collection(&found.kind, &found.options, &self.options) {
            None => Ok(()),
            Some(other) => Err(format!("the collection `{}` is there {other}", self.name).into()),
        }
    }
}

#[derive(Clone, Debug)]
pub(super) struct Drop {
    pub name: String,
    pub if_exists: bool,
}

impl Drop {
    pub(super) fn forward_text(&self) -> String {
        let when = if self.if_exists { " if it exists" } else { "" };
        format!("drop collection `{}`{when}; it is kept aside until `purge`", self.name)
    }

    pub(super) fn undo_text(&self) -> String {
        format!("bring collection `{}` back", self.name)
    }

    pub(super) fn problems(&self) -> Vec<String> {
        names::collection(&self.name).into_iter().collect()
    }

    pub(super) async fn observe(
        &self,
        on: &mut Online<'_>,
        slot: Slot,
    ) -> Result<Document, BoxError> {
        let name = &self.name;
        let Some(found) = catalog::collection(on, name).await? else {
            if self.if_exists {
                return Ok(doc! { "existed": false });
            }
            return Err(format!(
                "there is no collection `{name}` to drop; say `.if_exists()` to accept that"
            )
            .into());
        };
        if found.options.contains_key("encryptedFields") {
            return Err(format!(
                "`{name}` has encrypted fields, so the server cannot rename it, and it cannot be kept for \
                 a rollback; nothing was changed; drop it in an online migration, whose rollback you write"
            )
            .into());
        }
        if found.kind == "timeseries" {
            return Err(format!(
                "`{name}` is a time series, which the server cannot rename, so it cannot be kept \
                 for a rollback; nothing was changed; drop it in an online migration, whose \
                 rollback you write"
            )
            .into());
        }
        Ok(doc! {
            "existed": true,
            "kind": found.kind,
            "options": found.options,
            "uuid": found.uuid,
            "kept": keep::name(on, slot.number).await?,
        })
    }

    pub(super) async fn forward(
        &self,
        on: &mut Online<'_>,
        found: &Document,
    ) -> Result<(), BoxError> {
        if !found.get_bool("existed").unwrap_or(false) {
            return Ok(());
        }
        if is_view(found) {
            // Only a view: an app may have created a collection with the name since.
            return match catalog::collection(on, &self.name).await? {
                Some(now) if now.kind == "view" => Ok(catalog::drop(on, &self.name).await?),
                _ => Ok(()),
            };
        }
        move_by_uuid(on, &self.name, keep::chosen(found)?, found.get("uuid")).await
    }

    /// Refuses a rollback if the kept collection is gone. (A collection that has the name by now
    /// may be gone when this operation is undone.)
    pub(super) async fn ready(
        &self,
        on: &mut Online<'_>,
        found: &Document,
    ) -> Result<(), BoxError> {
        let name = &self.name;
        if !found.get_bool("existed").unwrap_or(false) || is_view(found) {
            return Ok(());
        }
        let kept = keep::chosen(found)?;
        if catalog::collection(on, kept).await?.is_some() {
            return Ok(());
        }
        match catalog::collection(on, name).await? {
            // The collection came back before a crash.
            Some(now) if now.uuid.is_some() && now.uuid.as_ref() == found.get("uuid") => Ok(()),
            _ => Err(format!(
                "the collection `{name}` was kept as `{kept}`, which is gone (`purge`?); the \
                 collection cannot come back; nothing was changed: restore it from a backup under \
                 that name, and run `down` again"
            )
            .into()),
        }
    }

    pub(super) async fn backward(
        &self,
        on: &mut Online<'_>,
        found: &Document,
    ) -> Result<(), BoxError> {
        if !found.get_bool("existed").unwrap_or(false) {
            return Ok(());
        }
        if is_view(found) {
            let options = found.get_document("options")?;
            return match catalog::collection(on, &self.name).await? {
                None => {
                    let mut command = doc! { "create": &self.name };
                    command.extend(options.clone());
                    Ok(catalog::forgiving(on.ddl(command).await, &[code::NAMESPACE_EXISTS])?)
                }
                Some(now) if now.kind == "view" && now.options == *options => Ok(()),
                Some(_) => Err(taken(&self.name).into()),
            };
        }
        move_by_uuid(on, keep::chosen(found)?, &self.name, found.get("uuid")).await
    }
}

#[derive(Clone, Debug)]
pub(super) struct Rename {
    pub from: String,
    pub to: String,
}

impl Rename {
    pub(super) fn forward_text(&self) -> String {
        format!("rename collection `{}` to `{}`", self.from, self.to)
    }

    pub(super) fn undo_text(&self) -> String {
        format!("rename collection `{}` back to `{}`", self.to, self.from)
    }

    pub(super) fn problems(&self) -> Vec<String> {
        let both = [&self.from, &self.to].into_iter();
        let mut problems: Vec<String> = both.filter_map(|name| names::collection(name)).collect();
        if self.from == self.to {
            problems.push("a collection is renamed to the name that it has".to_owned());
        }
        problems
    }

    pub(super) async fn observe(&self, on: &mut Online<'_>) -> Result<Document, BoxError> {
        let Self { from, to } = self;
        let Some(found) = catalog::collection(on, from).await? else {
            return Err(format!("there is no collection `{from}` to rename").into());
        };
        if !found.is_plain() {
            return Err(format!("`{from}` is a {}, which cannot be renamed", found.kind).into());
        }
        if found.options.contains_key("encryptedFields") {
            return Err(format!("`{from}` has encrypted fields, and cannot be renamed").into());
        }
        if catalog::collection(on, to).await?.is_some() {
            return Err(format!(
                "there is a collection `{to}` already; nothing was changed: drop it in an \
                 operation before this one, or choose another name"
            )
            .into());
        }
        Ok(doc! { "uuid": found.uuid })
    }

    pub(super) async fn forward(
        &self,
        on: &mut Online<'_>,
        found: &Document,
    ) -> Result<(), BoxError> {
        move_by_uuid(on, &self.from, &self.to, found.get("uuid")).await
    }

    pub(super) async fn backward(
        &self,
        on: &mut Online<'_>,
        found: &Document,
    ) -> Result<(), BoxError> {
        move_by_uuid(on, &self.to, &self.from, found.get("uuid")).await
    }
}

/// Whether the dropped collection was a view.
fn is_view(found: &Document) -> bool {
    found.get_str("kind").is_ok_and(|kind| kind == "view")
}

fn taken(name: &str) -> String {
    format!(
        "another collection is called `{name}` by now; it was left as it is: rename or drop it, \
         and run again"
    )
}

/// Renames the collection that has this `uuid`. Does nothing if it has the name already.
async fn move_by_uuid(
    on: &mut Online<'_>,
    from: &str,
    to: &str,
    uuid: Option<&Bson>,
) -> Result<(), BoxError> {
    let target = catalog::collection(on, to).await?;
    match (&target, uuid) {
        (Some(target), Some(uuid)) if target.uuid.as_ref() == Some(uuid) => return Ok(()),
        (Some(_), _) => {
            return Err(taken(to).into());
        }
        (None, _) => {}
    }
    match (catalog::collection(on, from).await?, uuid) {
        (None, _) => Err(format!("there is no collection `{from}` any more").into()),
        (Some(source), Some(uuid)) if source.uuid.as_ref() != Some(uuid) => Err(format!(
            "`{from}` is another collection by now than the one that was renamed; it was left as \
             it is"
        )
        .into()),
        _ => Ok(catalog::rename(on, from, to).await?),
    }
}
