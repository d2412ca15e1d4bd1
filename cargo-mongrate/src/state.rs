//! A package's sources and its sum file, and everything that is wrong with them.

use std::collections::{BTreeMap, BTreeSet};
use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::{env, fs};

use mongrate_seal::create::promised;
use mongrate_seal::outline::Outline;
use mongrate_seal::period::is_period;
use mongrate_seal::sources::{Overlay, Sources, Written};
use mongrate_seal::sum::{self, Sealed, Sum};

use crate::attribute;
use crate::package::Package;
use crate::write;

/// What a package declares, and what it has sealed.
pub(crate) struct State<'a> {
    pub(crate) package: &'a Package,
    pub(crate) sources: Sources,
    pub(crate) sum: Sum,
}

impl<'a> State<'a> {
    pub(crate) fn read(package: &'a Package) -> Result<Self, Vec<String>> {
        Self::with(package, Overlay::default())
    }

    /// The same, with some files as they would be.
    pub(crate) fn with(package: &'a Package, overlay: Overlay) -> Result<Self, Vec<String>> {
        let path = package.directory.join(sum::FILE);
        let sum = match overlay.read(&path) {
            Ok(text) => Sum::parse(&text).map_err(|fault| {
                let directory = shown(&package.directory);
                let place = if directory.is_empty() { directory } else { format!("{directory}/") };
                vec![format!("{place}{fault}")]
            })?,
            Err(error) if error.kind() == ErrorKind::NotFound => Sum::default(),
            Err(error) => return Err(vec![format!("cannot read {}: {error}", shown(&path))]),
        };
        Ok(Self { package, sources: Sources::with(&package.roots, overlay), sum })
    }

    /// Everything that the compiler would refuse, and what it cannot see.
    pub(crate) fn problems(&self) -> Vec<String> {
        let mut problems: Vec<String> =
            self.sources.problems.iter().map(|problem| relative(problem)).collect();
        let mistakes = attribute::mistakes(&self.sources);
        if !mistakes.is_empty() {
            // Those say why.
            problems.retain(|problem| !problem.contains("cannot read the migration"));
        }
        problems.extend(mistakes);
        problems.extend(self.rewritten());
        let newest = self.newest();
        problems.extend(self.duplicates(&newest));
        problems.extend(self.broken_promises());
        problems.extend(self.unordered());
        problems.extend(self.rolled_back_wrongly());
        for one in &self.sources.migrations {
            let next = |next: i64| next.max(after(&newest, &one.group));
            if let Some(complaint) = self.sum.judge(one.declared(), next) {
                problems.push(format!("{}: {}", place(one), complaint.text));
            }
        }
        let (doubtful, orphans): (Vec<_>, Vec<_>) =
            self.orphans().into_iter().partition(|orphan| orphan.may_be_reached);
        let gone = self.gone(orphans.iter().chain(&doubtful));
        if !gone.is_empty() {
            problems.push(format!("package `{}`: {}", self.package.name, sum::gone(&gone)));
        }
        problems.extend(orphans.iter().map(|orphan| self.unreached(orphan)));
        problems
    }

    /// What is not read, and so neither sealed nor checked.
    pub(crate) fn warnings(&self) -> Vec<String> {
        let mut warnings = Vec::new();
        for hidden in &self.sources.hidden {
            let version = hidden.version.map(|version| format!(" of version {version}"));
            let sealed = hidden
                .version
                .zip(hidden.group.as_ref())
                .and_then(|(version, group)| self.sum.get(group, version));
            let so = match sealed {
                Some(sealed) => format!("{} is sealed, and is not compared here", sealed.shown()),
                None => "it is not sealed".to_owned(),
            };
            warnings.push(format!(
                "{}:{}: the migration{} is not read, as {}: {so}. To seal it, write it out as a \
                 function of a module, and let it keep its version",
                shown(&hidden.file),
                hidden.line,
                version.unwrap_or_default(),
                hidden.place,
            ));
        }
        for orphan in self.orphans().iter().filter(|orphan| orphan.may_be_reached) {
            warnings.push(format!(
                "{}: holds a migration, and is not read, as no `mod` reaches it but what a macro may \
                 write: it is not sealed, and what is sealed of it is not compared here. To seal it, \
                 write the `mod` line out",
                shown(&orphan.file)
            ));
        }
        warnings
    }

