//! SARIF 2.1.0, which code scanning of forges and editors read.

use serde_json::{Value, json};

use super::plain;
use crate::finding::{Finding, Outcome, Review, Rule, Severity};

pub(super) fn render(review: &Review) -> String {
    let mut rules: Vec<&Rule> = Vec::new();
    for finding in &review.findings {
        if !rules.iter().any(|rule| rule.code == finding.rule.code) {
            rules.push(&finding.rule);
        }
    }
    let results: Vec<Value> =
        review.findings.iter().map(|finding| result(review, finding, &rules)).collect();
    let skipped: Vec<Value> = review
        .checks
        .iter()
        .filter_map(|check| match &check.outcome {
            Outcome::Made => None,
            Outcome::Skipped(why) => Some(json!({
                "level": "note",
                "message": { "text": plain::lines(&format!("skipped: {}: {why}", check.name)) },
            })),
        })
        .collect();
    let document = json!({
        "$schema": "https://json.schemastore.org/sarif-2.1.0.json",
        "version": "2.1.0",
        "runs": [{
            "tool": { "driver": {
                "name": "mongrate",
                "version": env!("CARGO_PKG_VERSION"),
                "semanticVersion": env!("CARGO_PKG_VERSION"),
                "rules": rules.iter().map(|rule| described(rule)).collect::<Vec<_>>(),
            } },
            "automationDetails": { "id": format!("mongrate/{}/", review.command) },
            "columnKind": "utf16CodeUnits",
            "invocations": [{
                "executionSuccessful": true,
                "toolExecutionNotifications": skipped,
            }],
            "results": results,
        }],
    });
    format!("{document:#}\n")
}

fn described(rule: &Rule) -> Value {
    json!({
        "id": rule.code,
        "shortDescription": { "text": rule.title },
        "help": { "text": rule.next },
    })
}

fn result(review: &Review, finding: &Finding, rules: &[&Rule]) -> Value {
    let level = match finding.severity {
        Severity::Error => "error",
        Severity::Warning => "warning",
        Severity::Note => "note",
    };
    let mut result = json!({
        "ruleId": finding.rule.code,
        "ruleIndex": rules.iter().position(|rule| rule.code == finding.rule.code),
        "level": level,
        "message": { "text": plain::lines(&finding.message()) },
    });
    // A result without a location is not shown by every viewer, so it is that of the package as a whole.
    let mut physical = json!({ "artifactLocation": { "uri": "Cargo.toml" } });
    if let Some(place) = &finding.place {
        physical = json!({ "artifactLocation": { "uri": uri(&review.rooted(place)) } });
        if let (Some(line), Some(fields)) = (place.line, physical.as_object_mut()) {
            fields.insert("region".to_owned(), json!({ "startLine": line.max(1) }));
        }
    } else if let Some(location) = physical.pointer_mut("/artifactLocation/uri") {
        *location = uri(&format!("{}Cargo.toml", review.prefix)).into();
    }
    if let Some(fields) = result.as_object_mut() {
        fields.insert("locations".to_owned(), json!([{ "physicalLocation": physical }]));
    }
    result
}

/// A path as a relative reference of a URI.
fn uri(path: &str) -> String {
    let mut uri = String::new();
    for byte in path.bytes() {
        match byte {
            b'/' | b'-' | b'.' | b'_' | b'~' => uri.push(byte.into()),
            byte if byte.is_ascii_alphanumeric() => uri.push(byte.into()),
            byte => uri += &format!("%{byte:02X}"),
        }
    }
    uri
}
