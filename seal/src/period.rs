//! Names such as `m2024_q1`, which stand for a period of time and not for a version.

/// Whether the digits in a name stand for the year, month or day of several migrations, and not for
/// the version of one migration. A directory may always be named for a year or a month. A file, or a
/// day, is a period only if `version` begins with the digits and has more of them.
pub fn is_period(digits: &str, version: i64, is_directory: bool) -> bool {
    if !is_date(digits) {
        return false;
    }
    let version = version.to_string();
    let goes_on = version.len() > digits.len() && version.starts_with(digits);
    goes_on || is_directory && digits.len() < 8
}

/// Whether digits are a date: `2024`, `202401` or `20240131`.
pub fn is_date(digits: &str) -> bool {
    let part =
        |from: usize, to: usize| digits.get(from..to).and_then(|part| part.parse::<u32>().ok());
    let has_year = part(0, 4).is_some_and(|year| (1990..2200).contains(&year));
    let has_month = || part(4, 6).is_some_and(|month| (1..=12).contains(&month));
    let has_day = || part(6, 8).is_some_and(|day| (1..=31).contains(&day));
    match digits.len() {
        4 => has_year,
        6 => has_year && has_month(),
        8 => has_year && has_month() && has_day(),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn periods_are_told_from_versions() {
        for digits in ["2024", "202401", "20240131"] {
            assert!(is_period(digits, 20_240_131_001, true), "{digits}");
            assert!(is_period(digits, 20_240_131_001, false), "{digits}");
        }
        assert!(is_period("2024", 7, true), "numbered in another way");
        assert!(!is_period("2024", 7, false));
        assert!(!is_period("20240131", 20_240_201, true), "a day is the version, and a wrong one");
        for digits in ["0001", "1", "1234", "202413", "20240132", "20250122001", "2024012"] {
            assert!(!is_date(digits), "{digits}");
        }
    }
}
