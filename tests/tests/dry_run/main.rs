//! Dry runs, shadow runs, `--atomic`, and what is said before a run.

mod atomic;
mod lints;
mod rehearse;
mod shadow;

/// There is one `failCommand` per server.
static TURN: tokio::sync::Mutex<()> = tokio::sync::Mutex::const_new(());
