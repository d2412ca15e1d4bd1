//! How a file groups its imports: one `use` for each crate, nested, in three groups with a blank
//! line between them: the standard library, other crates, this crate. Finds what is grouped
//! otherwise, and rewrites it. Rustfmt's options for that are unstable.

use std::{
    collections::{BTreeMap, BTreeSet},
    io,
    path::{Path, PathBuf},
    process::Command,
};

use proc_macro2::LineColumn;
use syn::{
    Attribute, File, Item, ItemUse, Result, UseTree, Visibility, ext::IdentExt as _,
    spanned::Spanned as _,
};

/// What is wrong with an import.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fault {
    /// The line of the import, from 1.
    pub line: usize,
    /// What is wrong with it.
    pub what: String,
}

/// The group of an import; groups stand in this order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Group {
    Standard,
    Others,
    Own,
}

/// An import of a module: a `use` without `pub`.
struct Import<'a> {
    item: &'a ItemUse,
    root: String,
    group: Group,
    /// The first and the last line, comments and attributes included; from 0.
    lines: (usize, usize),
    /// An attribute or a comment, because of which it is not merged with others.
    apart: bool,
}

/// The sources that git knows, but for `tests/ui/cases`, whose texts are cited by the compiler's errors.
///
/// # Errors
///
/// When git cannot be asked.
pub fn files(repository: &Path) -> io::Result<Vec<PathBuf>> {
    let mut git = Command::new("git");
    let listed = git.args(["ls-files", "*.rs"]).current_dir(repository).output()?;
    if !listed.status.success() {
        return Err(io::Error::other(String::from_utf8_lossy(&listed.stderr).into_owned()));
    }
    let text = String::from_utf8_lossy(&listed.stdout).into_owned();
    let ours = text.lines().filter(|file| !file.starts_with("tests/ui/cases/"));
    // A file that was moved, and is not yet committed, is where it was for git.
    Ok(ours.map(|file| repository.join(file)).filter(|file| file.exists()).collect())
}

/// Names the imports of a file that are grouped otherwise.
///
/// # Errors
///
/// When the file is not Rust.
pub fn faults(source: &str) -> Result<Vec<Fault>> {
    let lines: Vec<&str> = source.lines().collect();
    let mut faults = Vec::new();
    for scope in scopes(&syn::parse_file(source)?) {
        faults.extend(of_scope(&imports(scope, &lines), scope, &lines));
    }
    Ok(faults)
}

/// Groups the imports of a file, for rustfmt to sort and wrap; `None` if nothing is to be done. An
/// import with a comment or an attribute moves with it, and is merged with no other.
///
/// # Errors
///
/// When the file is not Rust.
pub fn grouped(source: &str) -> Result<Option<String>> {
    let file = syn::parse_file(source)?;
    let lines: Vec<&str> = source.lines().collect();
    let mut removed = BTreeSet::new();
    let mut added = BTreeMap::new();
    for scope in scopes(&file) {
        let imports = imports(scope, &lines);
        if of_scope(&imports, scope, &lines).is_empty() {
            continue;
        }
        let Some(first) = imports.first() else { continue };
        removed.extend(imports.iter().flat_map(|import| import.lines.0..=import.lines.1));
        added.insert(first.lines.0, block(&imports, &lines));
    }
    if added.is_empty() {
        return Ok(None);
    }
    let mut text = String::new();
    for (at, line) in lines.iter().enumerate() {
        if let Some(block) = added.get(&at) {
            text += block;
        }
        // Where an import was, one blank line stays of two.
        let doubled = line.is_empty() && (text.is_empty() || text.ends_with("\n\n"));
        let left_over = doubled && at > 0 && removed.contains(&(at - 1));
        if !(removed.contains(&at) || left_over) {
            text += line;
            text.push('\n');
        }
    }
    Ok(Some(text))
}

/// The items of the file and of each module in it.
fn scopes(file: &File) -> Vec<&[Item]> {
    fn within<'a>(items: &'a [Item], scopes: &mut Vec<&'a [Item]>) {
        scopes.push(items);
        for item in items {
            if let Item::Mod(module) = item
                && let Some((_, items)) = &module.content
            {
                within(items, scopes);
            }
        }
    }
    let mut scopes = Vec::new();
    within(&file.items, &mut scopes);
    scopes
}

