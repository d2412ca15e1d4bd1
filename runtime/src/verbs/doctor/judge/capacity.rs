//! Whether the oplog and the cache hold what a backfill writes.

use mongodb::bson::{Bson, Document};

use crate::{
    model::{
        numbers::grouped,
        report::doctor::{
            DoctorCheck as Check, DoctorFinding as Finding, DoctorVerdict as Verdict,
        },
    },
    mongo::reply::number,
    verbs::doctor::{
        facts::{Facts, Pending},
        finding::{finding, unknown},
    },
};

/// How many documents a backfill rewrites in a second, cautiously: small documents and one worker do
/// ten times as many, large ones and a busy server fewer.
const CAUTIOUS_RATE: u64 = 5_000;

/// A window that is this many times as long as the backfill leaves room for the writes of the app.
const ROOM: u64 = 4;

/// A server with less in its cache gets smaller batches: see `kinds/backfill/size`.
const FULL_BATCHES_BYTES: u64 = 256 << 20;

pub(super) fn findings(facts: &Facts) -> Vec<Finding> {
    vec![oplog(facts), cache(facts)]
}

fn oplog(facts: &Facts) -> Finding {
    let check = Check::Oplog;
    let what = "how far back the oplog goes";
    let status = match &facts.status {
        Ok(status) => status,
        Err(error) => return unknown(check, what, error),
    };
    let Some(window) = oplog_window_s(status) else {
        let found = format!("{what} is not known: this server does not tell");
        return finding(check, Verdict::Unknown, found);
    };
    let longest = facts.pending.iter().max_by_key(|pending| pending.documents);
    let Some(longest) = longest.filter(|pending| pending.documents > 0) else {
        let found =
            format!("the oplog holds {}; no pending migration declares a backfill", span(window));
        return finding(check, Verdict::Ok, found);
    };
    let Pending { documents, .. } = longest;
    let seconds = documents.div_ceil(CAUTIOUS_RATE);
    let found = format!(
        "the oplog holds {}; {} rewrites {} documents, which takes about {} at {} a second",
        span(window),
        longest.text(),
        grouped(*documents),
        span(seconds),
        grouped(CAUTIOUS_RATE)
    );
    // The window of a new server grows with its age: what a backfill writes decides then.
    match window >= seconds.saturating_mul(ROOM) || seconds <= 60 {
        true => finding(check, Verdict::Ok, found).of(longest.text()),
        false => finding(check, Verdict::Warning, found)
            .of(longest.text())
            .means(
                "a member or a change stream that stops meanwhile may find the oplog gone past it: \
                 the member then needs a full sync, and the stream cannot resume",
            )
            .way_out(
                "a larger oplog (`replSetResizeOplog`), or run it at a quiet time; `max_lag` of a \
                 backfill waits for the members",
            ),
    }
}

/// How many seconds of writes the oplog holds, by the answer to `serverStatus`.
pub(in crate::verbs::doctor) fn oplog_window_s(status: &Document) -> Option<u64> {
    let oplog = status.get_document("oplog").ok()?;
    let at = |name: &str| match oplog.get(name)? {
        Bson::Timestamp(time) => Some(u64::from(time.time)),
        Bson::Document(time) => match time.get("ts")? {
            Bson::Timestamp(time) => Some(u64::from(time.time)),
            Bson::DateTime(at) => u64::try_from(at.timestamp_millis() / 1_000).ok(),
            _ => None,
        },
        _ => None,
    };
    Some(at("latestOptime")?.saturating_sub(at("earliestOptime")?))
}

/// The size of the cache, by the answer to `serverStatus`.
pub(in crate::verbs::doctor) fn cache_bytes(status: &Document) -> Option<u64> {
    let cache = status.get_document("wiredTiger").ok()?.get_document("cache").ok()?;
    u64::try_from(number(cache, "maximum bytes configured")?).ok()
}

fn cache(facts: &Facts) -> Finding {
    let check = Check::Cache;
    let what = "the size of the server's cache";
    let status = match &facts.status {
        Ok(status) => status,
        Err(error) => {
            return unknown(check, what, error).means(
                "backfills cannot fit their batches to it: on a server with a small cache, set \
                 `batch` and few `workers`",
            );
        }
    };
    let Some(bytes) = cache_bytes(status) else {
        return finding(
            check,
            Verdict::Unknown,
            format!("{what} is not known: this server does not tell"),
        );
    };
    let workers = bytes / FULL_BATCHES_BYTES;
    let found = format!("a cache of {} MiB", grouped(bytes >> 20));
    match workers {
        0 => finding(check, Verdict::Note, format!("{found}: smaller than a backfill likes"))
            .means("the batches of a backfill are made smaller, so it takes longer"),
        1 => {
            finding(check, Verdict::Ok, format!("{found}: room for the full batches of one worker"))
        }
        more => {
            let found =
                format!("{found}: room for the full batches of {} workers", grouped(more.min(64)));
            finding(check, Verdict::Ok, found)
        }
    }
}

/// Seconds, as people say them.
fn span(seconds: u64) -> String {
    match seconds {
        0..=119 => format!("{seconds} s"),
        120..=7_199 => format!("{} min", seconds / 60),
        7_200..=172_799 => format!("{} h", seconds / 3_600),
        _ => format!("{} days", grouped(seconds / 86_400)),
    }
}

#[cfg(test)]
mod tests {
    use mongodb::bson::{Timestamp, doc};

    use super::*;
    use crate::{
        model::version::Version,
        verbs::doctor::judge::tests::{healthy, of},
    };

    fn status(window_s: u32, cache: i64) -> Document {
        let at = |time| doc! { "ts": Timestamp { time, increment: 1 }, "t": 1_i64 };
        doc! {
            "oplog": { "earliestOptime": at(1_000), "latestOptime": at(1_000 + window_s) },
            "wiredTiger": { "cache": { "maximum bytes configured": cache } },
        }
    }

    #[test]
    fn the_oplog_is_compared_with_the_longest_backfill() {
        let version = Version::new(3);
        let pending =
            |documents| Pending { version, name: "rename", operations: vec![], documents };
        let table = [
            (3_600, vec![], Verdict::Ok, "no pending migration declares a backfill"),
            (3_600, vec![pending(1_000)], Verdict::Ok, "3 `rename` rewrites 1,000 documents"),
            (3_600, vec![pending(1_000), pending(10_000_000)], Verdict::Warning, "33 min"),
            (86_400, vec![pending(10_000_000)], Verdict::Ok, "24 h"),
            (5, vec![pending(100)], Verdict::Ok, "1 s"),
        ];
        for (window, pending, verdict, text) in table {
            let mut facts = healthy();
            facts.status = Ok(status(window, 1 << 30));
            facts.pending = pending;
            let found = of(&facts, Check::Oplog);
            assert_eq!(found.verdict, verdict, "{found:?}");
            assert!(found.found.contains(text), "{found:?}");
        }
    }

    #[test]
    fn a_small_cache_is_worth_to_know() {
        for (mib, verdict, text) in [
            (64, Verdict::Note, "64 MiB: smaller"),
            (256, Verdict::Ok, "one worker"),
            (4_096, Verdict::Ok, "16 workers"),
        ] {
            let mut facts = healthy();
            facts.status = Ok(status(3_600, mib << 20));
            let found = of(&facts, Check::Cache);
            assert_eq!(found.verdict, verdict);
            assert!(found.found.contains(text), "{found:?}");
        }
    }
}
