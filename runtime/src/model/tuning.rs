//! What can be changed of a run under way. Pure: every bound is checked here, once.

use std::{fmt, time::Duration};

use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error as _};

use super::{invalid_setting::InvalidSetting, numbers::grouped, time_of_day::Hours};

/// A bound that can be switched off. In JSON the bound itself, or `"off"`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Limit<T> {
    /// At most so much.
    AtMost(T),
    /// However much.
    Off,
}

impl<T: Copy> Limit<T> {
    /// The bound; `None`: there is none.
    pub fn bound(self) -> Option<T> {
        match self {
            Self::AtMost(bound) => Some(bound),
            Self::Off => None,
        }
    }
}

/// The word for a bound that is switched off.
pub(crate) const OFF: &str = "off";

impl<T: Serialize> Serialize for Limit<T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::AtMost(bound) => bound.serialize(serializer),
            Self::Off => serializer.serialize_str(OFF),
        }
    }
}

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Limit<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        #[derive(Deserialize)]
        #[serde(untagged)]
        enum Written<T> {
            Bound(T),
            Word(String),
        }
        match Written::deserialize(deserializer)? {
            Written::Bound(bound) => Ok(Self::AtMost(bound)),
            Written::Word(word) if word == OFF => Ok(Self::Off),
            Written::Word(_) => Err(D::Error::custom("neither a bound nor `off`")),
        }
    }
}

/// Settings of the backfills of a run, each `None` where nothing was said: then what the migration
/// says holds, or the default.
///
/// For the whole run with [`Up::tuning`](crate::Up::tuning); for a run under way, of any process,
/// with [`Migrator::tune`](crate::Migrator::tune), whose settings come first.
///
/// ```
/// use mongrate::{Hours, Tuning};
///
/// let night: Hours = "22:00-06:00".parse()?;
/// let gentle = Tuning::new().workers(1).per_second(500).between(night);
/// assert_eq!(gentle.to_string(), "1 worker, 500 documents/s, between 22:00-06:00");
/// # Ok::<(), mongrate::Error>(())
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
#[non_exhaustive]
pub struct Tuning {
    /// How many batches may be under way at once, 1 to 64. Only as many work as parts of the collection
    /// are left: a big collection has 16, one under 20,000 documents has one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub workers: Option<usize>,
    /// The most documents per batch, 1 to 100,000.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub batch_documents: Option<u32>,
    /// The most bytes per batch, 64 KiB to 16 MiB. A batch of one document may have more.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub batch_bytes: Option<u64>,
    /// The most documents per second, of all workers together, 1 to 10,000,000.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub per_second: Option<Limit<u32>>,
    /// Pauses while a secondary is further behind than this, in milliseconds; at most an hour.
    #[serde(rename = "max_lag_ms", with = "lag", skip_serializing_if = "Option::is_none")]
    pub max_lag: Option<Limit<Duration>>,
    /// Pauses while more operations than this wait for a lock on the server.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max_queue: Option<Limit<u32>>,
    /// Works only within these hours, by the server's clock.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub between: Option<Limit<Hours>>,
}

impl Tuning {
    pub(crate) const WORKERS_MAX: usize = 64;
    pub(crate) const DOCUMENTS_MAX: u32 = 100_000;
    /// A batch is not made smaller than this for its bytes; single documents may be bigger.
    pub(crate) const BYTES_MIN: u64 = 64 << 10;
    /// A transaction keeps what it changes in the server's cache until it ends.
    pub(crate) const BYTES_MAX: u64 = 16 << 20;
    const RATE_MAX: u32 = 10_000_000;
    const LAG_MAX: Duration = Duration::from_secs(3_600);

    /// Changes nothing.
    pub const fn new() -> Self {
        Self {
            workers: None,
            batch_documents: None,
            batch_bytes: None,
            per_second: None,
            max_lag: None,
            max_queue: None,
            between: None,
        }
    }

    /// How many batches may be under way at once, 1 to 64.
    #[must_use]
    pub const fn workers(mut self, workers: usize) -> Self {
        self.workers = Some(workers);
        self
    }

    /// The most documents per batch, 1 to 100,000.
    #[must_use]
    pub const fn batch_documents(mut self, documents: u32) -> Self {
        self.batch_documents = Some(documents);
        self
    }

    /// The most bytes per batch, 64 KiB to 16 MiB.
    #[must_use]
    pub const fn batch_bytes(mut self, bytes: u64) -> Self {
        self.batch_bytes = Some(bytes);
        self
    }

