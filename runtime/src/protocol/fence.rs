//! The fence: the one document that every guarded transaction writes. Alone in writing it.
//!
//! A newer owner raises the number in it; from then on no transaction of an older owner can
//! commit, whatever the clocks say. A read, or a `$set` to the same value, would not be enough:
//! neither conflicts with the raise.

use std::{cmp::Ordering, time::Duration};

use mongodb::{
    ClientSession,
    bson::{Bson, Document, doc},
};

use super::{
    audit::{head::Head, requests::Requests},
    checkpoint::partition,
    control::Control,
    held_up::{HeldUp, Holder},
};
use crate::{
    model::{digest::Digest, error::Error},
    mongo::{code, reply::number, server_error::ServerError},
    telemetry::{progress::Progress, visible::Line},
};

pub(crate) const ID: &str = "fence";

/// How long raising waits for a transaction that holds the fence, before the transaction is killed.
const RAISE_WAIT_MS: i64 = 300;

/// The same for each try while the server is to end the transaction by itself.
const HELD_UP_WAIT_MS: i64 = 2_000;

/// How many tries to raise the fence are made, each after killing what holds it, before the rest is
/// left to the server. One kill is the rule; more mean that another process keeps starting
/// transactions under an older fence, or that the kill has no effect.
const KILLS_MAX: u32 = 20;

/// Why there is nothing to do but wait after so many kills.
const IN_VAIN: &str = "ending its session had no effect: a user ends only sessions of its own, so \
                       does that process sign in as another user?";

/// The same where no kill was possible.
const NOBODY: &str = "the fence could not be written, and it names no session that could be ended";

/// The pause before another try to raise the fence when there is no transaction to end.
const PAUSE: Duration = Duration::from_millis(50);

/// What the fence document says.
#[derive(Clone, Debug, Default)]
pub(crate) struct Fence {
    pub fence: i64,
    /// How many guarded transactions have committed.
    pub guards: i64,
    pub applied: Option<Digest>,
    /// What it says of the audit log, if there has ever been one.
    pub audit: Option<Head>,
    /// The requests of operators in the lock, where both documents were read.
    pub requests: Requests,
}

/// The format of the documents of a control collection that this build writes. It is not written: none
/// means 1. A release whose documents older builds would misread writes a higher number into the fence,
/// and each run of such a build is refused at its first read.
const FORMAT: i64 = 1;

/// The field of that number.
pub(crate) const FORMAT_FIELD: &str = "format";

impl Fence {
    pub(crate) fn parse(document: &Document) -> Result<Self, Error> {
        let format = number(document, FORMAT_FIELD).unwrap_or(FORMAT);
        if format > FORMAT {
            return Err(Error::NewerFormat { found: format, known: FORMAT });
        }
        Ok(Self {
            fence: number(document, "fence").unwrap_or(0),
            guards: number(document, "guards").unwrap_or(0),
            applied: document.get_document("applied").ok().and_then(Digest::from_document),
            audit: Head::parse(document),
            requests: Requests::default(),
        })
    }
}

/// The fence was raised, and is ours.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Raised {
    /// The server is known to be a member of a replica set: only a member names its election in
    /// the reply to a write. (A mongos does not. It is not known if the first reply was lost.)
    pub in_replica_set: bool,
}

/// What came of ending the transaction that holds the fence.
enum Ended {
    Yes,
    /// No transaction is known to hold it.
    NoHolder,
    /// The server does not let this process end it.
    Refused(ServerError),
}

