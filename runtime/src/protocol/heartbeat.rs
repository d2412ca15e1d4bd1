//! The heartbeat: renews the lease, tells how far the run is, and brings what operators ask of it, in
//! one command.

use std::{sync::Arc, time::Duration};

use mongodb::bson::{Document, doc};
use tokio::{sync::watch, time::Instant};
use tokio_util::sync::CancellationToken;

use super::{
    control::{Control, majority, millis},
    documents::LOCK_ID,
    steering::{FOR_THE_OWNER, Orders, Steering},
};
use crate::{mongo::server_error::ServerError, telemetry::visible::Line};

/// How long a lease may go without a renewal, by the local monotonic clock, before it counts as
/// lost: the server may give the lock away soon after.
pub(crate) fn patience(lease: Duration) -> Duration {
    lease * 2 / 3
}

/// How often the lease is renewed.
pub(crate) fn every(lease: Duration) -> Duration {
    lease / 3
}

/// The renewals of one lease.
pub(crate) struct Heartbeat {
    pub control: Control,
    pub owner: String,
    pub fence: i64,
    pub lease: Duration,
    /// Cancelled when the lease is lost.
    pub lost: CancellationToken,
    /// Told when the last renewal that succeeded was sent.
    pub renewed: watch::Sender<Instant>,
    pub steering: Arc<Steering>,
}

impl Heartbeat {
    /// Renews the lease every third of its length, until it is lost.
    pub(crate) async fn run(self, mut last: Instant) {
        let pause = every(self.lease);
        let patience = patience(self.lease);
        let mut next = last + pause;
        loop {
            tokio::time::sleep_until(next).await;
            let sent = Instant::now();
            let outcome = tokio::time::timeout_at(last + patience, self.beat()).await;
            #[cfg(mongrate_mutants)]
            let outcome = match super::mutant::is(super::mutant::Mutant::HeartbeatIgnored) {
                true => Ok(Ok(Some(Orders::default()))),
                false => outcome,
            };
            match outcome {
                Ok(Ok(Some(orders))) => {
                    last = sent;
                    self.renewed.send_replace(sent);
                    self.steering.obey(orders);
                    next = sent + pause;
                }
                Ok(Ok(None)) => break,
                Ok(Err(error)) => {
                    tracing::warn!(target: "mongrate", error = %Line(&error), "a heartbeat failed");
                    if Instant::now() >= last + patience {
                        break;
                    }
                    next = Instant::now() + pause / 10;
                }
                Err(_) => break,
            }
        }
        tracing::error!(target: "mongrate", fence = self.fence, "the lease is lost; stopping");
        self.lost.cancel();
    }

    /// Renews the lease once, and returns what the lock says to its owner. `None`: the lock is no
    /// longer ours.
    async fn beat(&self) -> Result<Option<Orders>, ServerError> {
        let reply = self.control.once(None, self.command()).await?;
        let lock = reply.get_document("value").ok();
        Ok(lock.map(|lock| Orders::parse(lock, self.fence)))
    }

    fn command(&self) -> Document {
        let mut set = doc! { "expiresAt": { "$add": ["$$NOW", millis(self.lease)] } };
        if let Some(mut position) = self.steering.position() {
            position.insert("fence", self.fence);
            set.insert("position", position);
        }
        let mut fields = doc! { "now": "$$NOW" };
        fields.extend(FOR_THE_OWNER.map(|field| (field.to_owned(), 1.into())));
        doc! {
            "findAndModify": &self.control.collection,
            "query": { "_id": LOCK_ID, "owner": &self.owner, "fence": self.fence },
            "update": [{ "$set": set }],
            "new": true,
            "fields": fields,
            "writeConcern": majority(),
        }
    }
}
