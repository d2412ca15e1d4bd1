//! The files of crates, read once each, and the way from a crate's root to each module.

use std::{
    collections::BTreeMap,
    fmt, fs,
    path::{Path, PathBuf},
    sync::Arc,
};

use super::{
    fault::Fault,
    file::{Declared, File, Kind, Named},
    item_text::ItemText,
    packages::{self, Crate},
};

/// How deep modules may nest.
const DEPTH_MAX: usize = 64;

/// Returns a file's text, or why it cannot be read.
type Read = Box<dyn Fn(&Path) -> Result<String, String> + Send>;

/// What has been read so far.
pub struct Code {
    read: Read,
    files: BTreeMap<PathBuf, Result<Arc<File>, String>>,
    crates: BTreeMap<PathBuf, Arc<Vec<(String, Crate)>>>,
    places: BTreeMap<Site, Result<Place, Fault>>,
    /// The module that each file is, by root and file.
    ways: BTreeMap<(PathBuf, PathBuf), Option<Vec<String>>>,
    macros: BTreeMap<(PathBuf, String, bool), Option<Site>>,
    /// Where each module's imports of everything lead, and whether they are private.
    pub(super) globs: BTreeMap<Site, Arc<Vec<(Site, bool)>>>,
    pub(super) items: BTreeMap<(PathBuf, Vec<String>, String), ItemText>,
}

/// A module of a crate.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Site {
    /// The crate's root.
    pub root: PathBuf,
    /// The module's path, without the root.
    pub module: Vec<String>,
}

impl Site {
    /// Whether this module is the other one, or around it: code there sees what is private here.
    pub(super) fn is_around(&self, other: &Self) -> bool {
        self.root == other.root && other.module.starts_with(&self.module)
    }
}

/// Where a module is.
#[derive(Clone, Debug)]
pub(super) struct Place {
    pub(super) file: PathBuf,
    /// The path of the inline module within the file.
    pub(super) inline: Vec<String>,
    /// Where the files of its modules are.
    directory: PathBuf,
}

impl fmt::Debug for Code {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.files.keys()).finish()
    }
}

impl Default for Code {
    fn default() -> Self {
        Self::new(|path| fs::read_to_string(path).map_err(|error| error.to_string()))
    }
}

impl Code {
    /// Makes one that reads files with this function.
    pub fn new(read: impl Fn(&Path) -> Result<String, String> + Send + 'static) -> Self {
        Self {
            read: Box::new(read),
            files: BTreeMap::new(),
            crates: BTreeMap::new(),
            places: BTreeMap::new(),
            ways: BTreeMap::new(),
            macros: BTreeMap::new(),
            globs: BTreeMap::new(),
            items: BTreeMap::new(),
        }
    }

    /// Returns the module in which a file has a function, if one of these roots reaches the file.
    pub fn site(&mut self, roots: &[PathBuf], file: &Path, function: &str) -> Option<Site> {
        let file = real(file);
        let root = roots.iter().map(|root| real(root));
        let mut found = root.filter_map(|root| {
            let module = self.way(&root, &file)?;
            Some(Site { root, module })
        });
        let mut site = found.next()?;
        drop(found);
        let inside = self.file(&file).ok()?;
        site.module
            .extend(inside.modules_of(function).first().copied().cloned().unwrap_or_default());
        Some(site)
    }

    /// Returns the module in which a file has a function, as if the file were a crate of its own.
    pub fn alone(&mut self, file: &Path, function: &str) -> Site {
        let root = real(file);
        let modules = self.file(&root).ok();
        let module = modules.and_then(|file| file.modules_of(function).first().copied().cloned());
        Site { root, module: module.unwrap_or_default() }
    }

    fn way(&mut self, root: &Path, file: &Path) -> Option<Vec<String>> {
        let key = (root.to_owned(), file.to_owned());
        if let Some(known) = self.ways.get(&key) {
            return known.clone();
        }
        let directory = root.parent().unwrap_or(Path::new("")).to_owned();
        let place = Place { file: root.to_owned(), inline: Vec::new(), directory };
        // By the names of files alone; then, if a link is among the directories, by where they are.
        let found = [true, false]
            .into_iter()
            .find_map(|by_name| self.way_to(file, by_name, &place, &mut Vec::new(), 0));
        self.ways.insert(key, found.clone());
        found
    }

    /// Looks for the module that a file is, only where the file can be.
    fn way_to(
        &mut self,
        wanted: &Path,
        by_name: bool,
        place: &Place,
        module: &mut Vec<String>,
        depth: usize,
    ) -> Option<Vec<String>> {
        if place.inline.is_empty() && place.file == wanted {
            return Some(module.clone());
        }
        if depth > DEPTH_MAX {
            return None;
        }
        let file = self.file(&place.file).ok()?;
        for (name, declared) in &file.scopes.get(&place.inline)?.modules {
            if by_name && *declared == Declared::File(None) {
                let inside = place.directory.join(name);
                if !wanted.starts_with(&inside) && wanted != inside.with_extension("rs") {
                    continue;
                }
            }
            let Some(inside) = self.child(place, name, declared) else { continue };
            let may_be = match declared {
                Declared::File(None) => {
                    inside.file == wanted || wanted.starts_with(real(&inside.directory))
                }
                Declared::File(Some(_)) | Declared::Inline => true,
            };
            if may_be {
                module.push(name.clone());
                if let Some(found) = self.way_to(wanted, by_name, &inside, module, depth + 1) {
                    return Some(found);
                }
                module.pop();
            }
        }
        None
    }

