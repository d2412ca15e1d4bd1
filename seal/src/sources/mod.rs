//! The migrations that a package's sources declare, without compiling them.
//!
//! From each target's root, every `mod` is followed, whatever its `cfg`, unless that is for tests
//! alone. Arguments are read leniently: the attribute itself judges them. What stands where nothing
//! is read, in a macro or in a function's body, is [`Hidden`]: it is said, and not skipped in
//! silence.

mod hidden;
mod overlay;
mod rollbacks;

use std::collections::BTreeMap;
use std::fmt;
use std::ops::Range;
use std::path::{Path, PathBuf};

use proc_macro2::Span;
use syn::ext::IdentExt as _;
use syn::{Attribute, Item, ItemFn, ItemMod, LitStr, Meta};

use crate::attribute::{self, Claim, Names, is_for_tests};
use crate::sum::{self, Declared, Undo};
use crate::text::Text;

pub use hidden::{Hidden, Where};
pub use overlay::Overlay;
use rollbacks::Scopes;

/// How deep modules may nest.
const DEPTH_MAX: usize = 64;

/// A migration as it is written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Written {
    /// Its group.
    pub group: String,
    /// Its version.
    pub version: i64,
    /// Its name.
    pub name: String,
    /// Of its body.
    pub checksum: String,
    /// Whether it may be older than what is sealed.
    pub out_of_order: bool,
    /// How it is rolled back, for the sum file; none if it is not reversible.
    pub rollback: Option<String>,
    /// The full path of its function, which begins with the number of its root.
    pub path: String,
    /// The full path of the function that rolls it back, if that was found.
    pub rollback_path: Option<String>,
    /// The file.
    pub file: PathBuf,
    /// Counted from 1.
    pub line: usize,
    /// Where in the file its version is written, in bytes.
    pub version_at: Range<usize>,
}

impl Written {
    /// For [`Sum::judge`](crate::sum::Sum::judge).
    pub fn declared(&self) -> Declared<'_> {
        Declared {
            group: &self.group,
            version: self.version,
            name: &self.name,
            checksum: &self.checksum,
            rollback: self.rollback.as_deref().map_or(Undo::None, Undo::Seen),
            out_of_order: self.out_of_order,
        }
    }
}

/// A function with the attribute.
#[derive(Clone)]
pub struct Annotated {
    /// The file.
    pub file: PathBuf,
    /// The attribute.
    pub attribute: Attribute,
    /// The function, without it.
    pub function: ItemFn,
    /// The macros above it, as they are written: they may rewrite the function before the attribute
    /// reads it.
    pub above: Vec<String>,
}

impl fmt::Debug for Annotated {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "`{}` in {}", self.function.sig.ident, self.file.display())
    }
}

/// The `mod` item that reaches a file. Places are in bytes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reached {
    /// The file it is in.
    pub from: PathBuf,
    /// The module's name.
    pub name: Range<usize>,
    /// The text of `#[path = "…"]`, with its quotes.
    pub path: Option<Range<usize>>,
}

/// What the roots reach.
#[derive(Debug, Default)]
pub struct Sources {
    /// Each once, oldest version first within its group.
    pub migrations: Vec<Written>,
    /// Every file that was read, and what reaches it; nothing reaches a root.
    pub files: BTreeMap<PathBuf, Option<Reached>>,
    /// Everything that could not be read, with its place.
    pub problems: Vec<String>,
    /// Every function that the attribute stands on.
    pub annotated: Vec<Annotated>,
    /// Every migration that stands where none is read.
    pub hidden: Vec<Hidden>,
    overlay: Overlay,
    /// What the attribute is called, as far as the files so far import it.
    names: Names,
    /// The current file, as the compiler reads it.
    text: Option<Text>,
    scopes: Scopes,
    /// The module that is being read, from its root on.
    module: Vec<String>,
    /// How many modules for tests alone are around: what is in there is no history.
    tests_around: usize,
}

impl Sources {
    /// Reads what these files reach.
    pub fn reached_from(roots: &[PathBuf]) -> Self {
        Self::with(roots, Overlay::default())
    }

