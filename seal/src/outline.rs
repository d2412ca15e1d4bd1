//! Which migrations a package's files hold, and which of those files a `mod` reaches: for the
//! attribute, which has no time to parse them all.
//!
//! The tokens of the items are looked at, and of a function only its attributes: the bodies, which
//! are nearly all of the text, are passed over. Where that cannot tell, it says nothing; the
//! registry of the binary sees what is missing.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use proc_macro2::{Delimiter, Group, TokenStream, TokenTree};
use syn::Lit;

use crate::attribute::{Names, attribute_tokens, implies_test, marks};
use crate::sum::{Sealed, Sum};
use crate::text::Text;

const DEPTH_MAX: usize = 64;
const DIRECTORY_DEPTH_MAX: usize = 16;
const FILES_MAX: usize = 20_000;
const FILE_BYTES_MAX: u64 = 8 << 20;

/// A migration: its group and its version.
type Key = (String, i64);

/// What a package's files hold.
#[derive(Debug, Default)]
pub struct Outline {
    directory: PathBuf,
    /// What each file declares that a root reaches.
    reached: BTreeMap<PathBuf, Vec<Key>>,
    names: Names,
    newest: OnceLock<BTreeMap<String, i64>>,
}

/// What is sealed, and not among what the roots reach.
#[derive(Debug, Default)]
pub struct Missing<'s> {
    /// It is in no file of the package.
    pub gone: Vec<&'s Sealed>,
    /// This file has it, and no `mod` reaches that.
    pub unreached: Vec<(&'s Sealed, PathBuf)>,
}

impl Outline {
    /// Of the package in a directory. `None` if a file cannot be read.
    pub fn read(directory: &Path) -> Option<Self> {
        let mut outline = Self { directory: directory.to_owned(), ..Self::default() };
        for root in roots(directory) {
            let beside = root.parent().unwrap_or(Path::new("")).to_owned();
            outline.file(&root, &beside, false, 0)?;
        }
        Some(outline)
    }

    /// Whether a root reaches a file.
    pub fn reaches(&self, file: &Path) -> bool {
        file.canonicalize().is_ok_and(|file| self.reached.contains_key(&file))
    }

    /// Whether a migration stands where `cargo mongrate seal` reads it.
    pub fn declares(&self, group: &str, version: i64) -> bool {
        let is = |key: &Key| key.0 == group && key.1 == version;
        self.reached.values().flatten().any(is)
    }

    /// The newest version of a group in any file, wherever in it that is written.
    pub fn newest(&self, group: &str) -> i64 {
        let all = self.newest.get_or_init(|| {
            let mut newest = BTreeMap::new();
            let mut enter = |group: String, version: i64| {
                let newest = newest.entry(group).or_insert(0);
                *newest = version.max(*newest);
            };
            let here = rust_files(&self.directory.join("src"));
            let all: BTreeSet<PathBuf> =
                here.into_iter().chain(self.reached.keys().cloned()).collect();
            for file in all {
                let Some(tokens) = tokens(&file) else { continue };
                for mark in marks(tokens, &self.names) {
                    if let (Some(group), Some(version)) = (mark.group, mark.version) {
                        enter(group, version);
                    }
                }
            }
            newest
        });
        all.get(group).copied().unwrap_or(0)
    }

