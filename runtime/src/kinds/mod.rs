//! What the body of a migration may touch. That depends on the kind of the migration: a
//! transaction, an online migration with its steps and backfills, or a declared change.
//!
//! Imports: mongo, model, telemetry, protocol.

pub(crate) mod backfill;
pub(crate) mod catalog;
pub mod change;
pub(crate) mod effect;
pub(crate) mod index_refusal;
pub(crate) mod literal;
pub(crate) mod online;
pub(crate) mod snippet;
pub(crate) mod stable_api;
pub(crate) mod transaction;
