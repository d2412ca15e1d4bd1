//! What every change has in common: it is asked in the name of a token, it is in the log, and those who
//! watch the state are told.

use serde::Serialize;

use super::{answer, auth::Identity, problem::Answered, shared::Shared};
use crate::{Error, Migrator};

/// A migrator whose records say who asked for them.
pub(super) fn on_behalf(shared: &Shared, who: &Identity) -> Migrator {
    shared.migrator.clone().user(&*who.name).on_behalf(&who.name)
}

/// The answer to a change, by what came of it. `fence`: the run that the request names.
pub(super) fn changed<W, R>(
    shared: &Shared,
    who: &Identity,
    action: &'static str,
    fence: Option<i64>,
    ended: Result<R, Error>,
) -> Answered
where
    W: From<R> + Serialize,
{
    tracing::info!(
        target: "mongrate::audit", token = who.name, action, fence,
        outcome = ended.as_ref().map_or_else(Error::code, |_| "done"), "a change was asked for"
    );
    let report = ended.map_err(|error| shared.problem(error))?;
    shared.runs.watch.changed_here();
    Ok(answer::ok(&W::from(report)))
}
