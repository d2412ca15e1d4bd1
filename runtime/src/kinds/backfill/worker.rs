//! One worker: takes partitions, and changes them batch by batch. Each batch commits together with
//! the checkpoint of its partition, or not at all.

use std::panic::AssertUnwindSafe;

use futures_util::FutureExt as _;
use mongodb::{
    ClientSession,
    bson::{Document, doc},
    error::TRANSIENT_TRANSACTION_ERROR,
};
use tokio::time::Instant;

use super::{
    culprit,
    scout::Scouted,
    shared::Shared,
    work::{Again, Batch, Work},
};
use crate::{
    model::error::Error,
    mongo::{
        code, driver,
        reply::touched,
        server_error::{self, ServerError},
    },
    protocol::{
        checkpoint::partition::{self, Advance, Partition},
        retry::Backoff,
        session::{self, Durability},
        stop::{self, StopReason},
    },
};

/// How many times a worker looks again for documents at the end of a collection that is written to.
const END_LOOKS_MAX: u32 = 5;

/// The end of a batch that did not fail.
enum Ended {
    Committed,
    /// It met an obstacle that a smaller batch may not meet. It left no trace.
    Smaller(Setback),
}

/// The obstacle that a batch met.
enum Setback {
    /// While its documents were read and written.
    Work(ServerError),
    /// When it was to commit.
    Commit(ServerError),
}

/// Works until no partition is left, or until it is told to stop. Returns its session, for another
/// worker.
pub(crate) async fn work(
    shared: &Shared<'_>,
    mut session: ClientSession,
    work: &impl Work,
) -> Result<ClientSession, StopReason> {
    let ended = work_on(shared, &mut session, work).await;
    shared.active.set(shared.active.get() - 1);
    match ended {
        Ok(()) => Ok(session),
        Err(stop) => {
            shared.halt.cancel();
            Err(stop)
        }
    }
}

async fn work_on(
    shared: &Shared<'_>,
    session: &mut ClientSession,
    work: &impl Work,
) -> Result<(), StopReason> {
    let mut following: Option<Taken> = None;
    loop {
        let Some(mut taken) = following.take().or_else(|| Taken::next(shared)) else {
            return Ok(());
        };
        work_through(shared, session, &mut taken, &mut following, work).await?;
        if shared.halt.is_cancelled() {
            return Ok(());
        }
        if !taken.partition.done {
            // This worker is one too many.
            let mut queue = shared.queue.borrow_mut();
            for Taken { partition, .. } in following.into_iter().chain([taken]) {
                queue.push_front(partition);
            }
            return Ok(());
        }
    }
}

/// A partition that a worker took.
struct Taken {
    partition: Partition,
    /// Its next batch, where that was found already.
    ahead: Option<Scouted>,
}

impl Taken {
    fn next(shared: &Shared<'_>) -> Option<Self> {
        let partition = shared.queue.borrow_mut().pop_front()?;
        Some(Self { partition, ahead: None })
    }

    /// Takes a partition before the one before it is done, if that leaves one for each other worker.
    fn early(shared: &Shared<'_>) -> Option<Self> {
        let is_plenty = shared.queue.borrow().len() >= shared.active.get();
        is_plenty.then(|| Self::next(shared)).flatten()
    }
}