    /// The same, with some files as they would be.
    pub fn with(roots: &[PathBuf], overlay: Overlay) -> Self {
        let mut sources = Self { overlay, ..Self::default() };
        for (number, root) in roots.iter().enumerate() {
            sources.module = vec![number.to_string()];
            let directory = root.parent().unwrap_or(Path::new("")).to_owned();
            sources.file(root, None, &directory, 0);
        }
        sources.sort();
        sources
    }

    /// What one file's text declares by itself: no `mod` is followed.
    ///
    /// # Errors
    ///
    /// When it cannot be parsed.
    pub fn of_text(text: &str, path: &Path) -> Result<Self, String> {
        let mut sources = Self::default();
        let (text, file) = parse(text)?;
        sources.text = Some(text);
        sources.contents(&file, path, None, 0);
        sources.sort();
        Ok(sources)
    }

    fn sort(&mut self) {
        for found in self.scopes.resolve() {
            let Some(one) = self.migrations.get_mut(found.migration) else { continue };
            (one.rollback, one.rollback_path) = (Some(found.sealed), found.function);
        }
        self.migrations.sort_by(|a, b| {
            (&a.group, a.version, &a.file, a.line).cmp(&(&b.group, b.version, &b.file, b.line))
        });
    }

    /// `directory`: where the files of its `mod` items lie.
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

    /// Without a directory, no file is looked for.
    fn contents(&mut self, file: &syn::File, path: &Path, directory: Option<&Path>, depth: usize) {
        self.names.enter_file();
        file.items.iter().for_each(|item| self.names.learn(item));
        let for_tests = usize::from(is_for_tests(&file.attrs));
        self.tests_around += for_tests;
        self.hide(&file.items, path);
        self.items(&file.items, path, directory, depth);
        self.tests_around -= for_tests;
    }

    /// Without a directory, no file is looked for.
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
        } else if !module.attrs.iter().any(|one| one.path().is_ident("cfg")) {
            self.problems.push(format!(
                "{}: `mod {name};` has no file: create {}",
                path.display(),
                file.display()
            ));
        }
    }

    /// In the whole file.
    fn place(&self, span: Span) -> Range<usize> {
        let range = span.byte_range();
        match &self.text {
            Some(text) => text.in_file(range),
            None => range,
        }
    }

    fn function(&mut self, function: &ItemFn, file: &Path) {
        if self.tests_around > 0 || is_for_tests(&function.attrs) {
            return;
        }
        let found = attribute::find(function, &self.names);
        // Of a rollback that is a migration itself, too: that is refused elsewhere.
        let bare = found.as_ref().map(|found| attribute::bare(function, found));
        self.scopes.function(&self.module, bare.as_ref().unwrap_or(function));
        let Some(found) = found else { return };
        let line = found.attribute.pound_token.span.start().line;
        if found.claim == Claim::Resembles {
            return self.hide_resembling(function, &found, file, line);
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
                self.migrations.push(Written {
                    group: written.group,
                    version: written.version,
                    name: written.name,
                    checksum: written.checksum,
                    out_of_order: written.out_of_order,
                    // Known when all files are read.
                    rollback: None,
                    rollback_path: None,
                    path: rollbacks::full(&self.module, &function.sig.ident.unraw().to_string()),
                    file: file.to_owned(),
                    line,
                    version_at: self.place(written.version_span),
                });
            }
            None => self.problems.push(format!(
                "{}:{line}: cannot read the migration `{}`; `cargo check` says why",
                file.display(),
                function.sig.ident
            )),
        }
    }
}

/// The file, and its text as the compiler reads it.
fn parse(file: &str) -> Result<(Text, syn::File), String> {
    if let Some(line) = file.lines().position(sum::is_conflict_start) {
        return Err(format!(
            "line {}: git could not merge this file: `cargo mongrate rebase` keeps the migrations \
             and `mod` lines of both sides; anything else, solve by hand",
            line + 1
        ));
    }
    let text = Text::new(file);
    let parsed = syn::parse_file(text.as_str())
        .map_err(|error| format!("line {}: {error}", error.span().start().line))?;
    Ok((text, parsed))
}

/// The value of `#[path = "…"]`.
fn path_attribute(attribute: &Attribute) -> Option<&LitStr> {
    match &attribute.meta {
        Meta::NameValue(pair) if pair.path.is_ident("path") => attribute::text(&pair.value),
        _ => None,
    }
}
