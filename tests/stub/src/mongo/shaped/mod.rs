//! The real shapes of the types of std. Those of `bson` and of other crates are not here.

#[path = "../../../../../runtime/src/mongo/shaped/containers.rs"]
mod containers;
#[path = "../../../../../runtime/src/mongo/shaped/fields.rs"]
pub mod fields;
#[path = "../../../../../runtime/src/mongo/shaped/scalars.rs"]
mod scalars;
#[path = "../../../../../runtime/src/mongo/shaped/trait_def.rs"]
pub mod trait_def;
