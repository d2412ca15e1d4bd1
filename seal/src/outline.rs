//! The outline of a package: which migrations its files hold, and which files a `mod` reaches. For the
//! attribute, which has no time to parse all files.
//!
//! The outline reads the tokens of the items, and of a function only its attributes. It skips the
//! bodies, which are nearly all of the text. If the tokens do not show whether a migration is missing,
//! the outline reports nothing; the registry of the binary finds missing migrations.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    ops::Range,
    path::{Path, PathBuf},
    sync::OnceLock,
};

use proc_macro2::{TokenStream, TokenTree};
use syn::Lit;

use crate::{
    GROUP_DEFAULT,
    attribute::{Names, attribute_tokens, implies_test, marks},
    checksum::plain::{Delimiter, TokenKind, Tokens},
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
            let Some(tokens) = items(&file) else { continue };
            let mut found = Vec::new();
            let around = Around { file: &file, directory: None, depth: 0 };
            if alone.items(&tokens, 0..tokens.len(), around, &mut found).is_some() {
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
        let tokens = items(&path)?;
        self.items(&tokens, 0..tokens.len(), around, &mut found)?;
        if !for_tests {
            self.reached.insert(path, found);
        }
        Some(())
    }

    fn items(
        &mut self,
        tokens: &Tokens,
        range: Range<usize>,
        around: Around<'_>,
        found: &mut Vec<Key>,
    ) -> Option<()> {
        // The indices of the brackets of the attributes before an item.
        let mut attributes: Vec<usize> = Vec::new();
        let mut at = range.start;
        while at < range.end {
            let index = at;
            at += 1;
            match tokens.kind(index) {
                TokenKind::Operator(_) if tokens.is(index, b'#') => {
                    let is_inner = tokens.is(at, b'!');
                    at += usize::from(is_inner);
                    if !matches!(tokens.kind(at), TokenKind::Open(_)) {
                        continue;
                    }
                    match is_inner {
                        true if is_for_tests(tokens, at) => return Some(()),
                        true => {}
                        false => attributes.push(at),
                    }
                    at = tokens.close_of(at) + 1;
                }
                TokenKind::Operator(_) if tokens.is(index, b';') => attributes.clear(),
                TokenKind::Open(delimiter) => {
                    if delimiter == Delimiter::Brace {
                        attributes.clear();
                    }
                    at = tokens.close_of(index) + 1;
                }
                TokenKind::Name | TokenKind::Keyword(_) => match tokens.word(index) {
                    b"mod" => {
                        at = self.module(tokens, index, &attributes, around, found)?;
                        attributes.clear();
                    }
                    b"fn" => {
                        let of = |attribute: &usize| migration(tokens, *attribute, &self.names);
                        let migration = attributes.iter().find_map(of);
                        if migration.is_some()
                            && !attributes.iter().any(|at| is_for_tests(tokens, *at))
                        {
                            found.extend(migration);
                        }
                        attributes.clear();
                    }
                    b"use" => {
                        at = self.import(tokens, index, range.end);
                        attributes.clear();
                    }
                    b"extern" if tokens.word(at) == b"crate" => {
                        at = self.import(tokens, index, range.end);
                        attributes.clear();
                    }
                    b"include" if tokens.is(at, b'!') => {
                        if let TokenKind::Open(_) = tokens.kind(at + 1)
                            && let Some(path) = text(inside(tokens, at + 1)?)
                            && let Some(directory) = around.file.parent()
                        {
                            self.file(&directory.join(path), directory, false, around.depth + 1)?;
                        }
                    }
                    _ => {}
                },
                _ => {}
            }
        }
        Some(())
    }

    /// Learns the names that a `use` imports. Returns where it ends.
    fn import(&mut self, tokens: &Tokens, from: usize, end: usize) -> usize {
        let mut at = from;
        let (mut renames, mut is_of_attribute, mut is_of_root) = (false, false, false);
        while at < end && !tokens.is(at, b';') {
            let word = std::str::from_utf8(tokens.word(at)).unwrap_or_default();
            renames |= word == "as";
            is_of_attribute |= self.names.is_attribute(word);
            is_of_root |= self.names.is_root(word);
            at += 1;
        }
        if (is_of_attribute || is_of_root && renames)
            && let Ok(item) = syn::parse_str::<syn::Item>(tokens.between(from, at))
        {
            self.names.learn(&item);
        }
        at + 1
    }

    /// Reads `mod name;` or `mod name { … }`. Returns where it ends.
    fn module(
        &mut self,
        tokens: &Tokens,
        index: usize,
        attributes: &[usize],
        around: Around<'_>,
        found: &mut Vec<Key>,
    ) -> Option<usize> {
        let name = std::str::from_utf8(tokens.word(index + 1)).ok()?;
        let name = name.strip_prefix("r#").unwrap_or(name);
        let body = index + 2;
        let for_tests = attributes.iter().any(|at| is_for_tests(tokens, *at));
        let inside_of = around.directory.map(|directory| directory.join(name));
        match (tokens.kind(body), inside_of, around.directory) {
            (TokenKind::End, ..) => None,
            (TokenKind::Open(_), inside_of, _) => {
                let depth = around.depth + 1;
                let around = Around { directory: inside_of.as_deref(), depth, ..around };
                let (mut of_module, close) = (Vec::new(), tokens.close_of(body));
                self.items(tokens, body + 1..close, around, &mut of_module)?;
                if !for_tests {
                    found.extend(of_module);
                }
                Some(close + 1)
            }
            (_, Some(inside_of), Some(directory)) => {
                let paths = attributes.iter().flat_map(|at| match tokens.group(*at) {
                    group if group.contains("path") => inside(tokens, *at).map(paths),
                    _ => None,
                });
                for path in paths.flatten() {
                    let beside = around.file.parent().unwrap_or(Path::new(""));
                    // Inside an inline module, the path is relative to that module's directory.
                    for file in [beside.join(&path), directory.join(&path)] {
                        let lies = file.parent().unwrap_or(Path::new("")).to_owned();
                        self.file(&file, &lies, for_tests, around.depth + 1)?;
                    }
                }
                for file in [inside_of.with_extension("rs"), inside_of.join("mod.rs")] {
                    self.file(&file, &inside_of, for_tests, around.depth + 1)?;
                }
                Some(body + 1)
            }
            _ => Some(body + 1),
        }
    }
}