    /// What is sealed and not linked, as far as the files tell.
    pub fn missing<'s>(&self, sum: &'s Sum) -> Missing<'s> {
        let mut declared: BTreeSet<(&str, i64)> = BTreeSet::new();
        for (group, version) in self.reached.values().flatten() {
            declared.insert((group, *version));
        }
        let is_there = |one: &&Sealed| declared.contains(&(one.group.as_str(), one.version));
        let candidates: Vec<&Sealed> = sum.sealed().iter().filter(|one| !is_there(one)).collect();
        match candidates.is_empty() {
            true => Missing::default(),
            false => self.explain(candidates),
        }
    }

    /// Whether a macro may write the `mod` line of a file: it is given its module's name, or the path
    /// of a directory around it, or nothing at all.
    pub fn may_be_reached_by_a_macro(&self, file: &Path) -> bool {
        let mut macros = Macros::default();
        self.reached.keys().filter_map(|file| tokens(file)).for_each(|tokens| macros.look(tokens));
        macros.may_reach(file, &self.directory)
    }

    /// Where those are that no root was seen to reach.
    fn explain<'s>(&self, candidates: Vec<&'s Sealed>) -> Missing<'s> {
        let mut macros = Macros::default();
        let mut hidden = BTreeSet::new();
        for file in self.reached.keys() {
            let Some(tokens) = tokens(file) else { return Missing::default() };
            macros.look(tokens.clone());
            for mark in marks(tokens, &self.names) {
                match (mark.group, mark.version) {
                    (Some(group), Some(version)) => {
                        hidden.insert((group, version));
                    }
                    _ => macros.writes_migrations = true,
                }
            }
        }
        let mut elsewhere: BTreeMap<Key, PathBuf> = BTreeMap::new();
        for file in rust_files(&self.directory.join("src")) {
            if self.reached.contains_key(&file) {
                continue;
            }
            let mut alone = Self { names: self.names.clone(), ..Self::default() };
            let Some(tokens) = tokens(&file) else { continue };
            let mut found = Vec::new();
            if alone
                .items(tokens, Around { file: &file, directory: None, depth: 0 }, &mut found)
                .is_some()
            {
                elsewhere.extend(found.into_iter().map(|key| (key, file.clone())));
            }
        }
        let mut missing = Missing::default();
        for one in candidates {
            let key = (one.group.clone(), one.version);
            match elsewhere.remove(&key) {
                _ if hidden.contains(&key) => {}
                Some(file) if macros.may_reach(&file, &self.directory) => {}
                Some(file) => missing.unreached.push((one, file)),
                None if macros.writes_migrations || macros.includes => {}
                None => missing.gone.push(one),
            }
        }
        missing
    }

    /// `directory`: where the files of its `mod` items lie. `None` if it cannot be read.
    fn file(&mut self, path: &Path, directory: &Path, for_tests: bool, depth: usize) -> Option<()> {
        let Ok(path) = path.canonicalize() else { return Some(()) };
        if depth > DEPTH_MAX || self.reached.len() > FILES_MAX || self.reached.contains_key(&path) {
            return Some(());
        }
        self.reached.insert(path.clone(), Vec::new());
        let mut found = Vec::new();
        let around = Around { file: &path, directory: Some(directory), depth };
        self.items(tokens(&path)?, around, &mut found)?;
        if !for_tests {
            self.reached.insert(path, found);
        }
        Some(())
    }

    fn items(
        &mut self,
        stream: TokenStream,
        around: Around<'_>,
        found: &mut Vec<Key>,
    ) -> Option<()> {
        let trees: Vec<TokenTree> = stream.into_iter().collect();
        let mut attributes: Vec<&Group> = Vec::new();
        let mut at = 0;
        while let Some(tree) = trees.get(at) {
            at += 1;
            match tree {
                TokenTree::Punct(punct) if punct.as_char() == '#' => {
                    if is(trees.get(at), '!') {
                        at += 1;
                        if let Some(TokenTree::Group(group)) = trees.get(at)
                            && is_for_tests(group)
                        {
                            return Some(());
                        }
                    } else if let Some(TokenTree::Group(group)) = trees.get(at) {
                        attributes.push(group);
                    }
                    at += 1;
                }
                TokenTree::Ident(word) if word == "mod" => {
                    let name = trees.get(at)?.to_string();
                    let name = name.strip_prefix("r#").unwrap_or(&name);
                    self.module(name, trees.get(at + 1)?, &attributes, around, found)?;
                    at += 2;
                    attributes.clear();
                }
                TokenTree::Ident(word) if word == "fn" => {
                    let migration = attributes.iter().find_map(|group| self.migration(group));
                    if migration.is_some() && !attributes.iter().any(|group| is_for_tests(group)) {
                        found.extend(migration);
                    }
                    attributes.clear();
                    // Neither its type nor its body is for us.
                    while !matches!(trees.get(at), None | Some(TokenTree::Group(_))) {
                        at += 1;
                    }
                }
                TokenTree::Ident(word) if word == "use" || word == "extern" => {
                    let end = trees[at..].iter().position(|tree| is(Some(tree), ';'));
                    let end = end.map_or(trees.len(), |end| at + end + 1);
                    let item: TokenStream = trees[at - 1..end].iter().cloned().collect();
                    // Not so of `extern "C" fn`, and then it goes on as if nothing had been.
                    if let Ok(item) = syn::parse2::<syn::Item>(item) {
                        self.names.learn(&item);
                        at = end;
                        attributes.clear();
                    }
                }
                TokenTree::Ident(word) if word == "include" && is(trees.get(at), '!') => {
                    if let Some(TokenTree::Group(group)) = trees.get(at + 1)
                        && let Some(path) = text(group.stream())
                        && let Some(directory) = around.file.parent()
                    {
                        self.file(&directory.join(path), directory, false, around.depth + 1)?;
                    }
                    at += 2;
                }
                TokenTree::Group(group) if group.delimiter() == Delimiter::Brace => {
                    attributes.clear()
                }
                TokenTree::Punct(punct) if punct.as_char() == ';' => attributes.clear(),
                _ => {}
            }
        }
        Some(())
    }

    /// `mod name;` or `mod name { … }`.
    fn module(
        &mut self,
        name: &str,
        body: &TokenTree,
        attributes: &[&Group],
        around: Around<'_>,
        found: &mut Vec<Key>,
    ) -> Option<()> {
        let for_tests = attributes.iter().any(|group| is_for_tests(group));
        let inside = around.directory.map(|directory| directory.join(name));
        match (body, inside, around.directory) {
            (TokenTree::Group(group), inside, _) => {
                let depth = around.depth + 1;
                let around = Around { directory: inside.as_deref(), depth, ..around };
                let mut of_module = Vec::new();
                self.items(group.stream(), around, &mut of_module)?;
                if !for_tests {
                    found.extend(of_module);
                }
                Some(())
            }
            (_, Some(inside), Some(directory)) => {
                let paths = attributes.iter().flat_map(|group| paths(group.stream()));
                for path in paths {
                    let beside = around.file.parent().unwrap_or(Path::new(""));
                    // Inside of a module it is that module's directory which counts.
                    for file in [beside.join(&path), directory.join(&path)] {
                        let lies = file.parent().unwrap_or(Path::new("")).to_owned();
                        self.file(&file, &lies, for_tests, around.depth + 1)?;
                    }
                }
                for file in [inside.with_extension("rs"), inside.join("mod.rs")] {
                    self.file(&file, &inside, for_tests, around.depth + 1)?;
                }
                Some(())
            }
            _ => Some(()),
        }
    }

    /// What a function's attribute declares.
    fn migration(&self, attribute: &Group) -> Option<Key> {
        match attribute_tokens(attribute.stream(), &self.names)? {
            (Some(version), Some(group)) => Some((group, version)),
            _ => None,
        }
    }
}

