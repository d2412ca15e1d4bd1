//! The walk over a package's files, from each root along every `mod`.

use std::{
    collections::BTreeMap,
    ops::Range,
    path::{Path, PathBuf},
};

use proc_macro2::Span;
use syn::{Attribute, Item, ItemFn, ItemMod, LitStr, Meta, ext::IdentExt as _};

use super::{
    hidden::{Finding, Hidden, Where, search},
    overlay::Overlay,
    rollbacks::{self, Scopes},
    written::{Annotated, Reached, Written},
};
use crate::{
    attribute::{self, Claim, Names, is_for_tests},
    code::Code,
    sum,
    text::Text,
    uses::Used,
};

/// How deep modules may nest.
const DEPTH_MAX: usize = 64;

/// Everything that the roots reach.
#[derive(Debug, Default)]
pub struct Sources {
    /// The migrations, each once, oldest version first within its group.
    pub migrations: Vec<Written>,
    /// Every file that was read, and the `mod` item that reaches it; a root has none.
    pub files: BTreeMap<PathBuf, Option<Reached>>,
    /// Everything that could not be read, with its place.
    pub problems: Vec<String>,
    /// Every function with the attribute.
    pub annotated: Vec<Annotated>,
    /// Every migration that is where the walk reads none.
    pub hidden: Vec<Hidden>,
    overlay: Overlay,
    /// The names of the attribute in the files read so far.
    names: Names,
    /// The current file, as the compiler reads it.
    text: Option<Text>,
    scopes: Scopes,
    /// The paths in `uses`, by the index of the migration.
    uses: BTreeMap<usize, Vec<Vec<String>>>,
    /// The module that is being read, from its root on.
    module: Vec<String>,
    /// How many modules for tests only are around the current item: migrations in them are no history.
    tests_around: usize,
}

impl Sources {
    /// Reads everything that these files reach.
    pub fn reached_from(roots: &[PathBuf]) -> Self {
        Self::with(roots, Overlay::default())
    }

    /// Reads the same with an overlay, as if some files were changed.
    pub fn with(roots: &[PathBuf], overlay: Overlay) -> Self {
        let mut sources = Self { overlay, ..Self::default() };
        for (number, root) in roots.iter().enumerate() {
            sources.module = vec![number.to_string()];
            let directory = root.parent().unwrap_or(Path::new("")).to_owned();
            sources.file(root, None, &directory, 0);
        }
        sources.follow_uses(roots);
        sources.sort();
        sources
    }

    /// Reads one file's text alone: no `mod` is followed.
    ///
    /// # Errors
    ///
    /// If the text cannot be parsed.
    pub fn of_text(text: &str, path: &Path) -> Result<Self, String> {
        let mut sources = Self::default();
        let (text, file) = parse(text)?;
        sources.text = Some(text);
        sources.contents(&file, path, None, 0);
        sources.sort();
        Ok(sources)
    }

    /// Adds to each checksum the items that the migration uses.
    fn follow_uses(&mut self, roots: &[PathBuf]) {
        let uses = std::mem::take(&mut self.uses);
        if uses.is_empty() {
            return;
        }
        let mut code = self.code();
        for (at, paths) in uses {
            let Some(written) = self.migrations.get_mut(at) else { continue };
            let Written { file, function, .. } = &*written;
            let shown = |path: &Path| path.display().to_string();
            match Used::find(&mut code, roots, file, function, &paths, &shown) {
                Ok(used) => {
                    written.checksum = used.checksum(&written.checksum);
                    written.uses = used.sealed();
                    written.used = Some(used);
                }
                Err(unusable) => {
                    let line = written.line;
                    let problems = unusable
                        .into_iter()
                        .map(|each| format!("{}:{line}: {}", file.display(), each.text));
                    self.problems.extend(problems);
                    written.used = None;
                }
            }
        }
    }

    /// Returns a reader of the same files.
    pub fn code(&self) -> Code {
        let overlay = self.overlay.clone();
        Code::new(move |path| overlay.read(path).map_err(|error| error.to_string()))
    }

