//! Runs under the lock: guarded transactions, their retries, and the two kinds of
//! migration body. Alone in knowing the order guard → operations → commit.

use std::{future::IntoFuture as _, panic::AssertUnwindSafe, sync::Arc, time::Duration};

use futures_util::FutureExt as _;
use mongodb::{
    ClientSession,
    bson::{Bson, Document, RawDocument, Timestamp, doc},
    error::{TRANSIENT_TRANSACTION_ERROR, UNKNOWN_TRANSACTION_COMMIT_RESULT},
    options::{Acknowledgment, ReadConcern, ReadPreference, SelectionCriteria, WriteConcern},
};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use crate::{
    BoxError, Direction, Error, Migration, Online, ServerError, Transaction, TransactionFn,
    Version, backfill,
    change::turn::{Turn, Turned},
    checksum::Digest,
    command::{self, Control, touched},
    error::driver,
    fence,
    fields::Fields as _,
    history::{self, Change, History, Record, Stamp, Stored, Timing},
    lease::{self, Lease},
    migration::Body,
    plan::Step,
    progress::Progress,
    provisional::{self, Provisional},
    report::{Failure, Who},
    retry::Backoff,
    visible::Line,
};

/// How long aborting may take before the transaction is left to the server.
const ABORT_WAIT: Duration = Duration::from_secs(5);

/// How many times in a row the body or the commit may find the transaction gone before the
/// body is blamed.
pub(crate) const GONE_MAX: u32 = 3;

/// How many durations are written together.
const TIMINGS_MAX: usize = 50;

/// So much work is not left without its durations, should the process be killed.
const TIMED_MAX_MS: u64 = 1_000;

/// Half of the life that the server grants a transaction by default.
const LONG: Duration = Duration::from_secs(30);

const NO_SUCH_TRANSACTION: i32 = 251;

/// What the body is blamed for then.
pub(crate) const GONE: &str = "the server had already ended the transaction when it was to go on or to \
                    commit, several times in a row: either the body swallowed the error of one \
                    of its operations (pass every error on with `?`), or it takes longer than \
                    the server lets a transaction live (60 s by default: write an online \
                    migration instead)";

/// What a body is told that drops the future of a step.
const STEP_DROPPED: &str = "a step was dropped before it had ended; await every step to its end, \
                            without a timeout around it";

/// Why a migration, or a step of one, did not commit. Whatever was in flight is aborted.
#[derive(Debug)]
pub(crate) enum Stop {
    /// Its own error.
    Body(BoxError),
    /// The token.
    Cancelled,
    /// The lease, or the fence: another process has taken over.
    Lost,
    /// An election took back what only the former primary had: nothing of this one is there, and
    /// nothing of those that [`Engine::undone`] counts.
    TakenBack,
    /// The server.
    Server(Error),
    /// The commit was sent, and nobody could say what became of it.
    Unknown(Error),
}

impl Stop {
    /// For a log.
    pub(crate) fn text(&self) -> String {
        match self {
            Self::Server(error) | Self::Unknown(error) => error.to_string(),
            Self::Body(error) => Failure::of(error.as_ref()).message,
            Self::Lost => "another process has taken over".to_owned(),
            Self::TakenBack => "an election took back what came before it".to_owned(),
            Self::Cancelled => "cancelled".to_owned(),
        }
    }
}

/// Who has to have a commit before it counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Durability {
    /// The primary is enough for now: see [`Provisional`].
    Primary,
    Majority,
}

/// A guarded transaction that committed.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Committed {
    pub attempts: u32,
    pub sequence: i64,
}

/// How far an attempt at several migrations in one transaction got.
#[derive(Debug, Default)]
pub(crate) struct Together {
    /// The one that was at work last.
    pub at: usize,
    /// How long those took that ran to their end, in milliseconds.
    pub ms: Vec<u64>,
}

/// Everything that one acquisition of the lock works with.
#[derive(Debug)]
pub(crate) struct Engine {
    pub control: Control,
    pub who: Who,
    pub cancel: CancellationToken,
    pub batch: i64,
    pub progress: Progress,
    lease: Lease,
    session: ClientSession,
    /// Guarded transactions that committed, ever: as in the fence document.
    guards: i64,
    applied: Digest,
    /// Commits that only the primary is known to have.
    provisional: Provisional,
    /// How many of them an election took back, the newest; whoever knows their steps asks.
    undone: usize,
    /// Whether there may be any.
    in_replica_set: bool,
    /// How long the last migrations took, not yet written.
    timing: Vec<Timing>,
    /// Why a step inside an online body stopped; its error is only a messenger.
    pub(crate) stopped: Option<Stop>,
    /// A guarded transaction is under way. If it still is when the next one begins, a body
    /// dropped the future of a step, or was dropped itself.
    in_flight: bool,
    /// The last guarded transaction is not known to have committed: if one of its commands is
    /// still on its way, that may yet begin it.
    unsettled: bool,
    /// Held by a backfill: a cancellation waits for the end of its batch.
    pub(crate) calm: Arc<tokio::sync::Mutex<()>>,
    /// How often the last transaction was tried.
    pub(crate) attempts: u32,
    /// The digest that the fence held when it was raised.
    pub(crate) found: Option<Digest>,
}

impl Engine {
    /// Raises the fence and reads the history under it. `None`: a newer owner exists; the
    /// lock is given back.
    pub(crate) async fn open(
        control: &Control,
        who: &Who,
        cancel: &CancellationToken,
        lease: Lease,
    ) -> Result<Option<(Self, History)>, Error> {
        match Self::prepare(control, lease.fence, lease.from_dead).await {
            Ok(Some((session, raised, fence, history))) => {
                let engine = Self {
                    control: control.clone(),
                    who: who.clone(),
                    cancel: cancel.clone(),
                    batch: history.last_batch() + 1,
                    progress: Progress::default(),
                    lease,
                    session,
                    guards: fence.guards,
                    applied: history.digest(),
                    provisional: Provisional::default(),
                    undone: 0,
                    in_replica_set: raised.in_replica_set,
                    timing: Vec::new(),
                    stopped: None,
                    in_flight: false,
                    unsettled: false,
                    calm: Arc::default(),
                    attempts: 0,
                    found: fence.applied,
                };
                Ok(Some((engine, history)))
            }
            Ok(None) => {
                lease.release(Vec::new()).await;
                Ok(None)
            }
            Err(error) => {
                lease.give_up(&error).await;
                Err(error)
            }
        }
    }

