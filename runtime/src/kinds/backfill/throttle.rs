//! Keeps a backfill from hurting: pauses between batches, and while the servers are behind.

use std::{
    cell::{Cell, RefCell},
    time::Duration,
};

use chrono::{DateTime, Utc};
use mongodb::{
    Database,
    bson::{Document, doc},
};
use tokio::time::Instant;

use crate::{
    model::{
        report::steering::{Hold, HoldReason},
        time_of_day::Hours,
    },
    mongo::reply::{cache_bytes, number},
    protocol::{engine::hold::paused, steering::Orders},
};

/// How often the servers are asked.
const ASK_EVERY: Duration = Duration::from_secs(1);

/// How often it is looked whether a wait for an hour is over.
const LOOK_EVERY: Duration = Duration::from_secs(30);

/// When a backfill is held back.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Throttle {
    /// After each batch of each worker.
    pub pause: Duration,
    /// While a secondary is further behind than this.
    pub lag_max: Option<Duration>,
    /// While more operations than this wait for a lock on the server.
    pub queue_max: Option<u32>,
    /// Once it has done so many documents within a second.
    pub per_second: Option<u32>,
    /// Outside of these hours.
    pub hours: Option<Hours>,
}

impl Default for Throttle {
    fn default() -> Self {
        Self {
            pause: Duration::ZERO,
            lag_max: Some(Duration::from_secs(10)),
            queue_max: Some(100),
            per_second: None,
            hours: None,
        }
    }
}

impl Throttle {
    /// What the operators and the hour say: what holds the backfill back, and when to look again.
    pub(crate) fn by_order(&self, orders: &Orders) -> Option<(Hold, Duration)> {
        if let Some(asked) = &orders.paused {
            return Some((paused(asked), LOOK_EVERY));
        }
        let hours = self.hours?;
        let wait = hours.wait(orders.now()?)?;
        let text = format!("waits for its hours, {hours}, by the server's clock");
        Some((Hold::new(HoldReason::Hours, text), wait.min(LOOK_EVERY)))
    }
}

/// How many documents a backfill has done, and when it may do more.
#[derive(Debug)]
pub(crate) struct Rate(Cell<Option<Instant>>);

impl Rate {
    pub(crate) fn new() -> Self {
        Self(Cell::new(None))
    }

    /// A batch of so many documents, which began then, has committed.
    pub(crate) fn spend(&self, documents: i64, begun: Instant, per_second: Option<u32>) {
        let Some(rate) = per_second else { return self.0.set(None) };
        let documents = u32::try_from(documents).unwrap_or(0);
        let took = Duration::from_secs(1) * documents / rate.max(1);
        // What was not used while it waited for something else is not made up for.
        let from = self.0.get().map_or(begun, |next| next.max(begun));
        self.0.set(Some(from + took));
    }

    /// How long the next batch has to wait.
    pub(crate) fn wait(&self, per_second: Option<u32>, now: Instant) -> Option<(Hold, Duration)> {
        let rate = per_second?;
        let wait = self.0.get()?.saturating_duration_since(now);
        let text = format!("at most {} documents/s", crate::model::numbers::grouped(rate.into()));
        (!wait.is_zero()).then(|| (Hold::new(HoldReason::Rate, text), wait))
    }
}

/// The load of the servers, which are asked for it once a second at most.
#[derive(Debug)]
pub(crate) struct ServerLoad {
    admin: Database,
    asked: Cell<Option<Instant>>,
    /// Whether this user may not run `replSetGetStatus`, and `serverStatus`.
    refused: Cell<(bool, bool)>,
    trouble: RefCell<Option<Hold>>,
    /// How many bytes the server's cache may have; `None`: not known.
    cache: Cell<Option<u64>>,
    /// Whether the size of the cache was asked for.
    cache_asked: Cell<bool>,
}

impl ServerLoad {
    pub(crate) fn new(database: &Database) -> Self {
        Self {
            admin: database.client().database("admin"),
            asked: Cell::new(None),
            refused: Cell::new((false, false)),
            trouble: RefCell::default(),
            cache: Cell::new(None),
            cache_asked: Cell::new(false),
        }
    }

    /// How many bytes the server's cache may have, as far as this user may know.
    pub(crate) fn cache(&self) -> Option<u64> {
        self.cache.get()
    }

    /// What the servers say: what holds the backfill back, and when to look again.
    pub(crate) async fn wait(&self, throttle: &Throttle) -> Option<(Hold, Duration)> {
        let fresh = self.asked.get().is_some_and(|asked| asked.elapsed() < ASK_EVERY);
        if !fresh {
            self.asked.set(Some(Instant::now()));
            let trouble = self.look(throttle).await;
            self.trouble.replace(trouble);
        }
        let trouble = self.trouble.borrow().clone();
        trouble.map(|hold| (hold, ASK_EVERY / 4))
    }

    async fn look(&self, throttle: &Throttle) -> Option<Hold> {
        if let Some(limit) = throttle.lag_max
            && let Some(lag) = self.lag().await
            && lag > limit
        {
            let text = format!(
                "replication is {} s behind, and at most {} s are allowed",
                lag.as_secs(),
                limit.as_secs_f32()
            );
            return Some(Hold::new(HoldReason::Lag, text));
        }
        if let Some(limit) = throttle.queue_max
            && let Some(queue) = self.queue().await
            && queue > i64::from(limit)
        {
            let text = format!("{queue} operations wait on the server, and at most {limit} may");
            return Some(Hold::new(HoldReason::Load, text));
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

    #[test]
    fn a_rate_is_kept_and_never_made_up_for() {
        let (begun, rate) = (Instant::now(), Rate::new());
        let wait = |at: u64| {
            let now = begun + Duration::from_millis(at);
            rate.wait(Some(500), now).map(|(_, wait)| u64::try_from(wait.as_millis()).unwrap())
        };
        assert_eq!(wait(0), None);
        rate.spend(250, begun, Some(500));
        assert_eq!((wait(0), wait(400), wait(500)), (Some(500), Some(100), None));
        // Another worker's batch, at the same time.
        rate.spend(250, begun, Some(500));
        assert_eq!(wait(400), Some(600));
        // After a pause of ten seconds.
        rate.spend(500, begun + Duration::from_secs(10), Some(500));
        assert_eq!(wait(10_000), Some(1_000));
        rate.spend(500, begun, None);
        assert_eq!(rate.wait(None, begun), None);
        assert_eq!(wait(0), None);
    }
}
