//! An app of migrations that might be read in two ways.

mongrate::link!(fixture_spellings);

#[tokio::main]
async fn main() -> std::process::ExitCode {
    mongrate::cli::main().await
}
