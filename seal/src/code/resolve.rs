//! From a path to the item that it names: through modules, imports and the roots of other packages.

use std::{
    path::{Path, PathBuf},
    sync::Arc,
};

use super::{
    fault::Fault,
    file::{Import, Kind, Named},
    modules::{Code, Site},
    packages::Crate,
};

/// The most imports that are followed for one name.
const STEPS_MAX: usize = 16;

/// An item that a path names.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Target {
    /// The module that has it.
    pub site: Site,
    /// The file that has it.
    pub file: PathBuf,
    /// The path of the inline module within the file.
    pub inline: Vec<String>,
    /// Its own name, whatever it is imported as.
    pub name: String,
    /// What it is.
    pub kind: Kind,
    /// The line, counted from 1; 0 in a macro.
    pub line: usize,
    /// The names of its functions, if it is a trait.
    pub functions: Vec<String>,
}

impl Code {
    /// Returns the item that a path names in a module. The path begins with an empty part if it is
    /// written with `::` before it.
    ///
    /// # Errors
    ///
    /// If there is no such item, or its source cannot be read.
    pub fn resolve(&mut self, site: &Site, path: &[String]) -> Result<Target, Fault> {
        self.look_up(site, path, STEPS_MAX)
    }

    /// Returns the imports of a module, and of the modules whose names it imports all at once.
    ///
    /// # Errors
    ///
    /// If the module's file cannot be read.
    pub fn imports(&mut self, site: &Site) -> Result<(Vec<Import>, Vec<Import>), Fault> {
        let place = self.place(site)?;
        let file = self.read_file(&place.file)?;
        let scope = file.scopes.get(&place.inline);
        Ok(scope.map(|scope| (scope.imports.clone(), scope.globs.clone())).unwrap_or_default())
    }

    /// Returns a macro of the crate that a call `name!` may mean without an import.
    ///
    /// # Errors
    ///
    /// If the crate has no such macro.
    pub fn textual_macro(&mut self, site: &Site, name: &str) -> Result<Target, Fault> {
        match self.find_macro(&site.root, name, true) {
            Some(site) => self.in_module(&site, name, 1),
            None => Err(Fault::Foreign(name.to_owned())),
        }
    }

    /// Returns the traits of these packages that a module imports, by name or with all names of a
    /// module: their methods are called without their name.
    pub fn traits(&mut self, site: &Site) -> Vec<Target> {
        let Ok((imports, globs)) = self.imports(site) else { return Vec::new() };
        let mut traits: Vec<Target> = imports
            .iter()
            .filter_map(|import| self.resolve(site, &import.path).ok())
            .filter(|target| target.kind == Kind::Trait)
            .collect();
        for glob in globs {
            let Ok(module) = self.module(site, &glob.path) else { continue };
            let Ok(place) = self.place(&module) else { continue };
            let Ok(file) = self.read_file(&place.file) else { continue };
            let items = file.scopes.get(&place.inline).into_iter().flat_map(|scope| &scope.items);
            let named = items.filter(|(_, all)| all.iter().any(|item| item.kind == Kind::Trait));
            let names: Vec<String> = named.map(|(name, _)| name.clone()).collect();
            traits.extend(names.iter().filter_map(|name| self.in_module(&module, name, 1).ok()));
        }
        traits
    }

    /// Returns the macros that are called among the items of a module, and the module's file.
    ///
    /// # Errors
    ///
    /// If the module's file cannot be read.
    pub fn macros(&mut self, site: &Site) -> Result<(Vec<String>, PathBuf), Fault> {
        let place = self.place(site)?;
        let file = self.read_file(&place.file)?;
        let scope = file.scopes.get(&place.inline);
        Ok((scope.map(|scope| scope.macros.clone()).unwrap_or_default(), place.file))
    }

    /// Returns the full path of an item, as code of a crate with this root writes it.
    pub fn shown(&mut self, root: &Path, site: &Site, name: &str) -> String {
        let krate = match site.root == root {
            true => "crate".to_owned(),
            false => self.name_of_crate(root, &site.root).unwrap_or_else(|| "…".to_owned()),
        };
        let parts = site.module.iter().map(String::as_str).chain([name]);
        [krate.as_str()].into_iter().chain(parts).collect::<Vec<_>>().join("::")
    }

    /// Returns the module that a path leads to.
    ///
    /// # Errors
    ///
    /// If the path leads to no module, or to a crate whose source cannot be read.
    pub fn module(&mut self, site: &Site, path: &[String]) -> Result<Site, Fault> {
        self.module_at(site, path, STEPS_MAX)
    }

