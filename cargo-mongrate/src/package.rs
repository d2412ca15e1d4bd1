//! The packages of a workspace as cargo knows them, and which of them are meant.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::{env, fs};

use serde_json::Value;

use crate::graph::Graph;

/// A workspace, or a package alone.
pub(crate) struct Workspace {
    pub(crate) packages: Vec<Package>,
    /// What `[workspace.metadata.mongrate]` says.
    pub(crate) settings: Value,
    /// The manifest that was named.
    named: Option<PathBuf>,
    /// Where we are, or the directory of the manifest that was named.
    here: PathBuf,
}

/// One package that may hold migrations.
pub(crate) struct Package {
    pub(crate) name: String,
    pub(crate) directory: PathBuf,
    pub(crate) manifest: PathBuf,
    /// Of its libraries and binaries.
    pub(crate) roots: Vec<PathBuf>,
    /// The names of its binaries.
    pub(crate) binaries: Vec<String>,
    pub(crate) default_run: Option<String>,
    /// What `[package.metadata.mongrate]` says.
    pub(crate) settings: Value,
    /// The packages it depends on, by name; not for its tests.
    pub(crate) depends: Vec<String>,
    pub(crate) uses_mongrate: bool,
    /// Whether it asks for mongrate's command line.
    pub(crate) has_cli: bool,
    /// Whether it may go to a registry.
    pub(crate) is_published: bool,
}

/// Which packages were asked for.
#[derive(Clone, Debug, Default)]
pub(crate) struct Asked<'a> {
    pub(crate) names: &'a [String],
    pub(crate) all: bool,
}

impl Workspace {
    /// As `cargo metadata` describes it.
    pub(crate) fn read(manifest: Option<&Path>) -> Result<Self, Vec<String>> {
        let metadata = metadata(manifest, &["--no-deps"]).map_err(|problem| vec![problem])?;
        let here = match manifest {
            Some(manifest) => manifest.parent().map(Path::to_owned),
            None => env::current_dir().ok(),
        };
        let here = here.map(|here| match here.as_os_str().is_empty() {
            true => PathBuf::from("."),
            false => here,
        });
        Ok(Self {
            packages: list(&metadata, "packages").iter().filter_map(package).collect(),
            settings: settings(&metadata),
            named: manifest.map(Path::to_owned),
            here: here.and_then(|here| here.canonicalize().ok()).unwrap_or_default(),
        })
    }

    /// The graph of dependencies. If cargo cannot tell it, of the workspace's own packages alone,
    /// and why.
    pub(crate) fn graph(&self) -> Result<(Graph, Option<String>), String> {
        let manifest = self.named.as_deref();
        match metadata(manifest, &[]).or_else(|problem| {
            // What is there already may be enough.
            metadata(manifest, &["--offline"]).map_err(|_| problem)
        }) {
            Ok(metadata) => Ok((Graph::new(&metadata), None)),
            Err(problem) => Ok((Graph::new(&metadata(manifest, &["--no-deps"])?), Some(problem))),
        }
    }

    /// Those that are named; else the one around us; else all that use mongrate.
    pub(crate) fn select(&self, asked: &Asked<'_>) -> Result<Vec<&Package>, Vec<String>> {
        if !asked.names.is_empty() {
            return self.named(asked.names);
        }
        if !asked.all
            && let Some(around) = self.around()
            && around.uses_mongrate
        {
            return Ok(vec![around]);
        }
        let all: Vec<&Package> = self.packages.iter().filter(|one| one.uses_mongrate).collect();
        if all.is_empty() {
            let text = "no package of this workspace depends on `mongrate`: `cargo add mongrate`";
            return Err(vec![text.to_owned()]);
        }
        Ok(all)
    }

    fn named(&self, names: &[String]) -> Result<Vec<&Package>, Vec<String>> {
        let unknown: Vec<String> = names
            .iter()
            .filter(|name| self.get(name).is_none())
            .map(|name| {
                let users: Vec<&Package> =
                    self.packages.iter().filter(|one| one.uses_mongrate).collect();
                let has = match users.is_empty() {
                    true => String::new(),
                    false => format!("; those that use mongrate are {}", listed(&users)),
                };
                format!("the workspace has no package `{name}`{has}")
            })
            .collect();
        if unknown.is_empty() {
            Ok(self.packages.iter().filter(|one| names.contains(&one.name)).collect())
        } else {
            Err(unknown)
        }
    }

    pub(crate) fn get(&self, name: &str) -> Option<&Package> {
        self.packages.iter().find(|one| one.name == name)
    }

    /// The innermost package that we are in.
    pub(crate) fn around(&self) -> Option<&Package> {
        self.packages
            .iter()
            .filter(|package| self.here.starts_with(&package.directory))
            .max_by_key(|package| package.directory.components().count())
    }

