//! The policies that hold, and what they refuse of what is pending now.

use crate::{
    model::{
        error::kind::Kind,
        policies::{PolicyRefusal, PolicyReport},
        report::doctor::{
            DoctorCheck as Check, DoctorFinding as Finding, DoctorVerdict as Verdict,
        },
    },
    verbs::doctor::{
        facts::Facts,
        finding::{error, finding},
    },
};

pub(super) fn findings(facts: &Facts) -> Vec<Finding> {
    let rules = match &facts.policies {
        Ok(rules) => rules,
        Err(problem) => {
            return vec![
                error(Check::Policies, problem.kind(), problem.to_string())
                    .means("every run ends with this error, before anything is read")
                    .way_out("mend the policy file, and build again"),
            ];
        }
    };
    if facts.refusals.is_empty() {
        return vec![finding(Check::Policies, Verdict::Ok, listed(rules))];
    }
    facts.refusals.iter().map(refused).collect()
}

fn listed(rules: &[PolicyReport]) -> String {
    if rules.is_empty() {
        return "none holds for this database".to_owned();
    }
    let all: Vec<String> =
        rules.iter().map(|held| format!("{} ({})", held.rule, held.place)).collect();
    format!("none refuses what is pending now: {}", all.join(", "))
}

fn refused(refusal: &PolicyRefusal) -> Finding {
    let PolicyRefusal { rule, place, problem, way_out } = refusal;
    error(Check::Policies, Kind::NeedsOperator, format!("{problem} ({place}: {rule})"))
        .means("`up` ends with this error, before it runs anything")
        .way_out(way_out.clone())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        model::error::Error,
        verbs::doctor::judge::tests::{healthy, of},
    };

    #[test]
    fn what_holds_is_listed_and_what_is_refused_is_an_error() {
        let mut facts = healthy();
        assert_eq!(of(&facts, Check::Policies).found, "none holds for this database");
        let (rule, place) = ("plan_required".to_owned(), "Migrator::policies".to_owned());
        facts.policies = Ok(vec![PolicyReport { rule: rule.clone(), place: place.clone() }]);
        let found = of(&facts, Check::Policies);
        assert_eq!(found.verdict, Verdict::Ok);
        assert!(found.found.ends_with("plan_required (Migrator::policies)"), "{found:?}");
        let (problem, way_out) = ("no plan".to_owned(), "make one".to_owned());
        facts.refusals = vec![PolicyRefusal { rule, place, problem, way_out }];
        let found = of(&facts, Check::Policies);
        assert_eq!((found.verdict, found.refused), (Verdict::Error, Some(Kind::NeedsOperator)));
        assert_eq!(found.way_out.as_deref(), Some("make one"));
        // The same class as that of the error that the run would end with.
        assert_eq!(Error::Policy(facts.refusals.clone()).kind(), Kind::NeedsOperator);
        facts.policies = Err(Error::Registry { problems: vec!["line 3".to_owned()] });
        assert!(of(&facts, Check::Policies).found.contains("line 3"));
    }
}
