//! The migrations that a package's sources declare, found without compiling them.
//!
//! The walk begins at each target's root and follows every `mod`, whatever its `cfg`, unless the `cfg`
//! is for tests only. Arguments are read leniently: the attribute itself reports mistakes. A migration
//! where the walk reads none, in a macro or in a function's body, is [`Hidden`]: it is reported, and
//! not skipped in silence.

mod hidden;
mod overlay;
mod rollbacks;
mod walk;
mod written;

pub use hidden::{Hidden, Where};
pub use overlay::Overlay;
pub use walk::Sources;
pub use written::{Annotated, Reached, Written};
