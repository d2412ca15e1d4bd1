//! What one acquisition of the lock works with: its lease, its session, and what it knows of the
//! fence and of the commits that only the primary has.

pub(crate) mod attempts;
mod audited;
pub(crate) mod hold;
#[cfg(mongrate_mutants)]
mod mutated;
pub(crate) mod watch;
pub(crate) mod writes;

use std::sync::Arc;

use mongodb::{
    ClientSession,
    bson::{Bson, Timestamp, doc},
};
use tokio_util::sync::CancellationToken;

use self::watch::Watch;
#[cfg(mongrate_mutants)]
use super::mutant::{self, Mutant};
use super::{
    audit::log::AuditLog,
    control::Control,
    fence,
    held_up::Holder,
    history::History,
    lease::Lease,
    provisional::Provisional,
    read::{ControlDocuments, read_all},
    session::{abort, end_session},
    steering::Steering,
    stop::StopReason,
    timing::{Timing, timing_statement},
};
use crate::{
    model::{
        config::AuditSettings, digest::Digest, error::Error, policies::RuleInForce,
        report::status::StepProgress, result::BoxError, state::Who, tuning::Tuning,
        version::Version,
    },
    mongo::server_error::ServerError,
    telemetry::progress::Progress,
};

/// How many times in a row the server may have ended the transaction before the body's next
/// operation or the commit. Then the migration fails with [`EndedByServer`](super::stop::EndedByServer).
pub(crate) const ENDED_BY_SERVER_MAX: u32 = 3;

/// The most durations that are kept to be written together.
const TIMINGS_MAX: usize = 50;

/// The most work whose durations are not yet written: a process that is killed loses them.
const TIMED_MAX_MS: u64 = 1_000;

/// A guarded transaction that committed.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Committed {
    pub attempts: u32,
    pub sequence: i64,
}

/// Everything that one acquisition of the lock works with.
#[derive(Debug)]
pub(crate) struct Engine {
    pub control: Control,
    pub who: Who,
    pub cancel: CancellationToken,
    pub batch: i64,
    pub progress: Progress,
    /// The settings that this run was started with.
    pub tuning: Tuning,
    /// The group of the run, for its metrics.
    pub group: String,
    /// Why an operator wants what this run does: a note of its events.
    pub why: Option<String>,
    /// The digest of the approved plan that is run.
    pub plan: Option<String>,
    /// The rule for backfills that no approved plan allows, with its number of documents.
    pub backfill_max: Option<(u64, RuleInForce)>,
    /// How far the last backfill was that did not come to its end.
    pub reached: Vec<StepProgress>,
    lease: Lease,
    session: ClientSession,
    /// Guarded transactions that committed, ever: as in the fence document.
    guards: i64,
    applied: Digest,
    /// The audit log, as the fence has it.
    audit: AuditLog,
    /// Commits that only the primary is known to have.
    provisional: Provisional,
    /// How many commits an election took back, counted from the newest. The run, which knows
    /// their steps, asks for this number.
    undone: usize,
    /// Whether there may be provisional commits.
    in_replica_set: bool,
    /// How long the last migrations took. Not yet written.
    timing: Vec<Timing>,
    /// Why a step inside an online body stopped. The error that the body got for it only carries
    /// the text.
    pub(crate) stopped: Option<StopReason>,
    /// A guarded transaction is under way. If it still is when the next transaction begins, a body
    /// dropped the future of a step, or the body itself was dropped.
    in_flight: bool,
    /// The last guarded transaction is not known to have committed: one of its commands may still
    /// be on its way, and begin the transaction when it arrives.
    unsettled: bool,
    /// Held while a backfill commits a batch; a cancellation waits for it.
    pub(crate) batch_at_work: Arc<tokio::sync::Mutex<()>>,
    /// How often the last transaction was tried.
    pub(crate) attempts: u32,
    /// The digest that the fence held when this acquisition raised it.
    pub(crate) found: Option<Digest>,
}

