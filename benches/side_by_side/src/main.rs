//! `cargo run --release -p mongrate-bench -- [--only idle,apply] [--runs 20] [--short]
//! [--out docs/performance]`

use std::process::ExitCode;

use clap::Parser as _;
use mongrate_bench::{args::Args, run};

#[tokio::main]
async fn main() -> ExitCode {
    match run::run(Args::parse()).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(problem) => {
            eprintln!("mongrate-bench: {problem}");
            ExitCode::FAILURE
        }
    }
}