    /// The most documents per second, of all workers together, 1 to 10,000,000; `None`: however
    /// many.
    #[must_use]
    pub fn per_second(mut self, documents: impl Into<Option<u32>>) -> Self {
        self.per_second = Some(limit(documents));
        self
    }

    /// Pauses while a secondary is further behind than this, at most an hour; `None`: whatever it
    /// is.
    #[must_use]
    pub fn max_lag(mut self, lag: impl Into<Option<Duration>>) -> Self {
        self.max_lag = Some(limit(lag));
        self
    }

    /// Pauses while more operations than this wait for a lock on the server; `None`: whatever their
    /// number.
    #[must_use]
    pub fn max_queue(mut self, operations: impl Into<Option<u32>>) -> Self {
        self.max_queue = Some(limit(operations));
        self
    }

    /// Works only within these hours, by the server's clock; `None`: at any hour.
    #[must_use]
    pub fn between(mut self, hours: impl Into<Option<Hours>>) -> Self {
        self.between = Some(limit(hours));
        self
    }

    /// Whether it changes nothing.
    pub fn is_empty(&self) -> bool {
        *self == Self::new()
    }

    /// These settings, where `other` says nothing else.
    pub(crate) fn overridden_by(&self, other: &Self) -> Self {
        Self {
            workers: other.workers.or(self.workers),
            batch_documents: other.batch_documents.or(self.batch_documents),
            batch_bytes: other.batch_bytes.or(self.batch_bytes),
            per_second: other.per_second.or(self.per_second),
            max_lag: other.max_lag.or(self.max_lag),
            max_queue: other.max_queue.or(self.max_queue),
            between: other.between.or(self.between),
        }
    }

    /// The settings without those that are out of their bounds.
    pub(crate) fn within_bounds(self) -> Self {
        let is_in = |one: &Self| one.check().is_ok();
        let none = Self::new();
        Self {
            workers: self.workers.filter(|it| is_in(&none.workers(*it))),
            batch_documents: self.batch_documents.filter(|it| is_in(&none.batch_documents(*it))),
            batch_bytes: self.batch_bytes.filter(|it| is_in(&none.batch_bytes(*it))),
            per_second: self.per_second.filter(|it| is_in(&none.per_second(it.bound()))),
            max_lag: self.max_lag.filter(|it| is_in(&none.max_lag(it.bound()))),
            ..self
        }
    }

    /// Refuses what is out of its bounds.
    pub(crate) fn check(&self) -> Result<(), InvalidSetting> {
        let refuse = |setting, problem: String| Err(InvalidSetting { setting, problem });
        let rate = self.per_second.and_then(Limit::bound);
        let lag = self.max_lag.and_then(Limit::bound);
        if let Some(workers) = self.workers.filter(|it| !(1..=Self::WORKERS_MAX).contains(it)) {
            return refuse("workers", format!("{workers} is not 1 to {}", Self::WORKERS_MAX));
        }
        if let Some(size) =
            self.batch_documents.filter(|it| !(1..=Self::DOCUMENTS_MAX).contains(it))
        {
            return refuse(
                "batch-documents",
                format!("{size} is not 1 to {}", Self::DOCUMENTS_MAX),
            );
        }
        let bytes = Self::BYTES_MIN..=Self::BYTES_MAX;
        if let Some(size) = self.batch_bytes.filter(|it| !bytes.contains(it)) {
            let (min, max) = (Self::BYTES_MIN, Self::BYTES_MAX);
            return refuse("batch-bytes", format!("{size} is not {min} to {max}"));
        }
        if let Some(rate) = rate.filter(|it| !(1..=Self::RATE_MAX).contains(it)) {
            return refuse("per-second", format!("{rate} is not 1 to {}", Self::RATE_MAX));
        }
        if let Some(lag) = lag.filter(|it| *it > Self::LAG_MAX) {
            return refuse("max-lag", format!("{lag:?} is more than an hour"));
        }
        Ok(())
    }
}

fn limit<T>(bound: impl Into<Option<T>>) -> Limit<T> {
    bound.into().map_or(Limit::Off, Limit::AtMost)
}

/// A lag in milliseconds.
mod lag {
    use super::{Deserialize, Deserializer, Duration, Limit, Serialize, Serializer};

