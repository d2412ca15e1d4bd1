//! A section as a plot: a bar for each row, grouped by case, on a logarithmic scale.

use plotters::{
    prelude::{IntoDrawingArea as _, IntoFont as _, RGBColor, Rectangle, SVGBackend, Text, WHITE},
    style::{
        Color as _, TextStyle,
        text_anchor::{HPos, Pos, VPos},
    },
};

use super::number::number;
use crate::{
    problem::Problem,
    section::{Row, Section},
};

const WIDTH: u32 = 760;
const LINE: i32 = 20;
const HEAD: i32 = 34;
/// The position where names end and bars begin.
const LEFT: i32 = 220;
/// The room for the figure after the longest bar.
const RIGHT: i32 = 90;

const FLOOR: RGBColor = RGBColor(120, 120, 120);
const OURS: RGBColor = RGBColor(0, 122, 94);
const THEIRS: RGBColor = RGBColor(176, 190, 197);
const INK: RGBColor = RGBColor(40, 40, 40);

/// The plot as SVG; `None` for a section without figures.
pub(super) fn svg(section: &Section) -> Result<Option<String>, Problem> {
    let values = || section.rows.iter().map(|row| row.median).filter(|value| *value > 0.0);
    let (Some(least), Some(most)) =
        (values().min_by(f64::total_cmp), values().max_by(f64::total_cmp))
    else {
        return Ok(None);
    };
    // The scale begins below the least value, so that the shortest bar is visible.
    let from = (least / 2.0).log10();
    let scale = f64::from(WIDTH as i32 - LEFT - RIGHT) / (most.log10() - from).max(0.1);
    let groups = groups(&section.rows);
    let lines = i32::try_from(section.rows.len())?;
    let heads = i32::try_from(groups.len())?;
    let height = u32::try_from(HEAD + lines * LINE + heads * (LINE + 6) + 8)?;
    let mut picture = String::new();
    {
        let area = SVGBackend::with_string(&mut picture, (WIDTH, height)).into_drawing_area();
        let fails = |error: &dyn std::fmt::Display| format!("cannot plot: {error}");
        area.fill(&WHITE).map_err(|error| fails(&error))?;
        let style = |size: i32, across| {
            let font = ("sans-serif", size).into_font();
            TextStyle::from(font).color(&INK).pos(Pos::new(across, VPos::Center))
        };
        let write = |text: String, at: (i32, i32), style: TextStyle<'_>| {
            area.draw(&Text::new(text, at, style)).map_err(|error| fails(&error))
        };
        let title = format!(
            "{}: median, {}, logarithmic",
            section.title.replace('`', ""),
            section.unit.sign()
        );
        write(title, (10, HEAD / 2), style(16, HPos::Left))?;
        let mut y = HEAD;
        for (case, rows) in groups {
            write(case.to_owned(), (10, y + LINE / 2), style(13, HPos::Left))?;
            y += LINE;
            for row in rows {
                let middle = y + LINE / 2;
                write(row.tool.clone(), (LEFT - 8, middle), style(12, HPos::Right))?;
                let end = LEFT + ((row.median.max(least).log10() - from) * scale) as i32;
                let bar = [(LEFT, y + 3), (end, y + LINE - 3)];
                let bar = Rectangle::new(bar, colour(&row.tool).filled());
                area.draw(&bar).map_err(|error| fails(&error))?;
                write(number(row.median), (end + 6, middle), style(12, HPos::Left))?;
                y += LINE;
            }
            y += 6;
        }
        area.present().map_err(|error| fails(&error))?;
    }
    Ok(Some(picture))
}

/// The colour of a tool's bar: the floors, other tools (which have a version), and Mongrate.
fn colour(tool: &str) -> RGBColor {
    match tool {
        "updateMany" | "bulk writes by hand" | "bare driver app" => FLOOR,
        floor if floor.starts_with("floor") => FLOOR,
        peer if peer.split(' ').nth(1).is_some_and(|word| word.starts_with(char::is_numeric))
            && peer.contains('.') =>
        {
            THEIRS
        }
        _ => OURS,
    }
}

/// The rows by case, in their order.
fn groups(rows: &[Row]) -> Vec<(&str, Vec<&Row>)> {
    let mut groups: Vec<(&str, Vec<&Row>)> = Vec::new();
    for row in rows {
        match groups.iter_mut().find(|(case, _)| *case == row.case) {
            Some((_, rows)) => rows.push(row),
            None => groups.push((&row.case, vec![row])),
        }
    }
    groups
}
