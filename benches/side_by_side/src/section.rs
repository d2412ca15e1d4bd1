//! The results of a workload as plain data, from which tables, JSON and plots are made.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::measure::Samples;

/// The figures of a workload.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Section {
    /// The name of the workload, as in `--only`.
    pub id: String,
    /// The heading.
    pub title: String,
    /// What a run does, and what is checked before it counts.
    pub how: String,
    /// When and where it was measured.
    pub measured: Measured,
    /// The unit of `median` and `least` in the rows.
    pub unit: Unit,
    /// A row for each tool in each case.
    pub rows: Vec<Row>,
    /// A line for each tool or case that was left out.
    pub skipped: Vec<String>,
}

/// When and where figures were measured.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Measured {
    /// The day, UTC.
    pub date: String,
    /// The server's version.
    pub server: String,
    /// The number of processors.
    pub processors: usize,
    /// Whether it was a short run, which only tests that everything works.
    pub short: bool,
}

/// The unit of figures.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Unit {
    /// Milliseconds.
    Milliseconds,
    /// Seconds.
    Seconds,
    /// Kilobytes, of 1,000 bytes.
    Kilobytes,
}

impl Unit {
    /// The sign of the unit.
    pub const fn sign(self) -> &'static str {
        match self {
            Self::Milliseconds => "ms",
            Self::Seconds => "s",
            Self::Kilobytes => "kB",
        }
    }

    /// A time in this unit.
    pub fn convert(self, time: Duration) -> f64 {
        match self {
            Self::Milliseconds | Self::Kilobytes => time.as_secs_f64() * 1e3,
            Self::Seconds => time.as_secs_f64(),
        }
    }
}

/// A tool in a case.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Row {
    /// The case, e.g. `1,000 applied`.
    pub case: String,
    /// The name of the tool.
    #[serde(rename = "who")]
    pub tool: String,
    /// The number of runs.
    pub runs: usize,
    /// The median time, in the section's unit.
    pub median: f64,
    /// The least time, in the section's unit.
    pub least: f64,
    /// The median processor time of the process, in the section's unit.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cpu: Option<f64>,
    /// The median divided by the floor's median.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ratio: Option<f64>,
    /// The median number of commands on the wire.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub commands: Option<u64>,
    /// The commands by name: `5 find, 3 update`.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub commands_by_name: String,
    /// The peak memory of the process, in MB.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub memory_mb: Option<u64>,
    /// The goals of the row.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub goals: Vec<Goal>,
    /// A remark.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub note: String,
}

/// A goal, and whether it was met.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Goal {
    /// The goal as text.
    pub text: String,
    /// Whether it was met.
    pub met: bool,
}

impl Goal {
    /// A bound on a ratio.
    pub fn ratio(ratio: f64, most: f64, base: &str) -> Self {
        Self { text: format!("≤ {most} × {base}"), met: ratio <= most }
    }

    /// An exact number of commands.
    pub fn commands(found: u64, exactly: u64, rule: &str) -> Self {
        let plural = if exactly == 1 { "" } else { "s" };
        let rule = if rule.is_empty() { String::new() } else { format!(" = {rule}") };
        Self { text: format!("{exactly} command{plural}{rule}"), met: found == exactly }
    }
}

impl Row {
    /// A row of samples, with the ratio to the floor's samples.
    pub fn timed(
        unit: Unit,
        case: &str,
        tool: &str,
        samples: &Samples,
        floor: Option<&Samples>,
    ) -> Self {
        let median = samples.median().as_secs_f64();
        Self {
            case: case.to_owned(),
            tool: tool.to_owned(),
            runs: samples.runs(),
            median: unit.convert(samples.median()),
            least: unit.convert(samples.least()),
            cpu: Some(unit.convert(samples.cpu())),
            ratio: floor.map(|floor| median / floor.median().as_secs_f64()),
            commands: Some(samples.commands()),
            commands_by_name: samples.commands_by_name(),
            memory_mb: None,
            goals: Vec::new(),
            note: String::new(),
        }
    }
}

/// A number with separators: `10,000`.
pub fn thousands(number: u32) -> String {
    let digits = number.to_string();
    let mut text = String::new();
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}
