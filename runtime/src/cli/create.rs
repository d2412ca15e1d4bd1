//! Writes the next numbered migration file and its `mod` line.
//!
//! Knows nothing of arguments, output or databases: a directory and a day in, files out.

use std::{
    collections::BTreeMap,
    fs::{self, File},
    io::{self, Write as _},
    path::{Path, PathBuf},
};

use chrono::{Datelike as _, NaiveDate};
use serde::Serialize;

use crate::{MigrationKind, Version};

/// The longest slug, in bytes.
const SLUG_BYTES_MAX: usize = 60;

/// The longest name that is looked at, in bytes.
const NAME_BYTES_MAX: usize = 200;

// Real files that compile (the integration tests include them), with names to replace.
const TRANSACTION: &str = include_str!("templates/transaction.rs");
const TRANSACTION_REVERSIBLE: &str = include_str!("templates/transaction_reversible.rs");
const ONLINE: &str = include_str!("templates/online.rs");
const ONLINE_REVERSIBLE: &str = include_str!("templates/online_reversible.rs");
const CHANGE: &str = include_str!("templates/change_irreversible.rs");
const CHANGE_REVERSIBLE: &str = include_str!("templates/change.rs");

/// A migration that is to be written.
#[derive(Clone, Debug)]
pub struct NewMigration {
    slug: String,
    kind: MigrationKind,
    reversible: bool,
}

impl NewMigration {
    /// One with this name, given as people write it: `add user index`.
    ///
    /// # Errors
    ///
    /// [`CreateError::Name`] when it holds a path separator, `..` or a control character, no
    /// letter or digit of ASCII, or is too long.
    pub fn named(name: &str) -> Result<Self, CreateError> {
        Ok(Self { slug: slug(name)?, kind: MigrationKind::Transaction, reversible: false })
    }

    /// What it may do. Default: a transaction.
    #[must_use]
    pub fn kind(mut self, kind: MigrationKind) -> Self {
        self.kind = kind;
        self
    }

    /// Whether it gets a rollback function. Default: no.
    #[must_use]
    pub fn reversible(mut self, reversible: bool) -> Self {
        self.reversible = reversible;
        self
    }

    /// Writes `m<version>_<slug>.rs` into `dir`, and its `mod` line into the module's file:
    /// `mod.rs` in `dir`, the sibling `<dir>.rs`, or a `lib.rs` or `main.rs` in `dir`.
    ///
    /// The version is `today` and a running number, and greater than every version that a
    /// file name in `dir` holds. No file is ever overwritten.
    ///
    /// # Errors
    ///
    /// As [`CreateError`] says; nothing was written, except after [`CreateError::ModFile`].
    pub fn write(&self, dir: &Path, today: NaiveDate) -> Result<Created, CreateError> {
        if !dir.is_dir() {
            return Err(CreateError::NoDirectory { dir: dir.to_owned() });
        }
        let (version, names) = next_version(dir, today)?;
        if let Some(file) = names.get(&self.slug) {
            let (name, file) = (self.slug.clone(), file.clone());
            return Err(CreateError::NameTaken { name, file });
        }
        let module = format!("m{version}_{}", self.slug);
        let path = dir.join(format!("{module}.rs"));
        let io = |source| CreateError::Write { path: path.clone(), source };
        let mut file = File::create_new(&path).map_err(io)?;
        file.write_all(self.text(version).as_bytes()).map_err(io)?;

        let mod_line = format!("mod {module};");
        let mod_file = mod_file(dir);
        if let Some(mod_file) = &mod_file {
            add_mod_line(mod_file, &module).map_err(|source| CreateError::ModFile {
                created: path.clone(),
                mod_file: mod_file.clone(),
                line: mod_line.clone(),
                source,
            })?;
        }
        Ok(Created { version, name: self.slug.clone(), path, mod_line, mod_file })
    }

