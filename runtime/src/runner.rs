//! Peek → lock → fence → plan → run → release: alone in knowing that order.

use std::{sync::Arc, time::Duration};

use mongodb::{
    Database,
    bson::{Bson, Document, doc},
};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use crate::{
    BoxError, Direction, Error, Migration, Version, atomic,
    change::{self, Described},
    checksum::Digest,
    command::{Control, touched},
    config::{DatabaseAhead, Settings, Wait},
    engine::{Engine, on_own_thread, read_all},
    error::Named,
    fence::{self, Fence},
    history::{self, History, Record},
    inside::{self, Inside},
    lease::{self, Attempt, Left},
    meter,
    observer::Watching,
    pace::{Nap, Pace},
    plan::{self, Goal, Plan, Policies, Step},
    progress::Progress,
    registry::Registry,
    report::{DeclaredOperation, LockReport, PlanReport, PlanStep, RunReport, StepReport, Who},
    retry::jittered,
    stepwise,
    visible::Line,
};

/// How long a plan may count documents.
const COUNT_MAX_MS: i32 = 5_000;

/// A process that waits says so after this long, and then again each time.
const SAY_FIRST: Duration = Duration::from_secs(2);
const SAY_EVERY: Duration = Duration::from_secs(30);

/// How many times one call starts over after losing its lease.
const TAKEOVERS_MAX: u32 = 10;

#[derive(Debug)]
pub(crate) struct Runner {
    pub(crate) control: Control,
    pub(crate) registry: Registry,
    pub(crate) settings: Settings,
    pub(crate) who: Who,
    pub(crate) cancel: CancellationToken,
    /// Notes the commands of each migration, where somebody wants to know.
    pub(crate) watching: Option<Arc<Watching>>,
    /// Who is told how far it is.
    pub(crate) progress: Progress,
}

/// How a run is done.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct How {
    /// After a failure, go on with the next.
    pub continue_on_error: bool,
    /// All in one transaction.
    pub atomic: bool,
}

/// What one constant-size read shows.
pub(crate) struct Peek {
    pub applied: Option<Digest>,
    pub lock: LockReport,
    /// The lock's holder is gone.
    pub left: Option<Left>,
    /// Who holds the lock, or held it last: the UUID of the acquisition.
    owner: Option<String>,
}

/// How a call got in.
enum Entered {
    /// Nothing is pending; no lock was needed.
    Current {
        ahead: Vec<Named>,
    },
    In(Box<Engine>, History),
}

/// How a plan's execution ended.
pub(crate) enum End {
    Done,
    Failed(BoxError),
    Cancelled,
    Lost,
}

impl Runner {
    pub(crate) fn new(
        database: &Database,
        registry: Registry,
        settings: Settings,
        cancel: CancellationToken,
    ) -> Self {
        let control = Control::new(database, settings.collection_name(), settings.retries);
        let who = settings.who();
        let progress = Progress::default();
        Self { control, registry, settings, who, cancel, watching: None, progress }
    }

    /// Whether exactly what this build has is applied. One round trip of constant size.
    pub(crate) async fn is_current(&self) -> Result<bool, Error> {
        let is_current = self.peek_meanwhile().await?.applied == Some(self.registry.digest());
        if is_current {
            let database = self.control.database.name();
            meter::counted(&self.settings.group, database, self.registry.len(), 0);
        }
        Ok(is_current)
    }

    /// Looks, and has the digest made that what it finds is compared with, while it waits.
    async fn peek_meanwhile(&self) -> Result<Peek, Error> {
        let made = async {
            self.registry.digest();
        };
        // In this order: the command goes out first.
        tokio::join!(self.peek(), made).0
    }

