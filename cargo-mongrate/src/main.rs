//! The subcommand: cargo runs it as `cargo-mongrate mongrate …`.

fn main() -> std::process::ExitCode {
    cargo_mongrate::run(std::env::args_os())
}
