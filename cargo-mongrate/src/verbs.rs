//! What can be done to a sum file. Every verb judges first, and writes only what is sound.

use std::collections::BTreeMap;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::{env, fs};

use mongrate_seal::sources::{Sources, Written};
use mongrate_seal::sum::{self, Sealed, Sum, shortened};

use crate::package::Package;

type Outcome = Result<Vec<String>, Vec<String>>;

/// A package's sources and its sum.
struct State<'a> {
    package: &'a Package,
    sources: Sources,
    sum: Sum,
}

impl<'a> State<'a> {
    fn read(package: &'a Package) -> Result<Self, Vec<String>> {
        let path = package.directory.join(sum::FILE);
        let sum = match fs::read_to_string(&path) {
            Ok(text) => Sum::parse(&text).map_err(|fault| {
                let directory = shown(&package.directory);
                let place = if directory.is_empty() { directory } else { format!("{directory}/") };
                vec![format!("{place}{fault}")]
            })?,
            Err(error) if error.kind() == ErrorKind::NotFound => Sum::default(),
            Err(error) => return Err(vec![format!("cannot read {}: {error}", shown(&path))]),
        };
        Ok(Self { package, sources: Sources::reached_from(&package.roots), sum })
    }

    /// Everything that the compiler would refuse, and what it cannot see.
    fn problems(&self) -> Vec<String> {
        let mut problems = self.sources.problems.clone();
        problems.extend(self.duplicates());
        for one in &self.sources.migrations {
            if let Some(complaint) = self.sum.judge(one.declared(), |next| self.next(one, next)) {
                problems.push(format!("{}: {}", place(one), complaint.text));
            }
        }
        let gone = self.gone();
        if !gone.is_empty() {
            problems.push(format!("package `{}`: {}", self.package.name, sum::gone(&gone)));
        }
        problems.extend(self.orphans());
        problems
    }

    /// The lowest version that is newer than all.
    fn next(&self, one: &Written, next: i64) -> i64 {
        let group = self.sources.migrations.iter().filter(|other| other.group == one.group);
        let newest = group.map(|other| other.version).max().unwrap_or(0);
        next.max(newest.saturating_add(1))
    }

