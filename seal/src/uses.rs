//! `uses = [path, …]`: the items whose text is part of a migration's checksum.
//!
//! Only the named items count, not the items that these name in their turn. A checksum is recorded in
//! databases for years: it must depend on what is written in the attribute, and not on how well this
//! version follows names. `cargo mongrate check` lists what a named item names.

use std::path::{Path, PathBuf};

use syn::ext::IdentExt as _;

use crate::{
    checksum,
    code::{Code, Fault, Site, Target},
    sum,
};

/// The items that a migration uses.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Used {
    /// The items, in the order in which they are named.
    pub items: Vec<UsedItem>,
}

/// An item that a migration uses.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UsedItem {
    /// Where it is.
    pub target: Target,
    /// The hash of its text.
    pub hash: String,
    /// The files that its text comes from.
    pub files: Vec<PathBuf>,
}

/// Why an item in `uses` cannot be read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unusable {
    /// The index of its path.
    pub index: usize,
    /// What is wrong, and the way out.
    pub text: String,
}

impl Used {
    /// Finds the items that the migration `function` of a file names. `shown` shows a file's path in an
    /// error.
    ///
    /// # Errors
    ///
    /// Each path that leads to no item whose text can be read.
    pub fn find(
        code: &mut Code,
        roots: &[PathBuf],
        file: &Path,
        function: &str,
        paths: &[Vec<String>],
        shown: &dyn Fn(&Path) -> String,
    ) -> Result<Self, Vec<Unusable>> {
        let reached = code.site(roots, file, function);
        let site = match &reached {
            Some(site) => site.clone(),
            // Such as a program in documentation: it may use what it has itself.
            None => code.alone(file, function),
        };
        let (mut used, mut unusable) = (Self::default(), Vec::new());
        for (index, path) in paths.iter().enumerate() {
            let found = code.resolve(&site, path).and_then(|target| {
                let text = code.item(&target)?;
                Ok(UsedItem { target, hash: text.hash, files: text.files })
            });
            match found {
                Ok(item) if is_itself(&item, &site, function) => {
                    let text =
                        format!("`{function}` is the migration itself: take it out of `uses`");
                    unusable.push(Unusable { index, text });
                }
                Ok(item) if used.items.iter().any(|other| other.target == item.target) => {
                    let text = format!("`{}` is in `uses` twice: remove one", item.target.name);
                    unusable.push(Unusable { index, text });
                }
                Ok(item) => used.items.push(item),
                Err(_) if reached.is_none() => {
                    let text = format!(
                        "no `mod` is seen to lead to {}, so `{}` cannot be followed from there: write \
                         its `mod` line out, if a macro writes it",
                        shown(file),
                        path.join("::")
                    );
                    unusable.push(Unusable { index, text });
                }
                Err(fault) => {
                    let text = text(&fault, &path.join("::"), shown);
                    unusable.push(Unusable { index, text });
                }
            }
        }
        if unusable.is_empty() { Ok(used) } else { Err(unusable) }
    }

    /// Returns the checksum of a migration whose body has this checksum.
    pub fn checksum(&self, body: &str) -> String {
        checksum::with_uses(body, self.items.iter().map(|item| item.hash.as_str()))
    }

    /// Returns the content of the sum file's field.
    pub fn sealed(&self) -> String {
        sum::uses(self.items.iter().map(|item| (item.target.name.as_str(), item.hash.as_str())))
    }
}

/// Returns the parts of a path; the first is empty if it begins with `::`.
pub fn parts(path: &syn::Path) -> Vec<String> {
    let global = path.leading_colon.map(|_| String::new());
    let names = path.segments.iter().map(|segment| segment.ident.unraw().to_string());
    global.into_iter().chain(names).collect()
}

fn is_itself(item: &UsedItem, site: &Site, function: &str) -> bool {
    item.target.site == *site && item.target.name == function
}

fn text(fault: &Fault, path: &str, shown: &dyn Fn(&Path) -> String) -> String {
    let remove = "take it out of `uses`";
    match fault {
        Fault::Nothing { name, file, macros } => {
            let macros = match macros.first() {
                Some(first) => {
                    format!(" (a macro, such as `{first}!`, may write it; that is not read)")
                }
                None => String::new(),
            };
            format!(
                "`{path}` leads to nothing: {} has no `{name}`{macros}. If it was renamed, write the \
                 new name; if it is gone, keep it in the migration's own file, and name that",
                shown(file)
            )
        }
        Fault::Foreign(krate) => format!(
            "`{path}` is in `{krate}`, whose source is no part of this workspace, so no checksum can see \
             it: {remove}"
        ),
        Fault::Module(name) => format!(
            "`{name}` is a module: name the items in it that the migration uses, as in \
             `uses = [{path}::…]`"
        ),
        Fault::Inside(ty) => format!(
            "`{path}` is inside of `{ty}`: name `{ty}`; the `impl` blocks beside it come with it"
        ),
        Fault::Ambiguous(name) => format!(
            "several imports of everything (`use …::*`) give `{name}`: write the path of the one that \
             is meant"
        ),
        Fault::Endless => {
            format!("`{path}` leads through too many imports: write the item's own path")
        }
        Fault::Unread { file, why } => {
            format!("`{path}` cannot be read: {}: {why}", shown(file))
        }
    }
}
