//! How the crate that is compiled calls `mongrate`: by its own name, by another that its manifest
//! gives it, or by the path that the attribute was told.

mod manifest;

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::OnceLock;
use std::{env, fs};

use proc_macro2::{Span, TokenStream};
use syn::Error;

use crate::crate_table;

/// As it is called where nobody renames it.
const NAME: &str = "mongrate";

/// The path to write, from any module of the crate: `given`, if the attribute says `crate = "…"`.
///
/// # Errors
///
/// If the crate does not depend on it, or on several of it.
pub(crate) fn path(given: Option<&syn::Path>) -> syn::Result<String> {
    if let Some(given) = given {
        return Ok(text(given));
    }
    static FOUND: OnceLock<Result<String, String>> = OnceLock::new();
    let found = match crate_table::is_editor() {
        // Its server expands many crates in one process, which is no compiler.
        true => Ok(manifest::name().unwrap_or_else(|| NAME.to_owned())),
        false => FOUND.get_or_init(|| called(&externs(env::args()), NAME)).clone(),
    };
    match found {
        Ok(name) => Ok(format!("::{name}")),
        Err(text) => Err(Error::new(Span::call_site(), text)),
    }
}

/// The same as tokens.
pub(crate) fn tokens(given: Option<&syn::Path>) -> syn::Result<TokenStream> {
    // Of our own making, or a path that was parsed before.
    path(given)?.parse().map_err(|_| Error::new(Span::call_site(), "`crate` is a path"))
}

fn text(path: &syn::Path) -> String {
    let colons = if path.leading_colon.is_some() { "::" } else { "" };
    let segments: Vec<String> = path.segments.iter().map(|one| one.ident.to_string()).collect();
    format!("{colons}{}", segments.join("::"))
}

/// What the crate calls the one whose real name this is. No name is as good as its own.
fn called(externs: &BTreeMap<String, String>, real: &str) -> Result<String, String> {
    // Where the compiler was called without cargo, it searches by itself.
    if externs.is_empty() || externs.contains_key(real) || compiles_itself(real) {
        return Ok(real.to_owned());
    }
    let mut names = externs.iter().filter(|(_, of)| *of == real).map(|(name, _)| name.as_str());
    match (names.next(), names.next()) {
        (Some(name), None) => Ok(name.to_owned()),
        (Some(one), Some(other)) => Err(format!(
            "this crate depends on `{real}` twice, as `{one}` and as `{other}`: migrations of one \
             are not seen by the other; keep one of them, or say which with `crate = \"{one}\"`"
        )),
        (None, _) => Err(format!(
            "this crate does not depend on `{real}` under any name: `cargo add {real}`; if another \
             crate re-exports it, say where: `crate = \"other_crate::{real}\"`"
        )),
    }
}

fn compiles_itself(real: &str) -> bool {
    env::var("CARGO_CRATE_NAME").is_ok_and(|name| name == real)
}

/// The dependencies that the compiler was called with: the crate's name for each, and the one that
/// it has itself, which its file is named for.
fn externs(arguments: impl Iterator<Item = String>) -> BTreeMap<String, String> {
    let mut externs = BTreeMap::new();
    let mut arguments = arguments.flat_map(|one| match one.strip_prefix('@') {
        // Where there are too many for a command line, they are in a file, one a line.
        Some(file) => fs::read_to_string(file)
            .map_or_else(|_| vec![one.clone()], |text| text.lines().map(str::to_owned).collect()),
        None => vec![one],
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
    //! What a compiler is called with.

    use super::*;

    fn found(externs: &[&str]) -> Result<String, String> {
        let arguments = externs.iter().flat_map(|one| ["--extern".to_owned(), (*one).to_owned()]);
        called(&super::externs(arguments), NAME)
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
        assert_eq!(called(&externs(joined), NAME).unwrap(), "db");
    }

    #[test]
    fn arguments_may_be_in_a_file() {
        let path = env::temp_dir().join(format!("mongrate-macros-args-{}", std::process::id()));
        fs::write(&path, "--extern\ndb=/t/libmongrate-01.rmeta\n").unwrap();
        let argument = format!("@{}", path.display());
        assert_eq!(called(&externs([argument].into_iter()), NAME).unwrap(), "db");
        fs::remove_file(path).unwrap();
    }
}
