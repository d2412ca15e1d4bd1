//! What a run waits for: a dead process's transaction, a majority; and the clocks, which it does not
//! wait for.

use std::time::Duration;

use mongodb::bson::{Bson, doc};

use super::members::Members;
use crate::{
    model::{
        error::kind::Kind,
        report::doctor::{
            DoctorCheck as Check, DoctorFinding as Finding, DoctorVerdict as Verdict,
        },
    },
    mongo::{code, reply::number},
    verbs::doctor::{
        facts::Facts,
        finding::{MONITOR, answer, error, finding, unknown},
    },
};

/// A majority that needs longer slows every run down.
const MAJORITY_SLOW: Duration = Duration::from_millis(500);

/// A clock that is off by more is worth to know.
const CLOCK_OFF_MS: u64 = 2_000;

/// A transaction that may not last this long is short for a migration.
const LIFETIME_SHORT_S: i64 = 30;

/// A transaction that may last longer keeps old data in the cache, and a take-over waits for it where
/// it cannot be ended.
const LIFETIME_LONG_S: i64 = 600;

pub(super) fn findings(facts: &Facts) -> Vec<Finding> {
    vec![
        kill_sessions(facts),
        write_concern(facts),
        majority(facts),
        clock(facts),
        transaction_lifetime(facts),
    ]
}

fn kill_sessions(facts: &Facts) -> Finding {
    let check = Check::KillSessions;
    match &facts.kill_sessions {
        Ok(()) => {
            let found =
                "a dead process's transaction can be ended at once, if it signed in as this user";
            finding(check, Verdict::Ok, found)
        }
        Err(error) if error.code().is_some() && !error.is_retryable() => {
            let found = format!("`killSessions` is refused: {}", answer(error));
            finding(check, Verdict::Warning, found)
                .means(
                    "if a process dies inside a transaction, the next run waits until the server ends \
                     that transaction by its age: 100 s at most by default. Nothing is run twice",
                )
                .way_out("see the guide \"Which servers work\", \"Servers that refuse `killSessions`\"")
        }
        Err(error) => unknown(check, "whether `killSessions` is allowed", error, MONITOR),
    }
}

fn write_concern(facts: &Facts) -> Finding {
    let check = Check::WriteConcern;
    let defaults = match &facts.defaults {
        Ok(defaults) => defaults,
        Err(error) => return unknown(check, "the server's default write concern", error, MONITOR),
    };
    // Where a majority is the default without being set, servers from 5.0 on tell it here, too.
    let concern = defaults.get_document("defaultWriteConcern").ok();
    let w = concern.and_then(|concern| concern.get("w")).cloned().unwrap_or(Bson::Int32(1));
    let is_majority = match &w {
        Bson::String(w) => w == "majority",
        w => {
            let members = Members::of(facts);
            let w = number(&doc! { "w": w.clone() }, "w").and_then(|w| usize::try_from(w).ok());
            members.is_exact && w.is_some_and(|w| w >= members.majority().max(1))
        }
    };
    let found =
        format!("a write that names no write concern has `w: {}`", w.to_string().replace('"', ""));
    match is_majority {
        true => finding(check, Verdict::Ok, found),
        false => finding(check, Verdict::Note, found).means(
            "Mongrate's writes, and those of migrations, ask for a majority in any case; a write of the \
             app that only the primary has may be lost in an election, and no migration changes that",
        ),
    }
}

fn majority(facts: &Facts) -> Finding {
    let check = Check::Majority;
    match &facts.majority {
        Ok(took) => {
            let found = format!("a majority answers in {} ms", took.as_millis());
            match *took > MAJORITY_SLOW {
                false => finding(check, Verdict::Ok, found),
                true => finding(check, Verdict::Warning, found)
                    .means(
                        "each run waits that long at its end (on a sharded cluster, each commit does), \
                         and so does each operation that is not a transaction",
                    )
                    .way_out("look for members that are behind or far away: `rs.status()`"),
            }
        }
        Err(error)
            if matches!(
                error.code(),
                Some(code::MAX_TIME_MS_EXPIRED | code::WRITE_CONCERN_FAILED)
            ) =>
        {
            self::error(check, Kind::Unavailable, "no majority answers within 10 s")
                .means("migrations wait, and fail: nothing they write would be there for good")
                .way_out("bring the members back that are down: `rs.status()` lists them")
        }
        Err(error) => unknown(
            check,
            "how long a majority takes to answer",
            error,
            "`find` on the control collection",
        ),
    }
}

