//! One recorded operation, whatever it is.

use mongodb::bson::{Document, doc};

use super::{
    collections,
    custom::Custom,
    index_spec::Spec,
    indexes, keep,
    options::Modify,
    rewrite::kind::{How, Rewrite},
    slot::Slot,
};
use crate::{
    kinds::{catalog, online::Online},
    model::{result::BoxError, state::Direction},
};

/// How a collection gets another name.
const RENAME: &str = "the command `renameCollection`";

/// One recorded operation.
#[derive(Clone, Debug)]
pub(super) enum Operation {
    CreateCollection(collections::Create),
    DropCollection(collections::Drop),
    RenameCollection(collections::Rename),
    CreateIndex(indexes::Create),
    DropIndex(indexes::Drop),
    HideIndex(indexes::Hide),
    ExpireAfter(indexes::Expire),
    Modify(Modify),
    Rewrite(Rewrite),
    Run(Custom),
}

/// The same for each kind of operation.
macro_rules! each {
    ($self:expr, $one:ident => $do:expr) => {
        match $self {
            Operation::CreateCollection($one) => $do,
            Operation::DropCollection($one) => $do,
            Operation::RenameCollection($one) => $do,
            Operation::CreateIndex($one) => $do,
            Operation::DropIndex($one) => $do,
            Operation::HideIndex($one) => $do,
            Operation::ExpireAfter($one) => $do,
            Operation::Modify($one) => $do,
            Operation::Rewrite($one) => $do,
            Operation::Run($one) => $do,
        }
    };
}

impl Operation {
    /// What it does, with everything that matters: two operations that read the same are the
    /// same.
    pub(super) fn forward_text(&self) -> String {
        each!(self, one => one.forward_text())
    }

    /// What undoes it.
    pub(super) fn undo_text(&self) -> String {
        each!(self, one => one.undo_text())
    }

    /// What is wrong with it, as far as can be told without a database.
    pub(super) fn problems(&self) -> Vec<String> {
        match self {
            Self::CreateCollection(one) => one.problems(),
            Self::DropCollection(one) => one.problems(),
            Self::RenameCollection(one) => one.problems(),
            Self::CreateIndex(one) => one.problems(),
            Self::DropIndex(one) => one.problems(),
            Self::HideIndex(one) => one.problems(),
            Self::ExpireAfter(one) => one.problems(),
            Self::Modify(one) => one.problems(),
            Self::Rewrite(one) => one.problems(),
            Self::Run(_) => Vec::new(),
        }
    }

    /// The collections that it names.
    pub(super) fn collections(&self) -> Vec<&str> {
        match self {
            Self::CreateCollection(one) => vec![&one.name],
            Self::DropCollection(one) => vec![&one.name],
            Self::RenameCollection(one) => vec![&one.from, &one.to],
            Self::CreateIndex(indexes::Create { spec, .. })
            | Self::DropIndex(indexes::Drop { spec, .. }) => vec![&spec.collection],
            Self::HideIndex(one) => vec![&one.collection],
            Self::ExpireAfter(one) => vec![&one.collection],
            Self::Modify(one) => vec![&one.collection],
            Self::Rewrite(one) => vec![&one.collection],
            Self::Run(_) => Vec::new(),
        }
    }

    /// What of it is not in the server's Stable API.
    pub(super) fn beyond_api(&self) -> Option<String> {
        match self {
            Self::DropCollection(_) | Self::RenameCollection(_) => Some(RENAME.to_owned()),
            Self::CreateCollection(one) => {
                let beyond = ["capped", "size", "max", "storageEngine", "indexOptionDefaults"];
                let option = beyond.iter().find(|&&name| one.options.contains_key(name))?;
                Some(format!("the option `{option}` of `create`"))
            }
            Self::CreateIndex(indexes::Create { spec, .. }) => {
                let is_text = spec.keys.values().any(|kind| kind.as_str() == Some("text"));
                is_text.then(|| "a text index".to_owned())
            }
            _ => None,
        }
    }

