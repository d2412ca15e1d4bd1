//! What `down` and a plan are asked for: typed, bounded, one target.

use serde::Deserialize;
use utoipa::{IntoParams, ToSchema};

use super::{
    ask::{STEPS_MAX, Trial, bounded, name, policy, up},
    problem::Problem,
    wire::run::DryRunHow,
};
use crate::{Migrator, Version};

/// The most migrations that a request names as independent.
const INDEPENDENT_MAX: usize = 500;

/// How far back a `down` goes: at most one of these.
struct Target<'a> {
    to: Option<i64>,
    steps: Option<u32>,
    batch: bool,
    all: bool,
    to_release: Option<&'a str>,
    to_tag: Option<&'a str>,
    only: Option<i64>,
    independent: &'a [i64],
}

impl Target<'_> {
    fn check(&self) -> Result<(), Problem> {
        bounded("to", self.to, 0, i64::MAX)?;
        bounded("steps", self.steps, 1, i64::from(STEPS_MAX))?;
        bounded("only", self.only, 1, i64::MAX)?;
        name("to_release", self.to_release)?;
        name("to_tag", self.to_tag)?;
        let given = [
            self.to.is_some(),
            self.steps.is_some(),
            self.batch,
            self.all,
            self.to_release.is_some(),
            self.to_tag.is_some(),
            self.only.is_some(),
        ];
        if given.into_iter().filter(|given| *given).count() > 1 {
            return Err(Problem::usage(
                "`to`, `steps`, `batch`, `all`, `to_release`, `to_tag` and `only` exclude each other: \
                 choose one",
            ));
        }
        if self.only.is_none() && !self.independent.is_empty() {
            return Err(Problem::usage("`independent` needs `only`"));
        }
        if self.independent.len() > INDEPENDENT_MAX {
            return Err(Problem::usage(format!(
                "`independent` names more than {INDEPENDENT_MAX} migrations"
            )));
        }
        for version in self.independent {
            bounded("independent", Some(*version), 1, i64::MAX)?;
        }
        Ok(())
    }

    fn down<'a>(&self, migrator: &'a Migrator) -> crate::Down<'a> {
        let down = migrator.down();
        let steps = self.steps.and_then(|steps| usize::try_from(steps).ok());
        match (self.to, steps, self.only, self.to_release, self.to_tag) {
            (Some(version), ..) => down.to(Version::new(version)),
            (_, Some(steps), ..) => down.steps(steps),
            (_, _, Some(version), ..) => {
                let independent = self.independent.iter().map(|version| Version::new(*version));
                down.only(Version::new(version)).independent_of(independent)
            }
            (_, _, _, Some(release), _) => down.to_release(release),
            (_, _, _, _, Some(tag)) => down.to_tag(tag),
            _ if self.batch => down.batch(),
            _ if self.all => down.all(),
            _ => down,
        }
    }
}

/// What `down` rolls back. `{}`: the migration that was applied last.
#[derive(Clone, Debug, Default, Deserialize, ToSchema)]
#[serde(default, deny_unknown_fields)]
pub(in crate::http) struct DownRequest {
    /// Roll back all migrations newer than this version, which itself stays applied; 0: all.
    #[schema(minimum = 0)]
    pub(super) to: Option<i64>,
    /// Roll back this number of migrations, the last first.
    #[schema(minimum = 1, maximum = 1_000_000)]
    pub(super) steps: Option<u32>,
    /// Roll back all migrations that the last `up` applied.
    pub(super) batch: bool,
    /// Roll back all migrations.
    pub(super) all: bool,
    /// Roll back all that was applied after the last migration of this release, such as `shop 1.3.9`.
    #[schema(min_length = 1, max_length = 200)]
    pub(super) to_release: Option<String>,
    /// Roll back all that was applied since the state that this tag names.
    #[schema(min_length = 1, max_length = 200)]
    pub(super) to_tag: Option<String>,
    /// Roll back only this migration, if nothing that was applied later touches the same.
    #[schema(minimum = 1)]
    pub(super) only: Option<i64>,
    /// With `only`: later migrations that do not depend on it, where Mongrate cannot know.
    #[schema(max_items = 500)]
    pub(super) independent: Vec<i64>,
    /// Why, for those who read the history: up to 500 bytes.
    #[schema(max_length = 500)]
    pub(super) why: Option<String>,
    /// Leave nothing in the database: `run` runs the migrations in a transaction that is aborted,
    /// `plan` only shows the plan, `shadow` runs them in a scratch database.
    pub(super) dry_run: Option<DryRunHow>,
    /// How many documents of each collection a shadow run copies.
    #[schema(minimum = 0, maximum = 1_000_000)]
    pub(super) sample: Option<u32>,
    /// How long the transaction of a dry run may last, in milliseconds.
    #[schema(minimum = 1, maximum = 3_600_000)]
    pub(super) timeout_ms: Option<u32>,
}

impl DownRequest {
    pub(super) fn trial(&self) -> Trial {
        Trial { how: self.dry_run, sample: self.sample, timeout_ms: self.timeout_ms }
    }

    pub(super) fn check(&self) -> Result<(), Problem> {
        self.target().check()?;
        self.trial().check()
    }

    pub(super) fn down<'a>(&self, migrator: &'a Migrator) -> crate::Down<'a> {
        let why = self.why.clone().unwrap_or_default();
        self.target().down(migrator).why(why).lint(self.dry_run.is_some())
    }

    fn target(&self) -> Target<'_> {
        Target {
            to: self.to,
            steps: self.steps,
            batch: self.batch,
            all: self.all,
            to_release: self.to_release.as_deref(),
            to_tag: self.to_tag.as_deref(),
            only: self.only,
            independent: &self.independent,
        }
    }
}

