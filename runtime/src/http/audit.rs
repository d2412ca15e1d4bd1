//! The audit log: pages of it, whether it is whole, its beginning and end, and the removal of its oldest
//! entries. It is exported by the app or its command line.

use std::{future::IntoFuture as _, sync::Arc};

use axum::extract::{Extension, State};
use chrono::{DateTime, Utc};
use serde::Deserialize;
use utoipa::{IntoParams, ToSchema};

use super::{
    answer,
    ask::{Asked, Queried, bounded},
    auth::Identity,
    changed::{changed, on_behalf},
    problem::{Answered, Problem},
    shared::Shared,
    wire::{
        audit::{AuditChange, AuditPage, AuditPruned, AuditVerification},
        details::Details,
    },
};
use crate::{AuditHead, InvalidSetting, Version, Wait};

const LIMIT: u16 = 100;

const LIMIT_MAX: i64 = 500;

/// The longest name that is looked for, in bytes.
const BY_BYTES_MAX: usize = 256;

/// The page of the audit log to show.
#[derive(Clone, Debug, Default, Deserialize, IntoParams)]
#[serde(default, deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(in crate::http) struct AuditQuery {
    /// The largest number of entries; 100 if it is left out.
    #[param(minimum = 1, maximum = 500)]
    limit: Option<u16>,
    /// The `next` of the previous page.
    #[param(minimum = 1)]
    before: Option<i64>,
    /// Only entries of this migration.
    #[param(minimum = 1)]
    version: Option<i64>,
    /// Only entries of this event, such as `applied`.
    #[param(pattern = "^[a-z_]{1,32}$")]
    event: Option<String>,
    /// Only entries of this user, host or app.
    #[param(min_length = 1, max_length = 256)]
    by: Option<String>,
    /// Only entries from this time on.
    since: Option<DateTime<Utc>>,
    /// Only entries before this time.
    until: Option<DateTime<Utc>>,
}

impl AuditQuery {
    fn check(&self) -> Result<(), Problem> {
        bounded("limit", self.limit, 1, LIMIT_MAX)?;
        bounded("before", self.before, 1, i64::MAX)?;
        bounded("version", self.version, 1, i64::MAX)?;
        if self.by.as_ref().is_some_and(|by| !(1..=BY_BYTES_MAX).contains(&by.len())) {
            return Err(Problem::usage(format!("`by` must be 1 to {BY_BYTES_MAX} bytes")));
        }
        Ok(())
    }
}

/// What the audit log is compared with.
#[derive(Clone, Debug, Default, Deserialize, IntoParams)]
#[serde(default, deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(in crate::http) struct VerifyQuery {
    /// Number and hash of an entry, as an earlier answer gave them: the entry must still be there.
    #[param(pattern = "^[1-9][0-9]{0,18}:[0-9a-f]{64}$")]
    head: Option<String>,
}

/// Who did what, newest entry first, page by page.
#[utoipa::path(
    get, path = "/audit", tag = "read", operation_id = "audit", params(AuditQuery),
    responses(
        (status = 200, description = "One page of the audit log", body = AuditPage),
        (status = 422, description = "No event has such a name, or no migration this version", body = Details, content_type = "application/problem+json"),
    )
)]
pub(super) async fn audit(
    State(shared): State<Arc<Shared>>,
    Queried(query): Queried<AuditQuery>,
) -> Answered {
    query.check()?;
    let AuditQuery { limit, before, version, event, by, since, until } = query;
    let mut audit = shared.migrator.audit().limit(limit.unwrap_or(LIMIT).into());
    if let Some(before) = before {
        audit = audit.before(before);
    }
    if let Some(version) = version {
        audit = audit.version(Version::new(version));
    }
    if let Some(event) = event {
        audit = audit.event(event);
    }
    if let Some(by) = by {
        audit = audit.by(by);
    }
    if let Some(since) = since {
        audit = audit.since(since);
    }
    if let Some(until) = until {
        audit = audit.until(until);
    }
    let page = audit.into_future().await.map_err(|error| shared.problem(error))?;
    Ok(answer::ok(&AuditPage::new(page, shared.texts)))
}

