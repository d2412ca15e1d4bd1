//! Whether the oplog and the cache hold what a backfill writes.

use mongodb::bson::{Bson, Document};

use crate::{
    model::{
        numbers::grouped,
        report::doctor::{
            DoctorCheck as Check, DoctorFinding as Finding, DoctorVerdict as Verdict,
        },
    },
    mongo::reply::cache_bytes,
    verbs::doctor::{
        facts::{Facts, Pending},
        finding::{MONITOR, finding, unknown},
    },
};

/// How many documents a backfill rewrites in a second, cautiously: small documents and one worker do
/// ten times as many, large ones and a busy server fewer.
const CAUTIOUS_RATE: u64 = 5_000;

/// What a rewrite writes into the oplog for a document beside its content: names, keys, times.
const ENTRY_BYTES: u64 = 250;

/// A rewrite that fills no more than this part of the oplog leaves room for the writes of the app.
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
        Err(error) => return unknown(check, what, error, MONITOR),
    };
    let Some(window) = oplog_window_s(status) else {
        let found = format!("{what} is not known: this server does not tell");
        return finding(check, Verdict::Unknown, found);
    };
    let holds = match &facts.oplog_bytes {
        Ok(bytes) => format!("the oplog holds {}, in {} MiB at most", span(window), mib(*bytes)),
        Err(_) => format!("the oplog holds {}", span(window)),
    };
    let Some(all) = &facts.pending else {
        return finding(check, Verdict::Unknown, format!("{holds}; what is pending is not known"));
    };
    let rewriting = || all.iter().filter(|pending| !pending.rewrites.is_empty());
    let uncounted = rewriting()
        .find(|pending| pending.rewrites.iter().any(|rewrites| rewrites.documents.is_none()));
    if let Some(pending) = uncounted {
        let found = format!(
            "{holds}; what {} rewrites could not be counted in time, so it is many documents",
            pending.text()
        );
        return finding(check, Verdict::Unknown, found).of(pending.text());
    }
    let Some(longest) = rewriting().max_by_key(|pending| documents(pending)) else {
        let found = format!("{holds}; no pending migration declares a rewrite");
        return finding(check, Verdict::Ok, found);
    };
    let documents = documents(longest);
    let seconds = documents.div_ceil(CAUTIOUS_RATE);
    let found = format!(
        "{holds}; {} rewrites {} documents, which takes about {} at {} a second",
        longest.text(),
        grouped(documents),
        span(seconds),
        grouped(CAUTIOUS_RATE)
    );
    let means = "if a member or a change stream stops during this migration, the oplog may lose the entries \
                 that it still needs: the member then needs a full sync, and the stream cannot resume";
    let way_out = "make the oplog larger (`replSetResizeOplog` on each member; on Atlas, the oplog window in \
                   the cluster's settings), or run the migration at a quiet time";
    let of = longest.text();
    match (bytes(longest), &facts.oplog_bytes) {
        (Some(bytes), Ok(oplog)) if bytes > oplog / ROOM => {
            let found = format!("{found}, and writes about {} MiB into it", mib(bytes));
            finding(check, Verdict::Warning, found).of(of).means(means).way_out(way_out)
        }
        (Some(_), Ok(_)) => finding(check, Verdict::Ok, found).of(of),
        _ if seconds <= 60 => finding(check, Verdict::Ok, found).of(of),
        _ => {
            let found = format!("{found}; how much it writes into the oplog is not known");
            finding(check, Verdict::Unknown, found).of(of).means(means).way_out(format!(
                "ask again as a user that has {MONITOR}, and may read the statistics of the collection"
            ))
        }
    }
}

fn documents(pending: &Pending) -> u64 {
    pending.rewrites.iter().filter_map(|rewrites| rewrites.documents).fold(0, u64::saturating_add)
}

/// What the rewrites of a migration write into the oplog, at most.
fn bytes(pending: &Pending) -> Option<u64> {
    pending.rewrites.iter().try_fold(0_u64, |sum, rewrites| {
        let each = rewrites.bytes_each?.saturating_add(ENTRY_BYTES);
        Some(sum.saturating_add(rewrites.documents?.saturating_mul(each)))
    })
}

fn mib(bytes: u64) -> String {
    grouped(bytes.div_ceil(1 << 20))
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

fn cache(facts: &Facts) -> Finding {
    let check = Check::Cache;
    let what = "the size of the server's cache";
    let status = match &facts.status {
        Ok(status) => status,
        Err(error) => {
            return unknown(check, what, error, MONITOR).means(
                "backfills cannot fit their batches to it: on a server with a small cache, set \
                 `batch_size` and few `workers`",
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
        mongo::server_error::ServerError,
        verbs::doctor::{
            facts::Rewrites,
            judge::tests::{healthy, of},
        },
    };

    fn status(window_s: u32, cache: i64) -> Document {
        let at = |time| doc! { "ts": Timestamp { time, increment: 1 }, "t": 1_i64 };
        doc! {
            "oplog": { "earliestOptime": at(1_000), "latestOptime": at(1_000 + window_s) },
            "wiredTiger": { "cache": { "maximum bytes configured": cache } },
        }
    }

    fn pending(documents: Option<u64>, bytes_each: Option<u64>) -> Pending {
        let rewrites = vec![Rewrites { documents, bytes_each }];
        Pending { version: Version::new(3), name: "rename", operations: vec![], rewrites }
    }

    #[test]
    fn the_oplog_is_compared_with_what_the_longest_rewrite_writes() {
        let (small, huge) =
            (pending(Some(1_000), Some(100)), pending(Some(100_000_000), Some(800)));
        let known = Ok(10_u64 << 30);
        let refused = || Err(ServerError::in_reply("no", Some(13)));
        let table = [
            (vec![], known.clone(), Verdict::Ok, "no pending migration declares a rewrite"),
            (
                vec![small.clone()],
                known.clone(),
                Verdict::Ok,
                "3 `rename` rewrites 1,000 documents",
            ),
            // However long the window is now.
            (vec![small.clone(), huge], known.clone(), Verdict::Warning, "100,136 MiB into it"),
            (vec![small.clone()], refused(), Verdict::Ok, "1 s at 5,000 a second"),
            (vec![pending(Some(10_000_000), None)], known.clone(), Verdict::Unknown, "33 min"),
            (vec![small, pending(None, None)], known, Verdict::Unknown, "could not be counted"),
        ];
        for (pending, oplog, verdict, text) in table {
            let mut facts = healthy();
            facts.status = Ok(status(604_800, 1 << 30));
            facts.oplog_bytes = oplog;
            facts.pending = Some(pending);
            let found = of(&facts, Check::Oplog);
            assert_eq!(found.verdict, verdict, "{found:?}");
            assert!(found.found.contains(text), "{found:?}");
        }
        let mut facts = healthy();
        facts.pending = None;
        assert_eq!(of(&facts, Check::Oplog).verdict, Verdict::Unknown);
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