    /// Returns where a module is.
    pub(super) fn place(&mut self, site: &Site) -> Result<Place, Fault> {
        if let Some(known) = self.places.get(site) {
            return known.clone();
        }
        let place = self.find_place(site);
        self.places.insert(site.clone(), place.clone());
        place
    }

    fn find_place(&mut self, site: &Site) -> Result<Place, Fault> {
        let directory = site.root.parent().unwrap_or(Path::new("")).to_owned();
        let mut place = Place { file: site.root.clone(), inline: Vec::new(), directory };
        for name in &site.module {
            let file = self.read_file(&place.file)?;
            let scope = file.scopes.get(&place.inline);
            let declared = scope.and_then(|scope| scope.modules.get(name));
            let inside = declared.and_then(|declared| self.child(&place, name, declared));
            place = inside.ok_or_else(|| Fault::Nothing {
                name: name.clone(),
                file: place.file.clone(),
                macros: scope.map(|scope| scope.macros.clone()).unwrap_or_default(),
            })?;
        }
        Ok(place)
    }

    /// Returns where a module of a module is, if it has a file.
    pub(super) fn child(
        &mut self,
        place: &Place,
        name: &str,
        declared: &Declared,
    ) -> Option<Place> {
        let inside = place.directory.join(name);
        match declared {
            Declared::Inline => {
                let inline = place.inline.iter().cloned().chain([name.to_owned()]).collect();
                Some(Place { file: place.file.clone(), inline, directory: inside })
            }
            Declared::File(Some(path)) => {
                let file = real(&place.file.parent().unwrap_or(Path::new("")).join(path));
                let directory = file.parent().unwrap_or(Path::new("")).to_owned();
                Some(Place { file, inline: Vec::new(), directory })
            }
            Declared::File(None) => {
                let files = [inside.join("mod.rs"), place.directory.join(format!("{name}.rs"))];
                let file = files.into_iter().find(|file| (self.read)(file).is_ok())?;
                Some(Place { file: real(&file), inline: Vec::new(), directory: inside })
            }
        }
    }

    /// Returns what a file declares.
    pub(super) fn read_file(&mut self, path: &Path) -> Result<Arc<File>, Fault> {
        self.file(path).map_err(|why| Fault::Unread { file: path.to_owned(), why })
    }

    fn file(&mut self, path: &Path) -> Result<Arc<File>, String> {
        if let Some(known) = self.files.get(path) {
            return known.clone();
        }
        let file = (self.read)(path).and_then(|text| File::parse(&text).map(Arc::new));
        self.files.insert(path.to_owned(), file.clone());
        file
    }

    /// Returns a file's text, if it can be read.
    pub fn text_of(&self, path: &Path) -> Option<String> {
        (self.read)(path).ok()
    }

    /// Returns a file's text.
    pub(super) fn text(&self, path: &Path) -> Result<String, Fault> {
        (self.read)(path).map_err(|why| Fault::Unread { file: path.to_owned(), why })
    }

    /// Returns the crate that a name means in the code of a root's package.
    pub(super) fn named_crate(&mut self, root: &Path, name: &str) -> Option<Crate> {
        let crates = match self.crates.get(root) {
            Some(crates) => Arc::clone(crates),
            None => {
                let read = |path: &Path| (self.read)(path).ok();
                let package = packages::directory(root, &read);
                let found = package.map(|package| packages::crates(&package, &read));
                let crates = Arc::new(found.unwrap_or_default());
                self.crates.insert(root.to_owned(), Arc::clone(&crates));
                crates
            }
        };
        crates.iter().find(|(of, _)| of == name).map(|(_, found)| found.clone())
    }

    /// Returns the name of a crate in the code of a root's package.
    pub(super) fn name_of_crate(&mut self, root: &Path, wanted: &Path) -> Option<String> {
        // Reads the manifest, if it was not read yet.
        self.named_crate(root, "std");
        let is_it = |found: &Crate| matches!(found, Crate::Here(of) if of == wanted);
        let found = self.crates.get(root)?.iter().find(|(_, found)| is_it(found));
        found.map(|(name, _)| name.clone())
    }

    /// Returns the module that has a macro of this name which the whole crate sees; with `any`, also
    /// a macro that only the modules below it see, by `#[macro_use]`.
    pub(super) fn find_macro(&mut self, root: &Path, name: &str, any: bool) -> Option<Site> {
        let key = (root.to_owned(), name.to_owned(), any);
        if let Some(known) = self.macros.get(&key) {
            return known.clone();
        }
        let found = self.search_macro(root, name, any);
        self.macros.insert(key, found.clone());
        found
    }

    fn search_macro(&mut self, root: &Path, name: &str, any: bool) -> Option<Site> {
        let mut next = vec![Site { root: root.to_owned(), module: Vec::new() }];
        while let Some(site) = next.pop() {
            let Ok(place) = self.place(&site) else { continue };
            let Ok(file) = self.read_file(&place.file) else { continue };
            let Some(scope) = file.scopes.get(&place.inline) else { continue };
            let is_it = |item: &Named| item.kind == Kind::Macro && (any || item.is_exported);
            if scope.items.get(name).into_iter().flatten().any(is_it) {
                return Some(site);
            }
            if site.module.len() < DEPTH_MAX {
                next.extend(scope.modules.keys().map(|inside| Site {
                    root: site.root.clone(),
                    module: site.module.iter().chain([inside]).cloned().collect(),
                }));
            }
        }
        None
    }
}

/// Returns a path without links, if the file exists.
pub(super) fn real(path: &Path) -> PathBuf {
    path.canonicalize().unwrap_or_else(|_| path.to_owned())
}