fn clock(facts: &Facts) -> Finding {
    let check = Check::Clock;
    let Some(ahead) = facts.clock_ahead_ms else {
        return finding(check, Verdict::Unknown, "the server does not tell its time");
    };
    let off = ahead.unsigned_abs();
    let direction = if ahead < 0 { "behind" } else { "ahead of" };
    let found = format!("the clock here is {off} ms {direction} the server's");
    match off > CLOCK_OFF_MS {
        false => finding(check, Verdict::Ok, found),
        true => finding(check, Verdict::Note, found).means(
            "none for Mongrate, which decides by the server's clock; but log lines of this machine \
             are off by that against the history",
        ),
    }
}

fn transaction_lifetime(facts: &Facts) -> Finding {
    let check = Check::TransactionLifetime;
    let parameters = match &facts.parameters {
        Ok(parameters) => parameters,
        Err(error) => return unknown(check, "how long a transaction may last", error, MONITOR),
    };
    let Some(seconds) = number(parameters, "transactionLifetimeLimitSeconds") else {
        return finding(
            check,
            Verdict::Unknown,
            "the server does not tell how long a transaction may last",
        );
    };
    let found = format!("a transaction may last {seconds} s");
    match seconds {
        ..LIFETIME_SHORT_S => finding(check, Verdict::Warning, found)
            .means("a transactional migration that takes longer fails, with nothing changed")
            .way_out("write such a migration as an online one; or set `transactionLifetimeLimitSeconds` to 60, the default"),
        LIFETIME_SHORT_S..=LIFETIME_LONG_S => finding(check, Verdict::Ok, found),
        _ => finding(check, Verdict::Note, found).means(
            "where `killSessions` is refused, the next run after a crash waits as long; and a long \
             transaction keeps old data in the cache",
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        mongo::server_error::ServerError,
        verbs::doctor::judge::tests::{healthy, of},
    };

    #[test]
    fn a_refused_kill_is_a_slower_take_over() {
        for code in [8_000, 59, 115, 13, 323] {
            let mut facts = healthy();
            facts.kill_sessions = Err(ServerError::in_reply("no", Some(code)));
            let found = of(&facts, Check::KillSessions);
            assert_eq!(found.verdict, Verdict::Warning, "{found:?}");
            assert!(found.consequence.unwrap().contains("waits until the server ends"));
        }
    }

    #[test]
    fn write_concerns() {
        let w = |w: Bson| doc! { "defaultWriteConcern": { "w": w, "wtimeout": 0 } };
        let table = [
            (doc! {}, Verdict::Note),
            (w(1.into()), Verdict::Note),
            (w(2.into()), Verdict::Ok),
            (w(3.into()), Verdict::Ok),
            (w("majority".into()), Verdict::Ok),
            (w("nearby".into()), Verdict::Note),
        ];
        for (defaults, verdict) in table {
            let mut facts = healthy();
            let text = defaults.to_string();
            facts.defaults = Ok(defaults);
            assert_eq!(of(&facts, Check::WriteConcern).verdict, verdict, "{text}");
        }
    }

    #[test]
    fn a_majority_that_is_slow_or_gone() {
        let mut facts = healthy();
        facts.majority = Ok(Duration::from_secs(2));
        assert_eq!(of(&facts, Check::Majority).verdict, Verdict::Warning);
        facts.majority = Err(ServerError::in_reply("too slow", Some(code::MAX_TIME_MS_EXPIRED)));
        assert_eq!(of(&facts, Check::Majority).verdict, Verdict::Error);
        facts.majority = Err(ServerError::in_reply("linearizable", Some(148)));
        assert_eq!(of(&facts, Check::Majority).verdict, Verdict::Unknown);
    }

    #[test]
    fn clocks_and_lifetimes() {
        for (ahead, verdict) in
            [(-3, Verdict::Ok), (60_000, Verdict::Note), (i64::MIN, Verdict::Note)]
        {
            let mut facts = healthy();
            facts.clock_ahead_ms = Some(ahead);
            assert_eq!(of(&facts, Check::Clock).verdict, verdict);
        }
        for (seconds, verdict) in [(5, Verdict::Warning), (30, Verdict::Ok), (3_600, Verdict::Note)]
        {
            let mut facts = healthy();
            facts.parameters = Ok(doc! { "transactionLifetimeLimitSeconds": seconds });
            assert_eq!(of(&facts, Check::TransactionLifetime).verdict, verdict);
        }
    }
}
