//! The lease on the lock: acquire, heartbeat, release. Alone in writing `lock`.
//!
//! Only the server's clock counts. The lease keeps processes from disturbing each other; the
//! fence is what keeps a migration from running twice.

use std::{sync::Arc, time::Duration};

use mongodb::bson::{Bson, Document, Uuid, doc};
use tokio::{sync::watch, task::JoinHandle, time::Instant};
use tokio_util::sync::CancellationToken;

use super::{
    audit::requests,
    control::{Control, majority, millis},
    documents::{EVENTS_MAX, LOCK_ID, append, date, parse_who, who_document},
    fence,
    heartbeat::{Heartbeat, patience},
    held_up,
    inside::Holding,
    process,
    steering::{self, FOR_THE_OWNER, OF_THE_RUN, Orders, Steering},
};
use crate::{
    model::{error::Error, report::status::LockReport, state::Who},
    mongo::{
        code,
        reply::{number, touched},
    },
    telemetry::visible::Line,
};

/// How long releasing may take before it is left to the lease to run out.
const RELEASE_WAIT: Duration = Duration::from_secs(5);

/// How long releasing may take for a lock that may not be ours.
const CLEAN_WAIT: Duration = Duration::from_secs(1);

/// The event of a lock that an operator took away.
const FORCED: &str = "force_unlocked";

/// The result of an attempt to acquire the lock.
pub(crate) enum Attempt {
    Acquired(Lease),
    Held { holder: Who, fence: i64, remaining: Duration },
}

/// The lock is ours while this lives, and for as long as `lost` is not cancelled.
#[derive(Debug)]
pub(crate) struct Lease {
    control: Control,
    owner: String,
    pub fence: i64,
    /// The lock was taken over at once from a process that has ended: the commands that it sent may
    /// still be at work.
    pub from_dead: bool,
    /// Cancelled when the lease is lost, or can no longer be known to be held.
    pub lost: CancellationToken,
    /// When the last renewal that succeeded was sent.
    renewals: watch::Receiver<Instant>,
    lease: Duration,
    /// What operators ask of this acquisition, and what it tells them.
    pub steering: Arc<Steering>,
    heartbeat: JoinHandle<()>,
    released: bool,
    /// This acquisition created the lock: no process had held it before.
    created: bool,
    _holding: Holding,
}

impl Drop for Lease {
    /// Gives a lease back in the background that is dropped without [`release`](Lease::release),
    /// as when a caller drops its future, if there still is a runtime to do so.
    fn drop(&mut self) {
        self.heartbeat.abort();
        if self.released {
            return;
        }
        if let Ok(runtime) = tokio::runtime::Handle::try_current() {
            let (control, statement) = (self.control.clone(), self.statement());
            runtime.spawn(async move {
                let sent = control.once(None, control.majority_update(vec![statement]));
                let _ = tokio::time::timeout(RELEASE_WAIT, sent).await;
            });
        }
    }
}

/// A lock whose holder has ended without giving it back, as the lock was seen.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct AbandonedLock {
    owner: String,
    fence: i64,
}

/// The lock as abandoned: `Some` if its holder was a process of this machine that has ended.
pub(crate) fn abandoned(lock: &Document) -> Option<AbandonedLock> {
    let owner = lock.get_str("owner").ok()?.to_owned();
    let process = lock.get_document("by").ok()?.get_str("process").ok()?;
    process::is_gone(process).then_some(AbandonedLock { owner, fence: number(lock, "fence")? })
}

/// Tries once to acquire the lock. One round trip. The lease of an `abandoned` lock need not have
/// run out.
pub(crate) async fn acquire(
    control: &Control,
    who: &Who,
    lease: Duration,
    abandoned: Option<&AbandonedLock>,
) -> Result<Attempt, Error> {
    let owner = Uuid::new().to_string();
    let asked = Instant::now();
    let command = acquire_command(&control.collection, &owner, who, lease, abandoned);
    let reply = match control.retrying(None, command).await {
        Ok(reply) => reply,
        // Two processes created the lock at once, and the other one was first.
        Err(error)
            if error.code() == Some(code::DUPLICATE_KEY) && error.foreign_index().is_none() =>
        {
            return Ok(Attempt::Held {
                holder: Who::default(),
                fence: 0,
                remaining: Duration::ZERO,
            });
        }
        Err(error) => {
            // It may have been acquired all the same, as when only the reply is missing.
            let command = control.update(vec![doc! {
                "q": { "_id": LOCK_ID, "owner": owner },
                "u": [{ "$set": { "owner": null } }],
            }]);
            let _ = tokio::time::timeout(CLEAN_WAIT, control.once(None, command)).await;
            return Err(control.explained_at_first("acquire the lock", error).await);
        }
    };
    let corrupt = |problem: &str| Error::Corrupt {
        collection: None,
        id: LOCK_ID.to_owned(),
        problem: problem.to_owned(),
    };
    let lock = reply.get_document("value").map_err(|_| corrupt("the server returned none"))?;
    let fence = number(lock, "fence").ok_or_else(|| corrupt("it has no `fence`"))?;
    if lock.get_str("owner").is_ok_and(|found| found == owner) {
        let orders = Orders::parse(lock, fence);
        let mut lease = Lease::begin(control, owner, fence, lease, asked, orders);
        lease.from_dead = abandoned.is_some();
        // The lock may have been there for a pause that somebody had asked for.
        lease.created = fence == 1;
        return Ok(Attempt::Acquired(lease));
    }
    let report = parse(lock);
    Ok(Attempt::Held {
        holder: report.holder.unwrap_or_default(),
        fence,
        remaining: Duration::from_millis(report.remaining_ms),
    })
}

