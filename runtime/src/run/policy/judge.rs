//! Pure: rules and facts in, refusals out. Reads no clock and knows no driver.

use chrono::{DateTime, Utc};
use mongrate_seal::policies::{caller::Caller, rule::Rule, window::Window};

use crate::model::{
    kind::MigrationKind,
    lint::Lint,
    numbers::grouped,
    plan_file::PlanFileStep,
    policies::{PolicyRefusal, RuleInForce, closed_until},
    state::Door,
};

/// What is asked, and by whom.
pub(super) struct Asked<'a> {
    /// The verbs that the caller has to be allowed: the first is the one that is run, or that begins it.
    pub verbs: &'a [&'static str],
    pub door: &'a Door,
    pub app: &'a str,
}

/// What was read for the rules that hold.
pub(super) struct Facts<'a> {
    /// The MongoDB users of the connection, with their databases.
    pub users: &'a [(String, String)],
    /// The server's time; none if no rule asks for it.
    pub now: Option<DateTime<Utc>>,
    /// The lints that no attribute acknowledges.
    pub lints: &'a [Lint],
    /// The steps with their sizes; none if no rule asks for them.
    pub steps: &'a [PlanFileStep],
    /// Whether an approved plan is run.
    pub is_approved: bool,
    /// Whether there is a plan file of such a run.
    pub can_be_planned: bool,
}

const APPROVE: &str = "approve a plan: `plan --out FILE`, then `up --plan FILE`";

/// Everything that the rules refuse of a run.
pub(super) fn judge(
    rules: &[RuleInForce],
    asked: &Asked<'_>,
    facts: &Facts<'_>,
) -> Vec<PolicyRefusal> {
    let verb = asked.verbs.first().copied().unwrap_or_default();
    let mut refusals = permit(rules, asked, facts.users);
    refusals.extend(closed(rules, facts.now));
    refusals.extend(denied(rules, facts.lints));
    if !facts.is_approved {
        for held in rules {
            match held.rule {
                Rule::PlanRequired => {
                    let way_out = match (facts.can_be_planned, verb) {
                        (false, _) => {
                            "`redo` has no plan: approve one of `down` and one of `up`".to_owned()
                        }
                        (true, "down") => {
                            "approve one: `down --out FILE`, then `down --plan FILE`".to_owned()
                        }
                        (true, _) => APPROVE.to_owned(),
                    };
                    let problem = format!("{verb} needs an approved plan");
                    refusals.push(held.refuses(problem, way_out));
                }
                Rule::BackfillMax(most) => {
                    refusals
                        .extend(facts.steps.iter().filter_map(|step| backfill(held, step, most)));
                }
                Rule::TransactionMax(most) => {
                    refusals.extend(
                        facts.steps.iter().filter_map(|step| transaction(held, step, most)),
                    );
                }
                _ => {}
            }
        }
    }
    refusals
}

/// What the rules refuse because of who calls.
pub(super) fn permit(
    rules: &[RuleInForce],
    asked: &Asked<'_>,
    users: &[(String, String)],
) -> Vec<PolicyRefusal> {
    let Asked { verbs, door, app } = asked;
    let refuse = |held: &RuleInForce| {
        let Rule::Only(of, callers) = &held.rule else { return None };
        if !verbs.contains(of) || callers.iter().any(|caller| is(caller, door, app, users)) {
            return None;
        }
        let way_out = match callers.as_slice() {
            [] => "nobody may: the rule has to change first".to_owned(),
            some => {
                let some: Vec<String> = some.iter().map(|caller| format!("`{caller}`")).collect();
                format!("ask one of those who may: {}", some.join(", "))
            }
        };
        let verb = of.replace('_', "-");
        Some(held.refuses(format!("{} may not use {verb}", called(door, app, users)), way_out))
    };
    rules.iter().filter_map(refuse).collect()
}

