//! The crates that an app is built from, and the crates among them that the linker drops.
//!
//! The compiler loads a dependency only if code names it. A crate of migrations that no code names
//! is silently missing, and the app starts with only a part of its migrations.

use std::{
    cell::RefCell,
    collections::{BTreeMap, BTreeSet, VecDeque},
    fs,
    path::{Path, PathBuf},
    rc::Rc,
};

use mongrate_seal::sources::Sources;
use serde_json::Value;

use crate::{
    cargo::{list, settings, text},
    crate_names::CrateNames,
    places::shown,
};

/// The package that a crate of migrations depends on.
const MONGRATE: &str = "mongrate";

/// The packages by their id, and the crates that their sources name.
pub(crate) struct Graph {
    packages: BTreeMap<String, Node>,
    /// The crates that each root names, read once.
    named_crates: RefCell<BTreeMap<PathBuf, Rc<BTreeSet<String>>>>,
}

/// A package of the graph.
struct Node {
    name: String,
    manifest: PathBuf,
    /// The crate name and root of its library, if it has a library.
    library: Option<(String, PathBuf)>,
    /// The roots of what is linked: binaries, and libraries for other languages.
    apps: Vec<PathBuf>,
    /// Whether it is built as a static library.
    is_static: bool,
    /// Its dependencies without those for tests: the name in code, and the id.
    depends: Vec<(String, String)>,
    is_member: bool,
    /// Crates that hold migrations and are left out on purpose.
    unlinked: Vec<String>,
}

impl Graph {
    /// Builds the graph from `cargo metadata`, with or without dependencies.
    pub(crate) fn new(metadata: &Value) -> Self {
        let members: Vec<&str> =
            list(metadata, "workspace_members").iter().filter_map(Value::as_str).collect();
        let nodes = metadata.get("resolve").map_or(&[][..], |resolve| list(resolve, "nodes"));
        let resolved: BTreeMap<&str, &Value> =
            nodes.iter().filter_map(|node| Some((node.get("id")?.as_str()?, node))).collect();
        let all = list(metadata, "packages");
        let packages = all.iter().filter_map(|package| {
            let id = text(package, "id")?;
            let depends = match resolved.get(id.as_str()) {
                Some(node) => depends(node),
                None => depends_by_name(package, all),
            };
            let is_member = members.contains(&id.as_str());
            Some((id, Node::new(package, depends, is_member)?))
        });
        Self { packages: packages.collect(), named_crates: RefCell::default() }
    }

    /// The problems of the apps among these packages, and of the apps that depend on them.
    pub(crate) fn problems(&self, manifests: &[&Path]) -> Vec<String> {
        let holders = self.holders();
        if holders.is_empty() {
            return Vec::new();
        }
        let selected: Vec<&str> = self.ids(|node| manifests.contains(&node.manifest.as_path()));
        let mut problems = Vec::new();
        for (id, node) in self.packages.iter().filter(|(_, node)| node.is_member) {
            let is_selected =
                selected.iter().any(|selected| selected == id || self.reaches(id, selected));
            if is_selected && !node.apps.is_empty() {
                problems.extend(self.problems_of_package(id, node, &holders));
            }
        }
        problems
    }

    /// Hints about these packages, which are no mistakes.
    pub(crate) fn hints(&self, manifests: &[&Path]) -> Vec<String> {
        let is_static =
            |node: &&Node| node.is_static && manifests.contains(&node.manifest.as_path());
        let all = self.packages.values().filter(is_static);
        all.map(|node| {
            format!(
                "{}: a static library: the linker of the program that uses it drops what nothing \
                 calls, and nothing calls a migration: link the whole library \
                 (`-Wl,--whole-archive`, on macOS `-Wl,-force_load`)",
                node.name
            )
        })
        .collect()
    }

    /// The crates that declare migrations: their ids, and how many migrations each has.
    fn holders(&self) -> BTreeMap<&str, usize> {
        let mut holders = BTreeMap::new();
        let Some(mongrate) = self.mongrate() else { return holders };
        for (id, node) in &self.packages {
            let Some((_, root)) = &node.library else { continue };
            if id != mongrate && self.reaches(id, mongrate) {
                let count = Sources::reached_from(std::slice::from_ref(root)).migrations.len();
                if count > 0 {
                    holders.insert(id.as_str(), count);
                }
            }
        }
        holders
    }

