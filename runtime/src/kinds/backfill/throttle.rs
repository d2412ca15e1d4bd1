//! Keeps a backfill from hurting: pauses between batches, and while the servers are behind.

use std::{cell::Cell, time::Duration};

use chrono::{DateTime, Utc};
use mongodb::{
    Database,
    bson::{Document, doc},
};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use crate::{
    mongo::reply::{cache_bytes, number},
    telemetry::visible::Line,
};

/// How often the servers are asked.
const ASK_EVERY: Duration = Duration::from_secs(1);

/// When a backfill pauses.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Throttle {
    /// After each batch of each worker.
    pub pause: Duration,
    /// While a secondary is further behind than this.
    pub lag_max: Option<Duration>,
    /// While more operations than this wait for a lock on the server.
    pub queue_max: Option<u32>,
}

impl Default for Throttle {
    fn default() -> Self {
        Self { pause: Duration::ZERO, lag_max: Some(Duration::from_secs(10)), queue_max: Some(100) }
    }
}

/// The load of the servers, which are asked for it once a second at most.
#[derive(Debug)]
pub(crate) struct ServerLoad {
    throttle: Throttle,
    admin: Database,
    asked: Cell<Option<Instant>>,
    /// Whether this user may not run `replSetGetStatus`, and `serverStatus`.
    refused: Cell<(bool, bool)>,
    paused: Cell<bool>,
    /// How many bytes the server's cache may have; `None`: not known.
    cache: Cell<Option<u64>>,
    /// Whether the size of the cache was asked for.
    cache_asked: Cell<bool>,
}

impl ServerLoad {
    pub(crate) fn new(throttle: Throttle, database: &Database) -> Self {
        Self {
            throttle,
            admin: database.client().database("admin"),
            asked: Cell::new(None),
            refused: Cell::new((false, false)),
            paused: Cell::new(false),
            cache: Cell::new(None),
            cache_asked: Cell::new(false),
        }
    }

    /// How many bytes the server's cache may have, as far as this user may know.
    pub(crate) fn cache(&self) -> Option<u64> {
        self.cache.get()
    }

    /// Before a batch: returns when it may begin, or when `stop` is cancelled.
    pub(crate) async fn wait(&self, stop: &CancellationToken) {
        let nap = |long: Duration| async move {
            tokio::select! {
                () = tokio::time::sleep(long) => {}
                () = stop.cancelled() => {}
            }
        };
        if !self.throttle.pause.is_zero() {
            nap(self.throttle.pause).await;
        }
        while !stop.is_cancelled() {
            let fresh = self.asked.get().is_some_and(|asked| asked.elapsed() < ASK_EVERY);
            if fresh && !self.paused.get() {
                return;
            }
            if !fresh {
                self.asked.set(Some(Instant::now()));
                let trouble = self.trouble().await;
                if let (Some(trouble), false) = (&trouble, self.paused.get()) {
                    tracing::warn!(target: "mongrate", "the backfill pauses: {}", Line(trouble));
                } else if trouble.is_none() && self.paused.get() {
                    tracing::info!(target: "mongrate", "the backfill resumes");
                }
                self.paused.set(trouble.is_some());
                if trouble.is_none() {
                    return;
                }
            }
            nap(ASK_EVERY / 4).await;
        }
    }

    async fn trouble(&self) -> Option<String> {
        if let Some(limit) = self.throttle.lag_max
            && let Some(lag) = self.lag().await
            && lag > limit
        {
            return Some(format!("replication is {} s behind", lag.as_secs()));
        }
        if let Some(limit) = self.throttle.queue_max
            && let Some(queue) = self.queue().await
            && queue > i64::from(limit)
        {
            return Some(format!("{queue} operations wait on the server"));
        }
        None
    }

    /// How far the last secondary is behind; where this user may not ask for that, the majority.
    async fn lag(&self) -> Option<Duration> {
        let (status_refused, queue_refused) = self.refused.get();
        if !status_refused {
            match self.admin.run_command(doc! { "replSetGetStatus": 1 }).await {
                Ok(status) => return lag_of_members(&status),
                Err(_) => self.refused.set((true, queue_refused)),
            }
        }
        let hello = self.admin.run_command(doc! { "hello": 1 }).await.ok()?;
        let last = hello.get_document("lastWrite").ok()?;
        apart(at(last, "lastWriteDate")?, at(last, "majorityWriteDate")?)
    }

    async fn queue(&self) -> Option<i64> {
        let (status_refused, queue_refused) = self.refused.get();
        if queue_refused {
            return None;
        }
        let mut command =
            doc! { "serverStatus": 1, "metrics": 0, "repl": 0, "locks": 0, "tcmalloc": 0 };
        // Once: it does not change, and it is long.
        if self.cache_asked.replace(true) {
            command.insert("wiredTiger", 0);
        }
        match self.admin.run_command(command).await {
            Ok(status) => {
                if let Some(bytes) = cache_bytes(&status) {
                    self.cache.set(Some(bytes));
                }
                let queue = status.get_document("globalLock").ok()?.get_document("currentQueue");
                number(queue.ok()?, "total")
            }
            Err(_) => {
                self.refused.set((status_refused, true));
                None
            }
        }
    }
}

fn lag_of_members(status: &Document) -> Option<Duration> {
    let members = status.get_array("members").ok()?;
    let healthy = |member: &&Document| member.get_f64("health").is_ok_and(|health| health > 0.0);
    let times = |wanted: &'static str| {
        members
            .iter()
            .filter_map(|member| member.as_document())
            .filter(healthy)
            .filter(move |member| member.get_str("stateStr").is_ok_and(|state| state == wanted))
            .filter_map(|member| at(member, "optimeDate"))
    };
    apart(times("PRIMARY").next()?, times("SECONDARY").min()?)
}

fn at(document: &Document, key: &str) -> Option<DateTime<Utc>> {
    crate::protocol::documents::date(document, key)
}

fn apart(later: DateTime<Utc>, earlier: DateTime<Utc>) -> Option<Duration> {
    Some((later - earlier).to_std().unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use mongodb::bson::DateTime as At;

    use super::*;

    fn member(state: &str, health: f64, seconds: i64) -> Document {
        let optime = At::from_millis(1_700_000_000_000 + seconds * 1_000);
        doc! { "stateStr": state, "health": health, "optimeDate": optime }
    }

    #[test]
    fn the_slowest_healthy_secondary_counts() {
        let status = doc! { "members": [
            member("PRIMARY", 1.0, 100), member("SECONDARY", 1.0, 70), member("SECONDARY", 1.0, 99),
            member("SECONDARY", 0.0, 1), member("ARBITER", 1.0, 0),
        ] };
        assert_eq!(lag_of_members(&status), Some(Duration::from_secs(30)));
        assert_eq!(lag_of_members(&doc! { "members": [member("PRIMARY", 1.0, 1)] }), None);
    }
}
