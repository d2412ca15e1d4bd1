//! Sealed history: what mongrate's attribute, its runtime and its cargo subcommand must agree on.
//!
//! [`sum`] is the file `migrations.sum`, in which a crate seals its history. With the feature
//! `sources`, `checksum` says what a function does, whatever its layout.

#[cfg(feature = "sources")]
pub mod checksum;
pub mod sum;
