//! The functions that roll migrations back, and their checksums.
//!
//! Names are resolved by items and `use` lines. Functions that a macro writes or that another crate
//! exports are not found.

use std::{collections::BTreeMap, fmt};

use syn::{
    Attribute, Expr, ItemFn, ItemUse, Meta, Token, UseTree, ext::IdentExt as _,
    punctuated::Punctuated,
};

use crate::{checksum, sum};

/// The most `use` lines that are followed for one name.
const STEPS_MAX: usize = 16;

/// A module's path from its crate's root. The first part stands for the root.
type Module = Vec<String>;

/// The functions and the `use` lines of every module.
#[derive(Debug, Default)]
pub(super) struct Scopes {
    scopes: BTreeMap<Module, Scope>,
    reversible: Vec<Reversible>,
}

#[derive(Default)]
struct Scope {
    functions: BTreeMap<String, Vec<ItemFn>>,
    /// The `use` lines, by the name that they import.
    uses: BTreeMap<String, Vec<String>>,
    globs: Vec<Vec<String>>,
}

/// A migration with a `reversible`.
#[derive(Debug)]
struct Reversible {
    /// The index of the migration, in the order in which they were read.
    migration: usize,
    module: Module,
    kind: String,
    /// Whether the path is global, and its parts. `None` if `reversible` has no value.
    path: Option<(bool, Vec<String>)>,
}

/// How one migration is rolled back.
#[derive(Debug)]
pub(super) struct ResolvedRollback {
    pub(super) migration: usize,
    /// The content of the sum file's field.
    pub(super) sealed: String,
    /// The function's full path, if it was found.
    pub(super) function: Option<String>,
}

impl Scopes {
    /// Enters a function that may be a migration or a rollback. Its `#[migration]` was removed.
    pub(super) fn function(&mut self, module: &[String], function: &ItemFn) {
        if function.sig.inputs.len() == 1 {
            let name = function.sig.ident.unraw().to_string();
            self.scope(module).functions.entry(name).or_default().push(function.clone());
        }
    }

    /// Enters a `use` line.
    pub(super) fn uses(&mut self, module: &[String], item: &ItemUse) {
        let scope = self.scope(module);
        let start = if item.leading_colon.is_some() { vec![String::new()] } else { Vec::new() };
        scope.tree(&item.tree, start);
    }

    /// Enters a migration, if it is reversible.
    pub(super) fn migration(
        &mut self,
        migration: usize,
        module: &[String],
        attribute: &Attribute,
        kind: String,
    ) {
        let arguments = attribute.parse_args_with(Punctuated::<Meta, Token![,]>::parse_terminated);
        let reversible =
            arguments.into_iter().flatten().find(|argument| argument.path().is_ident("reversible"));
        let path = match reversible {
            Some(Meta::Path(_)) => None,
            Some(Meta::NameValue(pair)) => {
                let Expr::Path(path) = pair.value else { return };
                let is_global = path.path.leading_colon.is_some();
                let parts = path.path.segments.iter().map(|part| part.ident.unraw().to_string());
                Some((is_global, parts.collect()))
            }
            _ => return,
        };
        self.reversible.push(Reversible { migration, module: module.to_vec(), kind, path });
    }

    /// Returns how each reversible migration is rolled back.
    pub(super) fn resolve(&mut self) -> Vec<ResolvedRollback> {
        let reversible = std::mem::take(&mut self.reversible);
        reversible.into_iter().map(|reversible| self.rollback_of(reversible)).collect()
    }

    fn rollback_of(&self, reversible: Reversible) -> ResolvedRollback {
        let Reversible { migration, module, kind, path } = reversible;
        let Some((is_global, path)) = path else {
            return ResolvedRollback { migration, sealed: sum::derived(), function: None };
        };
        let found = match is_global {
            true => None,
            false => self.look_up(&module, &path, STEPS_MAX),
        };
        match found {
            Some((module, name, function)) => {
                let sealed = checksum::of(&kind, function.clone());
                ResolvedRollback { migration, sealed, function: Some(full(&module, &name)) }
            }
            None => {
                let colons = if is_global { "::" } else { "" };
                let sealed = sum::elsewhere(&format!("{colons}{}", path.join("::")));
                ResolvedRollback { migration, sealed, function: None }
            }
        }
    }

    /// Returns the function that a path names in a module, if there is exactly one.
    fn look_up(
        &self,
        module: &[String],
        path: &[String],
        steps: usize,
    ) -> Option<(Module, String, &ItemFn)> {
        let steps = steps.checked_sub(1)?;
        let (first, rest) = path.split_first()?;
        match first.as_str() {
            "crate" => return self.look_up(module.get(..1)?, rest, steps),
            "self" => return self.look_up(module, rest, steps),
            "super" => {
                let above = module.split_last().filter(|(_, above)| !above.is_empty())?.1;
                return self.look_up(above, rest, steps);
            }
            _ => {}
        }
        let scope = self.scopes.get(module);
        if rest.is_empty() {
            if let Some(functions) = scope.and_then(|scope| scope.functions.get(first)) {
                let [function] = functions.as_slice() else { return None };
                return Some((module.to_vec(), first.clone(), function));
            }
        } else {
            let inner = [module, &path[..1]].concat();
            if let Some(found) = self.look_up(&inner, rest, steps) {
                return Some(found);
            }
        }
        let scope = scope?;
        if let Some(target) = scope.uses.get(first) {
            return self.look_up(module, &[target.as_slice(), rest].concat(), steps);
        }
        scope
            .globs
            .iter()
            .find_map(|glob| self.look_up(module, &[glob.as_slice(), path].concat(), steps))
    }

    fn scope(&mut self, module: &[String]) -> &mut Scope {
        self.scopes.entry(module.to_vec()).or_default()
    }
}

impl fmt::Debug for Scope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.functions.keys()).finish()
    }
}

impl Scope {
    fn tree(&mut self, tree: &UseTree, mut above: Vec<String>) {
        match tree {
            UseTree::Path(path) => {
                above.push(path.ident.unraw().to_string());
                self.tree(&path.tree, above);
            }
            UseTree::Name(name) => {
                let name = name.ident.unraw().to_string();
                above.push(name.clone());
                self.uses.insert(name, above);
            }
            UseTree::Rename(rename) => {
                above.push(rename.ident.unraw().to_string());
                self.uses.insert(rename.rename.unraw().to_string(), above);
            }
            UseTree::Glob(_) => self.globs.push(above),
            UseTree::Group(group) => {
                for tree in &group.items {
                    self.tree(tree, above.clone());
                }
            }
        }
    }
}

/// Returns the full path of an item.
pub(super) fn full(module: &[String], name: &str) -> String {
    [module, &[name.to_owned()]].concat().join("::")
}