/// Changes a partition batch by batch, until none of it is left, or until this worker is one too many.
/// `following`: the partition that the worker takes next, once it did.
async fn work_through(
    shared: &Shared<'_>,
    session: &mut ClientSession,
    taken: &mut Taken,
    following: &mut Option<Taken>,
    work: &impl Work,
) -> Result<(), StopReason> {
    let Taken { partition, ahead: scouted_ahead } = taken;
    let mut conflicts = Backoff::new(shared.control.retries);
    let mut end_looks = 0;
    while !partition.done {
        let stays = shared.wait().await;
        shared.lost()?;
        if shared.halt.is_cancelled() || !stays {
            return Ok(());
        }
        let pace = shared.pace();
        shared.resize(|size| {
            size.bound_documents(pace.documents, pace.documents_in_a_second());
            size.bound_bytes(pace.bytes, shared.load.cache(), pace.workers);
        });
        let size = shared.size.get();
        // What was looked for ahead may be more than what is allowed by now; and where there was nothing, there
        // may be something by now.
        let fits = |ahead: &Scouted| {
            (1..=size.documents.into()).contains(&ahead.documents)
                && (ahead.bytes <= size.bytes || ahead.documents == 1)
        };
        let mut scouted = match scouted_ahead.take().filter(fits) {
            Some(scouted) => scouted,
            None => scout(shared, partition).await?,
        };
        let mut advance = Advance {
            at: scouted.range.to.clone(),
            behind: false,
            documents: scouted.documents,
            done: scouted.last.is_some(),
        };
        let looks_again =
            end_looks < END_LOOKS_MAX && end_at_the_last(partition, &mut scouted, &mut advance);
        let begun = Instant::now();
        // While the batch is at work, the end of the next one is found.
        let is_last = advance.done;
        let batch = batch(shared, session, partition, &scouted, advance, work);
        let ahead = async {
            if is_last && following.is_none() {
                *following = Taken::early(shared);
                if let Some(Taken { partition, ahead }) = following {
                    *ahead = scout(shared, partition).await.ok();
                }
            }
            next_batch(shared, partition, &scouted).await
        };
        let (ended, next) = tokio::join!(batch, ahead);
        match ended? {
            (Ended::Committed, advance) => {
                shared.resize(|size| size.committed(begun.elapsed()));
                end_looks += u32::from(looks_again);
                conflicts = Backoff::new(shared.control.retries);
                *scouted_ahead = next;
                shared.rate.spend(advance.documents, begun, pace.throttle.per_second);
                count_batch(shared, partition, advance);
            }
            (Ended::Smaller(setback), _) => {
                shrink(shared, &scouted, &setback);
                // This was not the last batch after all: another worker may take what follows.
                if let Some(Taken { partition, .. }) = following.take() {
                    shared.queue.borrow_mut().push_front(partition);
                }
                // It ends at one document: what makes it smaller is no attempt.
                if scouted.documents > 1 {
                    conflicts.pause().await;
                } else if !conflicts.again().await {
                    return Err(alone(shared, &scouted, setback).await);
                }
            }
        }
    }
    Ok(())
}

/// Lets the last batch of a partition without an end stop at its last document, so that the
/// documents inserted after that one meanwhile are looked for. `false`: it is no such batch.
fn end_at_the_last(partition: &Partition, scouted: &mut Scouted, advance: &mut Advance) -> bool {
    let (Some(Some(last)), None) = (&scouted.last, &partition.bounds.to) else { return false };
    advance.at = Some(last.clone());
    (advance.behind, advance.done) = (true, false);
    scouted.range.to = Some(last.clone());
    scouted.range.including = true;
    true
}

/// The batch after this one; `None`: there is none, or it is scouted later.
async fn next_batch(
    shared: &Shared<'_>,
    partition: &Partition,
    scouted: &Scouted,
) -> Option<Scouted> {
    let mut rest = partition.clone();
    rest.at.clone_from(&scouted.range.to);
    rest.behind = false;
    if scouted.last.is_some() { None } else { scout(shared, &rest).await.ok() }
}

/// Adds a batch that committed to its partition and to the counts, and reports the progress.
fn count_batch(shared: &Shared<'_>, partition: &mut Partition, advance: Advance) {
    partition.batches += 1;
    partition.documents += advance.documents;
    partition.done = advance.done;
    partition.at = advance.at;
    partition.behind = advance.behind;
    let counts = &shared.counts;
    counts.batches.set(counts.batches.get() + 1);
    let documents = u64::try_from(advance.documents).unwrap_or(0);
    counts.documents.set(counts.documents.get() + documents);
    crate::telemetry::metrics::backfilled(
        shared.control.database.name(),
        shared.group,
        shared.version,
        &shared.job.name,
        advance.documents,
    );
    shared.report_progress();
}

/// Makes the next batches smaller than the one that the server did not take.
fn shrink(shared: &Shared<'_>, scouted: &Scouted, setback: &Setback) {
    let (documents, bytes) = (scouted.documents, scouted.bytes);
    shared.resize(|size| size.refused(documents, bytes));
    let limits = shared.size.get();
    tracing::debug!(
        target: "mongrate", backfill = shared.job.name, documents, bytes,
        documents_max = limits.documents, bytes_max = limits.bytes,
        error = %setback.error(), "a batch is tried again, with fewer documents"
    );
}

impl Setback {
    fn error(&self) -> &ServerError {
        match self {
            Self::Work(error) | Self::Commit(error) => error,
        }
    }
}

