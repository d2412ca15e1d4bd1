//! A lint before it is known of which migration it is.

use crate::{
    kinds::effect::Subject,
    model::lint::{Lint, LintName},
    run::lint::facts::Facts,
};

/// A lint without its migration.
pub(super) struct Found {
    pub name: LintName,
    pub message: String,
    pub bad: String,
    pub good: String,
    pub details: Vec<String>,
    pub estimated: bool,
}

impl Found {
    pub(super) fn of(self, subject: &Subject, facts: &Facts) -> Lint {
        let mut details = self.details;
        let is_read =
            matches!(self.name, LintName::UniqueIndexOverDuplicates | LintName::ValidatorFails);
        if facts.as_of_now && is_read {
            details.push("as the database is now, before what comes first has run".to_owned());
        }
        Lint {
            name: self.name,
            version: subject.version,
            migration: subject.migration.to_owned(),
            message: self.message,
            bad: self.bad,
            good: self.good,
            details,
            estimated: self.estimated,
        }
    }
}
