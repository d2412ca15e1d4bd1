//! The sources and the sum file of a package, and the problems in them.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    io::ErrorKind,
    path::{Path, PathBuf},
};

use mongrate_seal::{
    outline::Outline,
    sources::{Overlay, Sources, Written},
    sum::{self, Sealed, Sum},
};

use crate::{
    attribute,
    finding::{Finding, Rule, Severity, rules},
    package::Package,
    places::{Promise, here, place, promise, relative, shown},
    write,
};

/// The migrations that a package declares, and those that it has sealed.
pub(crate) struct PackageState<'a> {
    pub(crate) package: &'a Package,
    pub(crate) sources: Sources,
    pub(crate) sum: Sum,
}

impl<'a> PackageState<'a> {
    pub(crate) fn read(package: &'a Package) -> Result<Self, Vec<String>> {
        Self::read_with(package, Overlay::default())
    }

    /// Reads the package with the overlay's files in place of those on disk.
    pub(crate) fn read_with(package: &'a Package, overlay: Overlay) -> Result<Self, Vec<String>> {
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

    /// The texts of the errors among the findings.
    pub(crate) fn problems(&self) -> Vec<String> {
        self.errors().iter().map(ToString::to_string).collect()
    }

    /// Everything that the compiler would refuse, and the problems that it cannot see.
    pub(crate) fn errors(&self) -> Vec<Finding> {
        let invalid = |text: &String| Finding::read(&rules::INVALID, Severity::Error, text);
        let unread = self.sources.problems.iter().map(|problem| relative(problem));
        let mut found: Vec<Finding> = unread.map(|problem| invalid(&problem)).collect();
        let mistakes = attribute::mistakes(&self.sources);
        if !mistakes.is_empty() {
            // The mistakes say why the migration cannot be read.
            found.retain(|finding| !finding.text.contains("cannot read the migration"));
        }
        found.extend(mistakes.iter().map(invalid));
        found.extend(self.rewritten());
        let newest = self.newest();
        found.extend(self.duplicates(&newest));
        found.extend(self.broken_promises());
        found.extend(self.unordered());
        found.extend(self.rolled_back_wrongly());
        // What a migration uses is unknown where it cannot be read; that is a problem already.
        let readable = self.sources.migrations.iter().filter(|migration| migration.used.is_some());
        for migration in readable {
            let next = |next: i64| next.max(after(&newest, &migration.group));
            if let Some(complaint) = self.sum.judge(migration.declared(), next) {
                let is_sealed = !self.is_new(migration);
                let rule = match complaint.about {
                    sum::About::Version if !is_sealed => &rules::LATE,
                    sum::About::Name if !is_sealed => &rules::DUPLICATE,
                    _ => &rules::EDITED,
                };
                found.push(on(migration, rule, complaint.text));
            }
        }
        let (doubtful, orphans): (Vec<_>, Vec<_>) =
            self.orphans().into_iter().partition(|orphan| orphan.may_be_reached);
        let gone = self.gone(orphans.iter().chain(&doubtful));
        if !gone.is_empty() {
            let text = format!("package `{}`: {}", self.package.name, sum::gone(&gone));
            found.push(Finding::error(&rules::GONE, text));
        }
        found.extend(orphans.iter().map(|orphan| self.unreached(orphan)));
        found
    }

    /// Migrations that are not read, and so are neither sealed nor checked.
    pub(crate) fn warnings(&self) -> Vec<Finding> {
        let not_read = |text| Finding::new(&rules::NOT_READ, Severity::Warning, text);
        let mut warnings = Vec::new();
        for hidden in &self.sources.hidden {
            let version = hidden.version.map(|version| format!(" of version {version}"));
            let sealed = hidden
                .version
                .zip(hidden.group.as_ref())
                .and_then(|(version, group)| self.sum.get(group, version));
            let consequence = match sealed {
                Some(sealed) => format!("{} is sealed, and is not compared here", sealed.shown()),
                None => "it is not sealed".to_owned(),
            };
            let text = format!(
                "the migration{} is not read, as {}: {consequence}. To seal it, write it out as a \
                 function of a module, and let it keep its version",
                version.unwrap_or_default(),
                hidden.place,
            );
            warnings.push(not_read(text).at(&hidden.file, hidden.line));
        }
        for orphan in self.orphans().iter().filter(|orphan| orphan.may_be_reached) {
            let text = "holds a migration, and is not read, because at most a `mod` that a macro writes \
                        reaches the file: it is not sealed, and a sealed migration in it is not compared \
                        here. To seal it, write the `mod` line out";
            warnings.push(not_read(text.to_owned()).within(&orphan.file));
        }
        warnings
    }

    /// Macros above `#[migration]`, which may hand it another body than the source has.
    fn rewritten(&self) -> Vec<Finding> {
        let mut problems = Vec::new();
        for annotated in &self.sources.annotated {
            let [first, ..] = annotated.above.as_slice() else { continue };
            let text = format!(
                "`{first}` stands above `#[migration]` and may rewrite `{}` before its checksum is \
                 taken: put `#[migration]` above `{first}`",
                annotated.function.sig.ident,
            );
            let line = annotated.attribute.pound_token.span.start().line;
            problems.push(Finding::error(&rules::REWRITTEN, text).at(&annotated.file, line));
        }
        problems
    }

    /// The newest version of each group, also of migrations that are not read.
    fn newest(&self) -> BTreeMap<&str, i64> {
        let read = self
            .sources
            .migrations
            .iter()
            .map(|migration| (migration.group.as_str(), migration.version));
        let hidden = self.sources.hidden.iter();
        let hidden = hidden.filter_map(|hidden| Some((hidden.group.as_deref()?, hidden.version?)));
        let mut newest = BTreeMap::new();
        for (group, version) in read.chain(hidden) {
            let newest = newest.entry(group).or_insert(version);
            *newest = version.max(*newest);
        }
        newest
    }

    /// Versions and names that are declared twice.
    fn duplicates(&self, newest: &BTreeMap<&str, i64>) -> Vec<Finding> {
        let mut versions: BTreeMap<(&str, i64), &Written> = BTreeMap::new();
        let mut names: BTreeMap<(&str, &str), &Written> = BTreeMap::new();
        let mut problems = Vec::new();
        for migration in &self.sources.migrations {
            if let Some(other) = versions.insert((&migration.group, migration.version), migration) {
                let text = format!(
                    "version {} is already declared by `{}` ({}); the next free version is {}; \
                     after a merge, `cargo mongrate rebase` renumbers yours",
                    migration.version,
                    other.name,
                    place(other),
                    after(newest, &migration.group),
                );
                problems.push(on(migration, &rules::DUPLICATE, text));
            } else if let Some(other) = names.insert((&migration.group, &migration.name), migration)
            {
                let text = format!(
                    "the name `{}` is already taken by version {} ({})",
                    migration.name,
                    other.version,
                    place(other),
                );
                let way_out = "give this migration another name";
                problems.push(on(migration, &rules::DUPLICATE, text).next(way_out));
            }
        }
        problems
    }

    /// Files and directories whose names promise another version.
    fn broken_promises(&self) -> Vec<Finding> {
        let mut problems = Vec::new();
        for migration in &self.sources.migrations {
            let Some(Promise { path, version }) = promise(migration, &self.package.directory)
            else {
                continue;
            };
            if version != migration.version {
                let text = format!(
                    "the name `{}` promises version {version}, and this is version {}: declare \
                     `version = {version}`, or rename it",
                    path.file_name().unwrap_or_default().to_string_lossy(),
                    migration.version,
                );
                problems.push(on(migration, &rules::FILE_NAME, text));
            }
        }
        problems
    }

    /// Versions that do not rise within a file.
    fn unordered(&self) -> Vec<Finding> {
        let mut files: BTreeMap<(&Path, &str), Vec<&Written>> = BTreeMap::new();
        for migration in &self.sources.migrations {
            files.entry((&migration.file, &migration.group)).or_default().push(migration);
        }
        let mut problems = Vec::new();
        for mut declared in files.into_values() {
            declared.sort_by_key(|migration| migration.version_at.start);
            for pair in declared.windows(2) {
                if let [above, below] = pair
                    && above.version > below.version
                {
                    let text = format!(
                        "versions rise within a file, but version {} of `{}` on line {} stands \
                         before version {} of `{}`: reorder them, or renumber the newer one",
                        above.version, above.name, above.line, below.version, below.name,
                    );
                    problems.push(on(below, &rules::NOT_RISING, text));
                }
            }
        }
        problems
    }

    /// Rollbacks that undo two migrations, or are migrations themselves.
    fn rolled_back_wrongly(&self) -> Vec<Finding> {
        let all = &self.sources.migrations;
        let by_path: BTreeMap<&str, &Written> =
            all.iter().map(|migration| (&*migration.path, migration)).collect();
        let mut rollbacks: BTreeMap<&str, &Written> = BTreeMap::new();
        let mut problems = Vec::new();
        for migration in all {
            let Some(path) = migration.rollback_path.as_deref() else { continue };
            let way_out = "write a function that undoes it, and name that one: `reversible = …`";
            if let Some(other) = by_path.get(path) {
                let what = match other.path == migration.path {
                    true => "is its own rollback".to_owned(),
                    false => format!(
                        "is rolled back by the migration `{}` ({})",
                        other.name,
                        place(other)
                    ),
                };
                let text = format!(
                    "`{}` {what}, so `down` would apply that once more: {way_out}",
                    migration.name,
                );
                problems.push(on(migration, &rules::ROLLBACK, text));
            } else if let Some(other) = rollbacks.insert(path, migration) {
                let text = format!(
                    "`{}` rolls back `{}` ({}) already, and can undo only one of the two: write \
                     a rollback for each; what they share goes into a function that both call",
                    path.rsplit("::").next().unwrap_or(path),
                    other.name,
                    place(other),
                );
                problems.push(on(migration, &rules::ROLLBACK, text));
            }
        }
        problems
    }

    /// Migrations that are sealed, and in no file at all.
    fn gone<'o>(&self, orphans: impl Iterator<Item = &'o Orphan>) -> Vec<&Sealed> {
        let read = self
            .sources
            .migrations
            .iter()
            .map(|migration| (migration.group.as_str(), migration.version));
        let hidden = self.sources.hidden.iter();
        let hidden = hidden.filter_map(|hidden| Some((hidden.group.as_deref()?, hidden.version?)));
        let orphaned = orphans.flat_map(|orphan| &orphan.migrations);
        let orphaned = orphaned.map(|(group, version)| (group.as_str(), *version));
        let written: BTreeSet<(&str, i64)> = read.chain(hidden).chain(orphaned).collect();
        let is_gone = |sealed: &&Sealed| !written.contains(&(&*sealed.group, sealed.version));
        self.sum.sealed().iter().filter(is_gone).collect()
    }

