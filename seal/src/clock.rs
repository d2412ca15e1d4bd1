//! Times of day as people write them: `08:00`, and what may follow a time: `Z`, `+01:00`.

/// How many minutes a day has.
pub const MINUTES_A_DAY: i64 = 24 * 60;

/// The furthest offset from UTC that a time zone has had, in minutes.
const OFFSET_MAX: i64 = 18 * 60;

/// Reads `HH:MM` as minutes since midnight, and takes it off the text.
pub fn time(text: &str) -> Option<(i64, &str)> {
    let (time, rest) = text.split_at_checked(5)?;
    let (hour, minute) = time.split_once(':')?;
    let number = |text: &str, below: i64| -> Option<i64> {
        let is_number = text.len() == 2 && text.bytes().all(|byte| byte.is_ascii_digit());
        text.parse().ok().filter(|number| is_number && *number < below)
    };
    Some((number(hour, 24)? * 60 + number(minute, 60)?, rest))
}

/// Reads what may follow a time, as minutes to the east of UTC: nothing, `Z`, `+01:00`.
pub fn offset(text: &str) -> Option<i64> {
    let sign = match text.as_bytes().first() {
        None => return Some(0),
        Some(b'Z' | b'z') if text.len() == 1 => return Some(0),
        Some(b'+') => 1,
        Some(b'-') => -1,
        Some(_) => return None,
    };
    let (minutes, rest) = time(text.get(1..)?)?;
    (rest.is_empty() && minutes <= OFFSET_MAX).then_some(sign * minutes)
}
