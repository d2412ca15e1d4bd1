//! The bodies and queries of requests, typed and bounded. None of their texts reaches a filter or
//! a path.

use axum::{
    body::{Body, to_bytes},
    extract::{FromRequest, FromRequestParts, Query},
    http::{HeaderMap, HeaderValue, Request, StatusCode, header, request::Parts},
};
use mongrate_seal::create::Template;
use serde::{
    Deserialize,
    de::{DeserializeOwned, IgnoredAny},
};
use utoipa::{IntoParams, ToSchema};

use super::{
    problem::Problem,
    wire::{run::DryRunHow, steering::Tuning},
};
use crate::{DatabaseAhead, Kind, Migrator, OutOfOrder, Version};

/// The largest body, in bytes.
pub(super) const BODY_BYTES_MAX: usize = 16 * 1024;

/// How long a client may wait for the end of a run, in seconds.
pub(super) const WAIT_S_MAX: u64 = 60;

pub(super) const STEPS_MAX: u32 = 1_000_000;

const SAMPLE_MAX: u32 = 1_000_000;

const TIMEOUT_MS_MAX: u32 = 3_600_000;

/// The most documents of a collection that a request has sampled.
const DRIFT_SAMPLE_MAX: i64 = 10_000;

const LIMIT_MAX: u16 = 500;

const LIMIT: u16 = 100;

const RUNS_LIMIT: u16 = 50;

/// A JSON body of this shape, and nothing else.
pub(super) struct Asked<T>(pub(super) T);

impl<T: DeserializeOwned, S: Sync> FromRequest<S> for Asked<T> {
    type Rejection = Problem;

    async fn from_request(request: Request<Body>, _: &S) -> Result<Self, Problem> {
        refuse_other_than_json(request.headers())?;
        let too_large = || {
            Problem::new(
                StatusCode::PAYLOAD_TOO_LARGE,
                Kind::Usage,
                "too_large",
                format!("the body is too large; at most {BODY_BYTES_MAX} bytes are allowed"),
            )
        };
        // If the length is declared, a body that is too large need not be read.
        let length = request.headers().get(header::CONTENT_LENGTH);
        let length = length.and_then(|length| length.to_str().ok()?.parse::<u64>().ok());
        if length.is_some_and(|length| length > BODY_BYTES_MAX as u64) {
            return Err(too_large());
        }
        let read = to_bytes(request.into_body(), BODY_BYTES_MAX).await;
        let bytes = read.map_err(|error| {
            let is_limit = std::error::Error::source(&error)
                .is_some_and(|source| source.to_string().contains("limit"));
            match is_limit {
                true => too_large(),
                false => Problem::bad_request("not_json", "the body is incomplete"),
            }
        })?;
        // serde would read the fields from an array, by their order.
        if bytes.trim_ascii_start().first() == Some(&b'[') {
            return Err(Problem::usage(
                "the body is an array instead of an object; nothing was done",
            ));
        }
        let parsed: Result<T, _> = serde_json::from_slice(&bytes);
        parsed.map(Self).map_err(|error| match error.classify() {
            serde_json::error::Category::Data => {
                Problem::usage(format!("{error}; nothing was done"))
            }
            // The parser reports a syntax error, too, if an object stands in place of a word.
            _ if serde_json::from_slice::<IgnoredAny>(&bytes).is_ok() => {
                Problem::usage(format!("{error}; nothing was done"))
            }
            _ => Problem::bad_request(
                "not_json",
                format!("the body is not JSON ({error}); `{{}}` asks for the defaults"),
            ),
        })
    }
}

