//! Sections as tables, for a terminal and for the guide.

use std::fmt::Write as _;

use comfy_table::{CellAlignment, Table, presets};

use super::number::number;
use crate::section::{Row, Section};

const NUMBERS: std::ops::Range<usize> = 2..7;

/// A section as text for a terminal.
pub(super) fn text(section: &Section) -> String {
    let mut table = table(section);
    table.load_style(presets::NOTHING);
    let mut text = table.to_string();
    for line in &section.skipped {
        let _ = write!(text, "\nskipped: {line}");
    }
    text
}

/// A section as Markdown for the guide. The plots are in `directory`.
pub(super) fn markdown(section: &Section, directory: &str) -> String {
    let mut table = table(section);
    table.load_style(presets::ASCII_MARKDOWN);
    let Section { id, title, how, measured, skipped, .. } = section;
    let mut text = format!("### {title}\n\n{how}\n\n{table}\n\n");
    let kind = if measured.short { ", a short run that says nothing about speed" } else { "" };
    let _ = write!(
        text,
        "*{}, MongoDB {}, {} processors{kind}.*\n\n",
        measured.date, measured.server, measured.processors
    );
    for line in skipped {
        let _ = writeln!(text, "- Skipped: {line}");
    }
    if !skipped.is_empty() {
        text.push('\n');
    }
    let plain = title.replace('`', "");
    let _ = write!(text, "![{plain}]({directory}{id}.svg)\n\n");
    text
}

fn table(section: &Section) -> Table {
    let unit = section.unit.sign();
    let mut table = Table::new();
    table.set_header([
        "",
        "",
        "runs",
        &format!("median {unit}"),
        &format!("least {unit}"),
        "× floor",
        "commands",
        "goal",
        "",
    ]);
    let mut last = None;
    for row in &section.rows {
        let case = if last == Some(&row.case) { "" } else { row.case.as_str() };
        last = Some(&row.case);
        table.add_row(cells(case, row));
    }
    for index in NUMBERS {
        if let Some(column) = table.column_mut(index) {
            column.set_cell_alignment(CellAlignment::Right);
        }
    }
    table
}

fn cells(case: &str, row: &Row) -> Vec<String> {
    let mark = |met: bool| if met { "✓" } else { "✗" };
    let goals = row.goals.iter().map(|goal| format!("{} {}", goal.text, mark(goal.met)));
    let mut notes: Vec<String> = Vec::new();
    if !row.note.is_empty() {
        notes.push(row.note.clone());
    }
    if let Some(peak) = row.memory_mb {
        notes.push(format!("peak {peak} MB"));
    }
    vec![
        case.to_owned(),
        row.tool.clone(),
        row.runs.to_string(),
        number(row.median),
        number(row.least),
        row.ratio.map(|ratio| format!("{ratio:.2}")).unwrap_or_default(),
        row.commands.map(|commands| commands.to_string()).unwrap_or_default(),
        goals.collect::<Vec<_>>().join("; "),
        notes.join("; "),
    ]
}
