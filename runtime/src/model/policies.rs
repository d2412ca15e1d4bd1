//! Policies: what a run may do, as data. The rules are those of `mongrate.toml` (`mongrate_seal::policies`).

use std::fmt;

use chrono::{DateTime, Datelike as _, TimeDelta, Timelike as _, Utc};
use mongrate_seal::policies::{
    FILE, Placed,
    rule::{Rule, is_like},
    window::{Window, closed_for},
};
use serde::{Deserialize, Serialize};

use super::{invalid_setting::InvalidSetting, lint::LintName};

/// Rules for the runs of a [`Migrator`](crate::Migrator), beside those of the `mongrate.toml` files of the
/// linked packages. All of them hold: a run is refused if one rule refuses it.
///
/// The values have the form that `mongrate.toml` has; the guide `docs/policies.md` describes them. A value
/// that cannot be read is refused with [`Error::Settings`](crate::Error::Settings) when a verb begins, before
/// a connection is made.
///
/// ```
/// use mongrate::{LintName, Policies};
///
/// let policies = Policies::new()
///     .deny(LintName::LargeTransaction)
///     .no_runs("mon-fri 08:00-18:00+01:00")
///     .only("down", ["mongodb:sre"])
///     .max_backfill_without_plan(1_000_000)
///     .exempt("*_test");
/// assert_eq!(policies.rules().count(), 5);
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Policies {
    rules: Vec<Rule>,
    /// What could not be read.
    wrong: Vec<String>,
}

impl Policies {
    /// No rules.
    pub const fn new() -> Self {
        Self { rules: Vec::new(), wrong: Vec::new() }
    }

    fn add(mut self, key: &str, value: &str) -> Self {
        match Rule::parse(key, value) {
            Ok(rule) => self.rules.push(rule),
            Err(problem) => self.wrong.push(problem),
        }
        self
    }

    /// A lint is an error: what has it is not run, unless the migration's attribute acknowledges it
    /// (`allow = "…"`). `--allow` and [`Migrator::allow`](crate::Migrator::allow) do not.
    #[must_use]
    pub fn deny(self, lint: LintName) -> Self {
        self.add("deny", lint.as_str())
    }

    /// Every lint is an error, as in [`deny`](Self::deny).
    #[must_use]
    pub fn deny_all(self) -> Self {
        self.add("deny", "all")
    }

    /// Hours in which no run begins, by the server's clock: `08:00-18:00` (UTC, every day),
    /// `mon-fri 08:00-18:00+01:00`, `sat,sun`. A run that is under way when they begin waits, after the
    /// migration or batch at hand, until they end.
    #[must_use]
    pub fn no_runs(self, hours: &str) -> Self {
        self.add("no_runs", hours)
    }

    /// Only these may use a verb: `up`, `down` (`redo` needs both), `baseline`, `import`, `resolve`,
    /// `repair`, `purge`, `force_unlock`, `tag` (to set and to remove one), `audit` (to enable, disable and
    /// prune the log), `pause`, `resume`, `tune`, `cancel`. Callers are `mongodb:USER`, `http:TOKEN`, `http`, `cli`, `app:NAME` and
    /// `library`; an empty list means nobody.
    #[must_use]
    pub fn only<'a>(self, verb: &str, callers: impl IntoIterator<Item = &'a str>) -> Self {
        let callers: Vec<&str> = callers.into_iter().collect();
        self.add(&format!("only.{verb}"), &callers.join(", "))
    }

    /// The most documents that one backfill changes without an approved plan.
    #[must_use]
    pub fn max_backfill_without_plan(self, documents: u64) -> Self {
        self.add("max_without_plan.backfill", &documents.to_string())
    }

    /// The most documents in the collections that one transactional migration writes many documents of,
    /// without an approved plan.
    #[must_use]
    pub fn max_transaction_without_plan(self, documents: u64) -> Self {
        self.add("max_without_plan.transaction", &documents.to_string())
    }

    /// Every run needs an approved plan ([`Up::approved`](crate::Up::approved)).
    #[must_use]
    pub fn plan_required(self) -> Self {
        self.add("plan_required", "true")
    }

    /// These rules do not hold in databases of this name: `shop_dev`, `*_test`.
    #[must_use]
    pub fn exempt(self, database: &str) -> Self {
        self.add("exempt", database)
    }

    /// The rules, each as a line of `mongrate.toml`, with the key of a table in front of its name.
    pub fn rules(&self) -> impl Iterator<Item = String> {
        self.rules.iter().map(Rule::to_string)
    }

    pub(crate) fn check(&self) -> Result<(), InvalidSetting> {
        if self.wrong.is_empty() {
            return Ok(());
        }
        Err(InvalidSetting { setting: "policies", problem: self.wrong.join("; ") })
    }

    /// The rules as they hold in a database.
    pub(crate) fn in_force(&self, database: &str) -> Vec<RuleInForce> {
        holding(database, self.rules.iter().map(|rule| (rule, "Migrator::policies".to_owned())))
    }
}