/// Where items are read.
#[derive(Clone, Copy)]
struct Around<'a> {
    file: &'a Path,
    /// Where the files of their modules lie, if those are to be followed.
    directory: Option<&'a Path>,
    depth: usize,
}

/// What the macros that stand among the items may do.
#[derive(Default)]
struct Macros {
    /// A migration's version is not written where the migration is.
    writes_migrations: bool,
    /// A file is included whose name is not written.
    includes: bool,
    /// Words that macros of other crates are given.
    words: BTreeSet<String>,
    texts: Vec<String>,
    /// One of them is given nothing at all.
    given_nothing: bool,
}

impl Macros {
    /// Notes each `name!(…)` among items.
    fn look(&mut self, stream: TokenStream) {
        const HARMLESS: [&str; 7] = [
            "macro_rules",
            "thread_local",
            "compile_error",
            "link",
            "verify",
            "assert",
            "lazy_static",
        ];
        let trees: Vec<TokenTree> = stream.into_iter().collect();
        for (at, tree) in trees.iter().enumerate() {
            match (tree, trees.get(at + 1), trees.get(at + 2)) {
                (TokenTree::Ident(name), bang, Some(TokenTree::Group(group))) if is(bang, '!') => {
                    let name = name.to_string();
                    if name == "include" {
                        self.includes |= text(group.stream()).is_none();
                    } else if !HARMLESS.contains(&name.as_str()) {
                        self.given_nothing |= group.stream().is_empty();
                        self.given(group.stream());
                    }
                }
                // The items of a module; a function's body invokes what it likes.
                (TokenTree::Ident(word), _, Some(TokenTree::Group(group))) if word == "mod" => {
                    self.look(group.stream());
                }
                _ => {}
            }
        }
    }

