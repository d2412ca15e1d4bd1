//! From the names in a migration to the items outside of its file.

use std::{
    collections::{BTreeMap, BTreeSet, VecDeque},
    path::{Path, PathBuf},
    rc::Rc,
};

use proc_macro2::TokenStream;
use quote::ToTokens as _;
use syn::{Item, Type, ext::IdentExt as _};

use super::scan::{self, Name, Names};
use crate::{
    code::{Code, Fault, Kind, Site, Target},
    sources::Written,
    text::Text,
};

/// The most items of its own file that are followed for one migration.
const ITEMS_MAX: usize = 2_000;

/// What a migration names outside of its file.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Outside {
    /// The items, by path.
    pub names: Vec<OutsideName>,
    /// What cannot be read, with its place.
    pub unread: Vec<String>,
}

/// An item outside of a migration's file.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct OutsideName {
    /// Its full path, such as `crate::money::round`.
    pub path: String,
    /// What it is: `function`, `type`, `trait`, `constant`, `macro` or `module`.
    pub kind: &'static str,
    /// The file that has it.
    pub file: PathBuf,
    /// The line, counted from 1.
    pub line: usize,
    /// The file that names it: the migration's own, or that of an item in `uses`.
    pub named_in: PathBuf,
    /// The line that names it, counted from 1.
    pub named_at: usize,
    /// The item that names it, if it is not the migration's function itself.
    pub through: Option<String>,
    /// Whether its text is in the checksum, because `uses` names it.
    pub is_used: bool,
}

impl Outside {
    /// Returns the items whose text no checksum sees.
    pub fn unseen(&self) -> impl Iterator<Item = &OutsideName> {
        self.names.iter().filter(|name| !name.is_used)
    }
}

/// Finds what migrations name. It reads each file once.
#[derive(Debug)]
pub struct Finder<'a> {
    code: Code,
    roots: &'a [PathBuf],
    texts: BTreeMap<PathBuf, Option<Rc<Parsed>>>,
}

struct Parsed(syn::File);

impl std::fmt::Debug for Parsed {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} items", self.0.items.len())
    }
}

/// An item that is followed.
struct Step {
    target: Target,
    through: Option<String>,
}

impl<'a> Finder<'a> {
    /// Makes one for the package with these roots. `code` reads its files.
    pub fn new(code: Code, roots: &'a [PathBuf]) -> Self {
        Self { code, roots, texts: BTreeMap::new() }
    }

    /// Returns what a migration, and the rollback in its file, name.
    pub fn outside(&mut self, written: &Written) -> Outside {
        let mut outside = Outside::default();
        let Some(site) = self.code.site(self.roots, &written.file, &written.function) else {
            outside
                .unread
                .push(format!("{}: no `mod` is seen to lead to this file", written.file.display()));
            return outside;
        };
        let used: Vec<Target> = written
            .used
            .iter()
            .flat_map(|used| &used.items)
            .map(|item| item.target.clone())
            .collect();
        let mut next = VecDeque::new();
        let own = [vec![written.function.clone()], written.rollback_named.clone()];
        for path in own.into_iter().filter(|path| !path.is_empty()) {
            if let Ok(target) = self.code.resolve(&site, &path) {
                next.push_back(Step { target, through: None });
            }
        }
        // What is in the checksum counts as if it stood in the body.
        next.extend(
            used.iter()
                .map(|target| Step { target: target.clone(), through: Some(target.name.clone()) }),
        );
        let own_file = next.front().map(|step| step.target.file.clone());
        let own_file = own_file.unwrap_or_else(|| written.file.clone());
        let mut search =
            Search { root: site.root.clone(), own_file, used, outside, names: BTreeMap::new() };
        for target in search.used.clone() {
            if target.file != search.own_file {
                let (file, line) = (written.file.clone(), written.line);
                search.enter(&mut self.code, &target, file, line, None);
            }
        }
        let mut seen = BTreeSet::new();
        while let Some(step) = next.pop_front() {
            let key = (step.target.site.clone(), step.target.name.clone(), step.target.kind);
            if seen.len() < ITEMS_MAX && seen.insert(key) {
                self.follow(&step, &mut search, &mut next);
            }
        }
        let Search { mut outside, names, .. } = search;
        outside.names = names.into_values().collect();
        outside.names.sort();
        outside.unread.sort();
        outside.unread.dedup();
        outside
    }

