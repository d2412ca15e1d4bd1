//! The name that a manifest gives to `mongrate`: for an editor's server, which does not get the
//! names of the dependencies as arguments.

use std::{
    env, fs,
    path::{Path, PathBuf},
};

use mongrate_seal::manifest;

/// Returns the new name of a dependency, if the manifest of the expanded crate renames it.
pub(super) fn name(real: &str) -> Option<String> {
    let directory = PathBuf::from(env::var_os("CARGO_MANIFEST_DIR")?);
    renamed(&directory, real, &|path| fs::read_to_string(path).ok())
}

/// Returns the name of the dependency whose package has this real name, if that is another name.
fn renamed(package: &Path, real: &str, read: &dyn Fn(&Path) -> Option<String>) -> Option<String> {
    let all = manifest::dependencies(package, read);
    let found = all.into_iter().find(|each| each.package == real && each.name != real);
    found.map(|dependency| dependency.name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_another_name_is_told() {
        let name = |text: &str| renamed(Path::new("/app"), "mongrate", &|_| Some(text.to_owned()));
        let renamed = "[dependencies]\nmy-db = { package = \"mongrate\" }";
        assert_eq!(name(renamed).as_deref(), Some("my_db"));
        assert_eq!(name("[dependencies]\nmongrate = \"0.1\""), None);
        assert_eq!(name("[dependencies]\ndb = { package = \"mongodb\" }"), None);
    }
}
