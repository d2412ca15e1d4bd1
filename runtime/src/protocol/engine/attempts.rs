//! The attempts at one guarded transaction. Alone in knowing the order guard → operations → commit.

use std::{panic::AssertUnwindSafe, time::Duration};

use futures_util::FutureExt as _;
use mongodb::{
    ClientSession,
    error::{TRANSIENT_TRANSACTION_ERROR, UNKNOWN_TRANSACTION_COMMIT_RESULT},
};
use tokio::time::Instant;

use super::{Committed, ENDED_BY_SERVER_MAX, Engine};
#[cfg(mongrate_mutants)]
use crate::protocol::mutant::{self, Mutant};
use crate::{
    model::{
        config::Retries, digest::Digest, error::Error, identity::Identity,
        report::failure::Failure, result::BoxError, version::Version,
    },
    mongo::{
        code, driver,
        reply::touched,
        server_error::{self, ServerError},
    },
    protocol::{
        audit::{entry::Note, head::Head, log::Addition},
        fence, provisional,
        record_change::{self, RecordChange},
        retry::Backoff,
        session::{Durability, begin, commit_until_known},
        stop::{EndedByServer, StopReason, settle_body},
        timing::{Timing, timing_statement},
    },
    telemetry::{metrics, visible::Line},
};

/// How many interruptions a transaction is begun again after.
const INTERRUPTED_MAX: u32 = 3;

/// Half of the life that the server grants a transaction by default.
const LONG_TRANSACTION: Duration = Duration::from_secs(30);

impl Engine {
    /// Refuses once the lease is lost. For an operation that the fence cannot hold back.
    pub(crate) fn refuse_when_lost(&self) -> Result<(), ServerError> {
        if self.lease.is_lost() {
            return Err(ServerError::in_reply(
                "the lease is lost: nothing more may be changed",
                None,
            ));
        }
        Ok(())
    }

    /// Refuses an operation that a run would begin after it was told to end. For one that the fence
    /// cannot hold back.
    pub(crate) fn refuse_when_cancelled(&self) -> Result<(), ServerError> {
        if self.cancel.is_cancelled() {
            return Err(ServerError::in_reply("the run is cancelled: nothing more is begun", None));
        }
        Ok(())
    }

    /// Stops a transaction that would begin when the lease is lost or the run is cancelled.
    fn refuse_when_stopped(&self, cancellable: bool) -> Result<(), StopReason> {
        if self.lease.lost.is_cancelled() {
            return Err(StopReason::Lost);
        }
        if cancellable && self.cancel.is_cancelled() {
            return Err(StopReason::Cancelled);
        }
        Ok(())
    }

    /// Runs a guarded transaction: the fence and the record first, in one round trip, then the
    /// operations, then the commit. Retried while the server says that a retry may help.
    pub(crate) async fn transaction<F>(
        &mut self,
        change: Guarded<'_>,
        operations: F,
    ) -> Result<Committed, StopReason>
    where
        F: AsyncFnMut(&mut ClientSession) -> Result<(), BoxError>,
    {
        let mut attempts = Attempts::new(change, self.control.retries);
        (self.in_flight, self.unsettled) = (true, true);
        let ended = self.attempt(&mut attempts, operations).await;
        self.attempts = attempts.backoff.attempts();
        let ended = match ended {
            Err(stop) if attempts.unknown => self.clear_up(&attempts, stop).await,
            ended => ended,
        };
        self.in_flight = false;
        ended
    }

    /// Whatever stopped the transaction, a commit that was sent may have got through, or may still
    /// get through: ends the transaction, and only then finds out what became of it.
    async fn clear_up(
        &mut self,
        attempts: &Attempts<'_>,
        stop: StopReason,
    ) -> Result<Committed, StopReason> {
        let ended = self.end_open_transaction().await;
        match (self.outcome(attempts).await, stop) {
            (Ok(CommitOutcome::Committed), _) => {
                Ok(self.count_commit(attempts, Durability::Majority))
            }
            (Ok(CommitOutcome::TakenBack), StopReason::Server(_)) => Err(StopReason::TakenBack),
            (Ok(_), StopReason::Server(error)) if !ended => Err(StopReason::Unknown(error)),
            (Ok(CommitOutcome::Unchanged | CommitOutcome::TakenBack), StopReason::Cancelled)
                if !ended =>
            {
                let why = "the run was cancelled, and a commit that was sent may still get through";
                let error = Error::server("commit", ServerError::in_reply(why, None));
                Err(StopReason::Unknown(error))
            }
            (
                Ok(CommitOutcome::Unchanged | CommitOutcome::TakenBack | CommitOutcome::Lost),
                stop,
            ) => Err(stop),
            (Err(StopReason::Server(error)), _) => Err(StopReason::Unknown(error)),
            (Err(other), _) => Err(other),
        }
    }