    fn text(&self, version: Version) -> String {
        let (template, its_version, its_name) = match (self.kind, self.reversible) {
            (MigrationKind::Transaction, false) => (TRANSACTION, "20260102001", "one"),
            (MigrationKind::Transaction, true) => (TRANSACTION_REVERSIBLE, "20260102002", "two"),
            (MigrationKind::Online, false) => (ONLINE, "20260102003", "three"),
            (MigrationKind::Online, true) => (ONLINE_REVERSIBLE, "20260102004", "four"),
            (MigrationKind::Change, true) => (CHANGE_REVERSIBLE, "20260102005", "five"),
            (MigrationKind::Change, false) => (CHANGE, "20260102006", "six"),
        };
        let title = self.slug.replace('_', " ");
        let mut letters = title.chars();
        let title: String = letters
            .next()
            .map(|first| first.to_ascii_uppercase())
            .into_iter()
            .chain(letters)
            .collect();
        template
            .replace(its_version, &version.to_string())
            .replace(&format!("Example {its_name}"), &title)
            .replace(&format!("example_{its_name}"), &function(&self.slug))
    }
}

/// What was written.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Created {
    /// The version of the new migration.
    pub version: Version,
    /// Its name, in snake case.
    pub name: String,
    /// Its file.
    pub path: PathBuf,
    /// The line that makes the file part of the crate.
    pub mod_line: String,
    /// The file that has that line now; none if there was no such file, so that a person
    /// has to add it.
    pub mod_file: Option<PathBuf>,
}

/// Why no migration was written.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum CreateError {
    /// The name is not one to make a file name and a function name of.
    #[error("`{}` cannot name a migration: {problem}; nothing was written", .name.escape_debug())]
    Name {
        /// The name, shortened if it is long.
        name: String,
        /// What is wrong with it.
        problem: &'static str,
    },

    /// Another migration in the directory has this name.
    #[error("`{file}` is named `{name}` already; take another name; nothing was written")]
    NameTaken {
        /// The name.
        name: String,
        /// The other migration's file.
        file: String,
    },

    /// There is no such directory.
    #[error(
        "there is no directory `{0}`; run this in the package's own directory, name another one \
         with `--dir`, or make it with `mkdir -p {0}`; nothing was written",
        dir.display()
    )]
    NoDirectory {
        /// The directory.
        dir: PathBuf,
    },

    /// The directory could not be read.
    #[error("could not read `{}`: {source}; nothing was written", dir.display())]
    Read {
        /// The directory.
        dir: PathBuf,
        /// What the system said.
        source: io::Error,
    },

    /// No greater version is left.
    #[error("the greatest version in `{}` leaves no room for another; nothing was written", dir.display())]
    NoVersion {
        /// The directory.
        dir: PathBuf,
    },

    /// The file could not be written. One that exists is left alone.
    #[error("could not write `{}`: {source}", path.display())]
    Write {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },

    /// The migration was written, but the `mod` line could not be added.
    #[error(
        "wrote `{}`, but could not change `{}` ({source}); add this line to it: {line}",
        created.display(), mod_file.display()
    )]
    ModFile {
        /// The migration's file.
        created: PathBuf,
        /// The file that the line belongs into.
        mod_file: PathBuf,
        /// The line.
        line: String,
        /// What the system said.
        source: io::Error,
    },
}

/// `Add user index` and `AddUserIndex` become `add_user_index`.
fn slug(name: &str) -> Result<String, CreateError> {
    let refuse = |problem| {
        Err(CreateError::Name { name: name.chars().take(SLUG_BYTES_MAX).collect(), problem })
    };
    if name.len() > NAME_BYTES_MAX {
        return refuse("it is over 200 bytes long");
    }
    if name.contains(['/', '\\']) {
        return refuse("it holds a path separator");
    }
    if name.contains("..") {
        return refuse("it holds `..`");
    }
    if name.chars().any(char::is_control) {
        return refuse("it holds a control character");
    }
    let mut slug = String::with_capacity(name.len());
    let mut before_was_lower = false;
    for c in name.chars() {
        let new_word = c.is_ascii_uppercase() && before_was_lower;
        if (new_word || !c.is_ascii_alphanumeric()) && !slug.is_empty() && !slug.ends_with('_') {
            slug.push('_');
        }
        if c.is_ascii_alphanumeric() {
            slug.push(c.to_ascii_lowercase());
        }
        before_was_lower = c.is_ascii_lowercase() || c.is_ascii_digit();
    }
    let slug = slug.trim_end_matches('_');
    if slug.is_empty() {
        return refuse("it needs a letter (a to z) or a digit");
    }
    if slug.len() > SLUG_BYTES_MAX {
        return refuse("it is over 60 characters long");
    }
    Ok(slug.to_owned())
}