/// The reason to stop: a batch of one document that the server does not take.
async fn alone(shared: &Shared<'_>, scouted: &Scouted, setback: Setback) -> StopReason {
    let error = match setback {
        Setback::Commit(error) if !error.code().is_some_and(is_size) => {
            return StopReason::Server(Error::server("commit a batch", error));
        }
        Setback::Work(error) | Setback::Commit(error) => error,
    };
    let problem = match error.code() {
        // WriteConflict. The server says so, too, when its cache is full.
        Some(112) | None => {
            "met the writes of others, or a full cache of the server, each time that it was \
             tried, alone in a batch; run it again when there is less traffic"
        }
        // BSONObjectTooLarge.
        Some(code::BSON_OBJECT_TOO_LARGE) => {
            "is too big, though it was alone in a batch: with what it becomes, or with what is \
             kept of it for a rollback, it is more than the 16 MB of a command"
        }
        _ => "fits no transaction of this server, though it was alone in a batch",
    };
    StopReason::Body(culprit::alone(shared, &scouted.range, scouted.bytes, problem, error).await)
}

/// WriteConflict, TransactionTooLarge, TransactionExceededLifetimeLimitSeconds,
/// TransactionTooLargeForCache: a smaller transaction may pass.
fn is_size(code: i32) -> bool {
    code == 112 || driver::is_limit(code)
}

pub(crate) async fn scout(
    shared: &Shared<'_>,
    partition: &Partition,
) -> Result<Scouted, StopReason> {
    let rest = partition.rest();
    let scouting = shared.scout.next(&rest, shared.size.get());
    tokio::select! {
        biased;
        () = shared.lost.cancelled() => Err(StopReason::Lost),
        scouted = scouting => {
            scouted.map_err(|error| StopReason::Server(Error::server("look ahead in a backfill", error)))
        }
    }
}

/// Runs one batch, and retries it until its outcome is known.
async fn batch(
    shared: &Shared<'_>,
    session: &mut ClientSession,
    partition: &Partition,
    scouted: &Scouted,
    advance: Advance,
    work: &impl Work,
) -> Result<(Ended, Advance), StopReason> {
    let mut backoff = Backoff::new(shared.control.retries);
    // A commit was sent whose outcome is not known.
    let mut unknown = false;
    loop {
        shared.lost()?;
        let portions = scouted.portions.clone();
        let mut batch = Batch::new(shared, session, scouted.range.filter(), portions);
        batch.may_begin_again = true;
        let attempt = attempt(shared, partition, &advance, &mut batch, work).await;
        let (matched, modified) = (batch.matched, batch.modified);
        let error = match attempt {
            Ok(()) => {
                let counts = &shared.counts;
                counts.matched.set(counts.matched.get() + matched);
                counts.modified.set(counts.modified.get() + modified);
                return Ok((Ended::Committed, advance));
            }
            Err(AttemptError::Again) => continue,
            Err(AttemptError::Guard) => {
                if unknown && committed(shared, session, partition).await? {
                    return Ok((Ended::Committed, advance));
                }
                shared.lost.cancel();
                return Err(StopReason::Lost);
            }
            Err(AttemptError::Stop(StopReason::Body(error))) if !unknown => {
                return Err(culprit::named(shared, session, scouted, work, error).await);
            }
            Err(AttemptError::Stop(stop)) if !unknown => return Err(stop),
            Err(AttemptError::Stop(stop)) => {
                return match committed(shared, session, partition).await {
                    Ok(true) => Ok((Ended::Committed, advance)),
                    Ok(false) => Err(stop),
                    Err(StopReason::Server(error)) => Err(StopReason::Unknown(error)),
                    Err(other) => Err(other),
                };
            }
            Err(AttemptError::Body(error)) if !unknown => {
                return Ok((Ended::Smaller(Setback::Work(error)), advance));
            }
            Err(AttemptError::Body(error)) => error,
            // It is known not to have committed.
            Err(AttemptError::Commit { error, unclear: false }) if !unknown => {
                return Ok((Ended::Smaller(Setback::Commit(error)), advance));
            }
            Err(AttemptError::Commit { error, unclear }) => {
                unknown |= unclear;
                error
            }
        };
        if backoff.again().await {
            continue;
        }
        let error = Error::server("commit a batch", error);
        return match committed(shared, session, partition).await {
            Ok(true) => Ok((Ended::Committed, advance)),
            Ok(false) => Err(StopReason::Server(error)),
            Err(_) => Err(StopReason::Unknown(error)),
        };
    }
}

/// Whether the server ended the operation, as it does when its feature compatibility version changes.
fn is_interrupted(code: Option<i32>) -> bool {
    code == Some(code::INTERRUPTED)
}

/// Why an attempt did not commit.
enum AttemptError {
    /// The checkpoint is not as this worker left it.
    Guard,
    /// The work wants to begin again.
    Again,
    /// The server says that trying again may help.
    Body(ServerError),
    Commit {
        error: ServerError,
        unclear: bool,
    },
    Stop(StopReason),
}

