//! `cargo mongrate new`: writes the next numbered file where the package keeps its migrations.

use std::{
    fs,
    path::{Path, PathBuf},
};

use chrono::Utc;
use mongrate_seal::{
    create::{Created, NewMigration, add_mod_line, mod_file},
    sources::Sources,
};

use crate::{
    arguments::New,
    package::{Package, name_list},
    places::{promise, relative, shown},
    state::PackageState,
    write,
};

/// The group that new migrations belong to.
const GROUP: &str = "default";

pub(crate) fn run(packages: &[&Package], new: &New) -> Result<Vec<String>, Vec<String>> {
    let single = |problem: String| vec![problem];
    // First, so that a wrong name is refused in every directory.
    let migration = NewMigration::named(&new.name)
        .map_err(|error| single(error.to_string()))?
        .template(new.kind.into())
        .reversible(new.reversible);
    let state = readable(only_package(packages)?)?;
    let migration = beside_others(&state, migration);
    let mut report = Vec::new();
    let directory = directory(&state, new.dir.as_deref(), &mut report).map_err(single)?;
    let created = migration
        .write(&directory, Utc::now().naive_utc())
        .map_err(|error| single(error.to_string()))?;
    report.extend(description(state.package, &directory, &created));
    Ok(report)
}

/// Reads a package, of which it must be known which versions are taken.
pub(crate) fn readable(package: &Package) -> Result<PackageState<'_>, Vec<String>> {
    let state = PackageState::read(package)?;
    match state.sources.problems.is_empty() {
        true => Ok(state),
        false => Err(state.sources.problems.iter().map(|problem| relative(problem)).collect()),
    }
}

/// Takes account of the migrations that the package declares.
pub(crate) fn beside_others(state: &PackageState<'_>, migration: NewMigration) -> NewMigration {
    state
        .sources
        .migrations
        .iter()
        .filter(|existing| existing.group == GROUP)
        .fold(migration, |new, other| new.beside(other.version, &other.name, &shown(&other.file)))
}

/// The directory to write into: the one that is given, or that of the newest migration, or a new one.
pub(crate) fn directory(
    state: &PackageState<'_>,
    given: Option<&Path>,
    report: &mut Vec<String>,
) -> Result<PathBuf, String> {
    match given {
        Some(directory) => Ok(directory.to_owned()),
        None => migrations_directory(state)
            .map_or_else(|| make_migrations_directory(state.package, report), Ok),
    }
}

/// The lines that say what was written.
pub(crate) fn description(package: &Package, directory: &Path, created: &Created) -> Vec<String> {
    let mut report = Vec::new();
    report.push(format!("wrote {}", shown(&absolute(&created.path))));
    if let Some(file) = &created.mod_file {
        report.push(format!("added `{}` to {}", created.mod_line, shown(&absolute(file))));
    }
    if let Some(file) = &created.sum_file {
        report.push(format!("wrote {}", shown(&absolute(file))));
    }
    let path = absolute(&created.path);
    if !Sources::reached_from(&package.roots).files.contains_key(&path) {
        let file = created.mod_file.as_deref().unwrap_or(directory);
        report.push(match created.mod_file {
            None => format!(
                "add `{}` to the module of {}: no `mod` reaches the file yet",
                created.mod_line,
                shown(&absolute(file))
            ),
            Some(_) => format!(
                "no `mod` reaches {} yet: add it to a module of package `{}`",
                shown(&absolute(file)),
                package.name
            ),
        });
    }
    report
}

fn absolute(path: &Path) -> PathBuf {
    path.canonicalize().unwrap_or_else(|_| path.to_owned())
}

/// The package to write into: the only package, or the only package that has migrations.
pub(crate) fn only_package<'a>(packages: &[&'a Package]) -> Result<&'a Package, Vec<String>> {
    if let [package] = packages {
        return Ok(package);
    }
    let with_migrations: Vec<&Package> = packages
        .iter()
        .copied()
        .filter(|package| !Sources::reached_from(&package.roots).migrations.is_empty())
        .collect();
    match with_migrations[..] {
        [package] => Ok(package),
        _ => Err(vec![format!(
            "several packages may hold migrations: say which with `-p`: {}",
            name_list(if with_migrations.is_empty() { packages } else { &with_migrations })
        )]),
    }
}

/// The directory of the newest migration that has a file or directory of its own, or else
/// `src/migrations` if it exists.
fn migrations_directory(state: &PackageState<'_>) -> Option<PathBuf> {
    let package = &state.package.directory;
    let newest = state.sources.migrations.iter().filter(|migration| migration.group == GROUP).rev();
    let own = newest.clone().find_map(|migration| promise(migration, package));
    let usual = package.join("src/migrations");
    match own {
        Some(own) => own.path.parent().map(Path::to_owned),
        None if usual.is_dir() => Some(usual),
        None => None,
    }
}

/// Makes `src/migrations`, and writes its `mod` line into the first root.
fn make_migrations_directory(
    package: &Package,
    report: &mut Vec<String>,
) -> Result<PathBuf, String> {
    let Some(root) = package.roots.first() else {
        return Err(format!("package `{}` has neither a library nor a binary", package.name));
    };
    let directory = root.with_file_name("migrations");
    let failed = |path: &Path| {
        let path = shown(path);
        move |error: std::io::Error| format!("cannot write {path}: {error}")
    };
    fs::create_dir_all(&directory).map_err(failed(&directory))?;
    if mod_file(&directory).is_none() {
        let file = directory.join("mod.rs");
        fs::write(&file, "//! The migrations, oldest first.\n\n").map_err(failed(&file))?;
        report.push(format!("wrote {}", shown(&file)));
    }
    add_first_mod_line(root).map_err(failed(root))?;
    report.push(format!("added `mod migrations;` to {}", shown(root)));
    Ok(directory)
}

/// Writes `mod migrations;` beside other `mod` lines, or else before the first item.
fn add_first_mod_line(root: &Path) -> std::io::Result<()> {
    let text = fs::read_to_string(root)?;
    let is_mod = |line: &str| line.trim_end().ends_with(';') && line.contains("mod ");
    if text.lines().any(is_mod) {
        return add_mod_line(root, "migrations");
    }
    let newline = if text.contains("\r\n") { "\r\n" } else { "\n" };
    let is_head = |line: &&str| {
        let line = line.trim();
        line.is_empty()
            || ["//!", "#![", "\u{feff}", "#!/"].iter().any(|start| line.starts_with(start))
    };
    let head: usize = text.split_inclusive('\n').take_while(is_head).map(str::len).sum();
    let (above, below) = text.split_at(head);
    let gap = if above.is_empty() || above.ends_with('\n') { "" } else { newline };
    let after = if below.is_empty() { "" } else { newline };
    write::replace(root, &format!("{above}{gap}mod migrations;{newline}{after}{below}"))
}
