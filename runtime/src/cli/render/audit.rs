//! The audit log as text: pure, at a given width.

use comfy_table::Cell;

use super::{
    style::{ERROR, FAINT, GOOD, WARNING, paint, safe},
    table::{fitting, one_line, right, table},
    view::View,
};
use crate::{
    AuditChange, AuditEntry, AuditPage, AuditPruned, AuditVerification, Direction,
    model::numbers::counted,
};

/// The last level of [`row`], which has the fewest columns.
const LEVEL_MAX: u8 = 4;

pub(crate) fn page(page: &AuditPage, view: View, app: &str) -> String {
    let database = paint(FAINT, format!("· database {}", safe(&page.database)));
    let mut text = match (page.entries.is_empty(), &page.head) {
        (true, None) => return format!("there is no audit log {database}\n"),
        (true, Some(_)) => format!("no entries {database}\n"),
        (false, _) => fitting(view, LEVEL_MAX, |level| {
            let mut columns = vec!["#", "when (UTC)", "event", "version"];
            if level < 3 {
                columns.push("name");
            }
            columns.push("who");
            if level < 1 {
                columns.push("process");
            }
            if level < 2 {
                columns.push("note");
            }
            table(&columns, page.entries.iter().map(|entry| row(entry, level, view)), None)
        }),
    };
    for waiting in &page.waiting {
        let (event, by) = (safe(&waiting.event), safe(&waiting.by.to_string()));
        let at = waiting.at.format("%Y-%m-%d %H:%M:%S");
        text +=
            &format!("{} {at} {event} by {by}: the next run writes it here\n", paint(FAINT, "·"));
    }
    if let Some(next) = page.next {
        text += &paint(FAINT, format!("older entries: `{app} audit --below {next}`\n"));
    }
    if !page.on {
        let off = "the audit log is switched off: new events are not written";
        text += &format!("{} {off}; `{app} audit --enable`\n", paint(WARNING, "!"));
    }
    text
}

/// Level 0 has everything, each next level less.
fn row(entry: &AuditEntry, level: u8, view: View) -> Vec<Cell> {
    let when = if level < 4 { "%Y-%m-%d %H:%M:%S" } else { "%m-%d %H:%M" };
    let event = match (entry.event.as_str(), entry.direction) {
        ("running", Some(Direction::Down)) => "began (down)".to_owned(),
        ("running", _) => "began".to_owned(),
        (event, Some(Direction::Down)) if event != "reverted" => format!("{} (down)", safe(event)),
        (event, _) => safe(event),
    };
    let who = entry.user.clone().unwrap_or_else(|| entry.by.host.clone());
    let mut row = vec![
        right(entry.number),
        Cell::new(entry.at.format(when)),
        Cell::new(event),
        Cell::new(entry.version.map(|version| version.to_string()).unwrap_or_default()),
    ];
    if level < 3 {
        row.push(Cell::new(safe(entry.name.as_deref().unwrap_or_default())));
    }
    row.push(Cell::new(safe(&who)));
    if level < 1 {
        row.push(Cell::new(safe(&entry.by.to_string())));
    }
    if level < 2 {
        let note = entry.failure.as_ref().map(|failure| &failure.message).or(entry.note.as_ref());
        row.push(Cell::new(note.map_or_else(String::new, |note| {
            one_line(&safe(note), View { width: Some(60), ..view }, 0)
        })));
    }
    row
}

pub(crate) fn verified(found: &AuditVerification, app: &str) -> String {
    let mut text = String::new();
    for broken in &found.breaks {
        text += &format!("{} {}\n", paint(ERROR, "✗"), safe(&broken.to_string()));
    }
    for gap in &found.gaps {
        let line = format!("entry {}: {}", gap.number, gap.text);
        text += &format!("{} {}\n", paint(WARNING, "!"), safe(&line));
    }
    let entries = counted(found.entries, "entry").replace("entrys", "entries");
    let head = found.head.as_ref().map_or_else(String::new, |head| format!("; head {head}"));
    let signed = match found.signed {
        0 => String::new(),
        signed if found.signatures_checked => format!(", {signed} signed"),
        signed => format!(", {signed} signed (signatures not checked: `--public-key FILE`)"),
    };
    text += &match (found.is_whole(), &found.head) {
        (true, None) => format!(
            "{} there is no audit log, so nothing was verified; `{app} audit --enable` begins one",
            paint(WARNING, "!")
        ),
        (false, None) if found.entries == 0 => {
            format!("{} there is no audit log", paint(ERROR, "✗"))
        }
        (true, _) => {
            format!("{} the audit log is whole: {entries}{signed}{head}", paint(GOOD, "✓"))
        }
        (false, _) => {
            format!("{} the audit log is broken: {entries}{signed}{head}", paint(ERROR, "✗"))
        }
    };
    text + &format!(" {}\n", paint(FAINT, format!("· database {}", safe(&found.database))))
}

pub(crate) fn changed(report: &AuditChange) -> String {
    let state = match (report.on, report.changed) {
        (true, true) => "the audit log is on",
        (true, false) => "the audit log was on already; nothing was written",
        (false, true) => "the audit log is switched off; its entries stay",
        (false, false) => "the audit log was off already; nothing was written",
    };
    let head = report.head.as_ref().map_or_else(String::new, |head| format!("; head {head}"));
    let database = paint(FAINT, format!("· database {}", safe(&report.database)));
    format!("{} {state}{head} {database}\n", paint(GOOD, "✓"))
}

pub(crate) fn pruned(report: &AuditPruned) -> String {
    let database = paint(FAINT, format!("· database {}", safe(&report.database)));
    let Some(to) = &report.pruned_to else { return format!("no entry is so old {database}\n") };
    let entries = counted(report.entries, "entry").replace("entrys", "entries");
    match report.pruned {
        true => format!("{} {entries} removed, up to {to} {database}\n", paint(GOOD, "✓")),
        false => format!("{entries} would be removed, up to {to} {database}\n"),
    }
}
