//! The mapping file of `import`.

use std::collections::BTreeMap;

use super::{args::verb::ImportArgs, error::CliError, render::style::safe};
use crate::Version;

/// The mapping file's entries: the other tool's name to our version.
pub(super) fn read(args: &ImportArgs) -> Result<BTreeMap<String, Option<Version>>, CliError> {
    let Some(path) = &args.mapping else { return Ok(BTreeMap::new()) };
    let bad = |problem: String| {
        let text = format!("{}: {problem}; nothing was recorded", safe(&path.to_string_lossy()));
        CliError::usage("bad_mapping", text)
    };
    let text = std::fs::read_to_string(path).map_err(|error| bad(error.to_string()))?;
    serde_json::from_str(&text).map_err(|error| {
        bad(format!("{error}; expected {{\"their name\": version, \"another\": null}}"))
    })
}
