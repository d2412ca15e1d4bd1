//! Pure: facts in, findings out, each with what it means and what to do.

mod capacity;
mod features;
mod history;
mod members;
mod needs;
mod policies;
mod rights;
mod server;
mod waits;

pub(super) use self::{capacity::oplog_window_s, features::feature_version};
use super::facts::Facts;
use crate::model::report::doctor::DoctorFinding as Finding;

/// Every finding, in the order of the checks.
pub(super) fn judge(facts: &Facts) -> Vec<Finding> {
    let mut findings = server::findings(facts);
    findings.extend(rights::findings(facts));
    findings.extend(history::findings(facts));
    findings.extend(policies::findings(facts));
    findings.extend(waits::findings(facts));
    findings.extend(capacity::findings(facts));
    findings.extend(features::findings(facts));
    findings
}

#[cfg(test)]
pub(super) mod tests {
    use std::time::Duration;

    use mongodb::bson::{DateTime, Document, doc};

    use super::*;
    use crate::{
        model::report::doctor::{DoctorCheck as Check, DoctorVerdict as Verdict},
        mongo::{code, privileges::Privileges, server_error::ServerError},
    };

    /// A healthy replica set of three with a user that may do everything.
    pub(in crate::verbs::doctor) fn healthy() -> Facts {
        let all = doc! { "resource": { "anyResource": true }, "actions": ["anyAction"] };
        let info = doc! {
            "authenticatedUsers": [{ "user": "root", "db": "admin" }],
            "authenticatedUserPrivileges": [all],
        };
        let at = |seconds: i64| doc! { "ts": DateTime::from_millis(seconds * 1_000) };
        Facts {
            database: "shop".to_owned(),
            control: "migrations".to_owned(),
            hello: doc! {
                "setName": "rs0", "isWritablePrimary": true, "hosts": ["a:1", "b:1", "c:1"],
            },
            build_info: doc! { "version": "6.0.5" },
            config: Ok(doc! { "members": [{ "votes": 1 }, { "votes": 1 }, { "votes": 1 }] }),
            round_trip: Duration::from_millis(1),
            clock_ahead_ms: Some(3),
            privileges: Ok(Privileges::parse(&doc! { "authInfo": info }).unwrap()),
            parameters: Ok(doc! {
                "featureCompatibilityVersion": { "version": "6.0" },
                "transactionLifetimeLimitSeconds": 60,
            }),
            defaults: Ok(doc! { "defaultWriteConcern": { "w": "majority" } }),
            kill_sessions: Ok(()),
            majority: Ok(Duration::from_millis(4)),
            status: Ok(doc! {
                "oplog": { "earliestOptime": at(0), "latestOptime": at(200_000) },
                "wiredTiger": { "cache": { "maximum bytes configured": 4_i64 << 30 } },
            }),
            oplog_bytes: Ok(10 << 30),
            state: Ok(()),
            log: None,
            plan: Ok(()),
            policies: Ok(Vec::new()),
            refusals: Vec::new(),
            pending: Some(Vec::new()),
            search: Ok(()),
        }
    }

    pub(in crate::verbs::doctor) fn of(facts: &Facts, check: Check) -> Finding {
        let all = judge(facts).into_iter().filter(|finding| finding.check == check);
        all.max_by_key(|finding| finding.verdict).unwrap()
    }

    #[test]
    fn a_healthy_server_has_no_worse_finding_than_ok() {
        for finding in judge(&healthy()) {
            assert_eq!(finding.verdict, Verdict::Ok, "{finding:?}");
        }
    }

    #[test]
    fn what_may_not_be_read_is_unknown_and_never_an_error() {
        let refused = || ServerError::in_reply("not authorized", Some(code::UNAUTHORIZED));
        let mut facts = healthy();
        facts.privileges = Err(refused());
        facts.parameters = Err(refused());
        facts.defaults = Err(refused());
        facts.majority = Err(refused());
        facts.status = Err(refused());
        let findings = judge(&facts);
        assert!(findings.iter().all(|finding| finding.verdict <= Verdict::Unknown), "{findings:?}");
        for check in
            [Check::Right, Check::TransactionLifetime, Check::WriteConcern, Check::Majority]
        {
            let finding = of(&facts, check);
            assert_eq!(finding.verdict, Verdict::Unknown, "{finding:?}");
            let way_out = if check == Check::Majority { "`find`" } else { "clusterMonitor" };
            assert!(finding.way_out.unwrap().contains(way_out));
        }
    }

    #[test]
    fn whatever_a_server_answers_nothing_panics() {
        let mut facts = healthy();
        for odd in
            [doc! {}, doc! { "version": 3, "oplog": 1, "hosts": "x", "defaultWriteConcern": [] }]
        {
            facts.hello = odd.clone();
            facts.build_info = odd.clone();
            facts.parameters = Ok(odd.clone());
            facts.defaults = Ok(odd.clone());
            facts.config = Ok(odd.clone());
            facts.status = Ok(odd);
            assert!(!judge(&facts).is_empty());
        }
        let huge: Document = doc! { "transactionLifetimeLimitSeconds": i64::MAX };
        facts.parameters = Ok(huge);
        facts.clock_ahead_ms = Some(i64::MIN);
        facts.majority = Ok(Duration::MAX);
        assert!(!judge(&facts).is_empty());
    }
}
