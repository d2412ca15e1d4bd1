//! An app with two crates of migrations, as the guide `docs/in-your-app.md` has it.

mongrate::link!(fixture_billing, fixture_users);

#[tokio::main]
async fn main() -> std::process::ExitCode {
    mongrate::cli::main().await
}
