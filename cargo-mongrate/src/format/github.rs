//! Annotations of GitHub Actions: `::error file=…,line=…,title=…::…`, a command in each line of the log.

use super::plain;
use crate::finding::{Finding, Review, Severity};

pub(super) fn render(review: &Review) -> String {
    let mut text: String = review.findings.iter().map(|it| annotation(review, it)).collect();
    // No name from outside is in this line, so the log cannot take it for a command.
    text += &format!("mongrate {}: {}\n", review.command, review.summary());
    text
}

fn annotation(review: &Review, finding: &Finding) -> String {
    let command = match finding.severity {
        Severity::Error => "error",
        Severity::Warning => "warning",
        Severity::Note => "notice",
    };
    let mut properties = Vec::new();
    if let Some(place) = &finding.place {
        properties.push(format!("file={}", property(&review.rooted(place))));
        properties.extend(place.line.map(|line| format!("line={line}")));
    }
    properties.push(format!("title={}", property(&format!("mongrate: {}", finding.rule.code))));
    format!("::{command} {}::{}\n", properties.join(","), data(&finding.message()))
}

/// The text of a command.
fn data(text: &str) -> String {
    escaped(&plain::lines(text))
}

/// The value of a property, in which `:` and `,` end the value.
fn property(text: &str) -> String {
    escaped(&plain::lines(text)).replace(':', "%3A").replace(',', "%2C")
}

fn escaped(text: &str) -> String {
    text.replace('%', "%25").replace('\r', "%0D").replace('\n', "%0A")
}