/// The command that makes `owner` the owner of the lock if the lock is free, and reads the lock.
fn acquire_command(
    collection: &str,
    owner: &str,
    who: &Who,
    lease: Duration,
    abandoned: Option<&AbandonedLock>,
) -> Document {
    let mut free: Vec<Bson> = vec![
        doc! { "$eq": [{ "$ifNull": ["$owner", null] }, null] }.into(),
        doc! { "$lte": ["$expiresAt", "$$NOW"] }.into(),
    ];
    if let Some(AbandonedLock { owner, fence }) = abandoned {
        // A dead process does not renew its lease. A process that took the lock over before this
        // one is another owner.
        let same = doc! { "$and": [{ "$eq": ["$owner", owner] }, { "$eq": ["$fence", fence] }] };
        free.push(same.into());
    }
    let free = doc! { "$or": free };
    let mut by = who_document(who);
    if let Some(process) = process::own() {
        by.insert("process", process);
    }
    let if_free = |value: Bson, otherwise: &str| doc! { "$cond": ["$free", value, otherwise] };
    #[cfg_attr(not(mongrate_mutants), expect(unused_mut, reason = "only a mutant changes it"))]
    let mut update = vec![
        doc! { "$set": { "free": free } },
        doc! { "$set": {
            "owner": if_free(owner.into(), "$owner"),
            "fence": if_free(
                doc! { "$add": [{ "$ifNull": ["$fence", 0_i64] }, 1_i64] }.into(), "$fence",
            ),
            "expiresAt": if_free(doc! { "$add": ["$$NOW", millis(lease)] }.into(), "$expiresAt"),
            "since": if_free("$$NOW".into(), "$since"),
            "leaseMs": if_free(millis(lease).into(), "$leaseMs"),
            "by": if_free(by.into(), "$by"),
        } },
        doc! { "$unset": "free" },
    ];
    #[cfg(mongrate_mutants)]
    if super::mutant::is(super::mutant::Mutant::KillPreviousOwner) {
        let former = doc! {
            "formerLsid": if_free("$lsid".into(), "$formerLsid"),
            "lsid": if_free(Bson::Null, "$lsid"),
        };
        update.insert(1, doc! { "$set": former });
    }
    let mut fields = doc! { "owner": 1, "fence": 1, "expiresAt": 1, "by": 1, "now": "$$NOW" };
    fields.extend(FOR_THE_OWNER.map(|field| (field.to_owned(), 1.into())));
    doc! {
        "findAndModify": collection,
        "query": { "_id": LOCK_ID },
        "update": update,
        "upsert": true,
        "new": true,
        "fields": fields,
        // The raise of the fence comes next and waits for a majority, which then has the lock, too.
        // So a process that does not get the lock waits for no majority.
        "writeConcern": { "w": 1 },
    }
}

impl Lease {
    /// The lease on a lock that was acquired when it was `asked` for; its heartbeat begins.
    fn begin(
        control: &Control,
        owner: String,
        fence: i64,
        lease: Duration,
        asked: Instant,
        orders: Orders,
    ) -> Self {
        let lost = CancellationToken::new();
        let (renewed, renewals) = watch::channel(asked);
        let steering = Steering::new(orders);
        let beats = Heartbeat {
            renewed,
            control: control.clone(),
            owner: owner.clone(),
            fence,
            lease,
            lost: lost.clone(),
            steering: Arc::clone(&steering),
        };
        Self {
            control: control.clone(),
            fence,
            from_dead: false,
            lost,
            renewals,
            lease,
            steering,
            heartbeat: tokio::spawn(beats.run(asked)),
            released: false,
            created: false,
            _holding: Holding::new(&owner),
            owner,
        }
    }