/// Refuses a body that is not declared as JSON: a form or a script of another site can send other
/// types without asking this server first.
pub(super) fn refuse_other_than_json(headers: &HeaderMap) -> Result<(), Problem> {
    let refuse = || {
        Problem::new(
            StatusCode::UNSUPPORTED_MEDIA_TYPE,
            Kind::Usage,
            "unsupported_media_type",
            "send JSON, with `Content-Type: application/json`; nothing was done",
        )
    };
    let mut kinds = headers.get_all(header::CONTENT_TYPE).iter();
    let (Some(kind), None) = (kinds.next(), kinds.next()) else { return Err(refuse()) };
    let kind = kind.to_str().map_err(|_| refuse())?.to_ascii_lowercase();
    let (essence, parameters) = kind.split_once(';').unwrap_or((&kind, ""));
    let charset = parameters.trim().trim_end_matches(';').replace('"', "");
    if essence.trim() != "application/json" || !matches!(charset.as_str(), "" | "charset=utf-8") {
        return Err(refuse());
    }
    match headers.get(header::CONTENT_ENCODING).map(HeaderValue::as_bytes) {
        None | Some(b"identity") => Ok(()),
        Some(_) => Err(refuse()),
    }
}

/// A query of this shape, and nothing else.
pub(super) struct Queried<T>(pub(super) T);

impl<T: DeserializeOwned, S: Sync> FromRequestParts<S> for Queried<T> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Problem> {
        let query: Result<Query<T>, _> = Query::try_from_uri(&parts.uri);
        let query = query.map_err(|rejection| {
            let why = std::error::Error::source(&rejection);
            let why = why.map_or_else(|| rejection.to_string(), ToString::to_string);
            Problem::usage(format!("in the query: {why}"))
        })?;
        Ok(Self(query.0))
    }
}

/// Checks bounds that the type does not express.
pub(super) fn bounded(
    what: &str,
    value: Option<impl Into<i64>>,
    from: i64,
    to: i64,
) -> Result<(), Problem> {
    match value.map(Into::into) {
        Some(value) if value < from || value > to => Err(Problem::usage(match to {
            i64::MAX => format!("`{what}` is {value}; it must be at least {from}"),
            _ => format!("`{what}` is {value}; it must be from {from} to {to}"),
        })),
        _ => Ok(()),
    }
}

/// The place in a list from which on a page is asked for.
pub(super) fn before<C>(
    text: Option<&str>,
    parse: impl FnOnce(&str) -> Option<C>,
) -> Result<Option<C>, Problem> {
    let refuse = || Problem::usage("`before` is not the `next` of a page");
    text.map(|text| parse(text).ok_or_else(refuse)).transpose()
}

/// Checks the length of a name.
pub(super) fn name(what: &str, name: Option<&str>) -> Result<(), Problem> {
    bounded(
        &format!("{what}'s length"),
        name.and_then(|name| i64::try_from(name.chars().count()).ok()),
        1,
        200,
    )
}

fn conflict(one: &str, other: &str) -> Problem {
    Problem::usage(format!("`{one}` and `{other}` exclude each other: choose one"))
}

/// Whether a run is a dry run, and its settings.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Trial {
    pub(super) how: Option<DryRunHow>,
    pub(super) sample: Option<u32>,
    pub(super) timeout_ms: Option<u32>,
}

impl Trial {
    pub(super) fn check(self) -> Result<(), Problem> {
        bounded("sample", self.sample, 0, i64::from(SAMPLE_MAX))?;
        bounded("timeout_ms", self.timeout_ms, 1, i64::from(TIMEOUT_MS_MAX))?;
        if self.sample.is_some() && self.how != Some(DryRunHow::Shadow) {
            return Err(Problem::usage("`sample` needs `\"dry_run\": \"shadow\"`"));
        }
        if self.timeout_ms.is_some() && self.how != Some(DryRunHow::Run) {
            return Err(Problem::usage(
                "`timeout_ms` needs `\"dry_run\": \"run\"`, because it bounds that transaction",
            ));
        }
        Ok(())
    }
}

