//! A whole run: starts a server, finds the tools, runs the workloads, writes the report.

use chrono::Utc;
use mongodb::{Client, bson::doc};
use mongrate::embedded::Embedded;

use crate::{
    args::{Args, Workload},
    bench::Bench,
    install,
    paths::Paths,
    problem::Problem,
    report,
    section::{Measured, Section},
    tool::{Tool, own_program::OwnProgram, peers},
    workload,
};

/// Runs the workloads of the arguments, and reports them.
///
/// # Errors
///
/// If a process did not do its work, or the report cannot be written. Never because of a time.
pub async fn run(args: Args) -> Result<(), Problem> {
    let paths = Paths::find()?;
    if !args.no_build {
        paths.build(args.has_ten_thousand())?;
    }
    if args.install_peers {
        install::all(&paths);
    }
    // A private server, so that only the commands of the measured programs are counted.
    // It keeps its data in memory where it can, and would keep what was dropped for five minutes.
    let server = Embedded::builder()
        .private()
        .server_parameter("minSnapshotHistoryWindowInSeconds", 0)
        .start()
        .await?;
    let outcome = run_on(args, paths, &server).await;
    server.stop().await;
    outcome
}

async fn run_on(args: Args, paths: Paths, server: &Embedded) -> Result<(), Problem> {
    let client = Client::with_uri_str(server.uri()).await?;
    // A test's server has a cache of 256 MB, which is less than any server of an app has.
    let cache = doc! { "setParameter": 1, "wiredTigerEngineRuntimeConfig": "cache_size=2G" };
    client.database("admin").run_command(cache).await?;
    let about = client.database("admin").run_command(doc! { "buildInfo": 1 }).await?;
    let measured = Measured {
        date: Utc::now().format("%Y-%m-%d").to_string(),
        server: about.get_str("version")?.to_owned(),
        processors: std::thread::available_parallelism()?.get(),
        short: args.short || cfg!(debug_assertions),
    };
    let mut tools: Vec<Box<dyn Tool>> =
        vec![Box::new(OwnProgram::floor(&paths)), Box::new(OwnProgram::mongrate(&paths))];
    let (found, missing) = match args.no_peers || args.short {
        true => (Vec::new(), Vec::new()),
        false => peers::find(&paths),
    };
    tools.extend(found);
    let uri = server.uri().to_owned();
    let out = args.out.clone().unwrap_or_else(|| paths.scratch.join("results"));
    let bench = Bench { args, paths, out, uri, client, tools, missing, measured };
    for workload in bench.args.workloads() {
        let section = run_workload(&bench, workload).await?;
        report::show(&section);
        bench.write(section)?;
    }
    println!("tables, JSON and plots: {}", bench.out.display());
    Ok(())
}

async fn run_workload(bench: &Bench, workload: Workload) -> Result<Section, Problem> {
    match workload {
        Workload::Idle => workload::idle::run(bench).await,
        Workload::Apply => workload::apply::run(bench).await,
        Workload::Atomic => workload::apply::run_atomic(bench).await,
        Workload::Rollback => workload::rollback::run(bench).await,
        Workload::Processes => workload::processes::run(bench).await,
        Workload::Kill => workload::kill::run(bench).await,
        Workload::Read => workload::read::run(bench).await,
        Workload::Backfill => workload::backfill::run(bench).await,
        Workload::Changes => workload::changes::run(bench).await,
        Workload::Footprint => workload::footprint::run(bench),
    }
}
