//! The arguments of `pause`, `resume`, `tune` and `cancel`, and of a run that waits for its hour.

use std::time::Duration;

use clap::Args;

use super::number::whole;
use crate::{Hours, InvalidSetting, Limit, NotBefore, Tuning, cli::duration};

/// What `pause` and `cancel` say.
#[derive(Args, Clone, Debug, Default)]
pub struct AskArgs {
    /// Why, for those who read `status` and `history`
    #[arg(long, value_name = "TEXT")]
    pub why: Option<String>,

    /// Only if the run under way has this fence number, which `status` shows
    #[arg(long, value_name = "N", value_parser = whole::<i64>)]
    pub fence: Option<i64>,
}

/// What `tune` changes.
#[derive(Args, Clone, Debug, Default)]
pub struct TuneArgs {
    /// The settings.
    #[command(flatten)]
    pub settings: TuningArgs,

    /// Forget what was changed before: as the migration and the run say it
    #[arg(long)]
    pub reset: bool,

    /// Who, which and why.
    #[command(flatten)]
    pub ask: AskArgs,
}

const BACKFILLS: &str = "Backfills";

/// How backfills work.
#[derive(Args, Clone, Copy, Debug, Default)]
pub struct TuningArgs {
    /// Batches under way at once, 1 to 64
    #[arg(long, value_name = "N", value_parser = whole::<usize>, help_heading = BACKFILLS)]
    pub workers: Option<usize>,

    /// The most documents per batch, 1 to 100000
    #[arg(long, value_name = "N", value_parser = whole::<u32>, help_heading = BACKFILLS)]
    pub batch_documents: Option<u32>,

    /// The most bytes per batch: `64KiB` to `16MiB`
    #[arg(long, value_name = "SIZE", value_parser = parse_bytes, help_heading = BACKFILLS)]
    pub batch_bytes: Option<u64>,

    /// The most documents per second, of all workers together, or `off`
    #[arg(long, value_name = "N", value_parser = parse_count, help_heading = BACKFILLS)]
    pub per_second: Option<Limit<u32>>,

    /// Wait while a secondary is further behind than this: `10s`, or `off`
    #[arg(long, value_name = "DURATION", value_parser = parse_duration, help_heading = BACKFILLS)]
    pub max_lag: Option<Limit<Duration>>,

    /// Wait while more operations than this wait for a lock on the server, or `off`
    #[arg(long, value_name = "N", value_parser = parse_count, help_heading = BACKFILLS)]
    pub max_queue: Option<Limit<u32>>,

    /// Work only within these hours of the server's clock: `22:00-06:00` (UTC),
    /// `22:00-06:00+01:00`, or `off`
    #[arg(long, value_name = "HOURS", value_parser = parse_hours, help_heading = BACKFILLS)]
    pub between: Option<Limit<Hours>>,
}

impl TuningArgs {
    pub(crate) fn tuning(self) -> Tuning {
        let Self { workers, batch_documents, batch_bytes, per_second, .. } = self;
        let Self { max_lag, max_queue, between, .. } = self;
        Tuning { workers, batch_documents, batch_bytes, per_second, max_lag, max_queue, between }
    }
}

/// When a run begins.
#[derive(Args, Clone, Copy, Debug, Default)]
pub struct BeginArgs {
    /// Do not begin before this, by the server's clock: `2026-12-01T22:00:00Z`, `22:00` (UTC) or
    /// `22:00+01:00`
    #[arg(long, value_name = "WHEN", value_parser = parse_not_before)]
    pub not_before: Option<NotBefore>,
}

fn limited<T>(
    text: &str,
    parse: impl FnOnce(&str) -> Result<T, String>,
) -> Result<Limit<T>, String> {
    if text.trim() == "off" { Ok(Limit::Off) } else { parse(text).map(Limit::AtMost) }
}

fn parse_count(text: &str) -> Result<Limit<u32>, String> {
    limited(text, |text| text.parse().map_err(|_| "expected a number, or `off`".to_owned()))
}

fn parse_duration(text: &str) -> Result<Limit<Duration>, String> {
    limited(text, |text| {
        duration::parse(text).map_err(|_| "expected a duration such as `10s`, or `off`".to_owned())
    })
}

fn parse_hours(text: &str) -> Result<Limit<Hours>, String> {
    limited(text, |text| text.parse().map_err(|error: InvalidSetting| error.to_string()))
}

fn parse_not_before(text: &str) -> Result<NotBefore, String> {
    text.parse().map_err(|error: InvalidSetting| error.to_string())
}

fn parse_bytes(text: &str) -> Result<u64, String> {
    let text = text.trim();
    let (number, unit) = [("KiB", 1 << 10), ("MiB", 1 << 20)]
        .into_iter()
        .find_map(|(name, unit)| Some((text.strip_suffix(name)?.trim_end(), unit)))
        .unwrap_or((text, 1));
    let bytes = number.parse::<u64>().ok().and_then(|number| number.checked_mul(unit));
    bytes.ok_or_else(|| "expected a size: `256KiB`, `4MiB`, or a number of bytes".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_and_bounds_are_read() {
        for (text, bytes) in
            [("4MiB", 4 << 20), ("256 KiB", 256 << 10), ("65536", 65_536), (" 1MiB ", 1 << 20)]
        {
            assert_eq!(parse_bytes(text), Ok(bytes), "{text}");
        }
        for text in ["", "4MB", "MiB", "-1", "1.5MiB", "99999999999999999999MiB"] {
            assert!(parse_bytes(text).is_err(), "{text}");
        }
        assert_eq!(parse_count("off"), Ok(Limit::Off));
        assert_eq!(parse_count("500"), Ok(Limit::AtMost(500)));
        assert!(parse_count("none").is_err());
        assert_eq!(parse_duration("10s"), Ok(Limit::AtMost(Duration::from_secs(10))));
        assert!(parse_duration("10").is_err());
        assert!(parse_hours("22:00-06:00").is_ok_and(|hours| hours.bound().is_some()));
        assert!(parse_hours("at night").unwrap_err().contains("22:00-06:00"));
    }
}
