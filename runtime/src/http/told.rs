//! The runs, of this process and of all others: as this process knows them, or as the history tells them.

use std::sync::Arc;

use axum::{
    extract::{Path, State, rejection::PathRejection},
    http::StatusCode,
};

use super::{
    answer,
    ask::{self, Queried, RunsQuery},
    listed::{self, Cursor},
    problem::{Answered, Problem},
    run_id::{Instance, fence_of},
    shared::Shared,
    wire::{details::Details, run::Run, runs::RunList},
};
use crate::{Kind, LockReport, RunEntry, RunEntryState, Who};

/// The id that stands for the run under way, whichever process has it.
pub(super) const CURRENT: &str = "current";

/// The runs, newest first, page by page: those that were requested here, and those of every process that the
/// history tells of.
#[utoipa::path(
    get, path = "/runs", tag = "read", operation_id = "runs", params(RunsQuery),
    responses((status = 200, description = "One page of the runs", body = RunList))
)]
pub(super) async fn runs(
    State(shared): State<Arc<Shared>>,
    Queried(query): Queried<RunsQuery>,
) -> Answered {
    query.check()?;
    let before = ask::before(query.before.as_deref(), Cursor::parse)?;
    let report = shared.migrator.runs().await.map_err(|error| shared.problem(error))?;
    // After the report: a run that it has is known here, too, if it was requested here.
    let here = shared.runs.kept();
    let page = listed::page(report, &here, before.as_ref(), query.limit(), shared.texts);
    Ok(answer::ok(&page))
}

/// A run, as it is now. Of a run that was requested here (the last hundred, until the process ends) all is
/// known; of any other run, what the history tells: the migrations that have begun.
#[utoipa::path(
    get, path = "/runs/{id}", tag = "read", operation_id = "run",
    params(("id" = String, Path, description = "The run's id, as `POST up`, `down` or `GET runs` gave it; or `current`: the run under way, whichever process has it")),
    responses(
        (status = 200, description = "The run, as it is now", body = Run),
        (status = 404, description = "No run has this id, or no run is under way", body = Details, content_type = "application/problem+json"),
    )
)]
pub(super) async fn run(
    State(shared): State<Arc<Shared>>,
    id: Result<Path<String>, PathRejection>,
) -> Answered {
    let Ok(Path(id)) = id else {
        return Err(Problem::not_found("no run has this id, which is not valid text"));
    };
    let here = match id == CURRENT {
        true => shared.runs.under_way(),
        false => shared.runs.get(&id),
    };
    if let Some(run) = here {
        return Ok(answer::ok(&run.shown()));
    }
    let fence = fence_of(&id);
    if fence.is_none() && id != CURRENT {
        return Err(not_here(&shared, &id).await?);
    }
    let report = shared.migrator.runs().await.map_err(|error| shared.problem(error))?;
    let is_it = |entry: &RunEntry| match fence {
        Some(_) => listed::id(entry) == id,
        None => entry.state == RunEntryState::Running,
    };
    match report.runs.into_iter().find(is_it) {
        Some(entry) => Ok(answer::ok(&Run::told(listed::id(&entry), entry, shared.texts))),
        None if id == CURRENT => {
            let detail = "no run is under way; nothing was asked of one";
            Err(Problem::new(StatusCode::NOT_FOUND, Kind::Usage, "no_run", detail)
                .next("GET runs lists the runs that have ended"))
        }
        None => Err(Problem::not_found(
            "no run has this id, as far as the history tells: a migration keeps its last 20 events",
        )
        .next("GET runs lists the runs that are known")),
    }
}

/// Why this process does not have the run.
pub(super) async fn not_here(shared: &Shared, id: &str) -> Result<Problem, Problem> {
    let Some(instance) = Instance::of(id).filter(|instance| *instance != shared.runs.here) else {
        return Ok(Problem::not_found(
            "no run has this id; the last hundred runs are kept until the process ends",
        )
        .next("GET runs lists the runs that are known"));
    };
    // Behind a balancer another process may have the run. The answer names that process, and says
    // whether the process holds the lock.
    let lock = lock(shared).await?;
    let its = lock.holder.as_ref().is_some_and(|who| is_of(who, &instance)).then_some(&lock);
    let process = format!("process {} of {}", instance.pid, instance.host);
    Ok(Problem::elsewhere(process, its))
}

/// The fence number of the run with this id, if it is the run under way, whichever process has it.
pub(super) async fn under_way(shared: &Shared, id: &str, fence: i64) -> Result<i64, Problem> {
    let lock = lock(shared).await?;
    let holder = lock.holder.as_ref().filter(|_| lock.fence == fence);
    match holder.zip(Instance::of(id)) {
        Some((holder, instance)) if !is_of(holder, &instance) => {
            Err(Problem::not_found("no run has this id; nothing was changed")
                .next("GET runs/current for the run under way, and use its id"))
        }
        Some(_) if lock.is_live() => Ok(fence),
        _ => Err(Problem::over(Some(fence), &lock)),
    }
}

pub(super) async fn lock(shared: &Shared) -> Result<LockReport, Problem> {
    shared.migrator.lock_status().await.map_err(|error| shared.problem(error))
}

fn is_of(who: &Who, instance: &Instance) -> bool {
    Instance::new(&who.host, who.pid) == *instance
}