    fn look_up(&mut self, site: &Site, path: &[String], steps: usize) -> Result<Target, Fault> {
        let steps = steps.checked_sub(1).ok_or(Fault::Endless)?;
        let (name, way) = path.split_last().ok_or(Fault::Endless)?;
        if matches!(name.as_str(), "self" | "super" | "crate" | "") {
            return Err(Fault::Module(path.join("::")));
        }
        if way.is_empty() {
            return self
                .in_module(site, name, steps)
                .or_else(|fault| self.or_macro(site, name, fault));
        }
        match self.module_at(site, way, steps) {
            Ok(module) => self
                .in_module(&module, name, steps)
                .or_else(|fault| self.or_exported(&module, name, fault)),
            // Not a module: perhaps a type.
            Err(fault @ Fault::Nothing { .. }) => match self.look_up(site, way, steps) {
                Ok(target) => Err(Fault::Inside(target.name)),
                Err(Fault::Inside(ty)) => Err(Fault::Inside(ty)),
                Err(_) => Err(fault),
            },
            Err(fault) => Err(fault),
        }
    }

    /// Returns the item of this name in a module, its own or an imported one.
    fn in_module(&mut self, site: &Site, name: &str, steps: usize) -> Result<Target, Fault> {
        if let Some(found) = self.own(site, name, true, steps)? {
            return Ok(found);
        }
        let mut found: Option<Target> = None;
        for module in self.through_globs(site) {
            let Ok(Some(target)) = self.own(&module, name, module.is_around(site), steps) else {
                continue;
            };
            match &found {
                Some(other) if *other != target => return Err(Fault::Ambiguous(name.to_owned())),
                _ => found = Some(target),
            }
        }
        let Some(found) = found else {
            let (macros, file) = self.macros(site)?;
            return Err(Fault::Nothing { name: name.to_owned(), file, macros });
        };
        Ok(found)
    }

    /// Returns the item of this name that a module has or imports by its name. `all`: private ones, too.
    fn own(
        &mut self,
        site: &Site,
        name: &str,
        all: bool,
        steps: usize,
    ) -> Result<Option<Target>, Fault> {
        let place = self.place(site)?;
        let file = self.read_file(&place.file)?;
        let Some(scope) = file.scopes.get(&place.inline) else { return Ok(None) };
        let mut items = scope.items.get(name).into_iter().flatten();
        if let Some(Named { kind, line, functions, .. }) =
            items.find(|item| all || !item.is_private)
        {
            return Ok(Some(Target {
                site: site.clone(),
                file: place.file.clone(),
                inline: place.inline.clone(),
                name: name.to_owned(),
                kind: *kind,
                line: *line,
                functions: functions.clone(),
            }));
        }
        let is_it =
            |import: &&Import| import.name.as_deref() == Some(name) && (all || !import.is_private);
        if let Some(import) = scope.imports.iter().find(is_it) {
            return match self.look_up(site, &import.path, steps) {
                // The import may bring a module.
                Err(Fault::Nothing { .. }) if self.module_at(site, &import.path, steps).is_ok() => {
                    Err(Fault::Module(name.to_owned()))
                }
                found => found.map(Some),
            };
        }
        match scope.modules.contains_key(name) {
            true => Err(Fault::Module(name.to_owned())),
            false => Ok(None),
        }
    }

    /// Returns the modules whose names a module imports all at once, and those that these re-export,
    /// each once.
    fn through_globs(&mut self, site: &Site) -> Vec<Site> {
        let mut found: Vec<Site> = Vec::new();
        let mut next = vec![site.clone()];
        while let Some(module) = next.pop() {
            let all = module.is_around(site);
            for (inside, is_private) in self.globs(&module).iter() {
                if (all || !is_private) && inside != site && !found.contains(inside) {
                    found.push(inside.clone());
                    next.push(inside.clone());
                }
            }
        }
        found
    }

    /// Returns where the imports of everything in a module lead, and whether each is private.
    fn globs(&mut self, site: &Site) -> Arc<Vec<(Site, bool)>> {
        if let Some(known) = self.globs.get(site) {
            return Arc::clone(known);
        }
        // The path of such an import is not itself looked up in such imports.
        self.globs.insert(site.clone(), Arc::default());
        let (_, imports) = self.imports(site).unwrap_or_default();
        let mut globs = Vec::new();
        for glob in imports {
            if let Ok(module) = self.module_at(site, &glob.path, STEPS_MAX) {
                globs.push((module, glob.is_private));
            }
        }
        let globs = Arc::new(globs);
        self.globs.insert(site.clone(), Arc::clone(&globs));
        globs
    }

