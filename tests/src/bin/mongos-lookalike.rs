//! Runs a command with `MONGODB_URI` set to a look-alike of a mongos, and ends with its exit code:
//! `mongos-lookalike cargo test …`.

use std::process::{Command, ExitCode};

use mongrate::embedded::Embedded;
use mongrate_tests::{between::Proxy, mongos::Mongos};

#[tokio::main]
async fn main() -> ExitCode {
    let mut arguments: Vec<_> = std::env::args_os().skip(1).rev().collect();
    let Some(program) = arguments.pop() else {
        eprintln!("usage: mongos-lookalike COMMAND [ARGUMENT…]");
        return ExitCode::from(64);
    };
    let server = Embedded::builder().test_commands().private().quiet(true).start().await;
    let server = match server {
        Ok(server) => server,
        Err(error) => {
            eprintln!("error: {error}");
            return ExitCode::from(69);
        }
    };
    let proxy = Proxy::start(&server.hosts()[0], Mongos).await;
    // With an option, as an embedded server's: tests add theirs.
    let uri = format!("mongodb://{}/?retryWrites=true", proxy.address);
    arguments.reverse();
    let ran = tokio::task::spawn_blocking(move || {
        Command::new(program).args(arguments).env("MONGODB_URI", uri).status()
    });
    let code = match ran.await {
        Ok(Ok(status)) => status.code().and_then(|code| u8::try_from(code).ok()).unwrap_or(1),
        Ok(Err(error)) => {
            eprintln!("error: the command could not be started: {error}");
            127
        }
        Err(_) => 70,
    };
    server.stop().await;
    ExitCode::from(code)
}
