//! Times of day, by the server's clock: the hours in which backfills work, and the moment before
//! which a run does not begin. Pure.

use std::{fmt, str::FromStr};

use chrono::{DateTime, Duration as Span, Timelike as _, Utc};
use mongrate_seal::clock::{self, MINUTES_A_DAY};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error as _};

use super::invalid_setting::InvalidSetting;

/// A time of day, in UTC or at a fixed offset from it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct TimeOfDay {
    /// Minutes since midnight, at the offset.
    minute: i64,
    /// The offset from UTC in minutes, to the east.
    offset: i64,
}

impl TimeOfDay {
    /// The minute of the day in UTC.
    fn utc(self) -> i64 {
        (self.minute - self.offset).rem_euclid(MINUTES_A_DAY)
    }

    /// How long from `now` until it is this time next; zero within its minute.
    fn after(self, now: DateTime<Utc>) -> Span {
        let minutes = (self.utc() - minute_of(now)).rem_euclid(MINUTES_A_DAY);
        if minutes == 0 { Span::zero() } else { Span::minutes(minutes) - into_minute(now) }
    }
}

fn minute_of(now: DateTime<Utc>) -> i64 {
    i64::from(now.hour()) * 60 + i64::from(now.minute())
}

fn into_minute(now: DateTime<Utc>) -> Span {
    Span::milliseconds(now.timestamp_millis().rem_euclid(60_000))
}

fn clock(f: &mut fmt::Formatter<'_>, minute: i64) -> fmt::Result {
    write!(f, "{:02}:{:02}", minute / 60, minute % 60)
}

fn offset(f: &mut fmt::Formatter<'_>, offset: i64) -> fmt::Result {
    if offset == 0 {
        return Ok(());
    }
    f.write_str(if offset < 0 { "-" } else { "+" })?;
    clock(f, offset.abs())
}

/// The hours of a day in which backfills work, by the server's clock: `22:00-06:00`, in UTC, or
/// `22:00-06:00+01:00`. Written as text, also in JSON.
///
/// ```
/// let night: mongrate::Hours = "22:00-06:00+01:00".parse()?;
/// assert_eq!(night.to_string(), "22:00-06:00+01:00");
/// # Ok::<(), mongrate::Error>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Hours {
    from: TimeOfDay,
    until: TimeOfDay,
}

impl Hours {
    /// How long from `now` until they begin; `None`: it is within them.
    pub(crate) fn wait(&self, now: DateTime<Utc>) -> Option<std::time::Duration> {
        let length = (self.until.utc() - self.from.utc()).rem_euclid(MINUTES_A_DAY);
        let since = (minute_of(now) - self.from.utc()).rem_euclid(MINUTES_A_DAY);
        if since < length { None } else { self.from.after(now).to_std().ok() }
    }
}

impl FromStr for Hours {
    type Err = InvalidSetting;

    fn from_str(text: &str) -> Result<Self, InvalidSetting> {
        let parsed = || {
            let (from, rest) = clock::time(text.trim())?;
            let (until, rest) = clock::time(rest.strip_prefix('-')?)?;
            let offset = clock::offset(rest)?;
            let at = |minute| TimeOfDay { minute, offset };
            (from != until).then_some(Self { from: at(from), until: at(until) })
        };
        parsed().ok_or_else(|| InvalidSetting {
            setting: "between",
            problem: format!(
                "`{}` is no range of hours; write `22:00-06:00`, which is UTC, or \
                 `22:00-06:00+01:00`; the two times differ",
                text.escape_debug()
            ),
        })
    }
}

impl fmt::Display for Hours {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        clock(f, self.from.minute)?;
        f.write_str("-")?;
        clock(f, self.until.minute)?;
        offset(f, self.from.offset)
    }
}

impl Serialize for Hours {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Hours {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(D::Error::custom)
    }
}

/// The moment before which a run does not begin, by the server's clock: a moment, as
/// `2026-12-01T22:00:00Z`, or the next time that it is `22:00` (UTC) or `22:00+01:00`.
///
/// ```
/// let evening: mongrate::NotBefore = "22:00".parse()?;
/// let moment: mongrate::NotBefore = "2026-12-01T22:00:00+01:00".parse()?;
/// assert_eq!(moment.to_string(), "2026-12-01T21:00:00Z");
/// # Ok::<(), mongrate::Error>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NotBefore(Moment);

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Moment {
    At(DateTime<Utc>),
    Next(TimeOfDay),
}