    /// What of its inverse is not in the server's Stable API. A view is dropped; a collection that
    /// was created is renamed out of the way, so that nothing is lost that is written meanwhile.
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
            Self::CreateCollection(one) if !existed => {
                let is_there = catalog::collection(on, &one.name).await?;
                is_there.is_some_and(|found| found.is_plain())
            }
            Self::CreateIndex(_) => !found.get_bool("collection").unwrap_or(true),
            _ => false,
        };
        Ok(renames.then(|| RENAME.to_owned()))
    }

    /// Where it changes documents, and which.
    pub(super) fn documents(&self, direction: Direction) -> Option<(&str, Document)> {
        match self {
            Self::Rewrite(one) => Some((&one.collection, one.touched(direction))),
            _ => None,
        }
    }

    /// Whether an attempt that the server refused has left everything as it was.
    pub(super) fn is_all_or_nothing(&self) -> bool {
        !matches!(self, Self::Rewrite(_) | Self::Run(_))
    }

    /// Looks at what is there before it is done, for the rollback; refuses what cannot be done.
    pub(super) async fn observe(
        &self,
        on: &mut Online<'_>,
        slot: Slot,
    ) -> Result<Document, BoxError> {
        match self {
            Self::CreateCollection(one) => one.observe(on, slot).await,
            Self::DropCollection(one) => one.observe(on, slot).await,
            Self::RenameCollection(one) => one.observe(on).await,
            Self::CreateIndex(one) => one.observe(on, slot).await,
            Self::DropIndex(one) => one.observe(on).await,
            Self::HideIndex(one) => one.observe(on).await,
            Self::ExpireAfter(one) => one.observe(on).await,
            Self::Modify(one) => one.observe(on).await,
            Self::Rewrite(one) => one.observe(on, slot).await,
            Self::Run(_) => Ok(doc! {}),
        }
    }

    /// Does it, or finds it done. `found` is what was there before the first attempt.
    pub(super) async fn forward(
        &self,
        on: &mut Online<'_>,
        slot: Slot,
        found: &Document,
    ) -> Result<(), BoxError> {
        match self {
            Self::CreateCollection(one) => one.forward(on, found).await,
            Self::DropCollection(one) => one.forward(on, found).await,
            Self::RenameCollection(one) => one.forward(on, found).await,
            Self::CreateIndex(one) => one.forward(on, found).await,
            Self::DropIndex(one) => one.forward(on, found).await,
            Self::HideIndex(one) => one.set(on, one.hidden).await,
            Self::ExpireAfter(one) => one.forward(on).await,
            Self::Modify(one) => one.forward(on).await,
            Self::Rewrite(one) => one.forward(on, slot, found).await,
            Self::Run(one) => one.run(on, slot, Direction::Up).await,
        }
    }

    /// What to go by in a rollback where nothing was recorded, as it was never run here.
    /// `None`: without a record it cannot be undone.
    pub(super) async fn assume(
        &self,
        on: &mut Online<'_>,
        slot: Slot,
    ) -> Result<Option<Document>, BoxError> {
        let kept = keep::name(on, slot.number).await?;
        Ok(match self {
            Self::CreateCollection(_) => Some(doc! { "existed": false, "kept": kept }),
            Self::CreateIndex(_) => Some(doc! { "existed": false, "collection": true }),
            Self::RenameCollection(_) | Self::Run(_) => Some(doc! {}),
            Self::DropIndex(indexes::Drop { spec, .. }) => {
                Some(doc! { "existed": true, "spec": Spec::document(spec) })
            }
            Self::HideIndex(one) => Some(doc! { "hidden": !one.hidden }),
            Self::Rewrite(Rewrite { how: How::Field(edit), .. }) if !edit.is_one_way() => {
                Some(doc! { "kept": kept })
            }
            Self::Rewrite(Rewrite { how: How::Pipelines(pipelines), .. })
                if !pipelines.backward.pipeline.is_empty() =>
            {
                Some(doc! { "kept": kept })
            }
            Self::DropCollection(_) | Self::ExpireAfter(_) | Self::Modify(_) | Self::Rewrite(_) => {
                None
            }
        })
    }

    /// Whether it can be undone, asked of all operations before the first one is.
    pub(super) async fn ready(
        &self,
        on: &mut Online<'_>,
        slot: Slot,
        found: &Document,
    ) -> Result<(), BoxError> {
        match self {
            Self::DropCollection(one) => one.ready(on, found).await,
            Self::Rewrite(one) => one.ready(on, slot, found).await,
            _ => Ok(()),
        }
    }

    /// Undoes it, or finds it undone.
    pub(super) async fn backward(
        &self,
        on: &mut Online<'_>,
        slot: Slot,
        found: &Document,
    ) -> Result<(), BoxError> {
        match self {
            Self::CreateCollection(one) => one.backward(on, found).await,
            Self::DropCollection(one) => one.backward(on, found).await,
            Self::RenameCollection(one) => one.backward(on, found).await,
            Self::CreateIndex(one) => one.backward(on, found).await,
            Self::DropIndex(one) => one.backward(on, found).await,
            Self::HideIndex(one) => {
                let before = found.get_bool("hidden").unwrap_or(!one.hidden);
                one.set(on, before).await
            }
            Self::ExpireAfter(one) => one.backward(on, found).await,
            Self::Modify(one) => one.backward(on, found).await,
            Self::Rewrite(one) => one.backward(on, slot, found).await,
            Self::Run(one) => one.run(on, slot, Direction::Down).await,
        }
    }
}
