//! The lints: what a plan could do better, said before a migration runs, with the better code.
//!
//! [`judge`] is pure: an operation and what was read of the collection in, lints out.
//! [`read`] is the edge that reads. [`subject`] says what a migration is known to do, [`around`]
//! what the operations before and after one mean for it, [`code`] writes what is better.

mod around;
mod facts;
mod judge;
mod names;
mod read;
mod subject;

use super::{Runner, plan::Step};
use crate::{
    kinds::effect::{self, Operation},
    model::{
        error::Error,
        lint::{Lint, LintLimits},
        report::dry_run::CommandReport,
        state::Direction,
    },
    registry::migration::Migration,
};

impl Runner {
    /// The lints of these steps, without those that are acknowledged for every migration. Reads only.
    pub(crate) async fn lints(&self, steps: &[Step]) -> Result<Vec<Lint>, Error> {
        let mut lints = self.lints_of(steps).await?;
        lints.retain(|lint| !self.settings.allowed.contains(&lint.name));
        Ok(lints)
    }

    /// The lints of these steps, as far as they can be known without running them. Reads only.
    pub(crate) async fn lints_of(&self, steps: &[Step]) -> Result<Vec<Lint>, Error> {
        let mut lints = Vec::new();
        let mut reader = read::Reader::new(&self.control, self.settings.lints);
        let ups = steps.iter().filter(|step| step.direction == Direction::Up);
        let subjects: Vec<effect::Subject> = ups.map(|step| subject::of(&step.migration)).collect();
        let all: Vec<Operation> =
            subjects.iter().flat_map(|subject| &subject.operations).cloned().collect();
        let mut done = 0;
        for subject in &subjects {
            for operation in &subject.operations {
                let (earlier, later) = all.split_at(done);
                done += 1;
                let later = later.get(1..).unwrap_or_default();
                let around = around::Around { earlier, later };
                let mut facts = reader.facts(operation, around).await?;
                around.settle(&mut facts, operation);
                lints.extend(judge::judge(subject, operation, &facts, self.settings.lints));
            }
        }
        Ok(lints)
    }
}

/// The lint of a transactional migration, by what a dry run saw of it.
pub(crate) fn large_transaction(
    migration: &Migration,
    commands: &[CommandReport],
    duration_ms: u64,
    limits: LintLimits,
) -> Option<Lint> {
    let subject = subject::empty(migration);
    let written = commands.iter().map(CommandReport::written).sum();
    let most = commands.iter().max_by_key(|command| command.written());
    let collection = most.and_then(|command| command.namespace.split_once('.'));
    let operation = Operation::Write {
        collection: collection.map(|(_, name)| name.to_owned()),
        seen: Some(effect::Seen { documents: written, duration_ms }),
    };
    judge::judge(&subject, &operation, &facts::Facts::default(), limits).pop()
}
