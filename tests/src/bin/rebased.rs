//! The app whose migrations two branches added.

use fixture_rebased as _;

#[tokio::main]
async fn main() -> std::process::ExitCode {
    mongrate::cli::main().await
}
