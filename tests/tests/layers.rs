//! The floors of `runtime/src`: none imports a higher one, each says what it imports, and no two
//! files of a crate can reach each other. No file is longer than a reader's patience.

use std::{
    fs,
    path::{Path, PathBuf},
};

use mongrate_tests::{
    imports,
    layers::{self, Import, floor},
};

/// From the ground up. A floor imports itself, and those below it.
const FLOORS: [&str; 9] =
    ["mongo", "model", "telemetry", "protocol", "kinds", "registry", "run", "verbs", "migrator"];

/// What stands on top, and which other faces each may import. Faces are the first users of the
/// public names: they alone may import through the crate's root.
const FACES: [(&str, &[&str]); 3] = [("http", &[]), ("cli", &["http"]), ("testing", &[])];

/// The crates, and the files of each that recurse into each other, which each of them says.
const CRATES: [(&str, &[&[&str]]); 6] = [
    ("runtime/src", &[]),
    ("seal/src", &[&["checksum/canonical.rs", "checksum/invocations.rs"]]),
    ("macros/src", &[]),
    ("embedded/src", &[]),
    ("cargo-mongrate/src", &[]),
    ("benches/side_by_side/src", &[]),
];

const LINES_MAX: usize = 600;

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..").canonicalize().unwrap()
}

fn of(source: &str) -> Vec<Import> {
    layers::imports(&root().join(source)).unwrap_or_else(|error| panic!("{source}: {error}"))
}

#[test]
fn no_floor_imports_a_higher_one() {
    let imports = of("runtime/src");
    assert!(imports.len() > 500, "all imports are seen: {}", imports.len());
    let wrong: Vec<String> = imports.iter().filter(|import| !may(import)).map(shown).collect();
    assert!(wrong.is_empty(), "imports of a higher floor:\n{}", wrong.join("\n"));
}

#[test]
fn no_floor_imports_through_the_root() {
    let mut wrong = Vec::new();
    let src = root().join("runtime/src");
    for path in layers::files(&src).unwrap() {
        let file = path.strip_prefix(&src).unwrap().to_string_lossy().into_owned();
        if !FLOORS.contains(&floor(&file)) {
            continue;
        }
        let text = fs::read_to_string(&path).unwrap();
        for (number, name) in layers::names_of_the_root(&text).unwrap() {
            let is_below = FLOORS.contains(&name.as_str());
            if !is_below {
                wrong.push(format!("runtime/src/{file}:{number}: `crate::{name}`"));
            }
        }
    }
    assert!(wrong.is_empty(), "names of the root hide what is imported:\n{}", wrong.join("\n"));
}

#[test]
fn each_floor_says_what_it_imports() {
    for (at, floor) in FLOORS.iter().enumerate() {
        let wanted = match &FLOORS[..at] {
            [] => "//! Imports no other floor.".to_owned(),
            below => format!("//! Imports: {}.", below.join(", ")),
        };
        let file = root().join("runtime/src").join(floor).join("mod.rs");
        let text = fs::read_to_string(&file).unwrap();
        assert!(
            text.lines().any(|line| line == wanted),
            "runtime/src/{floor}/mod.rs does not say `{wanted}`"
        );
    }
}

#[test]
fn every_file_is_on_a_floor() {
    let alone = ["lib.rs", "sizes.rs"];
    let src = root().join("runtime/src");
    for path in layers::files(&src).unwrap() {
        let file = path.strip_prefix(&src).unwrap().to_string_lossy().into_owned();
        let is_known = FLOORS.contains(&floor(&file))
            || FACES.iter().any(|(face, _)| *face == floor(&file))
            || alone.contains(&file.as_str());
        assert!(is_known, "runtime/src/{file} is on no floor, and is no face");
    }
}

#[test]
fn no_files_reach_each_other() {
    for (source, known) in CRATES {
        let imports = of(source);
        let circles = layers::circles(&imports);
        let is_new = |circle: &&Vec<String>| !known.iter().any(|known| circle.as_slice() == *known);
        let unknown = circles.iter().find(is_new);
        if let Some(circle) = unknown {
            let inside =
                |import: &&Import| circle.contains(&import.from) && circle.contains(&import.to);
            let ties: Vec<String> = imports.iter().filter(inside).map(shown).collect();
            panic!("files of {source} reach each other:\n{}", ties.join("\n"));
        }
        assert_eq!(circles.len(), known.len(), "{source}: a known circle is gone");
    }
}

#[test]
fn no_file_outgrows_its_name() {
    let root = root();
    let long = imports::files(&root).unwrap().into_iter().filter_map(|path| {
        let lines = fs::read_to_string(&path).unwrap().lines().count();
        let name = path.strip_prefix(&root).unwrap().display().to_string();
        (lines > LINES_MAX).then(|| format!("{name}: {lines} lines"))
    });
    let long: Vec<String> = long.collect();
    assert!(long.is_empty(), "more than {LINES_MAX} lines:\n{}", long.join("\n"));
}

fn may(import: &Import) -> bool {
    let height = |name: &str| FLOORS.iter().position(|floor| *floor == name);
    let face = |name: &str| FACES.iter().find(|(face, _)| *face == name);
    let (from, to) = (floor(&import.from), floor(&import.to));
    match (height(from), height(to)) {
        (Some(own), Some(other)) => other <= own,
        (Some(_), None) => false,
        // A face, or the root.
        (None, Some(_)) => true,
        (None, None) => {
            from == to
                || face(to).is_none()
                || from == "lib"
                || from == "sizes"
                || face(from).is_some_and(|(_, others)| others.contains(&to))
        }
    }
}

fn shown(import: &Import) -> String {
    let Import { from, line, to, name } = import;
    format!("{from}:{line} imports `{name}` of {to}")
}
