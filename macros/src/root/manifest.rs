//! What a manifest calls `mongrate`: for an editor's server, which no cargo calls with the names of
//! the dependencies.
//!
//! Read line by line, as far as it is needed: dependencies of every kind and target, and those that
//! a workspace's root describes.

use std::path::{Path, PathBuf};
use std::{env, fs};

use super::NAME;

/// Of the crate that is expanded, if its manifest renames it.
pub(super) fn name() -> Option<String> {
    let directory = PathBuf::from(env::var_os("CARGO_MANIFEST_DIR")?);
    let text = fs::read_to_string(directory.join("Cargo.toml")).ok()?;
    let above = || workspace(&directory);
    renamed(&text, above)
}

/// The manifest of the workspace around a package.
fn workspace(package: &Path) -> Option<String> {
    package.ancestors().find_map(|directory| {
        let text = fs::read_to_string(directory.join("Cargo.toml")).ok()?;
        text.lines().any(|line| line.trim_start().starts_with("[workspace")).then_some(text)
    })
}

/// The key of the dependency whose package is the one that we look for.
fn renamed(text: &str, workspace: impl Fn() -> Option<String>) -> Option<String> {
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
        if says(&property, &value, "package", NAME) {
            return Some(name.replace('-', "_"));
        }
        if says(&property, &value, "workspace", "true") && name != NAME {
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
        let is_ours = inherited.contains(&name) && says(&property, &value, "package", NAME);
        is_ours.then_some(name)
    });
    found.map(|name| name.replace('-', "_"))
}

/// Whether `property = value`, or `{ …, property = value }`.
fn says(property: &Option<String>, value: &str, wanted: &str, expected: &str) -> bool {
    match property {
        Some(property) => property == wanted && unquoted(value) == expected,
        None => value.trim_matches(['{', '}', ' ']).split(',').any(|pair| {
            pair.split_once('=')
                .is_some_and(|(key, value)| key.trim() == wanted && unquoted(value) == expected)
        }),
    }
}

/// Section, key and value of each line, without comments.
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

/// Whether a section lists dependencies, those of a workspace, and of which alone.
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
            assert_eq!(renamed(text, || None).as_deref(), Some("db"), "{text}");
        }
        for text in [
            "[dependencies]\nmongrate = \"0.1\"",
            "[dependencies]\ndb = { package = \"mongodb\" }",
            "[package.metadata]\ndb = { package = \"mongrate\" }",
            "[dependencies]\n# db = { package = \"mongrate\" }",
        ] {
            assert_eq!(renamed(text, || None), None, "{text}");
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
            let found = renamed(text, || Some(shared.to_owned()));
            assert_eq!(found.as_deref(), Some("my_db"), "{text}");
        }
        let other = "[dependencies]\nserde.workspace = true";
        assert_eq!(renamed(other, || Some(shared.to_owned())), None);
    }
}
