//! The dependencies in a package's manifest, as far as a macro needs them.
//!
//! The manifest is read line by line: dependencies of every kind and target, and those that the
//! workspace's root describes.

use std::path::{Path, PathBuf};

/// A dependency.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Dependency {
    /// The name that code gives to the crate.
    pub name: String,
    /// The name of the package.
    pub package: String,
    /// The directory of the package, if its sources are on this machine.
    pub path: Option<PathBuf>,
}

/// A dependency as one manifest describes it.
#[derive(Clone, Debug, Default)]
struct Described {
    name: String,
    package: Option<String>,
    path: Option<String>,
    is_shared: bool,
    is_inherited: bool,
}

/// Reads the manifests from a package's directory to its workspace's root. `read` returns a file's
/// text.
pub fn dependencies(package: &Path, read: &dyn Fn(&Path) -> Option<String>) -> Vec<Dependency> {
    let Some(text) = read(&package.join("Cargo.toml")) else { return Vec::new() };
    let mut shared: Option<(PathBuf, Vec<Described>)> = None;
    let mut all = Vec::new();
    for own in described(&text).into_iter().filter(|described| !described.is_shared) {
        if !own.is_inherited {
            all.push(own.dependency(package));
            continue;
        }
        let (directory, shared) = shared.get_or_insert_with(|| {
            let (directory, text) = workspace(package, read).unwrap_or_default();
            (directory, described(&text))
        });
        let of_workspace = shared.iter().find(|each| each.is_shared && each.name == own.name);
        all.push(of_workspace.unwrap_or(&own).dependency(directory));
    }
    all
}

/// Returns the manifest of the workspace around a package, and its directory.
fn workspace(package: &Path, read: &dyn Fn(&Path) -> Option<String>) -> Option<(PathBuf, String)> {
    package.ancestors().find_map(|directory| {
        let text = read(&directory.join("Cargo.toml"))?;
        let is_root = text.lines().any(|line| line.trim_start().starts_with("[workspace"));
        is_root.then(|| (directory.to_owned(), text))
    })
}

/// Returns the file and the name of a package's library, if the manifest says them.
pub fn library(text: &str) -> (Option<String>, Option<String>) {
    let value = |wanted: &str| {
        settings(text)
            .into_iter()
            .find(|(section, key, _)| section == "lib" && key == wanted)
            .map(|(.., value)| unquoted(&value))
    };
    (value("path"), value("name"))
}

/// Returns the package's own name.
pub fn name(text: &str) -> Option<String> {
    settings(text)
        .into_iter()
        .find(|(section, key, _)| section == "package" && key == "name")
        .map(|(.., value)| unquoted(&value))
}

impl Described {
    fn dependency(&self, directory: &Path) -> Dependency {
        Dependency {
            name: self.name.replace('-', "_"),
            package: self.package.clone().unwrap_or_else(|| self.name.clone()),
            path: self.path.as_ref().map(|path| directory.join(path)),
        }
    }

    fn set(&mut self, property: &str, value: &str) {
        match property {
            "package" => self.package = Some(unquoted(value)),
            "path" => self.path = Some(unquoted(value)),
            "workspace" => self.is_inherited = unquoted(value) == "true",
            _ => {}
        }
    }
}

/// Returns each dependency that a manifest describes, those of the workspace among them.
fn described(text: &str) -> Vec<Described> {
    let mut all: Vec<Described> = Vec::new();
    for (section, key, value) in settings(text) {
        let Some((is_shared, named)) = dependency_section(&section) else { continue };
        let (name, property) = match (named, key.split_once('.')) {
            (Some(name), _) => (name, Some(key.clone())),
            (None, Some((name, property))) => (unquoted(name), Some(property.trim().to_owned())),
            (None, None) => (key.clone(), None),
        };
        let is_it = |each: &Described| each.name == name && each.is_shared == is_shared;
        let at = all.iter().position(is_it).unwrap_or_else(|| {
            all.push(Described { name: name.clone(), is_shared, ..Described::default() });
            all.len() - 1
        });
        let Some(dependency) = all.get_mut(at) else { continue };
        match property {
            Some(property) => dependency.set(&property, &value),
            None => {
                for pair in value.trim_matches(['{', '}', ' ']).split(',') {
                    if let Some((key, value)) = pair.split_once('=') {
                        dependency.set(key.trim(), value);
                    }
                }
            }
        }
    }
    all
}

