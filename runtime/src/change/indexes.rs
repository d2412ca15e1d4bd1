//! Indexes: create, drop, hide, and when documents expire.

use mongodb::bson::{Bson, Document, doc};

use super::{catalog, index_spec::Spec, keep, names, operation::Slot};
use crate::{
    BoxError, Online,
    index_refusal::{self, Wanted},
};

#[derive(Clone, Debug)]
pub(super) struct Create {
    pub spec: Spec,
    pub if_not_exists: bool,
    /// How many members must have built it: an option of the command.
    pub commit_quorum: Option<Bson>,
}

impl Create {
    pub(super) fn forward_text(&self) -> String {
        let when = if self.if_not_exists { " if it does not exist" } else { "" };
        let quorum = self.commit_quorum.as_ref();
        let quorum = quorum.map(|quorum| format!(", commit quorum {quorum}")).unwrap_or_default();
        format!("create {}{when}{quorum}", self.spec.text())
    }

    pub(super) fn undo_text(&self) -> String {
        format!("drop index `{}` of `{}`", self.spec.name(), self.spec.collection)
    }

    pub(super) fn problems(&self) -> Vec<String> {
        self.spec.problems()
    }

    pub(super) async fn observe(
        &self,
        on: &mut Online<'_>,
        slot: Slot,
    ) -> Result<Document, BoxError> {
        let collection = &self.spec.collection;
        let found = catalog::collection(on, collection).await?;
        if let Some(found) = found.as_ref().filter(|found| found.kind == "view") {
            return Err(format!("`{collection}` is a {}, which has no indexes", found.kind).into());
        }
        let name = self.spec.name();
        let existed = match catalog::index(on, collection, &name).await? {
            None => false,
            Some(_) if !self.if_not_exists => {
                return Err(format!(
                    "the index `{name}` of `{collection}` is there already; say \
                     `.if_not_exists()` if that is fine: it stays then when this is rolled back"
                )
                .into());
            }
            Some(found) => {
                refuse_other(&self.spec, &found)?;
                true
            }
        };
        let mut seen = doc! { "existed": existed, "collection": found.is_some() };
        if found.is_none() {
            seen.insert("kept", keep::name(on, slot.number).await?);
        }
        Ok(seen)
    }

    pub(super) async fn forward(
        &self,
        on: &mut Online<'_>,
        found: &Document,
    ) -> Result<(), BoxError> {
        if found.get_bool("existed").unwrap_or(false) {
            return Ok(());
        }
        build(on, &self.spec.collection, self.spec.document(), self.commit_quorum.as_ref()).await
    }

    pub(super) async fn backward(
        &self,
        on: &mut Online<'_>,
        found: &Document,
    ) -> Result<(), BoxError> {
        let Spec { collection, .. } = &self.spec;
        if found.get_bool("existed").unwrap_or(false) {
            return Ok(());
        }
        let name = self.spec.name();
        if let Some(now) = catalog::index(on, collection, &name).await? {
            if !self.spec.has_keys(&now) {
                return Err(format!(
                    "the index `{name}` of `{collection}` is another one by now, on {}; it was \
                     left as it is: give it another name, and run `down` again",
                    now.get_document("key").cloned().unwrap_or_default()
                )
                .into());
            }
            drop_index(on, collection, &name).await?;
        }
        // The index had made the collection.
        if !found.get_bool("collection").unwrap_or(true) {
            let kept = keep::chosen(found)?;
            let is_bare = catalog::indexes(on, collection).await?.len() <= 1;
            let is_there = catalog::collection(on, collection).await?.is_some();
            if is_there && is_bare && catalog::is_empty(on, collection).await? {
                return keep::put_aside(on, collection, kept).await;
            }
            keep::close(on, kept).await?;
        }
        Ok(())
    }
}

#[derive(Clone, Debug)]
pub(super) struct Drop {
    pub spec: Spec,
    pub if_exists: bool,
}

impl Drop {
    pub(super) fn forward_text(&self) -> String {
        format!("drop {}{}", self.spec.text(), if self.if_exists { " if it exists" } else { "" })
    }

    pub(super) fn undo_text(&self) -> String {
        format!("create {}", self.spec.text())
    }

    pub(super) fn problems(&self) -> Vec<String> {
        self.spec.problems()
    }

    pub(super) async fn observe(&self, on: &mut Online<'_>) -> Result<Document, BoxError> {
        let Spec { collection, .. } = &self.spec;
        let all = catalog::indexes(on, collection).await?;
        let named = |index: &&Document| match &self.spec.name {
            Some(name) => index.get_str("name").is_ok_and(|found| found == name),
            None => self.spec.has_keys(index),
        };
        let Some(found) = all.iter().find(named) else {
            if self.if_exists {
                return Ok(doc! { "existed": false });
            }
            let names: Vec<&str> =
                all.iter().filter_map(|index| index.get_str("name").ok()).collect();
            return Err(format!(
                "there is no index `{}` on `{collection}` to drop (there are: {}); say \
                 `.if_exists()` if that is fine",
                self.spec.name(),
                if names.is_empty() { "none".to_owned() } else { names.join(", ") }
            )
            .into());
        };
        refuse_other(&self.spec, found)?;
        Ok(doc! { "existed": true, "spec": found.clone() })
    }

