//! The guarded transactions of the protocol itself: outcomes, steps, and the end of a transaction
//! that a body dropped.

use mongodb::{ClientSession, bson::Document};

use super::{Committed, Engine, attempts::Guarded};
use crate::{
    model::{digest::Digest, identity::Identity, result::BoxError},
    protocol::{audit::entry::Note, record_change::RecordChange, stamp::Stamp, stop::StopReason},
};

/// The error of a migration whose body dropped the future of a step.
const STEP_DROPPED: &str = "a step was dropped before it had ended; await every step to its end, \
                            without a timeout around it";

impl Engine {
    /// Records what became of a migration, in a transaction of its own, even if the run is
    /// cancelled.
    pub(crate) async fn record(
        &mut self,
        migration: Identity,
        digest: Digest,
        change: &RecordChange<'_>,
    ) -> Result<Committed, StopReason> {
        let change = Guarded::of(migration, change, digest).although_cancelled();
        self.transaction(change, async |_| Ok(())).await
    }

    /// Writes statements of records, or the digest alone, in one transaction.
    pub(crate) async fn write_all(
        &mut self,
        digest: Digest,
        statements: Vec<Document>,
        notes: Vec<Note>,
    ) -> Result<(), StopReason> {
        let control = self.control.clone();
        let digest_only = Guarded::new(Vec::new(), digest).noting(notes).although_cancelled();
        self.transaction(digest_only, async |session| {
            // A command is at most 16 MB; a record's statement is well under 2 KB.
            for chunk in statements.chunks(2_000) {
                let command = control.update(chunk.to_vec());
                control.once(Some(&mut *session), command).await?;
            }
            Ok(())
        })
        .await
        .map(drop)
    }

    /// The stamp of the next guarded transaction.
    pub(crate) fn stamp(&self) -> Stamp<'_> {
        Stamp {
            who: &self.who,
            fence: self.lease.fence,
            sequence: self.guards.saturating_add(1),
            why: self.why.as_deref(),
            plan: self.plan.as_deref(),
        }
    }

    /// Runs a step of an online migration: at most once, committed with its checkpoint.
    pub(crate) async fn step<F>(
        &mut self,
        migration: Identity,
        change: &RecordChange<'_>,
        operations: F,
    ) -> Result<(), StopReason>
    where
        F: AsyncFnMut(&mut ClientSession) -> Result<(), BoxError>,
    {
        self.refuse_dropped().await?;
        let change = Guarded::of(migration, change, self.applied);
        self.transaction(change, operations).await.map(drop)
    }

    /// Refuses if the body dropped an earlier step. The migration stops then, whatever the body
    /// makes of this error.
    pub(crate) async fn refuse_dropped(&mut self) -> Result<(), StopReason> {
        if self.recover().await? {
            self.stopped = Some(StopReason::Body(STEP_DROPPED.into()));
            return Err(StopReason::Body(STEP_DROPPED.into()));
        }
        Ok(())
    }

    /// Turns the end of a body into a result: a step may have been dropped in the middle of a
    /// transaction or stopped, or another process may have taken over meanwhile.
    pub(crate) async fn after_body(
        &mut self,
        ended: Result<(), StopReason>,
    ) -> Result<(), StopReason> {
        let dropped = self.recover().await?;
        match (self.stopped.take(), ended) {
            // The body failed because an operation was refused after the lease was lost.
            (_, Err(StopReason::Body(_))) if self.lease.is_lost() => Err(StopReason::Lost),
            (Some(stop), _) | (None, Err(stop)) => Err(stop),
            (None, Ok(())) if dropped => Err(StopReason::Body(STEP_DROPPED.into())),
            (None, Ok(())) => Ok(()),
        }
    }

    /// Ends a transaction whose future was dropped half-way, and finds out whether it had
    /// committed. (Only steps can be dropped, and steps leave the digest as it is.) `false`: no
    /// future was dropped.
    pub(crate) async fn recover(&mut self) -> Result<bool, StopReason> {
        if !self.in_flight {
            return Ok(false);
        }
        self.abort().await;
        self.end_open_transaction().await;
        let (_, found) = self.look(Vec::new()).await?;
        if found.fence != self.lease.fence {
            self.lease.lost.cancel();
            return Err(StopReason::Lost);
        }
        self.guards = found.guards;
        self.audit.set(found.audit.unwrap_or_default());
        self.in_flight = false;
        Ok(true)
    }
}
