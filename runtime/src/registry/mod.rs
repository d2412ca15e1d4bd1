//! The migrations of this build: what the attribute registers, collected and judged.
//!
//! Imports: mongo, model, telemetry, protocol, kinds.

pub(crate) mod function;
pub(crate) mod link;
pub(crate) mod list;
pub(crate) mod migration;
pub(crate) mod register;
pub(crate) mod seal;
pub(crate) mod verify;
