//! The tables in the guide: `docs/performance.md` for the directory `docs/performance`.

use std::{fs, path::Path};

use super::table;
use crate::{problem::Problem, section::Section};

const BEGIN: &str = "<!-- results: written by `cargo run --release -p mongrate-bench` -->\n";
const END: &str = "<!-- end of results -->";

/// Puts the tables between the marks of the page beside `out`; if there is no page, into
/// `results.md` in `out`.
pub(super) fn write(out: &Path, sections: &[Section]) -> Result<(), Problem> {
    let tables = |directory: &str| {
        sections.iter().map(|section| table::markdown(section, directory)).collect::<String>()
    };
    let page = out.with_extension("md");
    let Ok(text) = fs::read_to_string(&page) else {
        return Ok(fs::write(out.join("results.md"), tables(""))?);
    };
    let marks = text.split_once(BEGIN).and_then(|(head, rest)| {
        let (_, tail) = rest.split_once(END)?;
        Some((head, tail))
    });
    let (head, tail) = marks.ok_or_else(|| {
        format!(
            "{}: the page has no `{}` and `{END}` to write between",
            page.display(),
            BEGIN.trim()
        )
    })?;
    let name = out.file_name().unwrap_or_default().to_string_lossy();
    let tables = tables(&format!("{name}/"));
    Ok(fs::write(&page, format!("{head}{BEGIN}\n{tables}{END}{tail}"))?)
}