    /// The crates of migrations that an app of this package does not link.
    fn problems_of_package(
        &self,
        id: &str,
        node: &Node,
        holders: &BTreeMap<&str, usize>,
    ) -> Vec<String> {
        let Some(mongrate) = self.mongrate() else { return Vec::new() };
        let apps: Vec<App<'_>> = node
            .apps
            .iter()
            .map(|root| App { root, linked: self.linked(id, root) })
            .filter(|app| app.linked.contains(mongrate))
            .collect();
        let mut problems = Vec::new();
        for app in &apps {
            // A second binary may leave crates out, unless it is an app itself.
            let is_app = self.names(app.root).iter().any(|name| self.is_mongrate(node, name));
            let left_out = holders.keys().copied().filter(|holder| {
                (*holder == id || self.reaches(id, holder))
                    && !app.linked.contains(holder)
                    && !node.unlinked.contains(&self.packages[*holder].name)
                    && (is_app || !apps.iter().any(|other| other.linked.contains(holder)))
            });
            // One line may bring back several crates.
            let mut by_lines: BTreeMap<String, Vec<&str>> = BTreeMap::new();
            for holder in left_out {
                by_lines.entry(self.lines_to_add(id, app.root, holder)).or_default().push(holder);
            }
            for (lines, crates) in by_lines {
                let what: Vec<String> = crates
                    .iter()
                    .map(|holder| {
                        self.crate_and_count(id, holder, holders.get(holder).copied().unwrap_or(0))
                    })
                    .collect();
                let them = if crates.len() == 1 { "it" } else { "them" };
                problems.push(format!(
                    "{}: no code names {}: the linker drops {them}, and the app starts with a part \
                     of its migrations: {lines}; to leave {them} out on purpose, write \
                     `unlinked = [\"{}\"]` in `[package.metadata.mongrate]` of `{}`",
                    shown(app.root),
                    what.join(" and "),
                    crates
                        .iter()
                        .map(|holder| self.packages[*holder].name.as_str())
                        .collect::<Vec<_>>()
                        .join("\", \""),
                    node.name,
                ));
            }
        }
        problems
    }

    /// A crate and its number of migrations: `` `billing` (3 migrations) ``.
    fn crate_and_count(&self, app: &str, holder: &str, count: usize) -> String {
        let name = &self.packages[holder].name;
        let count =
            if count == 1 { "1 migration".to_owned() } else { format!("{count} migrations") };
        match app == holder {
            true => format!("the package's own library `{name}` ({count})"),
            false => format!("`{name}` ({count})"),
        }
    }

    /// Says which lines to add so that a crate is linked.
    fn lines_to_add(&self, id: &str, root: &Path, holder: &str) -> String {
        let mut lines = Vec::new();
        let mut from = (id, root.to_owned());
        for (name, next) in self.chain(id, holder) {
            let names = self.names(&from.1);
            if !names.contains(&name) {
                if from.0 != id && !self.packages[from.0].is_member {
                    // That package is outside of the workspace.
                    let krate = self.crate_name(holder);
                    return format!(
                        "add `{}` to the dependencies of `{}`, and `use {krate} as _;` to {}",
                        self.packages[holder].name,
                        self.packages[id].name,
                        shown(root)
                    );
                }
                lines.push(format!("`use {name} as _;` to {}", shown(&from.1)));
            }
            let Some((_, library)) = &self.packages[next].library else { break };
            from = (next, library.clone());
        }
        format!("add {}", lines.join(", and "))
    }

