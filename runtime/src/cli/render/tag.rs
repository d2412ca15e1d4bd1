//! The reports of `tag`.

use comfy_table::{Attribute, Cell};

use super::{
    style::{FAINT, GOOD, paint, safe},
    table::{fitting, right, table},
    view::{View, moment},
};
use crate::{TagAction, TagReport, TagsReport, model::numbers::counted};

pub(crate) fn tag(report: &TagReport) -> String {
    let done = match report.action {
        TagAction::Set => "names",
        TagAction::Moved => "now names",
        TagAction::Unchanged => "already names",
        TagAction::Removed => "no longer names",
    };
    format!(
        "{} `{}` {done} the state of {}, {} {} as the last one {}\n",
        paint(GOOD, "✓"),
        safe(&report.name),
        counted(report.applied, "applied migration"),
        report.last.version,
        safe(&report.last.name),
        paint(FAINT, format!("· database {}", safe(&report.database)))
    )
}

pub(crate) fn tags(report: &TagsReport, view: View) -> String {
    let database = paint(FAINT, format!("· database {}", safe(&report.database)));
    if report.tags.is_empty() {
        return format!("no tags {database}\n");
    }
    let text = fitting(view, 2, |level| {
        let mut columns = vec!["tag", "applied", "to roll back"];
        if level < 2 {
            columns.push("last");
        }
        if level < 1 {
            columns.extend(["set (UTC)", "by", "why"]);
        }
        let rows = report.tags.iter().map(|tag| {
            let later = match tag.later {
                Some(0) => "now".to_owned(),
                Some(later) => later.to_string(),
                None => "out of reach".to_owned(),
            };
            let mut row = vec![Cell::new(safe(&tag.name)), right(tag.applied), Cell::new(later)];
            if level < 2 {
                row.push(Cell::new(format!("{} {}", tag.last.version, safe(&tag.last.name))));
            }
            if level < 1 {
                row.push(Cell::new(moment(tag.at, view, 0)).add_attribute(Attribute::Dim));
                row.push(Cell::new(safe(&tag.by.to_string())).add_attribute(Attribute::Dim));
                row.push(Cell::new(safe(tag.why.as_deref().unwrap_or_default())));
            }
            row
        });
        table(&columns, rows, Some(0))
    });
    let count = counted(u64::try_from(report.tags.len()).unwrap_or(u64::MAX), "tag");
    format!("{text}\n{count} {database}\n")
}
