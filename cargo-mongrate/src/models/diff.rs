//! `cargo mongrate diff`: decides what to write for each package, writes it, and says so.

use mongrate_seal::{
    create::NewMigration,
    models::{Answers, Difference, Snapshot},
    sources::Sources,
};
use serde_json::Value;

use super::{
    ask, file, json,
    options::Diff,
    pending,
    written::{self, Written},
};
use crate::{
    finding::{Finding, Review, Severity, rules},
    package::{Package, Workspace, name_list},
    places::shown,
    report::Report,
};

/// The name of the check.
pub(crate) const MODELS: &str = "models.snap and the types";

/// What is known of a package.
struct Found<'a> {
    package: &'a Package,
    target: &'a Package,
    wanted: Snapshot,
    difference: Difference,
    /// Whether there is no `models.snap` yet.
    is_first: bool,
    /// Whether there are migrations.
    had_migrations: bool,
}

/// `diff --check`: whether the types are what the migrations lead to. Writes nothing.
pub(crate) fn check(workspace: &Workspace, packages: &[&Package], diff: &Diff) -> Review {
    let mut review = Review::new("diff");
    let mut report = Report::default();
    let found = match look(workspace, packages, diff, &mut report) {
        Ok((all, answers)) => {
            let found = problems(&all, &answers, diff);
            if found.is_empty() {
                all.iter().for_each(|found| describe(found, None, &mut report));
            }
            found
        }
        Err(problems) => {
            let unknown = |it: &String| Finding::read(&rules::MODELS_UNKNOWN, Severity::Error, it);
            problems.iter().map(unknown).collect()
        }
    };
    let warnings = report.warnings.iter();
    let warning = |it| Finding::read(&rules::MODELS_DIFFER, Severity::Warning, it);
    review.checked(MODELS, found.into_iter().chain(warnings.map(|it| warning(it))).collect());
    review.lines = report.lines;
    review
}

pub(crate) fn run(
    workspace: &Workspace,
    packages: &[&Package],
    diff: &Diff,
) -> Result<Report, Vec<String>> {
    let mut report = Report::default();
    let (all, answers) = look(workspace, packages, diff, &mut report)?;
    report.problems = problems(&all, &answers, diff).iter().map(ToString::to_string).collect();
    let writes = report.problems.is_empty() && !diff.check && !diff.dry_run;
    let mut values = Vec::new();
    for found in &all {
        let written = match writes && found.difference.differs {
            true => Some(write(found, diff)?),
            false => None,
        };
        values.push(value(found, written.as_ref()));
        if report.problems.is_empty() {
            describe(found, written.as_ref(), &mut report);
        }
    }
    if diff.json {
        report.lines = vec![format!("{:#}", Value::Array(values))];
    }
    Ok(report)
}

/// Asks each package with models. Finishes what a killed process began, unless it only looks.
fn look<'a>(
    workspace: &'a Workspace,
    packages: &[&'a Package],
    diff: &Diff,
    report: &mut Report,
) -> Result<(Vec<Found<'a>>, Answers), Vec<String>> {
    let single = |problem: String| vec![problem];
    // First, so that mistakes in the arguments are told before anything is compiled.
    if let Some(name) = &diff.name {
        NewMigration::named(name).map_err(|error| single(error.to_string()))?;
    }
    let mut answers = answers(diff).map_err(single)?;
    let packages = with_models(packages)?;
    for package in packages.iter().filter(|package| pending::is_there(package)) {
        if diff.check || diff.dry_run {
            return Err(single(pending::problem(package)));
        }
        report.lines.extend(pending::finish(package).map_err(single)?.into_iter().flatten());
    }
    let mut all = Vec::new();
    for package in packages {
        all.extend(find(workspace, package, diff, &mut answers)?);
    }
    if all.is_empty() {
        let text = "no type of these packages derives `mongrate::Model` with a collection";
        return Err(single(text.to_owned()));
    }
    Ok((all, answers))
}

fn answers(diff: &Diff) -> Result<Answers, String> {
    let mut answers = Answers::default();
    diff.leave.iter().for_each(|place| answers.leave(place));
    diff.remove.iter().for_each(|place| answers.remove(place));
    for answer in &diff.becomes {
        answers.becomes(answer).map_err(|error| error.to_string())?;
    }
    Ok(answers)
}

/// The packages that may have models; a single package is asked anyway.
fn with_models<'a>(packages: &[&'a Package]) -> Result<Vec<&'a Package>, Vec<String>> {
    if packages.len() == 1 {
        return Ok(packages.to_vec());
    }
    let found: Vec<&Package> =
        packages.iter().copied().filter(|package| ask::may_have_models(package)).collect();
    match found.is_empty() {
        true => Err(vec![format!(
            "no package has models (`#[derive(mongrate::Model)]`): {}",
            name_list(packages)
        )]),
        false => Ok(found),
    }
}