    async fn attempt<F>(
        &mut self,
        attempts: &mut Attempts<'_>,
        mut operations: F,
    ) -> Result<Committed, StopReason>
    where
        F: AsyncFnMut(&mut ClientSession) -> Result<(), BoxError>,
    {
        loop {
            if let Some(committed) = self.enter(attempts).await? {
                return Ok(committed);
            }
            let (cancel, lost) = (self.cancel.clone(), self.lease.lost.clone());
            let ended = tokio::select! {
                biased;
                () = lost.cancelled() => Err(StopReason::Lost),
                () = cancel.cancelled(), if attempts.change.cancellable => Err(StopReason::Cancelled),
                ended = AssertUnwindSafe(operations(&mut self.session)).catch_unwind() => settle_body(ended),
            };
            if let Some(committed) = self.leave(attempts, ended).await? {
                return Ok(committed);
            }
        }
    }

    /// Begins a transaction, and passes the guard. `Some`: an earlier attempt had committed after
    /// all.
    async fn enter(
        &mut self,
        attempts: &mut Attempts<'_>,
    ) -> Result<Option<Committed>, StopReason> {
        loop {
            self.refuse_when_stopped(attempts.change.cancellable)?;
            attempts.begun = Instant::now();
            // A commit that writes durations must not be taken back: they are forgotten here.
            let enough = self.in_replica_set
                && self.provisional.has_room(attempts.begun)
                && !self.is_timing_due();
            attempts.durability =
                if enough { attempts.change.durability } else { Durability::Majority };
            #[cfg(mongrate_mutants)]
            if mutant::is(Mutant::LastIsProvisional) {
                attempts.durability = Durability::Primary;
            }
            // Before it begins: what fails here leaves no transaction open.
            let addition = self.addition(&attempts.change)?;
            begin(&mut self.session, attempts.durability).await?;
            let passed = match self.guard(attempts, addition.as_ref()).await {
                Ok(true) => self.write_audit(attempts, addition).await.map(|()| true),
                other => other,
            };
            match passed {
                Ok(true) => return Ok(None),
                Ok(false) => {
                    self.abort().await;
                    match self.outcome(attempts).await? {
                        CommitOutcome::Committed if attempts.unknown => {
                            return Ok(Some(self.count_commit(attempts, Durability::Majority)));
                        }
                        CommitOutcome::TakenBack => return Err(StopReason::TakenBack),
                        // The durations of earlier migrations did not match: leave them out.
                        CommitOutcome::Unchanged
                            if !std::mem::take(&mut self.timing).is_empty() => {}
                        CommitOutcome::Committed
                        | CommitOutcome::Unchanged
                        | CommitOutcome::Lost => {
                            self.lease.lost.cancel();
                            return Err(StopReason::Lost);
                        }
                    }
                }
                Err(error) => {
                    self.abort().await;
                    let transient = error.has_label(TRANSIENT_TRANSACTION_ERROR)
                        || attempts.may_be_interrupted(error.code());
                    if !transient || !attempts.backoff.again().await {
                        let error = match attempts.is_at_log {
                            true => self.log_refused(error),
                            false => self.control.explained("enter a transaction", error).await,
                        };
                        return Err(StopReason::Server(error));
                    }
                    tracing::debug!(target: "mongrate", error = %Line(&error), "retrying the guard");
                }
            }
        }
    }

