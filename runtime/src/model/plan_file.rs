//! Plan files: what a run is to do, written down so that people can approve exactly that. Pure.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

use super::{
    error::Error, kind::MigrationKind, lint::Lint, named::Named, policies::PolicyReport,
    report::plan::DeclaredOperation, state::Direction, version::Version,
};

/// The most bytes of a plan file: about thirty thousand migrations.
pub(crate) const PLAN_BYTES_MAX: usize = 16 * 1024 * 1024;

/// The format of plan files that this build writes.
const FORMAT: u32 = 1;

/// A plan of `up` or `down` that can be approved: exactly which migrations run, with which checksums, over
/// which history. [`Up::plan_file`](crate::Up::plan_file) makes it, [`Up::approved`](crate::Up::approved)
/// runs it. As JSON it is the same text for the same plan, apart from when and by which app it was made.
///
/// ```
/// let error = mongrate::PlanFile::parse("{}").unwrap_err().to_string();
/// assert!(error.starts_with("plan: this is not a plan file"), "{error}");
/// ```
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct PlanFile {
    /// The format, 1.
    pub mongrate_plan: u32,
    /// The database.
    pub database: String,
    /// The group.
    pub group: String,
    /// Whether it is a plan of `up` or of `down`.
    pub direction: Direction,
    /// Which migrations were asked for.
    pub target: PlanTarget,
    /// The migrations, in their order.
    pub steps: Vec<PlanFileStep>,
    /// Migrations that are recorded as skipped, as their labels are not selected.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub skipped: Vec<Named>,
    /// The lints, for those who approve it. They are not compared.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub lints: Vec<Lint>,
    /// The policies that held, for those who approve it. A run judges by those that hold then.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub policies: Vec<PolicyReport>,
    /// The history that the plan was made from.
    pub seen: PlanSeen,
    /// When and where the plan was made.
    pub made: PlanMade,
    /// The SHA-256 of the rest: what an approval is of.
    pub digest: String,
}

/// Which migrations a plan was asked for.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
#[non_exhaustive]
pub struct PlanTarget {
    /// Up to and including this version; of a plan of `down`, what is newer.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub to: Option<Version>,
    /// At most this many migrations.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub steps: Option<usize>,
    /// What the last `up` applied.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub batch: bool,
    /// Every applied migration.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub all: bool,
    /// What was applied after the last migration of this release.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub to_release: Option<String>,
    /// What was applied after the state that this tag names.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub to_tag: Option<String>,
    /// This migration alone.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub only: Option<Version>,
    /// Later migrations that do not depend on that one, by the word of the user.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub independent: Vec<Version>,
    /// Pending migrations are included that are older than the newest applied one.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub out_of_order: bool,
}

/// One migration of a plan file.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct PlanFileStep {
    /// The version of the migration; negative for a repeatable migration.
    pub version: Version,
    /// The name of the migration.
    pub name: String,
    /// The kind of the migration.
    pub kind: MigrationKind,
    /// Whether it is applied or rolled back.
    pub direction: Direction,
    /// The checksum of the migration in the build that made the plan.
    pub checksum: String,
    /// The checksum that is recorded as applied. `None`: it is not applied.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub recorded: Option<String>,
    /// Whether it was interrupted before, and is resumed.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub resumes: bool,
    /// The operations of a declared migration, with the documents that they would change.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub operations: Vec<DeclaredOperation>,
    /// Of a transactional migration: about how many documents the collections have of which it writes
    /// many documents. `None`: not known, as for every online migration.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub documents: Option<u64>,
}

impl PlanFileStep {
    /// The largest number of documents that one operation of the migration changes. `None`: not known.
    pub(crate) fn largest(&self) -> Option<u64> {
        let operations = self.operations.iter().filter_map(|operation| operation.documents);
        operations.chain(self.documents).max()
    }
}

/// The history that a plan was made from.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct PlanSeen {
    /// How many migrations were applied.
    pub applied: i64,
    /// The digest of the applied migrations and their checksums.
    pub digest: String,
}

/// When and where a plan was made.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct PlanMade {
    /// When, by the server's clock.
    pub at: DateTime<Utc>,
    /// The name of the host.
    pub host: String,
    /// The name that the app gave itself.
    pub app: String,
}

/// What a plan file says besides its format and its digest.
pub(crate) struct PlanParts {
    pub database: String,
    pub group: String,
    pub direction: Direction,
    pub target: PlanTarget,
    pub steps: Vec<PlanFileStep>,
    pub skipped: Vec<Named>,
    pub lints: Vec<Lint>,
    pub policies: Vec<PolicyReport>,
    pub seen: PlanSeen,
    pub made: PlanMade,
}