/// What `up` applies. `{}`: all pending migrations.
#[derive(Clone, Debug, Default, Deserialize, ToSchema)]
#[serde(default, deny_unknown_fields)]
pub(in crate::http) struct UpRequest {
    /// Apply only up to and including this version.
    #[schema(minimum = 1)]
    pub(super) to: Option<i64>,
    /// Apply only this number of migrations.
    #[schema(minimum = 1, maximum = 1_000_000)]
    pub(super) steps: Option<u32>,
    /// Continue with the next migration after a failure.
    pub(super) continue_on_error: bool,
    /// Apply all migrations in one transaction: all, or none.
    pub(super) atomic: bool,
    /// Leave nothing in the database: `run` runs the migrations in a transaction that is aborted,
    /// `plan` only shows the plan, `shadow` runs them in a scratch database.
    pub(super) dry_run: Option<DryRunHow>,
    /// How many documents of each collection a shadow run copies.
    #[schema(minimum = 0, maximum = 1_000_000)]
    pub(super) sample: Option<u32>,
    /// How long the transaction of a dry run may last, in milliseconds.
    #[schema(minimum = 1, maximum = 3_600_000)]
    pub(super) timeout_ms: Option<u32>,
    /// Apply pending migrations that are older than the newest applied one.
    pub(super) allow_out_of_order: bool,
    /// Run without a warning if the database has applied migrations that this build does not have.
    pub(super) allow_ahead: bool,
}

impl UpRequest {
    pub(super) fn trial(&self) -> Trial {
        Trial { how: self.dry_run, sample: self.sample, timeout_ms: self.timeout_ms }
    }

    pub(super) fn check(&self) -> Result<(), Problem> {
        bounded("to", self.to, 1, i64::MAX)?;
        bounded("steps", self.steps, 1, i64::from(STEPS_MAX))?;
        if self.to.is_some() && self.steps.is_some() {
            return Err(conflict("to", "steps"));
        }
        if self.atomic && self.continue_on_error {
            return Err(conflict("atomic", "continue_on_error"));
        }
        self.trial().check()
    }

    pub(super) fn policy(&self, migrator: Migrator) -> Migrator {
        policy(migrator, self.allow_out_of_order, self.allow_ahead)
    }

    pub(super) fn up<'a>(&self, migrator: &'a Migrator) -> crate::Up<'a> {
        up(migrator, self.to, self.steps)
            .continue_on_error(self.continue_on_error)
            .atomic(self.atomic)
            .lint(self.dry_run.is_some())
    }
}

pub(super) fn policy(
    mut migrator: Migrator,
    allow_out_of_order: bool,
    allow_ahead: bool,
) -> Migrator {
    if allow_out_of_order {
        migrator = migrator.out_of_order(OutOfOrder::Allow);
    }
    if allow_ahead {
        migrator = migrator.database_ahead(DatabaseAhead::Allow);
    }
    migrator
}

pub(super) fn up(migrator: &Migrator, to: Option<i64>, steps: Option<u32>) -> crate::Up<'_> {
    match (to, steps.and_then(|steps| usize::try_from(steps).ok())) {
        (Some(version), _) => migrator.up().to(Version::new(version)),
        (None, Some(steps)) => migrator.up().steps(steps),
        (None, None) => migrator.up(),
    }
}

/// The page of the history to show.
#[derive(Clone, Debug, Default, Deserialize, IntoParams)]
#[serde(default, deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(in crate::http) struct HistoryQuery {
    /// The largest number of events; 100 if it is left out.
    #[param(minimum = 1, maximum = 500)]
    pub(super) limit: Option<u16>,
    /// The `next` of the previous page.
    #[param(pattern = r"^-?[0-9]{1,19}\.-?[0-9]{1,19}\.[0-9]{1,19}\.[a-z_]{1,32}$")]
    pub(super) before: Option<String>,
    /// Only events of this migration.
    #[param(minimum = 1)]
    pub(super) version: Option<i64>,
    /// Only events of this kind, such as `failed`.
    #[param(pattern = "^[a-z_]{1,32}$")]
    pub(super) event: Option<String>,
    /// Only what this release did, such as `shop 1.3.9`.
    #[param(min_length = 1, max_length = 200)]
    pub(super) release: Option<String>,
}

