//! What changes something: each is asked of the library once, in the name of a token.

use std::{sync::Arc, time::Duration};

use axum::{
    extract::{Extension, OriginalUri, State},
    http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header},
};
use chrono::Utc;
use mongrate_seal::create::NewMigration;
use tokio::time::timeout;

use super::{
    answer,
    ask::{
        Asked, CreateRequest, ReleaseRequest, Trial, UpRequest, WAIT_S_MAX, bounded, wait_preferred,
    },
    auth::Identity,
    back::DownRequest,
    changed::{changed, on_behalf},
    problem::{Answered, Problem},
    runs::{Ongoing, Order, Outcome},
    shared::Shared,
    told,
    wire::{
        created::Created,
        details::Details,
        report::Unlocked,
        run::{DryRunHow, Run, Verb},
    },
};
use crate::{
    Error, Migrator, Wait,
    migrator::mode::{Mode, ModeReport},
    telemetry::progress::Progress,
};

/// How long a refusal waits to learn for how long the lease of the run in flight still runs.
const LOCK_READ_MAX: Duration = Duration::from_secs(2);

/// How long an answer waits to learn whether the run is refused.
const ACCEPTED_MAX: Duration = Duration::from_secs(15);

/// Applies what is pending: starts a run, which belongs to nobody's connection.
#[utoipa::path(
    post, path = "/up", tag = "change", operation_id = "up", request_body = UpRequest,
    params(("Prefer" = Option<String>, Header, description = "`wait=N`: wait up to N seconds (at most 60) for the end of the run")),
    responses(
        (status = 202, description = "The run is under way", body = Run, headers(("Location" = String, description = "Where the run is"))),
        (status = 200, description = "With `Prefer: wait`: the run has ended; its report says how", body = Run, headers(("Content-Location" = String, description = "Where the run is"))),
        (status = 409, description = "Another run is in flight, or a person has to decide; nothing was run", body = Details, content_type = "application/problem+json"),
    )
)]
pub(super) async fn up(
    State(shared): State<Arc<Shared>>,
    Extension(who): Extension<Identity>,
    OriginalUri(uri): OriginalUri,
    headers: HeaderMap,
    Asked(asked): Asked<UpRequest>,
) -> Answered {
    asked.check()?;
    let how = asked.dry_run;
    start(&shared, Verb::Up, how, who, uri.path(), &headers, move |migrator| async move {
        let migrator = asked.policy(migrator);
        asked.up(&migrator).in_mode(mode(asked.trial())).await.map(outcome)
    })
    .await
}

/// Rolls back what was applied last: starts a run, which belongs to nobody's connection.
#[utoipa::path(
    post, path = "/down", tag = "change", operation_id = "down", request_body = DownRequest,
    params(("Prefer" = Option<String>, Header, description = "`wait=N`: wait up to N seconds (at most 60) for the end of the run")),
    responses(
        (status = 202, description = "The run is under way", body = Run, headers(("Location" = String, description = "Where the run is"))),
        (status = 200, description = "With `Prefer: wait`: the run has ended; its report says how", body = Run, headers(("Content-Location" = String, description = "Where the run is"))),
        (status = 409, description = "Another run is in flight, or a person has to decide; nothing was run", body = Details, content_type = "application/problem+json"),
    )
)]
pub(super) async fn down(
    State(shared): State<Arc<Shared>>,
    Extension(who): Extension<Identity>,
    OriginalUri(uri): OriginalUri,
    headers: HeaderMap,
    Asked(asked): Asked<DownRequest>,
) -> Answered {
    asked.check()?;
    let how = asked.dry_run;
    start(&shared, Verb::Down, how, who, uri.path(), &headers, move |migrator| async move {
        asked.down(&migrator).in_mode(mode(asked.trial())).await.map(outcome)
    })
    .await
}

fn mode(trial: Trial) -> Mode {
    let timeout = trial.timeout_ms.map(|ms| Duration::from_millis(u64::from(ms)));
    match trial.how {
        None => Mode::Run,
        Some(DryRunHow::Plan) => Mode::Plan,
        Some(DryRunHow::Run) => Mode::DryRun { timeout },
        Some(DryRunHow::Shadow) => Mode::Shadow { sample: trial.sample },
    }
}

fn outcome(report: ModeReport) -> Outcome {
    match report {
        ModeReport::Run(report) => Outcome::Run(report),
        ModeReport::Plan(report) => Outcome::Plan(report),
        ModeReport::DryRun(report) => Outcome::DryRun(report),
    }
}

