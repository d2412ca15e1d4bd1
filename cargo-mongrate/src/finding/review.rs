//! All that a command has found, as data: findings, what was checked, and what the new migrations do. Pure.

use super::{
    found::{Finding, Severity},
    place::Place,
    rules::Rule,
};

/// The whole result of a command.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Review {
    /// The command, e.g. `ci`.
    pub(crate) command: &'static str,
    pub(crate) findings: Vec<Finding>,
    /// What was checked, in the order of the checks.
    pub(crate) checks: Vec<Check>,
    /// The migrations that are new, by version.
    pub(crate) migrations: Vec<Touched>,
    /// The shadow run, if there was one.
    pub(crate) shadow: Option<ShadowRun>,
    /// What a person also reads.
    pub(crate) lines: Vec<String>,
    /// The working directory below the root of the repository, with `/` at its end; or nothing. Outputs that
    /// leave the terminal name files from that root.
    pub(crate) prefix: String,
}

/// One of the checks, and the findings of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Check {
    /// A few words, e.g. `sources and migrations.sum`.
    pub(crate) name: &'static str,
    pub(crate) outcome: Outcome,
    /// The place of its findings in [`Review::findings`].
    pub(crate) findings: std::ops::Range<usize>,
}

/// Whether a check was made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Outcome {
    Made,
    /// Not made, and why.
    Skipped(String),
}

/// A new migration, and what it does.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Touched {
    pub(crate) version: i64,
    pub(crate) name: String,
    pub(crate) place: Option<Place>,
    /// `transaction`, `online`, `change`; empty if only the sources were read.
    pub(crate) kind: String,
    pub(crate) is_reversible: bool,
    /// What it touches: declared operations, or the commands that the shadow run saw.
    pub(crate) touches: Vec<String>,
    /// What the shadow run measured.
    pub(crate) cost: Option<Cost>,
}

/// What a migration cost in the shadow run.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Cost {
    pub(crate) duration_ms: u64,
    pub(crate) commands: u64,
    /// Documents written.
    pub(crate) written: u64,
}

/// The scratch database of the shadow run.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct ShadowRun {
    /// How many migrations ran to their end.
    pub(crate) ran: u64,
    /// Documents that were copied into the scratch database.
    pub(crate) documents: u64,
    pub(crate) collections: u64,
    pub(crate) duration_ms: u64,
}

impl Review {
    pub(crate) fn new(command: &'static str) -> Self {
        Self { command, ..Self::default() }
    }

    /// Adds a check with its findings.
    pub(crate) fn checked(&mut self, name: &'static str, findings: Vec<Finding>) {
        let begin = self.findings.len();
        self.findings.extend(findings);
        let findings = begin..self.findings.len();
        self.checks.push(Check { name, outcome: Outcome::Made, findings });
    }

    /// Adds a check that was not made.
    pub(crate) fn skipped(&mut self, name: &'static str, why: impl Into<String>) {
        let at = self.findings.len();
        let outcome = Outcome::Skipped(why.into());
        self.checks.push(Check { name, outcome, findings: at..at });
    }

    /// The findings of a check.
    pub(crate) fn of(&self, check: &Check) -> &[Finding] {
        self.findings.get(check.findings.clone()).unwrap_or_default()
    }

    pub(crate) fn count(&self, severity: Severity) -> usize {
        self.findings.iter().filter(|finding| finding.severity == severity).count()
    }

    /// Whether the command succeeds.
    pub(crate) fn is_ok(&self) -> bool {
        self.count(Severity::Error) == 0
    }

    /// Makes errors of warnings.
    pub(crate) fn strict(&mut self) {
        for finding in &mut self.findings {
            if finding.severity == Severity::Warning {
                finding.severity = Severity::Error;
            }
        }
    }

    /// Makes errors of the warnings of one rule.
    pub(crate) fn strict_about(&mut self, rule: &Rule) {
        for finding in self.findings.iter_mut().filter(|finding| finding.rule == *rule) {
            finding.severity = finding.severity.max(Severity::Error);
        }
    }

    /// Makes notes of the findings with these codes.
    pub(crate) fn allow(&mut self, codes: &[String]) {
        for finding in &mut self.findings {
            if codes.iter().any(|code| *code == finding.rule.code) {
                finding.severity = Severity::Note;
            }
        }
    }

    /// A file, from the root of the repository, with `/` between its parts.
    pub(crate) fn rooted(&self, place: &Place) -> String {
        let file = place.file.replace('\\', "/");
        if file.starts_with('/') { file } else { format!("{}{file}", self.prefix) }
    }

    /// `2 errors, 1 warning`, for people.
    pub(crate) fn summary(&self) -> String {
        let parts: Vec<String> = [Severity::Error, Severity::Warning, Severity::Note]
            .into_iter()
            .map(|severity| (self.count(severity), severity.word()))
            .filter(|(count, _)| *count > 0)
            .map(|(count, word)| format!("{count} {word}{}", if count == 1 { "" } else { "s" }))
            .collect();
        match parts.is_empty() {
            true => "nothing found".to_owned(),
            false => parts.join(", "),
        }
    }
}