    /// Whether a migration is not sealed yet.
    pub(crate) fn is_new(&self, migration: &Written) -> bool {
        self.sum.get(&migration.group, migration.version).is_none()
    }

    /// Files that hold a migration and that no `mod` reaches. The compiler never sees them.
    fn orphans(&self) -> Vec<Orphan> {
        let reached: BTreeSet<PathBuf> =
            self.sources.files.keys().filter_map(|file| file.canonicalize().ok()).collect();
        let included: Vec<&Path> =
            self.sources.hidden.iter().map(|hidden| hidden.file.as_path()).collect();
        let (mut orphans, mut outline) = (Vec::new(), None);
        for file in rust_files(&self.package.directory.join("src")) {
            let Ok(file) = file.canonicalize() else { continue };
            if reached.contains(&file) || included.contains(&file.as_path()) {
                continue;
            }
            let text = fs::read_to_string(&file).unwrap_or_default();
            // A file that does not parse holds no migration.
            let Ok(found) = Sources::of_text(&text, &file) else { continue };
            if !found.annotated.is_empty() {
                let outline = outline.get_or_insert_with(|| Outline::read(&self.package.directory));
                let may_be_reached = outline
                    .as_ref()
                    .is_some_and(|outline| outline.may_be_reached_by_a_macro(&file));
                let all = found.migrations.into_iter();
                let migrations =
                    all.map(|migration| (migration.group, migration.version)).collect();
                orphans.push(Orphan { file, may_be_reached, migrations });
            }
        }
        orphans
    }

