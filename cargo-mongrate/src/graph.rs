//! The crates that an app is built of, and those of them that the linker drops.
//!
//! The compiler loads a dependency only if code names it. A crate of migrations that no code names
//! is silently not there, and the app starts with a part of the set.

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::fs;
use std::path::{Path, PathBuf};
use std::rc::Rc;

use mongrate_seal::sources::Sources;
use serde_json::Value;

use crate::named::Named;
use crate::package::{list, settings, text};
use crate::state::shown;

/// The package that everything is about.
const MONGRATE: &str = "mongrate";

/// Packages by their id, and what is known of their sources.
pub(crate) struct Graph {
    packages: BTreeMap<String, Node>,
    named: RefCell<BTreeMap<PathBuf, Rc<BTreeSet<String>>>>,
}

struct Node {
    name: String,
    manifest: PathBuf,
    /// Of its library, if it has one: the crate's name and its root.
    library: Option<(String, PathBuf)>,
    /// The roots of what is linked: binaries, and libraries for other languages.
    apps: Vec<PathBuf>,
    /// Whether it is built as a static library.
    is_static: bool,
    /// Its dependencies, not for tests: what the code calls them, and their ids.
    depends: Vec<(String, String)>,
    is_member: bool,
    /// Crates that are not to be linked, though they hold migrations.
    unlinked: Vec<String>,
}