    fn sort(&mut self) {
        for found in self.scopes.resolve() {
            let Some(written) = self.migrations.get_mut(found.migration) else { continue };
            (written.rollback, written.rollback_path) = (Some(found.sealed), found.function);
        }
        self.migrations.sort_by(|a, b| {
            (&a.group, a.version, &a.file, a.line).cmp(&(&b.group, b.version, &b.file, b.line))
        });
    }

    /// Reads a file. The files of its `mod` items are in `directory`.
    fn file(&mut self, path: &Path, reached: Option<Reached>, directory: &Path, depth: usize) {
        if depth > DEPTH_MAX || self.files.contains_key(path) {
            return;
        }
        self.files.insert(path.to_owned(), reached);
        let text = self.overlay.read(path).map_err(|error| error.to_string());
        match text.and_then(|text| parse(&text)) {
            Ok((text, file)) => {
                let before = self.text.replace(text);
                self.contents(&file, path, Some(directory), depth);
                self.text = before;
            }
            Err(problem) => self.problems.push(format!("{}: {problem}", path.display())),
        }
    }

    /// Reads a file's items. Without a directory, no `mod` is followed.
    fn contents(&mut self, file: &syn::File, path: &Path, directory: Option<&Path>, depth: usize) {
        self.names.enter_file();
        file.items.iter().for_each(|item| self.names.learn(item));
        let for_tests = usize::from(is_for_tests(&file.attrs));
        self.tests_around += for_tests;
        self.hide(&file.items, path);
        self.items(&file.items, path, directory, depth);
        self.tests_around -= for_tests;
    }

    /// Reads items. Without a directory, no `mod` is followed.
    fn items(&mut self, items: &[Item], path: &Path, directory: Option<&Path>, depth: usize) {
        for item in items {
            match item {
                Item::Fn(function) => self.function(function, path),
                Item::Use(item) => self.scopes.uses(&self.module, item),
                Item::Mod(module) => {
                    let for_tests = usize::from(is_for_tests(&module.attrs));
                    self.tests_around += for_tests;
                    let name = module.ident.unraw().to_string();
                    self.module.push(name.clone());
                    match (&module.content, directory) {
                        (Some((_, items)), _) => {
                            let inside = directory.map(|directory| directory.join(&name));
                            self.items(items, path, inside.as_deref(), depth + 1);
                        }
                        (None, Some(directory)) => self.module(module, path, directory, depth),
                        (None, None) => {}
                    }
                    self.module.pop();
                    self.tests_around -= for_tests;
                }
                _ => {}
            }
        }
    }

    fn module(&mut self, module: &ItemMod, path: &Path, directory: &Path, depth: usize) {
        let name = module.ident.unraw().to_string();
        let mut reached =
            Reached { from: path.to_owned(), name: self.place(module.ident.span()), path: None };
        if let Some(elsewhere) = module.attrs.iter().find_map(path_attribute) {
            reached.path = Some(self.place(elsewhere.span()));
            let file = path.parent().unwrap_or(Path::new("")).join(elsewhere.value());
            let directory = file.parent().unwrap_or(Path::new("")).to_owned();
            return self.file(&file, Some(reached), &directory, depth + 1);
        }
        let (flat, nested) =
            (directory.join(format!("{name}.rs")), directory.join(&name).join("mod.rs"));
        let file = if self.overlay.is_file(&nested) { nested } else { flat };
        if self.overlay.is_file(&file) {
            self.file(&file, Some(reached), &directory.join(name), depth + 1);
        } else if !module.attrs.iter().any(|attribute| attribute.path().is_ident("cfg")) {
            self.problems.push(format!(
                "{}: `mod {name};` has no file: create {}",
                path.display(),
                file.display()
            ));
        }
    }

    /// Returns the place of a span in the whole file.
    fn place(&self, span: Span) -> Range<usize> {
        let range = span.byte_range();
        match &self.text {
            Some(text) => text.in_file(range),
            None => range,
        }
    }

