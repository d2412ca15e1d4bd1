//! Migrates all tenants, and says which ones failed. With names of tenants: only these, which makes the
//! databases of new ones.
//!
//! ```sh
//! MONGODB_URI=mongodb://localhost cargo run -p mongrate-example-multi-tenant -- tenant_acme tenant_initech
//! MONGODB_URI=mongodb://localhost cargo run -p mongrate-example-multi-tenant
//! ```

use std::{env, process::ExitCode};

use mongrate::{Result, mongodb::Client};
use mongrate_example_multi_tenant::{migrate_all, tenants};

#[tokio::main]
#[expect(clippy::print_stdout, clippy::print_stderr, reason = "it is the program")]
async fn main() -> Result<ExitCode> {
    let uri = env::var("MONGODB_URI").unwrap_or_else(|_| "mongodb://localhost".to_owned());
    let client = Client::with_uri_str(uri).await?;
    let named: Vec<String> = env::args().skip(1).collect();
    let all = if named.is_empty() { tenants(&client).await? } else { named };

    let mut code = ExitCode::SUCCESS;
    for done in migrate_all(&client, all).await {
        match done.result {
            Ok(report) => println!("{}: {} applied", done.tenant, report.done().count()),
            Err(error) => {
                eprintln!("{}: {error}", done.tenant);
                code = ExitCode::from(error.kind().exit_code());
            }
        }
    }
    Ok(code)
}
