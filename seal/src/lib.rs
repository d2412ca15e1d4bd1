//! Sealed history and models: what mongrate's attribute, its runtime and its cargo subcommand must agree on.
//!
//! [`sum`] is the file `migrations.sum`, in which a crate seals its history. [`models`] are the shapes of
//! documents that types have, and the file `models.snap`. With the feature
//! `checksum`, the module `checksum` makes the fingerprint of a function, whatever its layout. With
//! the feature `sources`, the module `sources` finds the migrations that a package declares. With the
//! feature `create`, the module `create` writes a new migration. [`policies`] is the file
//! `mongrate.toml`; reading its text needs the feature `policies`.

mod after;
mod applied;
#[cfg(feature = "checksum")]
pub mod attribute;
#[cfg(feature = "checksum")]
pub mod built_in;
#[cfg(feature = "checksum")]
pub mod checksum;
pub mod clock;
#[cfg(feature = "checksum")]
pub mod code;
#[cfg(feature = "create")]
pub mod create;
#[cfg(feature = "checksum")]
pub mod declaration;
mod group;
mod hex;
mod label;
mod lints;
#[cfg(feature = "checksum")]
pub mod manifest;
pub mod models;
mod nearest;
#[cfg(feature = "checksum")]
pub mod outline;
#[cfg(feature = "sources")]
pub mod outside;
pub mod packed;
pub mod period;
pub mod policies;
mod repeatable;
mod replaces;
#[cfg(feature = "sources")]
pub mod sources;
pub mod sum;
mod term;
#[cfg(feature = "checksum")]
mod text;
#[cfg(feature = "checksum")]
pub mod uses;

pub use after::After;
pub use applied::Applied;
pub use group::GROUP_DEFAULT;
pub use hex::{bytes as bytes_of_hex, hex};
pub use label::label;
pub use lints::LINTS;
pub use nearest::{distance, nearest};
pub use repeatable::repeatable_number;
pub use replaces::Replaces;
pub use term::term;
#[cfg(feature = "checksum")]
pub use text::Text;