/// The slug, unless it cannot name a function.
fn function(slug: &str) -> String {
    const KEYWORDS: [&str; 52] = [
        "abstract", "as", "async", "await", "become", "box", "break", "const", "continue", "crate",
        "do", "dyn", "else", "enum", "extern", "false", "final", "fn", "for", "gen", "if", "impl",
        "in", "let", "loop", "macro", "match", "mod", "move", "mut", "override", "priv", "pub",
        "ref", "return", "self", "static", "struct", "super", "trait", "true", "try", "type",
        "typeof", "unsafe", "unsized", "use", "virtual", "where", "while", "yield", "union",
    ];
    if slug.starts_with(|c: char| c.is_ascii_digit()) || KEYWORDS.contains(&slug) {
        format!("migrate_{slug}")
    } else {
        slug.to_owned()
    }
}

/// The next version, and the names that are taken, each with its file.
fn next_version(
    dir: &Path,
    today: NaiveDate,
) -> Result<(Version, BTreeMap<String, String>), CreateError> {
    let read = |source| CreateError::Read { dir: dir.to_owned(), source };
    let mut newest = 0_i64;
    let mut names = BTreeMap::new();
    for entry in fs::read_dir(dir).map_err(read)? {
        let file = entry.map_err(read)?.file_name().to_string_lossy().into_owned();
        let Some(version) = version_of(&file) else { continue };
        newest = newest.max(version);
        if let Some((_, name)) = file.split_once('_') {
            names.insert(name.trim_end_matches(".rs").to_owned(), file);
        }
    }
    let date = i64::from(today.year()) * 10_000 + i64::from(today.month() * 100 + today.day());
    let next = newest.checked_add(1).ok_or(CreateError::NoVersion { dir: dir.to_owned() })?;
    Ok((Version::new(next.max(date * 1_000 + 1)), names))
}

/// The version in a file name such as `m20250122001_add_user_index.rs`, or in that of a
/// directory that is a module.
fn version_of(file_name: &str) -> Option<i64> {
    let rest = file_name.strip_prefix('m').unwrap_or(file_name);
    let digits = rest.len() - rest.trim_start_matches(|c: char| c.is_ascii_digit()).len();
    let (number, tail) = rest.split_at(digits);
    let is_ours = tail.is_empty() || tail.starts_with('_') || tail == ".rs";
    is_ours.then(|| number.parse().ok()).flatten()
}

/// The file in which `dir`'s modules are declared.
fn mod_file(dir: &Path) -> Option<PathBuf> {
    let mut sibling = dir.as_os_str().to_owned();
    sibling.push(".rs");
    [dir.join("mod.rs"), PathBuf::from(sibling), dir.join("lib.rs"), dir.join("main.rs")]
        .into_iter()
        .find(|file| file.is_file())
}

/// Declares `module` after the last migration that is declared, unless it is already.
fn add_mod_line(file: &Path, module: &str) -> io::Result<()> {
    let text = fs::read_to_string(file)?;
    let Some(changed) = with_mod_line(&text, module) else { return Ok(()) };
    // A crash half-way must not leave half a module: write beside it, then rename.
    let target = fs::canonicalize(file)?;
    let draft = target.with_extension(format!("rs.{}.tmp", std::process::id()));
    let written = File::create_new(&draft)
        .and_then(|mut out| {
            out.write_all(changed.as_bytes())?;
            out.set_permissions(fs::metadata(&target)?.permissions())
        })
        .and_then(|()| fs::rename(&draft, &target));
    if written.is_err() {
        let _ = fs::remove_file(&draft);
    }
    written
}

/// `text` with `mod module;`, after the last `mod m<version>…;` or else after the last other
/// `mod …;` or else at the end. `None` if it is there already.
fn with_mod_line(text: &str, module: &str) -> Option<String> {
    let mut last_migration = None;
    let mut last_mod = None;
    let mut visibility = "";
    let mut at = 0;
    for line in text.split_inclusive('\n') {
        at += line.len();
        // A declaration inside another module is indented: not ours.
        let Some((before, name)) = declared(line) else { continue };
        if name == module {
            return None;
        }
        last_mod = Some(at);
        if name.starts_with('m') && version_of(name).is_some() {
            last_migration = Some(at);
            visibility = before;
        }
    }
    let newline = if text.contains("\r\n") { "\r\n" } else { "\n" };
    let (before, after) = text.split_at(last_migration.or(last_mod).unwrap_or(text.len()));
    let gap = if before.is_empty() || before.ends_with('\n') { "" } else { newline };
    Some(format!("{before}{gap}{visibility}mod {module};{newline}{after}"))
}