    /// Reads the names in one item.
    fn follow(&mut self, step: &Step, search: &mut Search, next: &mut VecDeque<Step>) {
        let Step { target, through } = step;
        let Some(stream) = self.tokens(target) else { return };
        let names = scan::scan(stream);
        let site = &target.site;
        let deeper = |found: &Target| Step {
            target: found.clone(),
            through: through.clone().or_else(|| Some(found.name.clone())),
        };
        for (name, line) in &names.paths {
            match self.resolve(site, name, &names) {
                Ok(found)
                    if name.is_in_text && name.path.len() == 1 && found.kind == Kind::Type => {}
                Ok(found)
                    if name.is_in_text && found.kind != Kind::Constant && through.is_none() => {}
                Ok(found) if found.file == search.own_file => next.push_back(deeper(&found)),
                Ok(found) if found == *target => {}
                Ok(found) => {
                    search.enter(
                        &mut self.code,
                        &found,
                        target.file.clone(),
                        *line,
                        through.clone(),
                    );
                }
                Err(Fault::Module(_)) if name.path.len() > 1 => {
                    self.module(site, name, target, *line, search, through.as_deref());
                }
                Err(fault) => search.fault(&fault, name, target, *line),
            }
        }
        self.globs(target, &names, search);
        for found in self.code.traits(site) {
            if found.file != search.own_file
                && found.functions.iter().any(|function| names.methods.contains(function))
            {
                search.enter(
                    &mut self.code,
                    &found,
                    target.file.clone(),
                    target.line,
                    through.clone(),
                );
            }
        }
    }

    fn resolve(&mut self, site: &Site, name: &Name, names: &Names) -> Result<Target, Fault> {
        let path = match name.path.split_first() {
            Some((first, rest)) => match names.imports.get(first) {
                Some(import) if *import != name.path => [import.as_slice(), rest].concat(),
                _ => name.path.clone(),
            },
            None => return Err(Fault::Endless),
        };
        let mut parts = path.as_slice();
        loop {
            match self.code.resolve(site, parts) {
                // `Type::method` names the type.
                Err(Fault::Inside(_)) => match parts.split_last() {
                    Some((_, way)) if !way.is_empty() => parts = way,
                    _ => return Err(Fault::Endless),
                },
                Err(Fault::Nothing { .. }) if name.is_macro && path.len() == 1 => {
                    return self.code.textual_macro(site, &path[0]);
                }
                found => return found,
            }
        }
    }

    /// Enters a module that is named as such, as serde's `with` does.
    fn module(
        &mut self,
        site: &Site,
        name: &Name,
        by: &Target,
        line: usize,
        search: &mut Search,
        through: Option<&str>,
    ) {
        let Ok(module) = self.code.module(site, &name.path) else { return };
        let Ok((_, file)) = self.code.macros(&module) else { return };
        let Some((last, above)) = module.module.split_last() else { return };
        if file == search.own_file || file == by.file {
            return;
        }
        let of = Site { root: module.root.clone(), module: above.to_vec() };
        let path = self.code.shown(&search.root, &of, last);
        search.names.entry(path.clone()).or_insert(OutsideName {
            path,
            kind: "module",
            file,
            line: 1,
            named_in: by.file.clone(),
            named_at: line,
            through: through.map(str::to_owned),
            is_used: false,
        });
    }

    /// Reports the imports of everything that may bring more names than are read.
    fn globs(&mut self, target: &Target, names: &Names, search: &mut Search) {
        let of_file = self.code.imports(&target.site).map(|(_, globs)| globs).unwrap_or_default();
        let of_file = of_file.into_iter().map(|glob| (glob.path, glob.line));
        for (path, line) in of_file.chain(names.globs.iter().cloned()) {
            let shown = path.join("::");
            let why = match self.code.module(&target.site, &path) {
                Ok(module) => match self.code.macros(&module) {
                    Ok((macros, file)) => match macros.first() {
                        Some(first) => {
                            format!("the macro `{first}!` may write items of {}", file.display())
                        }
                        None if names.globs.iter().any(|(of, _)| *of == path) => {
                            "write the names that the body needs".to_owned()
                        }
                        None => continue,
                    },
                    Err(_) => "the module cannot be read".to_owned(),
                },
                Err(Fault::Foreign(_)) => continue,
                // The variants of an enum.
                Err(_) => match self.code.resolve(&target.site, &path) {
                    Ok(found) if found.file == search.own_file => continue,
                    Ok(found) => {
                        search.enter(&mut self.code, &found, target.file.clone(), line, None);
                        continue;
                    }
                    Err(Fault::Foreign(_)) => continue,
                    Err(_) => "it leads to nothing that is read".to_owned(),
                },
            };
            search.outside.unread.push(format!(
                "{}:{line}: cannot be read: glob import `use {shown}::*`: {why}",
                target.file.display()
            ));
        }
    }

