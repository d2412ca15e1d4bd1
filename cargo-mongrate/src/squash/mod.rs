//! `cargo mongrate squash`: writes one declared migration that stands for all former ones of a group, and
//! proves that it leads to the same.
//!
//! The app is asked twice, through its `schema --at`: what the old migrations lead to, and what the squash
//! leads to. `plan` decides what changes, `text` writes the new file, `mod_line` takes old ones away.

mod mod_line;
pub(crate) mod options;
mod plan;
mod proof;
mod rustfmt;
mod signals;
mod text;

use self::{
    options::Squash,
    plan::{Finish, Plan},
    proof::{Led, asked, difference},
};
use crate::{
    new::only_package,
    package::{Package, Selection, Workspace},
    places::shown,
    report::Report,
    state::PackageState,
    write,
};

pub(crate) fn run(
    workspace: &Workspace,
    selection: &Selection<'_>,
    packages: &[&Package],
    options: &Squash,
) -> Result<Report, Vec<String>> {
    let single = |problem: String| vec![format!("{problem}; nothing was changed")];
    let package = only_package(packages)?;
    let state = PackageState::read(package)?;
    let problems = state.problems();
    if !problems.is_empty() {
        return Err(problems);
    }
    let asked = |version| asked(workspace, selection, package, options, version);
    if let Some(found) = plan::finish(&state, options).map_err(single)? {
        let builds = || sound(package).and_then(|()| asked(found.squash).map(drop));
        return finish(&found, options, builds);
    }
    let chosen = plan::choose(&state, options).map_err(single)?;
    let led = asked(chosen.to).map_err(single)?;
    led.is_usable(&options.data).map_err(single)?;
    let plan = Plan::make(&state, &chosen, &led, options).map_err(single)?;
    let mut report = described(&plan, &led, options);
    if options.dry_run {
        report.lines.push(String::new());
        report.lines.extend(plan.text.lines().map(str::to_owned));
        report.lines.push("nothing was changed".to_owned());
        return Ok(report);
    }
    let interrupted = signals::noted().map_err(single)?;
    let undo = write::apply(&plan.overlay, &[]).map_err(|problem| vec![problem])?;
    let proof =
        sound(package).and_then(|()| asked(plan.version)).and_then(|now| {
            match difference(&led, &now) {
                None => Ok(()),
                Some(difference) => {
                    Err(format!("the squash does not lead to the same:\n{difference}"))
                }
            }
        });
    if interrupted() {
        return Err(vec![format!("interrupted before the squash was proved; {}", undo.run())]);
    }
    if let Err(problem) = proof {
        return Err(vec![format!("{problem}\n{}", undo.run())]);
    }
    report.lines.push(
        "proved: in an empty database, it leads to the same collections, options, validators, indexes and \
         chosen documents"
            .to_owned(),
    );
    Ok(report)
}

/// Takes the old files of a squash away that is there already. `builds`: whether the app builds without
/// them, and the squash runs.
fn finish(
    found: &Finish,
    options: &Squash,
    builds: impl FnOnce() -> Result<(), String>,
) -> Result<Report, Vec<String>> {
    let Finish { overlay, removed, squash: _ } = found;
    let what = if options.dry_run { "would take away" } else { "took away" };
    let mut lines: Vec<String> =
        removed.iter().map(|file| format!("{what} {}", shown(file))).collect();
    lines.push(format!("{what} their lines in migrations.sum"));
    if !options.dry_run {
        let interrupted = signals::noted().map_err(|problem| vec![problem])?;
        let undo = write::apply(overlay, &[]).map_err(|problem| vec![problem])?;
        let built = builds();
        if interrupted() {
            return Err(vec![format!("interrupted; {}", undo.run())]);
        }
        if let Err(problem) = built {
            return Err(vec![format!("{problem}\n{}", undo.run())]);
        }
    }
    Ok(Report { lines, ..Report::default() })
}

/// Whether the package is sound as it is written now.
fn sound(package: &Package) -> Result<(), String> {
    let problems = match PackageState::read(package) {
        Ok(state) => state.problems(),
        Err(problems) => problems,
    };
    if problems.is_empty() { Ok(()) } else { Err(problems.join("\n")) }
}

fn described(plan: &Plan, led: &Led, options: &Squash) -> Report {
    let would = if options.dry_run { "would write" } else { "wrote" };
    let mut lines = vec![format!(
        "{would} {}: {} `{}` stands for {} migrations up to {}",
        shown(&plan.file),
        plan.version,
        plan.name,
        plan.count,
        plan.to
    )];
    match (options.keep, options.dry_run) {
        (true, _) => lines.push(
            "the old files stay, so that databases half-way can be finished; once every database has applied \
             them, the same command without `--keep` takes them away"
                .to_owned(),
        ),
        (false, dry_run) => {
            let would = if dry_run { "would take away" } else { "took away" };
            lines.extend(plan.removed.iter().map(|file| format!("{would} {}", shown(file))));
        }
    }
    let warnings = led
        .others
        .iter()
        .map(|(name, count)| {
            let (documents, them) = match count {
                1 => ("1 document".to_owned(), "it"),
                count => (format!("{count} documents"), "them"),
            };
            format!(
                "the old migrations put {documents} into `{name}`; a new database will not have {them}: \
                 `--data {name}` takes {them} over"
            )
        })
        .collect();
    Report { lines, warnings, ..Report::default() }
}
