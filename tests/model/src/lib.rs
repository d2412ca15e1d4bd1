//! A model of the protocol, small enough to try everything that can happen to it.
//!
//! `docs/model.md` says what is modelled, what is checked, and within which bounds.

pub mod basics;
pub mod mutant;
pub mod properties;
pub mod runner;
pub mod scopes;
pub mod server;
pub mod story;
pub mod way_out;
pub mod world;
