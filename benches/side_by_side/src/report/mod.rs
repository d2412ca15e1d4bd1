//! Sections as tables, as JSON and as plots.

mod json;
mod table;

use std::{fs, path::Path};

use crate::{Problem, section::Section};

/// Prints a section.
pub fn show(section: &Section) {
    println!("\n{}\n{}", section.title, table::text(section));
}

/// Writes a section into a directory, beside those that are there.
///
/// # Errors
///
/// When it cannot be written, or what is there is of another kind.
pub fn write(out: &Path, section: Section) -> Result<(), Problem> {
    fs::create_dir_all(out)?;
    let sections = json::merge(&out.join("results.json"), section)?;
    fs::write(out.join("results.md"), table::markdown(&sections))?;
    Ok(())
}