impl Engine {
    /// Raises the fence and reads the history under it. `None`: a newer owner exists; the
    /// lock is given back.
    pub(crate) async fn open(
        control: &Control,
        who: &Who,
        cancel: &CancellationToken,
        progress: &Progress,
        lease: Lease,
        audit: AuditSettings,
    ) -> Result<Option<(Self, History)>, Error> {
        let mut session = match Self::session(control).await {
            Ok(session) => session,
            Err(error) => {
                lease.give_up(&error).await;
                return Err(error);
            }
        };
        // Whoever calls this looks at the token next.
        let prepared = tokio::select! {
            prepared = Self::prepare(control, &lease, &mut session, progress) => prepared,
            () = cancel.cancelled() => Ok(None),
        };
        match prepared {
            Ok(Some((raised, fence, history))) => {
                let engine = Self {
                    control: control.clone(),
                    who: who.clone(),
                    cancel: cancel.clone(),
                    batch: history.last_batch().saturating_add(1),
                    progress: progress.clone(),
                    tuning: Tuning::new(),
                    group: String::new(),
                    why: None,
                    plan: None,
                    backfill_max: None,
                    reached: Vec::new(),
                    lease,
                    session,
                    guards: fence.guards,
                    applied: history.digest(),
                    audit: AuditLog::new(audit, &fence),
                    provisional: Provisional::default(),
                    undone: 0,
                    in_replica_set: raised.in_replica_set,
                    timing: Vec::new(),
                    stopped: None,
                    in_flight: false,
                    unsettled: false,
                    batch_at_work: Arc::default(),
                    attempts: 0,
                    found: fence.applied,
                };
                Ok(Some((engine, history)))
            }
            Ok(None) => {
                // It may have been raised before this was cancelled.
                let forgets = fence::forget_statement(lease.fence, session.id());
                lease.release(vec![forgets]).await;
                Ok(None)
            }
            Err(error) => {
                lease.give_up(&error).await;
                Err(error)
            }
        }
    }

    async fn session(control: &Control) -> Result<ClientSession, Error> {
        // A command that depends on an order asks for it: the guard by its numbers, a read by the
        // time that it must not be older than. In a causal session, a transaction would wait for
        // the journal of the transaction before it.
        let session = control.database.client().start_session().causal_consistency(false).await;
        session.map_err(|error| Error::server("start a session", error))
    }

    async fn prepare(
        control: &Control,
        lease: &Lease,
        session: &mut ClientSession,
        progress: &Progress,
    ) -> Result<Option<(fence::Raised, fence::Fence, History)>, Error> {
        #[cfg(mongrate_mutants)]
        super::lease::note_session_mutated(control, lease.fence, session.id()).await;
        if lease.from_dead {
            fence::end_former(control, lease.fence).await;
        }
        let is_lost = || lease.is_lost();
        let holder = Holder { owner: lease.owner(), fence: lease.fence, is_lost: &is_lost };
        let Some(raised) = fence::raise(control, &mut *session, holder, progress).await? else {
            return Ok(None);
        };
        let (history, fence) = read_all(control, Some(session)).await?;
        Ok(Some((raised, fence, history)))
    }

    /// The fence number of this acquisition.
    pub(crate) fn fence(&self) -> i64 {
        self.lease.fence
    }

    /// The owner of the lock.
    pub(crate) fn owner(&self) -> &str {
        self.lease.owner()
    }

    /// Gives the lock back after `error`, which came before any migration was run.
    pub(crate) async fn give_up(self, error: &Error) {
        self.lease.give_up(error).await;
    }

    /// Whether the server is known to be a member of a replica set, and not a router.
    pub(crate) fn in_replica_set(&self) -> bool {
        self.in_replica_set
    }

    /// The digest of what is applied.
    pub(crate) fn applied(&self) -> Digest {
        self.applied
    }

