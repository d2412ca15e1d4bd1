//! `#[migration]` in a source: which attribute it is, and what it declares. Read leniently, as the
//! attribute itself reports mistakes.
//!
//! [`Names`] knows the names of the attribute, [`find()`] finds it on a function, [`declared()`] reads
//! it, [`readings()`] reads all migrations of one source, and [`marks()`] finds migrations where the
//! others do not look.

mod arguments;
mod cfg;
mod declared;
mod find;
mod marks;
mod names;
mod readings;

#[cfg(feature = "sources")]
pub(crate) use arguments::{kind, text};
pub(crate) use cfg::implies_test;
pub use cfg::is_for_tests;
pub use declared::{Declared, declared, is_repeatable};
pub use find::{Found, above, bare, find};
pub(crate) use marks::attribute as attribute_tokens;
pub use marks::{Mark, marks};
pub use names::{Claim, Names};
pub use readings::{Reading, body, readings};
