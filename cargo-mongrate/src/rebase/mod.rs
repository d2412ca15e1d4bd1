//! `cargo mongrate rebase`: my migrations get numbers newer than those of the other branch, and
//! what git could not merge of them is merged.
//!
//! `git` says what is going on, `which` whose side is whose, `theirs` what the other side has,
//! `plan` what is to be done, of it `number` the numbers, `items` the source files in conflict,
//! and `edits` what a new number changes. Only this file writes.

pub(crate) mod conflict;
mod edits;
mod git;
mod items;
mod number;
mod plan;
mod references;
mod theirs;
mod which;

use conflict::Side;
use git::{Git, Operation};
use plan::Plan;
use which::Said;

use crate::Report;
use crate::package::Package;
use crate::state::State;
use crate::write;

/// What was asked for.
#[derive(Debug, Default)]
pub(crate) struct Rebase {
    /// Names or files of the migrations that are mine.
    pub(crate) only: Vec<String>,
    pub(crate) mine: Option<Side>,
    pub(crate) onto: Option<String>,
    pub(crate) dry_run: bool,
}

/// Done for every package, or for none.
pub(crate) fn run(packages: &[&Package], asked: &Rebase) -> Result<Report, Vec<String>> {
    let mut plans: Vec<(&Package, Plan)> = Vec::new();
    let (mut report, mut problems) = (Vec::new(), Vec::new());
    let mut operation = Operation::Nothing;
    for package in packages {
        let git = Git::around(&package.directory);
        let said = Said { mine: asked.mine, onto: asked.onto.as_deref() };
        let which = which::decide(git.as_ref(), said).map_err(|problem| vec![problem])?;
        operation = which.operation;
        match plan::make(package, git.as_ref(), &which, &asked.only) {
            Ok(plan) if plan.is_empty() => {
                let text = "nothing to rebase: your migrations are newer than those of";
                report.push(format!("{}: {text} {}", package.name, which.shown));
            }
            Ok(plan) => {
                report.extend(described(package, &plan, &which.shown, asked.dry_run));
                plans.push((package, plan));
            }
            Err(found) => problems.extend(found),
        }
    }
    if !problems.is_empty() {
        problems.push("nothing was changed".to_owned());
        return Err(problems);
    }
    if asked.dry_run || plans.is_empty() {
        return Ok(report.into());
    }
    for (_, plan) in &plans {
        write::all(&plan.overlay, &plan.copies).map_err(|problem| vec![problem])?;
    }
    report
        .extend(plans.iter().map(|(package, plan)| plan::next(operation, package, plan.unsealed)));
    let problems = plans
        .iter()
        .flat_map(|(package, _)| match State::read(package) {
            Ok(state) => state.problems(),
            Err(problems) => problems,
        })
        .collect();
    Ok(Report { lines: report, problems, ..Report::default() })
}

fn described(package: &Package, plan: &Plan, shown: &str, dry_run: bool) -> Vec<String> {
    let what = if dry_run { "would be rebased onto" } else { "rebased onto" };
    let mut lines = vec![format!("{}: {what} {shown}", package.name)];
    lines.extend(plan.done.iter().map(|line| format!("  {line}")));
    if !plan.left.is_empty() {
        lines.push("left alone, look at them:".to_owned());
        lines.extend(plan.left.iter().map(|line| format!("  {line}")));
    }
    if !plan.renumbered.is_empty() {
        lines.push(format!(
            "note: to a database that has applied {} under the old number, the new number is a new \
             migration: `up` would refuse, or apply it again. If there is one, such as your own, \
             roll it back there from a checkout of your branch as it was (`cargo mongrate down`), \
             or drop that database. `cargo mongrate status` shows what a database has applied",
            plan.renumbered.join(", ")
        ));
    }
    lines
}