impl HistoryQuery {
    pub(super) fn check(&self) -> Result<(), Problem> {
        bounded("limit", self.limit, 1, i64::from(LIMIT_MAX))?;
        bounded("version", self.version, 1, i64::MAX)?;
        name("release", self.release.as_deref())
    }

    pub(super) fn history<'a>(&self, migrator: &'a Migrator) -> crate::History<'a> {
        let mut history = migrator.history();
        if let Some(version) = self.version {
            history = history.version(Version::new(version));
        }
        if let Some(event) = &self.event {
            history = history.event(event);
        }
        if let Some(release) = &self.release {
            history = history.release(release);
        }
        history
    }

    pub(super) fn limit(&self) -> usize {
        usize::from(self.limit.unwrap_or(LIMIT))
    }
}

/// Which runs are listed.
#[derive(Clone, Debug, Default, Deserialize, IntoParams)]
#[serde(default, deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(in crate::http) struct RunsQuery {
    /// The largest number of runs; 50 if it is left out.
    #[param(minimum = 1, maximum = 500)]
    pub(super) limit: Option<u16>,
    /// The `next` of the previous page.
    #[param(pattern = r"^-?[0-9]{1,19}\.[A-Za-z0-9._-]{1,253}-[0-9]{1,10}-[0-9a-f]{1,32}$")]
    pub(super) before: Option<String>,
}

impl RunsQuery {
    pub(super) fn check(&self) -> Result<(), Problem> {
        bounded("limit", self.limit, 1, i64::from(LIMIT_MAX))
    }

    pub(super) fn limit(&self) -> usize {
        usize::from(self.limit.unwrap_or(RUNS_LIMIT))
    }
}

/// Whether the first event of a stream lists the migrations of the run.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub(in crate::http) enum StepsShown {
    /// All of them.
    #[default]
    All,
    /// None of them, and no reports: `GET runs/{id}` has them.
    None,
}

/// What a stream of events holds.
#[derive(Clone, Debug, Default, Deserialize, IntoParams)]
#[serde(default, deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(in crate::http) struct EventsQuery {
    /// `none`: the `state` at the beginning has no lists.
    #[param(inline)]
    pub(super) steps: Option<StepsShown>,
}

/// Which migrations the status lists.
#[derive(Clone, Debug, Default, Deserialize, IntoParams)]
#[serde(default, deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(in crate::http) struct StatusQuery {
    /// The `ETag` of an earlier answer, without its quotes: only what has changed since.
    pub(super) since: Option<String>,
}

/// Whether documents are sampled for the differences.
#[derive(Clone, Copy, Debug, Default, Deserialize, IntoParams)]
#[serde(default, deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(in crate::http) struct DriftQuery {
    /// Also count, in this number of random documents of each collection with models, those that do
    /// not have the shape of a model.
    #[param(minimum = 1, maximum = 10_000)]
    pub(super) sample: Option<u32>,
}

impl DriftQuery {
    pub(super) fn check(self) -> Result<(), Problem> {
        bounded("sample", self.sample, 1, DRIFT_SAMPLE_MAX)
    }

    pub(super) fn drift(self, migrator: &Migrator) -> crate::SchemaDriftCheck<'_> {
        match self.sample {
            None => migrator.drift(),
            Some(documents) => migrator.drift().sample(documents),
        }
    }
}

/// The lock to release.
#[derive(Clone, Copy, Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::http) struct ReleaseRequest {
    /// The fence number that `lock/status` showed. If the lock has another one, nothing is done.
    #[schema(minimum = 0)]
    pub(super) fence: i64,
}

/// What `pause`, `resume` and `cancel` say. `{}`: whichever run is under way, without a reason.
#[derive(Clone, Debug, Default, Deserialize, ToSchema)]
#[serde(default, deny_unknown_fields)]
pub(in crate::http) struct SteerRequest {
    /// Why, for those who read the status and the history: at most 500 bytes.
    #[schema(max_length = 500)]
    pub(super) why: Option<String>,
    /// Only if the run under way has this fence number.
    pub(super) fence: Option<i64>,
}

