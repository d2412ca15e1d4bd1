//! A rewrite: the collection, and what is done to each of its documents.

use mongodb::bson::Document;

use super::{
    fields::{Edit, Refusal},
    pipelines::Pipelines,
};
use crate::{kinds::backfill::job::Job, model::state::Direction};

/// A rewrite of the documents of a collection.
#[derive(Clone, Debug)]
pub(crate) struct Rewrite {
    pub collection: String,
    pub kind: RewriteKind,
    /// How many batches may be under way at once.
    pub workers: usize,
}

/// What a rewrite does to each document.
#[derive(Clone, Debug)]
pub(crate) enum RewriteKind {
    Field(Edit),
    Pipelines(Pipelines),
}

impl Rewrite {
    pub(crate) fn forward_text(&self) -> String {
        match &self.kind {
            RewriteKind::Field(edit) => edit.forward_text(&self.collection),
            RewriteKind::Pipelines(pipelines) => pipelines.forward_text(&self.collection),
        }
    }

    pub(crate) fn undo_text(&self) -> String {
        match &self.kind {
            RewriteKind::Field(edit) => edit.undo_text(&self.collection),
            RewriteKind::Pipelines(pipelines) => pipelines.undo_text(&self.collection),
        }
    }

    pub(crate) fn problems(&self) -> Vec<String> {
        let mut problems = match &self.kind {
            RewriteKind::Field(edit) => edit.problems(&self.collection),
            RewriteKind::Pipelines(pipelines) => pipelines.problems(&self.collection),
        };
        if !(1..=Job::WORKERS_MAX).contains(&self.workers) {
            problems.push(format!("{} workers; it is 1 to {}", self.workers, Job::WORKERS_MAX));
        }
        problems
    }

    /// The filter of the documents that the rewrite changes, to count them beforehand.
    pub(crate) fn touched(&self, direction: Direction) -> Document {
        match &self.kind {
            RewriteKind::Field(edit) => edit.touched(direction),
            RewriteKind::Pipelines(pipelines) => pipelines.side(direction).filter.clone(),
        }
    }

    /// The documents that have to be fixed before the rewrite can go this way.
    pub(crate) fn refusal(&self, direction: Direction) -> Option<Refusal> {
        match &self.kind {
            RewriteKind::Field(edit) => edit.refusal(direction),
            RewriteKind::Pipelines(_) => None,
        }
    }
}
