//! `cargo mongrate ci` and `lint`: every check in one command. `base` is what git knows of the branch that
//! changes are compared with, `sealed` and `schema` compare with it, `shadow` runs the app. This file puts
//! the checks in their order.

mod base;
pub(crate) mod options;
mod report;
mod schema;
mod sealed;
mod shadow;

use serde_json::Value;

use self::{
    base::Base,
    options::{Ci, Lint, When},
    shadow::{Answer, Asked},
};
use crate::{
    finding::{Finding, Review, Severity, Touched, rules},
    models::{
        ask, diff, file,
        options::{Compile, Diff},
    },
    package::{Package, Selection, Workspace},
    rebase::git::Git,
    state::PackageState,
    verbs::{self, Checked},
};

const SEALED: &str = "the sealed history since the base branch";
/// Why nothing is compiled.
const BROKEN: &str = "there are errors above that the compiler refuses, too";
const SCHEMA: &str = "schema.snap";
const ROLLBACKS: &str = "rollbacks of the new migrations";
const SHADOW: &str = "shadow run and lints of the app";

/// All checks.
pub(crate) fn run(
    workspace: &Workspace,
    selection: &Selection<'_>,
    packages: &[&Package],
    options: &Ci,
) -> (Review, Vec<(&'static str, Value)>) {
    let git = packages.first().and_then(|package| Git::around(&package.directory));
    let base = Base::find(git.as_ref(), options.base.as_deref());
    let new = |state: &PackageState<'_>| -> Vec<Touched> {
        base.iter().flat_map(|base| sealed::new(state, base)).collect()
    };
    let Checked { mut review, json, states } = verbs::check(workspace, packages, false, new);
    review.command = "ci";
    review.lines.clear();
    review.prefix = git.as_ref().map(base::prefix).unwrap_or_default();
    match &base {
        Ok(base) => {
            let mut found = sealed::unsealed(&states);
            found.extend(states.iter().flat_map(|state| sealed::rewritten(state, base)));
            review.checked(SEALED, found);
            review.migrations = states.iter().flat_map(new).collect();
        }
        Err(problem) => review.checked(SEALED, vec![Finding::error(&rules::INVALID, problem)]),
    }
    check_models(workspace, packages, options, &mut review);
    let shadow = check_app(workspace, selection, &states, options, &mut review);
    let stale = shadow.and_then(|newest| stale(workspace, selection, packages, options, newest));
    let mut of_schema = Vec::new();
    if let Ok(base) = &base {
        let is_new = !review.migrations.is_empty();
        of_schema.extend(packages.iter().flat_map(|it| schema::changed(it, base, is_new)));
    }
    let has_file = packages.iter().any(|package| schema::path(package).is_file());
    of_schema.extend(stale);
    match has_file || !of_schema.is_empty() {
        true => review.checked(SCHEMA, of_schema),
        false => {
            review.skipped(SCHEMA, "there is no schema.snap: `assert_schema` in a test writes it")
        }
    }
    review.checked(ROLLBACKS, irreversible(&review));
    review.allow(&options.allow);
    if options.strict {
        review.strict();
    }
    (review, json)
}

/// Only the lints: those of the sources, and those of the app's plan.
pub(crate) fn lint(
    workspace: &Workspace,
    selection: &Selection<'_>,
    packages: &[&Package],
    options: &Lint,
) -> Review {
    let mut review = Review::new("lint");
    let git = packages.first().and_then(|package| Git::around(&package.directory));
    review.prefix = git.as_ref().map(base::prefix).unwrap_or_default();
    let Checked { review: checked, states, .. } =
        verbs::check(workspace, packages, true, |_| Vec::new());
    let is_lint = |finding: &&Finding| finding.rule == rules::USES_APP_TYPE;
    let mut of_sources: Vec<Finding> = checked.findings.iter().filter(is_lint).cloned().collect();
    of_sources.iter_mut().for_each(|lint| lint.severity = Severity::Warning);
    review.checked(verbs::LINTS, of_sources);
    // What cannot be read has no lints.
    let is_broken = |finding: &&Finding| {
        finding.severity == Severity::Error && finding.rule != rules::USES_APP_TYPE
    };
    let broken: Vec<Finding> = checked.findings.iter().filter(is_broken).cloned().collect();
    if !broken.is_empty() {
        review.checked(verbs::SOURCES, broken);
    }
    const NAME: &str = "lints of the app's plan";
    let asked = Asked { workspace, selection, build: &options.build, rest: &options.rest };
    match asked.refusal(options.server) {
        Some(why) => review.skipped(NAME, why),
        None if !compiles(&review) => review.skipped(NAME, BROKEN),
        None => match asked.plan() {
            Answer::Report(report) => review.checked(NAME, report::lints(&report, &states)),
            Answer::Skipped(why) => review.skipped(NAME, why),
            Answer::Failed(finding) => review.checked(NAME, vec![finding]),
        },
    }
    review.allow(&options.allow);
    if options.strict {
        review.strict();
    }
    review
}

