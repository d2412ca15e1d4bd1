//! What was asked for, before anybody has looked at it.

use std::{collections::BTreeMap, path::PathBuf, time::Duration};

/// Everything the builder collected.
#[derive(Debug, Clone, Default)]
pub(super) struct Settings {
    pub(super) data_dir: Option<PathBuf>,
    pub(super) linger: Option<Duration>,
    pub(super) parameters: BTreeMap<String, String>,
    /// 0 stands for the default.
    pub(super) nodes: u8,
    pub(super) standalone: bool,
    pub(super) private: bool,
    pub(super) quiet: bool,
    pub(super) binary: Option<PathBuf>,
}
