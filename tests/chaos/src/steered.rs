//! Rounds in which an operator pauses or cancels a run, at each of its commands, while it is frozen there
//! or has just been killed.

use std::time::{Duration, Instant};

use futures_util::TryStreamExt as _;
use mongrate::{
    Error as MongrateError, Migrator,
    bson::{Document, doc},
    mongodb::error::Error,
};

use crate::{
    check::all,
    child::Next,
    history::{EFFECTS, History, ROWS},
    point::{Blow, Count, Point},
    round::{Ground, Outcome, Verb, World},
};

/// What the operator asks for.
#[derive(Clone, Copy, Debug, Hash, PartialEq, Eq)]
pub enum Ask {
    /// Nothing more is to begin; it is taken back later.
    Pause,
    /// The run is to end.
    Cancel,
}

impl Ask {
    /// Its name.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Pause => "pause",
            Self::Cancel => "cancel",
        }
    }
}

/// One runner that breaks, an operator, and one that finishes.
///
/// # Errors
///
/// When the server cannot be used.
pub async fn round(
    world: &World,
    history: &str,
    verb: Verb,
    point: Point,
    ask: Ask,
) -> Result<Outcome, Error> {
    let mut ground = world.ground(history, verb, false).await?;
    let mut first = ground.start(Some(point), Count::All);
    if ground.blow("the first", &mut first, point).await.is_none() {
        // A rollback that was replaced goes no further, which a machine that stalls may do to it.
        ground.finish(Instant::now()).await;
        return ground.verdict().await;
    }
    let operator = operator(&ground, history);
    match ask {
        Ask::Pause => {
            asked(&mut ground, "pause", operator.pause().await.map(drop));
            let mut left = match point.blow {
                Blow::Stop => {
                    first.thaw();
                    first
                }
                // Its successor finds the pause.
                Blow::Kill => ground.start(None, Count::Acquired),
            };
            still(world, &mut ground).await?;
            asked(&mut ground, "resume", operator.resume().await.map(drop));
            let ended = left.next(world.patience).await;
            ground.well_or_replaced("the paused one, gone on", ended);
        }
        Ask::Cancel => {
            // It may not have the lock yet, or no longer.
            let answer = match operator.cancel_run().await {
                Err(MongrateError::NoRun { .. }) => Ok(()),
                answer => answer.map(drop),
            };
            asked(&mut ground, "cancel", answer);
            if point.blow == Blow::Stop {
                first.thaw();
                let ended = first.next(world.patience).await;
                let cancelled = is_cancelled(&ended);
                if !cancelled {
                    ground.well_or_replaced("the first, gone on", ended);
                }
                none_open(&mut ground).await?;
            }
        }
    }
    // Nobody else is ended by it.
    ground.finish(Instant::now()).await;
    ground.outcome.late = false;
    ground.verdict().await
}

fn asked(ground: &mut Ground<'_>, what: &str, answer: Result<(), MongrateError>) {
    if let Err(error) = answer {
        ground.wrong(format!("{what} was refused: {error}"));
    }
}

/// The operator's migrator over this ground.
pub(crate) fn operator(ground: &Ground<'_>, history: &str) -> Migrator {
    let migrations = History::named(history).map(|history| (history.migrations)());
    Migrator::with(&ground.db, migrations.unwrap_or_default()).app("operator")
}

/// Whether a runner ended because it was asked to.
pub(crate) fn is_cancelled(next: &Next) -> bool {
    let Next::Ended(end) = next else { return false };
    end.error.as_ref().is_some_and(|(kind, _)| kind == "cancelled")
}

/// Waits until the owner of the lock knows what it was asked before: the reply to its next heartbeat tells
/// it, and the one after that is sent when it has read that reply.
pub(crate) async fn knows(world: &World, ground: &mut Ground<'_>) -> Result<(), Error> {
    let control = ground.db.collection::<Document>("migrations");
    let expires_at = async || {
        let lock = control.find_one(doc! { "_id": "lock" }).await?;
        Ok::<_, Error>(lock.and_then(|lock| lock.get_datetime("expiresAt").ok().copied()))
    };
    let until = Instant::now() + world.patience;
    let mut last = expires_at().await?;
    for _ in 0..2 {
        loop {
            tokio::time::sleep(Duration::from_millis(20)).await;
            let now = expires_at().await?;
            if now != last {
                last = now;
                break;
            }
            if Instant::now() > until {
                ground.wrong("the owner of the lock renews it no more");
                return Ok(());
            }
        }
    }
    Ok(())
}

/// Waits until everybody must know of the pause, and sees that nothing changes from then on but the lock.
pub(crate) async fn still(world: &World, ground: &mut Ground<'_>) -> Result<(), Error> {
    tokio::time::sleep(world.lease + Duration::from_secs(1)).await;
    let before = everything(ground).await?;
    tokio::time::sleep(world.lease / 2).await;
    // A machine that stalls may have kept a heartbeat from coming: it is looked at again.
    ground.outcome.unsteady |= everything(ground).await? != before;
    Ok(())
}

/// All documents that a run may change, but the lock, whose owner renews it.
async fn everything(ground: &Ground<'_>) -> Result<Vec<Document>, Error> {
    let mut found = Vec::new();
    for name in ["migrations", EFFECTS, ROWS] {
        found.extend(all(&ground.db, name).await?);
    }
    let is_lock = |one: &Document| one.get_str("_id").is_ok_and(|id| id == "lock");
    found.retain(|one| !is_lock(one));
    // An operator's request is noted in the record of the migration at work.
    found.iter_mut().for_each(|one| drop(one.remove("events")));
    Ok(found)
}

/// Who ended in order has left no transaction open.
async fn none_open(ground: &mut Ground<'_>) -> Result<(), Error> {
    let pipeline = [
        doc! { "$currentOp": { "allUsers": true, "idleSessions": true } },
        doc! { "$match": {
            "appName": ground.db.name(), "transaction": { "$exists": true },
            "type": "idleSession",
        } },
    ];
    let admin = ground.db.client().database("admin");
    let open: Vec<Document> = admin.aggregate(pipeline).await?.try_collect().await?;
    if let Some(one) = open.first() {
        ground.wrong(format!("open: a transaction of a run that has ended: {one}"));
    }
    Ok(())
}
