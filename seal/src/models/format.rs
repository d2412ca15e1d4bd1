//! The file's name, and its first and last line.

/// The file's name. The file is beside the package's `Cargo.toml`.
pub const FILE: &str = "models.snap";

/// The file's first line.
pub const HEADER: &str = "mongrate-models v1";

/// The first line without the version.
pub(super) const HEADER_START: &str = "mongrate-models v";

/// The file's last line.
pub(super) const END: &str = "end";