/// Returns section, key and value of each line, without comments.
fn settings(text: &str) -> Vec<(String, String, String)> {
    let mut section = String::new();
    let mut settings = Vec::new();
    for line in text.lines() {
        let line = line.trim();
        if let Some(header) = line.strip_prefix('[') {
            section =
                header.split(" #").next().unwrap_or(header).trim().trim_end_matches(']').into();
        } else if let Some((key, value)) = line.split_once('=')
            && !line.starts_with('#')
        {
            let value = value.split(" #").next().unwrap_or(value).trim();
            settings.push((section.clone(), unquoted(key), value.to_owned()));
        }
    }
    settings
}

/// Reads a section's header, if the section lists dependencies: whether they are the workspace's, and
/// the name if the section describes a single dependency.
fn dependency_section(section: &str) -> Option<(bool, Option<String>)> {
    let at = section.rfind("dependencies")?;
    let (before, after) = section.split_at(at);
    let after = after.strip_prefix("dependencies")?;
    let named = match after {
        "" => None,
        _ => Some(unquoted(after.strip_prefix('.')?)),
    };
    Some((before == "workspace.", named))
}

fn unquoted(text: &str) -> String {
    text.trim().trim_matches(['"', '\'']).to_owned()
}

#[cfg(test)]
mod tests {
    //! How a dependency may be written.

    use super::*;

    fn found(own: &str, root: &str) -> Vec<Dependency> {
        dependencies(Path::new("/w/app"), &|path| match path.to_str() {
            Some("/w/app/Cargo.toml") => Some(own.to_owned()),
            Some("/w/Cargo.toml") => Some(root.to_owned()),
            _ => None,
        })
    }

    fn db(package: &str, path: Option<&str>) -> Dependency {
        Dependency {
            name: "db".to_owned(),
            package: package.to_owned(),
            path: path.map(PathBuf::from),
        }
    }

    #[test]
    fn a_dependency_is_found_wherever_it_is_written() {
        for text in [
            "[dependencies]\nserde = \"1\"\ndb = { package = \"mongrate\", version = \"0.1\" }",
            "[dependencies]\ndb = { version = \"0.1\", features = [\"cli\"], package='mongrate' } # x",
            "[dependencies]\ndb.package = \"mongrate\"\ndb.version = \"0.1\"",
            "[dependencies.db]\nversion = \"0.1\"\npackage = \"mongrate\"",
            "[dev-dependencies]\ndb = { package = \"mongrate\" }",
            "[target.'cfg(unix)'.dependencies]\ndb = { package = \"mongrate\" }",
            "[target.'cfg(unix)'.dev-dependencies.\"db\"]\npackage = \"mongrate\"",
        ] {
            assert!(found(text, "").contains(&db("mongrate", None)), "{text}");
        }
        for text in [
            "[package.metadata]\ndb = { package = \"mongrate\" }",
            "[dependencies]\n# db = { package = \"mongrate\" }",
        ] {
            assert_eq!(found(text, ""), [], "{text}");
        }
    }

    #[test]
    fn a_path_is_relative_to_the_manifest_that_has_it() {
        let own = "[dependencies]\ndb = { path = \"../db\" }";
        assert_eq!(found(own, ""), [db("db", Some("/w/app/../db"))]);
        let root = "[workspace]\n[workspace.dependencies]\ndb = { package = \"x\", path = \"db\" }";
        for own in [
            "[dependencies]\ndb = { workspace = true }",
            "[dependencies]\ndb.workspace = true",
            "[dependencies.db]\nworkspace = true",
        ] {
            assert_eq!(found(own, root), [db("x", Some("/w/db"))], "{own}");
        }
    }

    #[test]
    fn the_library_and_the_name_are_read() {
        let text = "[package]\nname = \"my-db\"\n[lib]\npath = \"lib.rs\"";
        assert_eq!(library(text), (Some("lib.rs".to_owned()), None));
        assert_eq!(name(text).as_deref(), Some("my-db"));
    }
}
