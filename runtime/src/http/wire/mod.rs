//! What an answer may hold: the allow-list. A report of the library is copied field by field, so
//! that a field which it gets one day is in no answer before somebody puts it here.
//!
//! Names and shapes are those of the command line's JSON.

pub(crate) mod details;
pub(crate) mod report;
pub(crate) mod run;
pub(crate) mod run_report;
pub(crate) mod texts;
