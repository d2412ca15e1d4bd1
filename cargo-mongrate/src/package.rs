//! The packages of a workspace as cargo knows them, and which of them a verb works on.

use std::{
    env, fs,
    path::{Path, PathBuf},
};

use serde_json::Value;

use crate::{
    cargo::{list, metadata, settings, text},
    graph::Graph,
};

/// A workspace, or a single package.
pub(crate) struct Workspace {
    pub(crate) packages: Vec<Package>,
    /// The table `[workspace.metadata.mongrate]`.
    pub(crate) settings: Value,
    /// Where cargo builds.
    pub(crate) target: PathBuf,
    /// The manifest that `--manifest-path` names.
    manifest: Option<PathBuf>,
    /// The directory of that manifest, or else the working directory.
    directory: PathBuf,
}

/// A package that may hold migrations.
pub(crate) struct Package {
    pub(crate) name: String,
    pub(crate) directory: PathBuf,
    pub(crate) manifest: PathBuf,
    /// The root files of its libraries and binaries.
    pub(crate) roots: Vec<PathBuf>,
    pub(crate) has_library: bool,
    /// The names of its binaries.
    pub(crate) binaries: Vec<String>,
    pub(crate) default_run: Option<String>,
    /// The table `[package.metadata.mongrate]`.
    pub(crate) settings: Value,
    /// The names of the packages it depends on, without those for its tests.
    pub(crate) depends: Vec<String>,
    pub(crate) uses_mongrate: bool,
    /// Whether it enables mongrate's command line.
    pub(crate) has_cli: bool,
    /// Whether it enables mongrate's embedded server.
    pub(crate) has_embedded: bool,
    /// Whether it may be published to a registry.
    pub(crate) is_published: bool,
}

/// The packages that the arguments select.
#[derive(Clone, Debug, Default)]
pub(crate) struct Selection<'a> {
    pub(crate) names: &'a [String],
    pub(crate) all: bool,
}

impl Workspace {
    /// Reads the workspace from `cargo metadata`.
    pub(crate) fn read(manifest: Option<&Path>) -> Result<Self, Vec<String>> {
        let metadata = metadata(manifest, &["--no-deps"]).map_err(|problem| vec![problem])?;
        let directory = match manifest {
            Some(manifest) => manifest.parent().map(Path::to_owned),
            None => env::current_dir().ok(),
        };
        let directory = directory.map(|directory| match directory.as_os_str().is_empty() {
            true => PathBuf::from("."),
            false => directory,
        });
        Ok(Self {
            packages: list(&metadata, "packages").iter().filter_map(package).collect(),
            settings: settings(&metadata),
            target: text(&metadata, "target_directory").unwrap_or_default().into(),
            manifest: manifest.map(Path::to_owned),
            directory: directory
                .and_then(|directory| directory.canonicalize().ok())
                .unwrap_or_default(),
        })
    }

    /// Returns the graph of dependencies. If cargo cannot resolve it, the graph has only the
    /// workspace's own packages, and the second value says why.
    pub(crate) fn graph(&self) -> Result<(Graph, Option<String>), String> {
        let manifest = self.manifest.as_deref();
        match metadata(manifest, &[]).or_else(|problem| {
            // What cargo has downloaded already may be enough.
            metadata(manifest, &["--offline"]).map_err(|_| problem)
        }) {
            Ok(metadata) => Ok((Graph::new(&metadata), None)),
            Err(problem) => Ok((Graph::new(&metadata(manifest, &["--no-deps"])?), Some(problem))),
        }
    }

    /// The packages that are named; or else the current package; or else all that use mongrate.
    pub(crate) fn select(&self, selection: &Selection<'_>) -> Result<Vec<&Package>, Vec<String>> {
        if !selection.names.is_empty() {
            return self.by_name(selection.names);
        }
        if !selection.all
            && let Some(current) = self.current_package()
            && current.uses_mongrate
        {
            return Ok(vec![current]);
        }
        let all = self.users_of_mongrate();
        if all.is_empty() {
            let text = "no package of this workspace depends on `mongrate`: `cargo add mongrate`";
            return Err(vec![text.to_owned()]);
        }
        Ok(all)
    }

    fn by_name(&self, names: &[String]) -> Result<Vec<&Package>, Vec<String>> {
        let unknown: Vec<String> = names
            .iter()
            .filter(|name| self.get(name).is_none())
            .map(|name| {
                let users = self.users_of_mongrate();
                let hint = match users.is_empty() {
                    true => String::new(),
                    false => format!("; those that use mongrate are {}", name_list(&users)),
                };
                format!("the workspace has no package `{name}`{hint}")
            })
            .collect();
        if unknown.is_empty() {
            Ok(self.packages.iter().filter(|package| names.contains(&package.name)).collect())
        } else {
            Err(unknown)
        }
    }

