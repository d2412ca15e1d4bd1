//! Waiting for a transaction that this process may not end: the server ends it by its age.
//!
//! Some services refuse `killSessions` (Atlas Free and Flex, Azure DocumentDB), and some users lack
//! the right. No other command ends another process's transaction: the driver sends its own session
//! with each command, so a process cannot begin the next transaction of a session that is not its
//! own. What is left is the server's limit on the lifetime of transactions.

use std::time::Duration;

use mongodb::bson::{Document, doc};
use tokio::time::Instant;

use super::{
    control::{Control, majority},
    documents::{LOCK_ID, date},
};
use crate::{
    model::report::status::TransactionWait,
    mongo::{reply::number, server_error::ServerError},
    telemetry::{
        progress::{Progress, RunEvent},
        visible::Line,
    },
};

/// How long a transaction lives where the server does not say: the default of
/// `transactionLifetimeLimitSeconds`.
const LIFETIME: Duration = Duration::from_secs(60);

/// The longest pause between two looks of the server for transactions that are too old: half of
/// their lifetime, but between one second and so much (`PeriodicThreadToAbortExpiredTransactions`).
const REAPER_PAUSE_MAX: Duration = Duration::from_secs(60);

/// What a busy server may take beyond that.
const GRACE: Duration = Duration::from_secs(10);

/// How often a wait is said again.
const SAY_EVERY: Duration = Duration::from_secs(10);

/// The longest lifetime that is believed: a year. Only to keep sums in range.
const LIFETIME_MAX_S: u64 = 366 * 24 * 60 * 60;

/// The acquisition of the lock that raises the fence.
#[derive(Clone, Copy)]
pub(crate) struct Holder<'a> {
    pub owner: &'a str,
    pub fence: i64,
    /// Whether the lease is lost.
    pub is_lost: &'a (dyn Fn() -> bool + Send + Sync),
}

/// A wait for the server to end a transaction.
pub(crate) struct HeldUp<'a> {
    control: &'a Control,
    holder: Holder<'a>,
    progress: &'a Progress,
    since: Instant,
    at_most: Duration,
    said: Option<Instant>,
    /// Why this process may not end the transaction itself.
    why: ServerError,
}

impl<'a> HeldUp<'a> {
    /// Begins to wait: says so here, and in the lock for everybody who looks at it.
    pub(crate) async fn begin(
        control: &'a Control,
        holder: Holder<'a>,
        progress: &'a Progress,
        why: ServerError,
    ) -> Self {
        let at_most = at_most(lifetime(control).await);
        let wait =
            Self { control, holder, progress, since: Instant::now(), at_most, said: None, why };
        wait.note().await;
        wait
    }

    /// Says how long it has waited. `false`: the server should have ended the transaction by now.
    pub(crate) fn goes_on(&mut self) -> bool {
        let waited = self.since.elapsed();
        if waited >= self.at_most {
            return false;
        }
        if self.said.is_none_or(|said| said.elapsed() >= SAY_EVERY) {
            self.said = Some(Instant::now());
            let at_most = self.at_most;
            tracing::warn!(
                target: "mongrate", waited_s = waited.as_secs(), at_most_s = at_most.as_secs(),
                why = %Line(&self.why),
                "waiting until the server ends a transaction that a former process left open"
            );
            self.progress.emit(|| RunEvent::HeldUp { waited, at_most, why: self.why.to_string() });
        }
        true
    }

    /// What is said when the server has not ended the transaction in time.
    pub(crate) fn gave_up(&self) -> ServerError {
        let text = format!(
            "what looks like a transaction that a former process left open is still in the way after \
             {} s; this process cannot end it ({}), and the server should have ended it by itself (is \
             its `transactionLifetimeLimitSeconds` longer?); nothing was run; try again later",
            self.since.elapsed().as_secs(),
            self.why
        );
        // The reason has its code in its text: the run did not end for lack of that right.
        ServerError::in_reply(&text, None)
    }

    /// Writes into the lock that its owner waits. Only for people: a failure does no harm.
    async fn note(&self) {
        let ms = i64::try_from(self.at_most.as_millis()).unwrap_or(i64::MAX);
        let waits = doc! {
            "fence": self.holder.fence, "since": "$$NOW", "until": { "$add": ["$$NOW", ms] },
        };
        self.write(doc! { "$set": { "waits": waits } }).await;
    }

    /// The wait is over; takes the note out of the lock again.
    pub(crate) async fn end(self) {
        self.write(doc! { "$unset": "waits" }).await;
    }

    async fn write(&self, stage: Document) {
        let mut command = self.control.update(vec![doc! {
            "q": { "_id": LOCK_ID, "owner": self.holder.owner, "fence": self.holder.fence },
            "u": [stage],
        }]);
        command.insert("writeConcern", majority());
        if let Err(error) = self.control.once(None, command).await {
            tracing::debug!(target: "mongrate", error = %Line(&error), "could not note the wait in the lock");
        }
    }
}

/// The owner's wait, as the lock tells it; `None` if this acquisition does not wait.
pub(crate) fn parse(lock: &Document) -> Option<TransactionWait> {
    let waits = lock.get_document("waits").ok()?;
    (number(waits, "fence") == number(lock, "fence")).then_some(())?;
    Some(TransactionWait { since: date(waits, "since")?, until: date(waits, "until")? })
}

/// How long a transaction may live on this server, if it says so.
async fn lifetime(control: &Control) -> Duration {
    const NAME: &str = "transactionLifetimeLimitSeconds";
    let admin = control.database.client().database("admin");
    let reply = admin.run_command(doc! { "getParameter": 1, NAME: 1 }).await.ok();
    let seconds = reply.as_ref().and_then(|reply| number(reply, NAME));
    let seconds = seconds.and_then(|seconds| u64::try_from(seconds).ok());
    seconds.map_or(LIFETIME, |seconds| Duration::from_secs(seconds.min(LIFETIME_MAX_S)))
}

/// How long it takes at most until the server has ended every transaction that is open now.
fn at_most(lifetime: Duration) -> Duration {
    lifetime + (lifetime / 2).clamp(Duration::from_secs(1), REAPER_PAUSE_MAX) + GRACE
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_bound_is_the_lifetime_and_the_pause_of_the_reaper() {
        let table = [(1, 12), (3, 14), (60, 100), (600, 670)];
        for (lifetime, expected) in table {
            let bound = at_most(Duration::from_secs(lifetime)).as_secs();
            assert_eq!(bound, expected, "{lifetime}");
        }
    }

    #[test]
    fn a_wait_of_an_earlier_owner_is_none() {
        let now = mongodb::bson::DateTime::now();
        let lock = |fence: i64| {
            doc! {
                "fence": fence, "waits": { "fence": 4_i64, "since": now, "until": now },
            }
        };
        assert!(parse(&lock(4)).is_some());
        assert!(parse(&lock(5)).is_none());
        assert!(parse(&doc! { "fence": 4_i64 }).is_none());
    }
}
