//! Operations on indexes: create, drop, hide, and change when documents expire.

use mongodb::bson::{Bson, Document, doc};

use super::{index_spec::Spec, keep, names, slot::Slot};
use crate::{
    kinds::{catalog, index_refusal, online::Online},
    model::result::BoxError,
    mongo::{code, options},
};

#[derive(Clone, Debug)]
pub(super) struct Create {
    pub spec: Spec,
    pub if_not_exists: bool,
    /// How many members must have built the index: an option of the command.
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
        let options = found.as_ref().map(|found| found.options.clone()).unwrap_or_default();
        let name = self.spec.name();
        let all = catalog::indexes(on, collection).await?;
        let existing =
            all.iter().find(|index| index.get_str("name").is_ok_and(|found| found == name));
        if let Some(existing) = existing {
            // Refused first, because `.if_not_exists()` would not help.
            refuse_other(&self.spec, existing, &options, Wanted::Created)?;
            if !self.if_not_exists {
                return Err(format!(
                    "the index `{name}` of `{collection}` is there already, as it is declared; \
                     say `.if_not_exists()` to accept it: a rollback then leaves it as it is"
                )
                .into());
            }
        } else {
            self.refuse_rival(&all, &options)?;
        }
        let existed = existing.is_some();
        let mut seen = doc! { "existed": existed, "collection": found.is_some() };
        if found.is_none() {
            seen.insert("kept", keep::name(on, slot.number).await?);
        }
        Ok(seen)
    }

    /// The server has one index of the same keys, and refuses a second one of another name.
    fn refuse_rival(&self, all: &[Document], options: &Document) -> Result<(), BoxError> {
        let Spec { collection, .. } = &self.spec;
        if self.spec.needs_simple(options) {
            return Err(format!(
                "text and 2d indexes know only the simple collation, and `{collection}` has \
                 another default collation; nothing was changed: say \
                 `.collation(doc! {{ \"locale\": \"simple\" }})`"
            )
            .into());
        }
        let Some(rival) = all.iter().find(|index| self.spec.is_rival(index, options)) else {
            return Ok(());
        };
        let rival_name = rival.get_str("name").unwrap_or_default();
        let differences = self.spec.differences(rival, options);
        let way_out = if differences.is_empty() {
            format!("say `.name({rival_name:?}).if_not_exists()` to accept that index")
        } else {
            format!(
                "it differs in {}: drop it in an operation before this one",
                differences.join(", ")
            )
        };
        Err(format!(
            "there is an index on these keys of `{collection}` already, called `{rival_name}`, and \
             the server takes no second index on them; nothing was changed: {way_out}"
        )
        .into())
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
                    "the index `{name}` of `{collection}` is another index by now, on {}; it was \
                     left as it is: give it another name, and run `down` again",
                    now.get_document("key").cloned().unwrap_or_default()
                )
                .into());
            }
            drop_index(on, collection, &name).await?;
        }
        // The collection was created for the index.
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
        let options = catalog::options(on, collection).await?;
        let Some(found) = self.spec.among(&all, &options) else {
            if self.if_exists {
                return Ok(doc! { "existed": false });
            }
            let names: Vec<&str> =
                all.iter().filter_map(|index| index.get_str("name").ok()).collect();
            let same_keys = all.iter().find(|index| self.spec.has_keys(index));
            let way_out = match same_keys.and_then(|index| index.get_str("name").ok()) {
                Some(name) => {
                    format!("the index on these keys has another name: say `.name({name:?})`")
                }
                None => "say `.if_exists()` to accept that".to_owned(),
            };
            return Err(format!(
                "there is no index `{}` on `{collection}` to drop (there are: {}); {way_out}",
                self.spec.name(),
                if names.is_empty() { "none".to_owned() } else { names.join(", ") }
            )
            .into());
        };
        refuse_other(&self.spec, found, &options, Wanted::Dropped)?;
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
        // The assumed index of a migration that never ran here is a declaration, in which an absent
        // collation is inherited. An index that the server listed has a version.
        if spec.contains_key("v") {
            let options = catalog::options(on, &self.spec.collection).await?;
            spec = options::to_rebuild(spec, &options);
        }
        build(on, &self.spec.collection, spec, None).await
    }
}

/// Hides an index from the query planner, or shows it.
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

/// Changes the time after which a TTL index deletes documents.
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
                "by the index `{}` of `{}` no document expires, and the server cannot unset an \
                 expiry: drop the index, and create an index with `.expire_after(…)`",
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

/// The whole seconds of an expiry, as the server takes them.
pub(super) fn seconds(after: std::time::Duration) -> Result<i32, String> {
    let seconds = i32::try_from(after.as_secs());
    match seconds {
        Ok(seconds) if after.subsec_nanos() == 0 => Ok(seconds),
        _ => Err(format!("documents expire after whole seconds, at most {}", i32::MAX)),
    }
}

pub(super) async fn existing(
    on: &mut Online<'_>,
    collection: &str,
    index: &str,
) -> Result<Document, BoxError> {
    let found = catalog::index(on, collection, index).await?;
    found.ok_or_else(|| format!("there is no index `{index}` on `{collection}`").into())
}

pub(super) async fn build(
    on: &mut Online<'_>,
    collection: &str,
    spec: Document,
    quorum: Option<&Bson>,
) -> Result<(), BoxError> {
    let wanted = index_refusal::Wanted::from_spec(&spec);
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

pub(super) async fn drop_index(
    on: &mut Online<'_>,
    collection: &str,
    name: &str,
) -> Result<(), BoxError> {
    // These codes say that the index was dropped before.
    let command = doc! { "dropIndexes": collection, "index": name };
    Ok(catalog::forgiving(
        on.ddl(command).await,
        &[code::NAMESPACE_NOT_FOUND, code::INDEX_NOT_FOUND],
    )?)
}

async fn modify(on: &mut Online<'_>, collection: &str, index: Document) -> Result<(), BoxError> {
    Ok(on.ddl(doc! { "collMod": collection, "index": index }).await?)
}

/// What an operation is about to do with an index.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Wanted {
    Created,
    Dropped,
}

fn refuse_other(
    spec: &Spec,
    found: &Document,
    of_collection: &Document,
    wanted: Wanted,
) -> Result<(), BoxError> {
    let differences = spec.differences(found, of_collection);
    if differences.is_empty() {
        return Ok(());
    }
    let way_out = match wanted {
        Wanted::Created => {
            "drop it in an operation before this one, or give the new index another name"
        }
        Wanted::Dropped => "declare it as it is, since that is what a rollback builds again",
    };
    let collation =
        if differences.iter().any(|name| name == "collation") && !found.contains_key("collation") {
            " (with the simple collation, `.collation(doc! { \"locale\": \"simple\" })`)"
        } else {
            ""
        };
    Err(format!(
        "the index `{}` of `{}` is not what is declared: it differs in {}; it was left as it is: \
         {way_out}. It is {found}{collation}",
        found.get_str("name").unwrap_or_default(),
        spec.collection,
        differences.join(", ")
    )
    .into())
}