    pub(super) fn serialize<S: Serializer>(
        lag: &Option<Limit<Duration>>,
        serializer: S,
    ) -> Result<S::Ok, S::Error> {
        let ms = |lag: &Duration| u64::try_from(lag.as_millis()).unwrap_or(u64::MAX);
        lag.as_ref()
            .map(|lag| match lag {
                Limit::AtMost(lag) => Limit::AtMost(ms(lag)),
                Limit::Off => Limit::Off,
            })
            .serialize(serializer)
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(
        deserializer: D,
    ) -> Result<Option<Limit<Duration>>, D::Error> {
        Ok(Option::<Limit<u64>>::deserialize(deserializer)?.map(|lag| match lag {
            Limit::AtMost(ms) => Limit::AtMost(Duration::from_millis(ms)),
            Limit::Off => Limit::Off,
        }))
    }
}

impl fmt::Display for Tuning {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut parts = Vec::new();
        match self.workers {
            Some(1) => parts.push("1 worker".to_owned()),
            Some(workers) => parts.push(format!("{workers} workers")),
            None => {}
        }
        if let Some(documents) = self.batch_documents {
            parts.push(format!("batches of {} documents", grouped(documents.into())));
        }
        if let Some(bytes) = self.batch_bytes {
            parts.push(format!("batches of {} bytes", grouped(bytes)));
        }
        match self.per_second {
            Some(Limit::AtMost(rate)) => {
                parts.push(format!("{} documents/s", grouped(rate.into())))
            }
            Some(Limit::Off) => parts.push("any number of documents/s".to_owned()),
            None => {}
        }
        match self.max_lag {
            Some(Limit::AtMost(lag)) => parts.push(format!("replication at most {lag:?} behind")),
            Some(Limit::Off) => parts.push("whatever the replication lag".to_owned()),
            None => {}
        }
        match self.max_queue {
            Some(Limit::AtMost(queue)) => {
                parts.push(format!("at most {} operations that wait", grouped(queue.into())));
            }
            Some(Limit::Off) => {
                parts.push("whatever the number of operations that wait".to_owned())
            }
            None => {}
        }
        match self.between {
            Some(Limit::AtMost(hours)) => parts.push(format!("between {hours}")),
            Some(Limit::Off) => parts.push("at any hour".to_owned()),
            None => {}
        }
        if parts.is_empty() {
            return f.write_str("nothing");
        }
        f.write_str(&parts.join(", "))
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{from_value, json, to_value};

    use super::*;

    #[test]
    fn json_and_text_say_what_is_set_and_no_more() {
        let all = Tuning::new()
            .workers(4)
            .batch_documents(2_000)
            .batch_bytes(1 << 20)
            .per_second(500)
            .max_lag(Duration::from_secs(5))
            .max_queue(None)
            .between("22:00-06:00".parse::<Hours>().unwrap());
        let written = json!({
            "workers": 4, "batch_documents": 2_000, "batch_bytes": 1 << 20, "per_second": 500,
            "max_lag_ms": 5_000, "max_queue": "off", "between": "22:00-06:00",
        });
        assert_eq!(to_value(all).unwrap(), written);
        assert_eq!(from_value::<Tuning>(written).unwrap(), all);
        assert_eq!(to_value(Tuning::new()).unwrap(), json!({}));
        assert_eq!(Tuning::new().to_string(), "nothing");
        for wrong in [json!({ "per_second": "of" }), json!({ "between": 7 })] {
            assert!(from_value::<Tuning>(wrong.clone()).is_err(), "{wrong}");
        }
    }

    #[test]
    fn the_later_word_counts_field_by_field() {
        let run = Tuning::new().workers(4).per_second(500);
        let asked = Tuning::new().per_second(None);
        assert_eq!(run.overridden_by(&asked), Tuning::new().workers(4).per_second(None));
    }

    #[test]
    fn bounds_are_kept() {
        let new = Tuning::new;
        for (tuning, setting) in [
            (new().workers(0), "workers"),
            (new().workers(65), "workers"),
            (new().batch_documents(0), "batch-documents"),
            (new().batch_bytes(1), "batch-bytes"),
            (new().batch_bytes(1 << 30), "batch-bytes"),
            (new().per_second(0), "per-second"),
            (new().max_lag(Duration::from_secs(3_601)), "max-lag"),
        ] {
            let error = tuning.check().unwrap_err().to_string();
            assert!(error.starts_with(setting), "{error}");
        }
        new().workers(64).batch_bytes(16 << 20).max_lag(None).check().unwrap();
    }
}
