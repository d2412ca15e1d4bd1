//! What the sources of this repository have in common, and no compiler checks.

use std::{fmt::Write as _, fs, path::Path};

use mongrate_tests::imports;

#[test]
fn imports_are_grouped_one_way() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..").canonicalize().unwrap();
    let files = imports::files(&root).unwrap();
    assert!(files.len() > 300, "all sources of the repository: {}", files.len());
    let mut faults = String::new();
    for file in files {
        let name = file.strip_prefix(&root).unwrap().display();
        let found = imports::faults(&fs::read_to_string(&file).unwrap());
        for fault in found.unwrap_or_else(|error| panic!("{name}: {error}")) {
            writeln!(faults, "{name}:{}: {}", fault.line, fault.what).unwrap();
        }
    }
    assert!(
        faults.is_empty(),
        "`cargo run -p mongrate-tests --bin imports` groups them:\n{faults}"
    );
}
