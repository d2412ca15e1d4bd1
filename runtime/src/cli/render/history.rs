//! The history as text: pure, at a given width.

use chrono::Datelike as _;
use comfy_table::{Cell, Color};

use super::{
    style::{ERROR, FAINT, paint, safe, safe_lines},
    table::{fitting, right, table, wrapped},
    view::View,
};
use crate::{
    Direction, HistoryEvent, HistoryReport, cli::duration::ago, model::error::text::short,
};

/// The last level of [`row`], which has the fewest columns.
const LEVEL_MAX: u8 = 5;

pub(crate) fn history(report: &HistoryReport, view: View) -> String {
    if report.events.is_empty() {
        return format!(
            "no events {}\n",
            paint(FAINT, format!("· database {}", safe(&report.database)))
        );
    }
    let rows = fitting(view, LEVEL_MAX, |level| {
        let mut columns =
            vec![if level < 5 { "when (UTC)" } else { "when" }, "event", "version", "name"];
        if level < 3 {
            columns.push("by");
        }
        if level < 1 {
            columns.push("fence");
        }
        let rows = report.events.iter().map(|event| row(event, level, view));
        table(&columns, rows, Some(3))
    });
    with_failures(&rows, report, view)
}

/// Level 0 has everything, each next level less.
fn row(event: &HistoryEvent, level: u8, view: View) -> Vec<Cell> {
    let is_this_year = event.at.year() == view.now.year();
    let when = match level {
        0 => event.at.format("%Y-%m-%d %H:%M:%S").to_string(),
        1..4 => event.at.format("%Y-%m-%d %H:%M").to_string(),
        4 if is_this_year => event.at.format("%m-%d %H:%M").to_string(),
        4 => event.at.format("%Y-%m-%d").to_string(),
        _ => ago(view.now.signed_duration_since(event.at).num_seconds()),
    };
    let color = match event.event.as_str() {
        "failed" => Color::Red,
        "applied" => Color::Green,
        _ => Color::Reset,
    };
    let mut row = vec![
        Cell::new(when),
        Cell::new(event_text(event, level)).fg(color),
        Cell::new(event.version.map(|version| version.to_string()).unwrap_or_default()),
        Cell::new(safe(&event.name)),
    ];
    if level < 3 {
        let by = &event.by;
        row.push(Cell::new(safe(&match level {
            0 | 1 => by.to_string(),
            _ => by.host.clone(),
        })));
    }
    if level < 1 {
        row.push(right(event.fence));
    }
    row
}

/// The event's name. `running` is shown as `began`: only `status` knows whether it still runs.
fn event_text(event: &HistoryEvent, level: u8) -> String {
    let text = match event.event.as_str() {
        "running" => "began".to_owned(),
        other => safe(other),
    };
    match event.direction {
        Some(Direction::Down) if event.event == "reverted" => text,
        Some(Direction::Down) if level >= 4 => format!("↩ {text}"),
        Some(Direction::Down) => format!("{text} (down)"),
        _ => text,
    }
}

/// The rows, each followed by its failure over the whole width. A row's first line begins with its
/// time, its other lines with blanks.
fn with_failures(rows: &str, report: &HistoryReport, view: View) -> String {
    let mut text = String::new();
    let mut events = report.events.iter();
    let mut shown = None;
    for (at, line) in rows.lines().enumerate() {
        if at > 0 && !anstream::adapter::strip_str(line).to_string().starts_with(' ') {
            text += &beneath(shown.take(), view);
            shown = events.next();
        }
        text += &format!("{line}\n");
    }
    text + &beneath(shown, view)
}

