//! What one workload came to: plain data, that tables, JSON and plots are made of.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::measure::Samples;

/// The figures of one workload.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Section {
    /// As in `--only`.
    pub id: String,
    /// For people.
    pub title: String,
    /// What a run is, and what was checked before it counted.
    pub how: String,
    /// When, on what.
    pub measured: Measured,
    /// What is in the rows' `median` and `least`.
    pub unit: Unit,
    /// The figures.
    pub rows: Vec<Row>,
    /// What was left out, and why.
    pub skipped: Vec<String>,
}

/// When and on what figures were measured.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Measured {
    /// The day, UTC.
    pub date: String,
    /// The server's version.
    pub server: String,
    /// Processors.
    pub processors: usize,
    /// Whether it was only to see that it works.
    pub short: bool,
}

/// What the figures are of.
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
    /// Its sign.
    pub const fn sign(self) -> &'static str {
        match self {
            Self::Milliseconds => "ms",
            Self::Seconds => "s",
            Self::Kilobytes => "kB",
        }
    }

    /// A time in it.
    pub fn of(self, time: Duration) -> f64 {
        match self {
            Self::Milliseconds | Self::Kilobytes => time.as_secs_f64() * 1e3,
            Self::Seconds => time.as_secs_f64(),
        }
    }
}

/// One tool in one case.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Row {
    /// Which case, e.g. `1,000 applied`.
    pub case: String,
    /// Which tool.
    pub who: String,
    /// How often it was run.
    pub runs: usize,
    /// The median, in the section's unit.
    pub median: f64,
    /// The least.
    pub least: f64,
    /// The median of processor time of the process, in the same unit.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cpu: Option<f64>,
    /// How many times the floor's median that is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ratio: Option<f64>,
    /// Commands on the wire.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub commands: Option<u64>,
    /// Which.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub commands_by_name: String,
    /// Most memory of the process, in MB.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub memory_mb: Option<u64>,
    /// What is to be reached.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub goals: Vec<Goal>,
    /// What else is to be said.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub note: String,
}

/// What is to be reached, and whether it was.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Goal {
    /// For people.
    pub text: String,
    /// Whether it was.
    pub met: bool,
}

impl Goal {
    /// A bound on a ratio.
    pub fn ratio(ratio: f64, most: f64, of_what: &str) -> Self {
        Self { text: format!("≤ {most} × {of_what}"), met: ratio <= most }
    }

    /// An exact number of commands.
    pub fn commands(found: u64, exactly: u64, rule: &str) -> Self {
        let plural = if exactly == 1 { "" } else { "s" };
        let rule = if rule.is_empty() { String::new() } else { format!(" = {rule}") };
        Self { text: format!("{exactly} command{plural}{rule}"), met: found == exactly }
    }
}

impl Row {
    /// Of samples, with the ratio to the floor's.
    pub fn timed(
        unit: Unit,
        case: &str,
        who: &str,
        samples: &Samples,
        floor: Option<&Samples>,
    ) -> Self {
        let median = samples.median().as_secs_f64();
        Self {
            case: case.to_owned(),
            who: who.to_owned(),
            runs: samples.runs(),
            median: unit.of(samples.median()),
            least: unit.of(samples.least()),
            cpu: Some(unit.of(samples.cpu())),
            ratio: floor.map(|floor| median / floor.median().as_secs_f64()),
            commands: Some(samples.commands()),
            commands_by_name: samples.commands_by_name(),
            memory_mb: None,
            goals: Vec::new(),
            note: String::new(),
        }
    }
}

/// A number as people write it: `10,000`.
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