    /// Whether the lease is lost, or was not renewed for so long that it may be lost. A process
    /// that was frozen has to know before its heartbeat runs again.
    pub(crate) fn is_lost(&self) -> bool {
        let silent = self.renewals.borrow().elapsed() >= patience(self.lease);
        #[cfg(mongrate_mutants)]
        let silent = silent && !super::mutant::is(super::mutant::Mutant::HeartbeatIgnored);
        silent || self.lost.is_cancelled()
    }

    /// The UUID of this acquisition.
    pub(crate) fn owner(&self) -> &str {
        &self.owner
    }

    /// Gives the lock back after `error`, which came before anything was run under the lock. If the
    /// collection turned out not to be ours, this also removes our documents from it. It does so
    /// only where this acquisition created the lock: then no other process has raised the fence,
    /// and nothing was or will be committed under its number. So no number can come twice.
    pub(crate) async fn give_up(mut self, error: &Error) {
        if !self.created || !matches!(error, Error::Corrupt { collection: Some(_), .. }) {
            return self.release(Vec::new()).await;
        }
        self.heartbeat.abort();
        let command = doc! {
            "delete": &self.control.collection,
            "deletes": [
                { "q": { "_id": fence::ID, "fence": self.fence, "guards": 0_i64 }, "limit": 1 },
                { "q": { "_id": LOCK_ID, "owner": &self.owner, "fence": self.fence }, "limit": 1 },
            ],
            "ordered": true,
            "writeConcern": majority(),
        };
        let sent = self.control.retrying(None, command);
        if !matches!(tokio::time::timeout(RELEASE_WAIT, sent).await, Ok(Ok(_))) {
            return self.release(Vec::new()).await;
        }
        self.released = true;
    }

    /// Gives the lock back, with `statements` for other control documents in the same round trip. A
    /// failure is only logged: the lease runs out by itself.
    pub(crate) async fn release(mut self, mut statements: Vec<Document>) {
        self.heartbeat.abort();
        statements.insert(0, self.statement());
        let command = self.control.majority_update(statements);
        let sent = self.control.retrying(None, command);
        match tokio::time::timeout(RELEASE_WAIT, sent).await {
            Ok(Ok(reply)) if touched(&reply) > 0 => {}
            Ok(Ok(_)) => tracing::debug!(target: "mongrate", "the lock was no longer ours"),
            Ok(Err(error)) => {
                tracing::warn!(target: "mongrate", error = %Line(&error), "could not release the lock; its lease runs out");
            }
            Err(_) => {
                tracing::warn!(target: "mongrate", "releasing the lock took too long; its lease runs out");
            }
        }
        // Only now: if this future is dropped while it waits, `drop` gives the lock back.
        self.released = true;
    }

    /// Gives the lock back after these statements, all of which must match or the lock is kept.
    /// Returns whether a majority has all of it, and what was written before it. Otherwise the
    /// heartbeat rests until [`resume`](Self::resume).
    pub(crate) async fn release_after(&mut self, mut statements: Vec<Document>) -> bool {
        self.heartbeat.abort();
        statements.push(self.statement());
        #[cfg_attr(not(mongrate_mutants), expect(unused_mut, reason = "only a mutant changes it"))]
        let mut command = self.control.majority_update(statements);
        #[cfg(mongrate_mutants)]
        if super::mutant::is(super::mutant::Mutant::LastIsProvisional)
            || super::mutant::is(super::mutant::Mutant::FenceW1)
        {
            command.insert("writeConcern", doc! { "w": 1 });
        }
        let sent = self.control.retrying(None, command);
        self.released = match tokio::time::timeout(Control::MAJORITY_WAIT, sent).await {
            Ok(Ok(_)) => true,
            Ok(Err(error)) => {
                tracing::debug!(target: "mongrate", error = %Line(&error), "the release does not stand for the last commits");
                false
            }
            Err(_) => false,
        };
        self.released
    }

    /// Renews the lease again, after a release that did not give it back.
    pub(crate) fn resume(&mut self) {
        if self.released || !self.heartbeat.is_finished() {
            return;
        }
        let last = *self.renewals.borrow();
        let (renewed, renewals) = watch::channel(last);
        self.renewals = renewals;
        let beats = Heartbeat {
            renewed,
            control: self.control.clone(),
            owner: self.owner.clone(),
            fence: self.fence,
            lease: self.lease,
            lost: self.lost.clone(),
            steering: Arc::clone(&self.steering),
        };
        self.heartbeat = tokio::spawn(beats.run(last));
    }

    /// Whether the lock was given back.
    pub(crate) fn is_released(&self) -> bool {
        self.released
    }

    /// The statement that gives the lock back.
    fn statement(&self) -> Document {
        #[cfg(mongrate_mutants)]
        if super::mutant::is(super::mutant::Mutant::ReleaseAny) {
            return doc! { "q": { "_id": LOCK_ID }, "u": [{ "$set": { "owner": null } }] };
        }
        doc! {
            "q": { "_id": LOCK_ID, "owner": &self.owner, "fence": self.fence },
            "u": [
                { "$set": { "owner": null, "releasedAt": "$$NOW" } },
                { "$unset": OF_THE_RUN.as_slice() },
            ],
        }
    }
}

