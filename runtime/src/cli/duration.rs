//! Durations as arguments (`30s`, `1m30s`) and as text in reports.

use std::time::Duration;

use crate::Wait;

/// Parses `500ms`, `30s`, `2m`, `1h` and sums of these, as in `1m30s`.
pub(super) fn parse(text: &str) -> Result<Duration, String> {
    const EXPECTED: &str = "expected a duration with its unit: `500ms`, `30s`, `5m`, `1h`, `1m30s`";
    let mut rest = text.trim();
    if rest.is_empty() {
        return Err(EXPECTED.to_owned());
    }
    let mut total_ms: u64 = 0;
    while !rest.is_empty() {
        let digits = rest.len() - rest.trim_start_matches(|c: char| c.is_ascii_digit()).len();
        let (number, after) = rest.split_at(digits);
        let letters =
            after.len() - after.trim_start_matches(|c: char| c.is_ascii_alphabetic()).len();
        let (unit, after) = after.split_at(letters);
        let unit_ms: u64 = match unit {
            "ms" => 1,
            "s" => 1_000,
            "m" | "min" => 60_000,
            "h" => 3_600_000,
            _ => return Err(EXPECTED.to_owned()),
        };
        total_ms = number
            .parse::<u64>()
            .ok()
            .and_then(|number| number.checked_mul(unit_ms))
            .and_then(|ms| total_ms.checked_add(ms))
            .ok_or(EXPECTED)?;
        rest = after;
    }
    Ok(Duration::from_millis(total_ms))
}

/// Parses whole days, as `30d`, or a duration.
pub(super) fn parse_age(text: &str) -> Result<Duration, String> {
    match text.trim().strip_suffix('d') {
        None => parse(text),
        Some(days) => days
            .parse::<u64>()
            .ok()
            .and_then(|days| days.checked_mul(86_400))
            .map(Duration::from_secs)
            .ok_or_else(|| "expected an age with its unit: `30d`, `12h`".to_owned()),
    }
}

/// Parses `no`, `forever`, or a duration.
pub(super) fn parse_wait(text: &str) -> Result<Wait, String> {
    match text.trim() {
        "no" => Ok(Wait::No),
        "forever" => Ok(Wait::Forever),
        text => parse(text)
            .map(|most| if most.is_zero() { Wait::No } else { Wait::AtMost(most) })
            .map_err(|_| "expected `no`, `forever`, or a duration such as `30s`".to_owned()),
    }
}

/// `41 ms`, `1.2 s`, `2 min 5 s`, `3 h 4 min`.
pub(super) fn human(ms: u64) -> String {
    let seconds = ms / 1_000;
    match seconds {
        0 => format!("{ms} ms"),
        1..60 => format!("{seconds}.{} s", ms % 1_000 / 100),
        60..3_600 => format!("{} min {} s", seconds / 60, seconds % 60),
        _ => format!("{} h {} min", seconds / 3_600, seconds % 3_600 / 60),
    }
}

/// `just now`, `5 min ago`, `3 d ago`. Clocks may disagree, so a moment in the future is now.
pub(super) fn ago(seconds: i64) -> String {
    match seconds {
        ..10 => "just now".to_owned(),
        10..60 => format!("{seconds} s ago"),
        60..3_600 => format!("{} min ago", seconds / 60),
        3_600..86_400 => format!("{} h ago", seconds / 3_600),
        _ => format!("{} d ago", seconds / 86_400),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_need_a_unit() {
        for (text, ms) in
            [("500ms", 500), ("30s", 30_000), ("1m30s", 90_000), (" 2h ", 7_200_000), ("0s", 0)]
        {
            assert_eq!(parse(text), Ok(Duration::from_millis(ms)), "{text}");
        }
        for text in ["", "30", "s", "-1s", "1.5s", "30 s", "1d", "99999999999999999999s", "1s2"] {
            assert!(parse(text).is_err(), "{text}");
        }
    }

    #[test]
    fn waiting_is_a_word_or_a_duration() {
        assert_eq!(parse_wait("no"), Ok(Wait::No));
        assert_eq!(parse_wait("0s"), Ok(Wait::No));
        assert_eq!(parse_wait("forever"), Ok(Wait::Forever));
        assert_eq!(parse_wait("5s"), Ok(Wait::AtMost(Duration::from_secs(5))));
        assert!(parse_wait("yes").is_err());
    }

    #[test]
    fn durations_read_well() {
        for (ms, text) in [
            (0, "0 ms"),
            (999, "999 ms"),
            (1_000, "1.0 s"),
            (59_999, "59.9 s"),
            (65_000, "1 min 5 s"),
            (3_700_000, "1 h 1 min"),
        ] {
            assert_eq!(human(ms), text);
        }
        assert_eq!(ago(-5), "just now");
        assert_eq!(ago(86_400 * 3), "3 d ago");
    }
}