/// Whether the call is one of this caller's. A signed-in user of the HTTP interface is nobody else: the
/// connection and the app are not the user's.
fn is(caller: &Caller, door: &Door, app: &str, users: &[(String, String)]) -> bool {
    #[cfg(feature = "http")]
    if let Door::Http(user) = door {
        return matches!(caller, Caller::Http(name) if name.as_ref().is_none_or(|name| name == user));
    }
    match caller {
        Caller::Http(_) => false,
        Caller::Library => *door == Door::Library,
        // Nothing else is left.
        Caller::Cli => *door != Door::Library,
        Caller::App(name) => Caller::is_app(name, app),
        // A user may be called what looks like another user with its database.
        Caller::Mongodb(name) => match name.rsplit_once('@') {
            Some((user, database)) => {
                users.iter().any(|(its, of)| (user, database) == (its.as_str(), of.as_str()))
            }
            None => users.iter().any(|(user, _)| user == name),
        },
    }
}

/// The caller in words.
fn called(door: &Door, app: &str, users: &[(String, String)]) -> String {
    let mut called = match door {
        Door::Library => "code of the app".to_owned(),
        #[cfg(feature = "cli")]
        Door::Cli => "the command line".to_owned(),
        #[cfg(feature = "http")]
        Door::Http(user) => return format!("`http:{user}`"),
    };
    if !app.is_empty() {
        called += &format!(" of `{app}`");
    }
    for (user, database) in users {
        called += &format!(", as `mongodb:{user}@{database}`");
    }
    called
}

/// What the hours refuse.
fn closed(rules: &[RuleInForce], now: Option<DateTime<Utc>>) -> Vec<PolicyRefusal> {
    let Some(now) = now else { return Vec::new() };
    let all: Vec<Window> = rules.iter().filter_map(window).collect();
    let Some(until) = closed_until(&all, now) else { return Vec::new() };
    let open = rules
        .iter()
        .filter(|held| window(held).is_some_and(|window| closed_until(&[window], now).is_some()));
    let way_out = match until {
        Ok(until) => format!(
            "wait until {}, or start it now with `--not-before {}`",
            until.format("%a %Y-%m-%d %H:%M UTC"),
            until.format("%Y-%m-%dT%H:%M:%SZ")
        ),
        Err(()) => "these hours never end: the rule has to change first".to_owned(),
    };
    open.map(|held| {
        let problem =
            format!("nothing runs now, at {} by the server's clock", now.format("%a %H:%M UTC"));
        held.refuses(problem, way_out.clone())
    })
    .collect()
}

fn window(held: &RuleInForce) -> Option<Window> {
    match held.rule {
        Rule::NoRuns(window) => Some(window),
        _ => None,
    }
}

/// The lints that are errors.
pub(super) fn denied(rules: &[RuleInForce], lints: &[Lint]) -> Vec<PolicyRefusal> {
    let rule_for = |lint: &Lint| {
        rules.iter().find(|held| match &held.rule {
            Rule::Deny(None) => true,
            Rule::Deny(Some(name)) => name == lint.name.as_str(),
            _ => false,
        })
    };
    let refuse = |lint: &Lint| {
        let way_out = format!(
            "change the migration (`plan` shows the better code), or acknowledge the lint in its \
             attribute: `allow = \"{}\"`",
            lint.name
        );
        Some(rule_for(lint)?.refuses(lint.to_string(), way_out))
    };
    lints.iter().filter_map(refuse).collect()
}

fn backfill(held: &RuleInForce, step: &PlanFileStep, most: u64) -> Option<PolicyRefusal> {
    let mut found = None;
    for operation in step.operations.iter().filter(|operation| operation.collection.is_some()) {
        let size = match operation.documents {
            Some(documents) if documents <= most => continue,
            Some(documents) => format!("would change {} documents", grouped(documents)),
            // It took longer than 5 s.
            None => "has more documents to change than could be counted".to_owned(),
        };
        let PlanFileStep { version, name, .. } = step;
        found = Some(format!("{version} `{name}`: `{}` {size}", operation.operation));
        break;
    }
    Some(held.refuses(found?, APPROVE.to_owned()))
}

fn transaction(held: &RuleInForce, step: &PlanFileStep, most: u64) -> Option<PolicyRefusal> {
    let documents = step.documents.filter(|documents| *documents > most)?;
    if step.kind != MigrationKind::Transaction {
        return None;
    }
    let PlanFileStep { version, name, .. } = step;
    let problem = format!(
        "{version} `{name}` may write about {} documents in one transaction",
        grouped(documents)
    );
    Some(held.refuses(problem, APPROVE.to_owned()))
}
