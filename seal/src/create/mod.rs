//! Writes the next numbered migration file and its `mod` line.
//!
//! It gets a directory and the time, and writes files. It does not know arguments, output or databases.

mod error;
mod mod_line;
mod name;
mod numbering;
mod replace;
mod turn;

use std::{
    collections::BTreeMap,
    fs::{self, File},
    io::{self, ErrorKind, Write as _},
    path::{Path, PathBuf},
};

use chrono::NaiveDateTime;
pub use error::CreateError;
pub use mod_line::{add_mod_line, mod_file, with_mod_line};
pub use numbering::{package, promised};
pub use replace::replace;
use serde::Serialize;

use crate::sum;

// Files that compile (the integration tests include them), with names to replace.
const TRANSACTION: &str = include_str!("templates/transaction.rs");
const TRANSACTION_REVERSIBLE: &str = include_str!("templates/transaction_reversible.rs");
const ONLINE: &str = include_str!("templates/online.rs");
const ONLINE_REVERSIBLE: &str = include_str!("templates/online_reversible.rs");
const CHANGE: &str = include_str!("templates/change_irreversible.rs");
const CHANGE_REVERSIBLE: &str = include_str!("templates/change.rs");

/// The kind of a new migration.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Template {
    /// A transaction: atomic.
    #[default]
    Transaction,
    /// An online migration: resumable, not atomic as a whole.
    Online,
    /// A declared change: operations with a known inverse.
    Change,
}

/// A migration to write.
#[derive(Clone, Debug)]
pub struct NewMigration {
    slug: String,
    template: Template,
    reversible: bool,
    newest: i64,
    names: BTreeMap<String, String>,
    declared: Option<Declared>,
}

/// What a migration declares.
#[derive(Clone, Debug)]
struct Declared {
    about: String,
    imports: String,
    body: String,
}

/// A migration that is about to be written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Upcoming {
    /// The migration's file.
    pub path: PathBuf,
    /// The name of its module.
    pub module: String,
    /// The file that gets the `mod` line, if there is one.
    pub mod_file: Option<PathBuf>,
    /// The text of the migration's file.
    pub text: String,
}

impl NewMigration {
    /// Makes a migration with this name, as people write it: `add user index`.
    ///
    /// # Errors
    ///
    /// [`CreateError::Name`] if the name holds a path separator, `..` or a control character, has no
    /// ASCII letter or digit, or is too long.
    pub fn named(name: &str) -> Result<Self, CreateError> {
        Ok(Self {
            slug: name::slug(name)?,
            template: Template::Transaction,
            reversible: false,
            newest: 0,
            names: BTreeMap::new(),
            declared: None,
        })
    }

    /// Makes it a declared change with this body, which can be rolled back. `about` is its description, one
    /// paragraph; `imports` are its `use` lines.
    #[must_use]
    pub fn declares(mut self, about: &str, imports: &str, body: &str) -> Self {
        let (about, imports, body) = (about.to_owned(), imports.to_owned(), body.to_owned());
        self.declared = Some(Declared { about, imports, body });
        self.template(Template::Change).reversible(true)
    }

    /// Sets the kind. Default: a transaction.
    #[must_use]
    pub fn template(mut self, template: Template) -> Self {
        self.template = template;
        self
    }

    /// Sets whether the migration has a rollback. Default: no.
    #[must_use]
    pub fn reversible(mut self, reversible: bool) -> Self {
        self.reversible = reversible;
        self
    }

    /// Takes account of a migration of the same group that is already declared, wherever it is: the new
    /// migration gets a newer version, and its name must differ. `place` is for the error.
    #[must_use]
    pub fn beside(mut self, version: i64, name: &str, place: &str) -> Self {
        self.newest = self.newest.max(version);
        self.names.insert(name.to_owned(), place.to_owned());
        self
    }

    /// Writes `m<version>_<slug>.rs` into `dir`, and its `mod` line into the module's file:
    /// `mod.rs` in `dir`, the sibling `<dir>.rs`, or a `lib.rs` or `main.rs` in `dir`.
    ///
    /// The version is greater than every version in a file name in `dir`, in the package's
    /// `migrations.sum` and in [`beside`](Self::beside). It continues the newest of these: by 1, or,
    /// if the newest begins with a date, with the date of `now`. The first version is the date and a
    /// running number. No file is ever overwritten. If several processes write into `dir` at once,
    /// they take turns.
    ///
    /// A package without `migrations.sum` gets one that seals nothing yet.
    ///
    /// # Errors
    ///
    /// See [`CreateError`]. Nothing was written, except after [`CreateError::ModFile`].
    pub fn write(&self, dir: &Path, now: NaiveDateTime) -> Result<Created, CreateError> {
        self.write_after(dir, now, &mut |_| Ok(()))
    }

