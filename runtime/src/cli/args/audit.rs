//! The arguments of `audit`.

#[cfg(feature = "audit-signature")]
use std::path::PathBuf;

use chrono::{DateTime, NaiveDate, NaiveTime, Utc};
use clap::Args;

use super::{
    common::{ConfirmArgs, LockArgs},
    number::{version, whole},
};
use crate::{AuditHead, InvalidSetting, Version};

/// What `audit` shows, checks or changes.
#[derive(Args, Clone, Debug, Default)]
#[group(skip)]
pub struct AuditArgs {
    /// Check the whole log; exit with 65 if it is broken, or if it is not there although a head or a key
    /// was given
    #[arg(long, group = "what")]
    pub verify: bool,

    /// Print number and hash of the newest entry, to be kept elsewhere; an error without a log; with --verify and N:HASH, this
    /// entry must still be there
    #[arg(
        long, value_name = "N:HASH", num_args = 0..=1, require_equals = false,
        value_parser = parse_head
    )]
    pub head: Option<Option<AuditHead>>,

    /// With --verify: exit with 65 also for gaps that the log names itself
    #[arg(long, requires = "verify")]
    pub strict: bool,

    /// With --verify: the entries must be signed with this key, a file with PEM (may be repeated)
    #[cfg(feature = "audit-signature")]
    #[arg(long, value_name = "FILE", requires = "verify")]
    pub public_key: Vec<PathBuf>,

    /// Print the whole log as JSON lines, each the text that its hash is computed over
    #[arg(long, group = "what", conflicts_with = "head")]
    pub export: bool,

    /// Begin the log, or attach it again
    #[arg(long, group = "what", conflicts_with = "head")]
    pub enable: bool,

    /// End the log; its entries stay
    #[arg(long, group = "what", conflicts_with = "head")]
    pub disable: bool,

    /// Remove the entries older than --before; an entry says so
    #[arg(long, group = "what", conflicts_with = "head", requires = "before")]
    pub prune: bool,

    /// With --prune: `2024-01-31`, or `2024-01-31T12:00:00Z`
    #[arg(long, value_name = "TIME", value_parser = parse_time, requires = "prune")]
    pub before: Option<DateTime<Utc>>,

    /// With --prune: only show what would be removed
    #[arg(long, requires = "prune")]
    pub dry_run: bool,

    /// Only the entries of this migration
    #[arg(long, value_name = "VERSION", value_parser = version, help_heading = FILTERS, conflicts_with = "what")]
    pub version: Option<Version>,

    /// Only the entries of this event, such as `applied`; a wrong name lists all
    #[arg(long, value_name = "NAME", help_heading = FILTERS, conflicts_with = "what")]
    pub event: Option<String>,

    /// Only the entries of this user, host or app
    #[arg(long, value_name = "WHO", help_heading = FILTERS, conflicts_with = "what")]
    pub by: Option<String>,

    /// Only the entries from this time on
    #[arg(
        long, value_name = "TIME", value_parser = parse_time, help_heading = FILTERS,
        conflicts_with = "what"
    )]
    pub since: Option<DateTime<Utc>>,

    /// Only the entries before this time
    #[arg(
        long, value_name = "TIME", value_parser = parse_time, help_heading = FILTERS,
        conflicts_with = "what"
    )]
    pub until: Option<DateTime<Utc>>,

    /// At most so many entries, the newest ones, 1 to 1000 [default: 50]
    #[arg(long, value_name = "N", value_parser = whole::<u32>, help_heading = FILTERS, conflicts_with = "what")]
    pub limit: Option<u32>,

    /// Only entries with a smaller number than this, to page back
    #[arg(long, value_name = "NUMBER", value_parser = whole::<i64>, help_heading = FILTERS, conflicts_with = "what")]
    pub below: Option<i64>,

    /// Whether to ask before anything is removed.
    #[command(flatten)]
    pub confirm: ConfirmArgs,

    /// How the lock is taken.
    #[command(flatten)]
    pub lock: LockArgs,
}

const FILTERS: &str = "Which entries";

fn parse_head(text: &str) -> Result<AuditHead, String> {
    text.parse().map_err(|error: InvalidSetting| error.problem)
}

/// A time, or the beginning of a day in UTC.
fn parse_time(text: &str) -> Result<DateTime<Utc>, String> {
    let text = text.trim();
    if let Ok(day) = text.parse::<NaiveDate>() {
        return Ok(day.and_time(NaiveTime::MIN).and_utc());
    }
    let time = DateTime::parse_from_rfc3339(text).map(|time| time.with_timezone(&Utc));
    time.map_err(|_| "expected `2024-01-31`, or `2024-01-31T12:00:00Z`".to_owned())
}

/// The key that signs the audit log, from its file.
#[cfg(feature = "audit-signature")]
pub(super) fn parse_key(path: &str) -> Result<crate::AuditKey, String> {
    let pem = std::fs::read_to_string(path).map_err(|error| error.to_string())?;
    crate::AuditKey::from_pem(&pem).map_err(|error| error.problem)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_day_begins_at_midnight() {
        let midnight = parse_time("2024-01-31").unwrap();
        assert_eq!(parse_time("2024-01-31T01:00:00+01:00"), Ok(midnight));
        for text in ["", "yesterday", "2024-02-30", "2024-01-31 12:00"] {
            assert!(parse_time(text).unwrap_err().contains("2024-01-31T12"), "{text}");
        }
    }

    #[test]
    fn a_head_is_a_number_and_a_hash() {
        let text = format!("7:{}", "AB".repeat(32));
        assert_eq!(parse_head(&text).unwrap().hash, "ab".repeat(32));
        for text in ["", "7", "0:ab", ":", &format!("x:{}", "a".repeat(64))] {
            assert!(parse_head(text).unwrap_err().contains("audit --head"), "{text}");
        }
    }
}
