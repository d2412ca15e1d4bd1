//! What a run reports while it runs: metrics, events for listeners, the commands of a dry run, text
//! that is safe to print; and secrets kept out of it.
//!
//! Imports: mongo, model.

pub(crate) mod listen;
pub(crate) mod metrics;
pub(crate) mod observer;
pub(crate) mod progress;
#[cfg(any(feature = "cli", feature = "http", feature = "webhook"))]
#[cfg_attr(not(feature = "cli"), allow(dead_code, reason = "it learns from connection strings"))]
pub(crate) mod redact;
pub(crate) mod visible;
#[cfg(feature = "webhook")]
pub(crate) mod webhook;

/// The name of the log events that repeat what the report of a verb says: a face that prints the
/// report need not print them again.
pub(crate) const IN_THE_REPORT: &str = "in the report";