    /// Reads fence and lock, and refuses a standalone server, and a collection that is not ours.
    /// One round trip.
    ///
    /// In the order of `_id` backwards, lock and fence come first in a collection of ours: before
    /// them there are only `_id`s of types that we do not use. So the first three documents tell
    /// whose the collection is, however many there are.
    pub(crate) async fn peek(&self) -> Result<Peek, Error> {
        let command = doc! {
            "find": &self.control.collection,
            "filter": {},
            "sort": { "_id": -1 },
            "projection": lease::projection(),
            "limit": 3,
            "singleBatch": true,
            "readConcern": { "level": "majority" },
        };
        let act = "read the state of the migrations";
        let reply = match self.control.retrying(None, command).await {
            Ok(reply) => reply,
            Err(error) => return Err(self.control.explained(act, error).await),
        };
        // Only members of a replica set and mongos report the time of the operation.
        if !reply.contains_key("operationTime") {
            return Err(Error::Standalone);
        }
        let batch = reply
            .get_document("cursor")
            .and_then(|cursor| cursor.get_array("firstBatch"))
            .map_err(|_| Error::Corrupt {
                collection: None,
                id: fence::ID.to_owned(),
                problem: "the server's reply has no batch".to_owned(),
            })?;
        let found: Vec<&Document> = batch.iter().filter_map(Bson::as_document).collect();
        let named = |id: &str| {
            found.iter().copied().find(|found| found.get_str("_id").is_ok_and(|it| it == id))
        };
        let fence = named(fence::ID).filter(|fence| history::is_ours(fence));
        // With a fence of ours the collection is ours; what else is in it, the history is read for.
        if fence.is_none()
            && let Some(foreign) = found.iter().find(|found| !history::is_ours(found))
        {
            let id = foreign.get("_id").map_or_else(|| "without".to_owned(), Bson::to_string);
            return Err(Error::Corrupt {
                collection: Some(self.control.collection.clone()),
                id: format!("the document with `_id` {id}"),
                problem: "was not written by mongrate: another tool's".to_owned(),
            });
        }
        let nobody = doc! {};
        let lock = named(lease::ID).unwrap_or(&nobody);
        Ok(Peek {
            applied: fence.map(Fence::parse).and_then(|fence| fence.applied),
            lock: lease::parse(lock),
            left: if self.settings.local_takeover { lease::left(lock) } else { None },
            owner: lock.get_str("owner").ok().map(str::to_owned),
        })
    }

    pub(crate) fn policies(&self) -> Policies {
        Policies { out_of_order: self.settings.out_of_order, ahead: self.settings.ahead }
    }

    pub(crate) fn database_name(&self) -> String {
        self.control.database.name().to_owned()
    }

    pub(crate) fn empty_report(&self) -> RunReport {
        RunReport {
            group: self.settings.group.clone(),
            database: self.database_name(),
            batch: None,
            fence: None,
            steps: Vec::new(),
            waited_ms: 0,
            ahead: Vec::new(),
        }
    }

    /// The plan, without a write and without the lock.
    pub(crate) async fn plan(&self, goal: Goal, lint: bool) -> Result<PlanReport, Error> {
        let Plan { steps, ahead } = self.planned(goal).await?;
        let lints = if lint { self.lints(&steps).await? } else { Vec::new() };
        let group = self.settings.group.clone();
        let database = self.database_name();
        Ok(PlanReport { group, database, steps: self.shown(&steps).await, lints, ahead })
    }

    /// What is to be done, by the history as it is now. Two round trips.
    pub(crate) async fn planned(&self, goal: Goal) -> Result<Plan, Error> {
        self.peek().await?;
        let (history, _) = read_all(&self.control, None).await?;
        let plan = plan::plan(goal, &self.registry, &history, self.policies())?;
        self.warn_ahead(&plan.ahead);
        Ok(plan)
    }

    /// The steps of a plan, to be shown; with what declared ones would do.
    pub(crate) async fn shown(&self, steps: &[Step]) -> Vec<PlanStep> {
        let mut shown = Vec::with_capacity(steps.len());
        for Step { migration, direction, resumes } in steps {
            shown.push(PlanStep {
                version: migration.version(),
                name: migration.name().to_owned(),
                kind: migration.kind(),
                direction: *direction,
                reversible: migration.is_reversible(),
                resumes: *resumes,
                source: migration.source(),
                operations: self.operations(migration, *direction).await,
            });
        }
        shown
    }

