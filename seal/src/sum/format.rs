//! The file's name, and its first line.

/// The file's name. The file is beside the package's `Cargo.toml`.
pub const FILE: &str = "migrations.sum";

/// The file's first line.
pub const HEADER: &str = "mongrate-sum v1";
