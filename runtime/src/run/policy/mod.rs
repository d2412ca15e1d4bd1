//! The policies that hold for a run: gathered, and asked before anything is run. [`judge`] decides, and is
//! pure; this is the edge that reads what it needs. Without a policy, nothing is read.

mod judge;

use mongodb::bson::{Bson, doc};
use mongrate_seal::policies::{caller::Caller, rule::Rule, window::Window};

use self::judge::{Asked, Facts, judge, permit};
use super::{
    Runner,
    plan::{Goal, Step},
};
use crate::{
    model::{
        error::Error,
        kind::MigrationKind,
        lint::Lint,
        plan_file::PlanFileStep,
        policies::{PolicyReport, RuleInForce, of_file},
        state::Direction,
    },
    registry::policies::{POLICY_FILES, of_crates},
};

impl Runner {
    /// The rules that hold: those of the builder, and those of the packages whose migrations this run has.
    pub(crate) fn rules(&self) -> Result<Vec<RuleInForce>, Error> {
        // What is only tried, in a database of its own, is no run that policies are about.
        if self.settings.unthrottled {
            return Ok(Vec::new());
        }
        let database = self.control.database.name();
        let crates = self.registry.seen().map(|seen| seen.crate_name());
        let files = of_crates(&POLICY_FILES, crates)
            .map_err(|problem| Error::Registry { problems: vec![problem] })?;
        let mut rules = self.settings.policies.in_force(database);
        for (crate_name, placed) in files {
            rules.extend(of_file(crate_name, &placed, database));
        }
        Ok(rules)
    }

    /// The rules that hold, to be shown.
    pub(crate) fn policies_in_force(&self) -> Result<Vec<PolicyReport>, Error> {
        Ok(self.rules()?.iter().map(RuleInForce::report).collect())
    }

    /// Refuses a verb that this caller may not use.
    pub(crate) async fn refuse_caller(&self, verb: &'static str) -> Result<(), Error> {
        let rules = self.rules()?;
        self.refuse_caller_of(&rules, &[verb]).await
    }