/// The direction of a plan.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub(in crate::http) enum Way {
    /// What `up` would do.
    #[default]
    Up,
    /// What `down` would do.
    Down,
}

/// The plan to show.
#[derive(Clone, Debug, Default, Deserialize, IntoParams)]
#[serde(default, deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(in crate::http) struct PlanQuery {
    /// Whether the plan is for `up` or for `down`.
    #[param(inline, required = false)]
    pub(super) direction: Way,
    /// Up: up to and including this version. Down: all migrations newer than it; 0: all.
    #[param(minimum = 0)]
    pub(super) to: Option<i64>,
    /// Only this number of migrations.
    #[param(minimum = 1, maximum = 1_000_000)]
    pub(super) steps: Option<u32>,
    /// Down: all migrations that the last `up` applied.
    #[param(required = false)]
    pub(super) batch: bool,
    /// Down: all migrations.
    #[param(required = false)]
    pub(super) all: bool,
    /// Down: all that was applied after the last migration of this release.
    #[param(min_length = 1, max_length = 200)]
    pub(super) to_release: Option<String>,
    /// Down: all that was applied since the state that this tag names.
    #[param(min_length = 1, max_length = 200)]
    pub(super) to_tag: Option<String>,
    /// Down: only this migration.
    #[param(minimum = 1)]
    pub(super) only: Option<i64>,
    /// Down, with `only`: later migrations that do not depend on it, with commas between them.
    #[param(pattern = "^[0-9]{1,19}(,[0-9]{1,19})*$")]
    pub(super) independent: Option<String>,
    /// Add the lints, which read the data that the migrations would meet.
    #[param(required = false)]
    pub(super) lint: bool,
    /// Up: include pending migrations that are older than the newest applied one.
    #[param(required = false)]
    pub(super) allow_out_of_order: bool,
}

/// A plan that was requested.
pub(super) enum Planned<'a> {
    Up(crate::Up<'a>),
    Down(crate::Down<'a>),
}

impl PlanQuery {
    pub(super) fn check(&self) -> Result<(), Problem> {
        match self.direction {
            Way::Down if self.allow_out_of_order => {
                Err(Problem::usage("`allow_out_of_order` needs `direction=up`"))
            }
            Way::Down => self.target(&self.independent()?).check(),
            Way::Up if self.batch || self.all => {
                Err(Problem::usage("`batch` and `all` need `direction=down`"))
            }
            Way::Up if self.is_back() => Err(Problem::usage(
                "`to_release`, `to_tag`, `only` and `independent` need `direction=down`",
            )),
            Way::Up => {
                bounded("to", self.to, 1, i64::MAX)?;
                self.target(&[]).check()
            }
        }
    }

    pub(super) fn policy(&self, migrator: Migrator) -> Migrator {
        policy(migrator, self.allow_out_of_order, false)
    }

    pub(super) fn plan<'a>(&self, migrator: &'a Migrator) -> Planned<'a> {
        match self.direction {
            Way::Up => Planned::Up(up(migrator, self.to, self.steps).lint(self.lint)),
            Way::Down => {
                let independent = self.independent().unwrap_or_default();
                Planned::Down(self.target(&independent).down(migrator).lint(self.lint))
            }
        }
    }

    fn is_back(&self) -> bool {
        let names = [&self.to_release, &self.to_tag, &self.independent];
        self.only.is_some() || names.into_iter().any(Option::is_some)
    }

    fn independent(&self) -> Result<Vec<i64>, Problem> {
        let versions = self.independent.iter().flat_map(|text| text.split(','));
        versions
            .map(|version| {
                version.trim().parse().map_err(|_| {
                    Problem::usage("`independent` has versions with commas between them: `3,5`")
                })
            })
            .collect()
    }

    fn target<'a>(&'a self, independent: &'a [i64]) -> Target<'a> {
        Target {
            to: self.to,
            steps: self.steps,
            batch: self.batch,
            all: self.all,
            to_release: self.to_release.as_deref(),
            to_tag: self.to_tag.as_deref(),
            only: self.only,
            independent,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_request_has_one_target() {
        let down = |text: &str| serde_json::from_str::<DownRequest>(text).unwrap().check().is_ok();
        for right in [
            "{}",
            r#"{"to": 0}"#,
            r#"{"to_release": "shop 1.3.9"}"#,
            r#"{"to_tag": "v1", "why": "no"}"#,
            r#"{"only": 3, "independent": [4, 5]}"#,
        ] {
            assert!(down(right), "{right}");
        }
        for wrong in [
            r#"{"to": 1, "steps": 1}"#,
            r#"{"to_release": "a", "to_tag": "b"}"#,
            r#"{"only": 3, "all": true}"#,
            r#"{"only": 0}"#,
            r#"{"to_release": ""}"#,
            r#"{"independent": [4]}"#,
            r#"{"only": 3, "independent": [0]}"#,
        ] {
            assert!(!down(wrong), "{wrong}");
        }
        let plan = |direction, only, independent: &str| {
            let independent = Some(independent.to_owned());
            PlanQuery { direction, only, independent, ..PlanQuery::default() }.check().is_ok()
        };
        assert!(plan(Way::Down, Some(3), "4,5"));
        assert!(!plan(Way::Down, Some(3), "4,x"));
        assert!(!plan(Way::Down, None, "4"));
        assert!(!plan(Way::Up, None, "4"));
    }
}