    /// Macros above `#[migration]`, which hand on another body than the source has.
    fn rewritten(&self) -> Vec<String> {
        let mut problems = Vec::new();
        for one in &self.sources.annotated {
            let [first, ..] = one.above.as_slice() else { continue };
            problems.push(format!(
                "{}:{}: `{first}` stands above `#[migration]` and may rewrite `{}` before its \
                 checksum is taken: put `#[migration]` above `{first}`",
                shown(&one.file),
                one.attribute.pound_token.span.start().line,
                one.function.sig.ident,
            ));
        }
        problems
    }

    /// The newest version of each group, wherever it is written.
    fn newest(&self) -> BTreeMap<&str, i64> {
        let read = self.sources.migrations.iter().map(|one| (one.group.as_str(), one.version));
        let hidden = self.sources.hidden.iter();
        let hidden = hidden.filter_map(|one| Some((one.group.as_deref()?, one.version?)));
        let mut newest = BTreeMap::new();
        for (group, version) in read.chain(hidden) {
            let newest = newest.entry(group).or_insert(version);
            *newest = version.max(*newest);
        }
        newest
    }

    fn duplicates(&self, newest: &BTreeMap<&str, i64>) -> Vec<String> {
        let mut versions: BTreeMap<(&str, i64), &Written> = BTreeMap::new();
        let mut names: BTreeMap<(&str, &str), &Written> = BTreeMap::new();
        let mut problems = Vec::new();
        for one in &self.sources.migrations {
            if let Some(other) = versions.insert((&one.group, one.version), one) {
                problems.push(format!(
                    "{}: version {} is already declared by `{}` ({}); the next free version is {}; \
                     after a merge, `cargo mongrate rebase` renumbers yours",
                    place(one),
                    one.version,
                    other.name,
                    place(other),
                    after(newest, &one.group),
                ));
            } else if let Some(other) = names.insert((&one.group, &one.name), one) {
                problems.push(format!(
                    "{}: the name `{}` is already taken by version {} ({})",
                    place(one),
                    one.name,
                    other.version,
                    place(other),
                ));
            }
        }
        problems
    }

    /// Files and directories whose name promises another version.
    fn broken_promises(&self) -> Vec<String> {
        let mut problems = Vec::new();
        for one in &self.sources.migrations {
            let Some(Promise { path, version }) = promise(one, &self.package.directory) else {
                continue;
            };
            if version != one.version {
                problems.push(format!(
                    "{}: the name `{}` promises version {version}, and this is version {}: declare \
                     `version = {version}`, or rename it",
                    place(one),
                    path.file_name().unwrap_or_default().to_string_lossy(),
                    one.version,
                ));
            }
        }
        problems
    }

    /// Versions that fall within a file.
    fn unordered(&self) -> Vec<String> {
        let mut files: BTreeMap<(&Path, &str), Vec<&Written>> = BTreeMap::new();
        for one in &self.sources.migrations {
            files.entry((&one.file, &one.group)).or_default().push(one);
        }
        let mut problems = Vec::new();
        for mut group in files.into_values() {
            group.sort_by_key(|one| one.version_at.start);
            for pair in group.windows(2) {
                if let [above, below] = pair
                    && above.version > below.version
                {
                    problems.push(format!(
                        "{}: versions rise within a file, but version {} of `{}` on line {} stands \
                         before version {} of `{}`: reorder them, or renumber the newer one",
                        place(below),
                        above.version,
                        above.name,
                        above.line,
                        below.version,
                        below.name,
                    ));
                }
            }
        }
        problems
    }

