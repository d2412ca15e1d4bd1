//! Migrations in places where the walk reads none. Pure: items in, findings out.

use std::{
    fmt,
    path::{Path, PathBuf},
};

use quote::ToTokens as _;
use syn::{Item, ItemFn, LitStr};

use crate::attribute::{Found, Mark, Names, declared, is_for_tests, marks};

/// A migration that the walk does not read, and that is therefore neither sealed nor checked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Hidden {
    /// The file.
    pub file: PathBuf,
    /// The line, counted from 1.
    pub line: usize,
    /// What hides it.
    pub place: Where,
    /// The version, if it is written as a number.
    pub version: Option<i64>,
    /// The group: the default group if none is written, `None` if it is no string.
    pub group: Option<String>,
}

/// What hides a migration.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Where {
    /// The definition of a `macro_rules!`.
    Definition,
    /// The input of a macro of this name.
    Invocation(String),
    /// A file that `include!` names.
    Include,
    /// The body of this function.
    Body(String),
    /// Another item, such as an `impl`.
    Item,
    /// A name of the attribute that no import gives.
    Name(String),
}

impl fmt::Display for Where {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Definition => f.write_str("a `macro_rules!` writes it"),
            Self::Invocation(name) => write!(f, "it is given to the macro `{name}!`"),
            Self::Include => f.write_str("`include!` brings it"),
            Self::Body(function) => write!(f, "it is in the body of `{function}`"),
            Self::Item => f.write_str("it is inside another item"),
            Self::Name(name) => {
                write!(f, "no import of this crate gives `#[migration]` the name `#[{name}]`")
            }
        }
    }
}

impl Hidden {
    /// Makes the entry of a function that looks like a migration, with an attribute whose name no import
    /// gives.
    pub(super) fn resembling(function: &ItemFn, found: &Found, file: &Path, line: usize) -> Self {
        let path = found.attribute.path().to_token_stream().to_string().replace(' ', "");
        let written = declared(function, found);
        Self {
            file: file.to_owned(),
            line,
            place: Where::Name(path),
            version: written.as_ref().map(|written| written.version),
            group: written.map(|written| written.group),
        }
    }
}

/// The result of a search.
pub(super) enum Finding {
    /// A migration.
    Migration(Hidden),
    /// The path in an `include!`, as it is written.
    Include(String),
}

/// Looks for migrations in everything that the walk does not read.
pub(super) fn search(items: &[Item], file: &Path, names: &Names) -> Vec<Finding> {
    let mut search = Search { file, names, findings: Vec::new() };
    search.items(items);
    search.findings
}

struct Search<'a> {
    file: &'a Path,
    names: &'a Names,
    findings: Vec<Finding>,
}

impl Search<'_> {
    fn items(&mut self, items: &[Item]) {
        for item in items {
            match item {
                Item::Mod(module) => {
                    if !is_for_tests(&module.attrs)
                        && let Some((_, items)) = &module.content
                    {
                        self.items(items);
                    }
                }
                Item::Fn(function) => self.body(function),
                Item::Macro(item) if item.mac.path.is_ident("macro_rules") => {
                    let found = marks(item.mac.tokens.clone(), self.names);
                    self.enter(found, &Where::Definition);
                }
                Item::Macro(item) => {
                    if item.mac.path.is_ident("include")
                        && let Ok(path) = item.mac.parse_body::<LitStr>()
                    {
                        self.findings.push(Finding::Include(path.value()));
                        continue;
                    }
                    let name = item.mac.path.to_token_stream().to_string().replace(' ', "");
                    let found = marks(item.mac.tokens.clone(), self.names);
                    self.enter(found, &Where::Invocation(name));
                }
                Item::Use(_) | Item::ExternCrate(_) => {}
                other => {
                    let found = marks(other.to_token_stream(), self.names);
                    self.enter(found, &Where::Item);
                }
            }
        }
    }

    fn body(&mut self, function: &ItemFn) {
        let is_test = |attribute: &syn::Attribute| attribute.path().is_ident("test");
        if is_for_tests(&function.attrs) || function.attrs.iter().any(is_test) {
            return;
        }
        let found = marks(function.block.to_token_stream(), self.names);
        self.enter(found, &Where::Body(function.sig.ident.to_string()));
    }

    fn enter(&mut self, marks: Vec<Mark>, place: &Where) {
        let hidden = marks.into_iter().map(|mark| Hidden {
            file: self.file.to_owned(),
            line: mark.span.start().line,
            place: place.clone(),
            version: mark.version,
            group: mark.group,
        });
        self.findings.extend(hidden.map(Finding::Migration));
    }
}