impl PlanFile {
    pub(crate) fn new(parts: PlanParts) -> Self {
        let PlanParts { database, group, direction, target, .. } = parts;
        let PlanParts { steps, skipped, lints, policies, seen, made, .. } = parts;
        let mut plan = Self {
            mongrate_plan: FORMAT,
            database,
            group,
            direction,
            target,
            steps,
            skipped,
            lints,
            policies,
            seen,
            made,
            digest: String::new(),
        };
        plan.digest = plan.computed();
        plan
    }

    /// Reads the JSON of a plan file.
    ///
    /// # Errors
    ///
    /// [`Error::Settings`] if the text is not a plan file, if a newer build has written it, or if it was
    /// edited: its digest is of another text.
    pub fn parse(text: &str) -> Result<Self, Error> {
        let refuse = |problem: String| Err(Error::Settings { setting: "plan", problem });
        let value: serde_json::Value = match serde_json::from_str(text) {
            Ok(value) => value,
            Err(error) => {
                return refuse(format!("this is not a plan file: {error}; nothing was run"));
            }
        };
        match value.get("mongrate_plan").and_then(serde_json::Value::as_u64) {
            Some(format) if format == u64::from(FORMAT) => {}
            Some(format) => {
                return refuse(format!(
                    "the plan file has the format {format}, and this build reads {FORMAT}: make the \
                     plan with this build; nothing was run"
                ));
            }
            None => {
                return refuse(
                    "this is not a plan file: it has no `mongrate_plan`; `plan --out FILE` writes one; \
                     nothing was run"
                        .to_owned(),
                );
            }
        }
        // From the text: a value would hold only the last of two fields with one name.
        let plan: Self = match serde_json::from_str(text) {
            Ok(plan) => plan,
            Err(error) => {
                return refuse(format!(
                    "this plan file cannot be read: {error}; make the plan again; nothing was run"
                ));
            }
        };
        plan.refuse_edited()?;
        // What is not read has no part in the digest.
        if serde_json::to_value(&plan).ok().as_ref() != Some(&value) {
            return Err(edited());
        }
        Ok(plan)
    }

    /// Refuses a plan that is not the one whose digest it has.
    pub(crate) fn refuse_edited(&self) -> Result<(), Error> {
        if self.computed() == self.digest {
            return Ok(());
        }
        Err(edited())
    }

    /// The plan as JSON, with a newline at its end.
    pub fn to_json(&self) -> String {
        let mut text = serde_json::to_string_pretty(self).unwrap_or_default();
        text.push('\n');
        text
    }

    fn computed(&self) -> String {
        let plan = Self { digest: String::new(), ..self.clone() };
        let text = serde_json::to_string(&plan).unwrap_or_default();
        mongrate_seal::hex(&Sha256::digest(text.as_bytes()))
    }
}

fn edited() -> Error {
    let problem = "the plan file was edited: its digest is that of another text; a plan is approved as it is, \
                   or made again; nothing was run";
    Error::Settings { setting: "plan", problem: problem.to_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn plan() -> PlanFile {
        PlanFile::new(PlanParts {
            database: "shop".to_owned(),
            group: "default".to_owned(),
            direction: Direction::Up,
            target: PlanTarget::default(),
            steps: Vec::new(),
            skipped: vec![Named { version: 3.into(), name: "three".to_owned() }],
            lints: Vec::new(),
            policies: Vec::new(),
            seen: PlanSeen { applied: 2, digest: "0f".repeat(32) },
            made: PlanMade {
                at: "2026-11-29T20:00:00.123Z".parse().unwrap(),
                host: "web-1".to_owned(),
                app: "shop 1.4.0".to_owned(),
            },
        })
    }

    #[test]
    fn a_plan_is_what_was_approved_and_nothing_beside_it() {
        let text = plan().to_json();
        assert_eq!(PlanFile::parse(&text).unwrap(), plan());
        for (at, more) in [
            ("{\n", "\"database\": \"other\","),
            ("{\n", "\"steps\": [],"),
            ("\"seen\": {", "\"applied\": 1,"),
            ("\"skipped\": [\n    {", "\"name\": \"two\","),
            ("\"skipped\": [\n    {", "\"note\": \"reviewed by anna\","),
        ] {
            let edited = text.replacen(at, &format!("{at}{more}"), 1);
            assert_ne!(edited, text);
            assert!(PlanFile::parse(&edited).is_err(), "{edited}");
        }
    }
}
