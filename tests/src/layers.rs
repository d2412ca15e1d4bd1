//! Which file of a crate imports which: paths followed to the file that defines the name, through
//! re-exports and imported modules. Unit tests are left out, and so are links in comments.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt::Write as _,
    fs, io,
    path::{Path, PathBuf},
};

use proc_macro2::{Delimiter, TokenStream, TokenTree};
use quote::ToTokens as _;
use syn::{Attribute, Item, Visibility};

/// An import of a name that another file of the crate defines.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Import {
    /// The importing file, from the crate's `src`.
    pub from: String,
    /// The line of the import, from 1.
    pub line: usize,
    /// The file that defines the name.
    pub to: String,
    /// The name.
    pub name: String,
}

/// The path of a module, or of a name in a module.
type Names = Vec<String>;

/// A source file.
struct Source {
    file: String,
    module: Names,
    tokens: Vec<Token>,
    /// The modules that it declares.
    children: BTreeSet<String>,
    /// What it re-exports: the name, where it is from, and the line.
    reexports: Vec<(String, Names, usize)>,
}

struct Token {
    text: String,
    line: usize,
}

/// Reads the sources of a crate, and follows their imports.
///
/// # Errors
///
/// When a file cannot be read, or is not Rust.
pub fn imports(src: &Path) -> io::Result<Vec<Import>> {
    let mut sources = Vec::new();
    for path in files(src)? {
        sources.push(Source::read(src, &path)?);
    }
    let tree = Tree::new(&sources);
    let mut imports = BTreeMap::new();
    for source in &sources {
        for (target, line) in source.paths(&tree) {
            let target = tree.follow(target);
            let Some((file, rest)) = tree.file_of(&target) else { continue };
            if file != source.file && !rest.is_empty() {
                let import = (
                    source.file.clone(),
                    file.to_owned(),
                    rest.first().cloned().unwrap_or_default(),
                );
                imports.entry(import).or_insert(line);
            }
        }
    }
    let imports = imports.into_iter();
    Ok(imports.map(|((from, to, name), line)| Import { from, line, to, name }).collect())
}

/// The sets of files that can reach each other, each sorted.
pub fn circles(imports: &[Import]) -> Vec<Vec<String>> {
    let mut next: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
    for import in imports {
        next.entry(&import.from).or_default().insert(&import.to);
    }
    let reached = |start: &str| {
        let (mut seen, mut open) = (BTreeSet::new(), vec![start.to_owned()]);
        while let Some(file) = open.pop() {
            for &to in next.get(file.as_str()).into_iter().flatten() {
                if seen.insert(to.to_owned()) {
                    open.push(to.to_owned());
                }
            }
        }
        seen
    };
    let reached: BTreeMap<&str, BTreeSet<String>> =
        next.keys().map(|&file| (file, reached(file))).collect();
    let mut circles = BTreeSet::new();
    for (&file, from_here) in &reached {
        if from_here.contains(file) {
            let back = |other: &&String| {
                reached.get(other.as_str()).is_some_and(|reached| reached.contains(file))
            };
            circles.insert(from_here.iter().filter(back).cloned().collect::<Vec<_>>());
        }
    }
    circles.into_iter().collect()
}

/// The first folder of a file, or its name without the ending where it lies in no folder.
pub fn floor(file: &str) -> &str {
    let name = file.split('/').next().unwrap_or(file);
    name.strip_suffix(".rs").unwrap_or(name)
}

