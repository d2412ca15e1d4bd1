//! Durations in milliseconds, as records and reports have them.

use tokio::time::Instant;

pub(crate) fn milliseconds(since: Instant) -> u64 {
    u64::try_from(since.elapsed().as_millis()).unwrap_or(u64::MAX)
}