    /// Returns the tokens of an item, and of the `impl` blocks beside it.
    fn tokens(&mut self, target: &Target) -> Option<TokenStream> {
        let file = match self.texts.get(&target.file) {
            Some(file) => file.clone(),
            None => {
                let text = self.code.text_of(&target.file);
                let parsed = text.and_then(|text| syn::parse_file(Text::new(&text).as_str()).ok());
                let parsed = parsed.map(|file| Rc::new(Parsed(file)));
                self.texts.insert(target.file.clone(), parsed.clone());
                parsed
            }
        }?;
        let mut items = file.0.items.as_slice();
        for name in &target.inline {
            items = items.iter().find_map(|item| match item {
                Item::Mod(module) if module.ident.unraw() == name.as_str() => {
                    module.content.as_ref().map(|(_, items)| items.as_slice())
                }
                _ => None,
            })?;
        }
        let mut tokens = TokenStream::new();
        for item in items.iter().filter(|item| belongs(item, target)) {
            match item {
                // The attribute's arguments are no names of the body.
                Item::Fn(function) => {
                    function.sig.to_tokens(&mut tokens);
                    function.block.to_tokens(&mut tokens);
                }
                other => other.to_tokens(&mut tokens),
            }
        }
        Some(tokens)
    }
}

/// Whether an item is the target, or an `impl` that belongs to it.
fn belongs(item: &Item, target: &Target) -> bool {
    let is_it = |name: &syn::Ident| name.unraw() == target.name.as_str();
    match item {
        Item::Impl(block) => {
            let of = match &*block.self_ty {
                Type::Path(path) => path.path.segments.last().map(|last| &last.ident),
                _ => None,
            };
            let of_trait = block.trait_.as_ref().and_then(|(path, _)| path.segments.last());
            match target.kind {
                Kind::Type => of.is_some_and(is_it),
                Kind::Trait => of_trait.is_some_and(|last| is_it(&last.ident)),
                _ => false,
            }
        }
        other => crate::code::name_of(other).is_some_and(is_it),
    }
}

/// The search for one migration.
struct Search {
    root: PathBuf,
    own_file: PathBuf,
    used: Vec<Target>,
    outside: Outside,
    /// What was found, by path.
    names: BTreeMap<String, OutsideName>,
}

impl Search {
    fn enter(
        &mut self,
        code: &mut Code,
        found: &Target,
        named_in: PathBuf,
        named_at: usize,
        through: Option<String>,
    ) {
        let path = code.shown(&self.root, &found.site, &found.name);
        let is_used = self.used.contains(found);
        self.names.entry(path.clone()).or_insert_with(|| OutsideName {
            path,
            kind: found.kind.word(),
            file: found.file.clone(),
            line: found.line,
            named_in,
            named_at,
            through,
            is_used,
        });
    }

    /// Reports a path of the package that leads to nothing which is read.
    fn fault(&mut self, fault: &Fault, name: &Name, by: &Target, line: usize) {
        let path = name.path.join("::");
        let is_of_package = name
            .path
            .first()
            .is_some_and(|first| matches!(first.as_str(), "crate" | "self" | "super"));
        let why = match fault {
            Fault::Nothing { file, macros, .. } if is_of_package && name.path.len() > 1 => {
                match macros.first() {
                    Some(first) => {
                        format!("the macro `{first}!` in {} may write it", file.display())
                    }
                    None => format!("{} does not have it", file.display()),
                }
            }
            Fault::Ambiguous(_) => "several imports of everything give it".to_owned(),
            Fault::Unread { file, why } => format!("{}: {why}", file.display()),
            Fault::Endless => "it leads through too many imports".to_owned(),
            _ => return,
        };
        let at = Path::display(&by.file);
        self.outside.unread.push(format!("{at}:{line}: cannot be read: `{path}`: {why}"));
    }
}
