//! Tables and paragraphs that fit the terminal.

use std::fmt::Display;

use comfy_table::{
    Attribute, Cell, CellAlignment, ColumnConstraint, ContentArrangement, Table, Width, presets,
};

use super::view::View;

/// The narrowest width that text is wrapped to.
const SOFT_MIN: u16 = 12;

/// The lines of `text`, wrapped to the terminal's width minus `indent`; unchanged without a
/// terminal. `text` has no styles.
pub(super) fn wrapped(text: &str, view: View, indent: u16) -> Vec<String> {
    let lines = text.lines();
    let Some(width) = view.width else { return lines.map(str::to_owned).collect() };
    let width = width.saturating_sub(indent).max(SOFT_MIN);
    lines.flat_map(|line| wrapped_line(line, width)).collect()
}

fn wrapped_line(line: &str, width: u16) -> Vec<String> {
    if line.chars().count() <= usize::from(width) && line.is_ascii() {
        return vec![line.to_owned()];
    }
    let inner = line.trim_start_matches(' ');
    let lead = line.len() - inner.len();
    let mut table = Table::new();
    table.load_style(presets::NOTHING).force_no_tty();
    table.set_content_arrangement(ContentArrangement::Dynamic);
    table.add_row([inner]);
    for column in table.column_iter_mut() {
        column.set_padding((0, 0));
    }
    let lead = if lead < usize::from(width) / 2 { lead } else { 0 };
    table.set_width(width.saturating_sub(u16::try_from(lead).unwrap_or(0)));
    let margin = " ".repeat(lead);
    table.lines().map(|line| format!("{margin}{}", line.trim_end())).collect()
}

/// The same for prose: what stands between backticks stays on one line, if it is short.
pub(super) fn wrapped_prose(text: &str, view: View, indent: u16) -> Vec<String> {
    const GLUE: char = '\u{a0}';
    let room = view.width.map_or(usize::MAX, |width| usize::from(width) / 2);
    let mut glued = String::with_capacity(text.len());
    for (at, part) in text.split('`').enumerate() {
        if at > 0 {
            glued.push('`');
        }
        let is_code = at % 2 == 1 && part.chars().count() <= room;
        glued.extend(part.chars().map(|c| if is_code && c == ' ' { GLUE } else { c }));
    }
    wrapped(&glued, view, indent).into_iter().map(|line| line.replace(GLUE, " ")).collect()
}

/// `text` on one line, cut where the terminal ends.
pub(super) fn one_line(text: &str, view: View, indent: u16) -> String {
    let text = text.split_whitespace().collect::<Vec<_>>().join(" ");
    let Some(width) = view.width else { return text };
    let width = usize::from(width.saturating_sub(indent).max(SOFT_MIN));
    if text.chars().count() <= width {
        return text;
    }
    let cut: String = text.chars().take(width - 1).collect();
    format!("{}…", cut.trim_end())
}

pub(super) fn right(text: impl Display) -> Cell {
    Cell::new(text).set_alignment(CellAlignment::Right)
}

/// A table without lines. The column `soft` may wrap, the others never do.
pub(super) fn table(
    columns: &[&str],
    rows: impl Iterator<Item = Vec<Cell>>,
    soft: Option<usize>,
) -> Table {
    let mut table = Table::new();
    table.load_style(presets::NOTHING).force_no_tty().enforce_styling();
    table.style_text_only();
    if !columns.is_empty() {
        table.set_header(columns.iter().map(|name| Cell::new(name).add_attribute(Attribute::Bold)));
    }
    table.add_rows(rows);
    for (index, column) in table.column_iter_mut().enumerate() {
        column.set_padding((0, 2));
        if Some(index) != soft {
            column.set_constraint(ColumnConstraint::ContentWidth);
        } else {
            column.set_constraint(ColumnConstraint::LowerBoundary(Width::Fixed(1)));
        }
    }
    table
}

/// The table of the first level that fits, and wrapped if none does.
pub(super) fn fitting(view: View, last: u8, make: impl Fn(u8) -> Table) -> String {
    let Some(width) = view.width else { return plain(&make(0)) };
    let narrow = |table: &Table| natural_width(table) <= usize::from(width);
    if let Some(table) = (0..=last).map(&make).find(narrow) {
        return plain(&table);
    }
    let mut table = make(last);
    table.set_content_arrangement(ContentArrangement::Dynamic);
    // The padding after the last column is cut.
    table.set_width(width.max(SOFT_MIN).saturating_add(2));
    plain(&table)
}

fn natural_width(table: &Table) -> usize {
    let widths = table.column_max_content_widths();
    widths.iter().map(|width| usize::from(*width) + 2).sum::<usize>().saturating_sub(2)
}

fn plain(table: &Table) -> String {
    table.trim_fmt() + "\n"
}

#[cfg(test)]
mod tests {
    use super::*;

    fn view(width: u16) -> View {
        View { width: Some(width), now: chrono::DateTime::UNIX_EPOCH }
    }

    #[test]
    fn a_paragraph_fits_and_loses_nothing() {
        let text = "rename field `reason` of `visits` to `complaint` · 5,000 documents\n  and more";
        for width in [20, 40, 60] {
            let lines = wrapped(text, view(width), 4);
            assert!(lines.iter().all(|line| line.chars().count() <= usize::from(width) - 4));
            let words = |text: &str| text.split_whitespace().collect::<Vec<_>>().join(" ");
            assert_eq!(words(&lines.join(" ")), words(text), "{width}");
        }
        let piped = View { width: None, ..view(1) };
        assert_eq!(wrapped(text, piped, 4).join("\n"), text);
    }

    #[test]
    fn what_is_typed_is_not_broken() {
        let text =
            "there is no tag, but `shop down --to-tag before` leads back; see `shop tag --list`";
        for width in [40, 60] {
            let lines = wrapped_prose(text, view(width), 2);
            assert!(
                lines.iter().all(|line| line.chars().count() <= usize::from(width) - 2),
                "{lines:?}"
            );
            assert_eq!(lines.join(" "), text);
            for whole in ["`shop down --to-tag before`", "`shop tag --list`"] {
                let is_whole = lines.iter().any(|line| line.contains(whole));
                assert!(is_whole || whole.len() > usize::from(width) / 2, "{width}: {lines:?}");
            }
        }
    }

    #[test]
    fn one_line_is_one_line() {
        assert_eq!(one_line("a\n  b c", view(80), 0), "a b c");
        assert_eq!(one_line("one two three four", view(12), 0), "one two thr…");
    }
}
