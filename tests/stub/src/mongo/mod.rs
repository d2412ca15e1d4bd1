//! The shapes of types, as far as they need no driver.

pub mod shaped;
