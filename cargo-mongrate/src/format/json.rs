//! One JSON document; later versions only add fields.

use serde_json::{Map, Value, json};

use crate::finding::{Finding, Outcome, Review, Severity};

pub(super) fn render(review: &Review, also: Map<String, Value>) -> String {
    let texts = |severity| -> Vec<String> {
        let all = review.findings.iter().filter(|finding| finding.severity == severity);
        all.map(ToString::to_string).collect()
    };
    let checks: Vec<Value> = review
        .checks
        .iter()
        .map(|check| {
            let skipped = match &check.outcome {
                Outcome::Made => None,
                Outcome::Skipped(why) => Some(why),
            };
            json!({ "name": check.name, "findings": review.of(check).len(), "skipped": skipped })
        })
        .collect();
    let migrations: Vec<Value> = review
        .migrations
        .iter()
        .map(|migration| {
            let place = migration.place.as_ref();
            let cost = migration.cost.map(|cost| {
                json!({
                    "duration_ms": cost.duration_ms,
                    "commands": cost.commands,
                    "written": cost.written,
                })
            });
            json!({
                "version": migration.version,
                "name": migration.name,
                "file": place.map(|place| review.rooted(place)),
                "line": place.and_then(|place| place.line),
                "kind": (!migration.kind.is_empty()).then_some(&migration.kind),
                "reversible": migration.is_reversible,
                "touches": migration.touches,
                "cost": cost,
            })
        })
        .collect();
    let shadow = review.shadow.as_ref().map(|shadow| {
        json!({
            "ran": shadow.ran,
            "documents": shadow.documents,
            "collections": shadow.collections,
            "duration_ms": shadow.duration_ms,
        })
    });
    let mut document = json!({
        "ok": review.is_ok(),
        "problems": texts(Severity::Error),
        "warnings": texts(Severity::Warning),
        "lines": review.lines,
        "findings": review.findings.iter().map(|it| finding(review, it)).collect::<Vec<_>>(),
        "checks": checks,
        "migrations": migrations,
        "shadow": shadow,
    });
    if let Some(fields) = document.as_object_mut() {
        fields.extend(also);
    }
    format!("{document:#}\n")
}

fn finding(review: &Review, finding: &Finding) -> Value {
    let place = finding.place.as_ref();
    json!({
        "code": finding.rule.code,
        "severity": finding.severity.word(),
        "file": place.map(|place| review.rooted(place)),
        "line": place.and_then(|place| place.line),
        "text": finding.text,
        "next": finding.way_out(),
    })
}
