//! The migrations that a package's sources declare, without compiling them.
//!
//! From each target's root, every `mod` is followed, whatever its `cfg`, but `cfg(test)`. What a
//! macro makes is not seen. Arguments are read leniently: the attribute itself judges them.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::{fs, io};

use quote::ToTokens as _;
use syn::ext::IdentExt as _;
use syn::{
    Attribute, Expr, FnArg, Ident, Item, ItemFn, Lit, LitInt, LitStr, Meta, Token, Type,
    punctuated::Punctuated, spanned::Spanned as _,
};

use crate::checksum;
use crate::sum::Declared;

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
    /// The file.
    pub file: PathBuf,
    /// Counted from 1.
    pub line: usize,
}

impl Written {
    /// For [`Sum::judge`](crate::sum::Sum::judge).
    pub fn declared(&self) -> Declared<'_> {
        Declared {
            group: &self.group,
            version: self.version,
            name: &self.name,
            checksum: &self.checksum,
            out_of_order: self.out_of_order,
        }
    }
}

/// What the roots reach.
#[derive(Debug, Default)]
pub struct Sources {
    /// Each once, oldest version first within its group.
    pub migrations: Vec<Written>,
    /// Every file that was read.
    pub files: BTreeSet<PathBuf>,
    /// Everything that could not be read, with its place.
    pub problems: Vec<String>,
    /// How many `cfg(test)` modules are around: what is in there is no history.
    tests_around: usize,
}

impl Sources {
    /// Reads what these files reach.
    pub fn reached_from(roots: &[PathBuf]) -> Self {
        let mut sources = Self::default();
        for root in roots {
            let directory = root.parent().unwrap_or(Path::new("")).to_owned();
            sources.file(root, &directory, 0);
        }
        sources.migrations.sort_by(|a, b| (&a.group, a.version).cmp(&(&b.group, b.version)));
        sources
    }

    /// `directory`: where the files of its `mod` items lie.
    fn file(&mut self, path: &Path, directory: &Path, depth: usize) {
        if depth > DEPTH_MAX || !self.files.insert(path.to_owned()) {
            return;
        }
        match read(path) {
            Ok(file) => self.items(&file.items, path, directory, depth),
            Err(problem) => self.problems.push(format!("{}: {problem}", path.display())),
        }
    }

    fn items(&mut self, items: &[Item], path: &Path, directory: &Path, depth: usize) {
        for item in items {
            match item {
                Item::Fn(function) => self.function(function, path),
                Item::Mod(module) => {
                    let for_tests = usize::from(is_for_tests(&module.attrs));
                    self.tests_around += for_tests;
                    let name = module.ident.unraw().to_string();
                    let inside = directory.join(&name);
                    match &module.content {
                        Some((_, items)) => self.items(items, path, &inside, depth + 1),
                        None => self.module(&module.attrs, &name, path, directory, depth),
                    }
                    self.tests_around -= for_tests;
                }
                _ => {}
            }
        }
    }

    fn module(
        &mut self,
        attributes: &[Attribute],
        name: &str,
        path: &Path,
        directory: &Path,
        depth: usize,
    ) {
        if let Some(elsewhere) = attributes.iter().find_map(path_attribute) {
            let file = path.parent().unwrap_or(Path::new("")).join(elsewhere);
            let directory = file.parent().unwrap_or(Path::new("")).to_owned();
            return self.file(&file, &directory, depth + 1);
        }
        let (flat, nested) =
            (directory.join(format!("{name}.rs")), directory.join(name).join("mod.rs"));
        let file = if nested.is_file() { nested } else { flat };
        if file.is_file() {
            self.file(&file, &directory.join(name), depth + 1);
        } else if !attributes.iter().any(|one| one.path().is_ident("cfg")) {
            self.problems.push(format!(
                "{}: `mod {name};` has no file: create {}",
                path.display(),
                file.display()
            ));
        }
    }

    fn function(&mut self, function: &ItemFn, file: &Path) {
        if self.tests_around > 0 || is_for_tests(&function.attrs) {
            return;
        }
        let Some(attribute) = function.attrs.iter().find(|one| is_migration(one)) else { return };
        let line = attribute.span().start().line;
        match written(function, attribute) {
            Some(written) => {
                self.migrations.push(Written { file: file.to_owned(), line, ..written });
            }
            None => self.problems.push(format!(
                "{}:{line}: cannot read the migration `{}`; `cargo check` says why",
                file.display(),
                function.sig.ident
            )),
        }
    }
}

fn read(path: &Path) -> Result<syn::File, String> {
    let text = fs::read_to_string(path).map_err(|error: io::Error| error.to_string())?;
    syn::parse_file(&text).map_err(|error| format!("line {}: {error}", error.span().start().line))
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
fn path_attribute(attribute: &Attribute) -> Option<String> {
    match &attribute.meta {
        Meta::NameValue(pair) if pair.path.is_ident("path") => Some(text(&pair.value)?.value()),
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
    let version = number(value("version")?)?.base10_parse().ok()?;
    let name = label("name", function.sig.ident.unraw().to_string())?;
    let group = label("group", "default".to_owned())?;
    let out_of_order = arguments.iter().any(|one| one.path().is_ident("out_of_order"));
    // The attribute gets the function without itself.
    let mut bare = function.clone();
    bare.attrs.retain(|one| !is_migration(one));
    let checksum = checksum::of(&kind(function)?, bare);
    let (file, line) = (PathBuf::new(), 0);
    Some(Written { group, version, name, checksum, out_of_order, file, line })
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
