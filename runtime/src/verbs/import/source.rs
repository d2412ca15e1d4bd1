//! Another tool's history, and how its entries are matched.

use std::collections::BTreeMap;

use crate::model::{error::Error, tool::Tool, version::Version};

/// The history of another tool, and how its entries are matched.
#[derive(Debug)]
pub(crate) struct Source {
    pub tool: Tool,
    /// The tool's collection; `None`: its default name.
    pub collection: Option<String>,
    /// Which entry is which migration; `None`: the entry is left out.
    pub mapping: BTreeMap<String, Option<Version>>,
    pub allow_unmatched: bool,
}

impl Source {
    pub(crate) fn name(&self) -> &str {
        self.collection.as_deref().unwrap_or(self.tool.collection())
    }

    pub(crate) fn refused(&self, problems: impl IntoIterator<Item = String>) -> Error {
        Error::Import {
            tool: self.tool,
            collection: self.name().to_owned(),
            problems: problems.into_iter().collect(),
        }
    }
}