/// How many imports lead from each folder to each other one, as a table.
pub fn table(imports: &[Import]) -> String {
    let mut counts: BTreeMap<(&str, &str), usize> = BTreeMap::new();
    for import in imports {
        let (from, to) = (floor(&import.from), floor(&import.to));
        if from != to && from != "lib" && to != "lib" {
            *counts.entry((from, to)).or_default() += 1;
        }
    }
    let mut text = String::from("| from | to | imports |\n|---|---|---|\n");
    for ((from, to), count) in &counts {
        let _ = writeln!(text, "| {from} | {to} | {count} |");
    }
    let folders: BTreeSet<&str> = counts.keys().flat_map(|(from, to)| [*from, *to]).collect();
    let files: BTreeSet<&str> =
        imports.iter().flat_map(|import| [import.from.as_str(), &import.to]).collect();
    let circles = circles(imports);
    let _ = writeln!(
        text,
        "\n{} modules, {} arrows between them; {} files, {} of them in {} circles",
        folders.len(),
        counts.len(),
        files.len(),
        circles.iter().map(Vec::len).sum::<usize>(),
        circles.len()
    );
    text
}

/// All `.rs` files below a folder.
///
/// # Errors
///
/// When a folder cannot be read.
pub fn files(folder: &Path) -> io::Result<Vec<PathBuf>> {
    let (mut found, mut open) = (Vec::new(), vec![folder.to_owned()]);
    while let Some(folder) = open.pop() {
        for entry in fs::read_dir(folder)? {
            let path = entry?.path();
            if path.is_dir() {
                open.push(path);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                found.push(path);
            }
        }
    }
    found.sort();
    Ok(found)
}

/// The modules of a crate, and what they re-export.
struct Tree {
    files: BTreeMap<Names, String>,
    reexports: BTreeMap<Names, Names>,
}

impl Tree {
    fn new(sources: &[Source]) -> Self {
        let files =
            sources.iter().map(|source| (source.module.clone(), source.file.clone())).collect();
        let mut reexports = BTreeMap::new();
        for source in sources {
            for (name, from, _) in &source.reexports {
                let mut exported = source.module.clone();
                exported.push(name.clone());
                reexports.insert(exported, from.clone());
            }
        }
        Self { files, reexports }
    }

    fn is_module(&self, names: &[String]) -> bool {
        self.files.contains_key(names)
    }

    /// Where a path leads that may go through re-exports.
    fn follow(&self, mut names: Names) -> Names {
        let mut seen = BTreeSet::new();
        'again: loop {
            for length in (1..=names.len()).rev() {
                let (head, rest) = names.split_at(length);
                if let Some(from) = self.reexports.get(head)
                    && !self.is_module(head)
                    && seen.insert(head.to_vec())
                {
                    names = from.iter().chain(rest).cloned().collect();
                    continue 'again;
                }
            }
            return names;
        }
    }

    /// The file of the innermost module on a path, and what follows on it.
    fn file_of<'a>(&self, names: &'a [String]) -> Option<(&str, &'a [String])> {
        (0..=names.len()).rev().find_map(|length| {
            let (module, rest) = names.split_at(length);
            Some((self.files.get(module)?.as_str(), rest))
        })
    }
}

impl Source {
    fn read(src: &Path, path: &Path) -> io::Result<Self> {
        let file = path.strip_prefix(src).unwrap_or(path).to_string_lossy().replace('\\', "/");
        let parsed = syn::parse_file(&fs::read_to_string(path)?)
            .map_err(|error| io::Error::other(format!("{file}: {error}")))?;
        let mut module: Names =
            file.trim_end_matches(".rs").split('/').map(str::to_owned).collect();
        if module.last().is_some_and(|name| name == "mod")
            || module == ["lib"]
            || module == ["main"]
        {
            module.pop();
        }
        let mut children = BTreeSet::new();
        let (mut uses, mut tokens) = (Vec::new(), Vec::new());
        for item in &parsed.items {
            match item {
                Item::Mod(item) if item.content.is_none() => {
                    children.insert(item.ident.to_string());
                }
                Item::Mod(item) if is_test(&item.attrs) => {}
                Item::Use(item) if is_test(&item.attrs) => {}
                Item::Use(item) if !matches!(item.vis, Visibility::Inherited) => {
                    let mut flat = Vec::new();
                    flatten(item.tree.to_token_stream(), &mut flat);
                    uses.push(flat);
                }
                item => flatten(item.to_token_stream(), &mut tokens),
            }
        }
        let mut source = Self { file, module, tokens, children, reexports: Vec::new() };
        for tokens in &uses {
            for (names, alias, line) in paths_at(tokens, 0).0 {
                if let Some(from) = source.absolute(&names) {
                    let name = alias.or_else(|| names.last().cloned()).unwrap_or_default();
                    source.reexports.push((name, from, line));
                }
            }
        }
        Ok(source)
    }

