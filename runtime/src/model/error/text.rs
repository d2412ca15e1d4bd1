//! The longer texts of errors.

use std::fmt;

use crate::model::{
    kind::MigrationKind,
    named::{Named, Renamed},
    report::{
        failure::Failure,
        run::{RunReport, StepOutcome, StepReport},
    },
    state::Who,
    version::Version,
};

/// Each on a line of its own, below what is said of them.
pub(crate) fn lines<T: fmt::Display>(items: &[T]) -> String {
    items.iter().map(|item| format!("\n  {item}")).collect()
}

/// `1,234 migrations`.
pub(crate) fn count(number: usize, what: &str) -> String {
    crate::model::numbers::counted(u64::try_from(number).unwrap_or(u64::MAX), what)
}

pub(crate) fn corrupt(collection: Option<&str>, id: &str, problem: &str) -> String {
    match collection {
        Some(collection) => format!(
            "the collection `{collection}` is not mongrate's: {id} {problem}; nothing was written \
             into it; give mongrate a collection of its own, now and in the app: `--collection \
             NAME` (`Migrator::collection`)"
        ),
        None => format!(
            "the control document {id} is not what mongrate writes ({problem}); has something else \
             written into the collection? Restore it from a backup, or choose another collection \
             (`--collection NAME`)"
        ),
    }
}

pub(crate) fn renamed_flags(renamed: &[Renamed]) -> String {
    renamed.iter().map(|one| format!(" --renamed {}", one.version)).collect()
}

pub(crate) fn lock_lost(report: &RunReport, taken_by: Option<&Who>) -> String {
    let done = count(report.done().count(), "migration");
    match taken_by {
        Some(by) => format!(
            "the lock was taken away by an operator (`force-unlock`, by {by}), so this run \
             stopped; {done} done by this run; the one in flight was rolled back (an online one \
             keeps its finished steps); `status` shows the state; run `up` again when nothing \
             else migrates this database"
        ),
        None => format!(
            "the lease was lost (the process was stalled, or the server out of reach, for longer \
             than the lease); {done} done by this run; the one in flight was stopped, and `status` \
             shows what the other process made of it; run `up` again"
        ),
    }
}

pub(crate) fn pending_are(number: usize) -> String {
    if number == 1 {
        "1 pending migration is".to_owned()
    } else {
        format!("{number} pending migrations are")
    }
}

pub(crate) fn apart(versions: &[Named], before: Option<Version>, until: Option<Version>) -> String {
    let before = before.map(|version| format!("`up --atomic --to {version}`"));
    let until = until.map(|version| format!("`up --to {version}`"));
    let parts: Vec<String> = before.into_iter().chain(until).collect();
    let first = format!("{}, then the rest with `up --atomic`", parts.join(", then "));
    match versions {
        [] => format!("too many to be applied in one transaction; run {first}; nothing was run"),
        _ => format!(
            "cannot apply all in one transaction:{}\nthey are online or declared, and what they do \
             is no part of a transaction; run {first}; nothing was run",
            lines(versions)
        ),
    }
}

pub(crate) fn failed(report: &RunReport) -> String {
    let mut text = String::new();
    for step in &report.steps {
        let Some(Failure { message, .. }) = &step.failure else { continue };
        text += &format!("{} `{}` failed: {message}\n", step.version, step.name);
    }
    let has = |wanted: fn(&&StepReport) -> bool| report.steps.iter().find(wanted).is_some();
    let left = if has(|step| step.outcome == StepOutcome::Aborted) {
        "all were to be applied together, so none was"
    } else if has(|step| step.outcome == StepOutcome::Unknown) {
        "whether it was committed is not known: see `status` when the server is back"
    } else if has(|step| step.failure.is_some() && step.kind != MigrationKind::Transaction) {
        "the failed one left its finished steps (it goes on after them)"
    } else {
        "the failed one left no trace but its record"
    };
    let done = count(report.done().count(), "migration");
    text + &format!("{done} done and recorded; {left}; mend it and run again")
}