/// Returns the migration that a function's attribute declares. `at` is where its bracket opens.
fn migration(tokens: &Tokens, at: usize, names: &Names) -> Option<Key> {
    let word = std::str::from_utf8(tokens.word(at + 1)).ok()?;
    if let TokenKind::Open(_) = tokens.kind(at + 2)
        && names.is_attribute(word)
        && let Some(version) = version(tokens, at + 2)
    {
        return Some((GROUP_DEFAULT.to_owned(), version));
    }
    match attribute_tokens(inside(tokens, at)?, names)? {
        (Some(version), Some(group)) => Some((group, version)),
        _ => None,
    }
}

/// Returns the version of a migration of the usual form, and of the default group.
fn version(tokens: &Tokens, arguments: usize) -> Option<i64> {
    let mut version = None;
    for at in arguments + 1..tokens.close_of(arguments) {
        match tokens.word(at) {
            b"group" | b"repeatable" => return None,
            b"version" if version.is_none() && tokens.is(at + 1, b'=') => {
                version = Some(std::str::from_utf8(tokens.word(at + 2)).ok()?.parse().ok()?);
            }
            _ => {}
        }
    }
    version
}

/// Returns the tokens between the brackets of a group.
fn inside(tokens: &Tokens, open: usize) -> Option<TokenStream> {
    let group = tokens.group(open);
    group[1..group.len() - 1].parse().ok()
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

/// Whether an attribute is `#[cfg(test)]`, or implies it. `at` is where its bracket opens.
fn is_for_tests(tokens: &Tokens, at: usize) -> bool {
    tokens.word(at + 1) == b"cfg"
        && matches!(tokens.kind(at + 2), TokenKind::Open(_))
        && inside(tokens, at + 2).is_some_and(implies_test)
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

fn items(file: &Path) -> Option<Tokens> {
    let text = fs::read_to_string(file).ok()?;
    Tokens::of_items(Text::new(&text).as_str().to_owned())
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

#[cfg(test)]
mod tests;
