//! The audit log: one document per event, each with the hash of the one before. Alone in knowing its
//! shape.
//!
//! The documents are written in the guarded transaction of what they tell, which also writes number and
//! hash of the newest one into the fence. So only the fence's owner adds to the log, each number is used
//! once, and whoever removes documents leaves the fence behind.

pub(crate) mod entry;
pub(crate) mod head;
pub(crate) mod log;
pub(crate) mod noted;
pub(crate) mod read;
pub(crate) mod requests;

use crate::mongo::fields::COUNT_MAX;

/// All events, in the order in which the guide has them.
pub(crate) const EVENTS: [&str; 28] = [
    "applied",
    "reverted",
    "running",
    "turned",
    "skipped",
    "stands",
    "failed",
    "cancelled",
    "baseline",
    "imported",
    "resolved",
    "repaired",
    "renamed",
    DIGEST_REBUILT,
    "tagged",
    "tag_moved",
    "untagged",
    "paused",
    "resumed",
    "tuned",
    "cancel_asked",
    "force_unlocked",
    REQUESTS_LOST,
    PURGED,
    BEGAN,
    ENDED,
    REATTACHED,
    PRUNED,
];

/// The collection of the log that belongs to a control collection.
pub(crate) fn collection(control: &str) -> String {
    format!("{control}.audit_log")
}

/// The largest number that a log goes on after which the fence does not know: there are as many after it.
pub(crate) const ATTACHED_MAX: i64 = COUNT_MAX / 2;

/// The log begins, or goes on after it was switched off.
pub(crate) const BEGAN: &str = "audit_began";

/// The log is switched off.
pub(crate) const ENDED: &str = "audit_ended";

/// The log goes on after documents that the fence did not know.
pub(crate) const REATTACHED: &str = "audit_reattached";

/// The oldest documents are removed, up to the one that this event names.
pub(crate) const PRUNED: &str = "audit_pruned";

/// Requests of operators were pushed out of the lock before they were written into the log.
pub(crate) const REQUESTS_LOST: &str = "requests_lost";

/// The digest in the fence was rebuilt from the records.
pub(crate) const DIGEST_REBUILT: &str = "digest_rebuilt";

/// Kept collections are removed.
pub(crate) const PURGED: &str = "purged";