/// What `tune` changes.
#[derive(Clone, Debug, Default, Deserialize, ToSchema)]
#[serde(default, deny_unknown_fields)]
pub(in crate::http) struct TuneRequest {
    /// The settings; at least one, unless `reset` is set.
    pub(super) settings: Tuning,
    /// Forget what was changed before.
    pub(super) reset: bool,
    /// Why, for those who read the status and the history: at most 500 bytes.
    #[schema(max_length = 500)]
    pub(super) why: Option<String>,
    /// Only if the run under way has this fence number.
    pub(super) fence: Option<i64>,
}

/// The kind of a new migration.
#[derive(Clone, Copy, Debug, Default, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub(in crate::http) enum NewKind {
    /// Atomic: its writes and its record commit together, or not at all.
    #[default]
    Transaction,
    /// Indexes, DDL and large changes: resumable, not atomic as a whole.
    Online,
    /// Declared operations that are undone in reverse order.
    Change,
}

impl From<NewKind> for Template {
    fn from(kind: NewKind) -> Self {
        match kind {
            NewKind::Transaction => Self::Transaction,
            NewKind::Online => Self::Online,
            NewKind::Change => Self::Change,
        }
    }
}

/// The migration file to create.
#[derive(Clone, Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::http) struct CreateRequest {
    /// What the migration does, such as `add user index`.
    #[schema(min_length = 1, max_length = 200)]
    pub(super) name: String,
    /// The kind of migration.
    #[serde(default)]
    pub(super) kind: NewKind,
    /// Whether the template has a rollback.
    #[serde(default)]
    pub(super) reversible: bool,
}

/// How long the client asks to wait, in seconds, by `Prefer: wait=N`. Unknown preferences are
/// ignored, as RFC 7240 requires.
pub(super) fn wait_preferred(headers: &HeaderMap, most: u64) -> Option<u64> {
    headers
        .get_all("prefer")
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split([',', ';']))
        .find_map(|part| {
            let (name, value) = part.split_once('=')?;
            if !name.trim().eq_ignore_ascii_case("wait") {
                return None;
            }
            value.trim().trim_matches('"').parse::<u64>().ok()
        })
        .map(|seconds| seconds.min(most))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_preference_is_read_as_the_standard_says() {
        let wait = |value: &str| {
            let mut headers = HeaderMap::new();
            headers.insert("prefer", HeaderValue::from_str(value).unwrap());
            wait_preferred(&headers, 60)
        };
        assert_eq!(wait("wait=10"), Some(10));
        assert_eq!(wait("respond-async, Wait = 5"), Some(5));
        assert_eq!(wait("wait=99999"), Some(60));
        for none in ["wait", "wait=-1", "wait=x", "respond-async", ""] {
            assert_eq!(wait(none), None, "{none}");
        }
    }

    #[test]
    fn what_does_not_go_together_is_refused() {
        let up = |text: &str| serde_json::from_str::<UpRequest>(text).map(|up| up.check().is_ok());
        assert!(up("{}").unwrap());
        assert!(up(r#"{"to": 1}"#).unwrap());
        for wrong in [
            r#"{"to": 0}"#,
            r#"{"to": 1, "steps": 1}"#,
            r#"{"steps": 0}"#,
            r#"{"atomic": true, "continue_on_error": true}"#,
            r#"{"sample": 5}"#,
            r#"{"dry_run": "shadow", "timeout_ms": 5}"#,
        ] {
            assert!(!up(wrong).unwrap(), "{wrong}");
        }
        for wrong in
            [r#"{"unknown": 1}"#, r#"{"to": "1"}"#, r#"{"to": {"$gt": 0}}"#, r#"{"to":1,"to":2}"#]
        {
            assert!(up(wrong).is_err(), "{wrong}");
        }
    }
}
