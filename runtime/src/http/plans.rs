//! Plan files: one is made to be approved, and an approved one is run.

use std::sync::Arc;

use axum::{
    body::{Body, to_bytes},
    extract::{Extension, FromRequest, OriginalUri, State},
    http::{HeaderMap, Request, StatusCode},
};

use super::{
    act::start,
    answer,
    ask::{Queried, refuse_other_than_json},
    auth::Identity,
    back::{PlanQuery, Planned},
    problem::{Answered, Problem},
    runs::Outcome,
    shared::Shared,
    wire::{
        details::Details,
        run::{Run, Verb},
    },
};
use crate::{Direction, Kind, PlanFile, model::plan_file::PLAN_BYTES_MAX};

/// What `up` or `down` would do, as a file that can be approved: `POST plan/run` runs exactly that. Nothing
/// is written, and no lock is taken.
#[utoipa::path(
    get, path = "/plan/file", tag = "read", operation_id = "planFile", params(PlanQuery),
    responses((status = 200, description = "The plan file: keep it as it is", body = Object))
)]
pub(super) async fn plan_file(
    State(shared): State<Arc<Shared>>,
    Queried(query): Queried<PlanQuery>,
) -> Answered {
    query.check()?;
    let migrator = query.policy(shared.migrator.clone());
    let plan = match query.plan(&migrator) {
        Planned::Up(up) => up.plan_file().await,
        Planned::Down(down) => down.plan_file().await,
    };
    // A file of its own format and version, which the command line writes, too.
    Ok(answer::ok(&plan.map_err(|error| shared.problem(error))?))
}

/// An approved plan, as `plan/file` gave it.
pub(super) struct Approved(PlanFile);

impl FromRequest<Arc<Shared>> for Approved {
    type Rejection = Problem;

    async fn from_request(request: Request<Body>, shared: &Arc<Shared>) -> Result<Self, Problem> {
        refuse_other_than_json(request.headers())?;
        let bytes = to_bytes(request.into_body(), PLAN_BYTES_MAX).await.map_err(|_| {
            Problem::new(
                StatusCode::PAYLOAD_TOO_LARGE,
                Kind::Usage,
                "too_large",
                format!(
                    "the plan is too large, or incomplete; at most {PLAN_BYTES_MAX} bytes are \
                     allowed; nothing was run"
                ),
            )
        })?;
        let text = String::from_utf8_lossy(&bytes);
        PlanFile::parse(&text).map(Self).map_err(|error| shared.problem(error))
    }
}

/// Runs exactly an approved plan, or refuses: starts a run, which belongs to nobody's connection.
#[utoipa::path(
    post, path = "/plan/run", tag = "change", operation_id = "planRun",
    request_body(content = Object, description = "The plan file, as `plan/file` gave it"),
    params(("Prefer" = Option<String>, Header, description = "`wait=N`: wait up to N seconds (at most 60) for the end of the run")),
    responses(
        (status = 202, description = "The run is under way", body = Run, headers(("Location" = String, description = "Where the run is"))),
        (status = 200, description = "With `Prefer: wait`: the run has ended; its report says how", body = Run, headers(("Content-Location" = String, description = "Where the run is"))),
        (status = 409, description = "The plan is not what would run now, another run is in flight, or a person has to decide; nothing was run", body = Details, content_type = "application/problem+json"),
    )
)]
pub(super) async fn plan_run(
    State(shared): State<Arc<Shared>>,
    Extension(who): Extension<Identity>,
    OriginalUri(uri): OriginalUri,
    headers: HeaderMap,
    Approved(plan): Approved,
) -> Answered {
    let verb = match plan.direction {
        Direction::Up => Verb::Up,
        Direction::Down => Verb::Down,
    };
    // Runs are below the prefix, and not below `/plan`.
    let path = uri.path().strip_suffix("/run").unwrap_or_default();
    start(&shared, verb, None, who, path, &headers, move |migrator| async move {
        match plan.direction {
            Direction::Up => migrator.up().approved(&plan).await,
            Direction::Down => migrator.down().approved(&plan).await,
        }
        .map(Outcome::Run)
    })
    .await
}
