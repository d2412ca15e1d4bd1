//! Runs the body of a migration, in the way of its kind, and records its outcome with it.

use tokio::time::Instant;

use super::plan::Step;
use crate::{
    kinds::{
        change::{
            declared::Change,
            turn::{Turn, Turned},
        },
        online::Online,
        transaction::Transaction,
    },
    model::{clock, digest::Digest, error::Error, result::BoxError, state::Direction},
    protocol::{
        checkpoint::reach,
        engine::{Committed, Engine, attempts::Guarded},
        history::History,
        record::{Record, Stored},
        record_change::RecordChange,
        session::Durability,
        stop::StopReason,
    },
    registry::migration::{Body, Migration, TransactionFn},
};

/// How far an attempt at several migrations in one transaction got, for `up --atomic`.
#[derive(Debug, Default)]
pub(crate) struct AtomicProgress {
    /// The place of the migration that ran last.
    pub at: usize,
    /// The durations of the migrations that ran to their end, in milliseconds.
    pub ms: Vec<u64>,
}

/// Runs one step of the plan to its end. `durability`: what is enough if it is one
/// transaction.
pub(crate) async fn run(
    engine: &mut Engine,
    step: &Step,
    record: Option<&Record>,
    durability: Durability,
) -> Result<Committed, StopReason> {
    let migration = step.migration;
    let missing = || StopReason::Body("it has no rollback".into());
    match (migration.body, step.direction) {
        (Body::Transaction { up, .. }, Direction::Up) => {
            transactional(engine, step, record, up, durability).await
        }
        (Body::Transaction { down, .. }, Direction::Down) => {
            transactional(engine, step, record, down.ok_or_else(missing)?, durability).await
        }
        (Body::Online { up, .. }, Direction::Up) => {
            online(engine, step, record, async |on| up(on).await).await
        }
        (Body::Online { down, .. }, Direction::Down) => {
            let down = down.ok_or_else(missing)?;
            online(engine, step, record, async |on| down(on).await).await
        }
        (Body::Change { reversible: false, .. }, Direction::Down) => Err(missing()),
        (Body::Change { declare, .. }, _) => {
            let change = Change::declared(declare).map_err(StopReason::Body)?;
            let turned = match record {
                Some(record)
                    if record.direction != step.direction
                        && matches!(record.state, Stored::Running | Stored::Failed) =>
                {
                    turn(engine, &change, step, record).await?
                }
                _ => None,
            };
            if turned.is_none() {
                // Refused before the record counts as half-done.
                refuse(engine, &change, step, record).await?;
            }
            let record = turned.as_ref().or(record);
            online(engine, step, record, async |on| change.execute(on).await).await
        }
    }
}

/// Refuses a declared migration that cannot come to its end, before anything is written.
async fn refuse(
    engine: &mut Engine,
    change: &Change,
    step: &Step,
    record: Option<&Record>,
) -> Result<(), StopReason> {
    let Step { migration, direction, .. } = *step;
    let begun = record.filter(|record| {
        record.direction == direction && matches!(record.state, Stored::Running | Stored::Failed)
    });
    let applied = record.filter(|record| record.is_applied());
    let refused = match (direction, applied) {
        (Direction::Up, _) => {
            let done = begun.map(|record| record.steps.clone()).unwrap_or_default();
            let undo = begun.map(Record::undo).unwrap_or_default();
            let mut on = Online::new(engine, migration.identity(), direction, 0, done, undo);
            change.refuse_beyond_api(&mut on).await
        }
        (Direction::Down, Some(applied)) => {
            let (done, undo) = (Vec::new(), applied.undo());
            let mut on = Online::new(engine, migration.identity(), direction, 0, done, undo);
            change.refuse_rollback(&mut on).await
        }
        (Direction::Down, None) => Ok(()),
    };
    match refused {
        Ok(()) => Ok(()),
        Err(error) => Err(engine.unless_lost(error).await),
    }
}

/// Turns a half-done declared migration round: undoes what it did, or does again what its rollback
/// undid. Returns the record after that; `None`: nothing of the migration is in the database.
async fn turn(
    engine: &mut Engine,
    change: &Change,
    step: &Step,
    record: &Record,
) -> Result<Option<Record>, StopReason> {
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
            return Err(StopReason::Body(text.into()));
        }
        Turn::Round(turned) => turned,
    };
    if let Some(name) = turned.step() {
        let asked = reach::Asked {
            version: record.version,
            direction: record.direction,
            step: &name,
            started: record.started,
        };
        let ranges = reach::reached(&engine.control, engine.operation_time(), asked).await;
        let act = "read how far it got";
        turned.set_reached(&ranges.map_err(|error| StopReason::Server(Error::server(act, error)))?);
    }
    let Turned { steps, undo, .. } = turned;
    if direction == Direction::Down {
        let (done, found) = (steps.clone(), undo.clone());
        let mut on = Online::new(engine, migration.identity(), direction, 0, done, found);
        if let Err(error) = change.refuse_rollback(&mut on).await {
            return Err(engine.unless_lost(error).await);
        }
    }
    let turn = RecordChange::Turned { direction, steps: &steps, undo: &undo };
    let turn = Guarded::of(migration.identity(), &turn, engine.applied());
    let begun = engine.transaction(turn, async |_| Ok(())).await?;
    Ok(Some(record.turned(direction, steps, undo, begun.sequence)))
}

