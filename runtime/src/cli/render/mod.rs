//! Reports as text: pure, with styles that the printer may cut, at a given width.

pub(crate) mod audit;
pub(crate) mod backfill;
pub(crate) mod doctor;
pub(crate) mod drift;
pub(crate) mod dry_run;
pub(crate) mod history;
pub(crate) mod lints;
pub(crate) mod lock;
pub(crate) mod notes;
pub(crate) mod operator;
pub(crate) mod plan;
mod policies;
pub(crate) mod run;
pub(crate) mod runs;
pub(crate) mod status;
pub(crate) mod steering;
pub(crate) mod style;
mod table;
pub(crate) mod tag;
pub(crate) mod view;
#[cfg(feature = "webhook")]
pub(crate) mod webhook;

#[cfg(test)]
mod tests;
