//! An entry of another tool's history, and which migration it is here.

use chrono::{DateTime, Utc};

use super::source::Source;
use crate::{
    model::report::operator::{ImportReport, Imported},
    registry::migration::Migration,
    run::Runner,
};

/// What another tool says of one migration.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Entry {
    /// The tool's name of the migration; for golang-migrate, its last version.
    pub(crate) name: String,
    /// For golang-migrate: the entry means every version up to and including this.
    pub(crate) up_to: Option<i64>,
    pub(crate) applied_at: Option<DateTime<Utc>>,
}

/// The entries, sorted by what an import does with them.
#[derive(Clone, Debug, Default)]
pub(crate) struct Judged {
    pub chosen: Vec<(Migration, Entry)>,
    pub already: Vec<(Migration, Entry)>,
    pub unmatched: Vec<String>,
    pub left_out: Vec<String>,
}

impl Judged {
    pub(crate) fn report(&self, runner: &Runner, source: &Source, written: bool) -> ImportReport {
        let show = |all: &[(Migration, Entry)]| {
            let one = |(one, entry): &(Migration, Entry)| Imported {
                version: one.version(),
                name: one.name().to_owned(),
                entry: entry.name.clone(),
                applied_at: entry.applied_at,
            };
            all.iter().map(one).collect()
        };
        ImportReport {
            group: runner.settings.group.clone(),
            database: runner.database_name(),
            from: source.tool,
            collection: source.name().to_owned(),
            imported: show(&self.chosen),
            already: show(&self.already),
            unmatched: self.unmatched.clone(),
            left_out: self.left_out.clone(),
            written,
        }
    }
}