/// Whether the compiler takes the sources, as far as the checks before have seen.
fn compiles(review: &Review) -> bool {
    let is_compiled =
        |finding: &Finding| finding.rule == rules::NOT_SEALED || finding.rule == rules::RESEALED;
    let mut errors = review.findings.iter().filter(|it| it.severity == Severity::Error);
    errors.all(is_compiled)
}

fn check_models(workspace: &Workspace, packages: &[&Package], options: &Ci, review: &mut Review) {
    let with_models: Vec<&Package> =
        packages.iter().copied().filter(|package| ask::may_have_models(package)).collect();
    if with_models.is_empty() {
        return review.skipped(diff::MODELS, "no type derives `mongrate::Model`");
    }
    if options.no_compile {
        return review.skipped(diff::MODELS, "`--no-compile`");
    }
    if !compiles(review) {
        return review.skipped(diff::MODELS, BROKEN);
    }
    let build = &options.build;
    let compile = Compile {
        features: build.features.clone(),
        all_features: build.all_features,
        no_default_features: build.no_default_features,
        profile: build.profile.clone(),
    };
    let options = Diff { check: true, compile, ..Diff::default() };
    let found = diff::check(workspace, &with_models, &options);
    // A file without models has nothing to differ.
    let has_none = |finding: &Finding| {
        finding.rule == rules::MODELS_UNKNOWN && finding.text.contains("derives `mongrate::Model`")
    };
    match found.findings.iter().any(has_none)
        && with_models.iter().all(|it| !file::path(it).exists())
    {
        true => review.skipped(diff::MODELS, "no type derives `mongrate::Model`"),
        false => review.checked(diff::MODELS, found.findings),
    }
}

/// The shadow run. Returns the newest version if all migrations ran to their end.
fn check_app(
    workspace: &Workspace,
    selection: &Selection<'_>,
    states: &[PackageState<'_>],
    options: &Ci,
    review: &mut Review,
) -> Option<i64> {
    let asked = Asked { workspace, selection, build: &options.build, rest: &options.rest };
    let when = if options.no_compile { When::Never } else { options.shadow };
    if let Some(why) = asked.refusal(when) {
        let why = if options.no_compile { "`--no-compile`".to_owned() } else { why };
        review.skipped(SHADOW, why);
        return None;
    }
    if !compiles(review) {
        review.skipped(SHADOW, BROKEN);
        return None;
    }
    match asked.shadow(options.sample) {
        Answer::Report(report) => {
            let found = report::findings(&report, states);
            let is_sound = found.iter().all(|finding| finding.severity < Severity::Error);
            report::add_costs(&report, &mut review.migrations);
            review.shadow = Some(report.shadow_run());
            review.checked(SHADOW, found);
            let versions = states.iter().flat_map(|state| &state.sources.migrations);
            let newest = versions.filter(|it| it.group == report.group).map(|it| it.version).max();
            newest.filter(|_| is_sound)
        }
        Answer::Skipped(why) => {
            review.skipped(SHADOW, why);
            None
        }
        Answer::Failed(finding) => {
            review.checked(SHADOW, vec![finding]);
            None
        }
    }
}

/// Whether schema.snap is what the migrations lead to.
fn stale(
    workspace: &Workspace,
    selection: &Selection<'_>,
    packages: &[&Package],
    options: &Ci,
    newest: i64,
) -> Option<Finding> {
    let package = packages.iter().find(|package| schema::path(package).is_file())?;
    let asked = Asked { workspace, selection, build: &options.build, rest: &options.rest };
    match asked.schema_at(newest) {
        Ok(text) => schema::stale(package, &text),
        Err(finding) => Some(*finding),
    }
}

/// A note for each new migration that cannot be rolled back.
fn irreversible(review: &Review) -> Vec<Finding> {
    let all = review.migrations.iter().filter(|migration| !migration.is_reversible);
    all.map(|migration| {
        let text = format!("{} `{}` cannot be rolled back", migration.version, migration.name);
        let mut note = Finding::new(&rules::IRREVERSIBLE, Severity::Note, text);
        note.place = migration.place.clone();
        note
    })
    .collect()
}
