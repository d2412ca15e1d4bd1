//! The words that every floor speaks in: versions, states, settings, errors, reports. Data, and
//! nothing that talks to a server.
//!
//! Imports: mongo.

pub(crate) mod audit_key;
pub(crate) mod clock;
pub(crate) mod config;
#[cfg(any(feature = "cli", feature = "http"))]
pub(crate) mod create_error;
pub(crate) mod digest;
pub(crate) mod error;
pub(crate) mod identity;
pub(crate) mod ignore;
pub(crate) mod invalid_setting;
pub(crate) mod kind;
pub(crate) mod labels;
pub(crate) mod lint;
pub(crate) mod named;
pub(crate) mod numbers;
pub(crate) mod plan_file;
pub(crate) mod policies;
pub(crate) mod release;
pub(crate) mod report;
pub(crate) mod result;
#[cfg(any(all(feature = "cli", feature = "http"), feature = "webhook"))]
pub(crate) mod secret_file;
pub(crate) mod state;
pub(crate) mod switch;
pub(crate) mod time_of_day;
pub(crate) mod tool;
pub(crate) mod tuning;
pub(crate) mod version;
