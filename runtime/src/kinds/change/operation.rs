//! A recorded operation of any kind.

use mongodb::bson::{Document, doc};

use super::{
    collections,
    custom::Custom,
    index_spec::Spec,
    indexes, keep,
    options::Modify,
    rewrite::kind::{Rewrite, RewriteKind},
    search::{Act, Search},
    sharding::Sharding,
    slot::Slot,
    unique::MakeUnique,
};
use crate::{
    kinds::{catalog, online::Online},
    model::{result::BoxError, state::Direction},
};

/// The command that renames a collection.
const RENAME: &str = "the command `renameCollection`";

/// A recorded operation.
#[derive(Clone, Debug)]
pub(super) enum Operation {
    CreateCollection(collections::Create),
    DropCollection(collections::Drop),
    RenameCollection(collections::Rename),
    CreateIndex(indexes::Create),
    DropIndex(indexes::Drop),
    HideIndex(indexes::Hide),
    ExpireAfter(indexes::Expire),
    MakeUnique(MakeUnique),
    Search(Search),
    Sharding(Sharding),
    Modify(Modify),
    Rewrite(Rewrite),
    Run(Custom),
}

/// Does the same with each kind of operation.
macro_rules! each {
    ($self:expr, $operation:ident => $result:expr) => {
        match $self {
            Operation::CreateCollection($operation) => $result,
            Operation::DropCollection($operation) => $result,
            Operation::RenameCollection($operation) => $result,
            Operation::CreateIndex($operation) => $result,
            Operation::DropIndex($operation) => $result,
            Operation::HideIndex($operation) => $result,
            Operation::ExpireAfter($operation) => $result,
            Operation::MakeUnique($operation) => $result,
            Operation::Search($operation) => $result,
            Operation::Sharding($operation) => $result,
            Operation::Modify($operation) => $result,
            Operation::Rewrite($operation) => $result,
            Operation::Run($operation) => $result,
        }
    };
}

impl Operation {
    /// Describes the operation in full: two operations with the same text are the same. The record
    /// stores this text, and an operation whose text has changed since counts as edited.
    pub(super) fn forward_text(&self) -> String {
        each!(self, operation => operation.forward_text())
    }

    /// Describes the inverse.
    pub(super) fn undo_text(&self) -> String {
        each!(self, operation => operation.undo_text())
    }

    /// Lists the mistakes that show without a database.
    pub(super) fn problems(&self) -> Vec<String> {
        match self {
            Self::CreateCollection(operation) => operation.problems(),
            Self::DropCollection(operation) => operation.problems(),
            Self::RenameCollection(operation) => operation.problems(),
            Self::CreateIndex(operation) => operation.problems(),
            Self::DropIndex(operation) => operation.problems(),
            Self::HideIndex(operation) => operation.problems(),
            Self::ExpireAfter(operation) => operation.problems(),
            Self::MakeUnique(operation) => operation.problems(),
            Self::Search(operation) => operation.problems(),
            Self::Sharding(operation) => operation.problems(),
            Self::Modify(operation) => operation.problems(),
            Self::Rewrite(operation) => operation.problems(),
            Self::Run(_) => Vec::new(),
        }
    }

    /// The collections that the operation names.
    pub(super) fn collections(&self) -> Vec<&str> {
        match self {
            Self::CreateCollection(operation) => vec![&operation.name],
            Self::DropCollection(operation) => vec![&operation.name],
            Self::RenameCollection(operation) => vec![&operation.from, &operation.to],
            Self::CreateIndex(indexes::Create { spec, .. })
            | Self::DropIndex(indexes::Drop { spec, .. }) => vec![&spec.collection],
            Self::HideIndex(operation) => vec![&operation.collection],
            Self::ExpireAfter(operation) => vec![&operation.collection],
            Self::MakeUnique(operation) => vec![&operation.collection],
            Self::Search(operation) => vec![&operation.collection],
            Self::Sharding(operation) => operation.collection().into_iter().collect(),
            Self::Modify(operation) => vec![&operation.collection],
            Self::Rewrite(operation) => vec![&operation.collection],
            Self::Run(_) => Vec::new(),
        }
    }