    /// What a declared migration would do, and to how many documents.
    async fn operations(
        &self,
        migration: &Migration,
        direction: Direction,
    ) -> Vec<DeclaredOperation> {
        let mut operations = Vec::new();
        for Described { operation, undo, documents } in change::operations(migration, direction) {
            let mut count = None;
            if let Some((collection, filter)) = &documents {
                let command = doc! {
                    "count": collection, "query": filter.clone(), "maxTimeMS": COUNT_MAX_MS,
                };
                let reply = self.control.once(None, command).await.ok();
                count = reply.and_then(|reply| u64::try_from(touched(&reply)).ok());
            }
            let collection = documents.map(|(collection, _)| collection);
            operations.push(DeclaredOperation { operation, undo, collection, documents: count });
        }
        operations
    }

    /// Runs to the goal, whoever else is at it.
    #[tracing::instrument(
        target = "mongrate", name = "run", level = "info", skip_all,
        fields(group = %self.settings.group, database = %Line(self.control.database.name()))
    )]
    pub(crate) async fn run(&self, goal: Goal, how: How) -> Result<RunReport, Error> {
        let ended = self.run_to(goal, how).await;
        meter::waited(&self.settings.group, self.control.database.name(), &ended);
        ended
    }

    async fn run_to(&self, goal: Goal, how: How) -> Result<RunReport, Error> {
        let mut report = self.empty_report();
        if let Goal::Up(target) = goal
            && let Some(version) = target.to
            && self.registry.get(version).is_none()
        {
            return Err(Error::UnknownVersion { version });
        }
        for _ in 0..TAKEOVERS_MAX {
            let entered = match self.enter(Some(goal), &mut report).await {
                // After a take-over: what this call did before is not to be lost.
                Err(error) if report.done().next().is_some() => {
                    tracing::error!(target: "mongrate", error = %Line(&error), "could not go on");
                    return Err(Error::LockLost { report: Box::new(report), taken_by: None });
                }
                entered => entered?,
            };
            let (mut engine, history) = match entered {
                Entered::Current { ahead } => {
                    self.warn_ahead(&ahead);
                    let applied = self.registry.len() + ahead.len();
                    meter::counted(&self.settings.group, &report.database, applied, 0);
                    report.ahead = ahead;
                    return Ok(report);
                }
                Entered::In(engine, history) => (engine, history),
            };
            let plan = match plan::plan(goal, &self.registry, &history, self.policies()) {
                Ok(plan) => plan,
                Err(error) => {
                    engine.close().await;
                    return Err(error);
                }
            };
            self.warn_ahead(&plan.ahead);
            report.ahead.clone_from(&plan.ahead);
            let applied = history.records().filter(|record| record.is_applied()).count();
            let pending = plan::pending(&self.registry, &history).count();
            meter::counted(&self.settings.group, &report.database, applied, pending);
            if plan.steps.is_empty() {
                engine.close().await;
                return Ok(report);
            }
            // Rolling these back makes none less that counts as applied.
            let is_half = |step: &&Step| {
                let record = history.get(step.migration.version());
                step.direction == Direction::Down && !record.is_some_and(Record::is_applied)
            };
            let half: Vec<Version> =
                plan.steps.iter().filter(is_half).map(|step| step.migration.version()).collect();
            if how.atomic
                && let Err(error) = plan::refuse_apart(&plan.steps)
            {
                engine.close().await;
                return Err(error);
            }
            report.fence = Some(engine.fence());
            // Dropping this future cancels the run, which then ends cleanly by itself.
            let stop = self.cancel.child_token();
            let on_drop = stop.clone().drop_guard();
            engine.cancel = stop;
            engine.progress = self.progress.clone();
            self.progress.began(Some(engine.fence()), &plan.steps);
            let watching = self.watching.clone();
            let inside = Inside::run(engine.owner());
            let fence = engine.fence();
            let end;
            (report, end) = on_own_thread(move || async move {
                let _entered = inside.enter();
                let (steps, on_error) = (&plan.steps, how.continue_on_error);
                let watching = watching.as_deref();
                let end = match how.atomic {
                    true => atomic::execute(&mut engine, steps, &mut report).await,
                    false => {
                        stepwise::execute(
                            &mut engine,
                            steps,
                            &history,
                            on_error,
                            watching,
                            &mut report,
                        )
                        .await
                    }
                };
                match &end {
                    End::Lost => {}
                    End::Failed(error) if report.done().next().is_none() => {
                        match error.downcast_ref::<Error>() {
                            Some(error @ Error::Corrupt { .. }) => engine.give_up(error).await,
                            _ => engine.close().await,
                        }
                    }
                    _ => engine.close().await,
                }
                (report, end)
            })
            .await;
            drop(on_drop);
            let of = |direction| {
                let done = report.done().filter(|step| step.direction == direction);
                done.filter(|step| direction == Direction::Up || !half.contains(&step.version))
                    .count()
            };
            let (ups, downs) = (of(Direction::Up), of(Direction::Down));
            meter::counted(
                &self.settings.group,
                &report.database,
                (applied + ups).saturating_sub(downs),
                (pending + downs).saturating_sub(ups),
            );
            if matches!(end, End::Lost) {
                // Another process has the lock now. `up` waits until it is done, and sees
                // what is left; a rollback must not go further than it was asked to.
                let taken_by = lease::taken_by(&self.control, fence).await;
                if taken_by.is_some() {
                    tracing::error!(target: "mongrate", fence, "the lock was taken away by an operator");
                    return Err(Error::LockLost { report: Box::new(report), taken_by });
                }
                tracing::warn!(target: "mongrate", "another process has taken over");
                if matches!(goal, Goal::Up(target) if target.steps.is_none())
                    && self.settings.wait != Wait::No
                {
                    report.steps.retain(StepReport::is_done);
                    continue;
                }
                return Err(Error::LockLost { report: Box::new(report), taken_by: None });
            }
            // Then not even the failure could be recorded.
            if let End::Failed(error) = end {
                return Err(match error.downcast::<Error>() {
                    Ok(error) if matches!(*error, Error::Corrupt { collection: Some(_), .. }) => {
                        *error
                    }
                    Ok(error) => Error::Failed { report: Box::new(report), source: error },
                    Err(source) => Error::Failed { report: Box::new(report), source },
                });
            }
            let report = Box::new(report);
            return match end {
                End::Cancelled => Err(Error::Cancelled { report }),
                End::Done | End::Lost | End::Failed(_) => Ok(*report),
            };
        }
        Err(Error::LockLost { report: Box::new(report), taken_by: None })
    }

    /// Gets the lock for the verbs that only record.
    pub(crate) async fn enter_to_record(&self) -> Result<(Box<Engine>, History), Error> {
        match self.enter(None, &mut self.empty_report()).await? {
            Entered::In(engine, history) => Ok((engine, history)),
            Entered::Current { .. } => unreachable!("only an `up` can find nothing to do"),
        }
    }

    /// Peeks, and takes the lock unless nothing is to be done; waits while it is held, and
    /// leaves as soon as nothing is pending.
    async fn enter(&self, goal: Option<Goal>, report: &mut RunReport) -> Result<Entered, Error> {
        let begun = Instant::now();
        let (mut waiting, mut say_at) = (false, SAY_FIRST);
        // Whoever applies goes on to the end of the list, as a rule.
        let all = i64::try_from(self.registry.len()).ok();
        let mut pace = Pace::new(all.filter(|_| matches!(goal, Some(Goal::Up(_)))));
        loop {
            if self.cancel.is_cancelled() {
                return Err(Error::Cancelled { report: Box::new(report.clone()) });
            }
            // The one wait for a server that may be out of reach.
            let peek = tokio::select! {
                peek = self.peek_meanwhile() => peek?,
                () = self.cancel.cancelled() => continue,
            };
            if let Some(goal @ Goal::Up(_)) = goal
                && let Some(ahead) = self.nothing_pending(&peek, goal).await?
            {
                return Ok(Entered::Current { ahead });
            }
            self.refuse_inside(&peek)?;
            let mut seen = peek.lock;
            let left = peek.left.filter(|_| seen.held);
            if let (Some(_), Some(holder)) = (&left, &seen.holder) {
                tracing::info!(
                    target: "mongrate", holder = %Line(&holder), fence = seen.fence,
                    "the process that holds the lock is gone; taking over at once"
                );
            }
            if !seen.held || left.is_some() {
                let lease = self.settings.lease;
                match lease::acquire(&self.control, &self.who, lease, left.as_ref()).await? {
                    Attempt::Acquired(lease) => {
                        tracing::debug!(target: "mongrate", fence = lease.fence, "lock acquired");
                        let opened =
                            Engine::open(&self.control, &self.who, &self.cancel, lease).await?;
                        if let Some((engine, history)) = opened {
                            return Ok(Entered::In(Box::new(engine), history));
                        }
                    }
                    Attempt::Held { holder, fence, remaining } => {
                        seen.holder = Some(holder);
                        seen.fence = fence;
                        seen.remaining_ms =
                            u64::try_from(remaining.as_millis()).unwrap_or(u64::MAX);
                    }
                }
            }

            let waited = begun.elapsed();
            let give_up = match self.settings.wait {
                Wait::No => true,
                Wait::AtMost(limit) => waited >= limit,
                Wait::Forever => false,
            };
            let holder = seen.holder.as_ref().map_or_else(|| "another".to_owned(), Who::to_string);
            if give_up {
                return Err(Error::LockHeld {
                    holder,
                    fence: seen.fence,
                    remaining: Duration::from_millis(seen.remaining_ms),
                });
            }
            if !waiting {
                waiting = true;
                tracing::info!(target: "mongrate", holder = %Line(&holder), fence = seen.fence, "waiting for the lock");
            }
            if waited >= say_at {
                say_at = waited + SAY_EVERY;
                // A body may have spawned this call: then nobody can know.
                let here = peek.owner.as_deref().is_some_and(inside::is_held_here);
                tracing::info!(
                    target: "mongrate", holder = %Line(&holder), fence = seen.fence, waited_s = waited.as_secs(),
                    this_process = here, "still waiting for the lock"
                );
            }
            // Not longer than the lease that is in the way still runs, if nobody renews it.
            let remaining = Duration::from_millis(seen.remaining_ms + 10);
            let applied = peek.applied.map_or(0, |applied| applied.count());
            let nap = match pace.nap(Instant::now(), applied) {
                Nap::Guess(about) => jittered(about),
                Nap::Known(nap) => nap,
            };
            let nap = if seen.held { nap.min(remaining) } else { nap };
            tokio::select! {
                () = tokio::time::sleep(nap) => {}
                () = self.cancel.cancelled() => {}
            }
            report.waited_ms = u64::try_from(begun.elapsed().as_millis()).unwrap_or(u64::MAX);
        }
    }

    /// Refuses a call that would wait for the very run that makes it.
    fn refuse_inside(&self, peek: &Peek) -> Result<(), Error> {
        let of_run = peek.owner.as_deref().is_some_and(inside::is_run_of);
        let of_dry_run =
            || inside::is_dry_run_of(self.control.database.name(), &self.control.collection);
        if of_run || of_dry_run() { Err(Error::InsideMigration) } else { Ok(()) }
    }

    /// Whether an `up` has nothing to do; with what the database is ahead by.
    async fn nothing_pending(&self, peek: &Peek, goal: Goal) -> Result<Option<Vec<Named>>, Error> {
        let Some(applied) = peek.applied else { return Ok(None) };
        if applied == self.registry.digest() {
            return Ok(Some(Vec::new()));
        }
        // Fewer are applied than this build has: something is pending for sure, and the
        // history is read under the lock. Otherwise the database may just be ahead.
        if usize::try_from(applied.count()).is_ok_and(|count| count < self.registry.len()) {
            return Ok(None);
        }
        let (history, _) = read_all(&self.control, None).await?;
        let plan = plan::plan(goal, &self.registry, &history, self.policies())?;
        Ok(plan.steps.is_empty().then_some(plan.ahead))
    }

    pub(crate) fn warn_ahead(&self, ahead: &[Named]) {
        if let (Some(first), DatabaseAhead::Warn) = (ahead.first(), self.settings.ahead) {
            tracing::warn!(
                target: "mongrate", count = ahead.len(), first = %Line(&first),
                "the database is ahead: it has applied migrations that this build does not have"
            );
        }
    }
}
