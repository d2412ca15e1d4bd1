//! `cargo mongrate rebase`: gives your migrations numbers newer than those of the other branch, and
//! resolves git's conflicts in them.
//!
//! `git` reads the state of git, `ownership` decides which side is yours, `theirs` knows the
//! migrations of the other side, and `plan` decides what changes. `snapshot` merges `models.snap`, `numbering` chooses the numbers,
//! `items` merges source files in conflict, `edits` makes the changes that a new number needs, and
//! `references` finds what still has an old number. Only this file writes.

pub(crate) mod conflict;
mod edits;
pub(crate) mod git;
mod items;
mod numbering;
pub(crate) mod options;
pub(crate) mod ownership;
mod plan;
mod references;
mod snapshot;
pub(crate) mod theirs;

use self::{
    git::{Git, Operation},
    options::RebaseOptions,
    ownership::Ownership,
    plan::Plan,
};
use crate::{package::Package, report::Report, state::PackageState, write};

/// Rebases every package, or none.
pub(crate) fn run(packages: &[&Package], options: &RebaseOptions) -> Result<Report, Vec<String>> {
    let mut plans: Vec<(&Package, Plan)> = Vec::new();
    let (mut report, mut problems) = (Vec::new(), Vec::new());
    let mut operation = Operation::Nothing;
    for package in packages {
        let git = Git::around(&package.directory);
        let ownership =
            Ownership::decide(git.as_ref(), options).map_err(|problem| vec![problem])?;
        operation = ownership.operation;
        match plan::make(package, git.as_ref(), &ownership, &options.only) {
            Ok(plan) if plan.is_empty() => {
                let text = "nothing to rebase: your migrations are newer than those of";
                report.push(format!("{}: {text} {}", package.name, ownership.shown));
            }
            Ok(plan) => {
                report.extend(description(package, &plan, &ownership.shown, options.dry_run));
                plans.push((package, plan));
            }
            Err(found) => problems.extend(found),
        }
    }
    if !problems.is_empty() {
        problems.push("nothing was changed".to_owned());
        return Err(problems);
    }
    if options.dry_run || plans.is_empty() {
        return Ok(report.into());
    }
    for (_, plan) in &plans {
        write::apply(&plan.overlay, &plan.copies).map_err(|problem| vec![problem])?;
    }
    report.extend(
        plans.iter().map(|(package, plan)| plan::next_steps(operation, package, plan.unsealed)),
    );
    let problems = plans
        .iter()
        .flat_map(|(package, _)| match PackageState::read(package) {
            Ok(state) => state.problems(),
            Err(problems) => problems,
        })
        .collect();
    Ok(Report { lines: report, problems, ..Report::default() })
}

/// The lines that describe a plan.
fn description(package: &Package, plan: &Plan, shown: &str, dry_run: bool) -> Vec<String> {
    let what = if dry_run { "would be rebased onto" } else { "rebased onto" };
    let mut lines = vec![format!("{}: {what} {shown}", package.name)];
    lines.extend(plan.changes.iter().map(|line| format!("  {line}")));
    if !plan.references.is_empty() {
        lines.push("not changed, please check:".to_owned());
        lines.extend(plan.references.iter().map(|line| format!("  {line}")));
    }
    if !plan.renumbered.is_empty() {
        lines.push(format!(
            "note: a database that has applied {} under the old number takes the new number for a \
             new migration: `up` would refuse it, or apply it again. If you have such a database, roll \
             the migration back there from a checkout of your branch before the rebase (`cargo \
             mongrate down`), or drop the database. `cargo mongrate status` shows what a database \
             has applied",
            plan.renumbered.join(", ")
        ));
    }
    lines
}
