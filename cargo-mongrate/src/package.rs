//! A package as cargo knows it: where it lies, and the roots of its targets.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::{env, fs};

use serde_json::Value;

/// One package that may hold migrations.
pub(crate) struct Package {
    pub(crate) name: String,
    pub(crate) directory: PathBuf,
    /// Of its libraries and binaries.
    pub(crate) roots: Vec<PathBuf>,
    uses_mongrate: bool,
}

/// Those that are named; else the one that the manifest or the current directory belongs to; else
/// all of the workspace that use mongrate.
pub(crate) fn select(
    manifest: Option<&Path>,
    names: &[String],
) -> Result<Vec<Package>, Vec<String>> {
    let mut all = metadata(manifest).map_err(|problem| vec![problem])?;
    if !names.is_empty() {
        let unknown: Vec<String> = names
            .iter()
            .filter(|name| !all.iter().any(|package| package.name == **name))
            .map(|name| format!("the workspace has no package `{name}`"))
            .collect();
        all.retain(|package| names.contains(&package.name));
        return if unknown.is_empty() { Ok(all) } else { Err(unknown) };
    }
    let here = match manifest {
        Some(manifest) => manifest.parent().map(Path::to_owned),
        None => env::current_dir().ok(),
    };
    let here = here.map(|here| match here.as_os_str().is_empty() {
        true => PathBuf::from("."),
        false => here,
    });
    let here = here.and_then(|here| here.canonicalize().ok()).unwrap_or_default();
    let around = all
        .iter()
        .filter(|package| here.starts_with(&package.directory))
        .map(|package| package.directory.clone())
        .max_by_key(|directory| directory.components().count());
    match around {
        Some(directory) => all.retain(|package| package.directory == directory),
        None => all.retain(|package| package.uses_mongrate),
    }
    if all.is_empty() {
        return Err(vec!["no package of this workspace depends on `mongrate`".to_owned()]);
    }
    Ok(all)
}

fn metadata(manifest: Option<&Path>) -> Result<Vec<Package>, String> {
    let cargo = env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let mut command = Command::new(cargo);
    command.args(["metadata", "--no-deps", "--format-version", "1"]);
    if let Some(manifest) = manifest {
        command.arg("--manifest-path").arg(manifest);
    }
    let output = command.output().map_err(|error| format!("cannot run cargo: {error}"))?;
    if !output.status.success() {
        let text = String::from_utf8_lossy(&output.stderr);
        return Err(text.trim().trim_start_matches("error: ").to_owned());
    }
    let metadata: Value = serde_json::from_slice(&output.stdout)
        .map_err(|error| format!("cannot read what `cargo metadata` says: {error}"))?;
    Ok(list(&metadata, "packages").iter().filter_map(package).collect())
}

fn list<'a>(value: &'a Value, key: &str) -> &'a [Value] {
    value.get(key).and_then(Value::as_array).map_or(&[], Vec::as_slice)
}

fn package(value: &Value) -> Option<Package> {
    let manifest = Path::new(value.get("manifest_path")?.as_str()?);
    let directory = fs::canonicalize(manifest.parent()?).ok()?;
    let roots = list(value, "targets").iter().filter(|target| is_app(target));
    Some(Package {
        name: value.get("name")?.as_str()?.to_owned(),
        directory,
        roots: roots
            .filter_map(|target| fs::canonicalize(target.get("src_path")?.as_str()?).ok())
            .collect(),
        uses_mongrate: list(value, "dependencies")
            .iter()
            .any(|dependency| dependency.get("name").is_some_and(|name| name == "mongrate")),
    })
}

/// Whether a target is neither a test, a benchmark, an example nor a build script.
fn is_app(target: &Value) -> bool {
    const ASIDE: [&str; 4] = ["test", "bench", "example", "custom-build"];
    !list(target, "kind").iter().any(|kind| ASIDE.iter().any(|aside| kind == aside))
}
