//! One rule, read from its key and its value. The one reading of both `mongrate.toml` and the builder.

use std::fmt;

use super::{caller::Caller, window::Window};
use crate::{lints::LINTS, nearest::nearest};

/// The verbs that `[only]` may name.
pub const VERBS: [&str; 14] = [
    "up",
    "down",
    "baseline",
    "import",
    "resolve",
    "repair",
    "purge",
    "force_unlock",
    "tag",
    "audit",
    "pause",
    "resume",
    "tune",
    "cancel",
];

/// The keys outside of tables.
pub const KEYS: [&str; 4] = ["deny", "no_runs", "plan_required", "exempt"];

/// The keys of the table `[max_without_plan]`.
pub const LIMITS: [&str; 2] = ["backfill", "transaction"];

/// The tables.
pub const TABLES: [&str; 2] = ["max_without_plan", "only"];

/// One rule.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Rule {
    /// `deny`: a lint is an error. `None`: each lint is.
    Deny(Option<String>),
    /// `no_runs`: no run begins in these hours.
    NoRuns(Window),
    /// `plan_required`: `up` and `down` run an approved plan only.
    PlanRequired,
    /// `exempt`: the rules of the same source do not hold in databases of such a name.
    Exempt(String),
    /// `max_without_plan.backfill`: the most documents of one backfill without an approved plan.
    BackfillMax(u64),
    /// `max_without_plan.transaction`: the most documents of one transaction without an approved plan.
    TransactionMax(u64),
    /// `only.VERB`: only these may use the verb.
    Only(&'static str, Vec<Caller>),
}

impl Rule {
    /// Reads the rule of a key, which is `only.down` for `down` in the table `[only]`.
    ///
    /// # Errors
    ///
    /// What is wrong with the key or the value, with the way out.
    pub fn parse(key: &str, value: &str) -> Result<Self, String> {
        match key {
            "deny" if value == "all" => Ok(Self::Deny(None)),
            "deny" => lint(value).map(|name| Self::Deny(Some(name))),
            "no_runs" => value.parse().map(Self::NoRuns),
            "plan_required" if value == "true" => Ok(Self::PlanRequired),
            "exempt" => pattern(value).map(Self::Exempt),
            "max_without_plan.backfill" => documents(value).map(Self::BackfillMax),
            "max_without_plan.transaction" => documents(value).map(Self::TransactionMax),
            _ => match key.strip_prefix("only.") {
                Some(verb) => only(verb, value),
                None => Err(unknown_key(key)),
            },
        }
    }

    /// The key of the rule.
    pub fn key(&self) -> String {
        match self {
            Self::Deny(_) => "deny".to_owned(),
            Self::NoRuns(_) => "no_runs".to_owned(),
            Self::PlanRequired => "plan_required".to_owned(),
            Self::Exempt(_) => "exempt".to_owned(),
            Self::BackfillMax(_) => "max_without_plan.backfill".to_owned(),
            Self::TransactionMax(_) => "max_without_plan.transaction".to_owned(),
            Self::Only(verb, _) => format!("only.{verb}"),
        }
    }

    /// The value of the rule, in the form that [`parse`](Self::parse) reads.
    pub fn value(&self) -> String {
        match self {
            Self::Deny(lint) => lint.clone().unwrap_or_else(|| "all".to_owned()),
            Self::NoRuns(window) => window.to_string(),
            Self::PlanRequired => "true".to_owned(),
            Self::Exempt(pattern) => pattern.clone(),
            Self::BackfillMax(documents) | Self::TransactionMax(documents) => documents.to_string(),
            Self::Only(_, callers) => {
                callers.iter().map(Caller::to_string).collect::<Vec<_>>().join(", ")
            }
        }
    }
}

impl fmt::Display for Rule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (key, value) = (self.key(), self.value());
        match self {
            Self::PlanRequired | Self::BackfillMax(_) | Self::TransactionMax(_) => {
                write!(f, "{key} = {value}")
            }
            Self::Only(_, callers) => {
                let quoted: Vec<String> =
                    callers.iter().map(|caller| format!("\"{caller}\"")).collect();
                write!(f, "{key} = [{}]", quoted.join(", "))
            }
            _ => write!(f, "{key} = \"{value}\""),
        }
    }
}

/// The error for a key that there is not.
pub fn unknown_key(key: &str) -> String {
    let inner = LIMITS.iter().map(|key| format!("max_without_plan.{key}"));
    let verbs = VERBS.iter().map(|verb| format!("only.{verb}"));
    let outer = KEYS.iter().chain(&TABLES).map(ToString::to_string);
    let all: Vec<String> = outer.chain(inner).chain(verbs).collect();
    // Of a table's key, the last part may be all that is wrong.
    let meant = nearest(key, all.iter().map(String::as_str)).map(|meant| format!("`{meant}`"));
    let key = key.escape_debug();
    match meant {
        Some(meant) => format!("there is no key `{key}`; did you mean {meant}?"),
        None => format!(
            "there is no key `{key}`; the keys are `{}`, and the tables `[{}]`",
            KEYS.join("`, `"),
            TABLES.join("]`, `[")
        ),
    }
}