    async fn prepare(
        control: &Control,
        number: i64,
        from_dead: bool,
    ) -> Result<Option<(ClientSession, fence::Raised, fence::Fence, History)>, Error> {
        let client = control.database.client();
        // What depends on an order asks for it: the guard by its numbers, a read by the time that
        // it must not be older than. A transaction of a causal session would wait for the journal
        // of the one before.
        let mut session = client
            .start_session()
            .causal_consistency(false)
            .await
            .map_err(|error| Error::server("start a session", error))?;
        #[cfg(mongrate_mutants)]
        lease::note_session_mutated(control, number, session.id()).await;
        if from_dead {
            fence::end_former(control, number).await;
        }
        let Some(raised) = fence::raise(control, &mut session, number).await? else {
            return Ok(None);
        };
        let (history, fence) = read_all(control, Some(&mut session)).await?;
        Ok(Some((session, raised, fence, history)))
    }

    /// The fence number of this acquisition.
    pub(crate) fn fence(&self) -> i64 {
        self.lease.fence
    }

    /// The owner of the lock.
    pub(crate) fn owner(&self) -> &str {
        self.lease.owner()
    }

    /// Gives the lock back after `error`, which came before anything was run.
    pub(crate) async fn give_up(self, error: &Error) {
        self.lease.give_up(error).await;
    }

    /// Whether the server is known to be a member of a replica set, and no router.
    pub(crate) fn in_replica_set(&self) -> bool {
        self.in_replica_set
    }

    /// The digest of what is applied.
    pub(crate) fn applied(&self) -> Digest {
        self.applied
    }

    /// Gives the lock back.
    pub(crate) async fn close(self) {
        let mut statements = Vec::new();
        if !self.timing.is_empty() {
            statements.push(history::timing_statement(self.lease.fence, &self.timing));
        }
        // Whoever comes next must be able to end what a late guard of ours begins.
        if !self.unsettled {
            statements.push(fence::forget_statement(self.lease.fence, self.session.id()));
        }
        self.lease.release(statements).await;
    }

    /// Whether the next guard has the durations with it. A statement for each of them with the
    /// guard that follows was a fifth of what a short migration takes the server beside its own.
    fn is_timing_due(&self) -> bool {
        let ms = self.timing.iter().map(|timing| timing.ms).fold(0, u64::saturating_add);
        self.timing.len() >= TIMINGS_MAX || ms >= TIMED_MAX_MS
    }

    /// Notes how long a migration took; written with a later guard, or with the release.
    pub(crate) fn note_timing(&mut self, version: Version, committed: Committed, ms: u64) {
        self.timing.push(Timing { version, sequence: committed.sequence, ms });
    }

    /// How many commits an election took back since this was asked last: those of the newest
    /// steps that had ended well.
    pub(crate) fn take_undone(&mut self) -> usize {
        std::mem::take(&mut self.undone)
    }

    /// How many commits only the primary is known to have.
    pub(crate) fn provisional(&self) -> usize {
        self.provisional.len()
    }

    /// Whoever comes next will see what became of them.
    pub(crate) fn give_up_on_provisional(&mut self) {
        self.provisional.confirm();
        self.unsettled = true;
    }

    /// Whether the lease is lost.
    pub(crate) fn is_lost(&self) -> bool {
        self.lease.is_lost()
    }