async fn transactional(
    engine: &mut Engine,
    step: &Step,
    record: Option<&Record>,
    body: TransactionFn,
    durability: Durability,
) -> Result<Committed, StopReason> {
    let (digest, change) = outcome(engine, step, record);
    let change = Guarded::of(step.migration.identity(), &change, digest).durability(durability);
    let database = engine.control.database.clone();
    engine
        .transaction(change, async |session| body(&mut Transaction::new(session, &database)).await)
        .await
}

/// Applies all migrations in one guarded transaction, or none. Returns how far it got, too.
pub(crate) async fn run_together(
    engine: &mut Engine,
    all: &[(Migration, TransactionFn)],
    history: &History,
) -> (Result<Committed, StopReason>, AtomicProgress) {
    let change = RecordChange::Applied { batch: engine.batch, event: "applied" };
    let mut digest = engine.applied();
    for (migration, _) in all {
        if let Some(former) = history.get(migration.version()).filter(|former| former.is_applied())
        {
            digest.remove(former.version, &former.checksum);
        }
        digest.add(migration.version(), &migration.checksum());
    }
    let records = all.iter().map(|(migration, _)| (migration.identity(), &change)).collect();
    let change = Guarded::new(records, digest);
    let database = engine.control.database.clone();
    let mut progress = AtomicProgress::default();
    let ended = engine
        .transaction(change, async |session| {
            let mut tx = Transaction::new(session, &database);
            progress = AtomicProgress::default();
            for (at, (_, up)) in all.iter().enumerate() {
                progress.at = at;
                let begun = Instant::now();
                up(&mut tx).await?;
                let ms = clock::ms_since(begun);
                progress.ms.push(ms);
            }
            Ok(())
        })
        .await;
    (ended, progress)
}

/// The digest and the change of the record once the step is done.
fn outcome(
    engine: &Engine,
    step: &Step,
    record: Option<&Record>,
) -> (Digest, RecordChange<'static>) {
    match step.direction {
        Direction::Up => {
            // Only a repeatable migration that runs again has been applied before.
            let mut digest = without(engine, record);
            digest.add(step.migration.version(), &step.migration.checksum());
            (digest, RecordChange::Applied { batch: engine.batch, event: "applied" })
        }
        Direction::Down => (without(engine, record), RecordChange::Reverted),
    }
}

/// The digest without this record, if the record counts as applied.
fn without(engine: &Engine, record: Option<&Record>) -> Digest {
    let mut digest = engine.applied();
    if let Some(record) = record.filter(|record| record.is_applied()) {
        digest.remove(record.version, &record.checksum);
    }
    digest
}

async fn online<F>(
    engine: &mut Engine,
    step: &Step,
    record: Option<&Record>,
    body: F,
) -> Result<Committed, StopReason>
where
    F: AsyncFnOnce(&mut Online<'_>) -> Result<(), BoxError>,
{
    let Step { migration, direction, .. } = *step;
    // A repeatable migration that runs again is not applied from here on.
    let before = without(engine, record);
    // Only a migration that stopped half-way in this direction resumes from its checkpoints; a
    // repeatable one only with the body that it stopped in.
    let done = record
        .filter(|record| {
            record.direction == direction
                && matches!(record.state, Stored::Running | Stored::Failed)
                && (!migration.is_repeatable() || record.checksum == migration.checksum())
        })
        .map(|record| record.steps.clone());
    let running = RecordChange::Running { direction, keep_steps: done.is_some() };
    let undo = record
        .filter(|_| done.is_some() || direction == Direction::Down)
        .map(Record::undo)
        .unwrap_or_default();
    let running = Guarded::of(migration.identity(), &running, before);
    let begun = engine.transaction(running, async |_| Ok(())).await?;
    let started = match (&done, record) {
        (Some(_), Some(record)) => record.started,
        _ => begun.sequence,
    };

    let watch = engine.watch();
    let done = done.unwrap_or_default();
    let mut online = Online::new(engine, migration.identity(), direction, started, done, undo);
    let ended = watch.over(body(&mut online)).await;
    engine.after_body(ended).await?;
    let (digest, change) = match direction {
        // Taken out of the digest when it began.
        Direction::Up => outcome(engine, step, None),
        // Taken out of the digest when the rollback began.
        Direction::Down => (engine.applied(), RecordChange::Reverted),
    };
    let change = Guarded::of(migration.identity(), &change, digest);
    engine.transaction(change, async |_| Ok(())).await
}