fn imports<'a>(scope: &'a [Item], lines: &[&str]) -> Vec<Import<'a>> {
    let declared: BTreeSet<String> = scope.iter().filter_map(declared).collect();
    let uses = scope.iter().filter_map(|item| match item {
        Item::Use(item) if matches!(item.vis, Visibility::Inherited) => Some(item),
        _ => None,
    });
    uses.map(|item| {
        let root = match &item.tree {
            UseTree::Path(path) => path.ident.to_string(),
            UseTree::Name(name) => name.ident.to_string(),
            UseTree::Rename(rename) => rename.ident.to_string(),
            _ => String::new(),
        };
        let group = match root.as_str() {
            "std" | "core" | "alloc" => Group::Standard,
            "crate" | "super" | "self" => Group::Own,
            root if declared.contains(root) => Group::Own,
            _ => Group::Others,
        };
        let start = |attributes: &[Attribute]| {
            attributes.iter().map(|attribute| attribute.span().start().line).min()
        };
        let LineColumn { line, .. } = item.use_token.span().start();
        let own = start(&item.attrs).unwrap_or(line) - 1;
        let commented = lines[..own].iter().rev();
        let comments = commented.take_while(|line| line.trim_start().starts_with("// ")).count();
        let apart = comments > 0 || !item.attrs.is_empty();
        let end = item.semi_token.span().end().line - 1;
        Import { item, root, group, lines: (own - comments, end), apart }
    })
    .collect()
}

/// The name that an item declares, if paths may begin with it.
fn declared(item: &Item) -> Option<String> {
    let ident = match item {
        Item::Mod(item) => &item.ident,
        Item::Enum(item) => &item.ident,
        Item::Struct(item) => &item.ident,
        _ => return None,
    };
    Some(ident.to_string())
}

fn of_scope(imports: &[Import<'_>], scope: &[Item], lines: &[&str]) -> Vec<Fault> {
    let mut faults = Vec::new();
    let mut fault = |import: &Import<'_>, what: String| {
        faults.push(Fault { line: import.item.use_token.span().start().line, what });
    };
    let mut seen = BTreeSet::new();
    for import in imports {
        let root = &import.root;
        if root.is_empty() {
            fault(import, "it names no crate that all of it comes from".to_owned());
        } else if !seen.insert((root, attributes(import.item))) {
            fault(import, format!("there is a `use {root}` already"));
        }
        if let Some(prefix) = repeated(&import.item.tree) {
            fault(import, format!("`{prefix}` stands in it twice"));
        }
    }
    for pair in imports.windows(2) {
        let [before, after] = pair else { continue };
        let between = before.lines.1 + 1..after.lines.0;
        let others = scope.iter().filter(|item| !matches!(item, Item::Use(_)));
        let mut others = others.map(|item| item.span().start().line - 1);
        if others.any(|line| between.contains(&line)) {
            fault(after, "it stands apart from the imports above".to_owned());
            continue;
        }
        let blank = lines[between].iter().any(|line| line.trim().is_empty());
        if after.group < before.group {
            let order = "the standard library, other crates, this crate: it belongs further up";
            fault(after, order.to_owned());
        } else if after.group == before.group && blank {
            fault(after, "there is a blank line within its group".to_owned());
        } else if after.group > before.group && !blank {
            fault(after, "there is no blank line before its group".to_owned());
        }
    }
    faults
}

