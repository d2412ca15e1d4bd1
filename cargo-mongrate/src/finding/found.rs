//! One finding. Pure.

use std::{borrow::Cow, fmt, path::Path};

use super::{place::Place, rules::Rule};

/// How bad a finding is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Severity {
    /// Nothing is wrong: a reviewer should know it.
    Note,
    /// Nothing is wrong yet.
    Warning,
    /// The command fails.
    Error,
}

impl Severity {
    /// The word in every output: `error`, `warning`, `note`.
    pub(crate) const fn word(self) -> &'static str {
        match self {
            Self::Note => "note",
            Self::Warning => "warning",
            Self::Error => "error",
        }
    }
}

/// One finding: what is wrong or worth knowing, where, and what to do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Finding {
    /// The rule, with its code.
    pub(crate) rule: Rule,
    pub(crate) severity: Severity,
    /// Where: a file, mostly with a line.
    pub(crate) place: Option<Place>,
    /// What is wrong, and mostly the way out.
    pub(crate) text: String,
    /// What to do, where the text does not say it.
    pub(crate) next: Option<String>,
}

impl Finding {
    /// A finding of a rule, without a place.
    pub(crate) fn new(rule: &Rule, severity: Severity, text: impl Into<String>) -> Self {
        Self { rule: rule.clone(), severity, place: None, text: text.into(), next: None }
    }

    /// An error of a rule, without a place.
    pub(crate) fn error(rule: &Rule, text: impl Into<String>) -> Self {
        Self::new(rule, Severity::Error, text)
    }

    /// The finding, in a line of a file.
    pub(crate) fn at(mut self, file: &Path, line: usize) -> Self {
        self.place = Some(Place::new(file, Some(line)));
        self
    }

    /// The finding, in a file as a whole.
    pub(crate) fn within(mut self, file: &Path) -> Self {
        self.place = Some(Place::new(file, None));
        self
    }

    /// The finding, with what to do.
    pub(crate) fn next(mut self, next: impl Into<String>) -> Self {
        self.next = Some(next.into());
        self
    }

    /// Reads a text that begins with its place, as compilers write it: `src/a.rs:3: …`.
    pub(crate) fn read(rule: &Rule, severity: Severity, text: &str) -> Self {
        let (place, text) = Place::split(text);
        Self { place, ..Self::new(rule, severity, text) }
    }

    /// What to do: the finding's own way out, or else that of its rule.
    pub(crate) fn way_out(&self) -> &str {
        self.next.as_deref().unwrap_or(&self.rule.next)
    }

    /// The text and, where it does not say it, what to do.
    pub(crate) fn message(&self) -> Cow<'_, str> {
        match &self.next {
            None => Cow::Borrowed(&self.text),
            Some(next) => Cow::Owned(format!("{}\nnext: {next}", self.text)),
        }
    }
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(place) = &self.place {
            write!(f, "{place}: ")?;
        }
        f.write_str(&self.message())
    }
}
