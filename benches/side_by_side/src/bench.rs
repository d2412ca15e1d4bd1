//! The context of a run: its arguments, server and tools.

use std::{path::PathBuf, time::Duration};

use mongodb::Client;

use crate::{
    args::Args,
    measure::Turns,
    paths::Paths,
    problem::Problem,
    report,
    section::{Measured, Section, Unit},
    tool::{Role, Tool, own_program::OwnProgram},
};

/// The context that every workload gets.
pub struct Bench {
    /// The arguments of the run.
    pub args: Args,
    /// The paths of the run.
    pub paths: Paths,
    /// The directory that results are written to.
    pub out: PathBuf,
    /// The URI of the server.
    pub uri: String,
    /// The client for everything around the measured processes.
    pub client: Client,
    /// The tools that are measured: the floor first, then Mongrate, then the peers.
    pub tools: Vec<Box<dyn Tool>>,
    /// A line for each peer that is not installed.
    pub missing: Vec<String>,
    /// The day and the machine of the run.
    pub measured: Measured,
}

impl Bench {
    /// The turns of a workload: this many runs, unless the arguments say otherwise.
    pub fn turns(&self, runs: u32) -> Turns {
        Turns {
            runs: self.args.runs_or(runs),
            budget: Duration::from_secs(self.args.budget),
            warm_up: true,
        }
    }

    /// Writes a section. Where only some cases are measured, the others stay.
    ///
    /// # Errors
    ///
    /// If a file cannot be written, or an existing file has another form.
    pub fn write(&self, section: Section) -> Result<(), Problem> {
        report::write(&self.out, section, !self.args.cases.is_empty())
    }

    /// The floor's program, for jobs that only some workloads have.
    pub fn floor(&self) -> OwnProgram {
        OwnProgram::floor(&self.paths)
    }

    /// The app's program, for jobs that only some workloads have.
    pub fn app(&self) -> OwnProgram {
        OwnProgram::mongrate(&self.paths)
    }

    /// The tools of others.
    pub fn peers(&self) -> impl Iterator<Item = &dyn Tool> {
        let peers = self.tools.iter().filter(|tool| tool.role() == Role::Peer);
        peers.map(AsRef::as_ref)
    }

    /// A section without rows, of a workload that runs the peers, too.
    pub fn section(&self, id: &str, title: &str, how: &str, unit: Unit) -> Section {
        Section { skipped: self.missing.clone(), ..self.own_section(id, title, how, unit) }
    }

    /// A section without rows, of a workload that runs no peers.
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