    /// Waits until a majority has all commits, or finds out how many it will never have, the
    /// newest. Of those that another owner has found, what it made of them counts.
    pub(crate) async fn confirm(&mut self) -> Result<usize, Stop> {
        #[cfg(mongrate_mutants)]
        if mutant::is(Mutant::LastIsProvisional) {
            self.provisional.confirm();
            return Ok(0);
        }
        let versions: Vec<Version> = self.provisional.versions().collect();
        let (history, found) = self.look(versions).await?;
        // More, if the last one got through without an answer.
        if found.fence == self.lease.fence && found.guards >= self.guards {
            self.provisional.confirm();
            return Ok(0);
        }
        if self.is_taken_back(&found) {
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

    /// Whether the fence is still ours, but counts fewer commits than there were: then those are
    /// forgotten here as well.
    fn is_taken_back(&mut self, found: &fence::Fence) -> bool {
        if found.fence != self.lease.fence {
            return false;
        }
        let Some((count, first)) = self.provisional.take_back(found.guards) else { return false };
        tracing::warn!(
            target: "mongrate", count, first = %first.version,
            "an election took back what only the former primary had; it is done again"
        );
        self.guards = found.guards;
        self.applied = first.before;
        self.timing.retain(|timing| timing.sequence <= found.guards);
        self.undone += count;
        true
    }

    /// Runs one step of the plan to its end. `durability`: what is enough if it is one
    /// transaction.
    pub(crate) async fn run(
        &mut self,
        step: &Step,
        record: Option<&Record>,
        durability: Durability,
    ) -> Result<Committed, Stop> {
        let migration = step.migration;
        let missing = || Stop::Body("it has no rollback".into());
        match (migration.body, step.direction) {
            (Body::Transaction { up, .. }, Direction::Up) => {
                self.transactional(step, record, up, durability).await
            }
            (Body::Transaction { down, .. }, Direction::Down) => {
                self.transactional(step, record, down.ok_or_else(missing)?, durability).await
            }
            (Body::Online { up, .. }, Direction::Up) => {
                self.online(step, record, async |on| up(on).await).await
            }
            (Body::Online { down, .. }, Direction::Down) => {
                let down = down.ok_or_else(missing)?;
                self.online(step, record, async |on| down(on).await).await
            }
            (Body::Change { reversible: false, .. }, Direction::Down) => Err(missing()),
            (Body::Change { declare, .. }, _) => {
                let change = crate::Change::declared(declare).map_err(Stop::Body)?;
                let turned = match record {
                    Some(record)
                        if record.direction != step.direction
                            && matches!(record.state, Stored::Running | Stored::Failed) =>
                    {
                        self.turn(&change, step, record).await?
                    }
                    _ => None,
                };
                if turned.is_none() {
                    // Before it counts as half-done.
                    self.refuse(&change, step, record).await?;
                }
                let record = turned.as_ref().or(record);
                self.online(step, record, async |on| change.execute(on).await).await
            }
        }
    }

    /// Refuses a declared migration that cannot come to its end, before anything is written.
    async fn refuse(
        &mut self,
        change: &crate::Change,
        step: &Step,
        record: Option<&Record>,
    ) -> Result<(), Stop> {
        let Step { migration, direction, .. } = *step;
        let begun = record.filter(|record| {
            record.direction == direction
                && matches!(record.state, Stored::Running | Stored::Failed)
        });
        let applied = record.filter(|record| record.is_applied());
        let refused = match (direction, applied) {
            (Direction::Up, _) => {
                let done = begun.map(|record| record.steps.clone()).unwrap_or_default();
                let undo = begun.map(Record::undo).unwrap_or_default();
                let mut on = Online::new(self, migration, direction, 0, done, undo);
                change.refuse_beyond_api(&mut on).await
            }
            (Direction::Down, Some(applied)) => {
                let (done, undo) = (Vec::new(), applied.undo());
                let mut on = Online::new(self, migration, direction, 0, done, undo);
                change.refuse_rollback(&mut on).await
            }
            (Direction::Down, None) => Ok(()),
        };
        match refused {
            Ok(()) => Ok(()),
            Err(error) => Err(self.unless_lost(error).await),
        }
    }

    /// Turns a declared migration round that is half-way: what it did is undone from there, or
    /// what its rollback undid is done again. Returns the record as it is then; `None`: nothing of
    /// the migration is there.
    async fn turn(
        &mut self,
        change: &crate::Change,
        step: &Step,
        record: &Record,
    ) -> Result<Option<Record>, Stop> {
        let Step { migration, direction, .. } = *step;
        let mut turned = match change.turn(record) {
            Turn::Nothing => return Ok(None),
            Turn::Refused(why) => {
                let text = format!(
                    "it is half-way, and cannot turn round: {why}; nothing was changed: run `{}` \
                     again, or undo by hand what it did and `resolve {}` it",
                    record.direction.as_str(),
                    record.version
                );
                return Err(Stop::Body(text.into()));
            }
            Turn::Round(turned) => turned,
        };
        if let Some(name) = turned.step() {
            let asked = backfill::Asked {
                version: record.version,
                direction: record.direction,
                step: &name,
                started: record.started,
            };
            let ranges = backfill::reached(&self.control, self.operation_time(), asked).await;
            let act = "read how far it got";
            turned.set_reached(&ranges.map_err(|error| Stop::Server(Error::server(act, error)))?);
        }
        let Turned { steps, undo, .. } = turned;
        if direction == Direction::Down {
            let (done, found) = (steps.clone(), undo.clone());
            let mut on = Online::new(self, migration, direction, 0, done, found);
            if let Err(error) = change.refuse_rollback(&mut on).await {
                return Err(self.unless_lost(error).await);
            }
        }
        let turn = Change::Turned { direction, steps: &steps, undo: &undo };
        let trial = Trial::new(self, vec![(migration, &turn)], self.applied, true);
        let begun = self.guarded(trial, async |_| Ok(())).await?;
        Ok(Some(record.turned(direction, steps, undo, begun.sequence)))
    }

    /// What was found without the fence's guard: to a process that was replaced meanwhile it says
    /// nothing.
    async fn unless_lost(&mut self, error: BoxError) -> Stop {
        match self.look(Vec::new()).await {
            Ok((_, found)) if found.fence != self.lease.fence => {
                self.lease.lost.cancel();
                Stop::Lost
            }
            Ok((_, found)) if self.is_taken_back(&found) => Stop::TakenBack,
            _ => Stop::Body(error),
        }
    }

    async fn transactional(
        &mut self,
        step: &Step,
        record: Option<&Record>,
        body: TransactionFn,
        durability: Durability,
    ) -> Result<Committed, Stop> {
        let (digest, change) = self.outcome(step, record);
        let trial = Trial::new(self, vec![(step.migration, &change)], digest, true);
        let trial = Trial { wanted: durability, ..trial };
        self.guarded(trial, async |tx| body(tx).await).await
    }

    /// Applies all of them in one guarded transaction: all, or none. With how far it got.
    pub(crate) async fn run_together(
        &mut self,
        all: &[(Migration, TransactionFn)],
    ) -> (Result<Committed, Stop>, Together) {
        let change = Change::Applied { batch: self.batch, event: "applied" };
        let mut digest = self.applied;
        for (migration, _) in all {
            digest.add(migration.version(), &migration.checksum());
        }
        let records = all.iter().map(|(migration, _)| (*migration, &change)).collect();
        let trial = Trial::new(self, records, digest, true);
        let mut together = Together::default();
        let ended = self
            .guarded(trial, async |tx| {
                together = Together::default();
                for (at, (_, up)) in all.iter().enumerate() {
                    together.at = at;
                    let begun = Instant::now();
                    up(tx).await?;
                    let ms = u64::try_from(begun.elapsed().as_millis()).unwrap_or(u64::MAX);
                    together.ms.push(ms);
                }
                Ok(())
            })
            .await;
        (ended, together)
    }

    /// The digest and the record once the step is done.
    fn outcome(&self, step: &Step, record: Option<&Record>) -> (Digest, Change<'static>) {
        match step.direction {
            Direction::Up => {
                let mut digest = self.applied;
                digest.add(step.migration.version(), &step.migration.checksum());
                (digest, Change::Applied { batch: self.batch, event: "applied" })
            }
            Direction::Down => (self.without(record), Change::Reverted),
        }
    }

    /// The digest without this record, if it counts.
    fn without(&self, record: Option<&Record>) -> Digest {
        let mut digest = self.applied;
        if let Some(record) = record.filter(|record| record.is_applied()) {
            digest.remove(record.version, &record.checksum);
        }
        digest
    }

    async fn online<F>(
        &mut self,
        step: &Step,
        record: Option<&Record>,
        body: F,
    ) -> Result<Committed, Stop>
    where
        F: AsyncFnOnce(&mut Online<'_>) -> Result<(), BoxError>,
    {
        let Step { migration, direction, .. } = *step;
        let before = match direction {
            Direction::Up => self.applied,
            Direction::Down => self.without(record),
        };
        // Only what stopped half-way in this direction goes on from its checkpoints.
        let done = record
            .filter(|record| {
                record.direction == direction
                    && matches!(record.state, Stored::Running | Stored::Failed)
            })
            .map(|record| record.steps.clone());
        let running = Change::Running { direction, keep_steps: done.is_some() };
        let undo = record
            .filter(|_| done.is_some() || direction == Direction::Down)
            .map(Record::undo)
            .unwrap_or_default();
        let trial = Trial::new(self, vec![(migration, &running)], before, true);
        let begun = self.guarded(trial, async |_| Ok(())).await?;
        let started = match (&done, record) {
            (Some(_), Some(record)) => record.started,
            _ => begun.sequence,
        };

        self.stopped = None;
        let (cancel, lost) = (self.cancel.clone(), self.lease.lost.clone());
        let calm = self.calm.clone();
        let cancelled = async move {
            cancel.cancelled().await;
            // A backfill ends the batch that it is at, and stops by itself.
            drop(calm.lock().await);
        };
        let done = done.unwrap_or_default();
        let mut online = Online::new(self, migration, direction, started, done, undo);
        let ended = tokio::select! {
            biased;
            () = lost.cancelled() => Err(Stop::Lost),
            () = cancelled => Err(Stop::Cancelled),
            ended = AssertUnwindSafe(body(&mut online)).catch_unwind() => settle_body(ended),
        };
        // It, or a step of it, may have been dropped in the middle of a transaction.
        let dropped = self.recover().await?;
        match (self.stopped.take(), ended) {
            // What was refused because the lease is lost is not the body's fault.
            (_, Err(Stop::Body(_))) if self.lease.is_lost() => return Err(Stop::Lost),
            (Some(stop), _) | (None, Err(stop)) => return Err(stop),
            (None, Ok(())) if dropped => return Err(Stop::Body(STEP_DROPPED.into())),
            (None, Ok(())) => {}
        }
        let (digest, change) = match direction {
            Direction::Up => self.outcome(step, record),
            // Taken out of the digest when the rollback began.
            Direction::Down => (self.applied, Change::Reverted),
        };
        let trial = Trial::new(self, vec![(migration, &change)], digest, true);
        self.guarded(trial, async |_| Ok(())).await
    }

    /// Records what became of a migration, in a transaction of its own: also after a
    /// cancellation.
    pub(crate) async fn record(
        &mut self,
        migration: &Migration,
        digest: Digest,
        change: &Change<'_>,
    ) -> Result<Committed, Stop> {
        let trial = Trial::new(self, vec![(*migration, change)], digest, false);
        self.guarded(trial, async |_| Ok(())).await
    }

    /// Records changes of many migrations, or of none but the digest, in one transaction.
    pub(crate) async fn record_all(
        &mut self,
        digest: Digest,
        changes: &[(Migration, Change<'_>)],
    ) -> Result<(), Stop> {
        let stamp = self.stamp();
        let statements: Vec<Document> = changes
            .iter()
            .map(|(migration, change)| history::statement(migration, change, &stamp))
            .collect();
        let control = self.control.clone();
        let trial = Trial::new(self, Vec::new(), digest, false);
        self.guarded(trial, async |tx| {
            // A command is at most 16 MB; a record's statement is well under 2 KB.
            for chunk in statements.chunks(2_000) {
                let command = control.update(chunk.to_vec());
                control.once(Some(tx.session()), command).await?;
            }
            Ok(())
        })
        .await
        .map(drop)
    }

    fn stamp(&self) -> Stamp<'_> {
        Stamp { who: &self.who, fence: self.lease.fence, sequence: self.guards + 1 }
    }

    /// Before an operation that the fence cannot hold back.
    pub(crate) fn refuse_when_lost(&self) -> Result<(), ServerError> {
        if self.lease.is_lost() {
            return Err(ServerError::in_reply(
                "the lease is lost: nothing more may be changed",
                None,
            ));
        }
        Ok(())
    }

    /// Lost, or cancelled?
    fn alive(&self, cancellable: bool) -> Result<(), Stop> {
        if self.lease.lost.is_cancelled() {
            return Err(Stop::Lost);
        }
        if cancellable && self.cancel.is_cancelled() {
            return Err(Stop::Cancelled);
        }
        Ok(())
    }

    /// The guarded transaction: the fence and the record first, in one round trip, then the
    /// body, then the commit. Retried while the server says that it may help.
    async fn guarded<F>(&mut self, mut trial: Trial<'_>, body: F) -> Result<Committed, Stop>
    where
        F: AsyncFnMut(&mut Transaction<'_>) -> Result<(), BoxError>,
    {
        (self.in_flight, self.unsettled) = (true, true);
        let ended = self.tries(&mut trial, body).await;
        self.attempts = trial.backoff.attempts();
        let ended = match ended {
            Err(stop) if trial.unknown => self.clear_up(&trial, stop).await,
            ended => ended,
        };
        self.in_flight = false;
        ended
    }

    /// Whatever stopped it, a commit that was sent may have got through, and may still get
    /// through: ends the transaction, and only then finds out what became of it.
    async fn clear_up(&mut self, trial: &Trial<'_>, stop: Stop) -> Result<Committed, Stop> {
        let ended = self.end_open_transaction().await;
        match (self.settle(trial).await, stop) {
            (Ok(Settled::Committed), _) => Ok(self.commit_noted(trial, Durability::Majority)),
            (Ok(Settled::TakenBack), Stop::Server(_)) => Err(Stop::TakenBack),
            (Ok(_), Stop::Server(error)) if !ended => Err(Stop::Unknown(error)),
            (Ok(Settled::Unchanged | Settled::TakenBack | Settled::Lost), stop) => Err(stop),
            (Err(Stop::Server(error)), _) => Err(Stop::Unknown(error)),
            (Err(other), _) => Err(other),
        }
    }

    async fn tries<F>(&mut self, trial: &mut Trial<'_>, mut body: F) -> Result<Committed, Stop>
    where
        F: AsyncFnMut(&mut Transaction<'_>) -> Result<(), BoxError>,
    {
        loop {
            if let Some(committed) = self.enter(trial).await? {
                return Ok(committed);
            }
            let (cancel, lost) = (self.cancel.clone(), self.lease.lost.clone());
            let mut tx = Transaction::new(&mut self.session, &self.control.database);
            let ended = tokio::select! {
                biased;
                () = lost.cancelled() => Err(Stop::Lost),
                () = cancel.cancelled(), if trial.cancellable => Err(Stop::Cancelled),
                ended = AssertUnwindSafe(body(&mut tx)).catch_unwind() => settle_body(ended),
            };
            if let Some(committed) = self.leave(trial, ended).await? {
                return Ok(committed);
            }
        }
    }

    /// A step of an online migration: at most once, committed with its checkpoint.
    pub(crate) async fn step<F>(
        &mut self,
        migration: Migration,
        change: &Change<'_>,
        body: F,
    ) -> Result<(), Stop>
    where
        F: AsyncFnMut(&mut Transaction<'_>) -> Result<(), BoxError>,
    {
        self.refuse_dropped().await?;
        let trial = Trial::new(self, vec![(migration, change)], self.applied, true);
        self.guarded(trial, body).await.map(drop)
    }

    /// Whether the body dropped a step before this one: it stops the migration, whatever the
    /// body makes of this error.
    pub(crate) async fn refuse_dropped(&mut self) -> Result<(), Stop> {
        if self.recover().await? {
            self.stopped = Some(Stop::Body(STEP_DROPPED.into()));
            return Err(Stop::Body(STEP_DROPPED.into()));
        }
        Ok(())
    }

    /// Begins, and passes the guard. `Some`: an earlier attempt had committed after all.
    async fn enter(&mut self, trial: &mut Trial<'_>) -> Result<Option<Committed>, Stop> {
        loop {
            self.alive(trial.cancellable)?;
            trial.begun = Instant::now();
            // Durations that are written with a commit are to stay there.
            let enough = self.in_replica_set
                && self.provisional.has_room(trial.begun)
                && !self.is_timing_due();
            trial.durability = if enough { trial.wanted } else { Durability::Majority };
            #[cfg(mongrate_mutants)]
            if mutant::is(Mutant::LastIsProvisional) {
                trial.durability = Durability::Primary;
            }
            begin(&mut self.session, trial.durability).await?;
            match self.guard(trial).await {
                Ok(true) => return Ok(None),
                Ok(false) => {
                    self.abort().await;
                    match self.settle(trial).await? {
                        Settled::Committed if trial.unknown => {
                            return Ok(Some(self.commit_noted(trial, Durability::Majority)));
                        }
                        Settled::TakenBack => return Err(Stop::TakenBack),
                        // Then it was the timing of the one before: do without.
                        Settled::Unchanged if !std::mem::take(&mut self.timing).is_empty() => {}
                        Settled::Committed | Settled::Unchanged | Settled::Lost => {
                            self.lease.lost.cancel();
                            return Err(Stop::Lost);
                        }
                    }
                }
                Err(error) => {
                    self.abort().await;
                    let transient = error.has_label(TRANSIENT_TRANSACTION_ERROR);
                    if !transient || !trial.backoff.again().await {
                        let error = self.control.explained("enter a transaction", error).await;
                        return Err(Stop::Server(error));
                    }
                    tracing::debug!(target: "mongrate", error = %Line(&error), "the guard is tried again");
                }
            }
        }
    }

    /// Commits what the body did, or aborts it. `None`: try again.
    async fn leave(
        &mut self,
        trial: &mut Trial<'_>,
        ended: Result<(), Stop>,
    ) -> Result<Option<Committed>, Stop> {
        match ended {
            Ok(()) => {}
            Err(Stop::Body(error)) => {
                self.abort().await;
                let transient = driver::has_label(error.as_ref(), TRANSIENT_TRANSACTION_ERROR);
                // A transaction that is too long for the server is so each time.
                let gone = driver::find(error.as_ref()).and_then(driver::code);
                let gone = gone == Some(NO_SUCH_TRANSACTION);
                // After a short one it is more likely that the primary has changed.
                let long = trial.begun.elapsed() >= LONG;
                trial.gone = if gone && long { trial.gone + 1 } else { 0 };
                if trial.gone >= GONE_MAX {
                    return Err(Stop::Body(GONE.into()));
                }
                if transient && trial.backoff.again().await {
                    let failure = Failure::of(error.as_ref());
                    tracing::debug!(target: "mongrate", failure = %Line(&failure), "the transaction is tried again");
                    return Ok(None);
                }
                return Err(Stop::Body(if gone { GONE.into() } else { error }));
            }
            Err(stop) => {
                self.abort().await;
                return Err(stop);
            }
        }
        let Err(error) = self.commit(&mut trial.unknown).await else {
            #[cfg(mongrate_mutants)]
            self.committed_mutated(trial).await;
            return Ok(Some(self.commit_noted(trial, trial.durability)));
        };
        let transient = error.has_label(TRANSIENT_TRANSACTION_ERROR);
        let unclear = error.has_label(UNKNOWN_TRANSACTION_COMMIT_RESULT);
        let gone = error.code() == Some(NO_SUCH_TRANSACTION);
        trial.gone = if gone { trial.gone + 1 } else { 0 };
        if (transient || unclear) && trial.gone < GONE_MAX && trial.backoff.again().await {
            return Ok(None);
        }
        // Giving up: nothing may stay open. (If the outcome is unknown, that is seen to later.)
        if !trial.unknown {
            self.end_open_transaction().await;
        }
        if trial.gone >= GONE_MAX {
            return Err(Stop::Body(GONE.into()));
        }
        Err(Stop::Server(Error::server("commit", error)))
    }

    /// The first command: `false` when the fence, the record or the timing did not match.
    async fn guard(&mut self, trial: &Trial<'_>) -> Result<bool, ServerError> {
        let mut statements =
            vec![fence::guard_statement(self.lease.fence, self.guards, trial.digest)];
        #[cfg(mongrate_mutants)]
        if !self.guard_mutated(&mut statements).await? {
            return Ok(false);
        }
        let records = trial.records.iter();
        #[cfg(mongrate_mutants)]
        let records = records.filter(|_| !mutant::is(Mutant::HistoryOutside));
        for (migration, change) in records {
            statements.push(history::statement(migration, change, &self.stamp()));
        }
        let mut expected = statements.len();
        if self.is_timing_due() {
            // Not of a record that changes anyway.
            let timing = self.timing.iter().filter(|timing| !trial.changes(timing.version));
            let timing: Vec<Timing> = timing.copied().collect();
            if !timing.is_empty() {
                statements.push(history::timing_statement(self.lease.fence, &timing));
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
            Err(error) if error.code() == Some(11_000) && error.foreign_index().is_none() => {
                Ok(false)
            }
            Err(error) => Err(error),
        }
    }

    /// Commits, again while the outcome is unknown.
    async fn commit(&mut self, unknown: &mut bool) -> Result<(), ServerError> {
        let mut backoff = Backoff::new(self.control.retries);
        loop {
            let Err(error) = self.session.commit_transaction().await else { return Ok(()) };
            if !error.contains_label(UNKNOWN_TRANSACTION_COMMIT_RESULT) {
                return Err(error.into());
            }
            *unknown = true;
            if self.lease.lost.is_cancelled() || !backoff.again().await {
                // The next attempt's guard finds out what became of it: it aborts the
                // transaction if it is still open, and does not match if it committed.
                return Err(error.into());
            }
        }
    }

    fn commit_noted(&mut self, trial: &Trial<'_>, durability: Durability) -> Committed {
        self.guards += 1;
        self.unsettled = false;
        match (durability, trial.version()) {
            (Durability::Primary, Some(version)) => {
                let (sequence, before) = (self.guards, self.applied);
                let commit = provisional::Commit { version, sequence, before };
                self.provisional.add(commit, Instant::now());
            }
            // With it, a majority has all that came before it.
            _ => self.provisional.confirm(),
        }
        self.applied = trial.digest;
        match self.is_timing_due() {
            true => self.timing.clear(),
            false => self.timing.retain(|timing| !trial.changes(timing.version)),
        }
        Committed { attempts: trial.backoff.attempts(), sequence: self.guards }
    }

    /// The guard did not match: why?
    async fn settle(&mut self, trial: &Trial<'_>) -> Result<Settled, Stop> {
        let (history, found) = self.look(trial.version().into_iter().collect()).await?;
        if self.is_taken_back(&found) {
            return Ok(Settled::TakenBack);
        }
        let ours = found.fence == self.lease.fence;
        if ours && found.guards == self.guards + 1 {
            return Ok(Settled::Committed);
        }
        if ours && found.guards == self.guards {
            return Ok(Settled::Unchanged);
        }
        let record = trial.version().and_then(|version| history.get(version));
        let recorded = record.is_some_and(|record| {
            record.fence == self.lease.fence && record.sequence == self.guards + 1
        });
        Ok(if trial.unknown && recorded { Settled::Committed } else { Settled::Lost })
    }

    /// Reads the fence and these records, not older than what this session has seen.
    async fn look(&self, versions: Vec<Version>) -> Result<(History, fence::Fence), Stop> {
        let mut ids = vec![Bson::from(fence::ID)];
        ids.extend(versions.into_iter().map(|version| Bson::from(version.get())));
        let filter = doc! { "_id": { "$in": ids } };
        let after = self.session.operation_time();
        let found = self.control.find_each(after, None, filter, doc! {}, Sorted::add);
        // It waits until a majority has what this session has seen.
        let found =
            tokio::time::timeout(Control::MAJORITY_WAIT, found).await.unwrap_or_else(|_| {
                Err(ServerError::in_reply("a majority of the replica set does not keep up", None))
            });
        let found = found.map_err(|error| Error::server("read the history", error));
        found.and_then(Sorted::done).map_err(Stop::Server)
    }

    /// After a transaction's future was dropped half-way: ends it, and finds out whether it
    /// had committed. (Only steps can be dropped, and they leave the digest as it is.)
    /// `false`: none was.
    async fn recover(&mut self) -> Result<bool, Stop> {
        if !self.in_flight {
            return Ok(false);
        }
        self.abort().await;
        self.end_open_transaction().await;
        let (_, found) = self.look(Vec::new()).await?;
        if found.fence != self.lease.fence {
            self.lease.lost.cancel();
            return Err(Stop::Lost);
        }
        self.guards = found.guards;
        self.in_flight = false;
        Ok(true)
    }

    /// Ends what a failed commit may have left open on the server: the driver does not abort
    /// after a commit was sent. `true`: none is open, a commit that is still on its way will
    /// find none, and what this session reads from now on is not older than that.
    async fn end_open_transaction(&mut self) -> bool {
        end_session(&self.control, &mut self.session).await
    }

    async fn abort(&mut self) {
        abort(&mut self.session).await;
    }

    /// What the checkpoints of a backfill are read and written with.
    pub(crate) fn operation_time(&self) -> Option<Timestamp> {
        self.session.operation_time()
    }

    /// Cancelled when the lease is lost.
    pub(crate) fn lost(&self) -> CancellationToken {
        self.lease.lost.clone()
    }

    /// Work that has transactions of its own begins or ends: if its future is dropped in
    /// between, the migration fails as with a dropped step.
    pub(crate) fn set_in_flight(&mut self, in_flight: bool) {
        self.in_flight = in_flight;
    }
}

/// Begins a transaction of ours.
pub(crate) async fn begin(session: &mut ClientSession, durability: Durability) -> Result<(), Stop> {
    let concern = match durability {
        Durability::Primary => WriteConcern::builder().w(Acknowledgment::Nodes(1)).build(),
        Durability::Majority => WriteConcern::builder()
            .w(Acknowledgment::Majority)
            .w_timeout(Control::MAJORITY_WAIT)
            .build(),
    };
    #[cfg(mongrate_mutants)]
    let concern = match mutant::is(Mutant::FenceW1) {
        true => WriteConcern::builder().w(Acknowledgment::Nodes(1)).build(),
        false => concern,
    };
    session
        .start_transaction()
        .selection_criteria(SelectionCriteria::ReadPreference(ReadPreference::Primary))
        .read_concern(ReadConcern::local())
        .write_concern(concern)
        .await
        .map_err(|error| Stop::Server(Error::server("start a transaction", error)))
}

pub(crate) async fn abort(session: &mut ClientSession) {
    let aborting = session.abort_transaction();
    if tokio::time::timeout(ABORT_WAIT, aborting).await.is_err() {
        tracing::warn!(target: "mongrate", "aborting took too long; the server ends the transaction");
    }
}

/// Ends what a session may have open on the server. `true`: nothing is open, a commit that is
/// still on its way will find nothing, and what the session reads from now on is not older than
/// that.
pub(crate) async fn end_session(control: &Control, session: &mut ClientSession) -> bool {
    let command = doc! { "killSessions": [session.id().clone()] };
    let admin = control.database.client().database("admin");
    let ending = admin.run_command(command);
    match tokio::time::timeout(ABORT_WAIT, ending.into_future()).await {
        Ok(Ok(reply)) => {
            // Without it, a majority read may be of before a commit that did get through.
            let time = reply.get_timestamp("operationTime").ok();
            if let Some(time) = time {
                session.advance_operation_time(time);
            }
            return time.is_some();
        }
        Ok(Err(error)) => {
            let error = ServerError::from(error);
            if error.code() == Some(command::API_STRICT) {
                return supersede(control, session).await;
            }
            tracing::warn!(target: "mongrate", error = %Line(&error), "a transaction may stay open");
        }
        Err(_) => tracing::warn!(target: "mongrate", "a transaction may stay open"),
    }
    false
}

/// The same for a client of the strict Stable API, which has no `killSessions`: the server ends a
/// session's transaction when the session's next one begins, and takes no commit of the former one
/// after that.
async fn supersede(control: &Control, session: &mut ClientSession) -> bool {
    if begin(session, Durability::Majority).await.is_err() {
        return false;
    }
    let find = doc! { "find": &control.collection, "filter": { "_id": fence::ID }, "limit": 1 };
    let found = tokio::time::timeout(ABORT_WAIT, control.once(Some(&mut *session), find)).await;
    abort(session).await;
    let time = match found {
        Ok(Ok(reply)) => reply.get_timestamp("operationTime").ok(),
        _ => None,
    };
    match time {
        Some(time) => session.advance_operation_time(time),
        None => tracing::warn!(target: "mongrate", "a transaction may stay open"),
    }
    time.is_some()
}

#[cfg(mongrate_mutants)]
use crate::mutant::{self, Mutant};

#[cfg(mongrate_mutants)]
impl Engine {
    /// Breaks the guard. `false`: it did not match.
    async fn guard_mutated(&mut self, statements: &mut Vec<Document>) -> Result<bool, ServerError> {
        let mine = doc! { "_id": fence::ID, "fence": self.lease.fence };
        if mutant::is(Mutant::NoFence) {
            statements.clear();
        } else if mutant::is(Mutant::FenceOnlyRead) {
            statements.clear();
            let find = doc! { "find": &self.control.collection, "filter": mine, "limit": 1 };
            let reply = self.control.once(Some(&mut self.session), find).await?;
            let cursor = reply.get_document("cursor").ok();
            let batch = cursor.and_then(|cursor| cursor.get_array("firstBatch").ok());
            return Ok(batch.is_some_and(|batch| !batch.is_empty()));
        } else if mutant::is(Mutant::GuardGoesOn) {
            statements[0].remove("upsert");
        } else if mutant::is(Mutant::FenceNoOpSet) {
            let same = doc! { "$set": { "fence": self.lease.fence } };
            *statements = vec![doc! { "q": mine, "u": same }];
        }
        Ok(true)
    }

    /// What the broken guard left out still has to get into the database.
    async fn committed_mutated(&mut self, trial: &Trial<'_>) {
        let without = [Mutant::NoFence, Mutant::FenceOnlyRead, Mutant::FenceNoOpSet]
            .into_iter()
            .any(mutant::is);
        let mut statements = Vec::new();
        if without {
            statements.push(doc! {
                "q": { "_id": fence::ID, "fence": self.lease.fence },
                "u": { "$inc": { "guards": 1_i64 }, "$set": { "applied": trial.digest.to_document() } },
            });
        }
        if let (true, Some((migration, change))) =
            (mutant::is(Mutant::HistoryOutside), trial.records.first())
        {
            statements.push(history::statement(migration, change, &self.stamp()));
        }
        if !statements.is_empty() {
            let command = self.control.majority_update(statements);
            let _ = self.control.retrying(None, command).await;
        }
    }
}

/// The attempts at one guarded transaction.
struct Trial<'a> {
    /// The records that change with it.
    records: Vec<(Migration, &'a Change<'a>)>,
    /// What is applied once it commits.
    digest: Digest,
    cancellable: bool,
    /// What is enough for it.
    wanted: Durability,
    /// What this attempt asks for.
    durability: Durability,
    backoff: Backoff,
    /// When this attempt began.
    begun: Instant,
    /// How often in a row the transaction was gone at its commit.
    gone: u32,
    /// A commit was sent whose outcome never came back.
    unknown: bool,
}

impl<'a> Trial<'a> {
    fn new(
        engine: &Engine,
        records: Vec<(Migration, &'a Change<'a>)>,
        digest: Digest,
        cancellable: bool,
    ) -> Self {
        let backoff = Backoff::new(engine.control.retries);
        let begun = Instant::now();
        let majority = Durability::Majority;
        Self {
            records,
            digest,
            cancellable,
            wanted: majority,
            durability: majority,
            backoff,
            begun,
            gone: 0,
            unknown: false,
        }
    }

    /// One whose record tells whether it committed.
    fn version(&self) -> Option<Version> {
        self.records.first().map(|(migration, _)| migration.version())
    }

    fn changes(&self, version: Version) -> bool {
        self.records.iter().any(|(migration, _)| migration.version() == version)
    }
}

/// What a body's end means; a panic is a failure.
pub(crate) fn settle_body(
    ended: Result<Result<(), BoxError>, Box<dyn std::any::Any + Send>>,
) -> Result<(), Stop> {
    match ended {
        Ok(ended) => ended.map_err(Stop::Body),
        Err(panic) => Err(Stop::Body(panicked(panic.as_ref()))),
    }
}

/// What the database says of a guarded transaction whose outcome is in doubt.
enum Settled {
    Committed,
    /// It did not commit, and the fence is still ours.
    Unchanged,
    /// The same, and what came before it is gone, too.
    TakenBack,
    /// A newer owner is there.
    Lost,
}

/// Reads the fence and every record. One round trip.
pub(crate) async fn read_all(
    control: &Control,
    session: Option<&mut ClientSession>,
) -> Result<(History, fence::Fence), Error> {
    let after = session.as_deref().and_then(ClientSession::operation_time);
    // With the events, which nobody looks at here: a projection takes the server longer than
    // sending the few that a record has.
    control
        .find_each(after, session, doc! {}, doc! {}, Sorted::add)
        .await
        .map_err(|error| Error::server("read the history", error))?
        .done()
}

/// What is in the control collection, sorted by what it is.
#[derive(Default)]
struct Sorted {
    fence: fence::Fence,
    records: Vec<Record>,
    backfills: Vec<backfill::Partition>,
    /// The first document that makes no sense.
    problem: Option<Error>,
}

impl Sorted {
    fn add(&mut self, document: &RawDocument) {
        if self.problem.is_none() {
            self.problem = self.take(document).err();
        }
    }

    fn take(&mut self, document: &RawDocument) -> Result<(), Error> {
        let decoded = || {
            let unreadable = |error| Error::server("read the history", command::unreadable(error));
            Document::try_from(document).map_err(unreadable)
        };
        match document.text("_id") {
            Some(lease::ID) => {}
            Some(fence::ID) => self.fence = fence::Fence::parse(&decoded()?),
            Some(id) if id.starts_with(backfill::ID_PREFIX) => {
                self.backfills.extend(backfill::Partition::parse(&decoded()?));
            }
            _ => self.records.push(Record::parse(document)?),
        }
        Ok(())
    }

    fn done(self) -> Result<(History, fence::Fence), Error> {
        match self.problem {
            Some(problem) => Err(problem),
            None => Ok((History::new(self.records, self.backfills), self.fence)),
        }
    }
}

fn panicked(panic: &(dyn std::any::Any + Send)) -> BoxError {
    let text = panic
        .downcast_ref::<&str>()
        .map(|text| (*text).to_owned())
        .or_else(|| panic.downcast_ref::<String>().cloned())
        .unwrap_or_else(|| "without a message".to_owned());
    format!("the migration panicked: {text}").into()
}

/// Drives a future that need not be `Send` from one that is: on a thread of its own.
///
/// Migration bodies run here. So they may hold what is not `Send`, may block without
/// stalling the app, and the compiler need not prove for each of them that everything the
/// driver is made of can change threads: that proof was most of what a migration cost in
/// `cargo check`, and it fails for `async` closures (rust-lang/rust#110338).
pub(crate) async fn on_own_thread<T, F>(make: impl FnOnce() -> F + Send + 'static) -> T
where
    T: Send + 'static,
    F: Future<Output = T>,
{
    let runtime = tokio::runtime::Handle::current();
    let span = tracing::Span::current();
    let thread = tokio::task::spawn_blocking(move || span.in_scope(|| runtime.block_on(make())));
    match thread.await {
        Ok(value) => value,
        // Bodies are caught where they run; what is left is a bug of ours, passed on.
        Err(error) => match error.try_into_panic() {
            Ok(panic) => std::panic::resume_unwind(panic),
            Err(_) => std::future::pending().await,
        },
    }
}