    /// Does the same, and calls `before` as soon as it is known what will be written. If that fails, nothing
    /// is written.
    ///
    /// # Errors
    ///
    /// See [`CreateError`]. Nothing was written, except after [`CreateError::ModFile`].
    pub fn write_after(
        &self,
        dir: &Path,
        now: NaiveDateTime,
        before: &mut dyn FnMut(&Upcoming) -> io::Result<()>,
    ) -> Result<Created, CreateError> {
        if !dir.is_dir() {
            return Err(CreateError::NoDirectory { dir: dir.to_owned() });
        }
        let locked = |source| CreateError::Lock { dir: dir.to_owned(), source };
        let _turn = turn::Turn::wait(dir).map_err(locked)?;
        let mut taken = numbering::taken(dir)?;
        taken.newest = taken.newest.max(self.newest);
        if let Some(file) = self.names.get(&self.slug).or_else(|| taken.names.get(&self.slug)) {
            let (name, file) = (self.slug.clone(), file.clone());
            return Err(CreateError::NameTaken { name, file });
        }
        let version = numbering::next(taken.newest, now)
            .ok_or_else(|| CreateError::NoVersion { dir: dir.to_owned() })?;
        let module = format!("m{version:0width$}_{}", self.slug, width = taken.width);
        let path = dir.join(format!("{module}.rs"));
        let io = |source| CreateError::Write { path: path.clone(), source };
        let (text, mod_file) = (self.text(version), mod_file(dir));
        let upcoming = Upcoming {
            path: path.clone(),
            module: module.clone(),
            mod_file: mod_file.clone(),
            text: text.clone(),
        };
        before(&upcoming).map_err(io)?;
        let sum_file = self::sum_file(dir)?;
        let mut file = File::create_new(&path).map_err(io)?;
        if let Err(source) = file.write_all(text.as_bytes()) {
            let _ = fs::remove_file(&path);
            return Err(io(source));
        }

        let mod_line = format!("mod {module};");
        if let Some(mod_file) = &mod_file {
            add_mod_line(mod_file, &module).map_err(|source| CreateError::ModFile {
                created: path.clone(),
                mod_file: mod_file.clone(),
                line: mod_line.clone(),
                source,
            })?;
        }
        Ok(Created { version, name: self.slug.clone(), path, mod_line, mod_file, sum_file })
    }

    fn text(&self, version: i64) -> String {
        let (template, its_version, its_name) = match (self.template, self.reversible) {
            (Template::Transaction, false) => (TRANSACTION, "20260102001", "one"),
            (Template::Transaction, true) => (TRANSACTION_REVERSIBLE, "20260102002", "two"),
            (Template::Online, false) => (ONLINE, "20260102003", "three"),
            (Template::Online, true) => (ONLINE_REVERSIBLE, "20260102004", "four"),
            (Template::Change, true) => (CHANGE_REVERSIBLE, "20260102005", "five"),
            (Template::Change, false) => (CHANGE, "20260102006", "six"),
        };
        let title = self.slug.replace('_', " ");
        let mut letters = title.chars();
        let title: String = letters
            .next()
            .map(|first| first.to_ascii_uppercase())
            .into_iter()
            .chain(letters)
            .collect();
        let function = name::function(&self.slug);
        if let Some(Declared { about, imports, body }) = &self.declared {
            return format!(
                "//! {title}.\n\n{imports}\n/// {title}.\n///\n/// {about}\n\
                 #[migration(version = {version}, reversible)]\n\
                 fn {function}(change: &mut Change) {{\n{body}}}\n"
            );
        }
        template
            .replace(its_version, &version.to_string())
            .replace(&format!("Example {its_name}"), &title)
            .replace(&format!("example_{its_name}"), &function)
    }
}

/// A migration that was written.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Created {
    /// The version of the new migration.
    pub version: i64,
    /// The name, in snake case.
    pub name: String,
    /// The migration's file.
    pub path: PathBuf,
    /// The line that makes the file part of the crate.
    pub mod_line: String,
    /// The file that has that line now. `None` if there was no such file: then a person must add the
    /// line.
    pub mod_file: Option<PathBuf>,
    /// The package's `migrations.sum`, if it was created: it has no sealed line yet, but it exists, so
    /// that cargo notices when it changes.
    pub sum_file: Option<PathBuf>,
}

/// Writes the sum file of the package around a directory, unless there is one.
fn sum_file(dir: &Path) -> Result<Option<PathBuf>, CreateError> {
    let Some(path) = numbering::package(dir).map(|package| package.join(sum::FILE)) else {
        return Ok(None);
    };
    match File::create_new(&path)
        .and_then(|mut file| file.write_all(sum::Sum::default().render().as_bytes()))
    {
        Ok(()) => Ok(Some(path)),
        Err(error) if error.kind() == ErrorKind::AlreadyExists => Ok(None),
        Err(source) => Err(CreateError::Write { path, source }),
    }
}

#[cfg(test)]
mod tests;