/// The rules of a crate's file, as they hold in a database.
pub(crate) fn of_file(crate_name: &str, rules: &[Placed], database: &str) -> Vec<RuleInForce> {
    let placed = rules.iter();
    holding(
        database,
        placed.map(|Placed { line, rule }| (rule, format!("{FILE}:{line} of `{crate_name}`"))),
    )
}

/// The rules of one source; none if it exempts the database.
fn holding<'a>(
    database: &str,
    rules: impl Iterator<Item = (&'a Rule, String)> + Clone,
) -> Vec<RuleInForce> {
    let exempts = |rule: &Rule| matches!(rule, Rule::Exempt(pattern) if is_like(pattern, database));
    if rules.clone().any(|(rule, _)| exempts(rule)) {
        return Vec::new();
    }
    let rules = rules.filter(|(rule, _)| !matches!(rule, Rule::Exempt(_)));
    rules.map(|(rule, place)| RuleInForce { rule: rule.clone(), place }).collect()
}

/// A rule that holds, and where it is written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct RuleInForce {
    pub rule: Rule,
    pub place: String,
}

impl RuleInForce {
    pub(crate) fn report(&self) -> PolicyReport {
        PolicyReport { rule: self.rule.to_string(), place: self.place.clone() }
    }

    pub(crate) fn refuses(&self, problem: String, way_out: String) -> PolicyRefusal {
        let PolicyReport { rule, place } = self.report();
        PolicyRefusal { rule, place, problem, way_out }
    }
}

/// One policy that holds, and where it is written.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct PolicyReport {
    /// The rule, such as `deny = "large_transaction"`.
    pub rule: String,
    /// Where it is written: `mongrate.toml:3 of `shop``, or `Migrator::policies`.
    pub place: String,
}

/// What a policy refused.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct PolicyRefusal {
    /// The rule, such as `deny = "large_transaction"`.
    pub rule: String,
    /// Where it is written: `mongrate.toml:3 of `shop``, or `Migrator::policies`.
    pub place: String,
    /// What is refused.
    pub problem: String,
    /// What to do.
    pub way_out: String,
}

impl fmt::Display for PolicyRefusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { rule, place, problem, way_out } = self;
        write!(f, "{problem} ({place}: {rule}); {way_out}")
    }
}

/// Until when these windows last, if one is open. `Err`: they never end.
pub(crate) fn closed_until(
    windows: &[Window],
    now: DateTime<Utc>,
) -> Option<Result<DateTime<Utc>, ()>> {
    const WEEK: i64 = 7 * 24 * 60;
    let day = i64::from(now.weekday().num_days_from_monday());
    let minute = day * 24 * 60 + i64::from(now.hour()) * 60 + i64::from(now.minute());
    let left = closed_for(windows, minute)?;
    if left >= WEEK {
        return Some(Err(()));
    }
    let into = TimeDelta::milliseconds(now.timestamp_millis().rem_euclid(60_000));
    Some(Ok(now + TimeDelta::minutes(left) - into))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_source_that_exempts_a_database_says_nothing_of_it() {
        let policies = Policies::new().deny_all().exempt("*_test");
        assert_eq!(policies.in_force("shop_test"), []);
        assert_eq!(policies.in_force("shop").len(), 1);
    }

    #[test]
    fn a_value_that_cannot_be_read_is_refused() {
        let wrong = Policies::new().no_runs("8-18").only("donw", ["cli"]).check();
        let text = wrong.map_err(|error| error.to_string()).unwrap_err();
        assert!(text.starts_with("policies: `8-18` names no hours"), "{text}");
        assert!(text.contains("did you mean `down`?"), "{text}");
    }

    #[test]
    fn a_closed_hour_ends_at_its_minute() {
        let at = |text: &str| text.parse::<DateTime<Utc>>().unwrap();
        let windows = ["mon-fri 08:00-18:00+01:00".parse().unwrap()];
        // A Monday.
        let cases = [
            ("2026-11-30T06:59:59.9Z", None),
            ("2026-11-30T07:00:00Z", Some("2026-11-30T17:00:00Z")),
            ("2026-11-30T16:59:59.5Z", Some("2026-11-30T17:00:00Z")),
            ("2026-11-30T17:00:00Z", None),
            ("2026-11-29T12:00:00Z", None),
        ];
        for (now, until) in cases {
            let found = closed_until(&windows, at(now)).map(Result::unwrap);
            assert_eq!(found, until.map(at), "{now}");
        }
        let always = ["mon-sun".parse().unwrap()];
        assert_eq!(closed_until(&always, at("2026-11-30T12:00:00Z")), Some(Err(())));
    }
}
