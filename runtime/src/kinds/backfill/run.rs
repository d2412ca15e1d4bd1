//! A whole backfill: opens its checkpoints, sets the workers to work, and closes it.

use std::{
    cell::{Cell, RefCell},
    sync::Arc,
};

use futures_util::{StreamExt as _, stream::FuturesUnordered};
use mongodb::{
    ClientSession,
    bson::{Document, doc},
};
use tokio::time::Instant;

use super::{
    job::{Job, Pace},
    scout::{PARTITIONS_MAX, Scout},
    shared::{Counts, Shared},
    size::Size,
    throttle::{Rate, ServerLoad},
    twice,
    work::Work,
    worker,
};
use crate::{
    kinds::{catalog, online::Online},
    model::{
        error::Error,
        numbers::grouped,
        report::{backfill::BackfillReport, status::StepProgress},
        result::BoxError,
    },
    mongo::{
        code,
        server_error::{self, ServerError},
    },
    protocol::{
        checkpoint::partition::{Key, Partition},
        control::Control,
        stop::StopReason,
    },
};

/// Runs a backfill to its end, from where an earlier run stopped.
pub(crate) async fn run(
    on: &mut Online<'_>,
    job: Job,
    work: &impl Work,
) -> Result<BackfillReport, BoxError> {
    job.check()?;
    let step = on.name_step(&job.name)?;
    if on.is_done(&step) {
        tracing::info!(target: "mongrate", backfill = step, "it was done before");
        return Ok(BackfillReport { resumed: true, ..BackfillReport::default() });
    }
    if let Err(stop) = on.engine().refuse_dropped().await {
        return Err(body(on, stop, &step));
    }
    match Opened::open(on, &job, &step).await {
        Ok(opened) => opened.work(on, &job, &step, work).await,
        Err(stop) => Err(body(on, stop, &step)),
    }
}

/// Refuses a collection whose documents no transaction can change, as a declared change does.
pub(super) async fn refuse_unwalkable(on: &mut Online<'_>, job: &Job) -> Result<(), BoxError> {
    let found = match catalog::collection(on, &job.collection).await {
        Ok(found) => found,
        // Unauthorized: then the server refuses it by itself.
        Err(error) if server_error::code_in(error.as_ref()) == Some(code::UNAUTHORIZED) => None,
        Err(error) => return Err(error),
    };
    match found.and_then(|found| found.unwalkable(&job.collection)) {
        Some(problem) => {
            Err(format!("the backfill `{}`: {problem}; nothing was changed", job.name).into())
        }
        None => Ok(()),
    }
}

/// The error that the body of the migration gets.
fn body(on: &mut Online<'_>, stop: StopReason, step: &str) -> BoxError {
    match stop {
        StopReason::Body(error) => error,
        stop => on.stop(stop, step),
    }
}

fn server(action: &'static str, error: impl Into<ServerError>) -> StopReason {
    StopReason::Server(Error::server(action, error))
}

/// The backfill's place among all: its migration, its direction and its step.
fn key_of(on: &Online<'_>, step: &str) -> Key {
    Key {
        version: on.version(),
        direction: on.direction(),
        name: step.to_owned(),
        started: on.started(),
    }
}

/// Checkpoints that this run has claimed.
struct Opened {
    partitions: Vec<Partition>,
    sessions: Vec<ClientSession>,
    resumed: bool,
}

impl Opened {
    async fn open(on: &mut Online<'_>, job: &Job, step: &str) -> Result<Self, StopReason> {
        let control = on.engine().control.clone();
        let key = key_of(on, step);
        let workers = pace(on, job).workers;
        let after = on.engine().operation_time();
        let found = control
            .find_after(after, None, key.filter(), doc! {})
            .await
            .map_err(|error| server("read the checkpoints", error))?;
        let mut partitions: Vec<Partition> = found
            .iter()
            .filter_map(Partition::parse)
            .filter(|partition| partition.key == key)
            .collect();
        let resumed = !partitions.is_empty();
        if !resumed {
            partitions = partition(&control, job, workers, &key).await?;
        }
        refuse_large(on, &partitions, step)?;
        let left = partitions.iter().filter(|partition| !partition.done).count();
        // A session costs nothing until it is used; workers may be added while the backfill runs, and
        // a take-over has to know their sessions.
        let most = workers.max(PARTITIONS_MAX).min(left.max(1));
        let sessions = start_sessions(&control, most).await?;
        let stale = (!resumed && !found.is_empty()).then(|| key.filter());
        claim(on, &mut partitions, &sessions, stale).await?;
        Ok(Self { partitions, sessions, resumed })
    }

