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

/// The kind of an index for vectors.
pub(super) const VECTOR_KIND: &str = "vectorSearch";

/// The name of an index that has none.
pub(super) const NAME: &str = "default";

const NAME_BYTES_MAX: usize = 100;

/// The first pause before an index is looked at again, and the longest.
const PAUSES: (Duration, Duration) = (Duration::from_millis(200), Duration::from_secs(5));

/// How long an index may be stale before that is an error: the deployment tries again meanwhile.
const STALE_MAX: Duration = Duration::from_secs(600);

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

    /// The right that it needs.
    pub(super) const fn action(&self) -> &'static str {
        match self.act {
            Act::Create { .. } => "createSearchIndexes",
            Act::Update { .. } => "updateSearchIndex",
            Act::Drop { .. } => "dropSearchIndex",
        }
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
                "failed": found.get_str("status").is_ok_and(|status| status == "FAILED"),
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
            Act::Create { definition, .. } if existed => self.ready(on, definition, None).await,
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
            // What could not be built before cannot be built again: it is not waited for.
            Act::Update { .. } if found.get_bool("failed").unwrap_or(false) => {
                let other = Self { waits: false, ..self.clone() };
                other.update(on, found.get_document("definition")?).await
            }
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
        match on.ddl(command).await {
            Ok(()) => {}
            // It was created before a crash; or somebody else created another one.
            Err(error) if error.code() == Some(code::INDEX_ALREADY_EXISTS) => {
                let now = self.listed(on).await?;
                let is_mine = now
                    .as_ref()
                    .is_some_and(|now| kind_of(now) == kind && defines(now, definition));
                if !is_mine {
                    return Err(format!(
                        "the {} is another one by now; it was left as it is: drop it, or give it another \
                         name, and run it again",
                        self.place()
                    )
                    .into());
                }
            }
            Err(error) => return Err(self.refused(error)),
        }
        self.ready(on, definition, None).await
    }

    async fn update(&self, on: &mut Online<'_>, definition: &Document) -> Result<(), BoxError> {
        let now = self.listed(on).await?.ok_or_else(|| format!("there is no {}", self.place()))?;
        if defines(&now, definition) {
            return self.ready(on, definition, None).await;
        }
        let command = doc! {
            "updateSearchIndex": &self.collection, "name": &self.name,
            "definition": definition.clone(),
        };
        on.ddl(command).await.map_err(|error| self.refused(error))?;
        self.ready(on, definition, Some(version_of(&now))).await
    }

    async fn drop(&self, on: &mut Online<'_>) -> Result<(), BoxError> {
        let command = doc! { "dropSearchIndex": &self.collection, "name": &self.name };
        // These codes say that it was dropped before.
        let gone = [code::NAMESPACE_NOT_FOUND, code::INDEX_NOT_FOUND];
        catalog::forgiving(on.ddl(command).await, &gone).map_err(|error| self.refused(error))?;
        self.gone(on, false).await
    }

    /// Waits until searches can use the index with this definition, which is newer than `former`.
    async fn ready(
        &self,
        on: &mut Online<'_>,
        definition: &Document,
        former: Option<Option<i64>>,
    ) -> Result<(), BoxError> {
        if !self.waits {
            return Ok(());
        }
        let begun = Instant::now();
        let mut stale_since: Option<Instant> = None;
        let mut pause = PAUSES.0;
        loop {
            let found = self.listed(on).await?;
            let status = found.as_ref().and_then(|found| found.get_str("status").ok());
            let status = status.unwrap_or_default();
            match &found {
                Some(found) if status == "FAILED" => return Err(self.failed(found).into()),
                Some(found) if status == "READY" && is_in_use(found, definition, former) => {
                    return Ok(());
                }
                Some(_) | None => {}
            }
            // Its source cannot be read, or the change of a stale index failed.
            stale_since = match status {
                "STALE" => stale_since.or_else(|| Some(Instant::now())),
                _ => None,
            };
            if stale_since.is_some_and(|since| since.elapsed() > STALE_MAX) {
                return Err(format!(
                    "the {} has been stale for {} minutes: the deployment cannot bring it up to date; \
                     searches use what it had: see why there, and run it again",
                    self.place(),
                    STALE_MAX.as_secs() / 60
                )
                .into());
            }
            if found.is_none() && begun.elapsed() > UNLISTED_MAX {
                return Err(format!(
                    "the {} was created, and is not listed a minute later: was it dropped by somebody \
                     else? Run it again",
                    self.place()
                )
                .into());
            }
            tracing::info!(
                target: "mongrate", index = self.name, collection = self.collection, status,
                waited_s = begun.elapsed().as_secs(), "a search index is being built"
            );
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
            tracing::info!(
                target: "mongrate", index = self.name, collection = self.collection,
                "waiting until a search index is gone"
            );
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
            "this deployment has no search indexes, so there is no {}: they need MongoDB 6.0.7 on Atlas, an \
             Atlas deployment on your own machine, or a server that a `mongot` is connected to ({error}); \
             nothing was changed",
            self.place()
        )
        .into()
    }

    fn failed(&self, found: &Document) -> String {
        let details = found.get_array("statusDetail").into_iter().flatten();
        let mut messages = details.filter_map(Bson::as_document).flat_map(|detail| {
            let of = |name: &str| detail.get_document(name).ok()?.get_str("message").ok();
            [of("stagedIndex"), of("mainIndex")].into_iter().flatten()
        });
        let why = found.get_str("message").ok().or_else(|| messages.next());
        let in_use = match found.get_bool("queryable") {
            Ok(true) => "searches still use its former definition",
            _ => "no search can use it",
        };
        format!(
            "the {} could not be built{}; {in_use}: run `down`, correct the definition, and run `up`",
            self.place(),
            why.map(|why| format!(": {why}")).unwrap_or_default()
        )
    }
}

/// Whether searches use the index with this definition, which is newer than `former`.
fn is_in_use(found: &Document, definition: &Document, former: Option<Option<i64>>) -> bool {
    let is_new = former.is_none_or(|former| match (version_of(found), former) {
        (Some(now), Some(former)) if now != former => true,
        _ => defines(found, definition),
    });
    is_new && found.get_bool("queryable").unwrap_or(false)
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
                | code::SEARCH_ONLY_ON_ATLAS
                | code::SEARCH_NOT_CONFIGURED
                | code::UNRECOGNIZED_STAGE
        )
    )
}

fn is_going(found: &Document) -> bool {
    matches!(found.get_str("status"), Ok("DELETING" | "DOES_NOT_EXIST"))
}

/// The kind of an index. Not every deployment lists it: then the form of its definition tells.
fn kind_of(found: &Document) -> &str {
    let definition = found.get_document("latestDefinition").ok();
    let is_vector = definition.is_some_and(|definition| {
        definition.get_array("fields").is_ok() && !definition.contains_key("mappings")
    });
    let inferred = if is_vector { VECTOR_KIND } else { KIND };
    found.get_str("type").unwrap_or(inferred)
}

fn definition_of(found: &Document) -> Document {
    found.get_document("latestDefinition").cloned().unwrap_or_default()
}

fn defines(found: &Document, definition: &Document) -> bool {
    let definition = Bson::Document(definition.clone());
    alike(found.get("latestDefinition"), Some(&definition))
}

fn version_of(found: &Document) -> Option<i64> {
    number(found.get_document("latestDefinitionVersion").ok()?, "version")
}