/// Raises the fence to the number of this acquisition. `None`: a newer owner exists; stand down.
///
/// Where this process cannot end the transaction of a former owner, it waits until the server has
/// ended that by itself. Until then no command of this process changes anything but the
/// lock, so this may be dropped at any time.
pub(crate) async fn raise(
    control: &Control,
    session: &mut ClientSession,
    holder: Holder<'_>,
    progress: &Progress,
) -> Result<Option<Raised>, Error> {
    let act = "raise the fence";
    let fence = holder.fence;
    let lsid = session.id().clone();
    // The checkpoints of backfills are fences, too. They come first: once the fence itself is
    // raised, all checkpoints are.
    let mut command = control.majority_update(vec![
        partition::raise_statement(fence),
        doc! {
            "q": { "_id": ID, "fence": { "$lt": fence } },
            "u": {
                "$set": { "fence": fence, "lsid": lsid.clone() },
                "$setOnInsert": { "guards": 0_i64, "applied": Digest::default().to_document() },
            },
            "upsert": true,
        },
    ]);
    #[cfg(mongrate_mutants)]
    if super::mutant::is(super::mutant::Mutant::FenceW1) {
        command.insert("writeConcern", doc! { "w": 1 });
    }
    command.insert("maxTimeMS", RAISE_WAIT_MS);
    let mut held_up: Option<HeldUp<'_>> = None;
    let (mut tries, mut kills) = (0, 0);
    loop {
        if let Some(wait) = &mut held_up
            && !wait.goes_on()
        {
            return Err(Error::server(act, wait.gave_up()));
        }
        tries += 1;
        let error = match control.once(Some(&mut *session), command.clone()).await {
            Ok(reply) => {
                if let Some(wait) = held_up {
                    wait.end().await;
                }
                return Ok(Some(Raised { in_replica_set: reply.contains_key("electionId") }));
            }
            Err(error) => error,
        };
        if held_up.is_some() && (holder.is_lost)() {
            let lost = "the lease ran out, or was taken away, while this run waited for the server to \
                        end a transaction that a former process left open; nothing was run; try again";
            return Err(Error::server(act, ServerError::in_reply(lost, None)));
        }
        let is_worn_out = tries >= KILLS_MAX;
        match error.code() {
            // The filter did not match and the upsert met the fence as it is: either it is
            // higher, or an earlier try of ours got through and only its reply was lost.
            Some(11_000) if error.foreign_index().is_none() => {
                let found = read_raw(control, Some(&mut *session)).await?;
                let number = found.as_ref().map(|found| number(found, "fence").unwrap_or(0));
                match number.map(|number| number.cmp(&fence)) {
                    // An older owner was the first to create the fence.
                    None | Some(Ordering::Less) if is_worn_out => {
                        return Err(control.explained(act, error).await);
                    }
                    None | Some(Ordering::Less) => tokio::time::sleep(PAUSE).await,
                    Some(Ordering::Greater) => return Ok(None),
                    Some(Ordering::Equal) => {
                        let named = found.as_ref().and_then(|it| it.get_document("lsid").ok());
                        if let Some(wait) = held_up {
                            wait.end().await;
                        }
                        let is_mine = named.is_some_and(|named| *named == lsid);
                        return Ok(is_mine.then_some(Raised { in_replica_set: false }));
                    }
                }
            }
            // MaxTimeMSExpired, WriteConflict, LockTimeout: a transaction holds it, most likely
            // that of a dead process (a transaction outlives its client by up to 90 s).
            Some(code::MAX_TIME_MS_EXPIRED | code::WRITE_CONFLICT | code::LOCK_TIMEOUT) => {
                if held_up.is_some() {
                    tokio::time::sleep(PAUSE).await;
                    continue;
                }
                let why = match kill_holder(control, fence).await? {
                    Ended::Refused(why) => why,
                    Ended::Yes if kills >= KILLS_MAX => ServerError::in_reply(IN_VAIN, None),
                    Ended::Yes => {
                        kills += 1;
                        continue;
                    }
                    Ended::NoHolder if is_worn_out => ServerError::in_reply(NOBODY, None),
                    // The server is slow.
                    Ended::NoHolder => {
                        tokio::time::sleep(PAUSE).await;
                        continue;
                    }
                };
                #[cfg(mongrate_mutants)]
                if super::mutant::is(super::mutant::Mutant::DoesNotWait) {
                    return Err(Error::server(act, why));
                }
                held_up = Some(HeldUp::begin(control, holder, progress, why).await);
                command.insert("maxTimeMS", HELD_UP_WAIT_MS);
            }
            _ if error.is_retryable() && (held_up.is_some() || !is_worn_out) => {
                tokio::time::sleep(PAUSE).await;
            }
            _ => return Err(control.explained(act, error).await),
        }
    }
}

/// Ends the work that a process that has ended may have left on the server: its lease has not run
/// out, so nothing has waited for that work. If this fails, raising the fence ends it.
pub(crate) async fn end_former(control: &Control, mine: i64) {
    if let Err(error) = kill_holder(control, mine).await {
        tracing::debug!(target: "mongrate", error = %Line(&error), "could not end the former owner's session");
    }
}

