//! The endpoints that only read: each calls the library once, and answers with its report.

use std::sync::Arc;

use axum::{
    extract::{Path, State, rejection::PathRejection},
    http::{HeaderMap, HeaderValue},
    response::{IntoResponse as _, Response, Sse, sse::KeepAlive},
};

use super::{
    answer,
    ask::{self, DriftQuery, EventsQuery, HistoryQuery, Queried, StatusQuery, StepsShown},
    back::{PlanQuery, Planned},
    etag,
    feed::Subscription,
    history::{Cursor, page},
    look,
    problem::{Answered, Problem},
    shared::Shared,
    wire::{
        detail::MigrationDetail,
        details::Details,
        doctor::Doctor,
        drift::SchemaDrift,
        report::{History, Plan},
        status::{Lock, Status},
    },
};

/// Every migration and its state, and the lock. With `since`, only the migrations that have changed
/// since that answer, if this process still remembers it.
#[utoipa::path(
    get, path = "/status", tag = "read", operation_id = "status", params(StatusQuery),
    responses((status = 200, description = "Every migration and its state, and the lock", body = Status))
)]
pub(super) async fn status(
    State(shared): State<Arc<Shared>>,
    Queried(query): Queried<StatusQuery>,
) -> Answered {
    let report = shared.migrator.status().await.map_err(|error| shared.problem(error))?;
    let Some(mut status) = answer::value(&Status::new(report, shared.texts)) else {
        return Ok(answer::failed());
    };
    let tag = etag::of(&status);
    shared.runs.deltas.apply(&tag, &mut status, query.since.as_deref().map(etag::bare));
    Ok(answer::tagged(&tag, &status))
}

/// All that is known of one migration: its checksums, operations, backfills, events and lints.
#[utoipa::path(
    get, path = "/migrations/{version}", tag = "read", operation_id = "migration",
    params(("version" = String, Path, description = "The migration's version, or the name of a repeatable migration")),
    responses(
        (status = 200, description = "The migration", body = MigrationDetail),
        (status = 404, description = "Neither this build nor the database has it", body = Details, content_type = "application/problem+json"),
    )
)]
pub(super) async fn migration(
    State(shared): State<Arc<Shared>>,
    which: Result<Path<String>, PathRejection>,
) -> Answered {
    let unknown = || {
        Problem::not_found(
            "neither this build nor the database has a migration of this version, nor a repeatable one \
             of this name",
        )
        .next("GET status lists the migrations")
    };
    let Path(which) = which.map_err(|_| unknown())?;
    let report = shared.migrator.detail(&which).await.map_err(|error| shared.problem(error))?;
    Ok(answer::ok(&MigrationDetail::new(report.ok_or_else(unknown)?, shared.texts)))
}

/// What `up` or `down` would do. Nothing is written, and no lock is taken.
#[utoipa::path(
    get, path = "/plan", tag = "read", operation_id = "plan", params(PlanQuery),
    responses((status = 200, description = "What would be done", body = Plan))
)]
pub(super) async fn plan(
    State(shared): State<Arc<Shared>>,
    Queried(query): Queried<PlanQuery>,
) -> Answered {
    query.check()?;
    let migrator = query.policy(shared.migrator.clone());
    let report = match query.plan(&migrator) {
        Planned::Up(up) => up.plan().await,
        Planned::Down(down) => down.plan().await,
    };
    let report = report.map_err(|error| shared.problem(error))?;
    Ok(answer::ok(&Plan::new(report, shared.texts)))
}

/// The last events of every migration and of the lock, newest first, page by page.
#[utoipa::path(
    get, path = "/history", tag = "read", operation_id = "history", params(HistoryQuery),
    responses(
        (status = 200, description = "One page of the history", body = History),
        (status = 422, description = "No event has such a name, or no migration this version, or no event is of this release: the answer names those that there are", body = Details, content_type = "application/problem+json"),
    )
)]
pub(super) async fn history(
    State(shared): State<Arc<Shared>>,
    Queried(query): Queried<HistoryQuery>,
) -> Answered {
    query.check()?;
    let before = ask::before(query.before.as_deref(), Cursor::parse)?;
    let report = query.history(&shared.migrator).await.map_err(|error| shared.problem(error))?;
    let (group, database) = (report.group.clone(), report.database.clone());
    let (events, next) = page(report, before.as_ref(), query.limit());
    let next = next.map(|next| next.to_string());
    Ok(answer::ok(&History::new(group, database, events, next, shared.texts)))
}

