//! `results.json`: all sections, each with the date of its measurement.

use std::{fs, io, path::Path};

use clap::ValueEnum as _;
use serde::{Deserialize, Serialize};

use crate::{
    args::Workload,
    problem::Problem,
    section::{Row, Section},
};

#[derive(Default, Serialize, Deserialize)]
struct Results {
    sections: Vec<Section>,
}

/// Puts a section into the file, in place of an earlier section with its id, or into it, if it
/// is a part. Returns all sections.
pub(super) fn merge(
    path: &Path,
    mut section: Section,
    is_part: bool,
) -> Result<Vec<Section>, Problem> {
    let mut results = match fs::read_to_string(path) {
        Ok(text) => serde_json::from_str(&text).map_err(|error| {
            format!("{}: {error}; remove it, or choose another --out", path.display())
        })?,
        Err(error) if error.kind() == io::ErrorKind::NotFound => Results::default(),
        Err(error) => return Err(format!("{}: {error}", path.display()).into()),
    };
    let earlier = results.sections.extract_if(.., |other| other.id == section.id).next();
    if let Some(earlier) = earlier.filter(|earlier| is_part && earlier.measured == section.measured)
    {
        section.rows = joined(earlier.rows, section.rows);
    }
    results.sections.push(section);
    results.sections.sort_by_key(|section| {
        let has_id = |workload: &Workload| {
            workload.to_possible_value().is_some_and(|value| value.get_name() == section.id)
        };
        Workload::value_variants().iter().position(has_id)
    });
    fs::write(path, serde_json::to_string_pretty(&results)? + "\n")?;
    Ok(results.sections)
}

/// New rows in the place of earlier ones of the same case and tool; others come last.
fn joined(earlier: Vec<Row>, mut new: Vec<Row>) -> Vec<Row> {
    let mut rows: Vec<Row> = earlier
        .into_iter()
        .map(|row| {
            let at = new.iter().position(|new| new.case == row.case && new.tool == row.tool);
            at.map(|at| new.remove(at)).unwrap_or(row)
        })
        .collect();
    rows.append(&mut new);
    rows
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(case: &str, tool: &str, median: f64) -> Row {
        let row = serde_json::json!({
            "case": case, "who": tool, "runs": 1, "median": median, "least": median,
        });
        serde_json::from_value(row).unwrap()
    }

    #[test]
    fn a_part_replaces_its_rows_and_leaves_the_others_in_their_order() {
        let earlier = vec![row("a", "x", 1.0), row("a", "y", 1.0), row("b", "x", 1.0)];
        let new = vec![row("c", "x", 2.0), row("a", "y", 2.0)];
        let rows = joined(earlier, new);
        let seen: Vec<_> = rows.iter().map(|row| (&*row.case, &*row.tool, row.median)).collect();
        assert_eq!(seen, [("a", "x", 1.0), ("a", "y", 2.0), ("b", "x", 1.0), ("c", "x", 2.0)]);
    }
}