impl NotBefore {
    /// The moment, for a run that is asked for `now`.
    pub(crate) fn resolve(self, now: DateTime<Utc>) -> DateTime<Utc> {
        match self.0 {
            Moment::At(at) => at,
            Moment::Next(time) => now + time.after(now),
        }
    }
}

impl From<DateTime<Utc>> for NotBefore {
    fn from(at: DateTime<Utc>) -> Self {
        Self(Moment::At(at))
    }
}

impl FromStr for NotBefore {
    type Err = InvalidSetting;

    fn from_str(text: &str) -> Result<Self, InvalidSetting> {
        let text = text.trim();
        if let Ok(at) = DateTime::parse_from_rfc3339(text) {
            return Ok(Self(Moment::At(at.with_timezone(&Utc))));
        }
        let time = || {
            let (minute, rest) = clock::time(text)?;
            Some(TimeOfDay { minute, offset: clock::offset(rest)? })
        };
        time().map(|time| Self(Moment::Next(time))).ok_or_else(|| InvalidSetting {
            setting: "not-before",
            problem: format!(
                "`{}` is no moment; write `2026-12-01T22:00:00Z`, or a time of day such as \
                 `22:00`, which is UTC, or `22:00+01:00`",
                text.escape_debug()
            ),
        })
    }
}

impl fmt::Display for NotBefore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            Moment::At(at) => write!(f, "{}", at.format("%Y-%m-%dT%H:%M:%SZ")),
            Moment::Next(time) => {
                clock(f, time.minute)?;
                offset(f, time.offset)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn at(text: &str) -> DateTime<Utc> {
        format!("2026-11-29T{text}Z").parse().unwrap()
    }

    #[test]
    fn hours_may_span_midnight_and_have_an_offset() {
        let minutes = |minutes: u64| Some(Duration::from_secs(minutes * 60));
        let table = [
            ("22:00-06:00", "21:59:30", Some(Duration::from_secs(30))),
            ("22:00-06:00", "22:00:00", None),
            ("22:00-06:00", "05:59:59.999", None),
            ("22:00-06:00", "06:00:00", minutes(16 * 60)),
            ("09:00-17:30", "08:00:00", minutes(60)),
            ("09:00-17:30", "17:29:59", None),
            ("09:00-17:30", "17:30:00", minutes(15 * 60 + 30)),
            // 21:00 to 05:00 UTC.
            ("22:00-06:00+01:00", "20:00:00", minutes(60)),
            ("22:00-06:00+01:00", "21:00:00", None),
            ("22:00-06:00-05:30", "03:29:00", minutes(1)),
            ("00:00-23:59Z", "23:59:00", minutes(1)),
        ];
        for (hours, now, wait) in table {
            let hours: Hours = hours.parse().unwrap();
            assert_eq!(hours.wait(at(now)), wait, "{hours} at {now}");
        }
    }

    #[test]
    fn what_is_no_time_is_refused() {
        for text in [
            "",
            "22:00",
            "22:00-22:00",
            "22-06",
            "24:00-06:00",
            "22:60-06:00",
            "2:00-6:00",
            "22:00-06:00+19:00",
            "22:00-06:00 CET",
            "22:00–06:00",
            "+2:00-06:00",
            "22:00-06:00+",
        ] {
            assert!(text.parse::<Hours>().is_err(), "{text}");
        }
        for text in ["", "soon", "22", "22:00:00", "2026-12-01", "2026-12-01T22:00:00", "é2:00"] {
            assert!(text.parse::<NotBefore>().is_err(), "{text}");
        }
        for text in ["22:00-06:00", "22:00-06:00-05:30"] {
            assert_eq!(text.parse::<Hours>().unwrap().to_string(), text);
        }
    }

    #[test]
    fn a_time_of_day_is_the_next_one() {
        let next = |text: &str, now: &str| text.parse::<NotBefore>().unwrap().resolve(at(now));
        assert_eq!(next("22:00", "21:00:01"), at("22:00:00"));
        assert_eq!(next("22:00", "22:00:30"), at("22:00:30"), "within the minute: now");
        assert_eq!(next("22:00", "22:01:00"), at("22:00:00") + Span::days(1));
        assert_eq!(next("22:00+01:00", "12:00:00"), at("21:00:00"));
        assert_eq!(next("2026-11-29T23:00:00+01:00", "23:00:00"), at("22:00:00"));
    }
}
