//! Migrations that stand where none is read.

use std::fmt;
use std::path::{Path, PathBuf};

use quote::ToTokens as _;
use syn::{Item, ItemFn, LitStr};

use super::Sources;
use crate::attribute::{Found, Mark, declared, is_for_tests, marks};

/// A migration that is not read, and so is neither sealed nor checked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Hidden {
    /// The file.
    pub file: PathBuf,
    /// Counted from 1.
    pub line: usize,
    /// What hides it.
    pub place: Where,
    /// Its version, if that is a number that is written there.
    pub version: Option<i64>,
    /// Its group, if that is written there, or is none.
    pub group: Option<String>,
}

/// What hides a migration.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Where {
    /// The definition of a `macro_rules!`.
    Definition,
    /// What a macro of this name is given.
    Invocation(String),
    /// A file that `include!` brings.
    Include,
    /// The body of this function.
    Body(String),
    /// Another item, such as an `impl`.
    Item,
    /// A name of the attribute that no import explains.
    Name(String),
}

impl fmt::Display for Where {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Definition => f.write_str("a `macro_rules!` writes it"),
            Self::Invocation(name) => write!(f, "it is given to the macro `{name}!`"),
            Self::Include => f.write_str("`include!` brings it"),
            Self::Body(function) => write!(f, "it is in the body of `{function}`"),
            Self::Item => f.write_str("it is inside of another item"),
            Self::Name(name) => {
                write!(f, "`#[{name}]` is no name under which this crate imports `#[migration]`")
            }
        }
    }
}

impl Sources {
    /// Looks for migrations in all that [`items`](Self::items) does not read.
    pub(super) fn hide(&mut self, items: &[Item], file: &Path) {
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
        for item in items {
            match item {
                Item::Mod(module) => {
                    if !is_for_tests(&module.attrs)
                        && let Some((_, items)) = &module.content
                    {
                        self.hide(items, file);
                    }
                }
                Item::Fn(function) => self.hide_in_body(function, file),
                Item::Macro(item) if item.mac.path.is_ident("macro_rules") => {
                    self.hide_marks(
                        marks(item.mac.tokens.clone(), &self.names),
                        file,
                        &Where::Definition,
                    );
                }
                Item::Macro(item) => {
                    let name = item.mac.path.to_token_stream().to_string().replace(' ', "");
                    if item.mac.path.is_ident("include")
                        && let Ok(path) = item.mac.parse_body::<LitStr>()
                    {
                        self.hide_included(&path.value(), file);
                        continue;
                    }
                    let place = Where::Invocation(name);
                    self.hide_marks(marks(item.mac.tokens.clone(), &self.names), file, &place);
                }
                Item::Use(_) | Item::ExternCrate(_) => {}
                other => {
                    let found = marks(other.to_token_stream(), &self.names);
                    self.hide_marks(found, file, &Where::Item);
                }
            }
        }
    }

    fn hide_in_body(&mut self, function: &ItemFn, file: &Path) {
        if is_for_tests(&function.attrs)
            || function.attrs.iter().any(|one| one.path().is_ident("test"))
        {
            return;
        }
        let place = Where::Body(function.sig.ident.to_string());
        self.hide_marks(marks(function.block.to_token_stream(), &self.names), file, &place);
    }

    fn hide_marks(&mut self, marks: Vec<Mark>, file: &Path, place: &Where) {
        self.hidden.extend(marks.into_iter().map(|mark| Hidden {
            file: file.to_owned(),
            line: mark.span.start().line,
            place: place.clone(),
            version: mark.version,
            group: mark.group,
        }));
    }

    /// What a file holds that `include!` names. No `mod` of it is followed.
    fn hide_included(&mut self, name: &str, file: &Path) {
        let path = file.parent().unwrap_or(Path::new("")).join(name);
        let Ok(text) = self.overlay.read(&path) else { return };
        let Ok(found) = Self::of_text(&text, &path) else { return };
        let read = found.migrations.into_iter().map(|one| Hidden {
            file: one.file,
            line: one.line,
            place: Where::Include,
            version: Some(one.version),
            group: Some(one.group),
        });
        self.hidden.extend(read.chain(found.hidden));
    }

    /// A function that looks like a migration, under a name that is not known.
    pub(super) fn hide_resembling(
        &mut self,
        function: &ItemFn,
        found: &Found,
        file: &Path,
        line: usize,
    ) {
        let path = found.attribute.path().to_token_stream().to_string().replace(' ', "");
        let written = declared(function, found);
        self.hidden.push(Hidden {
            file: file.to_owned(),
            line,
            place: Where::Name(path),
            version: written.as_ref().map(|one| one.version),
            group: written.map(|one| one.group),
        });
    }
}
