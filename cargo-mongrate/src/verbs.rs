//! The verbs of the sum file. `seal` and `check` look for problems first, and `seal` writes only if
//! there are none.

use std::{collections::BTreeSet, path::Path};

use mongrate_seal::{After, nearest, sources::Written, sum::shortened};
use serde_json::{Value, json};

use crate::{
    finding::{Finding, Review, Severity, Touched, rules},
    graph::Graph,
    hermetic,
    models::{file, pending},
    package::{Package, Workspace},
    packaged,
    places::{place, relative},
    policies,
    report::Report,
    state::PackageState,
};

type Outcome = Result<Vec<String>, Vec<String>>;

/// Appends the migrations that are new.
pub(crate) fn seal(packages: &[&Package]) -> Result<Report, Vec<String>> {
    let mut states = read_all(packages)?;
    let found = states.iter().flat_map(PackageState::warnings);
    let mut warnings: Vec<String> = found.map(|finding| finding.to_string()).collect();
    let problems: Vec<String> = states.iter().flat_map(PackageState::problems).collect();
    if !problems.is_empty() {
        return Ok(Report { warnings, problems, ..Report::default() });
    }
    let mut report = Vec::new();
    for state in &mut states {
        let mut appended = 0;
        let named = match state.sources.migrations.iter().any(|migration| state.is_new(migration)) {
            true => hermetic::read(state.package, &state.sources, &state.sum),
            false => Vec::new(),
        };
        for migration in &state.sources.migrations {
            if state.sum.append(migration.declared()) {
                appended += 1;
                let (version, name) = (migration.version, &migration.name);
                report.push(format!("sealed {version} `{name}`  {}", place(migration)));
                for named in named.iter().filter(|named| named.is_of(migration)) {
                    report.extend(named.lines());
                    warnings.extend(named.lint_text());
                }
            }
        }
        if appended > 0 {
            state.write()?;
        }
    }
    if report.is_empty() {
        report.push("nothing to seal".to_owned());
    }
    warnings.extend(states.iter().flat_map(|state| packaged::left_out(state.package)));
    Ok(Report { lines: report, warnings, ..Report::default() })
}

/// Seals one migration again, as it is now in the source.
pub(crate) fn reseal(packages: &[&Package], group: &str, version: i64) -> Outcome {
    let mut states = read_all(packages)?;
    let sealed = |state: &PackageState<'_>| state.sum.get(group, version).is_some();
    let found = states.iter().filter(|state| sealed(state)).count();
    let Some(state) = states.iter_mut().find(|state| sealed(state)) else {
        return Err(vec![format!("version {version} of group `{group}` is not sealed")]);
    };
    if found > 1 {
        let text = format!("several packages seal version {version}: say which with `-p`");
        return Err(vec![text]);
    }
    let mut all = state.sources.migrations.iter();
    let is_meant = |found: &&Written| found.version == version && found.group == group;
    let Some(migration) = all.find(is_meant) else {
        let text = format!("version {version} of group `{group}` is in no source of the package");
        return Err(vec![text]);
    };
    if migration.used.is_none() {
        let problems = state.sources.problems.iter().map(|problem| relative(problem));
        return Err(problems.collect());
    }
    let before = state.sum.get(group, version).cloned();
    state.sum.reseal(migration.declared());
    state.write()?;
    let before = before.map_or_else(String::new, |sealed| {
        format!("  was `{}` {}", sealed.name, shortened(&sealed.checksum))
    });
    let (name, checksum) = (&migration.name, shortened(&migration.checksum));
    Ok(vec![format!("resealed {version} `{name}` {checksum}{before}")])
}

/// The names of the checks of `check`.
pub(crate) const SOURCES: &str = "sources and migrations.sum";
pub(crate) const PACKAGES: &str = "packages, mongrate.toml and models.snap";
pub(crate) const LINTS: &str = "lints of the sources";

/// What `check` found: the review, and what its JSON has besides.
#[derive(Default)]
pub(crate) struct Checked<'a> {
    pub(crate) review: Review,
    pub(crate) json: Vec<(&'static str, Value)>,
    pub(crate) states: Vec<PackageState<'a>>,
}