    async fn work(
        self,
        on: &mut Online<'_>,
        job: &Job,
        step: &str,
        work: &impl Work,
    ) -> Result<BackfillReport, BoxError> {
        let Self { partitions, sessions, resumed } = self;
        let shared = share(on, job, partitions);
        tracing::info!(
            target: "mongrate", backfill = step, collection = job.collection,
            done = shared.before, total = shared.total,
            workers = shared.pace().workers.min(sessions.len()), "backfill"
        );
        let stopped = run_workers(on, &shared, step, sessions, work).await;
        if let Some(stop) = stopped {
            return Err(body(on, stop, step));
        }
        let report = BackfillReport {
            documents: shared.documents(),
            matched: shared.counts.matched.get(),
            modified: shared.counts.modified.get(),
            batches: shared.counts.batches.get(),
            resumed,
        };
        delete_checkpoints(on, step).await?;
        tracing::info!(
            target: "mongrate", backfill = step, documents = report.documents,
            modified = report.modified, batches = report.batches, "backfill done"
        );
        Ok(report)
    }
}

/// Refuses a backfill that is larger than policies allow without an approved plan. Only then its size is
/// known: an online migration is code.
fn refuse_large(
    on: &mut Online<'_>,
    partitions: &[Partition],
    step: &str,
) -> Result<(), StopReason> {
    let Some((most, rule)) = &on.engine().backfill_max else { return Ok(()) };
    let total = partitions.iter().find_map(|partition| partition.total);
    let documents = total.map(i64::unsigned_abs).filter(|documents| documents > most);
    let Some(documents) = documents else { return Ok(()) };
    let refusal = rule.refuses(
        format!("the backfill `{step}` would change about {} documents", grouped(documents)),
        "approve a plan: `plan --out FILE`, then `up --plan FILE`".to_owned(),
    );
    Err(StopReason::Server(Error::Policy(vec![refusal])))
}

/// The partitions of a backfill that begins.
async fn partition(
    control: &Control,
    job: &Job,
    workers: usize,
    key: &Key,
) -> Result<Vec<Partition>, StopReason> {
    if job.refuses_twice {
        twice::refuse(control, &job.collection, &job.filter).await?;
    }
    let (ranges, total) = match &job.ranges {
        Some(ranges) => (ranges.clone(), None),
        None => {
            let split = Scout::new(control, job, workers).split().await;
            split.map_err(|error| server("look at a collection", error))?
        }
    };
    // The first partition has the total of all.
    let total_of = |number| total.filter(|_| number == 0);
    let numbered = ranges.into_iter().enumerate();
    Ok(numbered
        .map(|(number, range)| Partition::new(key, number, range, total_of(number)))
        .collect())
}

async fn start_sessions(control: &Control, count: usize) -> Result<Vec<ClientSession>, StopReason> {
    let mut sessions = Vec::new();
    for _ in 0..count {
        let session = control.database.client().start_session().await;
        sessions.push(session.map_err(|error| server("start a session", error))?);
    }
    Ok(sessions)
}

/// Writes the fence of this run into the checkpoints, in a guarded transaction. `stale`: finds the
/// checkpoints of an earlier beginning, which are deleted.
async fn claim(
    on: &mut Online<'_>,
    partitions: &mut [Partition],
    sessions: &[ClientSession],
    stale: Option<Document>,
) -> Result<(), StopReason> {
    let control = on.engine().control.clone();
    let fence = on.engine().fence();
    let ids: Vec<_> = sessions.iter().map(worker::id_of).collect();
    let claims: Vec<_> = partitions
        .iter()
        .filter(|partition| !partition.done)
        .map(|partition| partition.claim_statement(fence, &ids))
        .collect();
    let claimed = on.checkpoint(None, None, async |tx| {
        if let Some(filter) = &stale {
            control.once(Some(tx.session()), delete(&control, filter.clone())).await?;
        }
        // None is left where a crash came between the last batch and the end.
        if !claims.is_empty() {
            control.once(Some(tx.session()), control.update(claims.clone())).await?;
        }
        Ok(())
    });
    claimed.await.map_err(StopReason::Body)?;
    for partition in partitions {
        partition.fence = fence;
    }
    Ok(())
}

