//! What Mongrate costs, next to a floor (the least that the official driver can do for the same
//! job) and to other tools: in one run, on one server. The work of each run is checked before its
//! time counts.

pub mod app;
pub mod args;
pub mod backfill;
pub mod bench;
pub mod changes;
pub mod check;
pub mod install;
pub mod list;
pub mod measure;
pub mod paths;
pub mod problem;
pub mod report;
pub mod run;
pub mod section;
pub mod tool;
pub mod wire;
pub mod work;
pub mod workload;
