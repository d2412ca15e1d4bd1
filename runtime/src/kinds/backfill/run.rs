//! A whole backfill: opens its checkpoints, sets the workers to work, and closes it.

use std::{
    cell::{Cell, RefCell},
    collections::VecDeque,
};

use futures_util::{StreamExt as _, stream::FuturesUnordered};
use mongodb::{ClientSession, bson::doc};
use tokio::time::Instant;

use super::{
    job::Job,
    scout::Scout,
    shared::{Shared, Tally},
    size::Size,
    throttle::Gauge,
    twice,
    work::Work,
    worker,
};
use crate::{
    kinds::{catalog, online::Online},
    model::{error::Error, report::backfill::BackfillReport, result::BoxError},
    mongo::{
        code,
        server_error::{self, ServerError},
    },
    protocol::{
        checkpoint::partition::{Key, Partition},
        stop::Stop,
    },
    telemetry::progress::{BackfillProgress, RunEvent},
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

/// Refuses what has no documents of its own that a transaction can change, as a declared change
/// does.
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

/// What the body of the migration gets to see.
fn body(on: &mut Online<'_>, stop: Stop, step: &str) -> BoxError {
    match stop {
        Stop::Body(error) => error,
        stop => on.stop(stop, step),
    }
}

fn server(action: &'static str, error: impl Into<ServerError>) -> Stop {
    Stop::Server(Error::server(action, error))
}

/// Checkpoints that are ours.
struct Opened {
    partitions: Vec<Partition>,
    sessions: Vec<ClientSession>,
    resumed: bool,
}

impl Opened {
    async fn open(on: &mut Online<'_>, job: &Job, step: &str) -> Result<Self, Stop> {
        let control = on.engine().control.clone();
        let key = Key {
            version: on.version(),
            direction: on.direction(),
            name: step.to_owned(),
            started: on.started(),
        };
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
            if job.refuses_twice {
                twice::refuse(&control, &job.collection, &job.filter).await?;
            }
            let scout = Scout::new(&control, job);
            let (ranges, total) = match &job.ranges {
                Some(ranges) => (ranges.clone(), None),
                None => {
                    scout.split().await.map_err(|error| server("look at a collection", error))?
                }
            };
            partitions = ranges
                .into_iter()
                .enumerate()
                // Once is enough for the whole of it.
                .map(|(number, range)| {
                    Partition::new(&key, number, range, total.filter(|_| number == 0))
                })
                .collect();
        }

        let left = partitions.iter().filter(|partition| !partition.done).count();
        let mut sessions = Vec::new();
        for _ in 0..job.workers.min(left.max(1)) {
            let client = control.database.client();
            sessions.push(
                client.start_session().await.map_err(|error| server("start a session", error))?,
            );
        }
        let ids: Vec<_> = sessions.iter().map(worker::id_of).collect();
        let fence = on.engine().fence();
        let claims: Vec<_> = partitions
            .iter()
            .filter(|partition| !partition.done)
            .map(|partition| partition.claim_statement(fence, &ids))
            .collect();
        let stale = (!resumed && !found.is_empty()).then(|| key.filter());
        let claimed = on.checkpoint(None, None, async |tx| {
            if let Some(filter) = &stale {
                let delete = doc! { "q": filter.clone(), "limit": 0 };
                let command = doc! { "delete": &control.collection, "deletes": [delete] };
                control.once(Some(tx.session()), command).await?;
            }
            // None is left where a crash came between the last batch and the end.
            if !claims.is_empty() {
                control.once(Some(tx.session()), control.update(claims.clone())).await?;
            }
            Ok(())
        });
        claimed.await.map_err(Stop::Body)?;
        for partition in &mut partitions {
            partition.fence = fence;
        }
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
        let before: i64 = partitions.iter().map(|partition| partition.documents).sum();
        let total = partitions.iter().find_map(|partition| partition.total);
        let (version, group) = (on.version(), on.group());
        let engine = on.engine();
        let progress = engine.progress.clone();
        tracing::info!(
            target: "mongrate", backfill = step, collection = job.collection, done = before,
            total, workers = sessions.len(), "backfill"
        );
        let control = engine.control.clone();
        let halt = engine.cancel.child_token();
        let shared = Shared {
            scout: Scout::new(&control, job),
            gauge: Gauge::new(job.throttle, &control.database),
            control,
            job,
            fence: engine.fence(),
            lost: engine.lost(),
            halt: halt.clone(),
            queue: RefCell::new(
                partitions.into_iter().filter(|partition| !partition.done).collect::<VecDeque<_>>(),
            ),
            size: Cell::new(Size::first(job.batch)),
            tally: Tally::default(),
            before: before.unsigned_abs(),
            total: total.map(i64::unsigned_abs),
            begun: Instant::now(),
            told: Cell::new(Instant::now()),
            progress,
            version,
            group,
        };
        // A cancellation waits for the end of the batches, a dropped future is noticed.
        let batch_at_work = engine.batch_at_work.clone();
        let held = batch_at_work.lock().await;
        engine.set_in_flight(true);
        let mut workers: FuturesUnordered<_> =
            sessions.into_iter().map(|session| worker::work(&shared, session, work)).collect();
        let mut stopped: Option<Stop> = None;
        while let Some(ended) = workers.next().await {
            if let Err(stop) = ended {
                stopped.get_or_insert(stop);
            }
        }
        drop(workers);
        let cancelled = halt.is_cancelled();
        let documents = before.unsigned_abs() + shared.tally.documents.get();
        let report = BackfillReport {
            documents,
            matched: shared.tally.matched.get(),
            modified: shared.tally.modified.get(),
            batches: shared.tally.batches.get(),
            resumed,
        };
        shared.progress.emit(|| RunEvent::Backfill {
            version,
            progress: BackfillProgress {
                name: step.to_owned(),
                documents,
                total: shared.total,
                per_second: None,
                remaining_ms: None,
            },
        });
        let engine = on.engine();
        engine.set_in_flight(false);
        drop(held);
        if let Some(stop) = stopped {
            return Err(body(on, stop, step));
        }
        if cancelled {
            tracing::info!(target: "mongrate", backfill = step, documents, "stopped between two batches");
            return Err(on.stop(Stop::Cancelled, step));
        }
        let control = on.engine().control.clone();
        let key = Key {
            version: on.version(),
            direction: on.direction(),
            name: step.to_owned(),
            started: on.started(),
        };
        on.checkpoint(Some(step), None, async |tx| {
            let delete = doc! { "q": key.filter(), "limit": 0 };
            let command = doc! { "delete": &control.collection, "deletes": [delete] };
            control.once(Some(tx.session()), command).await?;
            Ok(())
        })
        .await?;
        tracing::info!(
            target: "mongrate", backfill = step, documents, modified = report.modified,
            batches = report.batches, "backfill done"
        );
        Ok(report)
    }
}