fn find<'a>(
    workspace: &'a Workspace,
    package: &'a Package,
    diff: &Diff,
    answers: &mut Answers,
) -> Result<Option<Found<'a>>, Vec<String>> {
    let single = |problem: String| vec![problem];
    let target = target(workspace, package, diff.into.as_deref()).map_err(single)?;
    let known = file::read(package).map_err(single)?;
    let wanted = ask::wanted(workspace, package, &diff.compile).map_err(single)?;
    let wanted = match (wanted, &known) {
        (Some(wanted), _) => wanted,
        (None, None) => return Ok(None),
        // The last model is gone.
        (None, Some(_)) => Snapshot::default(),
    };
    let is_first = known.is_none();
    let difference = known.unwrap_or_default().difference(&wanted, answers);
    let had_migrations = !Sources::reached_from(&target.roots).migrations.is_empty();
    Ok(Some(Found { package, target, wanted, difference, is_first, had_migrations }))
}

/// The package of the migrations.
fn target<'a>(
    workspace: &'a Workspace,
    package: &'a Package,
    into: Option<&str>,
) -> Result<&'a Package, String> {
    let setting = package.settings.get("migrations").and_then(Value::as_str);
    let Some(name) = into.or(setting) else { return Ok(package) };
    workspace.get(name).ok_or_else(|| format!("the workspace has no package `{name}`"))
}

/// What nobody has decided; with `--check`, that there is something to write.
fn problems(all: &[Found<'_>], answers: &Answers, diff: &Diff) -> Vec<Finding> {
    let error = |text: String| Finding::error(&rules::MODELS_DIFFER, text);
    let mut problems: Vec<Finding> = all
        .iter()
        .flat_map(|found| found.difference.questions.iter().map(|it| error(it.to_string())))
        .collect();
    problems.extend(answers.unused().into_iter().map(|answer| {
        error(format!(
            "`{answer}` answers nothing that changes: leave it out, or correct the place"
        ))
    }));
    if diff.check {
        let differing = all.iter().filter(|found| found.difference.differs);
        problems.extend(differing.map(|found| {
            error(format!(
                "package `{}`: its types are not what its migrations lead to: `cargo mongrate diff NAME` \
                 writes the migration",
                found.package.name
            ))
        }));
        return problems;
    }
    let differing: Vec<&Package> = all
        .iter()
        .filter(|found| !found.difference.operations.is_empty())
        .map(|found| found.package)
        .collect();
    if diff.name.is_some() && differing.len() > 1 {
        problems.push(error(format!(
            "several packages need a migration, and one name is for one of them: say which with `-p`: {}",
            name_list(&differing)
        )));
    }
    if !problems.is_empty() {
        problems.push(error("nothing was written".to_owned()));
    }
    problems
}

fn write(found: &Found<'_>, diff: &Diff) -> Result<Written, Vec<String>> {
    let Found { package, target, wanted, difference, .. } = found;
    if difference.operations.is_empty() {
        return written::snapshot_only(package, wanted).map_err(|problem| vec![problem]);
    }
    let (name, directory) = (diff.name.as_deref(), diff.dir.as_deref());
    written::both(package, target, wanted, difference, name, directory)
}

fn value(found: &Found<'_>, written: Option<&Written>) -> Value {
    let files: Vec<String> =
        written.iter().flat_map(|written| &written.files).map(|path| shown(path)).collect();
    let migration = written.and_then(|written| written.migration.as_deref());
    json::package(&found.package.name, &found.difference, migration, &files)
}

/// Says what a package needs, and what was written.
fn describe(found: &Found<'_>, written: Option<&Written>, report: &mut Report) {
    let Found { package, difference, is_first, .. } = found;
    let name = &package.name;
    let (mut may_not_fit, mut others) = (Vec::new(), Vec::new());
    for note in &difference.notes {
        if note.may_not_fit { may_not_fit.push(note) } else { others.push(note) }
    }
    if !difference.differs {
        let text = "nothing to write: its types are what its migrations lead to";
        return report.lines.push(format!("{name}: {text}"));
    }
    let without = if difference.operations.is_empty() {
        ": no migration is needed, only models.snap changes"
    } else {
        ""
    };
    report.lines.push(format!("{name}{without}"));
    report.lines.extend(difference.operations.iter().map(|it| format!("  {}", it.text())));
    report.lines.extend(others.iter().map(|note| format!("  {note}")));
    report.warnings.extend(may_not_fit.iter().map(|note| note.to_string()));
    match written {
        Some(written) => report.lines.extend(written.lines.iter().cloned()),
        None if !difference.operations.is_empty() => {
            let code = difference.code();
            report.lines.push(String::new());
            report.lines.extend(code.body.lines().map(str::to_owned));
            report.lines.push(String::new());
            report.lines.push("nothing was written".to_owned());
        }
        None => report.lines.push("nothing was written".to_owned()),
    }
    if *is_first && found.had_migrations {
        report.warnings.push(format!(
            "package `{name}` has migrations and had no models.snap, so all its models count as new: if a \
             database has their collections already, undo this with git, and run `cargo mongrate models init`"
        ));
    }
    if !may_not_fit.is_empty() {
        report.lines.push(
            "`plan` of the app counts the documents that do not fit a validator: `cargo mongrate plan`".to_owned(),
        );
    }
    if written.is_some_and(|written| written.migration.is_some()) {
        let next =
            "next: read the migration, `cargo check`, `cargo mongrate seal`, `cargo mongrate up`";
        report.lines.push(next.to_owned());
    }
}
