//! The versions of MongoDB on which Mongrate's tests run: docs/servers.md, "Which servers were tested".

/// Their series. A release of one is taken for tested.
pub(super) const SERIES: [&str; 3] = ["4.4", "5.0", "6.0"];

/// Whether a version, as `6.0.5`, is of such a series.
pub(super) fn is_tested(version: &str) -> bool {
    let series = series(version);
    SERIES.iter().any(|tested| super::tested::series(tested) == series)
}

/// The first two numbers of a version; 0 for what is no number.
pub(super) fn series(version: &str) -> (u32, u32) {
    let mut numbers = version.split('.').map(|part| part.parse().unwrap_or(0));
    (numbers.next().unwrap_or(0), numbers.next().unwrap_or(0))
}

// What is published has no guides.
#[cfg(all(test, mongrate_guides))]
mod tests {
    use super::*;

    /// The guide and this list are the same.
    #[test]
    fn the_guide_names_these_versions() {
        let guide = include_str!("../../../../docs/servers.md");
        let table = guide.split("## Which servers were tested").nth(1).unwrap();
        let table = table.split("Not in this table").next().unwrap();
        let passed = table.lines().filter(|line| line.ends_with(" 0 |"));
        let mut listed: Vec<(u32, u32)> = passed
            .filter_map(|line| line.split('|').nth(1))
            .map(|version| series(version.trim()))
            .collect();
        listed.dedup();
        assert_eq!(listed, SERIES.map(series), "{table}");
    }
}
