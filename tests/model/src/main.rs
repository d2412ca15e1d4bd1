//! Checks the large models, or prints how each weaker protocol fails.
//!
//! ```sh
//! cargo run --release -p mongrate-model             # everything large; takes long
//! cargo run --release -p mongrate-model -- small    # what `cargo test` checks
//! cargo run --release -p mongrate-model -- large 3  # the fourth of the large ones
//! cargo run --release -p mongrate-model -- mutants  # the counterexamples
//! ```
#![expect(clippy::print_stdout, reason = "what it is for")]

use std::{process::ExitCode, time::Instant};

use mongrate_model::{
    properties::{check, check_until},
    scopes,
    story::explain,
    world::Scope,
};

fn main() -> ExitCode {
    let mut words = std::env::args().skip(1);
    let which = words.next().unwrap_or_else(|| "large".to_owned());
    let only: Option<usize> = words.next().and_then(|word| word.parse().ok());
    match which.as_str() {
        "small" => all(&scopes::small(), only),
        "large" => all(&scopes::large(), only),
        "mutants" => mutants(),
        other => {
            println!("`{other}` is none of small, large, mutants");
            ExitCode::FAILURE
        }
    }
}

fn all(scopes: &[Scope], only: Option<usize>) -> ExitCode {
    let threads = std::thread::available_parallelism().map_or(1, usize::from);
    let (mut total, mut code) = (0, ExitCode::SUCCESS);
    for (index, scope) in scopes.iter().enumerate() {
        if only.is_some_and(|only| only != index) {
            continue;
        }
        let begun = Instant::now();
        let verdict = check(scope, threads);
        total += verdict.states;
        println!(
            "{index:>2}. {:>11} states, {:>3} deep, {:>5} s: {scope}",
            verdict.states,
            verdict.depth,
            begun.elapsed().as_secs()
        );
        for (property, actions) in &verdict.broken {
            println!("breaks `{property}`:\n{}", explain(scope, actions));
            code = ExitCode::FAILURE;
        }
    }
    println!("    {total:>11} states in all");
    code
}

fn mutants() -> ExitCode {
    let mut code = ExitCode::SUCCESS;
    for (scope, property) in scopes::mutants() {
        let verdict = check_until(&scope, property);
        match verdict.broken.iter().find(|(name, _)| *name == property) {
            Some((_, actions)) => {
                let text = explain(&scope, actions);
                println!("{:?} breaks `{property}`:\n{text}", scope.protocol);
            }
            None => {
                println!("{:?} keeps `{property}`", scope.protocol);
                code = ExitCode::FAILURE;
            }
        }
    }
    code
}