    /// Commits what the operations did, or aborts it. `None`: another attempt may help.
    async fn leave(
        &mut self,
        attempts: &mut Attempts<'_>,
        ended: Result<(), StopReason>,
    ) -> Result<Option<Committed>, StopReason> {
        match ended {
            Ok(()) => {}
            Err(StopReason::Body(error)) => {
                self.abort().await;
                let transient = driver::has_label(error.as_ref(), TRANSIENT_TRANSACTION_ERROR)
                    || attempts.may_be_interrupted(server_error::code_in(error.as_ref()));
                // A transaction that is too long for the server is too long each time.
                let gone = driver::find(error.as_ref()).and_then(driver::code);
                let gone = gone == Some(code::NO_SUCH_TRANSACTION);
                // After a short transaction it is more likely that the primary has changed.
                let long = attempts.begun.elapsed() >= LONG_TRANSACTION;
                attempts.ended_by_server =
                    if gone && long { attempts.ended_by_server + 1 } else { 0 };
                if attempts.ended_by_server >= ENDED_BY_SERVER_MAX {
                    return Err(StopReason::Body(EndedByServer.into()));
                }
                if transient && attempts.backoff.again().await {
                    let failure = Failure::of(error.as_ref());
                    tracing::debug!(target: "mongrate", failure = %Line(&failure), "retrying the transaction");
                    return Ok(None);
                }
                return Err(StopReason::Body(if gone { EndedByServer.into() } else { error }));
            }
            Err(stop) => {
                self.abort().await;
                return Err(stop);
            }
        }
        // If the outcome stays unknown, the next attempt's guard finds out what became of the commit:
        // it aborts the transaction if it is still open, and does not match if it committed.
        let committing = commit_until_known(
            &self.control,
            &mut self.session,
            &self.lease.lost,
            &mut attempts.unknown,
        );
        let Err(error) = committing.await else {
            #[cfg(mongrate_mutants)]
            self.committed_mutated(attempts).await;
            return Ok(Some(self.count_commit(attempts, attempts.durability)));
        };
        let interrupted = attempts.may_be_interrupted(error.code());
        // Whether before or after it was committed.
        attempts.unknown |= error.code() == Some(code::INTERRUPTED);
        let transient = error.has_label(TRANSIENT_TRANSACTION_ERROR) || interrupted;
        let unclear = error.has_label(UNKNOWN_TRANSACTION_COMMIT_RESULT);
        let gone = error.code() == Some(code::NO_SUCH_TRANSACTION);
        attempts.ended_by_server = if gone { attempts.ended_by_server + 1 } else { 0 };
        if (transient || unclear)
            && attempts.ended_by_server < ENDED_BY_SERVER_MAX
            && attempts.backoff.again().await
        {
            return Ok(None);
        }
        // Giving up: no transaction may stay open. (If the outcome is unknown, `clear_up` ends it.)
        if !attempts.unknown {
            self.end_open_transaction().await;
        }
        if attempts.ended_by_server >= ENDED_BY_SERVER_MAX {
            return Err(StopReason::Body(EndedByServer.into()));
        }
        Err(StopReason::Server(Error::server("commit", error)))
    }

    /// Sends the first command. `false`: the fence, a record or a duration did not match.
    async fn guard(
        &mut self,
        attempts: &Attempts<'_>,
        addition: Option<&Addition>,
    ) -> Result<bool, ServerError> {
        let head = addition.map(|addition| &addition.head);
        let digest = attempts.change.digest;
        let mut statements =
            vec![fence::guard_statement(self.lease.fence, self.guards, digest, head)];
        #[cfg(mongrate_mutants)]
        if !self.guard_mutated(&mut statements).await? {
            return Ok(false);
        }
        let records = attempts.change.records.iter();
        #[cfg(mongrate_mutants)]
        let records = records.filter(|_| !mutant::is(Mutant::HistoryOutside));
        for (migration, change) in records {
            statements.push(record_change::statement(migration, change, &self.stamp()));
        }
        let mut expected = statements.len();
        if self.is_timing_due() {
            // A record that this transaction changes anyway gets no duration.
            let timing = self.timing.iter().filter(|timing| !attempts.changes(timing.version));
            let timing: Vec<Timing> = timing.copied().collect();
            if !timing.is_empty() {
                statements.push(timing_statement(self.lease.fence, &timing));
                expected += timing.len();
            }
        }
        let expected = i64::try_from(expected).unwrap_or(i64::MAX);
        let command = self.control.update(statements);
        match self.control.once(Some(&mut self.session), command).await {
            Ok(reply) => {
                let passed = fence::passed(&reply);
                #[cfg(mongrate_mutants)]
                let passed =
                    passed || mutant::is(Mutant::NoFence) || mutant::is(Mutant::FenceOnlyRead);
                Ok(passed && touched(&reply) == expected)
            }
            Err(error)
                if error.code() == Some(code::DUPLICATE_KEY) && error.foreign_index().is_none() =>
            {
                Ok(false)
            }
            Err(error) => Err(error),
        }
    }

    /// Counts a commit, and what is known of the commits before it.
    fn count_commit(&mut self, attempts: &Attempts<'_>, durability: Durability) -> Committed {
        self.guards = self.guards.saturating_add(1);
        if let Some(head) = &attempts.head {
            let entries = head.number.saturating_sub(self.audit.head().number);
            metrics::audited(&self.group, self.control.database.name(), entries);
            self.audit.set(head.clone());
        }
        self.unsettled = false;
        match (durability, attempts.version()) {
            (Durability::Primary, Some(version)) => {
                let (sequence, before) = (self.guards, self.applied);
                let commit = provisional::Commit { version, sequence, before };
                self.provisional.add(commit, Instant::now());
            }
            // Once a majority has this commit, it has all commits before it.
            _ => self.provisional.confirm(),
        }
        self.applied = attempts.change.digest;
        match self.is_timing_due() {
            true => self.timing.clear(),
            false => self.timing.retain(|timing| !attempts.changes(timing.version)),
        }
        Committed { attempts: attempts.backoff.attempts(), sequence: self.guards }
    }