/// Starts a run and answers as soon as it is not refused; or, if the client likes to wait for
/// it, when it has ended.
pub(super) async fn start<W, F>(
    shared: &Shared,
    verb: Verb,
    dry_run: Option<DryRunHow>,
    who: Identity,
    path: &str,
    headers: &HeaderMap,
    work: W,
) -> Answered
where
    W: FnOnce(Migrator) -> F + Send + 'static,
    F: Future<Output = Result<Outcome, Error>> + Send + 'static,
{
    let process = on_behalf(shared, &who).who();
    let order = Order { verb, dry_run, by: who.name.clone(), process, texts: shared.texts };
    // Who comes second is told so, instead of waiting.
    let migrator = on_behalf(shared, &who).wait(Wait::No);
    let started =
        shared.runs.start(order, move |progress: Progress| work(migrator.progress(progress)));
    let base = path.rsplit_once('/').map_or("", |(base, _)| base);
    let run = match started {
        Ok(run) => run,
        Err(in_flight) => {
            let fence = in_flight.fence();
            // The refusal does not wait for a server that does not answer.
            let lock = timeout(LOCK_READ_MAX, told::lock(shared)).await;
            let lock = lock.ok().and_then(Result::ok).filter(|lock| Some(lock.fence) == fence);
            let left = lock.map(|lock| lock.remaining_ms);
            let location = format!("{base}/runs/{}", in_flight.id());
            return Err(Problem::in_flight(in_flight.process(), fence, left, location));
        }
    };
    tracing::info!(
        target: "mongrate::audit", token = who.name, action = verb.as_str(),
        dry_run = dry_run.is_some(), run = run.id(), "a run was asked for"
    );
    let _ = timeout(ACCEPTED_MAX, run.accepted()).await;
    let wait = wait_preferred(headers, WAIT_S_MAX);
    if let Some(seconds) = wait
        && run.refusal().is_none()
        && let Ok(_place) = shared.waits.try_acquire()
    {
        let _ = timeout(Duration::from_secs(seconds), run.over()).await;
    }
    answered(&run, base, wait)
}

fn answered(run: &Arc<Ongoing>, base: &str, wait: Option<u64>) -> Answered {
    run.admitted()?;
    let location = HeaderValue::from_str(&format!("{base}/runs/{}", run.id()));
    let (status, name) = match wait {
        Some(_) if run.is_over() => (StatusCode::OK, header::CONTENT_LOCATION),
        _ => (StatusCode::ACCEPTED, header::LOCATION),
    };
    let mut response = answer::json(status, answer::JSON, &run.shown());
    if let Ok(location) = location {
        response.headers_mut().insert(name, location);
    }
    if let Some(seconds) = wait
        && let Ok(applied) = HeaderValue::from_str(&format!("wait={seconds}"))
    {
        response.headers_mut().insert(HeaderName::from_static("preference-applied"), applied);
    }
    Ok(response)
}

/// Takes the lock from a holder that is known to be dead, and leaves an event.
#[utoipa::path(
    post, path = "/lock/release", tag = "change", operation_id = "lockRelease",
    request_body = ReleaseRequest,
    responses(
        (status = 200, description = "The lock is free", body = Unlocked),
        (status = 409, description = "The lock is not at this fence; the lock was not changed", body = Details, content_type = "application/problem+json"),
    )
)]
pub(super) async fn lock_release(
    State(shared): State<Arc<Shared>>,
    Extension(who): Extension<Identity>,
    Asked(asked): Asked<ReleaseRequest>,
) -> Answered {
    bounded("fence", Some(asked.fence), 0, i64::MAX)?;
    let migrator = on_behalf(&shared, &who);
    let released = migrator.force_unlock(asked.fence).await;
    changed::<Unlocked, _>(&shared, &who, "lock/release", Some(asked.fence), released)
}

/// Writes the next numbered migration file: only where this server was started for development.
#[utoipa::path(
    post, path = "/", tag = "change", operation_id = "create", request_body = CreateRequest,
    responses(
        (status = 201, description = "The file was written", body = Created),
        (status = 409, description = "There is one with this name, or the directory is missing", body = Details, content_type = "application/problem+json"),
    )
)]
pub(super) async fn create(
    State(shared): State<Arc<Shared>>,
    Extension(who): Extension<Identity>,
    Asked(asked): Asked<CreateRequest>,
) -> Answered {
    let Some(dir) = shared.create_in.clone() else {
        return Err(Problem::forbidden(
            "create_disabled",
            "this server was not started for development with a directory to write into; nothing \
             was written",
        )
        .next("write the migration where the app's sources are, and deploy it"));
    };
    bounded("name's length", i64::try_from(asked.name.chars().count()).ok(), 1, 200)?;
    let CreateRequest { name, kind, reversible } = asked;
    let written = tokio::task::spawn_blocking(move || {
        NewMigration::named(&name)?
            .template(kind.into())
            .reversible(reversible)
            .write(&dir, Utc::now().naive_utc())
    })
    .await
    .map_err(|_| Problem::internal())?;
    tracing::info!(
        target: "mongrate::audit", token = who.name, action = "create",
        outcome = if written.is_ok() { "done" } else { "failed" }, "a migration file"
    );
    Ok(answer::json(StatusCode::CREATED, answer::JSON, &Created::from(written?)))
}