fn attributes(item: &ItemUse) -> String {
    let attributes = &item.attrs;
    format!("{}", quote::quote!(#(#attributes)*))
}

/// A path that is written twice in one tree.
fn repeated(tree: &UseTree) -> Option<String> {
    match tree {
        UseTree::Path(path) => repeated(&path.tree),
        UseTree::Group(group) => {
            let mut seen = BTreeSet::new();
            let names = group.items.iter().filter_map(|item| match item {
                UseTree::Path(path) => Some(&path.ident),
                UseTree::Name(name) => Some(&name.ident),
                UseTree::Rename(rename) => Some(&rename.ident),
                _ => None,
            });
            let mut names = names.map(ToString::to_string);
            let twice = names.find(|name| !seen.insert(name.clone()));
            twice.or_else(|| group.items.iter().find_map(repeated))
        }
        _ => None,
    }
}

/// All that is imported of one crate.
#[derive(Default)]
struct Tree {
    children: BTreeMap<String, Tree>,
    /// As what it is imported itself: nothing, or ` as <name>`.
    itself: BTreeSet<String>,
    glob: bool,
}

impl Tree {
    fn add(&mut self, tree: &UseTree) {
        match tree {
            UseTree::Path(path) => self.child(path.ident.to_string()).add(&path.tree),
            UseTree::Name(name) => self.named(&name.ident, String::new()),
            UseTree::Rename(rename) => self.named(&rename.ident, format!(" as {}", rename.rename)),
            UseTree::Glob(_) => self.glob = true,
            UseTree::Group(group) => group.items.iter().for_each(|item| self.add(item)),
        }
    }

    fn named(&mut self, ident: &syn::Ident, renamed: String) {
        let node = if ident.unraw() == "self" { self } else { self.child(ident.to_string()) };
        node.itself.insert(renamed);
    }

    fn child(&mut self, name: String) -> &mut Self {
        self.children.entry(name).or_default()
    }

    /// What follows the name of this: nothing, ` as x`, `::x` or `::{…}`; several where it is
    /// imported under several names.
    fn ends(&self) -> Vec<String> {
        let mut below: Vec<String> = self
            .children
            .iter()
            .flat_map(|(name, tree)| tree.ends().into_iter().map(move |end| format!("{name}{end}")))
            .collect();
        below.extend(self.glob.then(|| "*".to_owned()));
        if below.is_empty() {
            return self.itself.iter().cloned().collect();
        }
        below.extend(self.itself.iter().map(|renamed| format!("self{renamed}")));
        match below.as_slice() {
            [one] => vec![format!("::{one}")],
            _ => vec![format!("::{{{}}}", below.join(", "))],
        }
    }
}

fn block(imports: &[Import<'_>], lines: &[&str]) -> String {
    let mut groups: BTreeMap<Group, (BTreeMap<String, Tree>, String)> = BTreeMap::new();
    for import in imports {
        let (trees, verbatim) = groups.entry(import.group).or_default();
        if import.apart || import.root.is_empty() {
            for line in &lines[import.lines.0..=import.lines.1] {
                verbatim.push_str(line);
                verbatim.push('\n');
            }
        } else {
            let colons = if import.item.leading_colon.is_some() { "::" } else { "" };
            let mut whole = Tree::default();
            std::mem::swap(&mut whole.children, trees);
            match &import.item.tree {
                // The root keeps its colons.
                UseTree::Path(path) => {
                    whole.child(format!("{colons}{}", path.ident)).add(&path.tree);
                }
                tree => whole.add(tree),
            }
            std::mem::swap(&mut whole.children, trees);
        }
    }
    let groups = groups.into_values().map(|(trees, verbatim)| {
        let mut text = String::new();
        for (root, tree) in trees {
            for end in tree.ends() {
                text += &format!("use {root}{end};\n");
            }
        }
        text + &verbatim
    });
    groups.collect::<Vec<_>>().join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn whats(source: &str) -> Vec<String> {
        let faults = faults(source).unwrap().into_iter();
        faults.map(|fault| format!("{}: {}", fault.line, fault.what)).collect()
    }

    const GOOD: &str = "\
//! A file.

mod own;

use std::{
    fmt::{self, Write as _},
    fs,
};

use syn::Item;
use zebra as horse;

use crate::x;
use own::Thing;
#[cfg(unix)]
use crate::y;

pub use own::Other;

mod inner {
    use std::fs;

    use super::*;
}
";

    #[test]
    fn what_is_grouped_is_left_alone() {
        assert_eq!(whats(GOOD), [""; 0]);
        assert_eq!(grouped(GOOD).unwrap(), None);
    }

    #[test]
    fn what_is_not_is_named() {
        assert_eq!(whats("use std::a;\nuse std::b;\n"), ["2: there is a `use std` already"]);
        assert_eq!(whats("use std::{a::b, a::c};\n"), ["1: `a` stands in it twice"]);
        assert_eq!(whats("use std::a;\nuse b;\n"), ["2: there is no blank line before its group"]);
        assert_eq!(
            whats("use a::A;\n\nuse b::B;\n"),
            ["3: there is a blank line within its group"]
        );
        assert_eq!(
            whats("use crate::a;\n\nuse std::b;\n"),
            ["3: the standard library, other crates, this crate: it belongs further up"]
        );
        assert_eq!(
            whats("use std::a;\nfn f() {}\nuse b::c;\n"),
            ["3: it stands apart from the imports above"]
        );
        assert_eq!(
            whats("use {a::b, c::d};\n"),
            ["1: it names no crate that all of it comes from"]
        );
        assert_eq!(
            whats("mod m {\n    use a::b;\n    use a::c;\n}\n"),
            ["3: there is a `use a` already"]
        );
    }

    #[test]
    fn it_is_grouped_with_its_comments_and_attributes() {
        let source = "\
//! A file.
use crate::own;
use std::fmt;
use std::fmt::Write as _;
// For a reason.
use other::Thing;
use third::*;
use third::b as c;

#[cfg(unix)]
use std::os;

fn main() {}
use std::fs;
";
        let wanted = "\
//! A file.
use std::{fmt::{Write as _, self}, fs};
#[cfg(unix)]
use std::os;

use third::{b as c, *};
// For a reason.
use other::Thing;

use crate::own;

fn main() {}
";
        let grouped = grouped(source).unwrap().unwrap();
        assert_eq!(grouped, wanted);
        assert_eq!(whats(&grouped), [""; 0]);
    }
}
