//! Cargo asks for a build script where a package has `links`. There is nothing to build.

#![expect(clippy::print_stdout, reason = "this is how a build script talks")]

fn main() {
    println!("cargo::rerun-if-changed=build.rs");
}
