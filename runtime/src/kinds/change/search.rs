//! Search indexes and vector-search indexes, which a deployment with search keeps beside the server:
//! create, update, drop. An operation is done when searches can use what it made.
//! <https://www.mongodb.com/docs/manual/reference/command/createSearchIndexes/>

use std::time::Duration;

use mongodb::bson::{Bson, Document, doc};
use tokio::time::Instant;

use super::names;
use crate::{
    kinds::{catalog, online::Online},
    model::result::BoxError,
    mongo::{code, options::alike, reply::number, server_error::ServerError},
};

/// The kind of an index that says of none.
pub(super) const KIND: &str = "search";

/// The name of an index that has none.
pub(super) const NAME: &str = "default";

const NAME_BYTES_MAX: usize = 100;

/// The first pause before an index is looked at again, and the longest.
const PAUSES: (Duration, Duration) = (Duration::from_millis(200), Duration::from_secs(5));

/// How long an index that was created may be missing in the list.
const UNLISTED_MAX: Duration = Duration::from_secs(60);

/// A search index, and what is done with it.
#[derive(Clone, Debug)]
pub(super) struct Search {
    pub collection: String,
    pub name: String,
    pub act: Act,
    /// Whether the operation is done only when searches can use the index.
    pub waits: bool,
}

#[derive(Clone, Debug)]
pub(super) enum Act {
    Create { kind: String, definition: Document, if_not_exists: bool },
    Update { definition: Document },
    Drop { if_exists: bool },
}

impl Search {
    pub(super) fn new(collection: String, name: String, act: Act) -> Self {
        Self { collection, name, act, waits: true }
    }

    fn place(&self) -> String {
        format!("search index `{}` of `{}`", self.name, self.collection)
    }

    pub(super) fn forward_text(&self) -> String {
        let place = self.place();
        let text = match &self.act {
            Act::Create { kind, definition, if_not_exists } => {
                let when = if *if_not_exists { " if it does not exist" } else { "" };
                format!("create {place} ({kind}) {definition}{when}")
            }
            Act::Update { definition } => format!("change {place} to {definition}"),
            Act::Drop { if_exists } => {
                format!("drop {place}{}", if *if_exists { " if it exists" } else { "" })
            }
        };
        text + if self.waits { "" } else { ", without waiting" }
    }

    pub(super) fn undo_text(&self) -> String {
        let place = self.place();
        match &self.act {
            Act::Create { .. } => format!("drop {place}"),
            Act::Update { .. } => format!("give {place} its former definition"),
            Act::Drop { .. } => format!("create {place} again"),
        }
    }

    pub(super) fn problems(&self) -> Vec<String> {
        let mut problems: Vec<String> = names::collection(&self.collection).into_iter().collect();
        if self.name.is_empty() || self.name.len() > NAME_BYTES_MAX || self.name.contains('\0') {
            problems.push(format!(
                "`{}` is not the name of a search index: 1 to {NAME_BYTES_MAX} bytes",
                self.name.escape_debug()
            ));
        }
        if let Act::Create { definition, .. } | Act::Update { definition } = &self.act
            && definition.is_empty()
        {
            problems.push(
                "a search index needs a definition, as `doc! { \"mappings\": { \"dynamic\": true } }`"
                    .to_owned(),
            );
        }
        problems
    }

    pub(super) async fn observe(&self, on: &mut Online<'_>) -> Result<Document, BoxError> {
        let found = self.listed(on).await?.filter(|found| !is_going(found));
        let place = self.place();
        match (&self.act, found) {
            (Act::Create { kind, definition, if_not_exists }, Some(found)) => {
                let is_same = kind_of(&found) == kind && defines(&found, definition);
                match (is_same, *if_not_exists) {
                    (true, true) => Ok(doc! { "existed": true }),
                    (true, false) => Err(format!(
                        "the {place} is there already, as it is declared; say `.if_not_exists()` to \
                         accept it: a rollback then leaves it as it is"
                    )
                    .into()),
                    (false, _) => Err(format!(
                        "the {place} is there already, and is another one: use `update_search_index`, or \
                         another name. It is a {} index: {}",
                        kind_of(&found),
                        definition_of(&found)
                    )
                    .into()),
                }
            }
            (Act::Create { .. }, None) => {
                if catalog::collection(on, &self.collection).await?.is_none() {
                    return Err(format!(
                        "there is no collection `{}`: create it in an operation before this one",
                        self.collection
                    )
                    .into());
                }
                Ok(doc! { "existed": false })
            }
            (Act::Update { .. } | Act::Drop { .. }, Some(found)) => Ok(doc! {
                "existed": true, "kind": kind_of(&found), "definition": definition_of(&found),
            }),
            (Act::Drop { if_exists: true }, None) => Ok(doc! { "existed": false }),
            (Act::Update { .. } | Act::Drop { .. }, None) => {
                Err(format!("there is no {place}").into())
            }
        }
    }

