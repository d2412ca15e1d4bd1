//! The names that a source gives to the attribute.

use std::collections::BTreeSet;

use syn::{Item, ItemUse, Path, UseTree, ext::IdentExt as _};

/// The names of the attribute: `migration`, and every name it is imported as.
#[derive(Clone, Debug)]
pub struct Names {
    attributes: BTreeSet<String>,
    /// The first segments of paths that lead to the attribute.
    roots: BTreeSet<String>,
    /// The names that the current file imports from other crates.
    foreign: BTreeSet<String>,
}

/// Whether an attribute is ours.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Claim {
    /// `#[migration]`, under one of its names.
    Ours,
    /// The name is unknown, but the function looks like a migration.
    Resembles,
    /// An attribute of another crate, or of the language.
    Foreign,
}

impl Default for Names {
    fn default() -> Self {
        let set = |words: &[&str]| words.iter().map(|word| (*word).to_owned()).collect();
        Self {
            attributes: set(&["migration"]),
            roots: set(&["mongrate", "crate", "self", "super"]),
            foreign: BTreeSet::new(),
        }
    }
}

impl Names {
    /// Begins another file: forgets the names that the last file imported from other crates.
    pub fn enter_file(&mut self) {
        self.foreign.clear();
    }

    /// Learns the names that an item imports.
    pub fn learn(&mut self, item: &Item) {
        match item {
            Item::Use(ItemUse { tree, .. }) => self.descend(&mut Vec::new(), tree),
            Item::ExternCrate(item) => {
                if let Some((_, name)) = &item.rename {
                    self.renamed_root(&item.ident.unraw().to_string(), name.unraw().to_string());
                }
            }
            Item::Mod(module) => {
                for item in module.content.iter().flat_map(|(_, items)| items) {
                    self.learn(item);
                }
            }
            _ => {}
        }
    }

    /// Learns `use root as name;`.
    fn renamed_root(&mut self, root: &str, name: String) {
        if root == "mongrate" || self.roots.contains(root) && root != "self" && root != "super" {
            self.roots.insert(name);
        }
    }

    fn descend(&mut self, above: &mut Vec<String>, tree: &UseTree) {
        match tree {
            UseTree::Path(path) => {
                above.push(path.ident.unraw().to_string());
                self.descend(above, &path.tree);
                above.pop();
            }
            UseTree::Group(group) => {
                group.items.iter().for_each(|tree| self.descend(above, tree));
            }
            UseTree::Name(name) => {
                let name = name.ident.unraw().to_string();
                self.imported(above, &name, name.clone());
            }
            UseTree::Rename(rename) => {
                let name = rename.rename.unraw().to_string();
                self.imported(above, &rename.ident.unraw().to_string(), name);
            }
            UseTree::Glob(_) => {}
        }
    }

    fn imported(&mut self, above: &[String], what: &str, name: String) {
        match above {
            [] => self.renamed_root(what, name),
            [root] if what == "self" => self.renamed_root(root, name),
            [root, ..] if self.attributes.contains(what) => {
                if self.roots.contains(root) {
                    self.attributes.insert(name);
                } else {
                    self.foreign.insert(name);
                }
            }
            _ => {}
        }
    }

    /// Whether an attribute of this path is ours. `resembles` tells whether its arguments and its
    /// function are those of a migration.
    pub fn claim(&self, path: &Path, resembles: bool) -> Claim {
        let name =
            |at: Option<&syn::PathSegment>| at.map(|segment| segment.ident.unraw().to_string());
        let (first, last) = (name(path.segments.first()), name(path.segments.last()));
        let (Some(first), Some(last)) = (first, last) else { return Claim::Foreign };
        let is_known = self.is_attribute(&last)
            && match path.segments.len() {
                1 => !self.foreign.contains(&last),
                _ => self.is_root(&first),
            };
        match (is_known, resembles) {
            (true, _) => Claim::Ours,
            (false, true) if self.is_attribute(&last) => Claim::Ours,
            (false, true) => Claim::Resembles,
            (false, false) => Claim::Foreign,
        }
    }

    /// Whether this is a name of the attribute.
    pub(crate) fn is_attribute(&self, name: &str) -> bool {
        self.attributes.contains(name)
    }

    /// Whether a path that begins with this name may lead to the attribute.
    pub(crate) fn is_root(&self, name: &str) -> bool {
        self.roots.contains(name)
    }

    /// Whether a text has a word without which it holds no migration.
    #[cfg(feature = "sources")]
    pub(crate) fn may_hold_one(&self, text: &str) -> bool {
        self.attributes.iter().any(|name| text.contains(name.as_str())) || text.contains("version")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn claim(imports: &str, path: &str, resembles: bool) -> Claim {
        let mut names = Names::default();
        let file: syn::File = syn::parse_str(imports).expect("it is Rust");
        file.items.iter().for_each(|item| names.learn(item));
        names.claim(&syn::parse_str(path).expect("it is a path"), resembles)
    }

    #[test]
    fn it_is_known_by_whatever_name() {
        for (imports, path) in [
            ("", "migration"),
            ("", "mongrate::migration"),
            ("", "::mongrate::migration"),
            ("", "crate::kit::migration"),
            ("use mongrate::migration as m;", "m"),
            ("use mongrate::{Result, migration as step};", "step"),
            ("use mongrate as db;", "db::migration"),
            ("use mongrate::{self as db};", "db::migration"),
            ("extern crate mongrate as db;", "db::migration"),
            ("mod a { use mongrate::migration as m; }", "m"),
        ] {
            assert_eq!(claim(imports, path, false), Claim::Ours, "{imports} #[{path}]");
        }
    }

    #[test]
    fn another_crates_is_none_of_ours_unless_it_is_ours_by_all_that_shows() {
        for (imports, path) in [
            ("", "other::migration"),
            ("use other::migration;", "migration"),
            ("use other::migration as m;", "m"),
            ("", "tokio::test"),
            ("", "test"),
        ] {
            assert_eq!(claim(imports, path, false), Claim::Foreign, "{imports} #[{path}]");
        }
        assert_eq!(claim("", "kit::migration", true), Claim::Ours, "as when it is exported again");
        assert_eq!(claim("", "step", true), Claim::Resembles);
    }
}
