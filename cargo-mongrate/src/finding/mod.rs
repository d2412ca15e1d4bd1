//! The one model of what a check has found: pure. Each output format is a rendering of it.
//!
//! `found` is one finding, `place` where it is, `rules` are the kinds with their codes, `review` is all that a
//! command has found.

mod found;
mod place;
mod review;
pub(crate) mod rules;

pub(crate) use self::{
    found::{Finding, Severity},
    place::Place,
    review::{Cost, Outcome, Review, ShadowRun, Touched},
    rules::Rule,
};
