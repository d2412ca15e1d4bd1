//! The name that a manifest gives to `mongrate`: for an editor's server, which does not get the
//! names of the dependencies as arguments.
//!
//! The manifest is read line by line: dependencies of every kind and target, and those that the
//! workspace's root describes.

use std::{
    env, fs,
    path::{Path, PathBuf},
};

/// Returns the new name of a dependency, if the manifest of the expanded crate renames it.
pub(super) fn name(real: &str) -> Option<String> {
    let directory = PathBuf::from(env::var_os("CARGO_MANIFEST_DIR")?);
    let text = fs::read_to_string(directory.join("Cargo.toml")).ok()?;
    let above = || workspace(&directory);
    renamed(&text, real, above)
}

/// Returns the manifest of the workspace around a package.
fn workspace(package: &Path) -> Option<String> {
    package.ancestors().find_map(|directory| {
        let text = fs::read_to_string(directory.join("Cargo.toml")).ok()?;
        text.lines().any(|line| line.trim_start().starts_with("[workspace")).then_some(text)
    })
}

/// Returns the key of the dependency whose package has this real name.
fn renamed(text: &str, real: &str, workspace: impl Fn() -> Option<String>) -> Option<String> {
    let mut inherited = Vec::new();
    for (section, key, value) in settings(text) {
        let Some((is_shared, named)) = dependencies(&section) else { continue };
        if is_shared {
            continue;
        }
        let (name, property) = match (&named, key.split_once('.')) {
            (Some(name), _) => (name.clone(), Some(key.clone())),
            (None, Some((name, property))) => (unquoted(name), Some(property.trim().to_owned())),
            (None, None) => (key.clone(), None),
        };
        if has_property(&property, &value, "package", real) {
            return Some(name.replace('-', "_"));
        }
        if has_property(&property, &value, "workspace", "true") && name != real {
            inherited.push(name);
        }
    }
    if inherited.is_empty() {
        return None;
    }
    let shared = workspace()?;
    let found = settings(&shared).into_iter().find_map(|(section, key, value)| {
        let (true, named) = dependencies(&section)? else { return None };
        let (name, property) = match (named, key.split_once('.')) {
            (Some(name), _) => (name, Some(key.clone())),
            (None, Some((name, property))) => (unquoted(name), Some(property.trim().to_owned())),
            (None, None) => (key.clone(), None),
        };
        let is_ours = inherited.contains(&name) && has_property(&property, &value, "package", real);
        is_ours.then_some(name)
    });
    found.map(|name| name.replace('-', "_"))
}

/// Whether a setting is `property = value`, or `{ …, property = value }`.
fn has_property(property: &Option<String>, value: &str, wanted: &str, expected: &str) -> bool {
    match property {
        Some(property) => property == wanted && unquoted(value) == expected,
        None => value.trim_matches(['{', '}', ' ']).split(',').any(|pair| {
            pair.split_once('=')
                .is_some_and(|(key, value)| key.trim() == wanted && unquoted(value) == expected)
        }),
    }
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
fn dependencies(section: &str) -> Option<(bool, Option<String>)> {
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

    #[test]
    fn a_renamed_dependency_is_found_wherever_it_is_written() {
        for text in [
            "[dependencies]\nserde = \"1\"\ndb = { package = \"mongrate\", version = \"0.1\" }",
            "[dependencies]\ndb = { version = \"0.1\", features = [\"cli\"], package='mongrate' } # x",
            "[dependencies]\ndb.package = \"mongrate\"\ndb.version = \"0.1\"",
            "[dependencies.db]\nversion = \"0.1\"\npackage = \"mongrate\"",
            "[dev-dependencies]\ndb = { package = \"mongrate\" }",
            "[target.'cfg(unix)'.dependencies]\ndb = { package = \"mongrate\" }",
            "[target.'cfg(unix)'.dev-dependencies.\"db\"]\npackage = \"mongrate\"",
        ] {
            assert_eq!(renamed(text, "mongrate", || None).as_deref(), Some("db"), "{text}");
        }
        for text in [
            "[dependencies]\nmongrate = \"0.1\"",
            "[dependencies]\ndb = { package = \"mongodb\" }",
            "[package.metadata]\ndb = { package = \"mongrate\" }",
            "[dependencies]\n# db = { package = \"mongrate\" }",
        ] {
            assert_eq!(renamed(text, "mongrate", || None), None, "{text}");
        }
    }

    #[test]
    fn what_a_workspace_shares_is_found() {
        let shared = "[workspace.dependencies]\nmy-db = { package = \"mongrate\", path = \"x\" }";
        for text in [
            "[dependencies]\nmy-db = { workspace = true }",
            "[dependencies]\nmy-db.workspace = true",
            "[dependencies.my-db]\nworkspace = true",
        ] {
            let found = renamed(text, "mongrate", || Some(shared.to_owned()));
            assert_eq!(found.as_deref(), Some("my_db"), "{text}");
        }
        let other = "[dependencies]\nserde.workspace = true";
        assert_eq!(renamed(other, "mongrate", || Some(shared.to_owned())), None);
    }
}
