//! Whether a published package contains its sum file and its policies. A crate that is built from a
//! registry without the files has neither, and the build does not say so.

use std::{fs, process::Command};

use mongrate_seal::{policies, sum};

use crate::{cargo, package::Package, places::shown};

/// The files, and what a build without one would not have.
const FILES: [(&str, &str); 2] = [(sum::FILE, "sealed history"), (policies::FILE, "policies")];

/// Returns an error text for each file that `include`, `exclude` or an ignored file leaves out of the
/// package. Cargo itself lists the files, as only cargo knows what its patterns mean; if it cannot,
/// there is no error.
pub(crate) fn left_out(package: &Package) -> Vec<String> {
    let there = FILES.into_iter().filter(|(file, _)| package.directory.join(file).is_file());
    let there: Vec<_> = there.collect();
    if there.is_empty() {
        return Vec::new();
    }
    let Some((key, list)) = listed(package) else { return Vec::new() };
    let is_left_out = |file: &str| !list.lines().any(|listed| listed == file);
    let left_out = there.into_iter().filter(|(file, _)| is_left_out(file));
    left_out
        .map(|(file, what)| {
            let way_out = match key {
                "include" => format!("add \"{file}\" to `include`"),
                _ => format!("take it out of `exclude`, or add \"!{file}\" there"),
            };
            format!(
                "{}: `{key}` leaves {file} out of package `{}`: built from a registry, it would have \
                 no {what}; {way_out}",
                shown(&package.manifest),
                package.name
            )
        })
        .collect()
}

/// The key by which files may be left out, and the files that are not.
fn listed(package: &Package) -> Option<(&'static str, String)> {
    let manifest = fs::read_to_string(&package.manifest).ok()?;
    let mut lines = manifest.lines().map(str::trim_start);
    // An inherited setting is in the workspace's manifest, but has the same key here.
    let key = lines.find_map(|line| {
        let word = line.split(['=', '.', ' ', '\t']).next()?;
        ["include", "exclude"].into_iter().find(|key| word.trim_matches('"') == *key)
    })?;
    let mut command = Command::new(cargo::program());
    command.args(["package", "--list", "--allow-dirty", "--offline", "--quiet", "--manifest-path"]);
    let output = command.arg(&package.manifest).output().ok().filter(|out| out.status.success())?;
    Some((key, String::from_utf8_lossy(&output.stdout).into_owned()))
}
