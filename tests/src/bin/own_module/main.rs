//! An app with migrations in its own `mod migrations`, as the quick start has it.

mod migrations;

#[tokio::main]
async fn main() -> std::process::ExitCode {
    mongrate::cli::main().await
}
