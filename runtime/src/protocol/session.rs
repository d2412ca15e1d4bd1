//! Transactions of a driver's session: begun, committed, aborted, and ended on the server.

use std::{future::IntoFuture as _, time::Duration};

use mongodb::{
    ClientSession,
    bson::doc,
    error::UNKNOWN_TRANSACTION_COMMIT_RESULT,
    options::{Acknowledgment, ReadConcern, ReadPreference, SelectionCriteria, WriteConcern},
};
use tokio_util::sync::CancellationToken;

#[cfg(mongrate_mutants)]
use super::mutant::{self, Mutant};
use super::{control::Control, fence, retry::Backoff, stop::StopReason};
use crate::{model::error::Error, mongo::server_error::ServerError, telemetry::visible::Line};

/// How long aborting may take before the transaction is left to the server.
const ABORT_WAIT: Duration = Duration::from_secs(5);

/// Which members must acknowledge a commit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Durability {
    /// The primary is enough for now: see [`Provisional`](super::provisional::Provisional).
    Primary,
    Majority,
}

/// Begins a transaction whose commit these members must acknowledge.
pub(crate) async fn begin(
    session: &mut ClientSession,
    durability: Durability,
) -> Result<(), StopReason> {
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
        .map_err(|error| StopReason::Server(Error::server("start a transaction", error)))
}

/// Commits; sends the commit again while its outcome is unknown and the lease is not `lost`. Sets
/// `unknown` once an outcome did not come back. Where that is so and this returns an error, the
/// transaction may have committed, or may still be open.
pub(crate) async fn commit_until_known(
    control: &Control,
    session: &mut ClientSession,
    lost: &CancellationToken,
    unknown: &mut bool,
) -> Result<(), ServerError> {
    let mut backoff = Backoff::new(control.retries);
    loop {
        let Err(error) = session.commit_transaction().await else { return Ok(()) };
        let is_unknown = error.contains_label(UNKNOWN_TRANSACTION_COMMIT_RESULT);
        *unknown |= is_unknown;
        if !is_unknown || lost.is_cancelled() || !backoff.again().await {
            return Err(error.into());
        }
    }
}

/// Aborts the session's transaction, or leaves it to the server if that takes too long.
pub(crate) async fn abort(session: &mut ClientSession) {
    let aborting = session.abort_transaction();
    if tokio::time::timeout(ABORT_WAIT, aborting).await.is_err() {
        tracing::warn!(target: "mongrate", "aborting took too long; the server ends the transaction");
    }
}

/// Ends the transaction that a session may have open on the server. `true`: no transaction is
/// open, a commit that is still on its way will find none, and what the session reads from now on
/// is not older than that.
pub(crate) async fn end_session(control: &Control, session: &mut ClientSession) -> bool {
    let command = doc! { "killSessions": [session.id().clone()] };
    let admin = control.database.client().database("admin");
    let ending = admin.run_command(command);
    match tokio::time::timeout(ABORT_WAIT, ending.into_future()).await {
        Ok(Ok(reply)) => {
            // Without this time, a majority read may be older than a commit that did get through.
            let time = reply.get_timestamp("operationTime").ok();
            if let Some(time) = time {
                session.advance_operation_time(time);
            }
            return time.is_some();
        }
        Ok(Err(error)) => {
            let error = ServerError::from(error);
            if fence::is_refusal(&error) {
                return supersede(control, session).await;
            }
            tracing::warn!(target: "mongrate", error = %Line(&error), "a transaction may stay open");
        }
        Err(_) => tracing::warn!(target: "mongrate", "a transaction may stay open"),
    }
    false
}

/// The same where the server refuses `killSessions`, as to a client of the strict Stable API: the
/// server ends a session's transaction when the session's next transaction begins, and takes no
/// commit of the former transaction after that.
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