    /// Looks for migrations in everything that [`items`](Self::items) does not read.
    fn hide(&mut self, items: &[Item], file: &Path) {
        if self.tests_around > 0 {
            return;
        }
        let may_hold_one = match &self.text {
            Some(text) => {
                self.names.may_hold_one(text.as_str()) || text.as_str().contains("include")
            }
            None => true,
        };
        if !may_hold_one {
            return;
        }
        for finding in search(items, file, &self.names) {
            match finding {
                Finding::Migration(hidden) => self.hidden.push(hidden),
                Finding::Include(path) => self.hide_included(&path, file),
            }
        }
    }

    /// Finds the migrations in a file that `include!` names. No `mod` of the file is followed.
    fn hide_included(&mut self, name: &str, file: &Path) {
        let path = file.parent().unwrap_or(Path::new("")).join(name);
        let Ok(text) = self.overlay.read(&path) else { return };
        let Ok(found) = Self::of_text(&text, &path) else { return };
        let read = found.migrations.into_iter().map(|written| Hidden {
            file: written.file,
            line: written.line,
            place: Where::Include,
            version: Some(written.version),
            group: Some(written.group),
        });
        self.hidden.extend(read.chain(found.hidden));
    }

    fn function(&mut self, function: &ItemFn, file: &Path) {
        if self.tests_around > 0 || is_for_tests(&function.attrs) {
            return;
        }
        let found = attribute::find(function, &self.names);
        // A rollback that is itself a migration is entered too: it is refused elsewhere.
        let bare = found.as_ref().map(|found| attribute::bare(function, found));
        self.scopes.function(&self.module, bare.as_ref().unwrap_or(function));
        let Some(found) = found else { return };
        let line = found.attribute.pound_token.span.start().line;
        if found.claim == Claim::Resembles {
            self.hidden.push(Hidden::resembling(function, &found, file, line));
            return;
        }
        self.annotated.push(Annotated {
            file: file.to_owned(),
            attribute: found.attribute.clone(),
            function: attribute::bare(function, &found),
            above: attribute::above(function, found.index),
        });
        match attribute::declared(function, &found) {
            Some(written) => {
                let kind = attribute::kind(function).unwrap_or_default();
                let at = self.migrations.len();
                self.scopes.migration(at, &self.module, &found.attribute, kind);
                if !written.uses.is_empty() {
                    self.uses.insert(at, written.uses);
                }
                self.migrations.push(Written {
                    group: written.group,
                    version: written.version,
                    name: written.name,
                    checksum: written.checksum,
                    // Set once all files are read.
                    used: Some(Used::default()),
                    uses: String::new(),
                    allow: written.allow,
                    rollback_named: written.rollback,
                    function: function.sig.ident.unraw().to_string(),
                    out_of_order: written.out_of_order,
                    replaces: written.replaces,
                    has_labels: written.has_labels,
                    after: written.after,
                    // Set once all files are read.
                    rollback: None,
                    rollback_path: None,
                    path: rollbacks::full(&self.module, &function.sig.ident.unraw().to_string()),
                    file: file.to_owned(),
                    line,
                    version_at: self.place(written.version_span),
                });
            }
            None if attribute::is_repeatable(&found) => {}
            None => self.problems.push(format!(
                "{}:{line}: cannot read the migration `{}`; `cargo check` says why",
                file.display(),
                function.sig.ident
            )),
        }
    }
}

/// Parses a file. Returns it, and its text as the compiler reads it.
fn parse(file: &str) -> Result<(Text, syn::File), String> {
    if let Some(line) = file.lines().position(sum::is_conflict_start) {
        return Err(format!(
            "line {}: git could not merge this file: run `cargo mongrate rebase`, which keeps the \
             migrations and `mod` lines of both sides; resolve anything else by hand",
            line + 1
        ));
    }
    let text = Text::new(file);
    let parsed = syn::parse_file(text.as_str())
        .map_err(|error| format!("line {}: {error}", error.span().start().line))?;
    Ok((text, parsed))
}

/// Returns the value of `#[path = "…"]`.
fn path_attribute(attribute: &Attribute) -> Option<&LitStr> {
    match &attribute.meta {
        Meta::NameValue(pair) if pair.path.is_ident("path") => attribute::text(&pair.value),
        _ => None,
    }
}