    /// What the operation needs that is not in the server's Stable API.
    pub(super) fn beyond_api(&self) -> Option<String> {
        match self {
            Self::DropCollection(_) | Self::RenameCollection(_) => Some(RENAME.to_owned()),
            Self::CreateCollection(operation) => {
                let beyond = ["capped", "size", "max", "storageEngine", "indexOptionDefaults"];
                let option = beyond.iter().find(|&&name| operation.options.contains_key(name))?;
                Some(format!("the option `{option}` of `create`"))
            }
            Self::CreateIndex(indexes::Create { spec, .. }) => {
                let is_text = spec.keys.values().any(|kind| kind.as_str() == Some("text"));
                is_text.then(|| "a text index".to_owned())
            }
            Self::Search(_) => Some("search indexes".to_owned()),
            Self::Sharding(_) => Some("a command for sharded clusters".to_owned()),
            _ => None,
        }
    }

    /// What the inverse needs that is not in the server's Stable API. The inverse drops a view, and
    /// renames a collection that was created out of the way, so that no document is lost that is
    /// written meanwhile.
    pub(super) async fn undo_beyond_api(
        &self,
        on: &mut Online<'_>,
        found: &Document,
    ) -> Result<Option<String>, BoxError> {
        let existed = found.get_bool("existed").unwrap_or(false);
        let renames = match self {
            Self::RenameCollection(_) => true,
            Self::DropCollection(_) => {
                existed && found.get_str("kind").is_ok_and(|kind| kind != "view")
            }
            Self::CreateCollection(operation) if !existed => {
                let is_there = catalog::collection(on, &operation.name).await?;
                is_there.is_some_and(|found| found.is_plain())
            }
            Self::CreateIndex(_) => !found.get_bool("collection").unwrap_or(true),
            _ => false,
        };
        Ok(renames.then(|| RENAME.to_owned()))
    }

    /// The collection and the filter of the documents that the operation changes.
    pub(super) fn documents(&self, direction: Direction) -> Option<(&str, Document)> {
        match self {
            Self::Rewrite(operation) => Some((&operation.collection, operation.touched(direction))),
            _ => None,
        }
    }

    /// Whether an attempt that the server refused leaves everything as it was.
    pub(super) fn is_all_or_nothing(&self) -> bool {
        match self {
            // What belongs to it is created before it, and after it.
            Self::CreateCollection(operation) => !operation.is_encrypted(),
            Self::MakeUnique(_) | Self::Search(_) | Self::Rewrite(_) | Self::Run(_) => false,
            _ => true,
        }
    }

    /// Looks at what is there before the operation begins, for the rollback; refuses what cannot be
    /// done.
    pub(super) async fn observe(
        &self,
        on: &mut Online<'_>,
        slot: Slot,
    ) -> Result<Document, BoxError> {
        match self {
            Self::CreateCollection(operation) => operation.observe(on, slot).await,
            Self::DropCollection(operation) => operation.observe(on, slot).await,
            Self::RenameCollection(operation) => operation.observe(on).await,
            Self::CreateIndex(operation) => operation.observe(on, slot).await,
            Self::DropIndex(operation) => operation.observe(on).await,
            Self::HideIndex(operation) => operation.observe(on).await,
            Self::ExpireAfter(operation) => operation.observe(on).await,
            Self::MakeUnique(operation) => Box::pin(operation.observe(on)).await,
            Self::Search(operation) => Box::pin(operation.observe(on)).await,
            Self::Sharding(operation) => Box::pin(operation.observe(on)).await,
            Self::Modify(operation) => operation.observe(on).await,
            Self::Rewrite(operation) => operation.observe(on, slot).await,
            Self::Run(_) => Ok(doc! {}),
        }
    }

