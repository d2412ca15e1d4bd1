//! The control collection: which process may write to it, and what is recorded there.
//!
//! Exactly once is decided here, and nowhere else: `lease` keeps processes out of each other's way,
//! `fence` refuses the commits of processes that were replaced, `record` and `checkpoint` know the
//! documents' shapes, and `engine` joins them to guarded transactions.
//!
//! Imports: mongo, model, telemetry.

pub(crate) mod audit;
pub(crate) mod checkpoint;
pub(crate) mod control;
pub(crate) mod documents;
pub(crate) mod engine;
pub(crate) mod fence;
pub(crate) mod heartbeat;
pub(crate) mod held_up;
pub(crate) mod history;
pub(crate) mod inside;
pub(crate) mod lease;
#[cfg(mongrate_mutants)]
pub(crate) mod mutant;
pub(crate) mod process;
pub(crate) mod provisional;
pub(crate) mod read;
pub(crate) mod record;
pub(crate) mod record_change;
pub(crate) mod record_squash;
pub(crate) mod retry;
pub(crate) mod session;
pub(crate) mod stamp;
pub(crate) mod steering;
pub(crate) mod stop;
pub(crate) mod tag;
pub(crate) mod timing;
