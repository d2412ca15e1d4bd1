//! Sealed history: what mongrate's attribute, its runtime and its cargo subcommand must agree on.
//!
//! [`sum`] is the file `migrations.sum`, in which a crate seals its history. With the feature
//! `checksum`, `checksum` says what a function does, whatever its layout; with `sources`, that
//! module finds the migrations that a package declares; with `create`, that one writes a new one.

#[cfg(feature = "checksum")]
pub mod attribute;
#[cfg(feature = "checksum")]
pub mod checksum;
#[cfg(feature = "create")]
pub mod create;
#[cfg(feature = "checksum")]
pub mod declaration;
mod label;
#[cfg(feature = "checksum")]
pub mod outline;
pub mod period;
#[cfg(feature = "sources")]
pub mod sources;
pub mod sum;
#[cfg(feature = "checksum")]
mod text;

pub use label::label;
#[cfg(feature = "checksum")]
pub use text::Text;