    /// The shortest chain of dependencies from a package to a crate: the name of each in code, and
    /// its id.
    fn chain<'a>(&'a self, from: &'a str, to: &str) -> Vec<(String, &'a str)> {
        let mut chains: VecDeque<(&str, Vec<(String, &str)>)> = VecDeque::new();
        chains.push_back((from, Vec::new()));
        if from == to {
            return vec![(self.crate_name(from), from)];
        }
        let mut seen = BTreeSet::from([from]);
        while let Some((id, chain)) = chains.pop_front() {
            let Some(node) = self.packages.get(id) else { continue };
            for (name, next) in &node.depends {
                let chain = [chain.as_slice(), &[(name.clone(), next.as_str())]].concat();
                if next == to {
                    return chain;
                }
                if seen.insert(next) {
                    chains.push_back((next, chain));
                }
            }
        }
        Vec::new()
    }

    /// The crates that a root links, of those that depend on mongrate.
    fn linked<'a>(&'a self, id: &'a str, root: &Path) -> BTreeSet<&'a str> {
        let Some(mongrate) = self.mongrate() else { return BTreeSet::new() };
        let mut linked = BTreeSet::new();
        // A library for another language is an app, and links itself.
        let is_library = |node: &Node| node.library.iter().any(|(_, own)| own == root);
        linked.extend(self.packages.get(id).filter(|node| is_library(node)).map(|_| id));
        let mut next = vec![(id, root.to_owned())];
        while let Some((id, root)) = next.pop() {
            let Some(node) = self.packages.get(id) else { continue };
            let names = self.names(&root);
            let own = node.library.iter().map(|(name, _)| (name, id));
            let depends = node.depends.iter().map(|(name, id)| (name, id.as_str()));
            for (_, found) in own.chain(depends).filter(|(name, _)| names.contains(*name)) {
                let is_relevant = found == mongrate || self.reaches(found, mongrate);
                if is_relevant && linked.insert(found) && found != mongrate {
                    let library = self.packages.get(found).and_then(|node| node.library.as_ref());
                    next.extend(library.map(|(_, root)| (found, root.clone())));
                }
            }
        }
        linked
    }

    /// The first segments of all paths in the files that a root reaches.
    fn names(&self, root: &Path) -> Rc<BTreeSet<String>> {
        if let Some(known) = self.named_crates.borrow().get(root) {
            return Rc::clone(known);
        }
        let files = Sources::reached_from(&[root.to_owned()]).files;
        let read: BTreeMap<&Path, CrateNames> = files
            .keys()
            .map(|file| {
                let text = fs::read_to_string(file).unwrap_or_default();
                (file.as_path(), CrateNames::in_text(&text))
            })
            .collect();
        let is_for_tests = |file: &Path| {
            let mut file = file;
            while let Some(Some(reached)) = files.get(file) {
                let above = read.get(reached.from.as_path());
                if above.is_some_and(|names| names.test_modules.contains(&reached.name)) {
                    return true;
                }
                file = &reached.from;
            }
            false
        };
        let names = read.iter().filter(|(file, _)| !is_for_tests(file));
        let names: BTreeSet<String> =
            names.flat_map(|(_, names)| names.crates.iter().cloned()).collect();
        let names = Rc::new(names);
        self.named_crates.borrow_mut().insert(root.to_owned(), Rc::clone(&names));
        names
    }

    /// The id of mongrate itself.
    fn mongrate(&self) -> Option<&str> {
        self.ids(|node| node.name == MONGRATE).first().copied()
    }

    fn is_mongrate(&self, node: &Node, name: &str) -> bool {
        let mongrate = self.mongrate();
        node.depends.iter().any(|(called, id)| called == name && Some(id.as_str()) == mongrate)
    }

    fn crate_name(&self, id: &str) -> String {
        let node = &self.packages[id];
        node.library.as_ref().map_or_else(|| node.name.replace('-', "_"), |(name, _)| name.clone())
    }

    fn ids(&self, is_meant: impl Fn(&Node) -> bool) -> Vec<&str> {
        let all = self.packages.iter().filter(|(_, node)| is_meant(node));
        all.map(|(id, _)| id.as_str()).collect()
    }

    /// Whether a package depends on another, directly or through others.
    fn reaches(&self, from: &str, to: &str) -> bool {
        from != to && !self.chain(from, to).is_empty()
    }
}

/// A root that is linked, and the crates in it.
struct App<'a> {
    root: &'a Path,
    linked: BTreeSet<&'a str>,
}

impl Node {
    fn new(package: &Value, depends: Vec<(String, String)>, is_member: bool) -> Option<Self> {
        let manifest = fs::canonicalize(package.get("manifest_path")?.as_str()?).ok()?;
        let root = |target: &Value| fs::canonicalize(target.get("src_path")?.as_str()?).ok();
        let is = |target: &Value, kinds: &[&str]| {
            list(target, "kind").iter().any(|kind| kinds.iter().any(|other| kind == other))
        };
        let targets = list(package, "targets");
        let library = targets
            .iter()
            .find(|target| is(target, &["lib", "rlib", "dylib", "cdylib", "staticlib"]))
            .and_then(|target| Some((text(target, "name")?.replace('-', "_"), root(target)?)));
        let unlinked = settings(package);
        Some(Self {
            name: text(package, "name")?,
            manifest,
            library,
            apps: targets
                .iter()
                .filter(|target| is(target, &["bin", "cdylib", "staticlib"]))
                .filter_map(root)
                .collect(),
            is_static: targets.iter().any(|target| is(target, &["staticlib"])),
            depends,
            is_member,
            unlinked: list(&unlinked, "unlinked")
                .iter()
                .filter_map(|name| name.as_str().map(str::to_owned))
                .collect(),
        })
    }
}

/// The dependencies of a package as cargo has resolved them.
fn depends(node: &Value) -> Vec<(String, String)> {
    let is_normal = |dependency: &&Value| {
        let kinds = list(dependency, "dep_kinds");
        kinds.is_empty() || kinds.iter().any(|kind| kind.get("kind").is_none_or(Value::is_null))
    };
    let all = list(node, "deps").iter().filter(is_normal);
    all.filter_map(|dependency| Some((text(dependency, "name")?, text(dependency, "pkg")?)))
        .collect()
}

/// The dependencies of a package as its manifest names them, without packages that are unknown.
fn depends_by_name(package: &Value, all: &[Value]) -> Vec<(String, String)> {
    let is_normal = |dependency: &&Value| dependency.get("kind").is_none_or(Value::is_null);
    let dependencies = list(package, "dependencies").iter().filter(is_normal);
    dependencies
        .filter_map(|dependency| {
            let name = text(dependency, "name")?;
            let has_name =
                |package: &&Value| package.get("name").is_some_and(|other| *other == *name);
            let found = all.iter().find(has_name)?;
            let called = text(dependency, "rename").unwrap_or(name).replace('-', "_");
            Some((called, text(found, "id")?))
        })
        .collect()
}
