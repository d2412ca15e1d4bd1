//! JUnit XML, which every CI shows as a test report: a test case for each check, and a failure for each
//! error in it. Warnings and notes are its output.

use super::xml::escaped;
use crate::finding::{Finding, Outcome, Review, Severity};

pub(super) fn render(review: &Review) -> String {
    let cases: Vec<Case<'_>> = review
        .checks
        .iter()
        .map(|check| Case {
            name: check.name,
            skipped: match &check.outcome {
                Outcome::Made => None,
                Outcome::Skipped(why) => Some(why),
            },
            findings: review.of(check),
        })
        .collect();
    let failures: usize = cases.iter().filter(|case| case.errors().count() > 0).count();
    let skipped = cases.iter().filter(|case| case.skipped.is_some()).count();
    let counts = format!(
        "tests=\"{}\" failures=\"{failures}\" errors=\"0\" skipped=\"{skipped}\"",
        cases.len()
    );
    let mut text = String::from("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n");
    text += &format!(
        "<testsuites name=\"mongrate\" tests=\"{}\" failures=\"{failures}\">\n",
        cases.len()
    );
    text += &format!("  <testsuite name=\"mongrate {}\" {counts} time=\"0\">\n", review.command);
    text.extend(cases.iter().map(|case| case.render(review.command)));
    text + "  </testsuite>\n</testsuites>\n"
}

struct Case<'a> {
    name: &'a str,
    skipped: Option<&'a String>,
    findings: &'a [Finding],
}

impl Case<'_> {
    fn errors(&self) -> impl Iterator<Item = &Finding> {
        self.findings.iter().filter(|finding| finding.severity == Severity::Error)
    }

    fn render(&self, command: &str) -> String {
        let mut text = format!(
            "    <testcase classname=\"mongrate.{command}\" name=\"{}\" time=\"0\">\n",
            escaped(self.name)
        );
        if let Some(why) = self.skipped {
            text += &format!("      <skipped message=\"{}\"/>\n", escaped(why));
        }
        // One failure: several in a test case are not in every reader's schema.
        let errors: Vec<&Finding> = self.errors().collect();
        if let [first, ..] = errors.as_slice() {
            let all: Vec<String> = errors.iter().map(|finding| line(finding)).collect();
            text += &format!(
                "      <failure type=\"{}\" message=\"{}\">{}</failure>\n",
                escaped(&first.rule.code),
                escaped(&first.to_string()),
                escaped(&all.join("\n\n"))
            );
        }
        let others: Vec<String> = self
            .findings
            .iter()
            .filter(|finding| finding.severity != Severity::Error)
            .map(line)
            .collect();
        if !others.is_empty() {
            text += &format!("      <system-out>{}</system-out>\n", escaped(&others.join("\n\n")));
        }
        text + "    </testcase>\n"
    }
}

fn line(finding: &Finding) -> String {
    format!("{} [{}] {finding}", finding.severity.word(), finding.rule.code)
}
