//! What can be done to a sum file. Every verb judges first, and writes only what is sound.

use std::path::Path;

use mongrate_seal::sum::shortened;

use crate::Report;
use crate::package::{Package, Workspace};
use crate::packaged;
use crate::state::{State, place};

type Outcome = Result<Vec<String>, Vec<String>>;

/// Appends what is new.
pub(crate) fn seal(packages: &[&Package]) -> Result<Report, Vec<String>> {
    let mut states = read_all(packages)?;
    let mut warnings: Vec<String> = states.iter().flat_map(State::warnings).collect();
    let problems: Vec<String> = states.iter().flat_map(State::problems).collect();
    if !problems.is_empty() {
        return Ok(Report { warnings, problems, ..Report::default() });
    }
    let mut report = Vec::new();
    for state in &mut states {
        let mut appended = 0;
        for one in &state.sources.migrations {
            if state.sum.append(one.declared()) {
                appended += 1;
                report.push(format!("sealed {} `{}`  {}", one.version, one.name, place(one)));
            }
        }
        if appended > 0 {
            state.write()?;
        }
    }
    if report.is_empty() {
        report.push("nothing to seal".to_owned());
    }
    warnings.extend(states.iter().filter_map(|state| packaged::left_out(state.package)));
    Ok(Report { lines: report, warnings, ..Report::default() })
}

/// Seals one migration again, as it is now.
pub(crate) fn reseal(packages: &[&Package], group: &str, version: i64) -> Outcome {
    let mut states = read_all(packages)?;
    let sealed = |state: &State<'_>| state.sum.get(group, version).is_some();
    let found = states.iter().filter(|state| sealed(state)).count();
    let Some(state) = states.iter_mut().find(|state| sealed(state)) else {
        return Err(vec![format!("version {version} of group `{group}` is not sealed")]);
    };
    if found > 1 {
        let text = format!("several packages seal version {version}: say which with `-p`");
        return Err(vec![text]);
    }
    let mut all = state.sources.migrations.iter();
    let Some(one) = all.find(|one| one.version == version && one.group == group) else {
        let text = format!("version {version} of group `{group}` is in no source of the package");
        return Err(vec![text]);
    };
    let before = state.sum.get(group, version).cloned();
    state.sum.reseal(one.declared());
    state.write()?;
    let before = before.map_or_else(String::new, |sealed| {
        format!("  was `{}` {}", sealed.name, shortened(&sealed.checksum))
    });
    Ok(vec![format!("resealed {version} `{}` {}{before}", one.name, shortened(&one.checksum))])
}

/// Says whether the compiler would be content, and the linker would drop nothing.
pub(crate) fn check(workspace: &Workspace, packages: &[&Package]) -> Result<Report, Vec<String>> {
    let states = read_all(packages)?;
    let (graph, unknown) = workspace.graph().map_err(|problem| vec![problem])?;
    let manifests: Vec<&Path> = packages.iter().map(|one| one.manifest.as_path()).collect();
    let mut warnings: Vec<String> = states.iter().flat_map(State::warnings).collect();
    let mut problems: Vec<String> = states.iter().flat_map(State::problems).collect();
    problems.extend(graph.problems(&manifests));
    for state in &states {
        let left_out = packaged::left_out(state.package);
        match state.package.is_published {
            true => problems.extend(left_out),
            false => warnings.extend(left_out),
        }
    }
    if !problems.is_empty() {
        return Ok(Report { warnings, problems, ..Report::default() });
    }
    let mut report = graph.notes(&manifests);
    if let Some(problem) = unknown {
        report.push(format!(
            "only the workspace's own packages were looked at, as cargo cannot tell the others: \
             {problem}"
        ));
    }
    for state in &states {
        let new = state.sources.migrations.iter().filter(|one| state.is_new(one)).count();
        let mut line = format!(
            "{}: {} migrations, {} sealed",
            state.package.name,
            state.sources.migrations.len(),
            state.sum.sealed().len()
        );
        if new > 0 {
            line += &format!(", {new} new: `cargo mongrate seal` seals them");
        }
        report.push(line);
    }
    Ok(Report { lines: report, warnings, ..Report::default() })
}

fn read_all<'a>(packages: &[&'a Package]) -> Result<Vec<State<'a>>, Vec<String>> {
    packages.iter().map(|package| State::read(package)).collect()
}
