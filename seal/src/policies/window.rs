//! Hours in which nothing runs: `mon-fri 08:00-18:00+01:00`, `sat,sun`, `22:00-06:00`. Pure.

use std::{fmt, str::FromStr};

use crate::clock::{MINUTES_A_DAY, offset, time};

const MINUTES_A_WEEK: i64 = 7 * MINUTES_A_DAY;

const DAYS: [&str; 7] = ["mon", "tue", "wed", "thu", "fri", "sat", "sun"];

/// Hours of some days of the week, in UTC or at a fixed offset from it. A day is the day on which its
/// hours begin.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Window {
    /// Monday first.
    days: [bool; 7],
    /// Minutes since midnight, at the offset.
    from: i64,
    /// How many minutes; a whole day for `00:00-24:00`.
    length: i64,
    /// Minutes to the east of UTC.
    offset: i64,
}

impl Window {
    /// How many minutes the window still lasts; `None`: it is not open. `minute`: since Monday,
    /// 00:00 UTC.
    fn left(&self, minute: i64) -> Option<i64> {
        let local = minute + self.offset;
        let days = (0_i64..).zip(self.days).filter(|(_, is_on)| *is_on);
        let lefts = days.filter_map(|(day, _)| {
            let since = (local - day * MINUTES_A_DAY - self.from).rem_euclid(MINUTES_A_WEEK);
            (since < self.length).then_some(self.length - since)
        });
        lefts.max()
    }
}

/// How long windows last from a minute of the week on, one after the other, in minutes. `None`: none is
/// open then. A week or more: they never end. `minute`: since Monday, 00:00 UTC.
pub fn closed_for(windows: &[Window], minute: i64) -> Option<i64> {
    let mut at = minute;
    while let Some(left) = windows.iter().filter_map(|window| window.left(at)).max() {
        at += left;
        if at - minute >= MINUTES_A_WEEK {
            return Some(MINUTES_A_WEEK);
        }
    }
    (at > minute).then_some(at - minute)
}

impl FromStr for Window {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let parsed = || {
            let text = Some(text.trim()).filter(|text| !text.is_empty())?;
            let (days, hours) = match text.split_once(' ') {
                Some((days, hours)) => (days, hours.trim()),
                None if text.starts_with(|c: char| c.is_ascii_digit()) => ("", text),
                None => (text, ""),
            };
            let (from, length, offset) = hours_of(hours)?;
            Some(Self { days: days_of(days)?, from, length, offset })
        };
        parsed().ok_or_else(|| {
            format!(
                "`{}` names no hours; write `08:00-18:00`, which is UTC on every day, \
                 `mon-fri 08:00-18:00+01:00`, or `sat,sun`",
                text.escape_debug()
            )
        })
    }
}

/// Begin, length and offset of hours; a whole day if there are none.
fn hours_of(text: &str) -> Option<(i64, i64, i64)> {
    if text.is_empty() {
        return Some((0, MINUTES_A_DAY, 0));
    }
    let (from, rest) = time(text)?;
    let rest = rest.strip_prefix('-')?;
    let (until, rest) = match rest.strip_prefix("24:00") {
        Some(rest) => (MINUTES_A_DAY, rest),
        None => time(rest)?,
    };
    let length = match until - from {
        0 => return None,
        length if length < 0 => length + MINUTES_A_DAY,
        length => length,
    };
    Some((from, length, offset(rest)?))
}

/// `mon-fri`, `sat,sun`, `fri-mon`; every day for an empty text.
fn days_of(text: &str) -> Option<[bool; 7]> {
    if text.is_empty() {
        return Some([true; 7]);
    }
    let mut days = [false; 7];
    for part in text.split(',') {
        let (first, last) = part.split_once('-').unwrap_or((part, part));
        let day = |text: &str| {
            let text = text.trim().to_ascii_lowercase();
            DAYS.iter().position(|day| *day == text)
        };
        let (first, last) = (day(first)?, day(last)?);
        for ahead in 0..=(last + 7 - first) % 7 {
            *days.get_mut((first + ahead) % 7)? = true;
        }
    }
    Some(days)
}

impl fmt::Display for Window {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if !self.days.iter().all(|is_on| *is_on) {
            let on = DAYS.iter().zip(self.days).filter(|(_, is_on)| *is_on);
            let on: Vec<&str> = on.map(|(day, _)| *day).collect();
            write!(f, "{} ", on.join(","))?;
        }
        let clock = |minute: i64| format!("{:02}:{:02}", minute / 60, minute % 60);
        let end = self.from + self.length;
        let end = if end > MINUTES_A_DAY { end - MINUTES_A_DAY } else { end };
        write!(f, "{}-{}", clock(self.from), clock(end))?;
        match self.offset {
            0 => Ok(()),
            west if west < 0 => write!(f, "-{}", clock(-west)),
            east => write!(f, "+{}", clock(east)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const DAY: i64 = MINUTES_A_DAY;

    fn window(text: &str) -> Window {
        text.parse().unwrap_or_else(|error| panic!("{error}"))
    }

    #[test]
    fn hours_are_of_the_day_on_which_they_begin() {
        let cases: &[(&str, i64, Option<i64>)] = &[
            ("08:00-18:00", 8 * 60 - 1, None),
            ("08:00-18:00", 8 * 60, Some(600)),
            ("08:00-18:00", 6 * DAY + 17 * 60 + 59, Some(1)),
            ("08:00-18:00", 18 * 60, None),
            // 08:00 at +01:00 is 07:00 in UTC.
            ("mon 08:00-09:00+01:00", 7 * 60, Some(60)),
            ("mon 08:00-09:00+01:00", 8 * 60, None),
            // Monday at +02:00 begins on Sunday in UTC.
            ("mon 00:00-01:00+02:00", 6 * DAY + 22 * 60, Some(60)),
            ("fri 22:00-06:00", 5 * DAY + 60, Some(300)),
            ("fri 22:00-06:00", 4 * DAY + 60, None),
            ("sun 23:00-02:00", 30, Some(90)),
        ];
        for (text, minute, left) in cases {
            assert_eq!(closed_for(&[window(text)], *minute), *left, "{text} at {minute}");
        }
    }

    #[test]
    fn windows_that_meet_are_one() {
        let weekend = [window("sat,sun"), window("mon 00:00-06:00")];
        assert_eq!(closed_for(&weekend, 5 * DAY), Some(2 * DAY + 360));
        assert_eq!(closed_for(&[window("mon-sun")], 77), Some(MINUTES_A_WEEK));
        assert_eq!(closed_for(&[], 0), None);
    }

    #[test]
    fn what_is_written_reads_back() {
        for text in ["08:00-18:00", "22:00-06:00-03:30", "00:00-24:00", "mon,fri 08:00-24:00"] {
            assert_eq!(window(text).to_string(), text);
        }
        assert_eq!(window("Fri-Mon").to_string(), "mon,fri,sat,sun 00:00-24:00");
        assert_eq!(window(&window("fri-mon").to_string()), window("fri-mon"));
    }

    #[test]
    fn what_names_no_hours_is_refused() {
        for text in [
            "",
            " ",
            "8-18",
            "08:00",
            "08:00-08:00",
            "24:00-01:00",
            "08:00-18:60",
            "monday",
            "mon fri 08:00-18:00",
            "mon- 08:00-18:00",
            "mon-fri 08:00-18:00 CET",
            "mon-fri 08:00-18:00+19:00",
            "é8:00-18:00",
        ] {
            assert!(text.parse::<Window>().is_err(), "{text}");
        }
    }
}
