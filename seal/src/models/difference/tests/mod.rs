//! What becomes of each change of the types: operations, questions and notes; and the code.

mod code;
mod collections;
mod documents;
mod fields;

use super::*;
use crate::models::{HEADER, Snapshot};

/// A collection `users` with these fields, as a snapshot has them.
fn users(fields: &str) -> Snapshot {
    let mut lines = "users options collection\nusers User root object@User\n".to_owned();
    for field in fields.lines().map(str::trim).filter(|field| !field.is_empty()) {
        lines += &format!("users User field {field}\n");
    }
    snapshot(&lines)
}

fn snapshot(lines: &str) -> Snapshot {
    let lines: String = lines
        .lines()
        .map(str::trim)
        .filter(|line| !line.is_empty())
        .map(|line| format!("{line}\n"))
        .collect();
    let text = format!("{HEADER}\n{lines}end\n");
    Snapshot::parse(&text).unwrap_or_else(|fault| panic!("{fault}\n{text}"))
}

/// What comes out, a line for each: `+` an operation, `?` a question, `-` a note, `!` an answer of no use.
fn lines(old: &Snapshot, new: &Snapshot, answers: &[&str]) -> Vec<String> {
    let mut given = Answers::default();
    for answer in answers {
        match answer.split_once(' ').unwrap() {
            ("--leave", place) => given.leave(place),
            ("--remove", place) => given.remove(place),
            (_, value) => given.becomes(value).unwrap(),
        }
    }
    let difference = old.difference(new, &mut given);
    let operations = difference.operations.iter().map(|it| format!("+ {}", it.text()));
    let questions = difference.questions.iter().map(|it| format!("? {}: {}", it.place, it.problem));
    let notes = difference.notes.iter().map(|it| format!("- {it}"));
    let unused = given.unused().into_iter().map(|it| format!("! {it}"));
    operations.chain(questions).chain(notes).chain(unused).collect()
}

/// Compares what comes out with lines; a line may be only the beginning.
fn check(old: &Snapshot, new: &Snapshot, answers: &[&str], expected: &[&str]) {
    let found = lines(old, new, answers);
    let fits = found.len() == expected.len()
        && found.iter().zip(expected).all(|(found, expected)| found.starts_with(expected));
    assert!(fits, "found {found:#?}\nexpected {expected:#?}");
}

fn field(old: &str, new: &str, expected: &[&str]) {
    check(&users(old), &users(new), &[], expected);
}

fn answered(old: &str, new: &str, answers: &[&str], expected: &[&str]) {
    check(&users(old), &users(new), answers, expected);
}
