//! Sections as tables, as JSON and as plots.

mod json;
mod number;
mod page;
mod plot;
mod table;

use std::{fs, path::Path};

use crate::{problem::Problem, section::Section};

/// Prints a section.
pub fn show(section: &Section) {
    println!("\n{}\n{}", section.title, table::text(section));
}

/// The rows of a section from this one on, as text for a terminal.
pub fn rows(section: &Section, first: usize) -> String {
    let rows = section.rows.get(first..).unwrap_or_default().to_vec();
    table::text(&Section { rows, ..section.clone() })
}

/// Writes a section into a directory beside earlier sections, and into the guide page of the
/// directory, if there is a page. `is_part`: its other rows stay, if they are of the same day and server.
///
/// # Errors
///
/// If a file cannot be written, or an existing file has another form.
pub fn write(out: &Path, section: Section, is_part: bool) -> Result<(), Problem> {
    fs::create_dir_all(out)?;
    let id = section.id.clone();
    let sections = json::merge(&out.join("results.json"), section, is_part)?;
    for section in sections.iter().filter(|section| section.id == id) {
        if let Some(picture) = plot::svg(section)? {
            fs::write(out.join(format!("{id}.svg")), picture)?;
        }
    }
    page::write(out, &sections)
}