    pub(super) async fn forward(
        &self,
        on: &mut Online<'_>,
        found: &Document,
    ) -> Result<(), BoxError> {
        match found.get_document("spec").and_then(|spec| spec.get_str("name")) {
            Ok(name) => drop_index(on, &self.spec.collection, name).await,
            Err(_) => Ok(()),
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
        let mut spec = found.get_document("spec")?.clone();
        spec.remove("ns");
        build(on, &self.spec.collection, spec, None).await
    }
}

/// Hides an index from the planner of queries, or shows it.
#[derive(Clone, Debug)]
pub(super) struct Hide {
    pub collection: String,
    pub index: String,
    pub hidden: bool,
}

impl Hide {
    pub(super) fn forward_text(&self) -> String {
        let Self { collection, index, hidden } = self;
        format!("{} index `{index}` of `{collection}`", if *hidden { "hide" } else { "unhide" })
    }

    pub(super) fn undo_text(&self) -> String {
        Self { hidden: !self.hidden, ..self.clone() }.forward_text()
    }

    pub(super) fn problems(&self) -> Vec<String> {
        let problems = [names::collection(&self.collection), names::index(&self.index)];
        problems.into_iter().flatten().collect()
    }

    pub(super) async fn observe(&self, on: &mut Online<'_>) -> Result<Document, BoxError> {
        let found = existing(on, &self.collection, &self.index).await?;
        let hidden = found.get_bool("hidden").unwrap_or(false);
        if hidden == self.hidden {
            return Err(format!(
                "the index `{}` of `{}` is {} already",
                self.index,
                self.collection,
                if hidden { "hidden" } else { "shown" }
            )
            .into());
        }
        Ok(doc! { "hidden": hidden })
    }

    pub(super) async fn set(&self, on: &mut Online<'_>, hidden: bool) -> Result<(), BoxError> {
        modify(on, &self.collection, doc! { "name": &self.index, "hidden": hidden }).await
    }
}

/// Changes after how long documents expire.
#[derive(Clone, Debug)]
pub(super) struct Expire {
    pub collection: String,
    pub index: String,
    pub after: std::time::Duration,
}

impl Expire {
    pub(super) fn forward_text(&self) -> String {
        let Self { collection, index, after } = self;
        format!("let documents of `{collection}` expire after {after:?} by index `{index}`")
    }

    pub(super) fn undo_text(&self) -> String {
        format!("let documents of `{}` expire as before by index `{}`", self.collection, self.index)
    }

    pub(super) fn problems(&self) -> Vec<String> {
        let problems = [
            names::collection(&self.collection),
            names::index(&self.index),
            seconds(self.after).err(),
        ];
        problems.into_iter().flatten().collect()
    }

    pub(super) async fn observe(&self, on: &mut Online<'_>) -> Result<Document, BoxError> {
        let found = existing(on, &self.collection, &self.index).await?;
        let Some(before) = found.get("expireAfterSeconds").cloned() else {
            return Err(format!(
                "by the index `{}` of `{}` no document expires, and the server cannot take that \
                 back once it is set: drop the index, and create one that says \
                 `.expire_after(…)`",
                self.index, self.collection
            )
            .into());
        };
        Ok(doc! { "before": before })
    }

    pub(super) async fn forward(&self, on: &mut Online<'_>) -> Result<(), BoxError> {
        let after = seconds(self.after)?;
        modify(on, &self.collection, doc! { "name": &self.index, "expireAfterSeconds": after })
            .await
    }

    pub(super) async fn backward(
        &self,
        on: &mut Online<'_>,
        found: &Document,
    ) -> Result<(), BoxError> {
        let Some(before) = found.get("before").cloned() else {
            return Err("the record does not say when documents expired before".into());
        };
        modify(on, &self.collection, doc! { "name": &self.index, "expireAfterSeconds": before })
            .await
    }
}

/// Whole seconds, as the server wants them.
pub(super) fn seconds(after: std::time::Duration) -> Result<i32, String> {
    let seconds = i32::try_from(after.as_secs());
    match seconds {
        Ok(seconds) if after.subsec_nanos() == 0 => Ok(seconds),
        _ => Err(format!("documents expire after whole seconds, at most {}", i32::MAX)),
    }
}

async fn existing(
    on: &mut Online<'_>,
    collection: &str,
    index: &str,
) -> Result<Document, BoxError> {
    let found = catalog::index(on, collection, index).await?;
    found.ok_or_else(|| format!("there is no index `{index}` on `{collection}`").into())
}

async fn build(
    on: &mut Online<'_>,
    collection: &str,
    spec: Document,
    quorum: Option<&Bson>,
) -> Result<(), BoxError> {
    let wanted = Wanted::read(&spec);
    let mut command = doc! { "createIndexes": collection, "indexes": [spec] };
    if let Some(quorum) = quorum {
        command.insert("commitQuorum", quorum.clone());
    }
    match on.ddl(command).await {
        Err(error) => {
            Err(index_refusal::named(on.database(), collection, wanted, error.into()).await)
        }
        Ok(()) => Ok(()),
    }
}

async fn drop_index(on: &mut Online<'_>, collection: &str, name: &str) -> Result<(), BoxError> {
    // NamespaceNotFound, IndexNotFound: done before.
    let command = doc! { "dropIndexes": collection, "index": name };
    Ok(catalog::forgiving(on.ddl(command).await, &[26, 27])?)
}

async fn modify(on: &mut Online<'_>, collection: &str, index: Document) -> Result<(), BoxError> {
    Ok(on.ddl(doc! { "collMod": collection, "index": index }).await?)
}

fn refuse_other(spec: &Spec, found: &Document) -> Result<(), BoxError> {
    let differences = spec.differences(found);
    if differences.is_empty() {
        return Ok(());
    }
    Err(format!(
        "the index `{}` of `{}` is not what is declared: it differs in {}; it was left as it is. \
         It is {found}",
        found.get_str("name").unwrap_or_default(),
        spec.collection,
        differences.join(", ")
    )
    .into())
}