    fn module_at(&mut self, site: &Site, path: &[String], steps: usize) -> Result<Site, Fault> {
        let steps = steps.checked_sub(1).ok_or(Fault::Endless)?;
        let Some((first, rest)) = path.split_first() else { return Ok(site.clone()) };
        let root = |root: PathBuf| Site { root, module: Vec::new() };
        match first.as_str() {
            "crate" | "$crate" => return self.below(&root(site.root.clone()), rest, steps),
            "self" => return self.below(site, rest, steps),
            "super" => {
                let Some((_, above)) = site.module.split_last() else {
                    return Err(Fault::Module("super".to_owned()));
                };
                let above = Site { root: site.root.clone(), module: above.to_vec() };
                return self.below(&above, rest, steps);
            }
            "" => {
                let Some((name, rest)) = rest.split_first() else { return Err(Fault::Endless) };
                return match self.named_crate(&site.root, name) {
                    Some(Crate::Here(of)) => self.below(&root(of), rest, steps),
                    _ => Err(Fault::Foreign(name.clone())),
                };
            }
            _ => {}
        }
        match self.below(site, path, steps) {
            Err(fault @ Fault::Nothing { .. }) => match self.named_crate(&site.root, first) {
                Some(Crate::Here(of)) => self.below(&root(of), rest, steps),
                Some(Crate::Foreign) => Err(Fault::Foreign(first.clone())),
                None => Err(fault),
            },
            found => found,
        }
    }

    /// Follows names from a module to a module in it, or to one that it imports.
    fn below(&mut self, site: &Site, path: &[String], steps: usize) -> Result<Site, Fault> {
        let Some((first, rest)) = path.split_first() else { return Ok(site.clone()) };
        if first == "super" || first == "self" {
            return self.module_at(site, path, steps);
        }
        if let Some(found) = self.own_module(site, first, rest, true, steps) {
            return found;
        }
        for module in self.through_globs(site) {
            let all = module.is_around(site);
            if let Some(found) = self.own_module(&module, first, rest, all, steps) {
                return found;
            }
        }
        let (macros, file) = self.macros(site)?;
        Err(Fault::Nothing { name: first.clone(), file, macros })
    }

    /// Returns the module that a module has or imports by its name, and what is below it.
    fn own_module(
        &mut self,
        site: &Site,
        first: &str,
        rest: &[String],
        all: bool,
        steps: usize,
    ) -> Option<Result<Site, Fault>> {
        let place = self.place(site).ok()?;
        let file = self.read_file(&place.file).ok()?;
        let scope = file.scopes.get(&place.inline)?;
        if scope.modules.contains_key(first) {
            let module = site.module.iter().cloned().chain([first.to_owned()]).collect();
            let inside = Site { root: site.root.clone(), module };
            return Some(self.place(&inside).and_then(|_| self.below(&inside, rest, steps)));
        }
        let is_it = |import: &&Import| {
            // `use billing;` names the crate, and not itself.
            let is_itself = import.path == [first.to_owned()];
            import.name.as_deref() == Some(first) && !is_itself && (all || !import.is_private)
        };
        let import = scope.imports.iter().find(is_it)?;
        let path = import.path.iter().chain(rest).cloned().collect::<Vec<_>>();
        Some(self.module_at(site, &path, steps))
    }

    /// Looks for a macro in the modules around, which see the macros above them.
    fn or_macro(&mut self, site: &Site, name: &str, fault: Fault) -> Result<Target, Fault> {
        if !matches!(fault, Fault::Nothing { .. }) {
            return Err(fault);
        }
        let mut around = site.clone();
        while around.module.pop().is_some() {
            let found = self.in_module(&around, name, 1);
            if let Ok(target) = found
                && target.kind == Kind::Macro
            {
                return Ok(target);
            }
        }
        Err(fault)
    }

    /// Looks for a macro that its crate exports, if the module is the crate's root.
    fn or_exported(&mut self, site: &Site, name: &str, fault: Fault) -> Result<Target, Fault> {
        if !matches!(fault, Fault::Nothing { .. }) || !site.module.is_empty() {
            return Err(fault);
        }
        match self.find_macro(&site.root, name, false) {
            Some(site) => self.in_module(&site, name, 1),
            None => Err(fault),
        }
    }
}
