//! Which function rolls a migration back, and what that function does.
//!
//! Names are resolved as far as items and `use` lines tell. What a macro writes, and what another
//! crate exports, is not found.

use std::collections::BTreeMap;
use std::fmt;

use syn::ext::IdentExt as _;
use syn::{Attribute, Expr, ItemFn, ItemUse, Meta, Token, UseTree, punctuated::Punctuated};

use crate::checksum;
use crate::sum;

/// How many `use` lines are followed for one name.
const STEPS_MAX: usize = 16;

/// A module, from its crate's root on. The first part is the root's own.
type Module = Vec<String>;

/// The functions and the `use` lines of every module.
#[derive(Debug, Default)]
pub(super) struct Scopes {
    scopes: BTreeMap<Module, Scope>,
    wanted: Vec<Wanted>,
}

#[derive(Default)]
struct Scope {
    functions: BTreeMap<String, Vec<ItemFn>>,
    /// By the name that they bring in.
    uses: BTreeMap<String, Vec<String>>,
    globs: Vec<Vec<String>>,
}

/// A migration with a `reversible`.
#[derive(Debug)]
struct Wanted {
    /// Which of the migrations, in the order in which they were read.
    migration: usize,
    module: Module,
    kind: String,
    /// None, if it is written alone.
    path: Option<(bool, Vec<String>)>,
}

/// How one migration is rolled back.
#[derive(Debug)]
pub(super) struct Found {
    pub(super) migration: usize,
    /// For the sum file.
    pub(super) sealed: String,
    /// The function's full path, if it was found.
    pub(super) function: Option<String>,
}

impl Scopes {
    /// Enters a function that may be a migration or a rollback, without our attribute.
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
            arguments.into_iter().flatten().find(|one| one.path().is_ident("reversible"));
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
        self.wanted.push(Wanted { migration, module: module.to_vec(), kind, path });
    }

    /// How each reversible migration is rolled back.
    pub(super) fn resolve(&mut self) -> Vec<Found> {
        let wanted = std::mem::take(&mut self.wanted);
        wanted.into_iter().map(|one| self.found(one)).collect()
    }

    fn found(&self, wanted: Wanted) -> Found {
        let Wanted { migration, module, kind, path } = wanted;
        let Some((is_global, path)) = path else {
            return Found { migration, sealed: sum::derived(), function: None };
        };
        let found = match is_global {
            true => None,
            false => self.look_up(&module, &path, STEPS_MAX),
        };
        match found {
            Some((module, name, function)) => {
                let sealed = checksum::of(&kind, function.clone());
                Found { migration, sealed, function: Some(full(&module, &name)) }
            }
            None => {
                let colons = if is_global { "::" } else { "" };
                let sealed = sum::elsewhere(&format!("{colons}{}", path.join("::")));
                Found { migration, sealed, function: None }
            }
        }
    }

    /// The one function that a path names in a module.
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

/// The full path of an item.
pub(super) fn full(module: &[String], name: &str) -> String {
    [module, &[name.to_owned()]].concat().join("::")
}