    /// Gives the lock back in the one command that also waits until a majority has all commits:
    /// what comes before a write, a majority has once it has the write. The command does nothing
    /// unless the fence counts all commits. `false`: it is not known to have done it.
    pub(crate) async fn finish(&mut self) -> bool {
        // A guard that is still on its way may hold the fence; the release would wait for it.
        if self.unsettled {
            return false;
        }
        let mut statements = vec![fence::forget_under_statement(self.lease.fence, self.guards)];
        if !self.timing.is_empty() {
            statements.push(timing_statement(self.lease.fence, &self.timing));
        }
        let finished = self.lease.release_after(statements).await;
        if finished {
            self.provisional.confirm();
        }
        finished
    }

    /// Gives the lock back, unless [`finish`](Self::finish) did.
    pub(crate) async fn close(self) {
        if self.lease.is_released() {
            return;
        }
        let mut statements = Vec::new();
        if !self.timing.is_empty() {
            statements.push(timing_statement(self.lease.fence, &self.timing));
        }
        // If one of our guards arrives late, the next owner must be able to end the transaction
        // that it opens.
        if !self.unsettled {
            statements.push(fence::forget_statement(self.lease.fence, self.session.id()));
        }
        self.lease.release(statements).await;
    }

    /// Whether the next guard writes the durations, too. One statement per duration, with the
    /// guard that follows, was a fifth of the server's time for a short migration, the migration's
    /// own work not counted.
    fn is_timing_due(&self) -> bool {
        let ms = self.timing.iter().map(|timing| timing.ms).fold(0, u64::saturating_add);
        self.timing.len() >= TIMINGS_MAX || ms >= TIMED_MAX_MS
    }

    /// Keeps how long a migration took; a later guard writes it, or the release of the lock.
    pub(crate) fn note_timing(&mut self, version: Version, committed: Committed, ms: u64) {
        self.timing.push(Timing { version, sequence: committed.sequence, ms });
    }

    /// Returns how many commits an election took back since the last call: those of the newest
    /// steps that had ended well.
    pub(crate) fn take_undone(&mut self) -> usize {
        std::mem::take(&mut self.undone)
    }

    /// Returns how many commits only the primary is known to have.
    pub(crate) fn provisional(&self) -> usize {
        self.provisional.len()
    }

    /// Forgets the provisional commits; the next owner of the lock will see what became of them.
    pub(crate) fn give_up_on_provisional(&mut self) {
        self.provisional.confirm();
        self.unsettled = true;
    }

    /// What operators ask of this run, and what it tells them.
    pub(crate) fn steering(&self) -> &Arc<Steering> {
        &self.lease.steering
    }

    /// Whether the lease is lost.
    pub(crate) fn is_lost(&self) -> bool {
        self.lease.is_lost()
    }

    /// Waits until a majority has all commits, or finds out how many of the newest commits are
    /// gone for good. Where another owner has taken over, its records say which commits are there.
    pub(crate) async fn confirm(&mut self) -> Result<usize, StopReason> {
        #[cfg(mongrate_mutants)]
        if mutant::is(Mutant::LastIsProvisional) {
            self.provisional.confirm();
            return Ok(0);
        }
        let versions: Vec<Version> = self.provisional.versions().collect();
        let (history, found) = self.look(versions).await?;
        // The fence counts more if the last commit got through and only its reply was lost.
        if found.fence == self.lease.fence && found.guards >= self.guards {
            self.provisional.confirm();
            return Ok(0);
        }
        if self.is_taken_back(&found) {
            self.lease.resume();
            return Ok(self.take_undone());
        }
        self.lease.lost.cancel();
        let gone = self.provisional.gone(|commit| {
            history.get(commit.version).is_some_and(|record| {
                (record.fence, record.sequence) == (self.lease.fence, commit.sequence)
            })
        });
        self.provisional.confirm();
        Ok(gone)
    }