/// Whether the audit log is what Mongrate wrote, from its first entry to its newest; a log that is broken
/// is an answer, too. Reads the whole log.
#[utoipa::path(
    get, path = "/audit/verify", tag = "read", operation_id = "verifyAudit", params(VerifyQuery),
    responses((status = 200, description = "Where the log is broken, if it is", body = AuditVerification))
)]
pub(super) async fn verify(
    State(shared): State<Arc<Shared>>,
    Queried(query): Queried<VerifyQuery>,
) -> Answered {
    let mut verify = shared.migrator.verify_audit();
    if let Some(head) = &query.head {
        let head: Result<AuditHead, InvalidSetting> = head.parse();
        let wrong = |_| Problem::usage("`head` is not a number, a colon and 64 hexadecimal digits");
        verify = verify.head(head.map_err(wrong)?);
    }
    let found = verify.into_future().await.map_err(|error| shared.problem(error))?;
    Ok(answer::ok(&AuditVerification::from(found)))
}

/// What switches the audit log on or off: `{}`.
#[derive(Clone, Copy, Debug, Default, Deserialize, ToSchema)]
#[serde(default, deny_unknown_fields)]
pub(in crate::http) struct SwitchRequest {}

/// Which entries are removed.
#[derive(Clone, Copy, Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::http) struct PruneRequest {
    /// The entries that are older than this.
    before: DateTime<Utc>,
    /// Only count them.
    #[serde(default)]
    dry_run: bool,
}

/// Begins the audit log now, and not with the next migration; or attaches it again to entries that the
/// fence does not know, as after a restored backup.
#[utoipa::path(
    post, path = "/audit/enable", tag = "change", operation_id = "enableAudit", request_body = SwitchRequest,
    responses(
        (status = 200, description = "The log is on", body = AuditChange),
        (status = 409, description = "Another process has the lock, or the collection of the log holds something else; nothing was written", body = Details, content_type = "application/problem+json"),
    )
)]
pub(super) async fn enable(
    State(shared): State<Arc<Shared>>,
    Extension(who): Extension<Identity>,
    Asked(SwitchRequest {}): Asked<SwitchRequest>,
) -> Answered {
    // Who comes while a run is under way is told so, instead of waiting.
    let migrator = on_behalf(&shared, &who).wait(Wait::No);
    let ended = migrator.enable_audit().await;
    changed::<AuditChange, _>(&shared, &who, "audit/enable", None, ended)
}

/// Ends the audit log, with an entry that says so. Its entries stay.
#[utoipa::path(
    post, path = "/audit/disable", tag = "change", operation_id = "disableAudit", request_body = SwitchRequest,
    responses(
        (status = 200, description = "The log is off", body = AuditChange),
        (status = 409, description = "Another process has the lock; nothing was written", body = Details, content_type = "application/problem+json"),
    )
)]
pub(super) async fn disable(
    State(shared): State<Arc<Shared>>,
    Extension(who): Extension<Identity>,
    Asked(SwitchRequest {}): Asked<SwitchRequest>,
) -> Answered {
    let migrator = on_behalf(&shared, &who).wait(Wait::No);
    let ended = migrator.disable_audit().await;
    changed::<AuditChange, _>(&shared, &who, "audit/disable", None, ended)
}

/// Removes the oldest entries of the audit log for good; an entry says up to which.
#[utoipa::path(
    post, path = "/audit/prune", tag = "change", operation_id = "pruneAudit", request_body = PruneRequest,
    responses(
        (status = 200, description = "What was removed, or with `dry_run` would be", body = AuditPruned),
        (status = 409, description = "Another process has the lock, or the log is off; nothing was removed", body = Details, content_type = "application/problem+json"),
    )
)]
pub(super) async fn prune(
    State(shared): State<Arc<Shared>>,
    Extension(who): Extension<Identity>,
    Asked(asked): Asked<PruneRequest>,
) -> Answered {
    let migrator = on_behalf(&shared, &who).wait(Wait::No);
    let prune = migrator.prune_audit(asked.before);
    if asked.dry_run {
        let preview = prune.preview().await.map_err(|error| shared.problem(error))?;
        return Ok(answer::ok(&AuditPruned::from(preview)));
    }
    let ended = prune.await;
    changed::<AuditPruned, _>(&shared, &who, "audit/prune", None, ended)
}