/// Reports what the compiler would refuse, and what the linker would drop.
///
/// `is_strict`: lints are problems. `new` returns the migrations whose lints are told one by one, beside those
/// that are not sealed.
pub(crate) fn check<'a>(
    workspace: &Workspace,
    packages: &[&'a Package],
    is_strict: bool,
    new: impl Fn(&PackageState<'a>) -> Vec<Touched>,
) -> Checked<'a> {
    let mut review = Review::new("check");
    let (mut states, mut of_sources) = (Vec::new(), Vec::new());
    for package in packages {
        match PackageState::read(package) {
            Ok(state) => states.push(state),
            Err(problems) => of_sources.extend(
                problems.iter().map(|it| Finding::read(&rules::BAD_SUM, Severity::Error, it)),
            ),
        }
    }
    of_sources.extend(states.iter().flat_map(PackageState::warnings));
    of_sources.extend(states.iter().flat_map(PackageState::errors));
    review.checked(SOURCES, of_sources);
    if states.len() < packages.len() {
        return Checked { review, states, json: Vec::new() };
    }
    let manifests: Vec<&Path> = packages.iter().map(|package| package.manifest.as_path()).collect();
    let (graph, unknown) = match workspace.graph() {
        Ok((graph, unknown)) => (Some(graph), unknown),
        Err(problem) => {
            let finding = Finding::read(&rules::INVALID, Severity::Error, &problem);
            review.checked(PACKAGES, vec![finding]);
            (None, None)
        }
    };
    if let Some(graph) = &graph {
        review.checked(PACKAGES, of_packages(packages, &states, graph, &manifests));
    }
    let (mut lints, mut of_lints) = (Vec::new(), Vec::new());
    let unknown_groups = unknown_groups(workspace, &states);
    of_lints.extend(
        unknown_groups.iter().map(|it| Finding::read(&rules::UNKNOWN_GROUP, Severity::Warning, it)),
    );
    let mut in_packages = Vec::new();
    let mut listed = Vec::new();
    for state in &states {
        let named = hermetic::read(state.package, &state.sources, &state.sum);
        listed.extend(named.iter().flat_map(hermetic::Named::lines));
        lints.extend(hermetic::lints_json(&state.package.name, &named));
        of_lints.extend(match is_strict {
            true => hermetic::lints(&named),
            false => {
                let new = new(state);
                hermetic::warnings(&state.package.name, &named, |migration| {
                    new.iter()
                        .any(|it| it.version == migration.version && it.name == migration.name)
                })
            }
        });
        let all = &state.sources.migrations;
        in_packages.push(json!({
            "name": state.package.name,
            "migrations": all.len(),
            "sealed": state.sum.sealed().len(),
            "new": all.iter().filter(|migration| state.is_new(migration)).count(),
            "outside": hermetic::json(&named),
        }));
    }
    review.checked(LINTS, of_lints);
    if is_strict {
        review.strict_about(&rules::USES_APP_TYPE);
    }
    let json = vec![("packages", in_packages.into()), ("lints", lints.into())];
    if !review.is_ok() {
        review.lines = listed;
        return Checked { review, json, states };
    }
    review.lines = graph.iter().flat_map(|graph| graph.hints(&manifests)).chain(listed).collect();
    if let Some(problem) = unknown {
        review.lines.push(format!(
            "only the workspace's own packages were checked, as cargo cannot list the others: \
             {problem}"
        ));
    }
    review.lines.extend(states.iter().map(summary));
    Checked { review, json, states }
}

/// What is wrong with packages beside their sources.
fn of_packages(
    packages: &[&Package],
    states: &[PackageState<'_>],
    graph: &Graph,
    manifests: &[&Path],
) -> Vec<Finding> {
    let error = |rule| move |text: String| Finding::read(rule, Severity::Error, &text);
    let mut found: Vec<Finding> =
        states.iter().flat_map(policies::problems).map(error(&rules::POLICIES)).collect();
    found.extend(graph.problems(manifests).into_iter().map(error(&rules::LINKED)));
    for package in packages {
        found.extend(file::read(package).err().map(error(&rules::MODELS_FILE)));
        let pending = pending::is_there(package).then(|| pending::problem(package));
        found.extend(pending.map(error(&rules::MODELS_FILE)));
    }
    for state in states {
        let severity = match state.package.is_published {
            true => Severity::Error,
            false => Severity::Warning,
        };
        let left_out = packaged::left_out(state.package);
        found.extend(left_out.iter().map(|it| Finding::read(&rules::LEFT_OUT, severity, it)));
    }
    found
}

/// `shop: 3 migrations, 2 sealed, 1 new`
fn summary(state: &PackageState<'_>) -> String {
    let new = state.sources.migrations.iter().filter(|migration| state.is_new(migration)).count();
    let mut line = format!(
        "{}: {} migrations, {} sealed",
        state.package.name,
        state.sources.migrations.len(),
        state.sum.sealed().len()
    );
    if new > 0 {
        line += &format!(", {new} new: `cargo mongrate seal` seals them");
    }
    if let Ok(Some(rules)) = policies::rules(state.package) {
        line += &format!("; {} in {}", counted(rules.len()), mongrate_seal::policies::FILE);
    }
    line
}

/// Warns of orders (`after`) that name a group of which no package of the workspace has a migration.
fn unknown_groups(workspace: &Workspace, states: &[PackageState<'_>]) -> Vec<String> {
    let has_order =
        states.iter().any(|state| state.sources.migrations.iter().any(|one| !one.after.is_empty()));
    if !has_order {
        return Vec::new();
    }
    let read = |package: &&Package| states.iter().any(|state| state.package.name == package.name);
    let unread =
        workspace.packages.iter().filter(|package| package.uses_mongrate && !read(package));
    let unread: Vec<PackageState<'_>> =
        unread.filter_map(|package| PackageState::read(package).ok()).collect();
    let groups: BTreeSet<&str> = states
        .iter()
        .chain(&unread)
        .flat_map(|state| &state.sources.migrations)
        .map(|one| one.group.as_str())
        .collect();
    let all = states.iter().flat_map(|state| &state.sources.migrations);
    let firsts = all.flat_map(|one| one.after.iter().map(move |after| (one, after)));
    firsts
        .filter_map(|(one, after)| {
            let first = After::parse(after)?.group;
            if groups.contains(first.as_str()) {
                return None;
            }
            let meant = nearest(&first, groups.iter().copied());
            let meant = meant.map_or_else(String::new, |meant| format!("; did you mean `{meant}`?"));
            let there: Vec<String> = groups.iter().map(|group| format!("`{group}`")).collect();
            Some(format!(
                "{}: {} `{}` comes after `{after}`, and no package of this workspace has a migration of \
                 group `{first}` (there are: {}): another app has to apply it, or this one waits for \
                 ever{meant}",
                place(one),
                one.version,
                one.name,
                there.join(", ")
            ))
        })
        .collect()
}

fn counted(policies: usize) -> String {
    if policies == 1 { "1 policy".to_owned() } else { format!("{policies} policies") }
}

fn read_all<'a>(packages: &[&'a Package]) -> Result<Vec<PackageState<'a>>, Vec<String>> {
    packages.iter().map(|package| PackageState::read(package)).collect()
}