    /// The error for a file that no `mod` reaches.
    fn unreached(&self, orphan: &Orphan) -> Finding {
        let is_in_file = |sealed: &&Sealed| {
            orphan
                .migrations
                .iter()
                .any(|(group, version)| *group == sealed.group && *version == sealed.version)
        };
        let is_declared = |sealed: &Sealed| {
            let mut all = self.sources.migrations.iter();
            all.any(|other| other.group == sealed.group && other.version == sealed.version)
        };
        let sealed: Vec<&Sealed> = self
            .sum
            .sealed()
            .iter()
            .filter(is_in_file)
            .filter(|sealed| !is_declared(sealed))
            .collect();
        if !sealed.is_empty() {
            let text = sum::unreached(&sealed, &orphan.file, &here());
            return Finding::error(&rules::UNREACHED, text);
        }
        let (line, to) = sum::mod_line(&orphan.file);
        let text = format!(
            "holds a migration, and no `mod` reaches it: add `{line}` to {}, or delete the file",
            to.map_or_else(|| "the module above it".to_owned(), |to| shown(&to)),
        );
        Finding::error(&rules::UNREACHED, text).within(&orphan.file)
    }

    /// Writes the sum file, as a whole or not at all.
    pub(crate) fn write(&self) -> Result<(), Vec<String>> {
        let path = self.package.directory.join(sum::FILE);
        let is_first = !path.exists();
        write::replace(&path, &self.sum.render())
            .map_err(|error| vec![format!("cannot write {}: {error}", shown(&path))])?;
        if is_first {
            // No build has read the file, so cargo would take old builds for fresh. If this fails,
            // the next start of the app says so.
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

/// An error at a migration.
fn on(migration: &Written, rule: &Rule, text: String) -> Finding {
    Finding::error(rule, text).at(&migration.file, migration.line)
}

/// A file that no `mod` reaches.
struct Orphan {
    file: PathBuf,
    /// Whether a macro may write a `mod` that reaches it.
    may_be_reached: bool,
    /// Group and version of each migration in it.
    migrations: Vec<(String, i64)>,
}

/// The next free version of a group.
fn after(newest: &BTreeMap<&str, i64>, group: &str) -> i64 {
    newest.get(group).copied().unwrap_or(0).saturating_add(1)
}

/// Every Rust file below a directory.
pub(crate) fn rust_files(directory: &Path) -> Vec<PathBuf> {
    let mut files = Vec::new();
    let mut directories = vec![directory.to_owned()];
    while let Some(directory) = directories.pop() {
        for entry in fs::read_dir(directory).into_iter().flatten().flatten() {
            // The type of a link itself, not of its target, so that links cannot go in circles.
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