    /// Whether one package depends on another, over whatever others of the workspace.
    pub(crate) fn depends(&self, one: &Package, on: &str) -> bool {
        let mut seen = vec![one.name.as_str()];
        let mut next = vec![one];
        while let Some(package) = next.pop() {
            for name in &package.depends {
                if name == on {
                    return true;
                }
                if let Some(dependency) = self.get(name)
                    && !seen.contains(&name.as_str())
                {
                    seen.push(name);
                    next.push(dependency);
                }
            }
        }
        false
    }

    /// Whether a package, or one of the workspace that it depends on, asks for the command line.
    pub(crate) fn has_cli(&self, one: &Package) -> bool {
        one.has_cli
            || self.packages.iter().any(|other| other.has_cli && self.depends(one, &other.name))
    }
}

/// `` `a`, `b` and `c` ``
pub(crate) fn listed(packages: &[&Package]) -> String {
    let names: Vec<String> = packages.iter().map(|one| format!("`{}`", one.name)).collect();
    match names.split_last() {
        Some((last, [])) => last.clone(),
        Some((last, others)) => format!("{} and {last}", others.join(", ")),
        None => String::new(),
    }
}

fn metadata(manifest: Option<&Path>, flags: &[&str]) -> Result<Value, String> {
    let mut command = Command::new(cargo());
    command.args(["metadata", "--format-version", "1"]).args(flags);
    if let Some(manifest) = manifest {
        command.arg("--manifest-path").arg(manifest);
    }
    let output = command.output().map_err(|error| format!("cannot run cargo: {error}"))?;
    if !output.status.success() {
        let text = String::from_utf8_lossy(&output.stderr);
        return Err(text.trim().trim_start_matches("error: ").to_owned());
    }
    serde_json::from_slice(&output.stdout)
        .map_err(|error| format!("cannot read what `cargo metadata` says: {error}"))
}

/// The cargo that called us, or the one on the path.
pub(crate) fn cargo() -> std::ffi::OsString {
    env::var_os("CARGO").unwrap_or_else(|| "cargo".into())
}

pub(crate) fn list<'a>(value: &'a Value, key: &str) -> &'a [Value] {
    value.get(key).and_then(Value::as_array).map_or(&[], Vec::as_slice)
}

pub(crate) fn text(value: &Value, key: &str) -> Option<String> {
    value.get(key)?.as_str().map(str::to_owned)
}

pub(crate) fn settings(value: &Value) -> Value {
    value.pointer("/metadata/mongrate").cloned().unwrap_or_default()
}

fn package(value: &Value) -> Option<Package> {
    let manifest = fs::canonicalize(value.get("manifest_path")?.as_str()?).ok()?;
    let directory = manifest.parent()?.to_owned();
    let targets = || list(value, "targets").iter();
    let dependencies = || {
        list(value, "dependencies").iter().filter(|one| one.get("kind").is_none_or(Value::is_null))
    };
    let is_mongrate = |one: &&Value| one.get("name").is_some_and(|name| name == "mongrate");
    let asks = dependencies()
        .filter(is_mongrate)
        .any(|one| list(one, "features").iter().any(|feature| feature == "cli"));
    let passes_on = value.get("features").and_then(Value::as_object).is_some_and(|features| {
        features.values().filter_map(Value::as_array).flatten().any(|one| {
            one.as_str().is_some_and(|one| one == "mongrate/cli" || one == "mongrate?/cli")
        })
    });
    Some(Package {
        name: text(value, "name")?,
        roots: targets()
            .filter(|target| is_app(target))
            .filter_map(|target| fs::canonicalize(target.get("src_path")?.as_str()?).ok())
            .collect(),
        binaries: targets()
            .filter(|target| list(target, "kind").iter().any(|kind| kind == "bin"))
            .filter_map(|target| text(target, "name"))
            .collect(),
        default_run: text(value, "default_run"),
        settings: settings(value),
        depends: dependencies().filter_map(|one| text(one, "name")).collect(),
        uses_mongrate: dependencies().any(|one| is_mongrate(&one)),
        has_cli: asks || passes_on,
        is_published: value
            .get("publish")
            .and_then(Value::as_array)
            .is_none_or(|to| !to.is_empty()),
        directory,
        manifest,
    })
}

/// Whether a target is neither a test, a benchmark, an example nor a build script.
fn is_app(target: &Value) -> bool {
    const ASIDE: [&str; 4] = ["test", "bench", "example", "custom-build"];
    !list(target, "kind").iter().any(|kind| ASIDE.iter().any(|aside| kind == aside))
}
