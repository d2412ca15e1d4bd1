//! Listeners of runs, for users of the library: typed events, handed over on a thread of their own.
//!
//! A run puts its events into bounded queues and goes on. So a listener that is slow, hangs or panics
//! costs a run nothing but a bounded wait at its end.

pub(crate) mod event;
pub(crate) mod queue;
pub(crate) mod told;
