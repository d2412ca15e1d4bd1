//! The same runner with a broken protocol: `CHAOS_MUTANT` says how. Only a build with
//! `--cfg mongrate_mutants` has it; see `runtime/src/protocol/mutant.rs`.

#[cfg(mongrate_mutants)]
fn main() -> std::process::ExitCode {
    mongrate_chaos::app::main()
}

#[cfg(not(mongrate_mutants))]
fn main() -> std::process::ExitCode {
    eprintln!("built without --cfg mongrate_mutants: there is nothing broken in here");
    std::process::ExitCode::from(70)
}
