//! One run: a server, the tools, the workloads, the report.

use std::time::Duration;

use chrono::Utc;
use mongodb::{Client, bson::doc};
use mongrate::embedded::Embedded;

use crate::{
    Problem,
    args::{Args, Workload},
    install,
    measure::Turns,
    place::Place,
    report,
    section::{Measured, Section, Unit},
    tool::{Role, Tool, own::Own, peer},
    workload,
};

/// What every workload needs.
pub struct Bench {
    /// What is asked for.
    pub args: Args,
    /// Where things lie.
    pub place: Place,
    /// The server.
    pub uri: String,
    /// For what is done around the measured processes.
    pub client: Client,
    /// What is measured, the floor and Mongrate first.
    pub tools: Vec<Box<dyn Tool>>,
    /// The peers that are not here, and why.
    pub missing: Vec<String>,
    measured: Measured,
}

impl Bench {
    /// Runs what is asked for, and reports it.
    ///
    /// # Errors
    ///
    /// When a process did not do its work, or the report cannot be written. Never for a time.
    pub async fn run(args: Args) -> Result<(), Problem> {
        let place = Place::find()?;
        if !args.no_build {
            place.build()?;
        }
        if args.install_peers {
            install::all(&place);
        }
        // Nobody else's commands are to be counted.
        let server = Embedded::builder().private().start().await?;
        let outcome = Self::on(args, place, &server).await;
        server.stop().await;
        outcome
    }

    async fn on(args: Args, place: Place, server: &Embedded) -> Result<(), Problem> {
        let client = Client::with_uri_str(server.uri()).await?;
        let about = client.database("admin").run_command(doc! { "buildInfo": 1 }).await?;
        let measured = Measured {
            date: Utc::now().format("%Y-%m-%d").to_string(),
            server: about.get_str("version")?.to_owned(),
            processors: std::thread::available_parallelism()?.get(),
            short: args.short || cfg!(debug_assertions),
        };
        let mut tools: Vec<Box<dyn Tool>> =
            vec![Box::new(Own::floor(&place)), Box::new(Own::mongrate(&place))];
        let (peers, missing) = match args.no_peers || args.short {
            true => (Vec::new(), Vec::new()),
            false => peer::find(&place),
        };
        tools.extend(peers);
        let uri = server.uri().to_owned();
        let bench = Self { args, place, uri, client, tools, missing, measured };
        let out = bench.args.out.clone();
        let out = out.unwrap_or_else(|| bench.place.scratch.join("results"));
        for workload in bench.args.workloads() {
            let section = bench.workload(workload).await?;
            report::show(&section);
            report::write(&out, section)?;
        }
        println!("tables, JSON and plots: {}", out.display());
        Ok(())
    }

    async fn workload(&self, workload: Workload) -> Result<Section, Problem> {
        match workload {
            Workload::Idle => workload::idle::run(self).await,
            Workload::Apply => workload::apply::run(self).await,
            Workload::Atomic => workload::apply::run_atomic(self).await,
            Workload::Rollback => workload::rollback::run(self).await,
            Workload::Processes => workload::processes::run(self).await,
            Workload::Kill => workload::kill::run(self).await,
            Workload::Read => workload::read::run(self).await,
            Workload::Backfill => workload::backfill::run(self).await,
            Workload::Footprint => workload::footprint::run(self),
        }
    }

    /// How often things are run, unless somebody said.
    pub fn turns(&self, runs: u32) -> Turns {
        Turns {
            runs: self.args.runs_or(runs),
            budget: Duration::from_secs(self.args.budget),
            warm_up: true,
        }
    }

    /// The floor's program, for the jobs that only some workloads have.
    pub fn floor(&self) -> Own {
        Own::floor(&self.place)
    }

    /// The app's, likewise.
    pub fn app(&self) -> Own {
        Own::mongrate(&self.place)
    }

    /// The tools of others.
    pub fn peers(&self) -> impl Iterator<Item = &dyn Tool> {
        let peers = self.tools.iter().filter(|tool| tool.role() == Role::Peer);
        peers.map(AsRef::as_ref)
    }

    /// A section without rows, of a workload that other tools have part in.
    pub fn section(&self, id: &str, title: &str, how: &str, unit: Unit) -> Section {
        Section { skipped: self.missing.clone(), ..self.own_section(id, title, how, unit) }
    }

    /// The same, of one without.
    pub fn own_section(&self, id: &str, title: &str, how: &str, unit: Unit) -> Section {
        Section {
            id: id.to_owned(),
            title: title.to_owned(),
            how: how.to_owned(),
            measured: self.measured.clone(),
            unit,
            rows: Vec::new(),
            skipped: Vec::new(),
        }
    }
}
