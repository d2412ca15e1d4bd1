//! The migrations that a package's sources declare, without compiling them.
//!
//! From each target's root, every `mod` is followed, whatever its `cfg`, but `cfg(test)`. What a
//! macro makes is not seen. Arguments are read leniently: the attribute itself judges them.

mod overlay;
mod rollbacks;

use std::collections::BTreeMap;
use std::fmt;
use std::ops::Range;
use std::path::{Path, PathBuf};

use proc_macro2::Span;
use quote::ToTokens as _;
use syn::ext::IdentExt as _;
use syn::{
    Attribute, Expr, FnArg, Ident, Item, ItemFn, ItemMod, Lit, LitInt, LitStr, Meta, Token, Type,
    punctuated::Punctuated, spanned::Spanned as _,
};

use crate::checksum;
use crate::sum::{self, Declared, Undo};

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
    overlay: Overlay,
    /// How many bytes of the current file come before what is parsed.
    skipped: usize,
    scopes: Scopes,
    /// The module that is being read, from its root on.
    module: Vec<String>,
    /// How many `cfg(test)` modules are around: what is in there is no history.
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
        let (skipped, file) = parse(text)?;
        sources.skipped = skipped;
        sources.items(&file.items, path, None, 0);
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
            Ok((skipped, file)) => {
                let before = std::mem::replace(&mut self.skipped, skipped);
                self.items(&file.items, path, Some(directory), depth);
                self.skipped = before;
            }
            Err(problem) => self.problems.push(format!("{}: {problem}", path.display())),
        }
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
        range.start + self.skipped..range.end + self.skipped
    }

    fn function(&mut self, function: &ItemFn, file: &Path) {
        if self.tests_around > 0 || is_for_tests(&function.attrs) {
            return;
        }
        self.scopes.function(&self.module, function);
        let Some(attribute) = function.attrs.iter().find(|one| is_migration(one)) else { return };
        let line = attribute.span().start().line;
        let mut bare = function.clone();
        bare.attrs.retain(|one| !is_migration(one));
        self.annotated.push(Annotated {
            file: file.to_owned(),
            attribute: attribute.clone(),
            function: bare,
        });
        match written(function, attribute) {
            Some(written) => {
                let at = written.version_at;
                let version_at = at.start + self.skipped..at.end + self.skipped;
                let (file, kind) = (file.to_owned(), kind(function).unwrap_or_default());
                self.scopes.migration(self.migrations.len(), &self.module, attribute, kind);
                let path = rollbacks::full(&self.module, &function.sig.ident.unraw().to_string());
                self.migrations.push(Written { file, line, version_at, path, ..written });
            }
            None => self.problems.push(format!(
                "{}:{line}: cannot read the migration `{}`; `cargo check` says why",
                file.display(),
                function.sig.ident
            )),
        }
    }
}

/// The file, and how many bytes of the text come before it: of a byte order mark, or of a line
/// for the shell.
fn parse(text: &str) -> Result<(usize, syn::File), String> {
    if let Some(line) = text.lines().position(sum::is_conflict_start) {
        return Err(format!(
            "line {}: git could not merge this file: `cargo mongrate rebase` keeps the migrations \
             and `mod` lines of both sides; anything else, solve by hand",
            line + 1
        ));
    }
    let rest = text.strip_prefix('\u{feff}').unwrap_or(text);
    let rest = match rest.starts_with("#!") && !rest.starts_with("#![") {
        true => rest.find('\n').map_or("", |end| &rest[end..]),
        false => rest,
    };
    let lines_before = text[..text.len() - rest.len()].lines().count().saturating_sub(1);
    let file = syn::parse_file(rest)
        .map_err(|error| format!("line {}: {error}", error.span().start().line + lines_before))?;
    Ok((text.len() - rest.len(), file))
}

fn is_migration(attribute: &Attribute) -> bool {
    attribute.path().segments.last().is_some_and(|last| last.ident == "migration")
}

/// `#[cfg(test)]`.
fn is_for_tests(attributes: &[Attribute]) -> bool {
    attributes.iter().any(|attribute| {
        attribute.path().is_ident("cfg")
            && attribute.parse_args::<Ident>().is_ok_and(|condition| condition == "test")
    })
}

/// The value of `#[path = "…"]`.
fn path_attribute(attribute: &Attribute) -> Option<&LitStr> {
    match &attribute.meta {
        Meta::NameValue(pair) if pair.path.is_ident("path") => text(&pair.value),
        _ => None,
    }
}

fn text(value: &Expr) -> Option<&LitStr> {
    match value {
        Expr::Lit(literal) => match &literal.lit {
            Lit::Str(text) => Some(text),
            _ => None,
        },
        _ => None,
    }
}

fn number(value: &Expr) -> Option<&LitInt> {
    match value {
        Expr::Lit(literal) => match &literal.lit {
            Lit::Int(number) => Some(number),
            _ => None,
        },
        _ => None,
    }
}

/// The migration, but for its place.
fn written(function: &ItemFn, attribute: &Attribute) -> Option<Written> {
    let arguments =
        attribute.parse_args_with(Punctuated::<Meta, Token![,]>::parse_terminated).ok()?;
    let value = |key: &str| {
        arguments.iter().find_map(|one| match one {
            Meta::NameValue(pair) if pair.path.is_ident(key) => Some(&pair.value),
            _ => None,
        })
    };
    let label = |key: &str, default: String| match value(key) {
        Some(value) => Some(text(value)?.value()),
        None => Some(default),
    };
    let literal = number(value("version")?)?;
    let version = literal.base10_parse().ok()?;
    let version_at = literal.span().byte_range();
    let name = label("name", function.sig.ident.unraw().to_string())?;
    let group = label("group", "default".to_owned())?;
    let out_of_order = arguments.iter().any(|one| one.path().is_ident("out_of_order"));
    // The attribute gets the function without itself.
    let mut bare = function.clone();
    bare.attrs.retain(|one| !is_migration(one));
    let checksum = checksum::of(&kind(function)?, bare);
    let (file, line) = (PathBuf::new(), 0);
    // Known when all files are read.
    let (rollback, rollback_path, path) = (None, None, String::new());
    Some(Written {
        group,
        version,
        name,
        checksum,
        out_of_order,
        rollback,
        path,
        rollback_path,
        file,
        line,
        version_at,
    })
}

/// The name of the parameter's type.
fn kind(function: &ItemFn) -> Option<String> {
    let FnArg::Typed(parameter) = function.sig.inputs.first()? else { return None };
    let mut ty = &*parameter.ty;
    loop {
        ty = match ty {
            Type::Reference(reference) => &reference.elem,
            Type::Paren(paren) => &paren.elem,
            Type::Group(group) => &group.elem,
            Type::Path(path) => {
                let last = path.path.segments.last()?;
                return Some(last.ident.unraw().to_token_stream().to_string());
            }
            _ => return None,
        }
    }
}