async fn attempt(
    shared: &Shared<'_>,
    partition: &Partition,
    advance: &Advance,
    batch: &mut Batch<'_>,
    work: &impl Work,
) -> Result<(), AttemptError> {
    session::begin(batch.session, Durability::Majority).await.map_err(AttemptError::Stop)?;
    let statement = partition.guard_statement(shared.fence, advance);
    let command = shared.control.update(vec![statement]);
    match shared.control.once(Some(&mut *batch.session), command).await {
        Ok(reply) if touched(&reply) == 1 => {}
        Ok(_) => {
            session::abort(batch.session).await;
            return Err(AttemptError::Guard);
        }
        Err(error) => {
            session::abort(batch.session).await;
            if partition::is_refusal(&error) {
                return Err(AttemptError::Guard);
            }
            let again =
                error.has_label(TRANSIENT_TRANSACTION_ERROR) || is_interrupted(error.code());
            return Err(if again {
                AttemptError::Body(error)
            } else {
                AttemptError::Stop(StopReason::Server(Error::server("enter a batch", error)))
            });
        }
    }
    if advance.documents > 0 {
        let ended = tokio::select! {
            biased;
            () = shared.lost.cancelled() => Err(StopReason::Lost),
            ended = AssertUnwindSafe(work.batch(batch)).catch_unwind() => stop::settle_body(ended),
        };
        if let Err(stop) = ended {
            session::abort(batch.session).await;
            return Err(match stop {
                StopReason::Body(error) if error.is::<Again>() => AttemptError::Again,
                StopReason::Body(error) => match worth_another(error.as_ref()) {
                    Some(error) => AttemptError::Body(error),
                    None => AttemptError::Stop(StopReason::Body(error)),
                },
                stop => AttemptError::Stop(stop),
            });
        }
    }
    commit(shared, batch.session).await
}

/// The error, if it may not come again when the batch is retried, or is smaller.
pub(crate) fn worth_another(error: &(dyn std::error::Error + 'static)) -> Option<ServerError> {
    let sent = driver::find(error).map(|error| ServerError::from(error.clone()));
    // BSONObjectTooLarge of the command as a whole, and not of a document in it.
    let is_command = sent.as_ref().is_some_and(|error| {
        error.code() == Some(10_334) && error.details().is_none_or(|one| one.ids.is_empty())
    });
    let is_worth = driver::has_label(error, TRANSIENT_TRANSACTION_ERROR)
        || is_interrupted(server_error::code_in(error))
        || server_error::code_in(error).is_some_and(driver::is_limit)
        || is_command;
    let unknown = || ServerError::in_reply("a batch met the writes of others", None);
    is_worth.then(|| sent.or_else(|| server_error::replied(error).cloned()).unwrap_or_else(unknown))
}

async fn commit(shared: &Shared<'_>, session: &mut ClientSession) -> Result<(), AttemptError> {
    let mut unclear = false;
    let committing =
        session::commit_until_known(&shared.control, session, &shared.lost, &mut unclear);
    let Err(error) = committing.await else { return Ok(()) };
    let is_limit = error.code().is_some_and(is_size);
    // Whether before or after it was committed.
    unclear |= is_interrupted(error.code());
    Err(if unclear || error.has_label(TRANSIENT_TRANSACTION_ERROR) || is_limit {
        AttemptError::Commit { error, unclear }
    } else {
        AttemptError::Stop(StopReason::Server(Error::server("commit a batch", error)))
    })
}

/// Ends what the session may have left open, and reads whether the batch committed.
async fn committed(
    shared: &Shared<'_>,
    session: &mut ClientSession,
    partition: &Partition,
) -> Result<bool, StopReason> {
    let ended = session::end_session(&shared.control, session).await;
    let after = session.operation_time();
    let filter = doc! { "_id": &partition.id };
    let found = shared.control.find_after(after, None, filter, doc! {}).await;
    let found =
        found.map_err(|error| StopReason::Server(Error::server("read a checkpoint", error)))?;
    let Some(found) = found.first().and_then(Partition::parse) else {
        return Err(StopReason::Lost);
    };
    if found.fence != shared.fence {
        shared.lost.cancel();
        return Err(StopReason::Lost);
    }
    if found.batches == partition.batches.saturating_add(1) {
        return Ok(true);
    }
    // Its commit may still be on its way.
    if ended {
        Ok(false)
    } else {
        let open = "a batch's transaction could not be ended";
        Err(StopReason::Server(Error::server("commit a batch", ServerError::in_reply(open, None))))
    }
}

/// The session's id, as `killSessions` wants it.
pub(crate) fn id_of(session: &ClientSession) -> Document {
    session.id().clone()
}
