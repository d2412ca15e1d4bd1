//! Paths that lead to items, and those that do not.

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
};

use super::*;

/// Makes the files of a package in memory, and counts how often one is read.
fn code(files: &[(&str, &str)]) -> (Code, Arc<AtomicUsize>) {
    let files: BTreeMap<PathBuf, String> =
        files.iter().map(|(path, text)| (path.into(), (*text).to_owned())).collect();
    let reads = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&reads);
    let read = move |path: &Path| {
        count.fetch_add(1, Ordering::Relaxed);
        files.get(path).cloned().ok_or_else(|| "there is no such file".to_owned())
    };
    (Code::new(read), reads)
}

const MANIFEST: &str = "[package]\nname = \"my-app\"\n[dependencies]\n\
                        coins = { path = \"/w/coins\" }\nserde = \"1\"\nmongrate = { path = \"/w/m\" }\n";

/// Finds a path at the function `up` of `/w/app/src/m.rs`.
fn found(files: &[(&str, &str)], path: &str) -> Result<(String, PathBuf), Fault> {
    let all =
        [("/w/app/Cargo.toml", MANIFEST), ("/w/coins/Cargo.toml", "[package]\nname = \"coins\"")];
    let (mut code, _) = code(&[&all, files].concat());
    let root = [PathBuf::from("/w/app/src/main.rs")];
    let site = code.site(&root, Path::new("/w/app/src/m.rs"), "up").expect("it is reached");
    let parts: Vec<String> = path.split("::").map(str::to_owned).collect();
    let target = code.resolve(&site, &parts)?;
    let shown = code.shown(&root[0], &target.site, &target.name);
    Ok((shown, target.file))
}

#[test]
fn paths_are_followed_through_imports_modules_and_packages() {
    let files = [
        (
            "/w/app/src/main.rs",
            "mod m; mod a; mod b { pub mod c { pub fn f() {} } pub use self::c::*; } #[path = \"x/y.rs\"] mod moved; use a as again; pub(crate) use moved::Z; macro_rules! textual { () => {} }",
        ),
        ("/w/app/src/lib.rs", "pub fn of_library() {}"),
        (
            "/w/app/src/a.rs",
            "mod inner; pub use inner::{Thing as Other, deep}; pub use coins::Coin;",
        ),
        (
            "/w/app/src/a/inner/mod.rs",
            "pub struct Thing; pub mod deep { pub const D: u8 = 1; #[macro_export] macro_rules! exported { () => {} } }",
        ),
        ("/w/app/src/x/y.rs", "pub struct Z;"),
        ("/w/coins/src/lib.rs", "mod metal; pub use metal::*;"),
        ("/w/coins/src/metal.rs", "pub struct Coin; pub fn mint() {}"),
        (
            "/w/app/src/m.rs",
            "use crate::a::{self, Other}; use super::b; use coins::mint as press; mod local { use super::*; fn up() {} fn here() {} }",
        ),
    ];
    for (path, expected) in [
        ("here", "crate::m::local::here"),
        ("Other", "crate::a::inner::Thing"),
        ("super::Other", "crate::a::inner::Thing"),
        ("a::deep::D", "crate::a::inner::deep::D"),
        ("b::f", "crate::b::c::f"),
        ("b::c::f", "crate::b::c::f"),
        ("crate::again::Other", "crate::a::inner::Thing"),
        ("crate::Z", "crate::moved::Z"),
        ("crate::exported", "crate::a::inner::deep::exported"),
        ("textual", "crate::textual"),
        ("press", "coins::metal::mint"),
        ("a::Coin", "coins::metal::Coin"),
        ("::coins::mint", "coins::metal::mint"),
        ("my_app::of_library", "my_app::of_library"),
    ] {
        assert_eq!(found(&files, path).map(|(shown, _)| shown), Ok(expected.to_owned()), "{path}");
    }
    assert!(found(&files, "Z").is_err(), "not imported here");
    for (path, fault) in [
        ("serde::Serialize", Fault::Foreign("serde".to_owned())),
        ("::serde::Serialize", Fault::Foreign("serde".to_owned())),
        ("mongrate::doc", Fault::Foreign("mongrate".to_owned())),
        ("crate::a", Fault::Module("a".to_owned())),
        ("Other::new", Fault::Inside("Thing".to_owned())),
    ] {
        assert_eq!(found(&files, path).unwrap_err(), fault, "{path}");
    }
}

#[test]
fn an_import_of_everything_brings_no_private_items_except_to_modules_within() {
    let files = [
        (
            "/w/app/src/main.rs",
            "mod m; mod a { fn hidden() {} pub fn open() {} } use a::*; fn root() {}",
        ),
        ("/w/app/src/m.rs", "use super::*; fn up() {}"),
    ];
    assert_eq!(found(&files, "open").unwrap().0, "crate::a::open");
    assert_eq!(found(&files, "root").unwrap().0, "crate::root", "what is around sees all");
    assert!(matches!(found(&files, "hidden"), Err(Fault::Nothing { .. })));
}

/// Every module imports everything of every other one, and of crates from elsewhere.
#[test]
fn imports_in_circles_end() {
    let names: Vec<String> = (0..30).map(|number| format!("m{number}")).collect();
    let globs: String = names.iter().map(|name| format!("use crate::{name}::*;")).collect();
    let outside: String = (0..30).map(|number| format!("use crate{number}::x::*;")).collect();
    let mods: String = names.iter().map(|name| format!("mod {name};")).collect();
    let main = format!("mod m; {mods} {globs} {outside}");
    let child = format!("use super::*; {globs} {outside}");
    let paths: Vec<String> = names.iter().map(|name| format!("/w/app/src/{name}.rs")).collect();
    let mut files = vec![
        ("/w/app/src/main.rs", main.as_str()),
        ("/w/app/src/m.rs", "use super::*; fn up() {}"),
    ];
    files.extend(paths.iter().map(|path| (path.as_str(), child.as_str())));
    assert!(matches!(found(&files, "nowhere"), Err(Fault::Nothing { .. })));
    assert!(matches!(found(&files, "nowhere::to"), Err(Fault::Nothing { .. })));
    let last = format!("{child} pub fn somewhere() {{}}");
    files.pop();
    files.push((paths[29].as_str(), last.as_str()));
    assert_eq!(found(&files, "somewhere").unwrap().0, "crate::m29::somewhere");
}

#[test]
fn a_file_is_read_once_for_many_names() {
    let mods: String = (0..200).map(|number| format!("mod m{number};")).collect();
    let paths: Vec<String> = (0..200).map(|number| format!("/w/app/src/m{number}.rs")).collect();
    let mut files: Vec<(&str, &str)> =
        paths.iter().map(|path| (path.as_str(), "use crate::common::f; fn up() {}")).collect();
    let main = format!("mod common; {mods}");
    files.extend([("/w/app/Cargo.toml", MANIFEST), ("/w/app/src/main.rs", main.as_str())]);
    files.push(("/w/app/src/common.rs", "pub fn f() {}"));
    let (mut code, reads) = code(&files);
    let root = [PathBuf::from("/w/app/src/main.rs")];
    for path in &paths {
        let site = code.site(&root, Path::new(path), "up").expect("it is reached");
        let target = code.resolve(&site, &["f".to_owned()]).expect("it is found");
        code.item(&target).expect("it is read");
    }
    // A few times for each file, to see where it is; not once for each pair of files.
    let reads = reads.load(Ordering::Relaxed);
    assert!(reads < 6 * paths.len(), "{reads} reads of {} files", files.len());
}
