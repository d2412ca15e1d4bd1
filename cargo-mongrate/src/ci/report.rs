//! The app's reports, as findings: pure.

use std::collections::BTreeMap;

use mongrate_seal::sources::Written;
use serde::Deserialize;

use crate::{
    finding::{Cost, Finding, Place, Rule, Severity, ShadowRun, Touched, rules},
    state::PackageState,
};

/// The report of `up --shadow`, or of `plan`.
#[derive(Debug, Deserialize)]
pub(super) struct AppReport {
    pub(super) group: String,
    steps: Vec<Step>,
    #[serde(default)]
    lints: Vec<Lint>,
    shadow: Option<Scratch>,
    #[serde(default)]
    duration_ms: u64,
}

#[derive(Debug, Deserialize)]
struct Step {
    version: i64,
    name: String,
    kind: String,
    reversible: bool,
    source: String,
    #[serde(default)]
    operations: Vec<Operation>,
    outcome: Option<String>,
    #[serde(default)]
    duration_ms: u64,
    failure: Option<Failure>,
    #[serde(default)]
    commands: Vec<Command>,
}

#[derive(Debug, Deserialize)]
struct Operation {
    operation: String,
    undo: String,
    documents: Option<u64>,
}

#[derive(Debug, Deserialize)]
struct Failure {
    message: String,
}

#[derive(Debug, Deserialize)]
struct Command {
    command: String,
    namespace: String,
    times: u64,
    modified: Option<u64>,
    inserted: Option<u64>,
    upserted: Option<u64>,
    deleted: Option<u64>,
}

#[derive(Debug, Deserialize)]
struct Lint {
    name: String,
    version: i64,
    migration: String,
    message: String,
    #[serde(default)]
    good: String,
    #[serde(default)]
    details: Vec<String>,
}

#[derive(Debug, Deserialize)]
struct Scratch {
    database: String,
    collections: u64,
    documents: u64,
}

impl Command {
    fn written(&self) -> u64 {
        [self.modified, self.inserted, self.upserted, self.deleted].into_iter().flatten().sum()
    }
}

impl AppReport {
    /// The scratch database, and how many migrations ran in it.
    pub(super) fn shadow_run(&self) -> ShadowRun {
        let ran = self.steps.iter().filter(|step| step.outcome.as_deref() == Some("ran")).count();
        let ran = u64::try_from(ran).unwrap_or(u64::MAX);
        let scratch = self.shadow.as_ref();
        ShadowRun {
            ran,
            documents: scratch.map_or(0, |scratch| scratch.documents),
            collections: scratch.map_or(0, |scratch| scratch.collections),
            duration_ms: self.duration_ms,
        }
    }
}

/// Failures and lints.
pub(super) fn findings(report: &AppReport, states: &[PackageState<'_>]) -> Vec<Finding> {
    let mut found = Vec::new();
    for step in &report.steps {
        let Some(failure) = &step.failure else { continue };
        let text = format!("{} `{}` failed: {}", step.version, step.name, failure.message);
        let finding = Finding::error(&rules::SHADOW_FAILED, text).next(&*rules::SHADOW_FAILED.next);
        found.push(placed(finding, &report.group, step.version, Some(&step.source), states));
    }
    for step in report.steps.iter().filter(|step| step.failure.is_none()) {
        let Some(outcome @ ("conflict" | "timed_out")) = step.outcome.as_deref() else { continue };
        let text = format!("{} `{}` did not run to its end: {outcome}", step.version, step.name);
        let finding = Finding::error(&rules::SHADOW_FAILED, text);
        found.push(placed(finding, &report.group, step.version, Some(&step.source), states));
    }
    found.extend(lints(report, states));
    found
}

/// The lints of the report.
pub(super) fn lints(report: &AppReport, states: &[PackageState<'_>]) -> Vec<Finding> {
    let mut found = Vec::new();
    for Lint { name, version, migration, message, good, details } in &report.lints {
        let mut text = format!("{version} `{migration}`: {message}");
        for detail in details {
            text += &format!("\n{detail}");
        }
        let mut next = format!("acknowledge it: `allow = \"{name}\"` in the attribute");
        if !good.is_empty() {
            text += &format!("\nbetter:\n{good}");
            next = format!("write the better code, or {next}");
        }
        let finding = Finding::new(&Rule::with_code(name), Severity::Warning, text).next(next);
        let source = report.steps.iter().find(|step| step.version == *version);
        let source = source.map(|step| step.source.as_str());
        found.push(placed(finding, &report.group, *version, source, states));
    }
    found
}

/// The finding at the migration as the sources have it, or else as the app names its source.
fn placed(
    mut finding: Finding,
    group: &str,
    version: i64,
    source: Option<&str>,
    states: &[PackageState<'_>],
) -> Finding {
    let mut all = states.iter().flat_map(|state| &state.sources.migrations);
    let is_meant = |found: &&Written| found.group == group && found.version == version;
    match all.find(is_meant) {
        Some(migration) => finding.at(&migration.file, migration.line),
        None => {
            finding.place = source.map(Place::of_source);
            finding
        }
    }
}

/// Adds to the new migrations what the app knows of them.
pub(super) fn add_costs(report: &AppReport, migrations: &mut [Touched]) {
    for migration in migrations {
        let is_meant =
            |step: &&Step| step.version == migration.version && step.name == migration.name;
        let Some(step) = report.steps.iter().find(is_meant) else { continue };
        migration.kind.clone_from(&step.kind);
        migration.is_reversible = step.reversible;
        migration.touches = match step.operations.is_empty() {
            false => step.operations.iter().map(described).collect(),
            true => touched(&step.commands, report.shadow.as_ref()),
        };
        if step.outcome.as_deref() == Some("ran") {
            migration.cost = Some(Cost {
                duration_ms: step.duration_ms,
                commands: step.commands.iter().map(|command| command.times).sum(),
                written: step.commands.iter().map(Command::written).sum(),
            });
        }
    }
}

fn described(operation: &Operation) -> String {
    let Operation { operation, undo, documents } = operation;
    let count = documents.map_or(String::new(), |count| format!(" ({count} documents)"));
    format!("{operation}{count}; undone by: {undo}")
}

/// The commands on each collection, without those that only read.
fn touched(commands: &[Command], shadow: Option<&Scratch>) -> Vec<String> {
    let mut all: BTreeMap<(&str, &str), (u64, u64)> = BTreeMap::new();
    for command in commands {
        let scratch = shadow.map_or("", |shadow| shadow.database.as_str());
        let namespace = command.namespace.strip_prefix(scratch).unwrap_or(&command.namespace);
        let collection = namespace.split_once('.').map_or(namespace, |(_, collection)| collection);
        let entry = all.entry((collection, &command.command)).or_default();
        entry.0 += command.times;
        entry.1 += command.written();
    }
    all.into_iter()
        .map(|((collection, command), (times, written))| {
            let times = if times == 1 { String::new() } else { format!(" × {times}") };
            let written = if written == 0 { String::new() } else { format!(", {written} written") };
            format!("{command} {collection}{times}{written}")
        })
        .collect()
}
