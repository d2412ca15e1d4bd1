//! The options of a build.

use clap::Args;

/// The options that go to `cargo run`.
#[derive(Args, Clone, Debug, Default)]
pub(crate) struct Build {
    /// Binary to run
    ///
    /// Default: `bin` in `[package.metadata.mongrate]`, default-run, or the only binary.
    #[arg(long, value_name = "NAME", help_heading = "Options for cargo run")]
    pub(crate) bin: Option<String>,
    /// Build with optimisations
    #[arg(long, help_heading = "Options for cargo run")]
    pub(crate) release: bool,
    /// Build with this profile
    #[arg(long, value_name = "NAME", help_heading = "Options for cargo run")]
    pub(crate) profile: Option<String>,
    /// Build with these features
    #[arg(long, value_name = "FEATURES", help_heading = "Options for cargo run")]
    pub(crate) features: Vec<String>,
    /// Build with all features
    #[arg(long, help_heading = "Options for cargo run")]
    pub(crate) all_features: bool,
    /// Build without default features
    #[arg(long, help_heading = "Options for cargo run")]
    pub(crate) no_default_features: bool,
}
