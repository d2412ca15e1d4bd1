//! `cargo run -p mongrate-tests --bin floors [src]`: how many imports lead from each folder of a
//! crate to each other one. Without an argument: of the crate `mongrate`.

use std::{path::PathBuf, process::ExitCode};

use mongrate_tests::layers;

fn main() -> ExitCode {
    let own = || PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../runtime/src");
    let src = std::env::args_os().nth(1).map_or_else(own, PathBuf::from);
    match layers::imports(&src) {
        Ok(imports) => {
            println!("{}", layers::table(&imports));
            for circle in layers::circles(&imports) {
                println!("circle: {}", circle.join(", "));
            }
            ExitCode::SUCCESS
        }
        Err(error) => {
            eprintln!("{}: {error}", src.display());
            ExitCode::FAILURE
        }
    }
}
