//! The outline of a package: which migrations its files hold, and which files a `mod` reaches. For the
//! attribute, which has no time to parse all files.
//!
//! The outline reads the tokens of the items, and of a function only its attributes. It skips the
//! bodies, which are nearly all of the text. If the tokens do not show whether a migration is missing,
//! the outline reports nothing; the registry of the binary finds missing migrations.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::{Path, PathBuf},
    sync::OnceLock,
};

use proc_macro2::{Delimiter, Group, TokenStream, TokenTree};
use syn::Lit;

use crate::{
    attribute::{Names, attribute_tokens, implies_test, marks},
    sum::{Sealed, Sum},
    text::Text,
};

const DEPTH_MAX: usize = 64;
const DIRECTORY_DEPTH_MAX: usize = 16;
const FILES_MAX: usize = 20_000;
const FILE_BYTES_MAX: u64 = 8 << 20;

/// A migration's group and version.
type Key = (String, i64);

/// The migrations in a package's files.
#[derive(Debug, Default)]
pub struct Outline {
    directory: PathBuf,
    /// The migrations in each file that a root reaches.
    reached: BTreeMap<PathBuf, Vec<Key>>,
    names: Names,
    newest: OnceLock<BTreeMap<String, i64>>,
}

/// Sealed migrations that no reached file declares.
#[derive(Debug, Default)]
pub struct Missing<'s> {
    /// The migrations that are in no file of the package.
    pub gone: Vec<&'s Sealed>,
    /// The migrations in a file that no `mod` reaches, with that file.
    pub unreached: Vec<(&'s Sealed, PathBuf)>,
}

impl Outline {
    /// Reads the package in a directory. `None` if a file cannot be read.
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

    /// Whether a migration is declared where `cargo mongrate seal` reads it.
    pub fn declares(&self, group: &str, version: i64) -> bool {
        let is = |key: &Key| key.0 == group && key.1 == version;
        self.reached.values().flatten().any(is)
    }

    /// Returns the newest version of a group in any file, wherever in the file it is written.
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

    /// Returns the newest version of a group if the package has the group, and certainly not this
    /// version of it.
    pub fn newest_without(&self, group: &str, version: i64) -> Option<i64> {
        let here = rust_files(&self.directory.join("src"));
        let all: BTreeSet<PathBuf> = here.into_iter().chain(self.reached.keys().cloned()).collect();
        let mut newest = None;
        for file in all {
            for mark in marks(tokens(&file)?, &self.names) {
                // A macro may write any version.
                let (its_group, its_version) = (mark.group?, mark.version?);
                if its_group == group {
                    if its_version == version {
                        return None;
                    }
                    newest = newest.max(Some(its_version));
                }
            }
        }
        newest
    }

    /// Returns the sealed migrations that are not linked, as far as the files show it.
    pub fn missing<'s>(&self, sum: &'s Sum) -> Missing<'s> {
        let mut declared: BTreeSet<(&str, i64)> = BTreeSet::new();
        for (group, version) in self.reached.values().flatten() {
            declared.insert((group, *version));
        }
        let is_there =
            |sealed: &&Sealed| declared.contains(&(sealed.group.as_str(), sealed.version));
        let candidates: Vec<&Sealed> =
            sum.sealed().iter().filter(|sealed| !is_there(sealed)).collect();
        match candidates.is_empty() {
            true => Missing::default(),
            false => self.explain(candidates),
        }
    }

    /// Whether a macro may write the `mod` line of a file: its input is the module's name, or the path of
    /// a directory around the file, or nothing.
    pub fn may_be_reached_by_a_macro(&self, file: &Path) -> bool {
        let mut macros = Macros::default();
        self.reached.keys().filter_map(|file| tokens(file)).for_each(|tokens| macros.look(tokens));
        macros.may_reach(file, &self.directory)
    }

    /// Finds out where the migrations are that no root is seen to reach.
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
        for sealed in candidates {
            let key = (sealed.group.clone(), sealed.version);
            match elsewhere.remove(&key) {
                _ if hidden.contains(&key) => {}
                Some(file) if macros.may_reach(&file, &self.directory) => {}
                Some(file) => missing.unreached.push((sealed, file)),
                None if macros.writes_migrations || macros.includes => {}
                None => missing.gone.push(sealed),
            }
        }
        missing
    }

    /// Reads a file. The files of its `mod` items are in `directory`. `None` if it cannot be read.
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
                    if is_punctuation(trees.get(at), '!') {
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
                    // The outline needs neither the type nor the body.
                    while !matches!(trees.get(at), None | Some(TokenTree::Group(_))) {
                        at += 1;
                    }
                }
                TokenTree::Ident(word) if word == "use" || word == "extern" => {
                    let end = trees[at..].iter().position(|tree| is_punctuation(Some(tree), ';'));
                    let end = end.map_or(trees.len(), |end| at + end + 1);
                    let item: TokenStream = trees[at - 1..end].iter().cloned().collect();
                    // `extern "C" fn` is not such an item: the walk continues with its next token.
                    if let Ok(item) = syn::parse2::<syn::Item>(item) {
                        self.names.learn(&item);
                        at = end;
                        attributes.clear();
                    }
                }
                TokenTree::Ident(word)
                    if word == "include" && is_punctuation(trees.get(at), '!') =>
                {
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

    /// Reads `mod name;` or `mod name { … }`.
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
                    // Inside an inline module, the path is relative to that module's directory.
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

    /// Returns the migration that a function's attribute declares.
    fn migration(&self, attribute: &Group) -> Option<Key> {
        match attribute_tokens(attribute.stream(), &self.names)? {
            (Some(version), Some(group)) => Some((group, version)),
            _ => None,
        }
    }
}