    /// Rollbacks that undo two migrations, or that are a migration themselves.
    fn rolled_back_wrongly(&self) -> Vec<String> {
        let all = &self.sources.migrations;
        let by_path: BTreeMap<&str, &Written> = all.iter().map(|one| (&*one.path, one)).collect();
        let mut rollbacks: BTreeMap<&str, &Written> = BTreeMap::new();
        let mut problems = Vec::new();
        for one in all {
            let Some(path) = one.rollback_path.as_deref() else { continue };
            let way_out = "write a function that undoes it, and name that one: `reversible = …`";
            if let Some(other) = by_path.get(path) {
                let what = match other.path == one.path {
                    true => "is its own rollback".to_owned(),
                    false => format!(
                        "is rolled back by the migration `{}` ({})",
                        other.name,
                        place(other)
                    ),
                };
                problems.push(format!(
                    "{}: `{}` {what}, so `down` would apply that once more: {way_out}",
                    place(one),
                    one.name,
                ));
            } else if let Some(other) = rollbacks.insert(path, one) {
                problems.push(format!(
                    "{}: `{}` rolls back `{}` ({}) already, and can undo only one of the two: write \
                     a rollback for each; what they share goes into a function that both call",
                    place(one),
                    path.rsplit("::").next().unwrap_or(path),
                    other.name,
                    place(other),
                ));
            }
        }
        problems
    }

    /// What is sealed, and in no file at all.
    fn gone<'o>(&self, orphans: impl Iterator<Item = &'o Orphan>) -> Vec<&Sealed> {
        let read = self.sources.migrations.iter().map(|one| (one.group.as_str(), one.version));
        let hidden = self.sources.hidden.iter();
        let hidden = hidden.filter_map(|one| Some((one.group.as_deref()?, one.version?)));
        let of_orphans = orphans.flat_map(|orphan| &orphan.migrations);
        let of_orphans = of_orphans.map(|(group, version)| (group.as_str(), *version));
        let written: BTreeSet<(&str, i64)> = read.chain(hidden).chain(of_orphans).collect();
        let is_gone = |sealed: &&Sealed| !written.contains(&(&*sealed.group, sealed.version));
        self.sum.sealed().iter().filter(is_gone).collect()
    }

    pub(crate) fn is_new(&self, one: &Written) -> bool {
        self.sum.get(&one.group, one.version).is_none()
    }

    /// Files that hold a migration and that no `mod` reaches: the compiler never sees them.
    fn orphans(&self) -> Vec<Orphan> {
        let reached: BTreeSet<PathBuf> =
            self.sources.files.keys().filter_map(|file| file.canonicalize().ok()).collect();
        let included: Vec<&Path> =
            self.sources.hidden.iter().map(|one| one.file.as_path()).collect();
        let (mut orphans, mut outline) = (Vec::new(), None);
        for file in rust_files(&self.package.directory.join("src")) {
            let Ok(file) = file.canonicalize() else { continue };
            if reached.contains(&file) || included.contains(&file.as_path()) {
                continue;
            }
            let text = fs::read_to_string(&file).unwrap_or_default();
            // What cannot be parsed is no migration yet, or none any more.
            let Ok(found) = Sources::of_text(&text, &file) else { continue };
            if !found.annotated.is_empty() {
                let outline = outline.get_or_insert_with(|| Outline::read(&self.package.directory));
                let may_be_reached =
                    outline.as_ref().is_some_and(|it| it.may_be_reached_by_a_macro(&file));
                let all = found.migrations.into_iter();
                let migrations = all.map(|one| (one.group, one.version)).collect();
                orphans.push(Orphan { file, may_be_reached, migrations });
            }
        }
        orphans
    }

    /// What to say of such a file.
    fn unreached(&self, orphan: &Orphan) -> String {
        let of_file = |one: &&Sealed| {
            orphan
                .migrations
                .iter()
                .any(|(group, version)| *group == one.group && *version == one.version)
        };
        let declared = |one: &Sealed| {
            let mut all = self.sources.migrations.iter();
            all.any(|other| other.group == one.group && other.version == one.version)
        };
        let sealed: Vec<&Sealed> =
            self.sum.sealed().iter().filter(of_file).filter(|one| !declared(one)).collect();
        if !sealed.is_empty() {
            return sum::unreached(&sealed, &orphan.file, &here());
        }
        let (line, to) = sum::mod_line(&orphan.file);
        format!(
            "{}: holds a migration, and no `mod` reaches it: add `{line}` to {}, or delete the file",
            shown(&orphan.file),
            to.map_or_else(|| "the module above it".to_owned(), |to| shown(&to)),
        )
    }

    /// Writes the sum file, whole or not at all.
    pub(crate) fn write(&self) -> Result<(), Vec<String>> {
        let path = self.package.directory.join(sum::FILE);
        let is_first = !path.exists();
        write::whole(&path, &self.sum.render())
            .map_err(|error| vec![format!("cannot write {}: {error}", shown(&path))])?;
        if is_first {
            // No build has looked at the file, and cargo would take them for fresh. Where this fails,
            // the next start says so.
            for root in &self.package.roots {
                let _ = fs::File::options()
                    .append(true)
                    .open(root)
                    .and_then(|root| root.set_modified(std::time::SystemTime::now()));
            }
        }
        Ok(())
    }
}

