//! `cargo mongrate rebase` in real git repositories: every state in which two branches meet.

mod conflicts;
mod files;
mod packages;
mod refusals;
mod shop;
mod without_conflict;
