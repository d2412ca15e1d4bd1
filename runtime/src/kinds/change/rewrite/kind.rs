//! What a rewrite does to each document, as text and in the other direction.

use mongodb::bson::Document;

use super::{
    fields::{Edit, Refusal},
    pipelines::Pipelines,
};
use crate::model::state::Direction;

/// What is done to the documents of a collection.
#[derive(Clone, Debug)]
pub(crate) struct Rewrite {
    pub collection: String,
    pub how: How,
}

#[derive(Clone, Debug)]
pub(crate) enum How {
    Field(Edit),
    Pipelines(Pipelines),
}

impl Rewrite {
    pub(crate) fn forward_text(&self) -> String {
        match &self.how {
            How::Field(edit) => edit.forward_text(&self.collection),
            How::Pipelines(pipelines) => pipelines.forward_text(&self.collection),
        }
    }

    pub(crate) fn undo_text(&self) -> String {
        match &self.how {
            How::Field(edit) => edit.undo_text(&self.collection),
            How::Pipelines(pipelines) => pipelines.undo_text(&self.collection),
        }
    }

    pub(crate) fn problems(&self) -> Vec<String> {
        match &self.how {
            How::Field(edit) => edit.problems(&self.collection),
            How::Pipelines(pipelines) => pipelines.problems(&self.collection),
        }
    }

    /// Which documents it changes, for those who count them beforehand.
    pub(crate) fn touched(&self, direction: Direction) -> Document {
        match &self.how {
            How::Field(edit) => edit.touched(direction),
            How::Pipelines(pipelines) => pipelines.side(direction).filter.clone(),
        }
    }

    pub(crate) fn refusal(&self, direction: Direction) -> Option<Refusal> {
        match &self.how {
            How::Field(edit) => edit.refusal(direction),
            How::Pipelines(_) => None,
        }
    }
}
