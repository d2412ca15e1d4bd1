//! The allow-list of what an answer may hold. A report of the library is copied field by field, so
//! a new field of a report is in no answer until it is added here.
//!
//! Names and shapes are the same as in the command line's JSON.

pub(crate) mod audit;
pub(crate) mod created;
pub(crate) mod detail;
pub(crate) mod details;
pub(crate) mod doctor;
pub(crate) mod drift;
pub(crate) mod holder;
mod left_out;
mod policies;
pub(crate) mod report;
pub(crate) mod run;
pub(crate) mod run_report;
pub(crate) mod runs;
pub(crate) mod status;
pub(crate) mod steering;
pub(crate) mod tag;
pub(crate) mod texts;
