//! Durations in milliseconds, as records and reports have them.

use std::time::Duration;

use tokio::time::Instant;

/// Whole milliseconds; `u64::MAX` if there are more.
pub(crate) fn ms(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

/// Whole milliseconds since `moment`.
pub(crate) fn ms_since(moment: Instant) -> u64 {
    ms(moment.elapsed())
}