/// A file that no `mod` reaches.
struct Orphan {
    file: PathBuf,
    /// By the `mod` that a macro writes.
    may_be_reached: bool,
    /// Group and version of each that it declares.
    migrations: Vec<(String, i64)>,
}

/// The next free version of a group.
fn after(newest: &BTreeMap<&str, i64>, group: &str) -> i64 {
    newest.get(group).copied().unwrap_or(0).saturating_add(1)
}

/// The nearest name around a file that promises a version.
pub(crate) struct Promise {
    /// The file, or the directory.
    pub(crate) path: PathBuf,
    pub(crate) version: i64,
}

/// Of a migration's file, or of a directory around it within its package.
pub(crate) fn promise(one: &Written, package: &Path) -> Option<Promise> {
    let inside = one.file.ancestors().take_while(|path| *path != package);
    inside.into_iter().find_map(|path| {
        let name = path.file_name()?.to_string_lossy();
        let (digits, _) = name.strip_prefix('m')?.split_once('_')?;
        let is_directory = path != one.file;
        if is_period(digits, one.version, is_directory) {
            return None;
        }
        let version = promised(&name).filter(|_| !digits.is_empty())?;
        Some(Promise { path: path.to_owned(), version })
    })
}

/// Every Rust file below a directory.
pub(crate) fn rust_files(directory: &Path) -> Vec<PathBuf> {
    let mut files = Vec::new();
    let mut directories = vec![directory.to_owned()];
    while let Some(directory) = directories.pop() {
        for entry in fs::read_dir(directory).into_iter().flatten().flatten() {
            // Of the link itself, if it is one: links cannot go in circles.
            match entry.file_type() {
                Ok(kind) if kind.is_dir() => directories.push(entry.path()),
                Ok(_) if entry.path().extension().is_some_and(|end| end == "rs") => {
                    files.push(entry.path());
                }
                _ => {}
            }
        }
    }
    files.sort();
    files
}

/// `src/migrations.rs:3`
pub(crate) fn place(one: &Written) -> String {
    format!("{}:{}", shown(&one.file), one.line)
}

/// As seen from here.
pub(crate) fn shown(path: &Path) -> String {
    path.strip_prefix(here()).unwrap_or(path).display().to_string()
}

/// A text that begins with an absolute path, with that as seen from here.
pub(crate) fn relative(text: &str) -> String {
    let here = format!("{}{}", here().display(), std::path::MAIN_SEPARATOR);
    text.strip_prefix(&here).unwrap_or(text).to_owned()
}

fn here() -> PathBuf {
    env::current_dir().and_then(|here| here.canonicalize()).unwrap_or_default()
}
