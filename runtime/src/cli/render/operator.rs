//! The reports of `purge`, `check`, `wait`, `resolve`, `baseline`, `import`, `repair` and `create`.

use std::{
    fs,
    path::{Path, PathBuf},
};

use comfy_table::{Attribute, Cell};
use mongrate_seal::create::Created;

use super::{
    notes::ahead_notes,
    style::{FAINT, GOOD, WARNING, paint, safe},
    table::{fitting, right, table},
    view::{View, moment, number},
};
use crate::{
    CheckReport, ImportReport, PurgeReport, RecordReport, RepairReport, WaitReport,
    cli::duration::human, model::numbers::grouped,
};

/// The kept collections that `purge` would remove, or has removed.
pub(crate) fn purge(report: &PurgeReport, view: View) -> String {
    let database = paint(FAINT, format!("· database {}", safe(&report.database)));
    if report.collections.is_empty() {
        return format!("nothing is kept {database}\n");
    }
    let text = fitting(view, 1, |level| {
        let mut columns = vec!["version", "collection", "documents", "needed for"];
        if level < 1 {
            columns.push("since");
        }
        let rows = report.collections.iter().map(|collection| {
            let needed = if collection.applied { "its rollback" } else { "nothing" };
            let mut row = vec![
                Cell::new(collection.version),
                Cell::new(safe(&collection.name)),
                right(grouped(collection.documents)),
                Cell::new(needed),
            ];
            if level < 1 {
                let since = collection.since.map(|at| moment(at, view, 0)).unwrap_or_default();
                row.push(Cell::new(since).add_attribute(Attribute::Dim));
            }
            row
        });
        table(&columns, rows, Some(1))
    });
    let count = report.collections.len();
    let what = if count == 1 { "collection" } else { "collections" };
    let done = if report.purged { "removed" } else { "to remove" };
    text + &format!("\n{count} {what} {done} {database}\n")
}

pub(crate) fn check(report: &CheckReport) -> String {
    format!(
        "{} this build fits the database: {} applied, {} pending {}\n{}",
        paint(GOOD, "✓"),
        number(report.applied),
        number(report.pending.len()),
        paint(FAINT, format!("· database {}", safe(&report.database))),
        ahead_notes(&report.ahead)
    )
}

pub(crate) fn record(report: &RecordReport) -> String {
    let mut text = String::new();
    for migration in &report.migrations {
        text += &format!("{} {} {}\n", paint(GOOD, "✓"), migration.version, safe(&migration.name));
    }
    if !text.is_empty() {
        text.push('\n');
    }
    text + &format!(
        "{} recorded as {}; none was run {}\n",
        report.migrations.len(),
        report.state,
        paint(FAINT, format!("· database {}", safe(&report.database)))
    )
}

pub(crate) fn waited(report: &WaitReport) -> String {
    let waited = match report.waited_ms {
        0..1_000 => String::new(),
        ms => format!(", after {}", human(ms)),
    };
    let database = paint(FAINT, format!("· database {}", safe(&report.database)));
    format!("{} nothing is pending{waited} {database}\n", paint(GOOD, "✓"))
}

pub(crate) fn import(report: &ImportReport) -> String {
    let mut text = String::new();
    let mark = if report.written { paint(GOOD, "✓") } else { paint(WARNING, "+") };
    for migration in &report.imported {
        text += &format!(
            "{mark} {} {} {}\n",
            migration.version,
            safe(&migration.name),
            paint(FAINT, format!("· {}", safe(&migration.entry)))
        );
    }
    for migration in &report.already {
        let line =
            format!("= {} {} is already applied here", migration.version, safe(&migration.name));
        text += &format!("{}\n", paint(FAINT, line));
    }
    for entry in &report.left_out {
        text += &format!("{}\n", paint(FAINT, format!("- {} is skipped", safe(entry))));
    }
    for entry in &report.unmatched {
        text += &format!(
            "{} {} matches no migration of this build\n",
            paint(WARNING, "?"),
            safe(entry)
        );
    }
    if !text.is_empty() {
        text.push('\n');
    }
    let what = if report.written { "recorded as applied" } else { "would be recorded as applied" };
    text + &format!(
        "{} {what}; none was run {}\n",
        report.imported.len(),
        paint(
            FAINT,
            format!(
                "· from {}, collection {} · database {}",
                report.from,
                safe(&report.collection),
                safe(&report.database)
            )
        )
    )
}

pub(crate) fn repair(report: &RepairReport) -> String {
    if report.checksums.is_empty() && report.renamed.is_empty() && !report.digest_rebuilt {
        return format!(
            "nothing to repair {}\n",
            paint(FAINT, format!("· database {}", safe(&report.database)))
        );
    }
    let mark = if report.written { paint(GOOD, "✓") } else { paint(WARNING, "!") };
    let mut text = String::new();
    for drift in &report.checksums {
        text += &format!(
            "{mark} {} {}\n    applied as  {}\n    this build  {}\n",
            drift.version,
            safe(&drift.name),
            safe(&drift.applied),
            safe(&drift.linked)
        );
    }
    for migration in &report.renamed {
        text += &format!(
            "{mark} {} {}\n    recorded as  {}\n",
            migration.version,
            safe(&migration.linked),
            safe(&migration.recorded)
        );
    }
    if report.digest_rebuilt {
        text += &format!("{mark} the digest of the history\n");
    }
    let counted = |count: usize, what: &str| match count {
        1 => format!("1 {what}"),
        count => format!("{count} {what}s"),
    };
    let mut what = counted(report.checksums.len(), "checksum");
    if !report.renamed.is_empty() {
        what += &format!(" and {}", counted(report.renamed.len(), "name"));
    }
    text += &match report.written {
        true => format!("\n{what} recorded"),
        false => format!("\n{what} would be recorded; nothing was written"),
    };
    text + &format!(" {}\n", paint(FAINT, format!("· database {}", safe(&report.database))))
}

/// A path as it is typed here: relative, if it is below the working directory.
fn from_here(path: &Path) -> PathBuf {
    let here = std::env::current_dir().ok().and_then(|here| fs::canonicalize(here).ok());
    let whole = fs::canonicalize(path).ok();
    let below =
        whole.zip(here).and_then(|(whole, here)| Some(whole.strip_prefix(here).ok()?.to_owned()));
    below.unwrap_or_else(|| path.to_owned())
}

pub(crate) fn created(created: &Created) -> String {
    let mut text = format!("{} wrote {}\n", paint(GOOD, "✓"), from_here(&created.path).display());
    if let Some(file) = &created.sum_file {
        text += &format!("{} wrote {}\n", paint(GOOD, "✓"), from_here(file).display());
    }
    match &created.mod_file {
        Some(file) => {
            text += &format!(
                "{} {} has `{}`\n",
                paint(GOOD, "✓"),
                from_here(file).display(),
                created.mod_line
            );
        }
        None => {
            text += &format!(
                "{} found no file to declare it in: add this line where the other migrations are \
                 declared\n    {}\n",
                paint(WARNING, "!"),
                created.mod_line
            );
        }
    }
    text
}