/// How the live schema differs from the schema that the migrations of this build lead to. Nothing is
/// written.
#[utoipa::path(
    get, path = "/drift", tag = "read", operation_id = "drift", params(DriftQuery),
    responses((status = 200, description = "The differences, if there are any", body = SchemaDrift))
)]
pub(super) async fn drift(
    State(shared): State<Arc<Shared>>,
    Queried(query): Queried<DriftQuery>,
) -> Answered {
    query.check()?;
    let report = query.drift(&shared.migrator).await.map_err(|error| shared.problem(error))?;
    Ok(answer::ok(&SchemaDrift::from(report)))
}

/// What the server is, what the app's user may do there, and what that means for the migrations. Nothing
/// is written.
#[utoipa::path(
    get, path = "/doctor", tag = "read", operation_id = "doctor",
    responses((status = 200, description = "What was checked, and what was found", body = Doctor))
)]
pub(super) async fn doctor(State(shared): State<Arc<Shared>>) -> Answered {
    let report = shared.migrator.doctor().await.map_err(|error| shared.problem(error))?;
    Ok(answer::ok(&Doctor::from(report)))
}

/// The lock and its holder, by MongoDB's clock.
#[utoipa::path(
    get, path = "/lock/status", tag = "read", operation_id = "lockStatus",
    responses((status = 200, description = "The lock", body = Lock))
)]
pub(super) async fn lock_status(State(shared): State<Arc<Shared>>) -> Answered {
    let report = shared.migrator.lock_status().await.map_err(|error| shared.problem(error))?;
    Ok(answer::ok(&Lock::from(report)))
}

/// Server-sent events of the runs that were requested here, as they happen, and of changes of the state,
/// whoever caused them.
///
/// `state` (first, and after a gap): `{"run": Run or null, "etag": text or null}`, the last run, and the
/// tag of the status as it was seen last. `run`: a run began or ended, or what holds it back has changed:
/// `Run` without its lists (`steps`, `report`, `dry_run_report`, `plan`). `step`:
/// `{"run": id, "step": RunStep}`. `changed`: `{"etag": text}`, the status has another tag now; at most two
/// seconds late. `gap`: `{"missed": n}`, the client missed events that are no longer kept. With
/// `Last-Event-ID`, the stream resumes after that event.
#[utoipa::path(
    get, path = "/events", tag = "read", operation_id = "events",
    params(EventsQuery, ("Last-Event-ID" = Option<String>, Header, description = "The id of the last event that the client has")),
    responses((status = 200, description = "A stream of events", body = String, content_type = "text/event-stream"))
)]
pub(super) async fn events(
    State(shared): State<Arc<Shared>>,
    Queried(query): Queried<EventsQuery>,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let permit = Arc::clone(&shared.streams).try_acquire_owned();
    let permit = permit
        .map_err(|_| Problem::overloaded("overloaded", "too many streams of events are open"))?;
    let last = headers.get("last-event-id").and_then(|id| id.to_str().ok()).map(str::to_owned);
    let runs = Arc::clone(&shared.runs);
    let lists = query.steps.unwrap_or_default() == StepsShown::All;
    let (stopping, ending) = (shared.migrator.cancel_token().clone(), Arc::clone(&shared.runs));
    let subscription = Subscription {
        feed: Arc::clone(&shared.runs.feed),
        last,
        snapshot: Box::new(move || runs.snapshot(lists)),
        // The stream ends only after the outcome of the run in flight.
        closing: Box::pin(async move {
            stopping.cancelled().await;
            ending.idle().await;
        }),
        permit,
    };
    let stream = subscription.stream();
    look::start(&shared);
    let mut response = Sse::new(stream).keep_alive(KeepAlive::default()).into_response();
    // A proxy that buffers answers would hold the events back.
    response.headers_mut().insert("x-accel-buffering", HeaderValue::from_static("no"));
    Ok(response)
}
