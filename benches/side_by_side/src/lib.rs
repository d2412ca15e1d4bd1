//! What Mongrate costs, next to a floor (the least that the official driver can do for the same
//! job) and to other tools: in one run, on one server, each run checked before its time counts.

pub mod app;
pub mod args;
pub mod bench;
pub mod check;
pub mod install;
pub mod list;
pub mod measure;
pub mod place;
pub mod report;
pub mod section;
pub mod tool;
pub mod wire;
pub mod workload;

/// What ended a run: not a time that was missed, but work that was not done.
pub type Problem = Box<dyn std::error::Error + Send + Sync>;