    /// Finds out what became of a transaction whose guard did not match, or whose commit got no
    /// answer.
    async fn outcome(&mut self, attempts: &Attempts<'_>) -> Result<CommitOutcome, StopReason> {
        let (history, found) = self.look(attempts.version().into_iter().collect()).await?;
        if self.is_taken_back(&found) {
            return Ok(CommitOutcome::TakenBack);
        }
        let ours = found.fence == self.lease.fence;
        let next = self.guards.saturating_add(1);
        if ours && found.guards == next {
            return Ok(CommitOutcome::Committed);
        }
        if ours && found.guards == self.guards {
            return Ok(CommitOutcome::Unchanged);
        }
        let record = attempts.version().and_then(|version| history.get(version));
        let recorded = record
            .is_some_and(|record| record.fence == self.lease.fence && record.sequence == next);
        Ok(if attempts.unknown && recorded {
            CommitOutcome::Committed
        } else {
            CommitOutcome::Lost
        })
    }
}

/// What a guarded transaction commits besides its operations.
pub(crate) struct Guarded<'a> {
    /// The records that change with it.
    pub(super) records: Vec<(Identity, &'a RecordChange<'a>)>,
    /// The digest of what is applied once it commits.
    pub(super) digest: Digest,
    /// What the audit log says of it, beside the changes of its records.
    pub(super) notes: Vec<Note>,
    cancellable: bool,
    /// Which members must acknowledge the commit, at least.
    durability: Durability,
}

impl<'a> Guarded<'a> {
    /// A change of these records. Cancelling the run ends it, and a majority has to acknowledge it.
    pub(crate) fn new(records: Vec<(Identity, &'a RecordChange<'a>)>, digest: Digest) -> Self {
        let (notes, durability) = (Vec::new(), Durability::Majority);
        Self { records, digest, notes, cancellable: true, durability }
    }

    /// A change of one record.
    pub(crate) fn of(migration: Identity, change: &'a RecordChange<'a>, digest: Digest) -> Self {
        Self::new(vec![(migration, change)], digest)
    }

    /// The same change, of which the audit log says this, too.
    pub(crate) fn noting(self, notes: Vec<Note>) -> Self {
        Self { notes, ..self }
    }

    /// The same change, made even if the run is cancelled.
    pub(super) fn although_cancelled(self) -> Self {
        Self { cancellable: false, ..self }
    }

    /// The same change, which these members have to acknowledge.
    pub(crate) fn durability(self, durability: Durability) -> Self {
        Self { durability, ..self }
    }
}

/// The attempts at one guarded transaction.
pub(super) struct Attempts<'a> {
    pub(super) change: Guarded<'a>,
    /// Which members must acknowledge the commit of this attempt.
    durability: Durability,
    backoff: Backoff,
    /// When this attempt began.
    begun: Instant,
    /// How many attempts in a row the server ended before their next operation or their commit.
    ended_by_server: u32,
    /// How often it was interrupted.
    interrupted: u32,
    /// A commit was sent, and its outcome did not come back.
    unknown: bool,
    /// What the fence says of the audit log once the last attempt whose guard matched has committed.
    pub(super) head: Option<Head>,
    /// The last command was for the audit log.
    pub(super) is_at_log: bool,
}

impl<'a> Attempts<'a> {
    fn new(change: Guarded<'a>, retries: Retries) -> Self {
        Self {
            change,
            durability: Durability::Majority,
            backoff: Backoff::new(retries),
            begun: Instant::now(),
            ended_by_server: 0,
            interrupted: 0,
            unknown: false,
            head: None,
            is_at_log: false,
        }
    }

    /// Whether this error is an interruption after which another attempt is made. The server interrupts
    /// transactions when its feature compatibility version changes, twice for each change. Who ends the
    /// operation on purpose (`killOp`) does so more than once; and an owner whose session was ended by a
    /// newer one learns that from its next guard.
    fn may_be_interrupted(&mut self, code: Option<i32>) -> bool {
        let is_one = code == Some(code::INTERRUPTED);
        self.interrupted += u32::from(is_one);
        is_one && self.interrupted <= INTERRUPTED_MAX
    }

    /// The version of a migration whose record tells whether the transaction committed.
    fn version(&self) -> Option<Version> {
        self.change.records.first().map(|(migration, _)| migration.version)
    }

    /// Whether the transaction changes the record of this version.
    fn changes(&self, version: Version) -> bool {
        self.change.records.iter().any(|(migration, _)| migration.version == version)
    }
}

/// What the database says of a guarded transaction whose outcome is in doubt.
enum CommitOutcome {
    Committed,
    /// The transaction did not commit, and the fence is still ours.
    Unchanged,
    /// The transaction did not commit, and an election took back commits before it.
    TakenBack,
    /// A newer owner has raised the fence.
    Lost,
}