/// The failure of an event, or the words of an operator.
fn beneath(event: Option<&HistoryEvent>, view: View) -> String {
    let Some(event) = event else { return String::new() };
    let failure = event.failure.as_ref().map(|failure| (paint(ERROR, "✗"), &failure.message));
    let note = event.note.as_ref().map(|note| (paint(FAINT, "·"), note));
    let mut text = String::new();
    if let Some(plan) = &event.plan {
        let plan = safe(short(plan));
        text += &format!("  {} by plan {plan}\n", paint(FAINT, "·"));
    }
    let Some((first, said)) = failure.or(note) else { return text };
    for (at, line) in wrapped(&safe_lines(said), view, 4).iter().enumerate() {
        let mark = if at == 0 { first.clone() } else { " ".to_owned() };
        text += &format!("  {mark} {line}\n");
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{report::failure::Failure, state::Who};

    fn event(event: &str, version: i64, name: &str, direction: Direction) -> HistoryEvent {
        HistoryEvent {
            version: Some(version.into()),
            name: name.to_owned(),
            at: "2025-01-22T10:30:12Z".parse().unwrap(),
            event: event.to_owned(),
            direction: Some(direction),
            fence: 3,
            by: Who { host: "box".to_owned(), pid: 7, app: "clinic 1.2.0".to_owned() },
            failure: None,
            note: None,
            plan: None,
            tags: Vec::new(),
        }
    }

    fn report() -> HistoryReport {
        let mut failed = event("failed", 20_250_122_002, "load_countries", Direction::Up);
        failed.failure = Some(Failure {
            message:
                "E11000 duplicate key error collection: shop.countries index: code_1 dup key: \
                      {…}\u{1b}[2J (DuplicateKey, code 11000)"
                    .to_owned(),
            code: Some(11_000),
            code_name: None,
            documents: Vec::new(),
        });
        HistoryReport {
            group: "default".to_owned(),
            database: "shop".to_owned(),
            events: vec![
                event("running", 20_250_122_001, "initialize_migrations", Direction::Up),
                event("applied", 20_250_122_001, "initialize_migrations", Direction::Up),
                failed,
                event("running", 20_250_122_001, "initialize_migrations", Direction::Down),
                event("reverted", 20_250_122_001, "initialize_migrations", Direction::Down),
            ],
        }
    }

    fn lines(report: &HistoryReport, width: u16, now: &str) -> Vec<String> {
        let width = (width > 0).then_some(width);
        let view = View { width, now: now.parse().unwrap() };
        let text = history(report, view);
        assert!(!text.contains("\u{1b}[2J"), "{text:?}");
        anstream::adapter::strip_str(&text).to_string().lines().map(str::to_owned).collect()
    }

    #[test]
    fn a_history_fits_every_width() {
        for now in ["2025-01-22T12:00:00Z", "2026-03-01T12:00:00Z"] {
            for width in [40, 50, 60, 72, 80, 100, 120, 200] {
                let text = lines(&report(), width, now);
                for line in &text {
                    assert!(line.chars().count() <= usize::from(width), "{width}: {text:#?}");
                }
                if width >= 60 {
                    // No name is broken: a line for each event, and those of the failure.
                    let named = text.iter().filter(|line| line.contains("initialize_migrations"));
                    assert_eq!(named.count(), 4, "{width}: {text:#?}");
                }
                let whole = text.join(" ").split_whitespace().collect::<Vec<_>>().join(" ");
                let said = "✗ E11000 duplicate key error collection: shop.countries index:";
                assert!(whole.contains(said), "{width}: {text:#?}");
            }
        }
    }

    #[test]
    fn a_wide_history_says_more() {
        let first = |width| lines(&report(), width, "2025-01-22T12:00:00Z").remove(1);
        assert_eq!(
            first(120),
            "2025-01-22 10:30:12  began         20250122001  initialize_migrations  box pid 7 \
             (clinic 1.2.0)      3"
        );
        assert_eq!(first(60), "01-22 10:30  began     20250122001  initialize_migrations");
        assert_eq!(first(0), first(120));
        let all = lines(&report(), 120, "2025-01-22T12:00:00Z");
        assert!(all[3].starts_with("2025-01-22 10:30:12  failed "), "{all:#?}");
        assert!(all[4].starts_with("  ✗ E11000 "), "{all:#?}");
        let down = all.iter().find(|line| line.contains("(down)")).unwrap();
        assert!(down.contains("  began (down)  2025"), "{all:#?}");
    }
}