fn lint(name: &str) -> Result<String, String> {
    if LINTS.contains(&name) {
        return Ok(name.to_owned());
    }
    let shown = name.escape_debug();
    Err(match nearest(&name.to_ascii_lowercase(), LINTS) {
        Some(meant) => format!("there is no lint `{shown}`; did you mean `{meant}`?"),
        None => format!(
            "there is no lint `{shown}`; the lints are `{}`, and \"all\" means each",
            LINTS.join("`, `")
        ),
    })
}

fn pattern(text: &str) -> Result<String, String> {
    let inner = text.trim_start_matches('*').trim_end_matches('*');
    let is_wrong = |c: char| {
        matches!(c, '/' | '\\' | '.' | '"' | '$' | '*') || c.is_control() || c.is_whitespace()
    };
    if inner.is_empty() || inner.contains(is_wrong) {
        return Err(format!(
            "`{}` names no database; write a name, with a `*` at its begin or end for any text: \
             `shop_dev`, `*_test`",
            text.escape_debug()
        ));
    }
    Ok(text.to_owned())
}

/// Whether a database's name is of a pattern.
pub fn is_like(pattern: &str, name: &str) -> bool {
    let inner = pattern.trim_start_matches('*').trim_end_matches('*');
    match (pattern.starts_with('*'), pattern.ends_with('*')) {
        (false, false) => name == inner,
        (true, false) => name.ends_with(inner),
        (false, true) => name.starts_with(inner),
        (true, true) => name.contains(inner),
    }
}

fn documents(text: &str) -> Result<u64, String> {
    text.parse().map_err(|_| {
        format!("`{}` is not a number of documents; write 0 or more", text.escape_debug())
    })
}

fn only(verb: &str, value: &str) -> Result<Rule, String> {
    let Some(verb) = VERBS.iter().find(|known| **known == verb) else {
        let shown = verb.escape_debug();
        if verb == "redo" {
            return Err("`[only]` knows no verb `redo`: `down` covers it, as a `redo` rolls back"
                .to_owned());
        }
        return Err(match nearest(&verb.replace('-', "_"), VERBS) {
            Some(meant) => format!("`[only]` knows no verb `{shown}`; did you mean `{meant}`?"),
            None => {
                format!("`[only]` knows no verb `{shown}`; its verbs are `{}`", VERBS.join("`, `"))
            }
        });
    };
    let callers = value.split(',').map(str::trim).filter(|caller| !caller.is_empty());
    Ok(Rule::Only(verb, callers.map(str::parse).collect::<Result<_, String>>()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rule_reads_back_what_it_says() {
        for (key, value) in [
            ("deny", "all"),
            ("deny", "large_transaction"),
            ("no_runs", "mon,tue 08:00-18:00+01:00"),
            ("plan_required", "true"),
            ("exempt", "*_test"),
            ("max_without_plan.backfill", "1000000"),
            ("max_without_plan.transaction", "0"),
            ("only.down", "mongodb:sre@admin, http:alice"),
            ("only.purge", ""),
            ("only.audit", "cli"),
            ("only.cancel", "http:ops"),
        ] {
            let rule = Rule::parse(key, value).unwrap_or_else(|error| panic!("{error}"));
            assert_eq!((rule.key().as_str(), rule.value().as_str()), (key, value));
        }
    }

    #[test]
    fn a_mistake_is_told_with_what_was_meant() {
        for (key, value, text) in [
            ("denny", "all", "did you mean `deny`?"),
            ("max_without_plan.backfil", "1", "did you mean `max_without_plan.backfill`?"),
            ("colour", "red", "the keys are `deny`"),
            ("deny", "large_transactions", "did you mean `large_transaction`?"),
            ("deny", "zzz", "\"all\" means each"),
            ("only.downs", "cli", "did you mean `down`?"),
            ("only.tags", "cli", "did you mean `tag`?"),
            ("only.force-unlock", "cli", "did you mean `force_unlock`?"),
            ("only.status", "cli", "its verbs are"),
            ("only.redo", "cli", "`down` covers it"),
            ("only.down", "http:", "names nobody"),
            ("only.down", "alice", "names nobody"),
            ("exempt", "*", "names no database"),
            ("exempt", "a*b", "names no database"),
            ("max_without_plan.backfill", "-1", "not a number of documents"),
        ] {
            let problem = Rule::parse(key, value).expect_err(key);
            assert!(problem.contains(text), "{key} = {value}: {problem}");
        }
    }

    #[test]
    fn databases_are_exempt_by_their_names() {
        for (pattern, name, is) in [
            ("shop", "shop", true),
            ("shop", "shop2", false),
            ("*_test", "shop_test", true),
            ("*_test", "shop_test2", false),
            ("dev_*", "dev_shop", true),
            ("*tmp*", "a_tmp_b", true),
        ] {
            assert_eq!(is_like(pattern, name), is, "{pattern} {name}");
        }
    }
}