/// The fields of the lock that [`parse`] needs to judge it by the server's clock.
pub(crate) fn projection() -> Document {
    doc! {
        "owner": 1, "fence": 1, "expiresAt": 1, "since": 1, "by": 1, "now": "$$NOW",
        // Fields of the fence, which is read in the same round trip.
        "guards": 1, "applied": 1, fence::FORMAT_FIELD: 1,
        "waits": 1,
        "paused": 1, "tuned": 1, "cancel": 1, "position": 1, "leaseMs": 1,
        // A field that each record has.
        "state": 1,
    }
}

/// Reads the lock as the server sees it; `now` in the document is the server's time.
pub(crate) fn parse(lock: &Document) -> LockReport {
    let owned = lock.get_str("owner").is_ok();
    let expires_at = date(lock, "expiresAt").filter(|_| owned);
    let remaining_ms = match (expires_at, date(lock, "now")) {
        (Some(expires), Some(now)) => {
            u64::try_from((expires - now).num_milliseconds()).unwrap_or(0)
        }
        _ => 0,
    };
    LockReport {
        held: owned && remaining_ms > 0,
        holder: lock.get_document("by").ok().filter(|_| owned).map(parse_who),
        fence: number(lock, "fence").unwrap_or(0),
        since: date(lock, "since").filter(|_| owned),
        expires_at,
        remaining_ms,
        dead: abandoned(lock).is_some(),
        waits_for_transaction: held_up::parse(lock).filter(|_| owned && remaining_ms > 0),
        paused: steering::parse_paused(lock),
        tuned: steering::parse_tuned(lock),
        cancel_asked: number(lock, "fence")
            .filter(|_| owned)
            .and_then(|fence| steering::parse_cancel(lock, fence)),
        position: steering::parse_position(lock).filter(|_| owned && remaining_ms > 0),
    }
}

/// How long the lease of the process is that holds the lock, or held it last.
pub(crate) fn lease_of(lock: &Document) -> Option<Duration> {
    number(lock, "leaseMs").and_then(|ms| u64::try_from(ms).ok()).map(Duration::from_millis)
}

/// How long ago the process that holds the lock got it, by the server's clock.
pub(crate) fn held_for(lock: &Document) -> Option<Duration> {
    lock.get_str("owner").ok()?;
    let held_ms = (date(lock, "now")? - date(lock, "since")?).num_milliseconds();
    u64::try_from(held_ms).ok().map(Duration::from_millis)
}

/// Takes the lock away from the process that holds it at `fence`, and adds an event. `false`: the
/// lock is not held at that fence.
pub(crate) async fn force_release(
    control: &Control,
    who: &Who,
    user: Option<&str>,
    fence: i64,
) -> Result<bool, Error> {
    let mut event = doc! {
        "at": "$$NOW", "event": FORCED, "fence": fence, "by": who_document(who),
    };
    requests::number_event(&mut event, user);
    let mut set = doc! {
        "owner": null,
        "events": { "$slice": [append("events", event), -EVENTS_MAX] },
    };
    let (counter, count) = requests::counter(None);
    set.insert(counter, count);
    let command = control.majority_update(vec![doc! {
        "q": { "_id": LOCK_ID, "fence": fence, "owner": { "$type": "string" } },
        "u": [{ "$set": set }],
    }]);
    let reply = control.once(None, command).await;
    Ok(touched(&reply.map_err(|error| Error::server("release the lock", error))?) > 0)
}

/// The operator's process that took the lock away from its holder at `fence`, if one did.
pub(crate) async fn taken_by(control: &Control, fence: i64) -> Option<Who> {
    let found = control.find(None, doc! { "_id": LOCK_ID }, doc! { "events": 1 }).await.ok()?;
    let events = found.first()?.get_array("events").ok()?.iter().filter_map(Bson::as_document);
    let mut taken = events.filter(|event| {
        event.get_str("event").is_ok_and(|event| event == FORCED)
            && number(event, "fence") == Some(fence)
    });
    Some(taken.next_back()?.get_document("by").map(parse_who).unwrap_or_default())
}

/// Writes the session that works under the lock into the lock.
#[cfg(mongrate_mutants)]
pub(crate) async fn note_session_mutated(control: &Control, fence: i64, lsid: &Document) {
    if super::mutant::is(super::mutant::Mutant::KillPreviousOwner) {
        let command = control.majority_update(vec![doc! {
            "q": { "_id": LOCK_ID, "fence": fence }, "u": { "$set": { "lsid": lsid } },
        }]);
        let _ = control.retrying(None, command).await;
    }
}