/// The settings as they are when the backfill begins.
fn pace(on: &mut Online<'_>, job: &Job) -> Pace {
    let engine = on.engine();
    job.pace(&engine.tuning.overridden_by(&engine.steering().orders().tuned))
}

/// What the workers share.
fn share<'a>(on: &mut Online<'_>, job: &'a Job, partitions: Vec<Partition>) -> Shared<'a> {
    let before: i64 = partitions.iter().map(|partition| partition.documents).sum();
    let total = partitions.iter().find_map(|partition| partition.total);
    let (version, group) = (on.version(), on.group());
    let workers = pace(on, job).workers;
    let engine = on.engine();
    let control = engine.control.clone();
    let left = partitions.into_iter().filter(|partition| !partition.done);
    Shared {
        scout: Scout::new(&control, job, workers),
        load: ServerLoad::new(&control.database),
        rate: Rate::new(),
        steering: Arc::clone(engine.steering()),
        tuning: engine.tuning,
        active: Cell::new(0),
        hold: RefCell::default(),
        held: Cell::default(),
        held_since: Cell::default(),
        control,
        job,
        fence: engine.fence(),
        lost: engine.lost(),
        halt: engine.cancel.child_token(),
        queue: RefCell::new(left.collect()),
        size: Cell::new(Size::first(job.batch)),
        counts: Counts::default(),
        before: before.unsigned_abs(),
        total: total.map(i64::unsigned_abs),
        begun: Instant::now(),
        reported: Cell::new(Instant::now()),
        progress: engine.progress.clone(),
        version,
        group,
    }
}

/// Runs the workers until each has ended. Returns why the backfill stopped, if it did.
async fn run_workers(
    on: &mut Online<'_>,
    shared: &Shared<'_>,
    step: &str,
    sessions: Vec<ClientSession>,
    work: &impl Work,
) -> Option<StopReason> {
    // A cancellation waits for the end of the batches, a dropped future is noticed.
    let batch_at_work = on.engine().batch_at_work.clone();
    let held = batch_at_work.lock().await;
    on.engine().set_in_flight(true);
    let mut stopped: Option<StopReason> = None;
    let mut orders = shared.steering.subscribe();
    let (mut idle, mut workers) = (sessions, FuturesUnordered::new());
    loop {
        while shared.wants_worker()
            && let Some(session) = idle.pop()
        {
            shared.active.set(shared.active.get() + 1);
            workers.push(worker::work(shared, session, work));
        }
        tokio::select! {
            ended = workers.next() => match ended {
                None => break,
                Some(Ok(session)) => idle.push(session),
                Some(Err(stop)) => drop(stopped.get_or_insert(stop)),
            },
            // There may be more workers now.
            _ = orders.changed() => {}
        }
    }
    drop(workers);
    shared.tell(None);
    let is_cancelled = shared.halt.is_cancelled();
    let documents = shared.documents();
    shared.emit(step, None, None);
    if stopped.is_some() || is_cancelled {
        on.engine().reached = vec![StepProgress {
            name: step.to_owned(),
            documents,
            total: shared.total,
            per_second: None,
            remaining_ms: None,
            updated_at: None,
        }];
    }
    on.engine().set_in_flight(false);
    drop(held);
    if stopped.is_none() && is_cancelled {
        tracing::info!(target: "mongrate", backfill = step, documents, "stopped between two batches");
        return Some(StopReason::Cancelled);
    }
    stopped
}

/// Deletes the checkpoints of a backfill that is done, and records its step, in one transaction.
async fn delete_checkpoints(on: &mut Online<'_>, step: &str) -> Result<(), BoxError> {
    let control = on.engine().control.clone();
    let key = key_of(on, step);
    on.checkpoint(Some(step), None, async |tx| {
        control.once(Some(tx.session()), delete(&control, key.filter())).await?;
        Ok(())
    })
    .await
}

fn delete(control: &Control, filter: Document) -> Document {
    doc! { "delete": &control.collection, "deletes": [{ "q": filter, "limit": 0 }] }
}
