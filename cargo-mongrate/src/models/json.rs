//! The report of `diff` for programs.

use mongrate_seal::models::{Difference, Undone};
use serde_json::{Value, json};

/// A package's difference. `code` is the body of its migration, `written` are the files.
pub(super) fn package(
    name: &str,
    difference: &Difference,
    migration: Option<&str>,
    written: &[String],
) -> Value {
    let operations: Vec<Value> = difference
        .operations
        .iter()
        .map(|operation| {
            json!({
                "operation": operation.name(),
                "collection": operation.collection(),
                "text": operation.text(),
                "undone": match operation.undone() {
                    Undone::Exactly => "exactly",
                    Undone::UntilPurge => "until_purge",
                    Undone::ButWhatExpired => "but_what_expired",
                },
            })
        })
        .collect();
    let questions: Vec<Value> = difference
        .questions
        .iter()
        .map(|it| json!({ "place": it.place, "problem": it.problem, "answers": it.answers }))
        .collect();
    let notes: Vec<Value> = difference
        .notes
        .iter()
        .map(|it| json!({ "place": it.place, "text": it.text, "may_not_fit": it.may_not_fit }))
        .collect();
    let code = (!difference.operations.is_empty()).then(|| difference.code().body);
    json!({
        "package": name,
        "differs": difference.differs,
        "operations": operations,
        "questions": questions,
        "notes": notes,
        "migration": migration,
        "code": code,
        "written": written,
    })
}