    pub(super) async fn forward(
        &self,
        on: &mut Online<'_>,
        found: &Document,
    ) -> Result<(), BoxError> {
        let existed = found.get_bool("existed").unwrap_or(false);
        match &self.act {
            Act::Create { .. } if existed => self.ready(on, None).await,
            Act::Create { kind, definition, .. } => self.create(on, kind, definition).await,
            Act::Update { definition } => self.update(on, definition).await,
            Act::Drop { .. } if existed => self.drop(on).await,
            Act::Drop { .. } => Ok(()),
        }
    }

    pub(super) async fn backward(
        &self,
        on: &mut Online<'_>,
        found: &Document,
    ) -> Result<(), BoxError> {
        let existed = found.get_bool("existed").unwrap_or(false);
        match &self.act {
            Act::Create { .. } if existed => Ok(()),
            Act::Create { .. } => self.drop(on).await,
            Act::Update { .. } => self.update(on, found.get_document("definition")?).await,
            Act::Drop { .. } if existed => {
                let kind = found.get_str("kind").unwrap_or(KIND).to_owned();
                self.create(on, &kind, found.get_document("definition")?).await
            }
            Act::Drop { .. } => Ok(()),
        }
    }

    async fn create(
        &self,
        on: &mut Online<'_>,
        kind: &str,
        definition: &Document,
    ) -> Result<(), BoxError> {
        // One that goes has the name until it is gone.
        self.gone(on, true).await?;
        let index = doc! { "name": &self.name, "type": kind, "definition": definition.clone() };
        let command = doc! { "createSearchIndexes": &self.collection, "indexes": [index] };
        // It was created before a crash.
        let created = send(on, command).await;
        catalog::forgiving(created, &[code::INDEX_ALREADY_EXISTS])
            .map_err(|it| self.refused(it))?;
        self.ready(on, None).await
    }

    async fn update(&self, on: &mut Online<'_>, definition: &Document) -> Result<(), BoxError> {
        let now = self.listed(on).await?.ok_or_else(|| format!("there is no {}", self.place()))?;
        if defines(&now, definition) {
            return self.ready(on, None).await;
        }
        let command = doc! {
            "updateSearchIndex": &self.collection, "name": &self.name,
            "definition": definition.clone(),
        };
        send(on, command).await.map_err(|error| self.refused(error))?;
        self.ready(on, Some(version_of(&now))).await
    }

    async fn drop(&self, on: &mut Online<'_>) -> Result<(), BoxError> {
        let command = doc! { "dropSearchIndex": &self.collection, "name": &self.name };
        // These codes say that it was dropped before.
        let gone = [code::NAMESPACE_NOT_FOUND, code::INDEX_NOT_FOUND];
        catalog::forgiving(send(on, command).await, &gone).map_err(|error| self.refused(error))?;
        self.gone(on, false).await
    }