    async fn refuse_caller_of(
        &self,
        rules: &[RuleInForce],
        verbs: &[&'static str],
    ) -> Result<(), Error> {
        let users = self.users_if_asked(rules, verbs).await?;
        refused(permit(rules, &self.asked(verbs), &users))
    }

    fn asked<'a>(&'a self, verbs: &'a [&'static str]) -> Asked<'a> {
        Asked { verbs, door: &self.settings.door, app: &self.settings.app }
    }

    /// Refuses steps that policies refuse. Returns what the run has to keep to while it is under way.
    pub(crate) async fn refuse_by_policy(
        &self,
        goal: &Goal,
        steps: &[Step],
    ) -> Result<UnderWay, Error> {
        let rules = self.rules()?;
        if rules.is_empty() {
            return Ok(UnderWay::default());
        }
        let verbs: &[&'static str] = match goal {
            Goal::Up(_) => &["up"],
            Goal::Down(_) => &["down"],
            Goal::Redo(_) => &["down", "up"],
        };
        // Where nothing is run, a squash is recorded for what is applied.
        if steps.is_empty() {
            self.refuse_caller_of(&rules, verbs).await?;
            return Ok(UnderWay::default());
        }
        let is = |wanted: fn(&Rule) -> bool| rules.iter().any(|held| wanted(&held.rule));
        let users = self.users_if_asked(&rules, verbs).await?;
        let now = match is(|rule| matches!(rule, Rule::NoRuns(_))) {
            true => Some(self.server_time().await?),
            false => None,
        };
        let lints = self.denied(&rules, steps).await?;
        let is_sized = |rule: &Rule| matches!(rule, Rule::BackfillMax(_) | Rule::TransactionMax(_));
        let is_approved = self.approved.is_some();
        let sized = match !is_approved && is(is_sized) {
            true => self.sized(steps).await?,
            false => Vec::new(),
        };
        let can_be_planned = !matches!(goal, Goal::Redo(_));
        let facts =
            Facts { users: &users, now, lints: &lints, steps: &sized, is_approved, can_be_planned };
        refused(judge(&rules, &self.asked(verbs), &facts))?;
        Ok(UnderWay::of(&rules, is_approved))
    }

    /// The lints that policies make errors, refused as such: for `check`.
    pub(crate) async fn refuse_denied(&self, steps: &[Step]) -> Result<(), Error> {
        let rules = self.rules()?;
        let lints = self.denied(&rules, steps).await?;
        refused(judge::denied(&rules, &lints))
    }

    /// The lints of the steps, if a policy asks. What was acknowledged for this one call counts.
    async fn denied(&self, rules: &[RuleInForce], steps: &[Step]) -> Result<Vec<Lint>, Error> {
        match rules.iter().any(|held| matches!(held.rule, Rule::Deny(_))) {
            true => self.lints_of(steps).await,
            false => Ok(Vec::new()),
        }
    }

    /// The steps with their sizes, as a plan file has them.
    pub(crate) async fn sized(&self, steps: &[Step]) -> Result<Vec<PlanFileStep>, Error> {
        let shown = self.shown(steps).await;
        let mut sized = Vec::with_capacity(steps.len());
        for (step, shown) in steps.iter().zip(shown) {
            let is_written = step.migration.kind() == MigrationKind::Transaction
                && step.direction == Direction::Up;
            let documents = if is_written { self.written(step).await? } else { None };
            sized.push(PlanFileStep {
                version: shown.version,
                name: shown.name,
                kind: shown.kind,
                direction: shown.direction,
                checksum: step.migration.checksum().into_owned(),
                recorded: None,
                resumes: shown.resumes,
                operations: shown.operations,
                documents,
            });
        }
        Ok(sized)
    }

    /// About how many documents the collections have of which a body writes many documents.
    async fn written(&self, step: &Step) -> Result<Option<u64>, Error> {
        let collections = step.migration.descriptor.hints.writes.to_vec();
        let mut sum = None;
        for collection in collections {
            let count = self.control.retrying(None, doc! { "count": collection }).await;
            let count = count.map_err(|error| Error::server("count documents", error))?;
            let count = u64::try_from(crate::mongo::reply::touched(&count)).unwrap_or(0);
            sum = Some(sum.unwrap_or(0_u64).saturating_add(count));
        }
        Ok(sum)
    }

    /// The MongoDB users of the connection, if a rule for one of these verbs asks for them.
    async fn users_if_asked(
        &self,
        rules: &[RuleInForce],
        verbs: &[&'static str],
    ) -> Result<Vec<(String, String)>, Error> {
        let is_asked = rules.iter().any(|held| match &held.rule {
            Rule::Only(of, callers) => {
                verbs.contains(of)
                    && callers.iter().any(|caller| matches!(caller, Caller::Mongodb(_)))
            }
            _ => false,
        });
        if !is_asked {
            return Ok(Vec::new());
        }
        let reply = self.control.retrying(None, doc! { "connectionStatus": 1 }).await;
        let reply = reply.map_err(|error| Error::server("ask the server for the user", error))?;
        let users = reply
            .get_document("authInfo")
            .and_then(|info| info.get_array("authenticatedUsers"))
            .map(Vec::as_slice)
            .unwrap_or_default();
        let user = |user: &Bson| {
            let user = user.as_document()?;
            Some((user.get_str("user").ok()?.to_owned(), user.get_str("db").ok()?.to_owned()))
        };
        Ok(users.iter().filter_map(user).collect())
    }
}

fn refused(refusals: Vec<crate::model::policies::PolicyRefusal>) -> Result<(), Error> {
    if refusals.is_empty() { Ok(()) } else { Err(Error::Policy(refusals)) }
}

/// What a run has to keep to while it is under way.
#[derive(Clone, Debug, Default)]
pub(crate) struct UnderWay {
    pub closed: Vec<Window>,
    /// The largest backfill, and the rule that says so.
    pub backfill_max: Option<(u64, RuleInForce)>,
}

impl UnderWay {
    fn of(rules: &[RuleInForce], is_approved: bool) -> Self {
        let closed = rules.iter().filter_map(|held| match held.rule {
            Rule::NoRuns(window) => Some(window),
            _ => None,
        });
        let most = rules.iter().filter_map(|held| match held.rule {
            Rule::BackfillMax(documents) if !is_approved => Some((documents, held.clone())),
            _ => None,
        });
        Self { closed: closed.collect(), backfill_max: most.min_by_key(|(most, _)| *most) }
    }
}
