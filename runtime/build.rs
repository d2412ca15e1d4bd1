//! Cargo asks for a build script where a package has `links`. There is nothing to build.

fn main() {
    println!("cargo::rerun-if-changed=build.rs");
}