impl Graph {
    /// Of what `cargo metadata` says: with dependencies, or of the workspace alone.
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
        Self { packages: packages.collect(), named: RefCell::default() }
    }

    /// What is wrong with the apps among these packages, and with those that depend on them.
    pub(crate) fn problems(&self, manifests: &[&Path]) -> Vec<String> {
        let holders = self.holders();
        if holders.is_empty() {
            return Vec::new();
        }
        let asked: Vec<&str> = self.ids(|node| manifests.contains(&node.manifest.as_path()));
        let mut problems = Vec::new();
        for (id, node) in self.packages.iter().filter(|(_, node)| node.is_member) {
            let is_asked = asked.iter().any(|asked| asked == id || self.reaches(id, asked));
            if is_asked && !node.apps.is_empty() {
                problems.extend(self.of_one(id, node, &holders));
            }
        }
        problems
    }

    /// What is worth knowing of these packages, and is no mistake.
    pub(crate) fn notes(&self, manifests: &[&Path]) -> Vec<String> {
        let is_static =
            |node: &&Node| node.is_static && manifests.contains(&node.manifest.as_path());
        let all = self.packages.values().filter(is_static);
        all.map(|node| {
            format!(
                "{}: a static library: the linker of the program that takes it drops what nothing \
                 calls, and migrations are called by nobody: link it whole (`-Wl,--whole-archive`, \
                 on macOS `-Wl,-force_load`)",
                node.name
            )
        })
        .collect()
    }

    /// The crates that declare migrations: by id, how many.
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

    fn of_one(&self, id: &str, node: &Node, holders: &BTreeMap<&str, usize>) -> Vec<String> {
        let Some(mongrate) = self.mongrate() else { return Vec::new() };
        let apps: Vec<App<'_>> = node
            .apps
            .iter()
            .map(|root| App { root, linked: self.linked(id, root) })
            .filter(|app| app.linked.contains(mongrate))
            .collect();
        let mut problems = Vec::new();
        for app in &apps {
            // What a second binary leaves out is its own affair, unless it is an app itself.
            let is_itself = self.names(app.root).iter().any(|name| self.is_mongrate(node, name));
            let left_out = holders.keys().copied().filter(|holder| {
                (*holder == id || self.reaches(id, holder))
                    && !app.linked.contains(holder)
                    && !node.unlinked.contains(&self.packages[*holder].name)
                    && (is_itself || !apps.iter().any(|other| other.linked.contains(holder)))
            });
            // One line may bring back several.
            let mut by_lines: BTreeMap<String, Vec<&str>> = BTreeMap::new();
            for holder in left_out {
                by_lines.entry(self.lines(id, app.root, holder)).or_default().push(holder);
            }
            for (lines, of) in by_lines {
                let what: Vec<String> = of
                    .iter()
                    .map(|holder| self.shown(id, holder, holders.get(holder).copied().unwrap_or(0)))
                    .collect();
                let them = if of.len() == 1 { "it" } else { "them" };
                problems.push(format!(
                    "{}: no code names {}: the linker drops {them}, and the app starts with a part \
                     of its migrations: {lines}; if the app is to start without {them}, say so: \
                     `unlinked = [\"{}\"]` in `[package.metadata.mongrate]` of `{}`",
                    shown(app.root),
                    what.join(" and "),
                    of.iter()
                        .map(|holder| self.packages[*holder].name.as_str())
                        .collect::<Vec<_>>()
                        .join("\", \""),
                    node.name,
                ));
            }
        }
        problems
    }

    /// `` `billing` (3 migrations) ``
    fn shown(&self, app: &str, holder: &str, count: usize) -> String {
        let name = &self.packages[holder].name;
        let count =
            if count == 1 { "1 migration".to_owned() } else { format!("{count} migrations") };
        match app == holder {
            true => format!("the package's own library `{name}` ({count})"),
            false => format!("`{name}` ({count})"),
        }
    }

    /// The lines to add, so that a crate is linked.
    fn lines(&self, id: &str, root: &Path, holder: &str) -> String {
        let mut lines = Vec::new();
        let mut from = (id, root.to_owned());
        for (name, next) in self.way(id, holder) {
            let names = self.names(&from.1);
            if !names.contains(&name) {
                if from.0 != id && !self.packages[from.0].is_member {
                    // Not ours to change.
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

    /// The shortest way from a package's app to a crate: what each calls the next one.
    fn way<'a>(&'a self, from: &'a str, to: &str) -> Vec<(String, &'a str)> {
        let mut ways: VecDeque<(&str, Vec<(String, &str)>)> = VecDeque::new();
        ways.push_back((from, Vec::new()));
        if from == to {
            return vec![(self.crate_name(from), from)];
        }
        let mut seen = BTreeSet::from([from]);
        while let Some((id, way)) = ways.pop_front() {
            let Some(node) = self.packages.get(id) else { continue };
            for (name, next) in &node.depends {
                let way = [way.as_slice(), &[(name.clone(), next.as_str())]].concat();
                if next == to {
                    return way;
                }
                if seen.insert(next) {
                    ways.push_back((next, way));
                }
            }
        }
        Vec::new()
    }

    /// What a root links, of the crates that have to do with migrations.
    fn linked<'a>(&'a self, id: &'a str, root: &Path) -> BTreeSet<&'a str> {
        let Some(mongrate) = self.mongrate() else { return BTreeSet::new() };
        let mut linked = BTreeSet::new();
        // A library for another language is its own app.
        let is_library = |node: &Node| node.library.iter().any(|(_, own)| own == root);
        linked.extend(self.packages.get(id).filter(|node| is_library(node)).map(|_| id));
        let mut next = vec![(id, root.to_owned())];
        while let Some((id, root)) = next.pop() {
            let Some(node) = self.packages.get(id) else { continue };
            let names = self.names(&root);
            let own = node.library.iter().map(|(name, _)| (name, id));
            let depends = node.depends.iter().map(|(name, id)| (name, id.as_str()));
            for (_, found) in own.chain(depends).filter(|(name, _)| names.contains(*name)) {
                let concerns = found == mongrate || self.reaches(found, mongrate);
                if concerns && linked.insert(found) && found != mongrate {
                    let library = self.packages.get(found).and_then(|node| node.library.as_ref());
                    next.extend(library.map(|(_, root)| (found, root.clone())));
                }
            }
        }
        linked
    }

    /// The first segments of all paths in the files that a root reaches.
    fn names(&self, root: &Path) -> Rc<BTreeSet<String>> {
        if let Some(known) = self.named.borrow().get(root) {
            return Rc::clone(known);
        }
        let files = Sources::reached_from(&[root.to_owned()]).files;
        let read: BTreeMap<&Path, Named> = files
            .keys()
            .map(|file| (file.as_path(), Named::of(&fs::read_to_string(file).unwrap_or_default())))
            .collect();
        let is_for_tests = |file: &Path| {
            let mut file = file;
            while let Some(Some(reached)) = files.get(file) {
                let above = read.get(reached.from.as_path());
                if above.is_some_and(|named| named.test_modules.contains(&reached.name)) {
                    return true;
                }
                file = &reached.from;
            }
            false
        };
        let names = read.iter().filter(|(file, _)| !is_for_tests(file));
        let names: BTreeSet<String> =
            names.flat_map(|(_, named)| named.crates.iter().cloned()).collect();
        let names = Rc::new(names);
        self.named.borrow_mut().insert(root.to_owned(), Rc::clone(&names));
        names
    }

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

    /// Whether one package depends on another, over whatever others.
    fn reaches(&self, from: &str, to: &str) -> bool {
        from != to && !self.way(from, to).is_empty()
    }
}

struct App<'a> {
    root: &'a Path,
    linked: BTreeSet<&'a str>,
}

impl Node {
    fn new(package: &Value, depends: Vec<(String, String)>, is_member: bool) -> Option<Self> {
        let manifest = fs::canonicalize(package.get("manifest_path")?.as_str()?).ok()?;
        let root = |target: &Value| fs::canonicalize(target.get("src_path")?.as_str()?).ok();
        let is = |target: &Value, kinds: &[&str]| {
            list(target, "kind").iter().any(|kind| kinds.iter().any(|one| kind == one))
        };
        let targets = list(package, "targets");
        let library = targets
            .iter()
            .find(|one| is(one, &["lib", "rlib", "dylib", "cdylib", "staticlib"]))
            .and_then(|one| Some((text(one, "name")?.replace('-', "_"), root(one)?)));
        let unlinked = settings(package);
        Some(Self {
            name: text(package, "name")?,
            manifest,
            library,
            apps: targets
                .iter()
                .filter(|one| is(one, &["bin", "cdylib", "staticlib"]))
                .filter_map(root)
                .collect(),
            is_static: targets.iter().any(|one| is(one, &["staticlib"])),
            depends,
            is_member,
            unlinked: list(&unlinked, "unlinked")
                .iter()
                .filter_map(|one| one.as_str().map(str::to_owned))
                .collect(),
        })
    }
}

/// As cargo has resolved them.
fn depends(node: &Value) -> Vec<(String, String)> {
    let is_normal = |one: &&Value| {
        let kinds = list(one, "dep_kinds");
        kinds.is_empty() || kinds.iter().any(|kind| kind.get("kind").is_none_or(Value::is_null))
    };
    let all = list(node, "deps").iter().filter(is_normal);
    all.filter_map(|one| Some((text(one, "name")?, text(one, "pkg")?))).collect()
}

/// As the manifest names them, of the packages that are there.
fn depends_by_name(package: &Value, all: &[Value]) -> Vec<(String, String)> {
    let is_normal = |one: &&Value| one.get("kind").is_none_or(Value::is_null);
    let dependencies = list(package, "dependencies").iter().filter(is_normal);
    dependencies
        .filter_map(|one| {
            let name = text(one, "name")?;
            let found =
                all.iter().find(|other| other.get("name").is_some_and(|it| *it == *name))?;
            let called = text(one, "rename").unwrap_or(name).replace('-', "_");
            Some((called, text(found, "id")?))
        })
        .collect()
}