    fn given(&mut self, stream: TokenStream) {
        for tree in stream {
            match tree {
                TokenTree::Ident(word) => {
                    self.words.insert(word.to_string());
                }
                TokenTree::Literal(literal) => {
                    if let Lit::Str(text) = Lit::new(literal) {
                        self.texts.push(text.value());
                    }
                }
                TokenTree::Group(group) => self.given(group.stream()),
                TokenTree::Punct(_) => {}
            }
        }
    }

    /// Whether one of them may write the `mod` of a file.
    fn may_reach(&self, file: &Path, package: &Path) -> bool {
        let package = package.canonicalize().unwrap_or_else(|_| package.to_owned());
        let around = file.ancestors().take_while(|path| *path != package);
        let is_named = around.filter_map(Path::file_stem).any(|name| {
            let name = name.to_string_lossy();
            name != "src" && self.words.contains(&*name)
        });
        let is_below = self.texts.iter().any(|text| {
            [&package, &package.join("src")].iter().any(|from| {
                !text.is_empty()
                    && from
                        .join(text)
                        .canonicalize()
                        .is_ok_and(|directory| file.starts_with(directory))
            })
        });
        self.includes || self.given_nothing || is_named || is_below
    }
}

fn is(tree: Option<&TokenTree>, character: char) -> bool {
    matches!(tree, Some(TokenTree::Punct(punct)) if punct.as_char() == character)
}

/// `#[cfg(test)]` and its like.
fn is_for_tests(attribute: &Group) -> bool {
    let mut trees = attribute.stream().into_iter();
    match (trees.next(), trees.next()) {
        (Some(TokenTree::Ident(word)), Some(TokenTree::Group(condition))) => {
            word == "cfg" && implies_test(condition.stream())
        }
        _ => false,
    }
}

/// Every `path = "…"`: more than one in a `cfg_attr`.
fn paths(stream: TokenStream) -> Vec<String> {
    let trees: Vec<TokenTree> = stream.into_iter().collect();
    let mut paths = Vec::new();
    for (at, tree) in trees.iter().enumerate() {
        match tree {
            TokenTree::Group(group) => paths.extend(self::paths(group.stream())),
            TokenTree::Ident(word) if word == "path" && is(trees.get(at + 1), '=') => {
                paths.extend(trees.get(at + 2).and_then(|value| text(value.clone().into())));
            }
            _ => {}
        }
    }
    paths
}

/// The one string that is written here.
fn text(stream: TokenStream) -> Option<String> {
    syn::parse2::<syn::LitStr>(stream).ok().map(|text| text.value())
}

fn tokens(file: &Path) -> Option<TokenStream> {
    let text = fs::read_to_string(file).ok()?;
    Text::new(&text).as_str().parse().ok()
}

/// The roots of a package's libraries and binaries: where cargo looks, and what the manifest names.
fn roots(directory: &Path) -> Vec<PathBuf> {
    let source = directory.join("src");
    let mut roots = vec![source.join("lib.rs"), source.join("main.rs")];
    for entry in fs::read_dir(source.join("bin")).into_iter().flatten().flatten() {
        let path = entry.path();
        match path.is_dir() {
            true => roots.push(path.join("main.rs")),
            false if path.extension().is_some_and(|end| end == "rs") => roots.push(path),
            false => {}
        }
    }
    let manifest = fs::read_to_string(directory.join("Cargo.toml")).unwrap_or_default();
    let quoted = manifest.split(['"', '\'', '\n']).filter(|text| text.ends_with(".rs"));
    roots.extend(quoted.map(|path| directory.join(path)));
    roots.retain(|root| root.is_file());
    roots
}

/// The Rust files below a directory.
pub(crate) fn rust_files(directory: &Path) -> Vec<PathBuf> {
    let mut files = Vec::new();
    let directory = directory.canonicalize().unwrap_or_else(|_| directory.to_owned());
    let mut directories = vec![(directory, 0)];
    while let Some((directory, depth)) = directories.pop() {
        for entry in fs::read_dir(directory).into_iter().flatten().flatten() {
            let path = entry.path();
            // Of the link itself, if it is one: links are not followed, and cannot go in circles.
            let Ok(about) = entry.metadata() else { continue };
            if about.is_dir() && depth < DIRECTORY_DEPTH_MAX {
                directories.push((path, depth + 1));
            } else if about.is_file()
                && about.len() <= FILE_BYTES_MAX
                && path.extension().is_some_and(|extension| extension == "rs")
            {
                files.push(path);
            }
        }
        if files.len() > FILES_MAX {
            break;
        }
    }
    files
}