    fn duplicates(&self) -> Vec<String> {
        let mut versions: BTreeMap<(&str, i64), &Written> = BTreeMap::new();
        let mut names: BTreeMap<(&str, &str), &Written> = BTreeMap::new();
        let mut problems = Vec::new();
        for one in &self.sources.migrations {
            if let Some(other) = versions.insert((&one.group, one.version), one) {
                problems.push(format!(
                    "{}: version {} is already declared by `{}` ({}); the next free version is {}",
                    place(one),
                    one.version,
                    other.name,
                    place(other),
                    self.next(one, 1),
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

    fn gone(&self) -> Vec<&Sealed> {
        let is_written = |sealed: &Sealed| {
            let mut all = self.sources.migrations.iter();
            all.any(|one| one.version == sealed.version && one.group == sealed.group)
        };
        self.sum.sealed().iter().filter(|sealed| !is_written(sealed)).collect()
    }

    fn is_new(&self, one: &Written) -> bool {
        self.sum.get(&one.group, one.version).is_none()
    }

    /// Files that hold a migration and that no `mod` reaches: the compiler never sees them.
    fn orphans(&self) -> Vec<String> {
        let reached: Vec<PathBuf> =
            self.sources.files.iter().filter_map(|file| file.canonicalize().ok()).collect();
        let mut problems = Vec::new();
        for file in rust_files(&self.package.directory.join("src")) {
            let Ok(file) = file.canonicalize() else { continue };
            let holds_one = || {
                let text = fs::read_to_string(&file).unwrap_or_default();
                text.contains("#[migration") || text.contains("#[mongrate::migration")
            };
            if !reached.contains(&file) && holds_one() {
                let stem = file.file_stem().unwrap_or_default().to_string_lossy();
                problems.push(format!(
                    "{}: holds a migration, and no `mod` reaches it: add `mod {stem};` to the \
                     module above it, or delete the file",
                    shown(&file)
                ));
            }
        }
        problems
    }

    fn write(&self) -> Result<(), Vec<String>> {
        let path = self.package.directory.join(sum::FILE);
        let fresh = self.package.directory.join(".migrations.sum.new");
        let written = fs::write(&fresh, self.sum.render()).and_then(|()| fs::rename(&fresh, &path));
        written.map_err(|error| vec![format!("cannot write {}: {error}", shown(&path))])
    }
}

/// Appends what is new.
pub(crate) fn seal(packages: &[Package]) -> Outcome {
    let mut states = read_all(packages)?;
    refuse(states.iter().flat_map(State::problems).collect())?;
    let mut report = Vec::new();
    for state in &mut states {
        let mut appended = 0;
        for one in &state.sources.migrations {
            if state.sum.append(one.declared()) {
                appended += 1;
                report.push(format!("sealed {} `{}`  {}", one.version, one.name, place(one)));
            }
        }
        if appended > 0 {
            state.write()?;
        }
    }
    if report.is_empty() {
        report.push("nothing to seal".to_owned());
    }
    Ok(report)
}

/// Seals one migration again, as it is now.
pub(crate) fn reseal(packages: &[Package], group: &str, version: i64) -> Outcome {
    let mut states = read_all(packages)?;
    let sealed = |state: &State<'_>| state.sum.get(group, version).is_some();
    let found = states.iter().filter(|state| sealed(state)).count();
    let Some(state) = states.iter_mut().find(|state| sealed(state)) else {
        return Err(vec![format!("version {version} of group `{group}` is not sealed")]);
    };
    if found > 1 {
        let text = format!("several packages seal version {version}: say which with `-p`");
        return Err(vec![text]);
    }
    let mut all = state.sources.migrations.iter();
    let Some(one) = all.find(|one| one.version == version && one.group == group) else {
        let text = format!("version {version} of group `{group}` is in no source of the package");
        return Err(vec![text]);
    };
    let before = state.sum.get(group, version).cloned();
    state.sum.reseal(one.declared());
    state.write()?;
    let before = before.map_or_else(String::new, |sealed| {
        format!("  was `{}` {}", sealed.name, shortened(&sealed.checksum))
    });
    Ok(vec![format!("resealed {version} `{}` {}{before}", one.name, shortened(&one.checksum))])
}

/// Says whether the compiler would be content.
pub(crate) fn check(packages: &[Package]) -> Outcome {
    let states = read_all(packages)?;
    refuse(states.iter().flat_map(State::problems).collect())?;
    let mut report = Vec::new();
    for state in &states {
        let new = state.sources.migrations.iter().filter(|one| state.is_new(one)).count();
        let mut line = format!(
            "{}: {} migrations, {} sealed",
            state.package.name,
            state.sources.migrations.len(),
            state.sum.sealed().len()
        );
        if new > 0 {
            line += &format!(", {new} new: `cargo mongrate seal` seals them");
        }
        report.push(line);
    }
    Ok(report)
}

fn read_all(packages: &[Package]) -> Result<Vec<State<'_>>, Vec<String>> {
    packages.iter().map(State::read).collect()
}

fn refuse(problems: Vec<String>) -> Result<(), Vec<String>> {
    if problems.is_empty() { Ok(()) } else { Err(problems) }
}

fn rust_files(directory: &Path) -> Vec<PathBuf> {
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
fn place(one: &Written) -> String {
    format!("{}:{}", shown(&one.file), one.line)
}

/// As seen from here.
fn shown(path: &Path) -> String {
    let here = env::current_dir().and_then(|here| here.canonicalize()).unwrap_or_default();
    path.strip_prefix(here).unwrap_or(path).display().to_string()
}
