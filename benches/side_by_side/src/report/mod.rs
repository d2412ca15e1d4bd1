//! Sections as tables, as JSON and as plots.

mod json;
mod page;
mod plot;
mod table;

use std::{fs, path::Path};

use crate::{Problem, section::Section};

/// Prints a section.
pub fn show(section: &Section) {
    println!("\n{}\n{}", section.title, table::text(section));
}

/// Writes a section into a directory, beside those that are there, and into the page of the guide
/// that goes with the directory, if there is one.
///
/// # Errors
///
/// When it cannot be written, or what is there is of another kind.
pub fn write(out: &Path, section: Section) -> Result<(), Problem> {
    fs::create_dir_all(out)?;
    if let Some(picture) = plot::svg(&section)? {
        fs::write(out.join(format!("{}.svg", section.id)), picture)?;
    }
    let sections = json::merge(&out.join("results.json"), section)?;
    page::write(out, &sections)
}

/// Three figures that mean something.
fn number(value: f64) -> String {
    match value.abs() {
        large if large >= 100.0 => format!("{value:.0}"),
        middle if middle >= 10.0 => format!("{value:.1}"),
        _ => format!("{value:.2}"),
    }
}