    /// Runs the operation, or finds it done. `found` is what was there before the first attempt.
    pub(super) async fn forward(
        &self,
        on: &mut Online<'_>,
        slot: Slot,
        found: &Document,
    ) -> Result<(), BoxError> {
        match self {
            Self::CreateCollection(operation) => operation.forward(on, found).await,
            Self::DropCollection(operation) => operation.forward(on, found).await,
            Self::RenameCollection(operation) => operation.forward(on, found).await,
            Self::CreateIndex(operation) => operation.forward(on, found).await,
            Self::DropIndex(operation) => operation.forward(on, found).await,
            Self::HideIndex(operation) => operation.set(on, operation.hidden).await,
            Self::ExpireAfter(operation) => operation.forward(on).await,
            Self::MakeUnique(operation) => Box::pin(operation.forward(on, found)).await,
            Self::Search(operation) => Box::pin(operation.forward(on, found)).await,
            Self::Sharding(operation) => Box::pin(operation.forward(on, found)).await,
            Self::Modify(operation) => operation.forward(on).await,
            Self::Rewrite(operation) => operation.forward(on, slot, found).await,
            Self::Run(operation) => operation.run(on, slot, Direction::Up).await,
        }
    }

    /// What a rollback assumes was there, if the operation was recorded as applied and never run.
    /// `None`: the operation cannot be undone then.
    pub(super) async fn assume(
        &self,
        on: &mut Online<'_>,
        slot: Slot,
    ) -> Result<Option<Document>, BoxError> {
        let kept = keep::name(on, slot.number).await?;
        Ok(match self {
            Self::CreateCollection(_) => Some(doc! { "existed": false, "kept": kept }),
            Self::CreateIndex(_) => Some(doc! { "existed": false, "collection": true }),
            Self::MakeUnique(operation) => Box::pin(operation.assume(on)).await?,
            Self::RenameCollection(_) | Self::Run(_) => Some(doc! {}),
            Self::DropIndex(indexes::Drop { spec, .. }) => {
                Some(doc! { "existed": true, "spec": Spec::document(spec) })
            }
            Self::Search(Search { act: Act::Create { .. }, .. }) => Some(doc! { "existed": false }),
            Self::HideIndex(operation) => Some(doc! { "hidden": !operation.hidden }),
            Self::Rewrite(Rewrite { kind: RewriteKind::Field(edit), .. }) if !edit.is_one_way() => {
                Some(doc! { "kept": kept })
            }
            Self::Rewrite(Rewrite { kind: RewriteKind::Pipelines(pipelines), .. })
                if !pipelines.backward.pipeline.is_empty() =>
            {
                Some(doc! { "kept": kept })
            }
            Self::DropCollection(_)
            | Self::ExpireAfter(_)
            | Self::Modify(_)
            | Self::Rewrite(_)
            | Self::Search(_)
            | Self::Sharding(_) => None,
        })
    }

    /// Refuses a rollback that cannot succeed; asked of all operations before the first is undone.
    pub(super) async fn ready(
        &self,
        on: &mut Online<'_>,
        slot: Slot,
        found: &Document,
    ) -> Result<(), BoxError> {
        match self {
            Self::DropCollection(operation) => operation.ready(on, found).await,
            Self::Rewrite(operation) => operation.ready(on, slot, found).await,
            Self::Modify(operation) => operation.ready(found),
            Self::Sharding(operation) => Box::pin(operation.ready(on, found)).await,
            _ => Ok(()),
        }
    }

    /// Undoes the operation, or finds it undone.
    pub(super) async fn backward(
        &self,
        on: &mut Online<'_>,
        slot: Slot,
        found: &Document,
    ) -> Result<(), BoxError> {
        match self {
            Self::CreateCollection(operation) => operation.backward(on, found).await,
            Self::DropCollection(operation) => operation.backward(on, found).await,
            Self::RenameCollection(operation) => operation.backward(on, found).await,
            Self::CreateIndex(operation) => operation.backward(on, found).await,
            Self::DropIndex(operation) => operation.backward(on, found).await,
            Self::HideIndex(operation) => {
                let before = found.get_bool("hidden").unwrap_or(!operation.hidden);
                operation.set(on, before).await
            }
            Self::ExpireAfter(operation) => operation.backward(on, found).await,
            Self::MakeUnique(operation) => Box::pin(operation.backward(on, found)).await,
            Self::Search(operation) => Box::pin(operation.backward(on, found)).await,
            Self::Sharding(operation) => Box::pin(operation.backward(on, found)).await,
            Self::Modify(operation) => operation.backward(on, found).await,
            Self::Rewrite(operation) => operation.backward(on, slot, found).await,
            Self::Run(operation) => operation.run(on, slot, Direction::Down).await,
        }
    }
}