/// The visibility and the name in a line `pub mod name;`.
fn declared(line: &str) -> Option<(&str, &str)> {
    let code = line.split("//").next().unwrap_or("").trim_end();
    let (before, name) = match code.strip_prefix("mod ") {
        Some(name) => ("", name),
        None => {
            let at = code.find("mod ")?;
            let (before, rest) = code.split_at(at);
            if !(before.starts_with("pub") && before.ends_with(' ')) {
                return None;
            }
            (before, rest.strip_prefix("mod ")?)
        }
    };
    let name = name.strip_suffix(';')?.trim();
    let is_name = name.chars().all(|c| c.is_alphanumeric() || c == '_');
    is_name.then_some((before, name))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn day() -> NaiveDate {
        NaiveDate::from_ymd_opt(2025, 1, 22).unwrap()
    }

    fn new(name: &str) -> NewMigration {
        NewMigration::named(name).unwrap()
    }

    /// A directory of its own, removed at the end.
    struct Dir(PathBuf);

    impl Dir {
        fn new(test: &str) -> Self {
            let path =
                std::env::temp_dir().join(format!("mongrate-create-{test}-{}", std::process::id()));
            let _ = fs::remove_dir_all(&path);
            fs::create_dir_all(path.join("migrations")).unwrap();
            Self(path)
        }

        fn migrations(&self) -> PathBuf {
            self.0.join("migrations")
        }

        fn put(&self, file: &str, text: &str) {
            fs::write(self.0.join(file), text).unwrap();
        }

        fn read(&self, file: &str) -> String {
            fs::read_to_string(self.0.join(file)).unwrap()
        }
    }

    impl Drop for Dir {
        fn drop(&mut self) {
            let _ = fs::remove_dir_all(&self.0);
        }
    }

    #[test]
    fn names_become_snake_case() {
        for (name, expected) in [
            ("add user index", "add_user_index"),
            ("  Add -- User's index! ", "add_user_s_index"),
            ("AddUserIndex", "add_user_index"),
            ("add2FA", "add2_fa"),
            ("größe", "gr_e"),
            ("__a__b__", "a_b"),
        ] {
            assert_eq!(slug(name).unwrap(), expected, "{name}");
        }
    }

    #[test]
    fn hostile_names_are_refused() {
        let long = "a".repeat(SLUG_BYTES_MAX + 1);
        let longer = "é".repeat(NAME_BYTES_MAX);
        for name in [
            "",
            " ",
            "___",
            "日本",
            "../x",
            "a/b",
            "a\\b",
            "a..b",
            "..",
            "a\nb",
            "a\0b",
            "a\u{1b}[2J",
            &long,
            &longer,
        ] {
            assert!(matches!(slug(name), Err(CreateError::Name { .. })), "{name:?}");
        }
    }

    #[test]
    fn the_version_is_today_and_greater_than_all() {
        let dir = Dir::new("version");
        let version = |file: &str| {
            if !file.is_empty() {
                dir.put(&format!("migrations/{file}"), "");
            }
            next_version(&dir.migrations(), day()).unwrap().0.get()
        };
        assert_eq!(version(""), 20_250_122_001);
        assert_eq!(version("m0007_old.rs"), 20_250_122_001);
        assert_eq!(version("m20250122001_today.rs"), 20_250_122_002);
        assert_eq!(version("m20990101_of_another_scheme.rs"), 20_250_122_002);
        assert_eq!(version("notes20991231001.txt"), 20_250_122_002);
        assert_eq!(version("m20250122999_last.rs"), 20_250_123_000);
        assert_eq!(version("m20301231005_future.rs"), 20_301_231_006);
        assert_eq!(version("m20301231010123_with_a_time"), 20_301_231_010_124);
        dir.put(&format!("migrations/m{}_end.rs", i64::MAX), "");
        assert!(matches!(
            next_version(&dir.migrations(), day()),
            Err(CreateError::NoVersion { .. })
        ));
    }

    #[test]
    fn it_writes_the_file_and_the_mod_line() {
        let dir = Dir::new("writes");
        dir.put("migrations/mod.rs", "//! All.\n\nmod m20250101001_a;\n\nfn other() {}\n");
        let made = new("add user index").reversible(true).write(&dir.migrations(), day()).unwrap();
        assert_eq!(made.path, dir.migrations().join("m20250122001_add_user_index.rs"));
        assert_eq!(made.mod_file, Some(dir.migrations().join("mod.rs")));
        assert_eq!(
            dir.read("migrations/mod.rs"),
            "//! All.\n\nmod m20250101001_a;\nmod m20250122001_add_user_index;\n\nfn other() {}\n"
        );
        let text = dir.read("migrations/m20250122001_add_user_index.rs");
        assert!(text.starts_with("//! Add user index.\n"), "{text}");
        assert!(
            text.contains("version = 20250122001, reversible = revert_add_user_index)"),
            "{text}"
        );
        assert!(
            !text.contains("20260102") && !text.contains("xample_") && !text.contains("Example "),
            "{text}"
        );

        let next = new("add user index 2").write(&dir.migrations(), day()).unwrap();
        assert_eq!(next.version, Version::new(20_250_122_002));
        assert_eq!(fs::read_dir(dir.migrations()).unwrap().count(), 3, "no draft is left");
    }

    #[test]
    fn the_mod_line_finds_its_file() {
        let dir = Dir::new("finds");
        let made = new("a").write(&dir.migrations(), day()).unwrap();
        assert_eq!((made.mod_file, made.mod_line.as_str()), (None, "mod m20250122001_a;"));

        dir.put("migrations/lib.rs", "");
        let made = new("b").write(&dir.migrations(), day()).unwrap();
        assert_eq!(made.mod_file, Some(dir.migrations().join("lib.rs")));
        assert_eq!(dir.read("migrations/lib.rs"), "mod m20250122002_b;\n");

        dir.put("migrations.rs", "mod x;");
        let made = new("c").write(&dir.migrations(), day()).unwrap();
        assert_eq!(made.mod_file, Some(dir.0.join("migrations.rs")));
        assert_eq!(dir.read("migrations.rs"), "mod x;\nmod m20250122003_c;\n");
    }

    #[test]
    fn the_mod_line_keeps_order_and_style_and_is_never_doubled() {
        let with = |text| with_mod_line(text, "m3_c");
        assert_eq!(with("").unwrap(), "mod m3_c;\n");
        assert_eq!(with("fn x() {}\n").unwrap(), "fn x() {}\nmod m3_c;\n");
        assert_eq!(
            with("pub mod m1_a;\r\npub mod m2_b;\r\nmod util;\r\n").unwrap(),
            "pub mod m1_a;\r\npub mod m2_b;\r\npub mod m3_c;\r\nmod util;\r\n"
        );
        assert_eq!(
            with("mod m1_a; // first\nmod z;").unwrap(),
            "mod m1_a; // first\nmod m3_c;\nmod z;"
        );
        assert_eq!(with("pub(crate) mod m3_c;\n"), None);
        assert_eq!(with("// mod m3_c;\nmod m1;\n").unwrap(), "// mod m3_c;\nmod m1;\nmod m3_c;\n");
        assert_eq!(
            with("mod tests {\n    mod m9_x;\n}\n").unwrap(),
            "mod tests {\n    mod m9_x;\n}\nmod m3_c;\n"
        );
    }

    #[test]
    fn nothing_is_overwritten() {
        let dir = Dir::new("overwrite");
        let path = dir.migrations().join("m7_a.rs");
        fs::write(&path, "precious").unwrap();
        let error = new("A").write(&dir.migrations(), day()).unwrap_err();
        assert!(error.to_string().starts_with("`m7_a.rs` is named `a` already"), "{error}");
        assert_eq!(fs::read_to_string(&path).unwrap(), "precious");
        assert_eq!(fs::read_dir(dir.migrations()).unwrap().count(), 1);
        assert!(matches!(
            new("a").write(&dir.0.join("nowhere"), day()),
            Err(CreateError::NoDirectory { .. })
        ));
    }

    #[test]
    fn functions_have_names_that_rust_takes() {
        assert_eq!(function("type"), "migrate_type");
        assert_eq!(function("2fa"), "migrate_2fa");
        assert_eq!(function("typed"), "typed");
        let text = new("2fa").kind(MigrationKind::Online).text(Version::new(1));
        assert!(text.contains("async fn migrate_2fa(on: &mut Online<'_>)"), "{text}");
    }
}