    fn users_of_mongrate(&self) -> Vec<&Package> {
        self.packages.iter().filter(|package| package.uses_mongrate).collect()
    }

    pub(crate) fn get(&self, name: &str) -> Option<&Package> {
        self.packages.iter().find(|package| package.name == name)
    }

    /// The innermost package that the directory belongs to.
    pub(crate) fn current_package(&self) -> Option<&Package> {
        self.packages
            .iter()
            .filter(|package| self.directory.starts_with(&package.directory))
            .max_by_key(|package| package.directory.components().count())
    }

    /// Whether a package depends on another, directly or through others of the workspace.
    pub(crate) fn depends_on(&self, package: &Package, other: &str) -> bool {
        let mut seen = vec![package.name.as_str()];
        let mut next = vec![package];
        while let Some(package) = next.pop() {
            for name in &package.depends {
                if name == other {
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

    /// Whether a package, or a package of the workspace that it depends on, enables the command
    /// line.
    pub(crate) fn has_cli(&self, package: &Package) -> bool {
        let depends_on = |other: &Package| self.depends_on(package, &other.name);
        package.has_cli || self.packages.iter().any(|other| other.has_cli && depends_on(other))
    }
}

impl Workspace {
    /// Whether a package, or a package of the workspace that it depends on, enables the embedded server.
    pub(crate) fn has_embedded(&self, package: &Package) -> bool {
        let depends_on = |other: &Package| self.depends_on(package, &other.name);
        let mut all = self.packages.iter();
        package.has_embedded || all.any(|other| other.has_embedded && depends_on(other))
    }
}

/// The names of packages as a list: `` `a`, `b` and `c` ``.
pub(crate) fn name_list(packages: &[&Package]) -> String {
    let names: Vec<String> = packages.iter().map(|package| format!("`{}`", package.name)).collect();
    match names.split_last() {
        Some((last, [])) => last.clone(),
        Some((last, others)) => format!("{} and {last}", others.join(", ")),
        None => String::new(),
    }
}

/// Reads a package of `cargo metadata`.
fn package(value: &Value) -> Option<Package> {
    let manifest = fs::canonicalize(value.get("manifest_path")?.as_str()?).ok()?;
    let directory = manifest.parent()?.to_owned();
    let targets = || list(value, "targets").iter();
    let dependencies = || {
        let is_normal = |dependency: &&Value| dependency.get("kind").is_none_or(Value::is_null);
        list(value, "dependencies").iter().filter(is_normal)
    };
    let is_mongrate =
        |dependency: &&Value| dependency.get("name").is_some_and(|name| name == "mongrate");
    let enables = |wanted: &str| {
        dependencies()
            .filter(is_mongrate)
            .any(|dependency| list(dependency, "features").iter().any(|feature| feature == wanted))
    };
    let forwards = |wanted: &str| {
        let features = value.get("features").and_then(Value::as_object);
        features.is_some_and(|features| {
            features.values().filter_map(Value::as_array).flatten().any(|enabled| {
                let name = enabled.as_str().unwrap_or_default();
                let name = name.strip_prefix("mongrate/").or(name.strip_prefix("mongrate?/"));
                name == Some(wanted)
            })
        })
    };
    Some(Package {
        name: text(value, "name")?,
        roots: targets()
            .filter(|target| is_app(target))
            .filter_map(|target| fs::canonicalize(target.get("src_path")?.as_str()?).ok())
            .collect(),
        has_library: targets().filter(|target| is_app(target)).any(is_library),
        binaries: targets()
            .filter(|target| list(target, "kind").iter().any(|kind| kind == "bin"))
            .filter_map(|target| text(target, "name"))
            .collect(),
        default_run: text(value, "default_run"),
        settings: settings(value),
        depends: dependencies().filter_map(|dependency| text(dependency, "name")).collect(),
        uses_mongrate: dependencies().any(|dependency| is_mongrate(&dependency)),
        has_cli: enables("cli") || forwards("cli"),
        has_embedded: enables("embedded"),
        is_published: value
            .get("publish")
            .and_then(Value::as_array)
            .is_none_or(|registries| !registries.is_empty()),
        directory,
        manifest,
    })
}

fn is_library(target: &Value) -> bool {
    !list(target, "kind").iter().any(|kind| kind == "bin")
}

/// Whether a target is no test, benchmark, example or build script.
fn is_app(target: &Value) -> bool {
    const ASIDE: [&str; 4] = ["test", "bench", "example", "custom-build"];
    !list(target, "kind").iter().any(|kind| ASIDE.iter().any(|aside| kind == aside))
}