    /// A path of this file from the crate's root; `None`: it leads to another crate, or to nothing
    /// that is known here.
    fn absolute(&self, names: &[String]) -> Option<Names> {
        let (first, rest) = names.split_first()?;
        let base: &[String] = match first.as_str() {
            "crate" => &[],
            "self" => &self.module,
            "super" => {
                let up = names.iter().take_while(|name| *name == "super").count();
                let kept = self.module.len().checked_sub(up)?;
                let (base, rest) = (self.module.get(..kept)?, names.get(up..)?);
                return Some(base.iter().chain(rest).cloned().collect());
            }
            child if self.children.contains(child) => {
                return Some(self.module.iter().chain(names).cloned().collect());
            }
            _ => return None,
        };
        Some(base.iter().chain(rest).cloned().collect())
    }

    /// Each path in this file's code that leads into the crate, with its line.
    fn paths(&self, tree: &Tree) -> Vec<(Names, usize)> {
        // A module that re-exports names of its children imports nothing by that.
        let beside = |from: &&(String, Names, usize)| !from.1.starts_with(&self.module);
        let reexports = self.reexports.iter().filter(beside);
        let mut paths: Vec<(Names, usize)> = Vec::new();
        for (_, from, line) in reexports {
            let mut target = tree.follow(from.clone());
            if tree.is_module(&target) {
                target.push("self".to_owned());
            }
            paths.push((target, *line));
        }
        let mut modules: BTreeMap<String, Names> = BTreeMap::new();
        for child in &self.children {
            let module: Names = self.module.iter().chain([child]).cloned().collect();
            modules.insert(child.clone(), module);
        }
        let mut found = Vec::new();
        let mut at = 0;
        while let Some(token) = self.tokens.get(at) {
            let before = at.checked_sub(1).and_then(|at| self.tokens.get(at));
            let continues =
                before.is_some_and(|token| matches!(token.text.as_str(), "::" | "$" | "."));
            let is_use = token.text == "use";
            let leads = self.tokens.get(at + 1).is_some_and(|token| token.text == "::");
            if is_use {
                let (uses, next) = paths_at(&self.tokens, at + 1);
                for (names, alias, line) in uses {
                    let Some(target) = self.absolute(&names) else { continue };
                    let target = tree.follow(target);
                    if tree.is_module(&target) {
                        let name = alias.or_else(|| names.last().cloned()).unwrap_or_default();
                        modules.insert(name, target);
                    } else {
                        paths.push((target, line));
                    }
                }
                at = next.max(at + 1);
                continue;
            }
            if leads && !continues {
                let (mut names, mut next) = (vec![token.text.clone()], at + 1);
                while self.tokens.get(next).is_some_and(|token| token.text == "::")
                    && let Some(name) = self.tokens.get(next + 1).filter(|name| is_name(&name.text))
                {
                    names.push(name.text.clone());
                    next += 2;
                }
                found.push((names, token.line));
                at = next;
                continue;
            }
            at += 1;
        }
        for (names, line) in found {
            let imported = names.split_first().and_then(|(first, rest)| {
                let module = modules.get(first)?;
                Some(module.iter().chain(rest).cloned().collect())
            });
            paths.extend(imported.or_else(|| self.absolute(&names)).map(|path| (path, line)));
        }
        paths
    }
}

