//! Whether a published package contains its sum file. A crate that is built from a registry without
//! the file has no sealed history, and the build does not say so.

use std::{fs, process::Command};

use mongrate_seal::sum;

use crate::{cargo, package::Package, places::shown};

/// Returns an error text if `include`, `exclude` or an ignored file leaves the sum file out of the
/// package. Cargo itself lists the files, as only cargo knows what its patterns mean; if it cannot,
/// there is no error.
pub(crate) fn left_out(package: &Package) -> Option<String> {
    if !package.directory.join(sum::FILE).is_file() {
        return None;
    }
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
    let list = String::from_utf8_lossy(&output.stdout);
    if list.lines().any(|file| file == sum::FILE) {
        return None;
    }
    let way_out = match key {
        "include" => format!("add \"{}\" to `include`", sum::FILE),
        _ => format!("take it out of `exclude`, or add \"!{}\" there", sum::FILE),
    };
    Some(format!(
        "{}: `{key}` leaves {} out of package `{}`: built from a registry, it would have no sealed \
         history; {way_out}",
        shown(&package.manifest),
        sum::FILE,
        package.name
    ))
}
