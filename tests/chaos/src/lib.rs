//! The chaos suite: runner processes that are killed, frozen and cut off at every command
//! they send, against a real server that fails over; and a coordinator that checks from the
//! database, after every round, that each effect is there exactly once.
//!
//! See `docs/reliability.md` for the figures and the commands.

pub mod app;
pub mod check;
pub mod child;
pub mod history;
pub mod mutants;
pub mod network;
mod planned;
pub mod point;
pub mod proxy;
pub mod random;
pub mod recovery;
pub mod round;
pub mod schedules;
pub mod steered;
pub mod units;
pub mod weather;