    /// Waits until searches can use the index; with a definition that is newer than `former`.
    async fn ready(&self, on: &mut Online<'_>, former: Option<i64>) -> Result<(), BoxError> {
        if !self.waits {
            return Ok(());
        }
        let begun = Instant::now();
        let mut pause = PAUSES.0;
        loop {
            match self.listed(on).await? {
                Some(found) => {
                    let status = found.get_str("status").unwrap_or_default();
                    if status == "FAILED" {
                        return Err(self.failed(&found).into());
                    }
                    let is_new = former.is_none_or(|former| version_of(&found) != former);
                    let is_queryable = found.get_bool("queryable").unwrap_or(false);
                    if status == "READY" && is_queryable && is_new {
                        return Ok(());
                    }
                    tracing::info!(
                        target: "mongrate", index = self.name, collection = self.collection, status,
                        waited_s = begun.elapsed().as_secs(), "a search index is being built"
                    );
                }
                None if begun.elapsed() > UNLISTED_MAX => {
                    return Err(format!(
                        "the {} was created, and is not listed a minute later: was it dropped by \
                         somebody else? Run it again",
                        self.place()
                    )
                    .into());
                }
                None => {}
            }
            tokio::time::sleep(pause).await;
            pause = (pause * 2).min(PAUSES.1);
        }
    }

    /// Waits until the index is not listed any more; `only_if_going`: an index that stays may be there.
    async fn gone(&self, on: &mut Online<'_>, only_if_going: bool) -> Result<(), BoxError> {
        let mut pause = PAUSES.0;
        while let Some(found) = self.listed(on).await? {
            if only_if_going && !is_going(&found) {
                return Ok(());
            }
            tokio::time::sleep(pause).await;
            pause = (pause * 2).min(PAUSES.1);
        }
        Ok(())
    }

    async fn listed(&self, on: &mut Online<'_>) -> Result<Option<Document>, BoxError> {
        let pipeline = vec![doc! { "$listSearchIndexes": { "name": &self.name } }];
        let command = doc! { "aggregate": &self.collection, "pipeline": pipeline, "cursor": {} };
        match on.engine().control.retrying(None, command).await {
            Ok(reply) => Ok(crate::mongo::reply::first_batch(&reply).next().cloned()),
            Err(error) if error.code() == Some(code::NAMESPACE_NOT_FOUND) => Ok(None),
            Err(error) => Err(self.refused(error)),
        }
    }

    fn refused(&self, error: ServerError) -> BoxError {
        if !is_without_search(&error) {
            return error.into();
        }
        format!(
            "this deployment has no search indexes, so there is no {}: they need MongoDB 7.0 on Atlas, an \
             Atlas deployment of your own machine, or a server that a `mongot` is connected to ({error}); \
             nothing was changed",
            self.place()
        )
        .into()
    }

    fn failed(&self, found: &Document) -> String {
        let details = found.get_array("statusDetail").into_iter().flatten();
        let mut messages = details.filter_map(Bson::as_document).filter_map(|detail| {
            let main = detail.get_document("mainIndex").ok()?;
            main.get_str("message").ok()
        });
        let why = found.get_str("message").ok().or_else(|| messages.next());
        format!(
            "the {} could not be built{}; it is there, and no search can use it: correct the definition, \
             and run `up` again after `down`",
            self.place(),
            why.map(|why| format!(": {why}")).unwrap_or_default()
        )
    }
}

/// Whether the error is that of a deployment without search: it does not know the stage or the command,
/// or nothing is configured for it.
pub(crate) fn is_without_search(error: &ServerError) -> bool {
    matches!(
        error.code(),
        Some(
            code::COMMAND_NOT_FOUND
                | code::COMMAND_NOT_SUPPORTED
                | code::SEARCH_NOT_ENABLED
                | code::UNRECOGNIZED_STAGE
        )
    )
}

/// These commands take no write concern.
async fn send(on: &mut Online<'_>, command: Document) -> Result<(), ServerError> {
    on.engine().control.retrying(None, command).await.map(drop)
}

fn is_going(found: &Document) -> bool {
    matches!(found.get_str("status"), Ok("DELETING" | "DOES_NOT_EXIST"))
}

fn kind_of(found: &Document) -> &str {
    found.get_str("type").unwrap_or(KIND)
}

fn definition_of(found: &Document) -> Document {
    found.get_document("latestDefinition").cloned().unwrap_or_default()
}

fn defines(found: &Document, definition: &Document) -> bool {
    let definition = Bson::Document(definition.clone());
    alike(found.get("latestDefinition"), Some(&definition))
}

fn version_of(found: &Document) -> i64 {
    let version = found.get_document("latestDefinitionVersion").ok();
    version.and_then(|version| number(version, "version")).unwrap_or(-1)
}