/// Ends the session whose transaction holds the fence: the session that the fence itself names,
/// which need not be that of the last owner of the lock.
async fn kill_holder(control: &Control, mine: i64) -> Result<Ended, Error> {
    let act = "end the transaction that a dead process left open";
    let Some(found) = read_raw(control, None).await? else { return Ok(Ended::NoHolder) };
    // A newer owner has raised the fence in between, and is alive.
    if number(&found, "fence").is_none_or(|found| found >= mine) {
        return Ok(Ended::NoHolder);
    }
    let mut holders: Vec<Document> = found.get_document("lsid").cloned().into_iter().collect();
    // The sessions of the workers of its backfill.
    let workers = control.find(None, partition::older_filter(mine), doc! { "lsids": 1 }).await;
    let workers = workers.map_err(|error| Error::server(act, error))?;
    for session in workers.iter().flat_map(partition::sessions) {
        if !holders.contains(&session) {
            holders.push(session);
        }
    }
    #[cfg(mongrate_mutants)]
    match self::former_owner(control).await {
        None => return Ok(Ended::NoHolder),
        Some(former) => holders = former.map_or(holders, |former| vec![former]),
    }
    if holders.is_empty() {
        return Ok(Ended::NoHolder);
    }
    tracing::info!(target: "mongrate", "ending the open transaction of the former owner");
    let command = doc! { "killSessions": holders };
    let admin = control.database.client().database("admin");
    match admin.run_command(command).await.map_err(ServerError::from) {
        Ok(_) => Ok(Ended::Yes),
        Err(error) if is_refusal(&error) => Ok(Ended::Refused(error)),
        Err(error) if error.is_retryable() => Ok(Ended::NoHolder),
        Err(error) => Err(Error::server(act, error)),
    }
}

/// Whether the server answered that it does not do what it was asked for, now or later: it does not
/// know the command, the service does not offer it, the user may not, or the Stable API lacks it.
pub(crate) fn is_refusal(error: &ServerError) -> bool {
    error.code().is_some() && !error.is_retryable()
}

/// Reads the fence document. A majority read never waits for an open transaction.
async fn read_raw(
    control: &Control,
    session: Option<&mut ClientSession>,
) -> Result<Option<Document>, Error> {
    let found = control.find(session, doc! { "_id": ID }, doc! {}).await;
    Ok(found.map_err(|error| Error::server("read the fence", error))?.into_iter().next())
}

/// The first statement of every guarded transaction. It matches only under the fence that
/// its owner raised, and only once for each number of `guards`.
///
/// A statement that does not match is an upsert that meets the existing fence: an error, with
/// which the server itself ends the transaction. So a guard that arrives late, from a process
/// that is dead by then, leaves no transaction open.
///
/// `audit`: what the fence says of the audit log once the transaction has committed.
pub(crate) fn guard_statement(
    fence: i64,
    guards: i64,
    applied: Digest,
    audit: Option<&Head>,
) -> Document {
    let mut set = doc! { "applied": applied.to_document() };
    if let Some(head) = audit {
        set.insert("audit", head.to_document());
    }
    doc! {
        "q": { "_id": ID, "fence": fence, "guards": guards },
        "u": { "$inc": { "guards": 1_i64 }, "$set": set },
        "upsert": true,
    }
}

/// The statement that removes the session from the fence at the end of a run: the session goes
/// back to the driver's pool, the app uses it next, and no other process may end it because of a
/// transaction of ours. Only for a run that can begin no more transactions: if the fence does not
/// name the session of an open transaction, every process waits until the server ends it.
pub(crate) fn forget_statement(fence: i64, lsid: &Document) -> Document {
    doc! {
        "q": { "_id": ID, "fence": fence, "lsid": lsid.clone() },
        "u": { "$unset": { "lsid": "" } },
    }
}

/// The same for a release that stands for the last commits: it matches only while the fence counts
/// exactly these `guards`. A statement that does not match is an error, with which the server leaves
/// out the statements after it: another fence is met (E11000), and where there is none, none can be
/// inserted (its `_id` would not be that of the filter).
pub(crate) fn forget_under_statement(fence: i64, guards: i64) -> Document {
    let query = doc! { "_id": ID, "fence": fence, "guards": guards };
    #[cfg(mongrate_mutants)]
    let query = match super::mutant::is(super::mutant::Mutant::ReleasesBlindly) {
        true => doc! { "_id": ID, "fence": fence },
        false => query,
    };
    let update = doc! { "$unset": { "lsid": "" }, "$setOnInsert": { "_id": 0 } };
    doc! { "q": query, "u": update, "upsert": true }
}

/// Whether the guard passed, by its reply.
pub(crate) fn passed(reply: &Document) -> bool {
    let upserted = reply.get_array("upserted").into_iter().flatten();
    // The guard was inserted: the fence had been deleted, so the new document is not our fence.
    !upserted.filter_map(Bson::as_document).any(|upsert| number(upsert, "index") == Some(0))
}

/// The session that is killed: `None` for no session, `Some(None)` for the right session.
#[cfg(mongrate_mutants)]
pub(crate) async fn former_owner(control: &Control) -> Option<Option<Document>> {
    if super::mutant::is(super::mutant::Mutant::NoKillSessions) {
        return None;
    }
    if !super::mutant::is(super::mutant::Mutant::KillPreviousOwner) {
        return Some(None);
    }
    let found =
        control.find(None, doc! { "_id": super::documents::LOCK_ID }, doc! {}).await.ok()?;
    found.first()?.get_document("formerLsid").ok().cloned().map(Some)
}