/// The paths of a `use` whose tree begins at this token, each with its alias and its line; and the
/// place behind them.
fn paths_at(tokens: &[Token], at: usize) -> (Vec<(Names, Option<String>, usize)>, usize) {
    let mut paths = Vec::new();
    let end = tree_at(tokens, at, &Vec::new(), &mut paths);
    (paths, end)
}

fn tree_at(
    tokens: &[Token],
    mut at: usize,
    before: &Names,
    paths: &mut Vec<(Names, Option<String>, usize)>,
) -> usize {
    let mut names = before.clone();
    while let Some(token) = tokens.get(at) {
        match token.text.as_str() {
            "::" => at += 1,
            "{" => {
                at += 1;
                while tokens.get(at).is_some_and(|token| token.text != "}") {
                    at = tree_at(tokens, at, &names, paths);
                    if tokens.get(at).is_some_and(|token| token.text == ",") {
                        at += 1;
                    }
                }
                return at + 1;
            }
            text if is_name(text) || text == "*" => {
                // `a::{self}` is `a`.
                if text != "self" || names.is_empty() {
                    names.push(text.to_owned());
                }
                at += 1;
                if tokens.get(at).is_some_and(|token| token.text == "::") {
                    continue;
                }
                let mut alias = None;
                if tokens.get(at).is_some_and(|token| token.text == "as") {
                    alias = tokens.get(at + 1).map(|token| token.text.clone());
                    at += 2;
                }
                paths.push((names, alias, token.line));
                return at;
            }
            _ => return at + 1,
        }
    }
    at
}

fn is_name(text: &str) -> bool {
    text.starts_with(|first: char| first.is_alphabetic() || first == '_')
}

fn is_test(attributes: &[Attribute]) -> bool {
    attributes.iter().any(|attribute| {
        attribute.path().is_ident("cfg")
            && attribute.meta.to_token_stream().to_string().contains("test")
    })
}

/// The tokens one after another, `::` as one of them.
fn flatten(stream: TokenStream, tokens: &mut Vec<Token>) {
    for tree in stream {
        let line = tree.span().start().line;
        match tree {
            TokenTree::Group(group) => {
                let (open, close) = match group.delimiter() {
                    Delimiter::Brace => ("{", "}"),
                    Delimiter::Parenthesis => ("(", ")"),
                    Delimiter::Bracket => ("[", "]"),
                    Delimiter::None => ("", ""),
                };
                tokens.push(Token { text: open.to_owned(), line });
                flatten(group.stream(), tokens);
                let line = group.span_close().start().line;
                tokens.push(Token { text: close.to_owned(), line });
            }
            TokenTree::Punct(punct) if punct.as_char() == ':' => match tokens.last_mut() {
                Some(last) if last.text == ":" && last.line == line => last.text.push(':'),
                _ => tokens.push(Token { text: ":".to_owned(), line }),
            },
            TokenTree::Punct(punct) => {
                tokens.push(Token { text: punct.as_char().to_string(), line });
            }
            TokenTree::Ident(ident) => tokens.push(Token { text: ident.to_string(), line }),
            TokenTree::Literal(_) => tokens.push(Token { text: "0".to_owned(), line }),
        }
    }
}

/// The first names of the paths that begin with `crate::`, each with its line: unit tests too.
///
/// # Errors
///
/// When the text is not Rust.
pub fn names_of_the_root(text: &str) -> syn::Result<Vec<(usize, String)>> {
    let mut tokens = Vec::new();
    flatten(syn::parse_file(text)?.to_token_stream(), &mut tokens);
    let mut names = Vec::new();
    for (at, token) in tokens.iter().enumerate() {
        let text = |at: usize| tokens.get(at).map_or("", |token| token.text.as_str());
        if token.text == "crate" && text(at + 1) == "::" && text(at.wrapping_sub(1)) != "$" {
            let (paths, _) = paths_at(&tokens, at);
            names.extend(
                paths
                    .into_iter()
                    .filter_map(|(names, _, line)| Some((line, names.get(1).cloned()?))),
            );
        }
    }
    Ok(names)
}