/// The place where items are read.
#[derive(Clone, Copy)]
struct Around<'a> {
    file: &'a Path,
    /// The directory of the files of their modules, unless modules are not followed.
    directory: Option<&'a Path>,
    depth: usize,
}

/// What the macros among the items may do.
#[derive(Default)]
struct Macros {
    /// Whether a migration has a version that is not written in its attribute.
    writes_migrations: bool,
    /// Whether a file is included whose name is not written.
    includes: bool,
    /// The words in the macros' input.
    words: BTreeSet<String>,
    /// The strings in the macros' input.
    texts: Vec<String>,
    /// Whether a macro has no input.
    has_no_input: bool,
}

impl Macros {
    /// Records each `name!(…)` among items.
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
                (TokenTree::Ident(name), bang, Some(TokenTree::Group(group)))
                    if is_punctuation(bang, '!') =>
                {
                    let name = name.to_string();
                    if name == "include" {
                        self.includes |= text(group.stream()).is_none();
                    } else if !HARMLESS.contains(&name.as_str()) {
                        self.has_no_input |= group.stream().is_empty();
                        self.input(group.stream());
                    }
                }
                // The items of a module. A macro in a function's body writes no `mod` of the crate.
                (TokenTree::Ident(word), _, Some(TokenTree::Group(group))) if word == "mod" => {
                    self.look(group.stream());
                }
                _ => {}
            }
        }
    }

    /// Records the words and strings in a macro's input.
    fn input(&mut self, stream: TokenStream) {
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
                TokenTree::Group(group) => self.input(group.stream()),
                TokenTree::Punct(_) => {}
            }
        }
    }

    /// Whether a macro may write the `mod` of a file.
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
        self.includes || self.has_no_input || is_named || is_below
    }
}

fn is_punctuation(tree: Option<&TokenTree>, character: char) -> bool {
    matches!(tree, Some(TokenTree::Punct(punct)) if punct.as_char() == character)
}

/// Whether an attribute is `#[cfg(test)]`, or implies it.
fn is_for_tests(attribute: &Group) -> bool {
    let mut trees = attribute.stream().into_iter();
    match (trees.next(), trees.next()) {
        (Some(TokenTree::Ident(word)), Some(TokenTree::Group(condition))) => {
            word == "cfg" && implies_test(condition.stream())
        }
        _ => false,
    }
}

/// Returns every `path = "…"`; a `cfg_attr` may have more than one.
fn paths(stream: TokenStream) -> Vec<String> {
    let trees: Vec<TokenTree> = stream.into_iter().collect();
    let mut paths = Vec::new();
    for (at, tree) in trees.iter().enumerate() {
        match tree {
            TokenTree::Group(group) => paths.extend(self::paths(group.stream())),
            TokenTree::Ident(word) if word == "path" && is_punctuation(trees.get(at + 1), '=') => {
                paths.extend(trees.get(at + 2).and_then(|value| text(value.clone().into())));
            }
            _ => {}
        }
    }
    paths
}

/// Returns the string, if the tokens are a string and nothing else.
fn text(stream: TokenStream) -> Option<String> {
    syn::parse2::<syn::LitStr>(stream).ok().map(|text| text.value())
}

fn tokens(file: &Path) -> Option<TokenStream> {
    let text = fs::read_to_string(file).ok()?;
    Text::new(&text).as_str().parse().ok()
}

/// Returns the roots of a package's libraries and binaries: the files that cargo looks for, and those
/// that the manifest names.
pub fn roots(directory: &Path) -> Vec<PathBuf> {
    let source = directory.join("src");
    let mut roots = vec![source.join("lib.rs"), source.join("main.rs")];
    roots.extend(roots_in(&source.join("bin")));
    let manifest = fs::read_to_string(directory.join("Cargo.toml")).unwrap_or_default();
    let quoted = manifest.split(['"', '\'', '\n']).filter(|text| text.ends_with(".rs"));
    roots.extend(quoted.map(|path| directory.join(path)));
    roots.retain(|root| root.is_file());
    roots
}

/// Returns the roots that cargo finds in a directory of binaries, tests or examples.
pub fn roots_in(directory: &Path) -> Vec<PathBuf> {
    let mut roots = Vec::new();
    for entry in fs::read_dir(directory).into_iter().flatten().flatten() {
        let path = entry.path();
        match path.is_dir() {
            true => roots.push(path.join("main.rs")),
            false if path.extension().is_some_and(|end| end == "rs") => roots.push(path),
            false => {}
        }
    }
    roots.retain(|root| root.is_file());
    roots.sort();
    roots
}

/// Returns the Rust files below a directory.
pub(crate) fn rust_files(directory: &Path) -> Vec<PathBuf> {
    let mut files = Vec::new();
    let directory = directory.canonicalize().unwrap_or_else(|_| directory.to_owned());
    let mut directories = vec![(directory, 0)];
    while let Some((directory, depth)) = directories.pop() {
        for entry in fs::read_dir(directory).into_iter().flatten().flatten() {
            let path = entry.path();
            // The metadata of a link is that of the link: links are not followed, so there are no loops.
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