    /// Whether the fence is still ours, but counts fewer commits than there were: then the missing
    /// commits are forgotten here as well.
    pub(crate) fn is_taken_back(&mut self, found: &fence::Fence) -> bool {
        if found.fence != self.lease.fence {
            return false;
        }
        let Some((count, first)) = self.provisional.take_back(found.guards) else { return false };
        tracing::warn!(
            target: "mongrate", count, first = %first.version,
            "an election took back what only the former primary had; it is done again"
        );
        self.guards = found.guards;
        self.audit.set(found.audit.clone().unwrap_or_default());
        // The guard of an attempt before them may still arrive, and matches again.
        self.unsettled = true;
        self.applied = first.before;
        self.timing.retain(|timing| timing.sequence <= found.guards);
        self.undone += count;
        true
    }

    /// Reads the fence and the records of these versions, not older than what this session has
    /// seen.
    pub(crate) async fn look(
        &self,
        versions: Vec<Version>,
    ) -> Result<(History, fence::Fence), StopReason> {
        let mut ids = vec![Bson::from(fence::ID)];
        ids.extend(versions.into_iter().map(|version| Bson::from(version.get())));
        let filter = doc! { "_id": { "$in": ids } };
        let after = self.session.operation_time();
        let found = self.control.find_each(after, None, filter, doc! {}, ControlDocuments::add);
        // The read waits until a majority has what this session has seen.
        let found =
            tokio::time::timeout(Control::MAJORITY_WAIT, found).await.unwrap_or_else(|_| {
                Err(ServerError::in_reply("a majority of the replica set does not keep up", None))
            });
        let found = found.map_err(|error| Error::server("read the history", error));
        found.and_then(ControlDocuments::done).map_err(StopReason::Server)
    }

    /// Reads the whole history, not older than what this session has seen.
    pub(crate) async fn look_at_all(&mut self) -> Result<History, StopReason> {
        let read = read_all(&self.control, Some(&mut self.session)).await;
        read.map(|(history, _)| history).map_err(StopReason::Server)
    }

    /// Ends the transaction that a failed commit may have left open on the server: the driver does
    /// not abort after a commit was sent. `true`: no transaction is open, a commit that is still on
    /// its way will find none, and what this session reads from now on is not older than that.
    async fn end_open_transaction(&mut self) -> bool {
        end_session(&self.control, &mut self.session).await
    }

    async fn abort(&mut self) {
        abort(&mut self.session).await;
    }

    /// The reason to stop for an error that was found without the fence's guard. If this process
    /// was replaced meanwhile, or an election took commits back, that is the reason, and not the
    /// error.
    pub(crate) async fn unless_lost(&mut self, error: BoxError) -> StopReason {
        match self.look(Vec::new()).await {
            Ok((_, found)) if found.fence != self.lease.fence => {
                self.lease.lost.cancel();
                StopReason::Lost
            }
            Ok((_, found)) if self.is_taken_back(&found) => StopReason::TakenBack,
            _ => StopReason::Body(error),
        }
    }

    /// Returns what ends a body before its time. Call it right before the body begins.
    pub(crate) fn watch(&mut self) -> Watch {
        self.stopped = None;
        Watch {
            cancel: self.cancel.clone(),
            lost: self.lost(),
            batch_at_work: self.batch_at_work.clone(),
        }
    }

    /// The time that a read of a backfill's checkpoints must not be older than.
    pub(crate) fn operation_time(&self) -> Option<Timestamp> {
        self.session.operation_time()
    }

    /// The token that is cancelled when the lease is lost.
    pub(crate) fn lost(&self) -> CancellationToken {
        self.lease.lost.clone()
    }

    /// Tells that work with transactions of its own begins or ends: if its future is dropped in
    /// between, the migration fails as it does after a dropped step.
    pub(crate) fn set_in_flight(&mut self, in_flight: bool) {
        self.in_flight = in_flight;
    }
}
