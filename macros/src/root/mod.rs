//! The path by which the compiled crate reaches `mongrate`: its own name, another name from the
//! manifest, or the path in the attribute.

mod manifest;

use std::{collections::BTreeMap, env, fs, path::Path, sync::OnceLock};

use proc_macro2::{Span, TokenStream};
use syn::Error;

use crate::editor::is_editor;

/// The name unless a manifest renames it.
const NAME: &str = "mongrate";

/// Returns the path that reaches `mongrate` from any module of the crate: `given` if the attribute
/// says `crate = "…"`.
///
/// # Errors
///
/// If the crate does not depend on `mongrate`, or depends on it more than once.
pub(crate) fn path(given: Option<&syn::Path>) -> syn::Result<String> {
    if let Some(given) = given {
        return Ok(text(given));
    }
    static FOUND: OnceLock<Result<String, String>> = OnceLock::new();
    let found = match is_editor() {
        // An editor's server expands many crates in one process, which is not the compiler.
        true => Ok(manifest::name(NAME).unwrap_or_else(|| NAME.to_owned())),
        false => FOUND.get_or_init(|| name_in_crate(&externs(env::args()), NAME)).clone(),
    };
    match found {
        Ok(name) => Ok(format!("::{name}")),
        Err(text) => Err(Error::new(Span::call_site(), text)),
    }
}

/// Returns the same path as tokens.
pub(crate) fn tokens(given: Option<&syn::Path>) -> syn::Result<TokenStream> {
    // The text comes from this module, or from a path that was parsed before.
    path(given)?.parse().map_err(|_| Error::new(Span::call_site(), "`crate` takes a path"))
}

fn text(path: &syn::Path) -> String {
    let colons = if path.leading_colon.is_some() { "::" } else { "" };
    let segments: Vec<String> = path.segments.iter().map(|part| part.ident.to_string()).collect();
    format!("{colons}{}", segments.join("::"))
}

/// Returns the crate's name for the dependency with this real name. The real name itself is
/// preferred.
fn name_in_crate(externs: &BTreeMap<String, String>, real: &str) -> Result<String, String> {
    // Without cargo, the compiler searches for dependencies itself.
    if externs.is_empty() || externs.contains_key(real) || compiles_itself(real) {
        return Ok(real.to_owned());
    }
    let mut names = externs.iter().filter(|(_, of)| *of == real).map(|(name, _)| name.as_str());
    match (names.next(), names.next()) {
        (Some(name), None) => Ok(name.to_owned()),
        (Some(first), Some(second)) => Err(format!(
            "this crate depends on `{real}` twice, as `{first}` and as `{second}`: neither sees the \
             other's migrations; keep one of them, or choose with `crate = \"{first}\"`"
        )),
        (None, _) => Err(format!(
            "this crate does not depend on `{real}` under any name: run `cargo add {real}`; if \
             another crate re-exports it, write its path: `crate = \"other_crate::{real}\"`"
        )),
    }
}

fn compiles_itself(real: &str) -> bool {
    env::var("CARGO_CRATE_NAME").is_ok_and(|name| name == real)
}

/// Returns the dependencies in the compiler's arguments: the crate's name for each, and the real
/// name, which is in the file's name.
fn externs(arguments: impl Iterator<Item = String>) -> BTreeMap<String, String> {
    let mut externs = BTreeMap::new();
    let mut arguments = arguments.flat_map(|argument| match argument.strip_prefix('@') {
        // If there are too many arguments for a command line, they are in a file, one per line.
        Some(file) => fs::read_to_string(file).map_or_else(
            |_| vec![argument.clone()],
            |text| text.lines().map(str::to_owned).collect(),
        ),
        None => vec![argument],
    });
    while let Some(argument) = arguments.next() {
        let value = match argument.strip_prefix("--extern") {
            Some("") => arguments.next(),
            Some(value) => value.strip_prefix('=').map(str::to_owned),
            None => None,
        };
        let Some(value) = value else { continue };
        let Some((name, file)) = value.split_once('=') else { continue };
        // `priv:name`, `noprelude,force:name`
        let name = name.rsplit(':').next().unwrap_or(name);
        let stem = Path::new(file).file_stem().map(|stem| stem.to_string_lossy().into_owned());
        let Some(stem) = stem else { continue };
        let stem = stem.strip_prefix("lib").unwrap_or(&stem);
        let real = stem.rsplit_once('-').map_or(stem, |(name, _)| name);
        externs.insert(name.to_owned(), real.to_owned());
    }
    externs
}

#[cfg(test)]
mod tests {
    //! The arguments that a compiler gets.

    use super::*;

    fn found(externs: &[&str]) -> Result<String, String> {
        let arguments = externs.iter().flat_map(|one| ["--extern".to_owned(), (*one).to_owned()]);
        name_in_crate(&super::externs(arguments), NAME)
    }

    #[test]
    fn a_dependency_is_found_by_its_real_name() {
        let serde = "serde=/t/debug/deps/libserde-0a.rmeta";
        assert_eq!(found(&[]).unwrap(), "mongrate", "no cargo");
        let own = "mongrate=/t/libmongrate-0123456789abcdef.rmeta";
        assert_eq!(found(&[serde, own]).unwrap(), "mongrate");
        assert_eq!(found(&[serde, "db=/t/libmongrate-01.rlib"]).unwrap(), "db");
        assert_eq!(found(&["priv,nounused:db=/t/libmongrate-01.rmeta"]).unwrap(), "db");
        assert_eq!(found(&["db=C:/t/libmongrate.rlib", serde]).unwrap(), "db");
        assert_eq!(found(&["mongrate=/t/libfork-01.rmeta"]).unwrap(), "mongrate", "a fork");
        let two = ["old=/t/libmongrate-01.rmeta", "new=/t/libmongrate-02.rmeta"];
        assert!(found(&two).unwrap_err().contains("twice, as `new` and as `old`"));
        let other = "db=/t/libmongrate_macros-01.so";
        for none in [serde, other] {
            let text = found(&[none]).unwrap_err();
            assert!(text.contains("`crate = \"other_crate::mongrate\"`"), "{text}");
        }
        let joined = ["--extern=db=/t/libmongrate-01.rmeta".to_owned()].into_iter();
        assert_eq!(name_in_crate(&externs(joined), NAME).unwrap(), "db");
    }

    #[test]
    fn arguments_may_be_in_a_file() {
        let path = env::temp_dir().join(format!("mongrate-macros-args-{}", std::process::id()));
        fs::write(&path, "--extern\ndb=/t/libmongrate-01.rmeta\n").unwrap();
        let argument = format!("@{}", path.display());
        assert_eq!(name_in_crate(&externs([argument].into_iter()), NAME).unwrap(), "db");
        fs::remove_file(path).unwrap();
    }
}
