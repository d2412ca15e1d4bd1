//! The settings of a server as the caller gave them, not checked yet.

use std::{collections::BTreeMap, path::PathBuf, time::Duration};

/// Everything the builder collected.
#[derive(Debug, Clone, Default)]
pub(crate) struct Settings {
    pub(crate) data_dir: Option<PathBuf>,
    pub(crate) linger: Option<Duration>,
    pub(crate) parameters: BTreeMap<String, String>,
    /// The number of nodes; 0 is the default.
    pub(crate) nodes: u8,
    pub(crate) standalone: bool,
    pub(crate) private: bool,
    pub(crate) quiet: bool,
    pub(crate) binary: Option<PathBuf>,
}
