//! The migrations of this build: the attribute registers them, and the registry collects, sorts and
//! checks them.
//!
//! Imports: mongo, model, telemetry, protocol, kinds.

pub(crate) mod after;
pub(crate) mod entry;
pub(crate) mod fingerprints;
pub(crate) mod function;
mod groups;
pub(crate) mod link;
pub(crate) mod list;
pub(crate) mod migration;
pub(crate) mod models;
pub(crate) mod policies;
pub(crate) mod register;
pub(crate) mod running;
pub(crate) mod seal;
pub(crate) mod seen;
mod sound;
pub(crate) mod squash;
pub(crate) mod verify;
