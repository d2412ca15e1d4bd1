//! Cargo asks for a build script where a package has `links`. There is nothing to build; but the guides,
//! whose programs are doc tests, are in the repository only, and not in what is published.

use std::path::Path;

fn main() {
    println!("cargo::rerun-if-changed=build.rs");
    println!("cargo::rustc-check-cfg=cfg(mongrate_guides)");
    let guide = Path::new("../docs/quick-start.md");
    if guide.exists() {
        println!("cargo::rerun-if-changed={}", guide.display());
        println!("cargo::rustc-cfg=mongrate_guides");
    }
}
