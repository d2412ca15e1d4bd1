//! Which events a webhook sends.

use crate::{model::error::Error, telemetry::listen::event::EventKind};

/// What is sent unless something is chosen: what is about the run or a failure.
const DEFAULT: &str = "run.*,migration.failed,missed";

/// A choice of events.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Events(Vec<&'static str>);

impl Events {
    /// Reads a list such as `migration.failed,run.*`; `all` are all.
    pub(crate) fn parse(text: &str) -> Result<Self, Error> {
        let mut chosen = Vec::new();
        for word in text.split([',', ' ']).map(str::trim).filter(|word| !word.is_empty()) {
            let is_meant = |name: &str| match word.strip_suffix('*') {
                Some(prefix) => prefix.ends_with('.') && name.starts_with(prefix),
                None => word == "all" || name == word,
            };
            let before = chosen.len();
            chosen.extend(EventKind::NAMES.iter().filter(|name| is_meant(name)));
            if chosen.len() == before {
                let problem = format!(
                    "`{}` is no event; it is one of {}, or `run.*`, `migration.*`, `all`",
                    word.escape_debug(),
                    EventKind::NAMES.join(", ")
                );
                return Err(Error::Settings { setting: "webhook events", problem });
            }
        }
        if chosen.is_empty() {
            let problem = "no event is chosen; leave it out for the default".to_owned();
            return Err(Error::Settings { setting: "webhook events", problem });
        }
        Ok(Self(chosen))
    }

    pub(crate) fn contain(&self, name: &str) -> bool {
        self.0.contains(&name)
    }
}

impl Default for Events {
    fn default() -> Self {
        Self::parse(DEFAULT).unwrap_or_else(|_| Self(EventKind::NAMES.to_vec()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn events_are_chosen_by_name_and_by_family() {
        let default = Events::default();
        assert!(default.contain("run.ended") && default.contain("migration.failed"));
        assert!(default.contain("missed") && !default.contain("migration.began"));
        let few = Events::parse(" migration.*, run.ended").unwrap();
        assert!(few.contain("migration.began") && few.contain("run.ended"));
        assert!(!few.contain("run.began") && !few.contain("missed"));
        assert!(EventKind::NAMES.iter().all(|name| Events::parse("all").unwrap().contain(name)));
        for wrong in ["", " , ", "migration.faild", "*", "run*", "run"] {
            let error = Events::parse(wrong).unwrap_err().to_string();
            assert!(error.contains("webhook events"), "{error}");
        }
    }
}
