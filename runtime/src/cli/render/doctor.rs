//! The report of `doctor`.

use super::{
    style::{ACCENT, ERROR, FAINT, GOOD, WARNING, paint, safe},
    table::wrapped,
    view::View,
};
use crate::{
    DoctorCheck as Check, DoctorFinding as Finding, DoctorReport, DoctorVerdict as Verdict,
};

/// Where the text of a finding begins: after its mark and the name of its check.
const TEXT_AT: u16 = 14;

/// Every finding; the rights that the user has, in one.
pub(crate) fn doctor(report: &DoctorReport, view: View) -> String {
    let mut text = String::new();
    let shown = shown(&report.findings);
    for (at, finding) in shown.iter().enumerate() {
        // One way out for several findings in a row.
        let next = shown.get(at + 1).and_then(|next| next.way_out.as_ref());
        text += &one(finding, finding.way_out.as_ref().filter(|way| next != Some(way)), view);
    }
    let count = |verdict| report.findings.iter().filter(|one| one.verdict == verdict).count();
    let (errors, warnings) = (count(Verdict::Error), count(Verdict::Warning));
    let unknown = match count(Verdict::Unknown) {
        0 => String::new(),
        1 => ", as far as is known: 1 check is unknown".to_owned(),
        more => format!(", as far as is known: {more} checks are unknown"),
    };
    let sum = match (errors, warnings) {
        (0, 0) => format!("{} nothing stands in the way of migrations{unknown}", paint(GOOD, "✓")),
        (0, warnings) => {
            format!(
                "{} migrations can run{unknown}; {}",
                paint(WARNING, "!"),
                counted(warnings, "warning")
            )
        }
        (errors, 0) => format!("{} {}", paint(ERROR, "✗"), counted(errors, "error")),
        (errors, warnings) => format!(
            "{} {}, {}",
            paint(ERROR, "✗"),
            counted(errors, "error"),
            counted(warnings, "warning")
        ),
    };
    let user = report.server.user.as_deref().map(|user| format!(" · user {}", safe(user)));
    let place = format!("· database {}{}", safe(&report.database), user.unwrap_or_default());
    text + &format!("\n{sum} {}\n", paint(FAINT, place))
}

/// The findings, with all rights that are there in the place of the first.
fn shown(findings: &[Finding]) -> Vec<Finding> {
    let is_given = |finding: &&Finding| {
        finding.check == Check::Right && finding.verdict == Verdict::Ok && finding.of.is_some()
    };
    let given: Vec<&str> =
        findings.iter().filter(is_given).filter_map(|finding| finding.of.as_deref()).collect();
    let mut shown: Vec<Finding> = Vec::new();
    let mut is_said = false;
    for finding in findings {
        if !is_given(&finding) {
            shown.push(finding.clone());
        } else if !is_said {
            is_said = true;
            shown.push(Finding { found: given.join(", "), ..finding.clone() });
        }
    }
    shown
}

fn one(finding: &Finding, way_out: Option<&String>, view: View) -> String {
    let (style, mark) = match finding.verdict {
        Verdict::Ok => (GOOD, "✓"),
        Verdict::Note => (ACCENT, "·"),
        Verdict::Unknown => (FAINT, "?"),
        Verdict::Warning => (WARNING, "!"),
        Verdict::Error => (ERROR, "✗"),
    };
    let name = match finding.check {
        Check::Server => "server",
        Check::Topology => "topology",
        Check::Right => "rights",
        Check::ControlCollection => "collection",
        Check::History => "history",
        Check::Policies => "policies",
        Check::KillSessions => "take-over",
        Check::WriteConcern => "writes",
        Check::Majority => "majority",
        Check::Clock => "clock",
        Check::TransactionLifetime => "lifetime",
        Check::Oplog => "oplog",
        Check::Cache => "cache",
        Check::Features => "features",
    };
    let mut text = String::new();
    for (at, line) in wrapped(&safe(&finding.found), view, TEXT_AT).into_iter().enumerate() {
        text += &match at {
            0 => format!("{} {}{line}\n", paint(style, mark), paint(style, format!("{name:12}"))),
            _ => format!("{:14}{line}\n", ""),
        };
    }
    for (label, said) in [("means", finding.consequence.as_ref()), ("to do", way_out)] {
        let Some(said) = said else { continue };
        for (at, line) in wrapped(&safe(said), view, TEXT_AT + 6).into_iter().enumerate() {
            let label = if at == 0 { label } else { "" };
            text += &format!("{:14}{} {line}\n", "", paint(FAINT, format!("{label:5}")));
        }
    }
    text
}

fn counted(count: usize, what: &str) -> String {
    format!("{count} {what}{}", if count == 1 { "" } else { "s" })
}
