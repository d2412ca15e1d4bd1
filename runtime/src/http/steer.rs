//! Pause, resume, tune, cancel: each is asked of the library once, in the name of a token. The run may
//! be another process's, as the request goes through the database.

use std::sync::Arc;

use axum::extract::{Extension, Path, State, rejection::PathRejection};

use super::{
    ask::{Asked, SteerRequest, TuneRequest},
    auth::Identity,
    changed::{changed, on_behalf},
    problem::{Answered, Problem},
    run_id::fence_of,
    shared::Shared,
    told::{self, CURRENT, not_here},
    wire::{details::Details, steering::Steered},
};
use crate::{Error, Migrator, Steering};

/// Pauses the history: in every process, nothing more begins until it is resumed. The run under way
/// ends the batch or the transaction at hand first.
#[utoipa::path(
    post, path = "/runs/{id}/pause", tag = "change", operation_id = "pauseRun", request_body = SteerRequest,
    params(("id" = String, Path, description = "The run's id, or `current`: the run under way; also if there is none")),
    responses(
        (status = 200, description = "The history is paused", body = Steered),
        (status = 404, description = "No run has this id", body = Details, content_type = "application/problem+json"),
        (status = 409, description = "That run is not under way; nothing was changed", body = Details, content_type = "application/problem+json"),
    )
)]
pub(super) async fn pause(
    State(shared): State<Arc<Shared>>,
    Extension(who): Extension<Identity>,
    id: Result<Path<String>, PathRejection>,
    Asked(asked): Asked<SteerRequest>,
) -> Answered {
    let fence = fence(&shared, id, asked.fence).await?;
    steer(&shared, &who, "pause", fence, |migrator| said(migrator.pause(), &asked, fence)).await
}

/// Takes a pause back.
#[utoipa::path(
    post, path = "/runs/{id}/resume", tag = "change", operation_id = "resumeRun", request_body = SteerRequest,
    params(("id" = String, Path, description = "The run's id, or `current`: the run under way; also if there is none")),
    responses(
        (status = 200, description = "The history is not paused", body = Steered),
        (status = 404, description = "No run has this id", body = Details, content_type = "application/problem+json"),
        (status = 409, description = "That run is not under way; nothing was changed", body = Details, content_type = "application/problem+json"),
    )
)]
pub(super) async fn resume(
    State(shared): State<Arc<Shared>>,
    Extension(who): Extension<Identity>,
    id: Result<Path<String>, PathRejection>,
    Asked(asked): Asked<SteerRequest>,
) -> Answered {
    let fence = fence(&shared, id, asked.fence).await?;
    steer(&shared, &who, "resume", fence, |migrator| said(migrator.resume(), &asked, fence)).await
}

/// Ends the run under way in order: the batch at hand is committed, the transaction at hand aborted,
/// the lock released. What is pending stays pending until the next run.
#[utoipa::path(
    post, path = "/runs/{id}/cancel", tag = "change", operation_id = "cancelRun", request_body = SteerRequest,
    params(("id" = String, Path, description = "The run's id, or `current`")),
    responses(
        (status = 200, description = "The run was asked to end", body = Steered),
        (status = 404, description = "No run has this id", body = Details, content_type = "application/problem+json"),
        (status = 409, description = "That run is not under way; nothing was changed", body = Details, content_type = "application/problem+json"),
    )
)]
pub(super) async fn cancel(
    State(shared): State<Arc<Shared>>,
    Extension(who): Extension<Identity>,
    id: Result<Path<String>, PathRejection>,
    Asked(asked): Asked<SteerRequest>,
) -> Answered {
    let fence = fence(&shared, id, asked.fence).await?;
    steer(&shared, &who, "cancel", fence, |migrator| said(migrator.cancel_run(), &asked, fence))
        .await
}

/// Changes how the backfills of the run under way work.
#[utoipa::path(
    post, path = "/runs/{id}/tune", tag = "change", operation_id = "tuneRun", request_body = TuneRequest,
    params(("id" = String, Path, description = "The run's id, or `current`")),
    responses(
        (status = 200, description = "The settings are changed", body = Steered),
        (status = 404, description = "No run has this id", body = Details, content_type = "application/problem+json"),
        (status = 409, description = "That run is not under way; nothing was changed", body = Details, content_type = "application/problem+json"),
    )
)]
pub(super) async fn tune(
    State(shared): State<Arc<Shared>>,
    Extension(who): Extension<Identity>,
    id: Result<Path<String>, PathRejection>,
    Asked(asked): Asked<TuneRequest>,
) -> Answered {
    let fence = fence(&shared, id, asked.fence).await?;
    let settings = asked.settings.settings().map_err(|error| shared.problem(error))?;
    let request = SteerRequest { why: asked.why, fence: asked.fence };
    steer(&shared, &who, "tune", fence, |migrator| {
        said(migrator.tune(settings).reset(asked.reset), &request, fence)
    })
    .await
}

fn said<'a>(steering: Steering<'a>, asked: &SteerRequest, fence: Option<i64>) -> Steering<'a> {
    steering.why(asked.why.clone().unwrap_or_default()).fence(fence)
}

async fn steer(
    shared: &Shared,
    who: &Identity,
    action: &'static str,
    fence: Option<i64>,
    ask: impl for<'a> FnOnce(&'a Migrator) -> Steering<'a>,
) -> Answered {
    let migrator = on_behalf(shared, who);
    let asked = ask(&migrator).await;
    changed::<Steered, _>(shared, who, action, fence, asked)
}

/// The fence number of the run that a request names; `None`: whichever run it is.
async fn fence(
    shared: &Shared,
    id: Result<Path<String>, PathRejection>,
    asked: Option<i64>,
) -> Result<Option<i64>, Problem> {
    let Ok(Path(id)) = id else {
        return Err(Problem::not_found("no run has this id, which is not valid text"));
    };
    if id == CURRENT {
        return Ok(asked);
    }
    let fence = match (shared.runs.get(&id), fence_of(&id)) {
        (Some(run), _) => match run.fence() {
            Some(fence) if !run.is_over() => fence,
            fence => return Err(Problem::over(fence, &told::lock(shared).await?)),
        },
        (None, Some(fence)) => told::under_way(shared, &id, fence).await?,
        (None, None) => {
            return Err(not_here(shared, &id)
                .await?
                .next("GET runs/current for the run under way, and use its id"));
        }
    };
    match asked.filter(|asked| *asked != fence) {
        None => Ok(Some(fence)),
        Some(asked) => {
            let found = format!("the run has the fence {fence}");
            Err(shared.problem(Error::FenceMismatch { asked, found }))
        }
    }
}
